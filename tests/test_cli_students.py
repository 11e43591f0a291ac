"""A student's journey on the command line: check, watch, status, doctor, each as a real process in a released course."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from command_line import Running, alive, copied, make_course, run, seen, with_code
from release_course import put

from autograder.course import Submission, load_course, open_submission
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.repository import release

OUTCOMES = {
    "right": with_code(),
    "wrong": with_code(sum_="x.sum(0)"),
    "raises": with_code(mean="x.mean(99)"),
    "syntax": with_code().replace("def total(x: Tensor) -> Tensor:", "def total(x: Tensor) -> Tensor"),
    "forbidden": with_code(sum_="__import__('torch').cumsum(x, -1)[..., -1]").replace(
        "from torch import Tensor", "import torch\nfrom torch import Tensor\n\ncumulative = torch.cumsum"
    ),
    "quits": with_code(sum_="__import__('os')._exit(0)"),
    "prints": with_code(sum_="(print('shape', tuple(x.shape)), x.sum(-1) + 1)[1]"),
    "nothing": with_code(sum_="None"),
}
COLOUR = r"\x1b\[[\d;]*3[0-7]m"


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student repository, as `autograder release` writes it."""
    folder = tmp_path_factory.mktemp("students")
    root = make_course(folder / "course", (*OUTCOMES, "slow", "gone", "stub"))
    made = makers(root, load_course(root), root / ".autograder")
    build_assignments(root, makers=made)
    release(root, folder / "repository", makers=made, version="1.0")
    return folder / "repository"


@pytest.fixture
def repository(released: Path, tmp_path: Path) -> Path:
    return copied(released, tmp_path / "repository")


def write(repository: Path, slug: str, text: str) -> Path:
    return put(repository, f"assignments/numbers_of/{slug}.py", text)


def test_check_with_nothing_begun(repository: Path) -> None:
    done = run(repository, "check")
    assert done.code == 0
    assert "Nothing begun yet" in done.out and "autograder status" in done.flat
    assert not (repository / ".autograder").exists()


def test_check_tells_every_outcome_and_status_remembers(repository: Path) -> None:
    before = run(repository, "status")
    assert before.code == 0
    assert "0 of 11 exercises done" in before.flat and "Run `autograder check numbers_of/right`" in before.flat
    assert before.flat.count("-/5") == 11

    for slug, text in OUTCOMES.items():
        write(repository, slug, text)
    write(repository, "slow", with_code(sum_="[0 for _ in iter(int, 1)]"))
    for name in ("gone.py", "numbers_of.ipynb"):  # the notebook has every stub, too
        (repository / "assignments/numbers_of" / name).unlink()
    done = run(repository, "check", "numbers_of", "--all", "--strict")
    assert done.code == 1  # --strict, and something fails

    reports = re.split(r"\nTotals, ", "\n" + done.out)[1:]
    of = {report.split()[0]: " ".join(report.split()) for report in reports}
    assert of.keys() == {*OUTCOMES, "slow", "gone", "stub"}
    assert "5/5 points" in of["right"] and "Hidden cases decide when your work is graded" in of["right"]
    assert "2/5 points" in of["wrong"] and "You add up columns. Add up rows." in of["wrong"]
    assert "“a square”" in of["wrong"] and "First difference beyond the tolerance at `[0]`" in of["wrong"]
    assert re.search(r"expected tensor\(\[.*\], float32\) yours tensor\(\[.*\], float32\)", of["wrong"])
    assert "lectures/numbers_of/wrong.md#sums" in of["wrong"] and "a wide table" not in of["wrong"]
    assert "3/5 points" in of["raises"] and "IndexError" in of["raises"]
    assert re.search(r"assignments/numbers_of/raises\.py:\d+ in middle", of["raises"]) and "x.mean(99)" in of["raises"]
    line = 1 + with_code().split("\n").index("def total(x: Tensor) -> Tensor:")
    assert f"assignments/numbers_of/syntax.py:{line}" in of["syntax"] and "0/5" in of["syntax"]
    assert "torch.cumsum" in of["forbidden"] and "0/5" in of["forbidden"]
    assert "ended the whole program (exit code 0)" in of["quits"] and "2/5 points" in of["quits"]
    assert "Your code printed" in of["prints"] and "shape (3, 3)" in of["prints"]
    assert "`Tensor`" in of["nothing"] and "None" in of["nothing"]
    assert "was stopped after 1 s" in of["slow"] and "[0 for _ in iter(int, 1)]" in of["slow"]
    assert "0/5" in of["slow"] and "Not waited for: your code had already been stopped after 1 s" in of["slow"]
    assert "numbers_of/gone.py" in of["gone"] and "0/5" in of["gone"]
    assert "`total` is not written yet." in of["stub"] and "0/5" in of["stub"]
    assert "site-packages" not in done.out and "observe.py" not in done.out  # no line of ours

    after = run(repository, "status")
    assert "1 of 11 exercises done" in after.flat and "5/5" in after.out and "2/5" in after.out
    assert "Changed since" not in after.out
    write(repository, "right", with_code() + "\n# a thought\n")
    changed = run(repository, "status")
    assert "Changed since they were last checked: numbers_of/right. Run: autograder check" in changed.flat


