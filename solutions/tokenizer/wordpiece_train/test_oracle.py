"""No library trains WordPiece by likelihood: the `WordPieceTrainer` of HF tokenizers merges by frequency. So the
reference is held against the worked numbers of the Hugging Face course (chapter 6, "WordPiece tokenization"), and against
a brute force written from the definition in another way: the corpus written out word by word, every piece a stretch of
its word."""

import ast
import math
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

HUG = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}


class Corpus:
    """Every word as often as it occurs, each with the positions where it is cut."""

    def __init__(self, word_counts):
        self.words = [word for word, n in word_counts.items() for _ in range(n) if word]
        self.cuts = [list(range(len(word) + 1)) for word in self.words]

    def pieces(self, k):
        word, cuts = self.words[k], self.cuts[k]
        return [("##" * (i > 0)) + word[i:j] for i, j in pairwise(cuts)]

    def scores(self):
        """Pair -> (score, count), by searching the whole text for every pair in it."""
        text = [self.pieces(k) for k in range(len(self.words))]
        tokens = [piece for pieces in text for piece in pieces]
        pairs = [(pieces[i - 1], pieces[i]) for pieces in text for i in range(1, len(pieces))]
        return {
            (a, b): (Fraction(pairs.count((a, b)), tokens.count(a) * tokens.count(b)), pairs.count((a, b)))
            for a, b in set(pairs)
        }

    def merge(self, a, b):
        """Take the cut between a and b out of each word, starting again from the left after each."""
        for k in range(len(self.words)):
            done = 0  # cuts before this one are settled
            while True:
                pieces = self.pieces(k)
                places = [i for i in range(done, len(pieces) - 1) if (pieces[i], pieces[i + 1]) == (a, b)]
                if not places:
                    break
                del self.cuts[k][places[0] + 1]
                done = places[0] + 1

    def vocabulary(self):
        return {piece for k in range(len(self.words)) for piece in self.pieces(k)}


def brute_force(word_counts, num_merges):
    corpus = Corpus(word_counts)
    merges, vocabulary = [], corpus.vocabulary()
    while len(merges) < num_merges and (scores := corpus.scores()):
        top = max(scores.values())  # the highest score, among these the highest count
        pair = sorted(pair for pair, value in scores.items() if value == top)[0]
        corpus.merge(*pair)
        merges.append(pair)
        vocabulary |= corpus.vocabulary()
    return merges, vocabulary


def random_corpora(n, seed):
    rng = random.Random(seed)
    for _ in range(n):
        alphabet = rng.choice(["ab", "abc", "abcdefgh", "a#b", "日本é"])
        words = {"".join(rng.choices(alphabet, k=rng.randint(1, 7))).lstrip("#") for _ in range(rng.randint(1, 6))}
        yield {word: rng.randint(1, 6) for word in sorted(words)}, rng.randint(0, 8)


def test_first_merge_and_scores_of_the_hugging_face_course(reference):
    assert reference.train_wordpiece(HUG, 1)[0] == [("##g", "##s")]
    scores = Corpus(HUG).scores()
    assert scores.pop(("##g", "##s")) == (Fraction(1, 20), 5)
    assert {score for score, _ in scores.values()} == {Fraction(1, 36)}
    assert scores["##u", "##g"] == (Fraction(1, 36), 20)  # the most frequent pair: BPE's choice


def test_the_course_merges_another_pair_of_the_same_score(reference):
    """After (##g, ##s) every score is 1/36. The course goes on with the first pair, (h, ##u); we take the most frequent."""
    corpus = Corpus(HUG)
    corpus.merge("##g", "##s")
    scores = corpus.scores()
    assert {score for score, _ in scores.values()} == {Fraction(1, 36)}
    assert reference.train_wordpiece(HUG, 2)[0][1] == max(scores, key=scores.get) == ("p", "##u")
    corpus.merge("h", "##u")  # as in the course: 1/15 for (hu, ##gs); for (hu, ##g) it is 10/(15·15), not 1/15
    scores = corpus.scores()
    assert scores["hu", "##gs"] == (Fraction(1, 15), 5)
    assert scores["hu", "##g"] == (Fraction(2, 45), 10)
    assert scores["p", "##u"][0] == scores["##u", "##n"][0] == Fraction(1, 21)


@pytest.mark.parametrize("num_merges", [0, 1, 4, 9, 20])
def test_brute_force_on_the_course_corpus(reference, num_merges):
    assert reference.train_wordpiece(HUG, num_merges) == brute_force(HUG, num_merges)


def test_brute_force_on_random_corpora(reference):
    for word_counts, num_merges in random_corpora(250, seed=1):
        assert reference.train_wordpiece(word_counts, num_merges) == brute_force(word_counts, num_merges), word_counts


