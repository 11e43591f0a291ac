"""The hosted exam: a token is told after its prediction, what was predicted stays, and who cheats has only worse marks."""

import math

import pytest
import torch

from autograder.checks.declared import Rejection
from autograder.checks.rng import Rng
from autograder.experiment import hosted_here
from autograder.experiment.observe import Implementation, load_module
from autograder.lab.exam import Exam, Language, loss_of, mean_loss, pieces_of, unfinished
from autograder.lab.hosting import Host, parts
from autograder.lab.together import local
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.values import Lab

TOKENS = [3, 1, 4, 1, 0, 2, 2, 4]
MADE = {"tokens": TOKENS, "given": 2, "vocab": 5, "best": 0.5}


def sure_of(token, by=50.0):
    logits = torch.zeros(5)
    logits[token] = by
    return logits


def loss(exam):
    """What the predictions lost in all."""
    return exam.record()[0]["loss"]


@pytest.fixture
def exam():
    return Exam(**MADE)


@pytest.fixture
def sitting(exam):
    return local("exam", exam)


def test_a_token_is_told_for_the_logits_of_its_prediction(exam, sitting):
    assert (sitting.prompt, sitting.length) == ((3, 1), 6)
    assert [sitting.next(torch.zeros(5)) for _ in range(6)] == TOKENS[2:]
    assert unfinished(exam.record(), MADE) is None
    assert mean_loss(exam.record()) == pytest.approx(math.log(5))
    with pytest.raises(IndexError, match="all 6 tokens are told"):
        sitting.next(torch.zeros(5))


def test_an_end_holds_no_token_beyond_the_prompt(exam):
    """What goes into the worker is the prompt and a number."""
    (blob,) = Host(encode({"exam": Lab("exam", MADE), "vocab": 5})).inputs()
    given = decode(blob)
    assert given["exam"].arguments == {"kind": "exam", "prompt": [3, 1], "length": 6}


def test_the_loss_is_the_one_of_the_logits_in_float64(exam, sitting):
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    for dtype, each in zip(3 * [torch.float32, torch.float64], logits, strict=True):
        sitting.next(each.to(dtype))
    want = torch.nn.functional.cross_entropy(logits.double(), torch.tensor(TOKENS[2:])).item()
    assert mean_loss(exam.record()) == pytest.approx(want, rel=1e-12)


def test_pieces_are_kept_each_for_itself():
    exam = Exam(**MADE, pieces=[1, 3, 2], notes=[True, False])
    sitting = local("exam", exam)
    assert (sitting.prompt, sitting.length) == ((3, 1), 6)  # neither pieces nor notes are told
    for _ in range(2):
        sitting.next(torch.zeros(5))
    sitting.next(sure_of(TOKENS[4], 2.0))
    assert pieces_of(exam.record()) == pytest.approx([math.log(5)])  # the second one is not over
    for _ in range(3):
        sitting.next(torch.zeros(5))
    third = loss_of(sure_of(TOKENS[4], 2.0), TOKENS[4])
    assert pieces_of(exam.record()) == pytest.approx([math.log(5), 2 * math.log(5) + third, 2 * math.log(5)])
    assert sum(pieces_of(exam.record())) == pytest.approx(loss(exam))


@pytest.mark.parametrize("pieces", [[1, 3], [6, 0], [7], [-1, 7]])
def test_pieces_are_as_long_as_what_is_asked(pieces):
    with pytest.raises(ValueError, match="together as long"):
        Exam(**MADE, pieces=pieces)


def test_without_pieces_none_are_kept(exam):
    assert "pieces" not in exam.record()[0]


# --- attacks ---------------------------------------------------------------------------------------------------------


def test_who_peeks_has_predicted(exam, sitting):
    """Asks with nothing to see what comes, and hands over the sure prediction too late: it counts for the token after."""
    for _ in range(3):
        token = sitting.next(torch.zeros(5))
        sitting.next(sure_of(token))
    assert exam.record()[0]["tokens"] == TOKENS[2:]
    assert mean_loss(exam.record()) > math.log(5)


def test_what_was_handed_over_can_not_be_changed(exam, sitting):
    logits = torch.zeros(5)
    for _ in range(6):
        token = sitting.next(logits)
        logits.copy_(sure_of(token))  # now that it is known
    assert loss(exam) >= math.log(5)
    with_hindsight = [loss_of(sure_of(t), t) for t in TOKENS[2:]]
    assert sum(with_hindsight) < 1e-9 < 5 < mean_loss(exam.record())


def test_only_next_can_be_asked_for(exam):
    for method, arguments in (
        ("tokens", []),
        ("next", []),
        ("next", [torch.zeros(5), 1]),
        ("record", []),
        ("call", [0]),
    ):
        with pytest.raises(ValueError, match="is not called like this"):
            exam.call(0, method, arguments)
    assert exam.record() == [{"tokens": [], "loss": 0.0, "not finite": None}]


