"""cot/self_consistency against recorded answers that were read by hand, a second reader in another style, the script of GSM8K, and the filters of
lm-eval."""

import json
import math
import random
import re
from collections import Counter
from decimal import Decimal, localcontext
from itertools import permutations
from pathlib import Path

import pytest

from autograder.lab.recorded import STYLES, recorded

READINGS = json.loads(Path(__file__).with_name("readings.json").read_text(encoding="utf-8"))
"""For each style what stands as the answer in each recorded text, and its normalized form, read by hand."""


@pytest.mark.parametrize("style", STYLES)
def test_recorded_answers(reference, style):
    """Each of the recorded texts has the answer that was written down beside it by hand."""
    texts = recorded(style)
    assert len(texts) > 100 and recorded(style, 3, 9) == texts[3:9]
    for text, (answer, value) in zip(texts, READINGS[style], strict=True):
        assert reference.extract_answer(text, style) == answer, text
        if answer is not None:
            assert reference.normalize_number(answer) == value, answer


def numbers_of(text):
    """All numbers with their places, the longest first at each place: candidates are tried from the longest to the shortest."""
    whole = re.compile(r"[0-9]+|[0-9]{1,3}(,[0-9]{3})+")

    def is_body(s, after):
        if re.fullmatch(r"\\[dt]?frac\{[0-9]+\}\{[0-9]+\}", s):
            return 3
        if "/" in s:
            return 2 if re.fullmatch(r"[0-9]+/[0-9]+", s) else 0
        a, dot, b = s.partition(".")
        if dot and not re.fullmatch("[0-9]+", b):
            return 0
        if (a and not whole.fullmatch(a)) or not (a or b):
            return 0
        return 0 if "," in a and not dot and re.match("[0-9]", after) else 1

    found, i = [], 0
    while i < len(text):
        best = None
        for lead in ("", text[i : i + 1], text[i : i + 2]):
            money, minus = sum(c in "$€£¥" for c in lead), sum(c in "-−" for c in lead)
            if len(lead) != money + minus or money > 1 or minus > 1:
                continue
            start = i + len(lead)
            for end in range(min(len(text), start + 40), start, -1):
                if rank := is_body(text[start:end], text[end : end + 1]):
                    best = max(best or (0, 0), (rank, end))
        if best:
            found.append(text[i : best[1]])
            i = best[1]
        else:
            i += 1
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_second_reader(reference, seed):
    """Random texts of the characters that matter; the reader tries every substring."""
    rng = random.Random(seed)
    pieces = ["1", "23", "456", "7890", ",", ",", ".", "/", "-", "−", "$", "€", " ", "%", r"\frac{1}{2}", r"\dfrac{30}{4}", "x", "{", "}", "0"]
    for _ in range(120):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(1, 9)))
        want = numbers_of(text)
        assert reference.extract_answer("The answer is " + text, "phrase") == (want[0] if want else None), text


@pytest.mark.parametrize("style", ["hash"])
def test_scripts_of_gsm8k(reference, style):
    """Its regular expression, which lm-eval uses too, finds the same value wherever it finds a sound number."""
    pattern, agreed = re.compile(r"#### (\-?[0-9\.\,]+)"), 0
    for text in recorded(style):
        theirs = pattern.search(text)
        ours = reference.extract_answer(text, style)
        if theirs and ours and text.index("####") == theirs.start() and re.fullmatch(r"-?\d{1,3}(,\d{3})*|-?\d+(\.\d+)?", theirs[1]) and "/" not in ours:
            assert reference.normalize_number(theirs[1].replace(",", "")) == reference.normalize_number(ours)
            agreed += 1
    assert agreed > 25


# The regular expressions of lm-eval's tasks gsm8k and gsm8k-cot-self-consistency. The second task takes the first match; here the last one counts.
FILTERS = {"hash": {}, "phrase": {"regex_pattern": r"The answer is (\-?[0-9\.\,]*[0-9]+)", "group_select": -1}}


def read_by_the_harness(filters, style):
    """Recorded texts that give one answer, a sound number and no fraction, and what lm-eval's RegexFilter finds in them."""
    texts = recorded(style)
    (found,) = filters.extraction.RegexFilter(**FILTERS[style]).apply([texts], [])
    for text, answer in zip(texts, found, strict=True):
        sound = re.fullmatch(r"-?\d{1,3}(,\d{3})*|-?\d+(\.\d+)?", answer) and f"{answer}/" not in text
        if sound and len(re.findall("####|answer is|答案", text)) == 1:
            yield text, answer


