"""Every id has a sentence, every sentence renders, and no value can do more than be shown."""

import pytest
import torch
from msgspec import structs

from autograder.checks import difference
from autograder.experiment import contract
from autograder.experiment.explain import message_of
from autograder.experiment.failure import failure
from autograder.feedback import messages
from autograder.feedback.messages import catalogue, placeholders
from autograder.results import CaseResult, Difference, Message
from autograder.twin.kinds import same_kind
from autograder.wire.messages import Observed
from autograder.wire.values import Raised

NAN, INF = float("nan"), float("inf")
PRODUCED = {
    "run": "missing-function wrong-signature not-written raised raised-outside wrong-type returned-nothing wrong-parameters mutated timeout memory crashed exited too-big protocol import-absent import-beside "
    "unsupported load-syntax load-raised load-timeout load-empty forbidden blocked skipped-no-gpu skipped-no-package grader-error "
    "passed-public-hidden-pending",
    "compare": "type length keys shape dtype nonfinite nan infinite finite value raised judge refused nothing-raised raised-on-right no-gradient stray-gradient",
    "judge": "rejected",
}


@pytest.mark.parametrize("id", [f"{area}.{name}" for area, names in PRODUCED.items() for name in names.split()])
def test_everything_that_the_engine_produces_has_a_sentence(id):
    assert id in catalogue()


@pytest.mark.parametrize("id", sorted(catalogue()))
def test_every_message_renders_with_and_without_its_values(id):
    entry = catalogue()[id]
    names = set().union(*(placeholders(template) for template in entry.texts))
    full = messages.text(Message(id=id, values={name: f"<{name}>" for name in names}))
    used = placeholders(entry.texts[0])
    if id != "judge.rejected":
        assert all(f"<{name}>" in full for name in used)
    assert placeholders(entry.hint) <= names
    area, _, name = id.partition(".")
    if name in PRODUCED.get(area, "").split():  # policy may take every value away
        bare = messages.text(Message(id=id))
        assert bare and not placeholders(bare)


@pytest.mark.parametrize("kind", ["type", "length", "keys", "shape", "dtype", "nonfinite", "value", "raised", "judge"])
def test_every_kind_of_difference_has_a_sentence(kind):
    assert messages.difference_text(Difference(kind=kind))
    assert f"compare.{kind}" in catalogue()


@pytest.mark.parametrize(
    ("seen", "want", "said"),
    [
        ({1, 2}, {1, 3}, "Keys or elements are missing ([3]), and there are some that don't belong ([2])."),
        ({1}, {1, 3}, "Keys or elements are missing: [3]."),
        ({"a": 1, "b": 2}, {"a": 1}, "There are keys or elements that don't belong: ['b']."),
        ([1], [1, 2], "The length should be 2, but yours is 1: the next item would be 2. First difference at [1]."),
        ([1, 2], [1], "The length should be 1, but yours is 2: the first item too many is 2. First difference at [1]."),
    ],
)
def test_what_is_missing_and_what_is_too_much(seen, want, said):
    assert messages.difference_text(difference(seen, want)).startswith(said)
    assert "right elements" in messages.text(Message(id="compare.keys"))  # where policy takes the values away


@pytest.mark.parametrize(
    ("seen", "want", "said"),
    [
        (
            Raised("ValueError"),
            3,
            "This input is a right one, and its answer is of the type int. Yours: ValueError raised.",
        ),
        (Raised(None), Raised("ValueError"), "It should raise ValueError, but yours raised nothing."),
        (Raised("KeyError"), Raised("ValueError"), "It should raise ValueError, but yours gave KeyError."),
        (
            Raised("ValueError"),
            Raised(None),
            "This input is a right one, and nothing should be raised. Yours: ValueError.",
        ),
        ({"gradients": {"k": None}}, {"gradients": {"k": torch.ones(2)}}, "No gradient arrives at k, and one should."),
        ({"x.grad": torch.ones(2)}, {"x.grad": None}, "A gradient arrives at x, and none should."),
        ({"graded": None}, {"graded": torch.ones(2)}, "The type should be Tensor, but yours is None."),
        (None, torch.ones(2), "The type should be Tensor, but yours is None."),
        ([1, 2], 3, "The type should be int, but yours is list."),
    ],
)
def test_a_type_that_says_more_has_a_sentence_of_its_own(seen, want, said):
    assert messages.difference_text(difference(seen, want)).startswith(said)


