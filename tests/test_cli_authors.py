"""An author's work on the command line: new, verify, release, example-class."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ALTERNATIVES, MISTAKES, Done, Running, alive, copied, make_course, run
from release_course import put, tree
from tiny_course import TOTAL, TOTAL_CHECKS

from autograder.course import load_course
from autograder.release.new import KINDS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, Done]:
    """A course with one exercise of ours and one that `new` wrote, its assignments/ written, and verified."""
    root = make_course(tmp_path_factory.mktemp("authors") / "course")
    written = run(root, "new", "numbers_of/scaled", "--title", "Größer machen", "--points", "3")
    assert written.code == 0, written.err
    released = run(root, "release")
    assert released.code == 0, released.err
    return root, written, run(root, "verify", "--details")


@pytest.fixture
def course(base: tuple[Path, Done, Done], tmp_path: Path) -> Path:
    return copied(base[0], tmp_path / "course")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), "utf-8")


def test_new_writes_an_exercise_that_verify_accepts(base: tuple[Path, Done, Done]) -> None:
    root, written, done = base
    for name in ("solutions/numbers_of/scaled/checks.py", "lectures/numbers_of/scaled.md", "grading.toml"):
        assert f"wrote {name}" in written.out
    assert "Now: autograder verify numbers_of/scaled" in written.out
    assert 'title = "Größer machen"' in (root / "grading.toml").read_text("utf-8")
    assert done.code == 0, done.out
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line.count("/") > 5}
    assert rows["numbers_of/first"][1:7] == ["2", "0/5", "2/2", "2/2", "1/1", "11/11"]
    assert rows["numbers_of/scaled"][1:7] == ["1", "0/3", "2/2", "2/2", "1/1", "8/8"]
    assert "rejected by multiplies_every_element" in done.flat and "You add up columns" in done.flat


def test_every_kind_is_accepted_and_stands_where_it_should(course: Path) -> None:
    """One run for all of them: each is complete, no general mistake survives, and ruff is content, with its own settings and with this
    course's."""
    for kind in KINDS:
        after = ("--after", "numbers") if kind == "function" else ("--after", "kinds/a_function")
        assert run(course, "new", f"kinds/a_{kind}", "--kind", kind, *after).code == 0
    names = [exercise.name for exercise in load_course(course).exercises]
    others = [f"kinds/a_{kind}" for kind in reversed(KINDS) if kind != "function"]
    assert names == ["numbers_of/first", "numbers_of/scaled", "kinds/a_function", *others]
    ruff = [Path(sys.executable).with_name("ruff"), "check", "--no-cache", "--isolated", course / "solutions/kinds"]
    assert subprocess.run(ruff, capture_output=True, text=True).stdout == "All checks passed!\n"
    shutil.copy(ROOT / "pyproject.toml", course)
    assert run(course, "release").code == 0
    done = run(course, "verify", "kinds")
    assert done.code == 0, done.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("numbers_of/other", "--kind", "class"), "There is no kind 'class'. There are function, module"),
        (
            ("others/one", "--after", "letters"),
            "there is no module letters, so others can't stand behind it. There are numbers",
        ),
        (("numbers_of/other", "--after", "letters"), "numbers_of is in module numbers: numbers_of/other goes there"),
        (("numbers_of/other", "--after", "numbers_of/last"), "there is no exercise numbers_of/last"),
        (("numbers_of/first",), "numbers_of/first is in grading.toml already"),
        (("First",), "is not a name for an exercise. Write topic/exercise"),
        (("numbers_of/../x",), "is not a name for an exercise"),
        (("numbers_of/other", "--points", "0"), "whole number from 1"),
    ],
)
def test_new_refuses(course: Path, arguments: tuple[str, ...], sentence: str) -> None:
    before = tree(course)
    done = run(course, "new", *arguments)
    assert done.code == 2 and sentence in done.said
    assert tree(course) == before


