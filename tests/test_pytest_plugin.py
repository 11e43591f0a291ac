"""The pytest plugin: a released exercise and an authored one, collected and run as pytest does with any test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import LONG, copied, environment, make_course, with_code
from release_course import put
from tiny_course import TOTAL, TOTAL_CHECKS

from autograder.course import load_course
from autograder.experiment import explain  # noqa: F401 (torch can be imported only once a process; pytester forgets modules)
from autograder.feedback import messages  # noqa: F401
from autograder.local import local  # noqa: F401 (torch can be imported only once a process; pytester forgets modules)
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.twin import show  # noqa: F401 (torch can be imported only once a process; pytester forgets modules)

pytest_plugins = ["pytester"]

OTHERS = "-p no:hypothesispytest -p no:xdist -p no:anyio -p no:typeguard"  # of no concern here, and slow to load anew
GPU_CHECK = '''

@check(points=1, inputs=table, bonus=True, device="cuda", public=[case(rows=2, columns=2)], hidden=[case(rows=3, columns=2)])
def runs_on_a_gpu(student, x):
    """It runs on a GPU."""
    return student.total(x)
'''


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with its assignments/ written: students' and authors' side in one tree."""
    course = make_course(tmp_path_factory.mktemp("plugin"), ("first", "second"), first_checks=TOTAL_CHECKS + GPU_CHECK)
    build_assignments(course, makers=makers(course, load_course(course), course / ".autograder"))
    return course


@pytest.fixture
def course(released: Path, pytester: pytest.Pytester) -> Path:
    for name in ("assignments", "solutions"):
        copied(released / name, pytester.path / name)
    pytester.makeini(f"[pytest]\naddopts = --import-mode=importlib {OTHERS}\n")
    return pytester.path


def write(course: Path, text: str) -> None:
    put(course, "assignments/numbers_of/first.py", text)