def test_check_without_arguments_is_brief(repository: Path) -> None:
    """What was begun, a line each, and then the first failure in full: one thing at a time."""
    write(repository, "right", OUTCOMES["right"])
    write(repository, "wrong", OUTCOMES["wrong"])
    write(repository, "raises", OUTCOMES["raises"])
    done = run(repository, "check")
    assert done.code == 0  # without --strict
    lines = [line.split() for line in done.out.splitlines()[:3]]
    assert lines == [
        ["numbers_of/right", "5/5", "passed"],
        ["numbers_of/wrong", "2/5", "failed"],
        ["numbers_of/raises", "3/5", "failed"],
    ]
    assert "You add up columns" in done.out and "IndexError" not in done.out and "slow" not in done.out


def test_check_pack_and_grade_agree_on_which_answer_counts(repository: Path, tmp_path: Path) -> None:
    def look() -> tuple[str, str, Submission]:
        checked, packed = run(repository, "check", "stub"), run(repository, "pack", "stub", "-o", tmp_path / "a.zip")
        assert (checked.code, packed.code) == (0, 0), (checked, packed)
        return checked.flat, packed.flat, open_submission(tmp_path / "a.zip", load_course(repository))

    name, notebook = "numbers_of/stub", repository / "assignments/numbers_of/numbers_of.ipynb"
    cells = json.loads(notebook.read_text("utf-8"))
    cell = next(each for each in cells["cells"] if f"exercise:{name}" in each["metadata"].get("tags", []))
    cell["source"] = with_code() + "    raise NotImplementedError('mean')\n"  # the stub's last line was left there
    notebook.write_text(json.dumps(cells), "utf-8")
    checked, packed, graded = look()
    assert "5/5 points" in checked and "answered twice" not in checked, "the stub beside it is nobody's answer"
    assert "1 of 1 exercises written" in packed and "not written yet" not in packed
    assert graded.files[name].file.endswith(".ipynb") and graded.problems == []

    write(repository, "stub", with_code(sum_="x.sum(0)"))
    checked, packed, graded = look()
    twice = f"`{name}` is answered twice: `assignments/{name}.py` was graded, `assignments/numbers_of/numbers_of.ipynb` was not."
    assert "2/5 points" in checked and twice.replace("`", "") in checked and twice.replace("`", "") in packed
    assert graded.files[name].file.endswith(".py") and [each.id for each in graded.problems] == [
        "submission.two-answers"
    ]

    (repository / f"assignments/{name}.py").unlink()
    cell["source"] = "def helper(x):\n    return x\n"
    put(repository, "stub.py", with_code())
    notebook.write_text(json.dumps({**cells, "cells": [{**cell, "metadata": {}}]}), "utf-8")
    checked, packed, graded = look()
    assert (
        "5/5 points" in checked
        and f"{name} was checked in stub.py, which autograder pack leaves out" in checked.replace("`", "")
    )
    assert "0 of 1 exercises written" in packed and graded.files[name].text is None


@pytest.mark.parametrize("name", ["rigth", "numbers_of/rigth", "assignments/numbers_of/rigth.py"])
def test_an_unknown_exercise_has_a_suggestion(repository: Path, name: str) -> None:
    done = run(repository, "check", name)
    assert done.code == 2 and done.out == ""
    assert "There is no exercise" in done.said and "did you mean numbers_of/right" in done.said
    assert "The course can't be used" not in done.err


