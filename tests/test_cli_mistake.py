"""`autograder mistake`: what is refused, whom it explains, and that the class reads the sentence afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import copied, make_course, run, submit, with_code

from autograder.results import from_json

ROW = ("--edit", "x.sum(-1)", "--to", "x.sum(-1) * 3")
SENTENCE = "You take three times the sum. Take it *once*."


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded class in which two have made the same mistake that nobody has written down, and one another."""
    root = make_course(tmp_path_factory.mktemp("mistake") / "course")
    submit(root, "ada", first=with_code(sum_="3 * x.sum(-1)"))
    submit(root, "bob", first=with_code(sum_="x.sum(-1) + x.sum(-1) * 2"))
    submit(root, "cyd", first=with_code(sum_="x.sum(-1) + 5"))
    submit(root, "dan", first=with_code(sum_="x.sum(0)"))  # a known one
    assert run(root, "grade", "class", "--json", "results").code == 0
    return root


@pytest.fixture
def course(base: Path, tmp_path: Path) -> Path:
    return copied(base, tmp_path / "course")


def test_the_report_shows_the_cluster_and_the_command(base: Path) -> None:
    text = (base / ".autograder/report/attention.html").read_text("utf-8")
    assert "2 give the same wrong answer" in text and "autograder mistake numbers_of/first" in text


def test_a_cluster_becomes_a_known_mistake(course: Path) -> None:
    tried = run(course, "mistake", "first", SENTENCE, *ROW, "--like", "ada")
    assert tried.code == 0, tried.said
    assert "It explains 2 of 3 unexplained answers: ada, bob." in tried.flat and "Nothing is written yet" in tried.flat
    mistakes = course / "solutions/numbers_of/first/mistakes.py"
    before = mistakes.read_text("utf-8")
    assert SENTENCE not in before
    assert run(course, "mistake", "first", SENTENCE, *ROW, "--like", "bob", "--write").code == 0
    assert mistakes.read_text("utf-8").startswith(before) and SENTENCE in mistakes.read_text("utf-8")
    assert run(course, "grade", "class", "--new", "--json", "again").code == 0
    for name, said in {"ada": True, "bob": True, "cyd": False}.items():
        result = from_json((course / f"again/{name}.json").read_bytes())
        told = [text for check in result.exercises[0].checks if check.diagnosis for text in check.diagnosis.sentences]
        assert (SENTENCE in told) == said, name
    known = run(course, "mistake", "first", "Again.", *ROW)
    assert known.code == 2 and "It is known already: You take three times" in known.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--edit", "x.sum(-2)", "--to", "0"), "is nowhere in solution.py"),
        (("--edit", "x", "--to", "y"), "times in solution.py"),
        (("--edit", "x.sum(-1)", "--to", "x.sum("), "is no Python"),
        (("--edit", "x.sum(-1)", "--to", "(x.sum(-1))"), "No check rejects it"),
        (("--edit", "x.sum(-1)", "--to", "x.sum(0)"), "It is known already: You add up columns"),
        ((*ROW, "--edit", "x.mean(-1)"), "2 pieces to --edit and 1 to put"),
        ((*ROW, "--like", "cyd"), "cyd answers otherwise"),
        ((*ROW, "--like", "dan"), "dan has no wrong answer to numbers_of/first that nothing explains"),
        ((*ROW, "--like", "nobody"), "nobody has no wrong answer"),
    ],
)
def test_what_is_refused(course: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(course, "mistake", "numbers_of/first", "Something.", *arguments)
    assert done.code == 2 and said in done.said, (done.out, done.err)
    assert "Something." not in (course / "solutions/numbers_of/first/mistakes.py").read_text("utf-8")
