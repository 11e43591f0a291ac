"""A failing example of `given=` is shrunk while grading: the smallest input is in the result, and no submission can spoil the search."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import strategies as st
from tiny_course import TOTAL, Class, SharedZygote, check, exercise, make_course

from autograder import results
from autograder.checks import check as declare
from autograder.feedback import pen
from autograder.feedback.html import result_html
from autograder.feedback.markdown import result_markdown
from autograder.feedback.policy import Show, student_view
from autograder.feedback.terminal import result_report
from autograder.grading import graders as graders_module
from autograder.grading import smallest
from autograder.grading.grade import ClassGrader
from autograder.grading.rejudge import rejudge
from autograder.jail.host import Zygote
from autograder.results import CaseResult, Result
from autograder.twin import examples
from autograder.twin.examples import Search
from autograder.wire.encode import encode

MEANS = "means_of_rows"
CHECKS = '''"""Checks of totals and means."""

from hypothesis import strategies as st

from autograder.checks import case, check, difference, reject


def table(rng, rows, columns):
    return {"x": rng.normal(rows, columns)}


def has_a_row_for_each(seen, want, case):
    if len(seen["mean"]) != case["rows"]:
        return reject("There is not one mean for each row.")
    return difference(seen, want)


@check(points=3, inputs=table, public=[case(rows=3, columns=3)], hidden=[case(rows=2, columns=5)])
def sums_rows(student, x):
    """The sum goes along the last dimension."""
    return student.total(x)


@check(points=2, inputs=table, judge=has_a_row_for_each,
       given=dict(rows=st.integers(1, 9), columns=st.integers(1, 9)))
def means_of_rows(student, x):
    """The mean goes along the last dimension."""
    return {"mean": student.middle(x)}
'''
HEAD = TOTAL.partition("def middle")[0]


def means(body: str, before: str = "") -> str:
    """A submission that is right but for its `middle`."""
    lines = "\n".join("    " + line for line in body.splitlines())
    future, rest = HEAD.split("annotations\n", 1)
    return f"{future}annotations\n{before}\n{rest}def middle(x: Tensor) -> Tensor:\n{lines}\n    return x.mean(-1)\n"


WIDE = means("if x.shape[0] >= 2 and x.shape[1] >= 3:\n    print('wide', x.shape)\n    return x.mean(-1) + 1")


@pytest.fixture
def group(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Class:
    shared: Any = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
    return Class(make_course(tmp_path, total_checks=CHECKS, total_mistakes=""), shared)


def smallest_of(result: Result) -> CaseResult:
    found = check(result, MEANS).smallest
    assert found is not None
    return found


def shown(result: Result) -> list[str]:
    file = io.StringIO()
    pen.console(file, width=200).print(result_report(result))
    return [file.getvalue(), result_markdown(result), result_html(result)]


def test_the_smallest_failing_input_is_found_and_shown(group: Class) -> None:
    graded = group.grade(group.submit("wide", total=WIDE), group.submit("twin", total=WIDE + "# another file\n"))
    result = graded["wide"]
    found, again = smallest_of(result), smallest_of(graded["twin"])
    found.seconds = again.seconds = 0.0
    assert found == again, "it is the same each time"
    assert found.parameters == {"rows": "2", "columns": "3"} and found.public and found.verdict == "failed"
    assert found.want and found.got and found.difference is not None and found.output == "wide torch.Size([2, 3])\n"
    view = student_view(result)
    assert smallest_of(view) == found
    for text in shown(view):
        assert "mallest failing input found" in text and "more cases of this check do not pass" in text
    assert results.from_json(results.to_json(result)) == result
    with group.store as store:
        assert store.observation(found.observation)


def test_from_a_hidden_example_it_is_for_the_instructor_alone(group: Class) -> None:
    reference = group.grade_one("right")
    public = {tuple(case.parameters.values()) for case in check(reference, MEANS).cases if case.public}
    wrong = means(f"if tuple(str(each) for each in x.shape) not in {public}:\n    raise ValueError('zqxj')")
    result = group.grade_one("wrong", total=wrong)
    found = smallest_of(result)
    assert not found.public and found.message is not None and found.message.values["text"] == "zqxj"
    for show in get_args(Show):
        view = student_view(result, show)
        kept = [each.smallest for one in view.exercises for each in one.checks if each.smallest]
        assert bool(kept) == (show == "case")
        assert show == "case" or not any("zqxj" in text for text in [results.to_json(view).decode(), *shown(view)])


def test_what_is_shown_comes_from_a_worker_that_has_seen_nothing_else(group: Class) -> None:
    spy = means("SEEN.append(tuple(x.shape))\nif len(x) >= 2:\n    raise ValueError(repr(SEEN))", "SEEN = []")
    found = smallest_of(group.grade_one("spy", total=spy))
    assert found.message is not None and found.message.values["text"] == f"[{(2, 1)}]"


# What each does on an input that is none of the recorded ones; on those it is wrong in an honest way.
HOSTILE = {
    "fails at random": "if os.urandom(1)[0] < 128: return x.mean(-1)",
    "hangs": "while True: pass",
    "sleeps": "time.sleep(99)",
    "hangs after a while": "N.append(0)\nwhile len(N) > 5: pass",
    "dies": "os._exit(7)",
    "dies by a signal": "os.kill(os.getpid(), 9)",
    "takes all memory": "torch.ones(2**40)",
    "answers nonsense": "return ['x' * 10**6, {1: x}, object()][x.numel() % 3]",
    "answers nonsense of the right kind": "return torch.full((x.numel() * 1000,), float('nan'))",
    "raises what it likes": "raise type('E' * 99, (BaseException,), {'__str__': lambda s: s})()",
    "is right": "return x.mean(-1)",
    "is wrong": "return x.mean(-1) + 1",
}


@pytest.fixture
def hostile(group: Class) -> Any:
    """A submission that does this on what it has not been asked in grading."""
    recorded = {
        (int(each.parameters["rows"]), int(each.parameters["columns"]))
        for each in check(group.grade_one("right"), MEANS).cases
    }
    assert len(recorded) < 40

    def write(body: str) -> str:
        lines = "\n".join("    " + line for line in body.splitlines())
        return means(
            f"if tuple(x.shape) not in {recorded}:\n{lines}\nif x.shape[0] > 2:\n    return x.mean(-1) + 1",
            "import os, time, torch\nN = []",
        )

    return write


def test_hostile_submissions(group: Class, hostile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they do, they are graded, the search ends, and the neighbour is what it was."""
    monkeypatch.setattr(smallest, "TRY_SECONDS", 0.2)
    submissions = [group.submit(name, total=hostile(body)) for name, body in HOSTILE.items()]
    found = group.grade(*submissions, group.submit("neighbour", total=TOTAL + "# neighbour\n"))
    assert exercise(found.pop("neighbour")).verdict == "passed"
    checks = {name: check(each, MEANS) for name, each in found.items()}
    assert {each.verdict for each in checks.values()} == {"failed"}, (
        "on the recorded cases: what came later changes nothing"
    )
    for name in ("answers nonsense", "answers nonsense of the right kind", "is wrong"):
        assert smallest_of(found[name]).want and smallest_of(found[name]).verdict == "failed"
    ended = ("hangs", "sleeps", "dies", "dies by a signal", "takes all memory", "is right")
    least = min(int(each.parameters["rows"]) for each in checks["is right"].cases if each.verdict == "failed")
    assert all(
        each is None or int(each.parameters["rows"]) >= least for each in (checks[name].smallest for name in ended)
    )
    for result in found.values():
        assert all(text for text in shown(student_view(result)))