@pytest.mark.parametrize(
    ("annotation", "result", "said"),
    [
        ("list[str]", [["a"]], "in the list that yours returned, item 0 is not an instance of str."),
        ("list[list[str]]", [["a"], ["b", 1]], "in the list that yours returned, item 1 of item 1 is not an instance of str."),
        ("dict[str, int]", {"a is b": "x"}, "in the dict that yours returned, value of key 'a is b' is not an instance of int."),
        ("list[float]", ["x"], "in the list that yours returned, item 0 is neither a float nor an int."),
        ("list[int | None]", [1, "x"], "in the list that yours returned, item 1 has none of the types that it may have."),
        ("list[tuple[int, int]]", [(1, 2, 3)], "in the list that yours returned, item 0 has 3 items instead of 2."),
        ("tuple[int, int]", (1, 2, 3), "in the tuple that yours returned, there are 3 items instead of 2."),
        ("list[str]", (1, 2), "but yours returned tuple."),
        ("list[str]", None, "but yours returned None."),
        ("float", torch.ones(()), "but yours returned Tensor."),
    ],
)  # fmt: skip
def test_a_wrong_type_is_told_in_a_sentence_and_none_is_named_where_it_came_back(annotation, result, said):
    names = {"returned": result}
    exec(f"def model() -> {annotation}: ...\ndef f(): return returned", names)
    with pytest.raises(contract.WrongType) as raised:
        contract.held_to_annotation(names["f"], "f", names["model"], {})()
    message = message_of(failure(raised.value, "f.py", 0.0), "f.py", loading=False)
    assert messages.text(message) == f"f should return {annotation}, but {said.removeprefix('but ')}"
    assert ("None" in messages.hint(message)) == (result is None)
    assert "None" not in messages.hint(Message(id="run.wrong-type"))  # of a hidden case nobody says what came back


def test_where_nothing_came_back_the_hint_says_how_that_comes():
    found = difference({"id": None}, {"id": "a"})
    case = messages.case_message(CaseResult(title="", public=True, verdict="failed", difference=found))
    assert case is not None and "without return" in messages.hint(case) and "tuple" not in messages.hint(case)


def test_no_word_of_annotations_where_what_was_compared_may_be_no_return_value():
    """What a function returns is held to its annotation before anything is compared: `run.wrong-type` speaks of that."""
    found = difference({"after zero_grad": [torch.ones(2)]}, {"after zero_grad": [None]})
    case = messages.case_message(CaseResult(title="", public=True, verdict="failed", difference=found))
    assert case is not None and messages.text(case) == "The type should be None, but yours is Tensor."
    assert "annotation" not in messages.hint(case) and "None" in messages.hint(case)
    flag = difference({"one matrix": False}, {"one matrix": True})
    assert flag is not None and messages.difference_text(flag).startswith("Yours is False; it should be True.")


def test_what_a_judge_does_not_get_to_see_is_told_alike():
    refused = same_kind(Raised("ValueError"), 3)
    assert refused is not None and messages.difference_text(refused).startswith(
        "This input is a right one, and its answer is of the type int."
    )
    answered = same_kind(3, Raised("ValueError"))
    assert (
        answered is not None and messages.difference_text(answered) == "It should raise ValueError, but yours gave int."
    )


@pytest.mark.parametrize(
    ("seen", "want", "said"),
    [
        ([NAN, NAN], [0.0, 1.0], "NaN where a right answer is not: 2 of 2 values. First difference beyond the tolerance at [0]"),
        ([1.0, NAN, INF], [0.0, 1.0, 1.0], "NaN where a right answer is not: 1 of 3 values. First difference beyond the tolerance at [0]"),
        ([0.0, -INF, 1.0, 1.0], [0.0, -1.0, 1.0, 1.0], "-inf where a right answer is finite: 1 of 4 values. First difference beyond the tolerance at [1]: yours is -inf, expected -1.0."),
        ([INF, -INF], [0.0, 0.0], "Infinite where a right answer is finite: 2 of 2 values."),
        ([-3e38, 0.0], [-INF, 0.0], "Finite where a right answer is infinite: 1 of 2 values."),
        ([-INF, 0.0], [INF, 0.0], "NaN or infinite in one of the two answers, and not the same in the other: 1 of 2 values."),
        ([1.0, 0.0], [NAN, 0.0], "NaN or infinite in one of the two answers, and not the same in the other: 1 of 2 values."),
    ],
)  # fmt: skip
def test_where_nan_comes_from_is_said_of_nan_alone(seen, want, said):
    seen, want = torch.tensor(seen), torch.tensor(want)
    for theirs, right in ((seen, want), ({"logps": seen}, {"logps": want})):
        found = difference(theirs, right)
        assert found is not None
        text = messages.difference_text(found).replace(", in ['logps']", "").replace(" ['logps'][", " [")
        assert text.startswith(said) and ("in ['logps']" in messages.difference_text(found)) == (theirs is not seen)
        case = messages.case_message(CaseResult(title="", public=True, verdict="failed", difference=found))
        assert case is not None
        assert ("NaN usually" in messages.hint(case) and "0 · NaN" in messages.hint(case)) == bool(seen.isnan().any())
    hidden = messages.case_message(
        CaseResult(title="", public=False, verdict="failed", difference=Difference(kind="nonfinite"))
    )
    assert hidden is not None and hidden.id == "compare.nonfinite" and not messages.hint(hidden)