def test_frequency_is_another_choice(reference):
    """HF's trainer, on the same corpus, merges the most frequent pair first."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    text = " ".join(word for word, n in HUG.items() for _ in range(n))
    trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=40, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)  # in the order of learning
    merged = [token for token in vocabulary if len(token.removeprefix("##")) > 1 and token != "[UNK]"]
    assert merged[0] == "##ug"
    assert reference.train_wordpiece(HUG, 1)[1] - reference.train_wordpiece(HUG, 0)[1] == {"##gs"}


def test_scale_and_order_do_not_matter(reference):
    for word_counts, num_merges in random_corpora(60, seed=2):
        want = reference.train_wordpiece(word_counts, num_merges)
        items = list(word_counts.items())
        random.Random(3).shuffle(items)
        assert reference.train_wordpiece({word: 1000 * n for word, n in items}, num_merges) == want


def test_gain_is_the_log_of_the_score_times_the_number_of_tokens(reference):
    for word_counts, _ in random_corpora(60, seed=4):
        corpus = Corpus(word_counts)
        tokens = [piece for k in range(len(corpus.words)) for piece in corpus.pieces(k)]
        token_counts = {token: tokens.count(token) for token in tokens}
        pair_counts = {pair: n for pair, (_, n) in corpus.scores().items()}
        for (a, b), (score, _) in corpus.scores().items():
            gain = reference.unigram_loglik_gain(a, b, token_counts, pair_counts)
            assert gain == pytest.approx(math.log(score * len(tokens)), abs=1e-12)
        assert reference.unigram_loglik_gain("no", "pair", token_counts, pair_counts) == -math.inf


def test_gain_is_a_difference_of_log_likelihoods(reference):
    """Write one x, ##y as z: the sum of log P over the text changes by the gain."""
    p = {"x": 3 / 20, "##y": 5 / 20, "##z": 12 / 20, "x##y": 2 / 20}
    before, after = ["x", "##y", "##z", "x", "##z"], ["x##y", "##z", "x", "##z"]
    change = math.log(math.prod(p[t] for t in after)) - math.log(math.prod(p[t] for t in before))
    gain = reference.unigram_loglik_gain("x", "##y", {"x": 3, "##y": 5, "##z": 12}, {("x", "##y"): 2})
    assert gain == pytest.approx(change, abs=1e-12)


# What a student may compute as a score: c = count(ab), a, b, the number of tokens n, and of pairs m.
FLOATS = [
    lambda c, a, b, n, m: c / (a * b),
    lambda c, a, b, n, m: c / a / b,
    lambda c, a, b, n, m: math.log(c) - math.log(a) - math.log(b),
    lambda c, a, b, n, m: math.log(c) - (math.log(a) + math.log(b)),
    lambda c, a, b, n, m: math.log2(c) - math.log2(a) - math.log2(b),
    lambda c, a, b, n, m: math.log(c / (a * b)),
    lambda c, a, b, n, m: (c / n) / ((a / n) * (b / n)),
    lambda c, a, b, n, m: (c / m) / ((a / n) * (b / n)),
    lambda c, a, b, n, m: math.log(c / n) - math.log(a / n) - math.log(b / n),
    lambda c, a, b, n, m: math.log(c / n) - (math.log(a / n) + math.log(b / n)),
    lambda c, a, b, n, m: math.log(c) + math.log(n) - math.log(a) - math.log(b),
]


def corpora_of_the_checks():
    """The word counts and number of merges of every case in checks.py."""
    tree = ast.parse(Path(__file__).with_name("checks.py").read_text(encoding="utf-8"))
    named = {n.targets[0].id: ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "case":
            given = {k.arg: k.value for k in node.keywords}
            words = given.get("words", given.get("word_counts"))
            if words is not None:
                words = named[words.id] if isinstance(words, ast.Name) else ast.literal_eval(words)
                scale = given["scale"].value if "scale" in given else 1
                merges = given["num_merges"].value if "num_merges" in given else 0
                yield {word: n * scale for word, n in words.items()}, merges


def test_rounding_decides_no_check(reference, monkeypatch):
    """Scores as floats, in any of the usual forms, give the same merges on all corpora of the checks."""
    corpora = list(corpora_of_the_checks())
    assert len(corpora) > 20
    wanted = [reference.train_wordpiece(*corpus) for corpus in corpora]
    for score in FLOATS:

        def best_pair(tokens, pairs, score=score):
            n, m = sum(tokens.values()), sum(pairs.values())
            return min(pairs, key=lambda p: (-score(pairs[p], tokens[p[0]], tokens[p[1]], n, m), -pairs[p], p))

        monkeypatch.setattr(reference, "best_pair", best_pair)
        assert [reference.train_wordpiece(*corpus) for corpus in corpora] == wanted