def test_outside_of_a_course(repository: Path, tmp_path: Path) -> None:
    for name in ("check", "status", "watch"):
        done = run(tmp_path, name)
        assert done.code == 2, name
        assert "There is no grading.toml in" in done.said and "--course" in done.said
    inside = repository / "assignments/numbers_of"
    assert run(inside, "status").out == run(tmp_path, "status", "--course", repository).out


def test_what_an_instructor_does_is_refused(repository: Path) -> None:
    for arguments in (("grade", "."), ("verify",), ("release",), ("new", "numbers_of/another"), ("rejudge",)):
        done = run(repository, *arguments)
        assert done.code == 2, arguments
        assert "has no solutions/: it is a student's edition" in done.said and "autograder check" in done.said


@pytest.mark.parametrize("what", ["grading", "assignments", "plan missing", "plan damaged", "test missing", "progress"])
def test_a_damaged_course_says_what_to_do(repository: Path, what: str) -> None:
    write(repository, "right", OUTCOMES["right"])
    plan = repository / "assignments/numbers_of/expected/right.plan"
    arguments, code = ("check", "right"), 2
    if what == "grading":
        put(repository, "grading.toml", (repository / "grading.toml").read_text() + "ponts = 3\n")
        expected = "unknown key 'ponts'; did you mean 'points'?"
    elif what == "assignments":
        (repository / "assignments").rename(repository / "elsewhere")
        expected = "There is no assignments/ in"
    elif what == "plan missing":
        plan.unlink()
        expected = "right.plan"
    elif what == "plan damaged":
        plan.write_bytes(plan.read_bytes()[:100])
        expected = "right.plan"
    elif what == "test missing":
        (repository / "assignments/numbers_of/test_right.py").unlink()
        expected = "test_right.py"
    else:
        put(repository, ".autograder/progress.json", '{"numbers_of/right": [1, 2], "x": {')
        arguments, code, expected = ("status",), 0, "numbers_of/right"
    done = run(repository, *arguments)
    assert done.code == code and expected in (done.flat if code == 0 else done.said)


def test_doctor(repository: Path, tmp_path: Path) -> None:
    done = run(repository, "doctor")
    assert done.code == 0
    assert "A small course: 11 exercises" in done.flat and "forks and answers" in done.flat
    assert "L2 landlock" in done.out and "hidden files" in done.flat
    (repository / "assignments/numbers_of/expected/right.plan").unlink()
    broken = run(repository, "doctor")
    assert broken.code == 1 and "missing for numbers_of/right" in broken.flat and "fetch" in broken.flat


def test_watch_checks_each_save(repository: Path) -> None:
    with Running(repository, "watch") as watching:
        watching.until_printed("Watching 11 files")
        write(repository, "right", OUTCOMES["wrong"])
        watching.until_printed("1 of 2 checks pass. All of it")
        assert "2/5 points" in watching.out and "You add up columns" in watching.out
        watching.forget()
        write(repository, "right", OUTCOMES["right"])
        watching.until_printed("5/5 points")
        put(repository, "assignments/numbers_of/notes.txt", "not an exercise\n")
        children = watching.children()
        assert children
        done = watching.interrupt()
    assert done.code == 0 and "Stopped watching" in done.out
    assert "Traceback" not in done.err and done.err == ""
    assert alive(children) == []


def test_a_save_breaks_off_a_check_that_still_runs(repository: Path) -> None:
    """Ten minutes of CPU time are allowed here: the verdict of the mended file is not waited for behind them."""
    limits = (repository / "grading.toml").read_text("utf-8").replace("cpu_seconds = 1\n", "cpu_seconds = 600\n")
    put(repository, "grading.toml", limits)
    with Running(repository, "watch") as watching:
        watching.until_printed("Watching 11 files")
        write(repository, "right", with_code(sum_="[0 for _ in iter(int, 1)]"))
        watching.until_printed("numbers_of/right")
        write(repository, "right", OUTCOMES["right"])
        watching.until_printed("lectures/numbers_of/wrong.md")
        assert "5/5 points" in watching.out and "Next: Totals, wrong. Read" in " ".join(watching.out.split())
        assert "too slow" not in watching.out and "crashed" not in watching.out
        done = watching.interrupt()
    assert done.code == 0 and done.err == ""