def test_the_clock_ends_a_search(group: Class, hostile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smallest, "SECONDS", 0.0)
    assert check(group.grade_one("wrong", total=hostile("return x.mean(-1) + 1")), MEANS).smallest is None
    monkeypatch.undo()


def test_a_judge_that_an_answer_keeps_busy_ends_the_search(
    group: Class, hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = group.root / "solutions/numbers_of/total/checks.py"
    busy = "    while seen['mean'].numel() and seen['mean'][0] == 77:\n        pass\n"
    text = CHECKS.replace("    return difference(seen, want)\n", busy + "    return difference(seen, want)\n")
    assert text != CHECKS
    path.write_text(text)
    monkeypatch.setattr("autograder.grading.twins.REVIEW_SECONDS", 1.0)
    found = check(group.grade_one("busy", total=hostile("return x.mean(-1) * 0 + 77")), MEANS)
    assert found.verdict == "failed" and found.smallest is None


def test_replay_finds_it_again_and_rejudge_keeps_it(group: Class) -> None:
    result = group.grade_one("wide", total=WIDE)
    with group.store as store, _grader(group, result.run) as grader:
        one = group.course.exercise("numbers_of/total")
        again = grader.replay(one, group.submit("wide", total=WIDE).files[one.name], [MEANS])
        found = again.checks[0].smallest
        assert found is not None and found.seed == smallest_of(result).seed
        plan, review = grader.plan_with_review(one, result.run)
        kept = rejudge(result, {one.name: (plan, review)}, store, "again", group.course.exercises)
        assert kept.needs_run == [] and kept.changes == []
        assert smallest_of(kept.result) == smallest_of(result)
        mended = rejudge(result, {one.name: (plan, lambda seen: [_passing(each) for each in seen])}, store, "again")
        assert check(mended.result, MEANS).verdict == "passed" and check(mended.result, MEANS).smallest is None


def _grader(group: Class, run: str) -> Any:
    from autograder.grading.secret import load_secret

    private = group.root / ".autograder"
    return ClassGrader(group.course, group.root, private, load_secret(private), run, draw=run)


def _passing(seen: Any) -> Any:
    from autograder.twin.messages import Verdict

    return Verdict(True)


# --- the search alone ---


def declared(**given: Any) -> Any:
    @declare(points=1, given=given)
    def any_check(student, **inputs):
        """It is any check."""

    return any_check


def shrunk(one: Any, seed: str, fails: Any) -> tuple[dict[str, Any] | None, int]:
    start = next(each for each in examples.examples(one, seed) if fails(each))
    search = Search(one, seed, encode(start))
    last, tries, example = None, 0, search.next()
    while example is not None:
        tries += 1
        last = example if fails(example) else last
        example = search.next(fails(example))
    search.end()
    return last, tries


def test_structured_inputs_shrink() -> None:
    one = declared(text=st.text("abcdef", max_size=20), sizes=st.lists(st.integers(0, 50), max_size=8))
    found, tries = shrunk(one, "17", lambda each: "b" in each["text"] and sum(each["sizes"]) > 10)
    assert found == {"text": "b", "sizes": [11]} and tries < smallest.TRIES


def test_a_search_can_be_left_and_one_whose_example_does_not_come_is_over() -> None:
    one = declared(n=st.integers(0, 1000))
    start = encode(examples.examples(one, "1")[-1])
    search = Search(one, "1", start)
    assert search.next() is not None
    search.end()
    assert Search(one, "1", encode({"n": -1})).next() is None


def test_examples_do_not_hang_on_what_else_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis draws constants of the modules that it finds imported, if it is let."""
    path = tmp_path / "some_module.py"
    path.write_text("NUMBERS = [" + ", ".join(map(str, range(10**8, 10**8 + 2000))) + "]\n")
    before = examples.examples(declared(n=st.integers(0, 10**9)), "5")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("some_module")
    assert examples.examples(declared(n=st.integers(0, 10**9)), "5") == before