@pytest.mark.slow
def test_verify_names_everything_that_is_wrong(tmp_path: Path) -> None:
    """One run finds all faults of all exercises."""
    unstable = TOTAL_CHECKS.replace("return student.total(x)", "return int((student.total(x) > 0.1).sum())").replace(
        'return {"x": rng.normal(rows, columns)}', 'return {"x": rng.normal(rows, columns) * 0 + 0.1 / columns}'
    )
    course = make_course(
        tmp_path,
        ("unkilled", "refused", "stub", "unstable", "broken", "bare"),
        unkilled_mistakes=MISTAKES + '\nmistake("You write it longer.", edit={"x.sum(-1)": "x.sum(-1) * 1"})\n',
        refused_alternatives=ALTERNATIVES + '\nalternative("nearly", edit={"x.mean(-1)": "x.mean(-1) + 1"})\n',
        stub_solution=TOTAL.replace(
            "    # BEGIN SOLUTION\n    return x.sum(-1)\n    # END SOLUTION\n", "    return x.sum(-1)\n"
        ),
        bare_checks=TOTAL_CHECKS.replace(", hidden=[case(rows=4, columns=4)], fresh=1", ""),
        unstable_checks=unstable,
        broken_checks=TOTAL_CHECKS.replace("student.total", "student.totally"),
        bare_mistakes="",
        bare_alternatives="",
    )
    (course / "lectures/numbers_of/refused.md").unlink()
    put(course, "lectures/numbers_of/unkilled.md", "# Totals\n")
    (course / "solutions/numbers_of/bare/test_oracle.py").unlink()
    done = run(course, "verify")
    assert done.code == 1
    of: dict[str, str] = {}
    for problem in done.flat.split("✗ numbers_of/")[1:]:
        slug, _, text = problem.partition(": ")
        of[slug] = of.get(slug, "") + text
    assert of.keys() == {"unkilled", "refused", "stub", "unstable", "broken", "bare"}
    assert "no check rejects the mistake “You write it longer.”" in of["unkilled"]
    assert "the alternative “nearly” is right, but fails means_of_rows" in of["refused"]
    assert "stub “the stub” earns 3 points, from sums_rows" in of["stub"]
    assert "check means_of_rows has no hidden case" in of["bare"]
    assert "is unstable: one bit of its inputs flips" in of["unstable"]
    assert "lectures/numbers_of/refused.md is missing" in of["refused"]
    assert "check sums_rows points to #sums, but lectures/numbers_of/unkilled.md has no such heading" in of["unkilled"]
    assert "the reference itself" in of["broken"] and "totally" in of["broken"]
    assert "test_oracle.py is missing" in of["bare"] and "it lists no mistakes" in of["bare"]
    assert "it lists no alternatives" in of["bare"]
    assert "assignments/ is not what solutions/ gives" in done.flat

    refused = run(course, "release", tmp_path / "out", "--course", course)  # uses what verify remembers
    assert (
        refused.code == 2 and "is not ready to be released" in refused.said and "“You write it longer.”" in refused.said
    )
    assert not (tmp_path / "out").exists()


def test_stale_assignments(course: Path) -> None:
    put(course, "assignments/numbers_of/first.py", "# not the stub\n")
    put(course, "assignments/numbers_of/extra.py", "# whose is this?\n")
    done = run(course, "verify", "first", "--no-general")
    assert done.code == 1 and "run `autograder release` to write it anew" in done.flat
    assert (
        "assignments/numbers_of/first.py: stale" in done.flat and "assignments/numbers_of/extra.py: extra" in done.flat
    )
    (course / "assignments/numbers_of/extra.py").unlink()
    other = run(course, "release", "--topic", "words_of")
    assert other.code == 2 and "There is no topic words_of. Topics: numbers_of" in other.said
    both = run(course, "release", "--topic", "numbers_of", course / "elsewhere")
    assert both.code == 2 and "leave out --topic" in both.said and not (course / "elsewhere").exists()
    done = run(course, "release", "--topic", "numbers_of")
    assert done.code == 0 and "numbers_of: 8 files" in done.flat
    assert run(course, "verify", "first", "--no-general").code == 0


def test_release_writes_a_student_repository(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(course, "release", out)
    assert done.code == 0 and f"{out} has the student repository" in done.flat
    files = tree(out)
    assert {"README.md", "grading.toml", "assignments/numbers_of/test_first.py", "lectures/numbers_of/first.md"} <= set(
        files
    )
    assert not any(name.startswith(("solutions", ".autograder")) for name in files)
    assert b"NotImplementedError" in files["assignments/numbers_of/first.py"]
    assert run(out, "status").code == 0
    put(out, "assignments/numbers_of/first.py", TOTAL)
    again = run(course, "release", out)
    assert again.code == 2 and "changed since the last release: assignments/numbers_of/first.py" in again.said
    inside = run(course, "release", course / "solutions")
    assert inside.code == 2 and "Choose a folder of its own" in inside.said


@pytest.mark.slow
def test_verify_watches_and_outlives_a_file_that_is_half_written(course: Path) -> None:
    folder = course / "solutions/numbers_of/first"
    with Running(course, "verify", "first", "--watch") as watching:
        watching.until_printed("Watching; Ctrl-C ends.")
        assert "11/11" in watching.out
        watching.forget()
        mistake = '\nmistake("You write it longer.", edit={"x.sum(-1)": "x.sum(-1) * 1"})\n'
        (folder / "mistakes.py").write_text(MISTAKES + mistake, "utf-8")
        watching.until_printed("no check rejects the mistake “You write it longer.”")
        watching.forget()
        (folder / "checks.py").write_text(TOTAL_CHECKS + "\ndef unfinished(\n", "utf-8")
        watching.until_printed("SyntaxError")
        watching.forget()
        (folder / "mistakes.py").write_text(MISTAKES, "utf-8")
        (folder / "checks.py").write_text(TOTAL_CHECKS, "utf-8")
        watching.until_printed("11/11")
        children = watching.children()
        done = watching.interrupt()
    assert "Traceback" not in done.err and done.code in (0, 1, 130)
    assert alive(children) == []


def test_an_example_class_is_not_mixed_with_anything(course: Path, tmp_path: Path) -> None:
    mine = put(tmp_path, "folder/mine.txt", "mine\n")
    done = run(course, "example-class", mine.parent)
    assert done.code == 2 and "is not empty" in done.said
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]


def test_unknown_names_and_folders(course: Path, tmp_path: Path) -> None:
    unknown = run(course, "verify", "frist")
    assert unknown.code == 2 and "did you mean numbers_of/first" in unknown.said
    outside = run(tmp_path / "course/lectures", "verify", "--course", tmp_path)
    assert outside.code == 2 and "grading.toml" in outside.said