def test_the_first_time_out_ends_a_check(repository: Path) -> None:
    write(repository, "slow", with_code(sum_="[0 for _ in iter(int, 1)]", mean="[0 for _ in iter(int, 1)]"))
    done = run(repository, "check", "slow")
    assert "was stopped after 1 seconds of CPU time" in done.flat
    assert "Not checked because of that" in done.flat and "stopped twice" not in done.flat


def test_a_breakpoint_is_named_and_so_is_who_called(repository: Path) -> None:
    inner = with_code(sum_="_row_sums(x)") + "\n\ndef _row_sums(x):\n    breakpoint()\n    return x.sum(-1)\n"
    write(repository, "wrong", inner)
    said = run(repository, "check", "wrong").flat
    assert "Your code stops at a `breakpoint()`" in said and "BdbQuit" not in said and "(Pdb)" not in said
    assert "in _row_sums" in said and "in total: return _row_sums(x)" in said


def test_a_console_that_can_not_show_everything(repository: Path) -> None:
    title = "Größe, 词 and ✓"
    put(repository, "grading.toml", (repository / "grading.toml").read_text("utf-8").replace("Totals, wrong", title))
    write(repository, "wrong", with_code(sum_="(print('词 ✓'), x.sum(0))[1]"))
    done = run(repository, "check", "wrong", encoding="cp1252", PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert done.code == 0 and "You add up columns" in done.out and "2/5 points" in done.out
    assert "Größe" in done.out and not set("✗█词✓") & set(done.out)
    for encoding in ("ascii", "cp1252"):
        status = run(repository, "status", encoding=encoding, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert status.code == 0 and "2/5" in status.out and "#" in status.out and "numbers_of/wrong" in status.out
        help = run(repository, "check", "--help", encoding=encoding, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert help.code == 0 and "Usage" in help.out


def test_colour_is_for_terminals_that_want_it(repository: Path) -> None:
    path = write(repository, "right", OUTCOMES["right"])
    row = {"earned": 5, "points": 5, "verdict": "passed", "hash": hashlib.sha256(path.read_bytes()).hexdigest()}
    put(repository, ".autograder/progress.json", json.dumps({"numbers_of/right": row}))
    plain = run(repository, "status", TERM="xterm-256color")
    assert "5/5" in plain.out and "\x1b" not in plain.out  # not a terminal
    forced = run(repository, "status", TERM="xterm-256color", FORCE_COLOR="1")
    assert re.search(COLOUR, forced.out)  # the control
    assert not re.search(COLOUR, run(repository, "status", TERM="xterm-256color", FORCE_COLOR="1", NO_COLOR="1").out)


def test_the_command_itself_never_imports_torch(repository: Path) -> None:
    """So that its own start-up beside torch's is nothing that a student would notice."""
    write(repository, "right", OUTCOMES["right"])
    assert seen(repository, "check", "right") == ("0", False, True)
    assert seen(repository, "status") == ("0", False, False)
    assert seen(repository, "check", "nowhere")[1] is False
    assert seen(repository, "--help") == ("0", False, False)


def test_the_search_for_torch_finds_it(repository: Path) -> None:
    """The control; and `--in-process --strict` on work that passes."""
    write(repository, "right", OUTCOMES["right"])
    assert seen(repository, "check", "right", "--in-process", "--strict") == ("0", True, False)


def test_help_teaches(repository: Path, tmp_path: Path) -> None:
    main = run(tmp_path, "--help")
    for word in ("Students", "Instructors", "Authors", "check", "watch", "status", "doctor", "grade", "verify"):
        assert word in main.out
    theirs = run(repository / "assignments", "--help")
    for word in ("Students", "check", "watch", "status", "doctor", "own", "restore"):
        assert word in theirs.out
    for word in ("Instructors", "instructors", "Authors", "│ grade ", "│ verify "):
        assert word not in theirs.out
    assert "hidden checks decide your grade" in run(repository, "check", "--help").flat.lower()
    unknown = run(repository, "chekc")
    assert unknown.code == 2 and "check" in unknown.err