@pytest.mark.parametrize(
    ("seen", "want", "said"),
    [
        (NAN, 1.0, "Yours is NaN where a right answer is not."),
        ([INF], [1.0], "Yours is infinite where a right answer is finite. First difference beyond the tolerance at [0]: yours is inf, expected 1.0."),
        ([["b"], ["c"]], [["a"], ["c"]], "Wrong values in [0]: 1 of 1. First difference at [0][0]: yours is 'b', expected 'a'."),
        ([0.5, 7.0], [0.25, 1.0], "Yours is 0.5; it should be 0.25. First difference beyond the tolerance at [0]: yours is 0.5, expected 0.25. The error is 0.25,"),
        (torch.tensor([0.5, 1.0]), torch.ones(2), "Wrong values: 1 of 2. First difference beyond the tolerance at [0]: yours is 0.5, expected 1.0. The error is 0.5,"),
    ],
)  # fmt: skip
def test_numbers_are_told_for_what_they_are_of(seen, want, said):
    found = difference(seen, want)
    assert found is not None and messages.difference_text(found).startswith(said)


def test_what_no_line_of_theirs_raised_is_not_said_to_be_raised_by_their_code():
    seen = Observed(kind="raised", name="AttributeError", builtin=True, text="'Layer' object has no attribute 'w'")
    outside, own = (message_of(each, "f.py", False) for each in (seen, structs.replace(seen, line=3)))
    assert messages.text(outside).startswith("With your code, the check ended in AttributeError: 'Layer'")
    deadlock = message_of(structs.replace(seen, name="Deadlock", builtin=False), "f.py", False)
    assert messages.text(deadlock).startswith("Your code raised Deadlock")
    assert "no line of your file" in messages.hint(outside)
    assert messages.text(own).startswith("Your code raised AttributeError: 'Layer'") and not messages.hint(own)
    loading = message_of(seen, "f.py", True)
    assert messages.text(loading).startswith("The file raises AttributeError when it is imported")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("No module named 'pandas'", "imports pandas, which is not there where it runs"),
        ("No module named 'tokenizer'", "imports tokenizer, which is not there"),
        ("No module named 'warmup.causal_lm_loss'; 'warmup' is not a package", "imports warmup.causal_lm_loss, which"),
        ("No module named 'submission'", "imports from a file beside it"),
        ("another text", "raise"),
    ],
)
@pytest.mark.parametrize("loading", [True, False])
def test_an_import_that_is_not_there_is_named_with_what_to_do(text, said, loading):
    seen = Observed(kind="raised", name="ModuleNotFoundError", builtin=True, text=text, line=3)
    message = message_of(seen, "f.py", loading)
    assert said in messages.text(message)
    assert ("one file" in messages.hint(message)) == (text != "another text")
    own = message_of(structs.replace(seen, builtin=False), "f.py", loading)
    assert "raise" in messages.text(own), "an exception of their own says what they like"


def test_an_input_that_could_not_be_named_is_not_named():
    assert messages.text(Message(id="run.mutated", values={"input": "x"})) == "Your code changed its input x in place."
    said = messages.text(Message(id="run.mutated", values={"input": "its inputs"}))
    assert said == "Your code changed one of its inputs in place."


def test_unknown_ids_say_what_they_know():
    assert messages.text(Message(id="no.such", values={"b": 2, "a": "x"})) == "no.such (a: x, b: 2)"
    assert messages.hint(Message(id="no.such")) == ""