@pytest.mark.slow  # every night only: lm-eval comes with the extra `trainers`
@pytest.mark.parametrize("style", FILTERS)
def test_filters_of_the_harness(reference, style):
    filters = pytest.importorskip("lm_eval.filters")
    pairs = list(read_by_the_harness(filters, style))
    assert len(pairs) > 25
    for text, answer in pairs:
        assert reference.extract_answer(text, style) == answer, text


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 5, 8])
@pytest.mark.parametrize("style", FILTERS)
def test_votes_of_the_harness(reference, style, k):
    """maj@k: of ten texts to each question the first k, what the regular expression finds in them, and the commonest of that."""
    filters = pytest.importorskip("lm_eval.filters")
    pairs = [(text, answer) for text, answer in read_by_the_harness(filters, style) if reference.normalize_number(answer) == answer]
    rng = random.Random(k)
    questions = [[rng.choice(some)[0] for _ in range(10)] for some in (rng.sample(pairs, rng.randint(1, 4)) for _ in range(60))]
    theirs = questions
    for each in (
        filters.selection.TakeKFilter(k=k),
        filters.extraction.RegexFilter(**FILTERS[style]),
        filters.selection.MajorityVoteFilter(),
        filters.selection.TakeFirstFilter(),
    ):
        theirs = each.apply(theirs, [])
    assert [reference.self_consistency(texts[:k], style)[0] for texts in questions] == list(theirs)


@pytest.mark.slow
def test_in_the_harness_a_text_without_an_answer_votes(reference):
    """There "[invalid]" is an answer like others, and may win; here such a text has no vote."""
    filters = pytest.importorskip("lm_eval.filters")
    texts = ["No idea.", "#### 7", "Who knows?"]
    (found,) = filters.extraction.RegexFilter().apply([texts], [])
    assert found == ["[invalid]", "7", "[invalid]"]
    assert list(filters.selection.MajorityVoteFilter().apply([found], [])) == [["[invalid]"]]
    assert reference.self_consistency(texts, "hash") == ("7", pytest.approx(1 / 3))


@pytest.mark.parametrize("seed", range(3))
def test_numbers_against_decimals(reference, seed):
    rng = random.Random(seed)
    with localcontext() as context:
        context.prec = 60
        for _ in range(200):
            value = rng.randint(-(10**9), 10**9), rng.randint(0, 4)
            number = Decimal(value[0]).scaleb(-value[1])
            for text in (f"{number:f}", f"{number:,f}", f"{number:,.6f}", f"${number:,f}".replace("$-", "-$"), f"{number:f}%"):
                p, q = number.as_integer_ratio()
                assert reference.normalize_number(text) == (f"{p}/{q}" if q > 1 else f"{p}"), text


@pytest.mark.parametrize("votes", [["1", "2", "1", None], ["a", "b", None], ["x"], [None], ["3", "3", "4", "4"]])
def test_votes_in_every_order(reference, votes):
    for order in permutations(votes):
        counter = Counter(each for each in order if each is not None)
        want = counter.most_common(1)[0][0] if counter else None
        assert reference.majority(list(order)) == want
        assert reference.weighted_vote(list(order), [[-1.5, -0.5]] * len(order))[0] == want
        assert reference.complexity_vote([("step\nstep", each) for each in order], len(order)) == want


@pytest.mark.parametrize("normalize", [True, False])
def test_weights_as_equation_1(reference, normalize):
    rng = random.Random(7)
    for _ in range(50):
        answers = [rng.choice(["1", "2", "3", None]) for _ in range(8)]
        logps = [[-rng.random() for _ in range(rng.randint(1, 6))] for _ in range(8)]
        weight = [math.prod(map(math.exp, each)) ** (1 / len(each) if normalize else 1) for each in logps]
        sums = {a: sum(w for b, w in zip(answers, weight, strict=True) if a == b) for a in answers if a is not None}
        best = max(sums, key=sums.get, default=None)
        found = reference.weighted_vote(answers, logps, normalize)
        assert found[0] == best and found[1] == pytest.approx(sums[best] / sum(sums.values()) if sums else 0.0)


@pytest.mark.parametrize("k", [1, 2, 4, 9])
def test_complexity_by_ranks(reference, k):
    """A text votes if fewer than k texts come before it: those with more steps, and earlier ones with as many."""
    rng = random.Random(k)
    for _ in range(60):
        paths = [("\n".join("ab"[: rng.randint(0, 1)] for _ in range(rng.randint(1, 5))), rng.choice(["1", "2", None])) for _ in range(7)]
        steps = [len([line for line in text.splitlines() if line]) for text, _ in paths]
        able = [i for i in range(7) if paths[i][1] is not None]
        voters = [i for i in able if sum((steps[j], -j) > (steps[i], -i) for j in able) < k]
        counter = Counter(paths[i][1] for i in voters)
        assert reference.complexity_vote(paths, k) == (counter.most_common(1)[0][0] if counter else None)


def test_the_prompts_of_kojima(reference):
    """Figure 2 of the paper, in the words of its code; there a space stands before the second line break."""
    seen = []
    assert reference.zero_shot_cot(lambda prompt: seen.append(prompt) or "There are 2. Or 3.", "How many?") == "2"
    assert seen[0] == "Q: How many?\nA: Let's think step by step."
    assert seen[1] == seen[0] + " There are 2. Or 3." + "\nTherefore, the answer (arabic numerals) is"