def student(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("assignments/numbers_of/test_first.py", "-p", "no:cacheprovider", *arguments)


def test_each_public_case_is_a_test_with_a_readable_id(course: Path, pytester: pytest.Pytester) -> None:
    done = student(pytester, "--collect-only", "-q")
    ids = [line for line in done.outlines if "::" in line]
    assert ids == [
        "assignments/numbers_of/test_first.py::sums_rows::a_square",
        "assignments/numbers_of/test_first.py::means_of_rows::rows_3_columns_3",
        "assignments/numbers_of/test_first.py::runs_on_a_gpu::rows_2_columns_2",
    ]
    everything = pytester.runpytest_inprocess("--collect-only", "-q", "assignments")
    assert len([line for line in everything.outlines if "::" in line]) == 5


def test_the_stub_fails_and_the_reference_passes(course: Path, pytester: pytest.Pytester) -> None:
    student(pytester).assert_outcomes(failed=2, skipped=1)
    write(course, TOTAL)
    student(pytester).assert_outcomes(passed=2, skipped=1)


def test_one_can_be_chosen(course: Path, pytester: pytest.Pytester) -> None:
    write(course, with_code(sum_="x.sum(0)"))
    student(pytester, "-k", "means").assert_outcomes(passed=1, deselected=2)
    student(pytester, "-k", "square").assert_outcomes(failed=1, deselected=2)
    student(pytester, "-k", "sums_rows and a_square").assert_outcomes(failed=1, deselected=2)  # all that an id holds
    student(pytester, "-m", "not gpu").assert_outcomes(passed=1, failed=1, deselected=1)
    student(pytester, "-x").assert_outcomes(failed=1)
    name = "assignments/numbers_of/test_first.py::sums_rows::a_square"
    pytester.runpytest_inprocess(name).assert_outcomes(failed=1)
    pytester.runpytest_inprocess(name.rpartition("::")[0]).assert_outcomes(failed=1)


def test_last_failed_runs_those_alone(course: Path, pytester: pytest.Pytester) -> None:
    write(course, with_code(mean="x.mean(0)"))
    pytester.runpytest_inprocess("assignments/numbers_of/test_first.py").assert_outcomes(passed=1, failed=1, skipped=1)
    again = pytester.runpytest_inprocess("assignments/numbers_of/test_first.py", "--lf", "-v")
    again.assert_outcomes(failed=1, deselected=2)
    assert "means_of_rows::rows_3_columns_3 FAILED" in again.stdout.str()


def test_a_failing_check_reads_like_a_report(course: Path, pytester: pytest.Pytester) -> None:
    write(course, with_code(sum_="(print('shape', tuple(x.shape)), x.sum(0))[1]"))
    text = student(pytester).stdout.str()
    report = text.partition("_ sums_rows: a square _")[2].partition("short test summary")[0]
    for piece in (
        "The sum goes along the last dimension.",
        "case: a square",
        "x = tensor([[",
        "expected tensor([",
        "got      tensor([",
        "Wrong values: 3 of 3.",
        "First difference beyond the tolerance at",
        "What went wrong: You add up columns. Add up rows.",
        "Captured stdout call",
        "shape (3, 3)",
    ):
        assert piece in report, piece
    assert "CheckFailed" not in report and "autograder" not in report and "Traceback" not in report
    assert "a wide table" not in text  # a hidden case


def test_what_raises_names_their_line(course: Path, pytester: pytest.Pytester) -> None:
    write(course, with_code(sum_="x.sum(99)"))
    report = student(pytester, "-k", "sums").stdout.str()
    line = with_code(sum_="x.sum(99)").split("\n").index("    return x.sum(99)") + 1
    assert "IndexError" in report and re.search(rf"numbers_of/first\.py:{line}: in total", report)
    assert "experiment/observe.py" not in report


def test_with_a_debugger_their_exception_comes_out(course: Path, pytester: pytest.Pytester) -> None:
    """`--pdb` stops in the student's function, and the traceback has their frames only."""
    write(course, with_code(sum_="x.sum(99)"))
    put(
        course,
        "quiet.py",
        "import pdb\nimport sys\n\n\nclass Quiet(pdb.Pdb):\n"
        "    def interaction(self, frame, traceback):\n"
        "        while traceback.tb_next:\n            traceback = traceback.tb_next\n"
        "        names = []\n        frame = traceback.tb_frame\n"
        "        while frame is not None:\n            names.append(frame.f_code.co_name)\n            frame = frame.f_back\n"
        "        print('DEBUGGER', [name for name in names if name == 'total'])\n",
    )
    pytester.syspathinsert()
    done = student(pytester, "-k", "sums", "--pdb", "--pdbcls=quiet:Quiet")
    text = done.stdout.str()
    done.assert_outcomes(failed=1, deselected=2)
    assert "DEBUGGER ['total']" in text
    assert "return x.sum(99)" in text and "numbers_of/first.py:" in text
    assert "observe.py" not in text and "pytest_plugin.py" not in text and "local.py" not in text


def test_with_a_debugger_a_wrong_answer_ends_where_it_was_returned(course: Path, pytester: pytest.Pytester) -> None:
    """Nothing was raised there: the last frame of theirs is kept, with its variables."""
    write(course, with_code(sum_="x.sum(0)"))
    put(
        course,
        "calm.py",
        "import pdb\n\n\nclass Quiet(pdb.Pdb):\n"
        "    def interaction(self, frame, traceback):\n"
        "        while traceback.tb_next:\n            traceback = traceback.tb_next\n"
        "        frame = traceback.tb_frame\n"
        "        print('DEBUGGER', frame.f_code.co_name, traceback.tb_lineno, tuple(frame.f_locals['x'].shape))\n",
    )
    pytester.syspathinsert()
    text = student(pytester, "-k", "sums", "--pdb", "--pdbcls=calm:Quiet").stdout.str()
    line = with_code(sum_="x.sum(0)").split("\n").index("    return x.sum(0)") + 1
    assert f"DEBUGGER total {line} (3, 3)" in text and "First difference" in text


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("def total(:\n", ("can't be read by Python", "first.py:1")),
        ("1 / 0\n", ("ZeroDivisionError", "first.py:1")),
        ("def middle(x):\n    return x\n", ("total",)),
        (None, ("There is no first.py beside the tests",)),
    ],
    ids=["syntax", "raises at import", "a function is missing", "no file"],
)
def test_a_file_that_can_not_be_loaded(
    course: Path, pytester: pytest.Pytester, text: str | None, sentences: tuple[str, ...]
) -> None:
    if text is None:
        (course / "assignments/numbers_of/first.py").unlink()
    else:
        write(course, text)
    done = student(pytester, "-k", "sums")
    done.assert_outcomes(failed=1, deselected=2)
    for sentence in sentences:
        assert sentence in done.stdout.str()
    assert "observe.py" not in done.stdout.str()