@pytest.mark.parametrize(
    "logits, error, message",
    [
        (torch.zeros(1, 5), ValueError, r"floats \(5,\), not float32 \(1, 5\)"),
        (torch.zeros(4), ValueError, r"not float32 \(4,\)"),
        (torch.tensor(0.0), ValueError, r"not float32 \(\)"),
        (torch.zeros(5, dtype=torch.int64), ValueError, r"not int64 \(5,\)"),
        ([0.0] * 5, TypeError, "as a tensor, not list"),
        (None, TypeError, "as a tensor, not NoneType"),
    ],
)
def test_of_a_wrong_form_nothing_is_told(exam, sitting, logits, error, message):
    with pytest.raises(error, match=message):
        sitting.next(logits)
    assert exam.record() == [{"tokens": [], "loss": 0.0, "not finite": None}]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_refused(exam, sitting, bad):
    for number in range(6):
        logits = torch.zeros(5)
        if number == 4:
            logits[2] = bad
        sitting.next(logits)
    wrong = unfinished(exam.record(), MADE)
    assert isinstance(wrong, Rejection)
    assert wrong.values == {"number": 4}


def test_huge_logits_are_no_better(exam, sitting):
    for _ in range(6):
        sitting.next(torch.full((5,), 1e308, dtype=torch.float64))
    assert mean_loss(exam.record()) == pytest.approx(math.log(5))


def test_logits_that_are_finite_and_hopeless_lose_without_end(exam, sitting):
    """Their difference is no float64, so the token that came has no probability at all."""
    for _ in range(6):
        sitting.next(torch.tensor([-1e308, -1e308, -1e308, 1e308, -1e308], dtype=torch.float64))
    assert unfinished(exam.record(), MADE) is None
    assert mean_loss(exam.record()) == math.inf


def test_the_record_of_another_exam_is_not_marked(exam, sitting):
    for _ in range(6):
        sitting.next(torch.zeros(5))
    assert unfinished(exam.record(), MADE) is None
    wrong = unfinished(exam.record(), MADE | {"tokens": [3, 1, *reversed(TOKENS[2:])]})
    assert isinstance(wrong, Rejection)
    assert "another exam" in wrong.sentence


def test_a_record_is_small(exam, sitting):
    """It is in plans that ship, once for each known mistake: no logits."""
    for _ in range(6):
        sitting.next(torch.randn(5))
    assert len(encode(exam.record())) < 200


def test_who_stops_early_is_not_marked(exam, sitting):
    sitting.next(sure_of(4))
    wrong = unfinished(exam.record(), MADE)
    assert isinstance(wrong, Rejection)
    assert wrong.values == {"asked": 6, "told": 1}


def test_an_experiment_sits_it(reference_like):
    """The way that `check` and pytest go: the record is made beside the experiment, and comes out with its value."""
    inputs = encode({"exam": Lab("exam", MADE)})
    seen = hosted_here.run(reference_like, sit, inputs)
    value, record = parts(seen.value)
    assert value == TOKENS
    assert record[0]["tokens"] == TOKENS[2:]
    assert record[0]["loss"] == pytest.approx(6 * math.log(5))


def sit(student, exam):
    return [*exam.prompt, *(exam.next(torch.zeros(5)) for _ in range(exam.length))]


@pytest.fixture
def reference_like():
    module = load_module("x = 1", "solution", "solution.py")
    return Implementation(module, module, "solution.py")


def test_an_exam_is_made_of_tokens_of_its_vocabulary():
    for wrong in ({"given": 9}, {"vocab": 4}, {"given": -1}):
        with pytest.raises(ValueError, match="tokens of its vocabulary"):
            Exam(**MADE | wrong)


# --- languages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vocab", [5, 16])
@pytest.mark.parametrize("lag", [2, 3, 4])
def test_a_language_is_hidden_from_tables(vocab, lag):
    """Tokens and neighbours are as likely as any; the token `lag` places before says nearly all; the loss is the entropy."""
    language = Language.drawn(Rng(lag), vocab, lag)
    text = language.text(Rng(7), 40_000)
    tokens = torch.tensor(text)
    assert entropy(tokens[1:].bincount(minlength=vocab)) == pytest.approx(math.log(vocab), abs=0.01)
    assert table(tokens, 1, vocab) == pytest.approx(math.log(vocab), abs=0.02)
    assert table(tokens, lag, vocab) == pytest.approx(language.entropy, abs=0.04)
    assert language.loss(text, lag) == pytest.approx(language.entropy, abs=0.04)


def entropy(counts):
    p = counts.double() / counts.sum()
    return -(p * p.clamp_min(1e-30).log()).sum().item()


def table(tokens, lag, vocab):
    """The entropy of a token, given the one `lag` places before."""
    pairs = (tokens[:-lag] * vocab + tokens[lag:]).bincount(minlength=vocab * vocab)
    return entropy(pairs) - entropy(pairs.view(vocab, vocab).sum(1))