def test_the_fullest_sentence_whose_values_are_there():
    raised = lambda **values: messages.text(Message(id="run.raised", values=values))  # noqa: E731
    assert raised(exception="ValueError", text="too long") == "Your code raised ValueError: too long"
    assert raised(exception="ValueError", text="") == "Your code raised ValueError, and a right answer does not."
    assert raised() == "Your code raised an exception, and a right answer does not."


@pytest.mark.parametrize(
    "value",
    [
        "{0}",
        "{x.__class__}",
        "{exception}",
        "%s",
        "{exception.__class__.__mro__}",
        "`code` and *em*",
        "\\g<0>",
        "\x1b[2J",
    ],
)
def test_values_are_only_ever_shown(value):
    shown = messages.text(Message(id="run.raised", values={"exception": "E", "text": value}))
    assert shown == "Your code raised E: " + value.replace("\x1b", "\\x1b")


def test_a_judges_sentence_takes_its_own_values_and_nothing_else():
    sentence = "Pieces {pieces} don't join to {word}; set {0}, {unknown}, {word.__class__}, {word!r}, {"
    shown = messages.text(
        Message(id="judge.rejected", values={"sentence": sentence, "pieces": ["a", "b"], "word": "{pieces}"})
    )
    assert shown == "Pieces a, b don't join to {pieces}; set {0}, {unknown}, {word.__class__}, {word!r}, {"
    assert messages.text(Message(id="judge.rejected")) == "The answer does not do what the check asks for."


def test_values_of_any_kind():
    class Loud:
        def __str__(self):
            raise RuntimeError

    shown = messages.text(Message(id="run.crashed", values={"signal": Loud()}))
    assert shown == "The process that ran your code died (<Loud>)."
    assert "very large int" in messages.text(Message(id="compare.length", values={"right": 1, "theirs": 10**9000}))


def test_a_difference_says_where_by_how_much_and_how_many():
    found = Difference(
        kind="value", path='["o"]', index=[0, 3], got="0.5", want="0.25", error=0.25, tolerance=1e-5, wrong=3, total=12
    )
    assert messages.difference_text(found) == (
        'Wrong values: 3 of 12. First difference beyond the tolerance at ["o"][0, 3]: yours is 0.5, expected 0.25. '
        "The error that is worst for its tolerance is 0.25, 25,000 times the tolerance (1e-05)."
    )


def test_infinite_errors_and_no_tolerance():
    found = Difference(kind="value", error=float("inf"), tolerance=0.0, wrong=1, total=1)
    assert messages.difference_text(found) == "Wrong values: 1 of 1. The error is inf; the tolerance is 0."


def test_a_case_message_is_filled_up_from_its_difference():
    found = Difference(kind="value", wrong=3, total=12)
    for message in (None, Message(id="compare.value")):
        case = CaseResult(title="", public=True, verdict="failed", message=message, difference=found)
        made = messages.case_message(case)
        assert made is not None and messages.text(made) == "Wrong values: 3 of 12."


def test_another_language_falls_back_to_english(tmp_path, monkeypatch):
    (tmp_path / "en").mkdir()
    (tmp_path / "zh").mkdir()
    (tmp_path / "en" / "run.toml").write_text('["a"]\ntext = "A {x}"\n["b"]\ntext = "B"\n', encoding="utf-8")
    (tmp_path / "zh" / "run.toml").write_text('["a"]\ntext = "甲 {x}"\n', encoding="utf-8")
    monkeypatch.setattr(messages, "FOLDER", tmp_path)
    catalogue.cache_clear()
    try:
        assert messages.text(Message(id="run.a", values={"x": 1}), "zh") == "甲 1"
        assert messages.text(Message(id="run.b"), "zh") == "B"
        assert messages.text(Message(id="run.b"), "fr") == "B"
    finally:
        catalogue.cache_clear()


@pytest.mark.parametrize("broken", ['["a"]\ntitle = "x"\n', '["a"]\ntext = 3\n', "a = 1\n", "[["])
def test_a_broken_catalogue_names_its_file_or_message(tmp_path, monkeypatch, broken):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "run.toml").write_text(broken, encoding="utf-8")
    monkeypatch.setattr(messages, "FOLDER", tmp_path)
    catalogue.cache_clear()
    try:
        with pytest.raises((ValueError, TypeError), match="run"):
            catalogue("en")
    finally:
        catalogue.cache_clear()