def test_a_damaged_test_module_is_said_when_collecting(course: Path, pytester: pytest.Pytester) -> None:
    put(course, "assignments/numbers_of/test_first.py", "def broken(:\n")
    done = student(pytester)
    done.assert_outcomes(errors=1)
    assert "SyntaxError" in done.stdout.str() and "local.py" not in done.stdout.str()


def test_a_damaged_plan_is_said_when_collecting(course: Path, pytester: pytest.Pytester) -> None:
    plan = course / "assignments/numbers_of/expected/first.plan"
    plan.write_bytes(plan.read_bytes()[:50])
    done = student(pytester)
    done.assert_outcomes(errors=1)
    assert "first.plan" in done.stdout.str() and "msgspec" not in done.stdout.str()


def test_solutions_run_every_case_and_the_oracle(course: Path, pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_inprocess("solutions/numbers_of/first", "-v", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=6, skipped=2)
    text = done.stdout.str()
    for id in ("sums_rows::a_wide_table", "means_of_rows::fresh_1", "test_oracle.py::test_totals"):
        assert f"{id} PASSED" in text


def test_two_exercises_with_the_same_file_names_do_not_collide(course: Path, pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("solutions", "-q", "-p", "no:cacheprovider").assert_outcomes(passed=12, skipped=2)


def test_a_reference_that_its_own_oracle_refutes(course: Path, pytester: pytest.Pytester) -> None:
    path = course / "solutions/numbers_of/first/solution.py"
    path.write_text(path.read_text("utf-8").replace("x.sum(-1)", "x.sum(0)"), "utf-8")
    done = pytester.runpytest_inprocess("solutions/numbers_of/first/test_oracle.py", "-p", "no:cacheprovider")
    done.assert_outcomes(failed=1)
    put(course, "solutions/numbers_of/first/checks.py", "def broken(:\n")
    broken = pytester.runpytest_inprocess("solutions/numbers_of/first/checks.py", "-p", "no:cacheprovider")
    broken.assert_outcomes(errors=1)
    assert "checks.py:1" in broken.stdout.str()


def test_the_markers_are_registered(pytester: pytest.Pytester) -> None:
    assert "@pytest.mark.gpu: needs a CUDA device" in pytester.runpytest_inprocess("--markers").stdout.str()


def test_the_fixture_says_where_it_belongs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(reference):\n    pass\n")
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    done.assert_outcomes(errors=1)
    assert "there is no solution.py beside" in done.stdout.str()


def test_other_projects_are_left_alone(tmp_path: Path) -> None:
    """Nothing heavy is imported, and files of our names that are not ours are pytest's own business."""
    put(
        tmp_path,
        "test_theirs.py",
        "import sys\n\n\ndef test_nothing_heavy():\n    heavy = {'torch', 'numpy', 'msgspec', 'pydantic', 'rich', 'typer'}\n"
        "    assert 'autograder.local.pytest_plugin' in sys.modules\n    assert not heavy & set(sys.modules)\n"
        "    assert [n for n in sys.modules if n.startswith('autograder.')] in (\n"
        "        ['autograder.local', 'autograder.local.pytest_plugin'],\n"
        "        ['autograder.refusals', 'autograder.checks.authoring', 'autograder.local', 'autograder.local.pytest_plugin'])\n",
    )
    put(tmp_path, "checks.py", "raise SystemExit('not collected')\n")
    put(tmp_path, "expected/other.plan", "theirs\n")
    put(tmp_path, "solution.txt", "x\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=environment(), capture_output=True, timeout=LONG,
    )  # fmt: skip
    assert b"1 passed" in done.stdout, done.stdout.decode()
