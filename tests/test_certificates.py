"""Certificates: what `verify` writes beside an exercise, when it is of use, and what `--briefly` tries instead of everything."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import MISTAKES, Done, copied, make_course, run
from release_course import tree

from autograder.course import load_course
from autograder.plan import PlannedCase, read_plan, write_plan
from autograder.verify.certificate import about, certified
from autograder.wire.decode import decode
from autograder.wire.encode import encode

MANY = MISTAKES + "".join(
    f'\nmistake("You add {n} to each sum.", edit={{"x.sum(-1)": "x.sum(-1) + {n}"}})\n' for n in range(1, 9)
)


def certificate(root: Path, name: str = "numbers_of/first") -> Path:
    return root / "solutions" / name / "certificate.json"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A course that was verified whole, with and without general mistakes."""
    root = make_course(tmp_path_factory.mktemp("certified") / "course", first_mistakes=MANY)
    assert run(root, "release").code == 0
    done = run(root, "verify", "--no-general")
    assert done.code == 0, done.out
    before = json.loads(certificate(root).read_text("utf-8"))
    assert before["general"] is None and before["mutants"] is None
    done = run(root, "verify", "--general")
    assert done.code == 0, done.out
    return root, before


@pytest.fixture
def course(base: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy that knows nothing but what is committed."""
    root = copied(base[0], tmp_path / "course")
    for folder in ("verify", "plans"):
        shutil.rmtree(root / ".autograder" / folder)
    return root


def tried(done: Done) -> list[str]:
    """The row of the exercise: checks, stub, references, mistakes, alternatives, forgers."""
    row = next(line.split() for line in done.out.splitlines() if line.strip().startswith("numbers_of/first"))
    return row[1:7]


def test_it_says_what_was_tried(base: tuple[Path, dict[str, Any]]) -> None:
    root, before = base
    now = json.loads(certificate(root).read_text("utf-8"))
    assert (now["mistakes"], now["alternatives"], now["forgers"]) == (10, 1, 11)
    sums, means = now["checks"]["sums_rows"], now["checks"]["means_of_rows"]
    assert (sums["rejects"], sums["alone"], means["rejects"]) == (9, 9, 1)
    assert sums["dishonest"] > 1 > sums["honest"]
    general = now.pop("general")
    assert general["tried"] == general["rejected"] + general["right"] > 0
    before.pop("general")
    assert now == before  # the second run had nothing but general mistakes to say


def test_an_unchanged_exercise_is_tried_on_a_sample(course: Path) -> None:
    before = tree(course / "solutions")
    done = run(course, "verify", "--briefly")
    assert done.code == 0, done.out
    assert tried(done) == ["2", "0/5", "2/2", "6/6", "1/1", "6/6"]  # 6 of 10 mistakes, 3 forgers, 3 that patch
    assert "general" not in done.out and tree(course / "solutions") == before
    whole = run(course, "verify", "--no-general")  # nothing is remembered of the sample that could stand for the whole
    assert whole.code == 0 and tried(whole)[3:] == ["10/10", "1/1", "11/11"]
    assert tree(course / "solutions") == before


@pytest.mark.parametrize("file", ["checks.py", "mistakes.py", "alternatives.py", "solution.py"])
def test_a_changed_file_has_no_certificate(course: Path, file: str) -> None:
    path = course / "solutions/numbers_of/first" / file
    exercise = load_course(course).exercise("numbers_of/first")
    assert certified(exercise, course)
    path.write_text(path.read_text("utf-8") + "\nANOTHER = 1\n", "utf-8")
    assert not certified(exercise, course)


def test_a_comment_that_only_authors_read_needs_no_new_one(course: Path) -> None:
    """Comments of the reference and of the checks count: what students and tables see of them has lines."""
    folder = course / "solutions/numbers_of/first"
    exercise = load_course(course).exercise("numbers_of/first")
    for name in ("mistakes.py", "alternatives.py"):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(f"# another heading\n{text}\n\n# and a last line\n", "utf-8")
    assert certified(exercise, course)
    mistakes = (folder / "mistakes.py").read_text("utf-8")
    (folder / "mistakes.py").write_text(mistakes.replace("x.sum(-1) + 3", "x.sum(-1) +  '#3'"), "utf-8")
    assert not certified(exercise, course)
    (folder / "mistakes.py").write_text(mistakes, "utf-8")
    checks = folder / "checks.py"
    checks.write_text(checks.read_text("utf-8") + "# another\n", "utf-8")
    assert not certified(exercise, course)


def test_of_what_is_declared_general_mistakes_count(course: Path) -> None:
    """What is said of a mutant is looked at when mutants are tried, and decides nothing else."""
    file = course / "solutions/numbers_of/first/equivalent.toml"
    exercise = load_course(course).exercise("numbers_of/first")
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(before + '\n[[equivalent]]\nold = "a"\nnew = "b"\nwhy = "They are equal."\n', "utf-8")
    assert certified(exercise, course)
    for more in ('\n[[general]]\nscope = "a"\nkind = "memo"\nwhy = "None."\n', "\n[[general]]\n["):
        file.write_text(before + more, "utf-8")
        assert not certified(exercise, course)


def test_a_plan_that_is_known_whole_serves_a_release(course: Path) -> None:
    """A release asks for less than the whole plan of what has a certificate; mutants leave the whole one."""
    before = tree(course / "assignments")
    run(course, "verify", "--only-mutants", "numbers_of/first")
    done = run(course, "release")
    assert done.code == 0 and tree(course / "assignments") == before, done.out


@pytest.mark.parametrize(("factor", "stays"), [(1 + 1e-5, True), (1.05, False)])
def test_what_training_gives_may_differ_from_one_processor_to_the_next(
    course: Path, factor: float, stays: bool
) -> None:
    """A thousandth, where a certificate speaks of the committed plan; more, and it is another plan."""
    replace_plan(course, lambda case: setattr(case, "want", scaled(case.want, factor)))
    changed = committed_plan(course).read_bytes()
    assert run(course, "release").code == 0
    assert (committed_plan(course).read_bytes() == changed) is stays


def test_what_is_tried_whole_is_held_to_no_more(course: Path) -> None:
    """Mistakes blow last digits up, so a machine that makes them anew must neither ask for a release nor certify its own plan."""

    def blown_up(case: PlannedCase) -> None:
        case.mistakes = {index: scaled(value, 1.5) for index, value in case.mistakes.items()}

    replace_plan(course, blown_up)
    text = certificate(course).read_text("utf-8")
    done = run(course, "verify", "--no-general", "numbers_of/first")
    assert done.code == 0 and tried(done)[3] == "10/10" and "assignments/" not in done.flat
    assert certificate(course).read_text("utf-8") == text


def committed_plan(course: Path) -> Path:
    return course / "assignments/numbers_of/expected/first.plan"


def replace_plan(course: Path, change: Callable[[PlannedCase], None]) -> None:
    """Commit another plan, with a certificate that speaks of it."""
    file = committed_plan(course)
    before = file.read_bytes()
    plan = read_plan(before, "first.plan")
    for _, case in plan.cases():
        change(case)
    file.write_bytes(write_plan(plan))
    assert file.read_bytes() != before
    found = json.loads(certificate(course).read_text("utf-8"))
    found["plan"] = hashlib.sha256(file.read_bytes()).hexdigest()
    certificate(course).write_text(json.dumps(found), "utf-8")


def scaled(blob: bytes, factor: float) -> bytes:
    value = decode(blob) if blob else None
    return encode(value * factor) if isinstance(value, torch.Tensor) else blob


def test_what_it_is_given_for_is_looked_at(course: Path) -> None:
    """Its row, and the committed plan that came of it; a file that says nothing is no certificate."""
    exercise = load_course(course).exercise("numbers_of/first")
    grading = (course / "grading.toml").read_text("utf-8")
    (course / "grading.toml").write_text(
        grading.replace('title = "', 'forbid = ["torch.cumsum"]\ntitle = "', 1), "utf-8"
    )
    plan = course / "assignments/numbers_of/expected/first.plan"
    data = plan.read_bytes()
    plan.write_bytes(data + b" ")
    assert not certified(exercise, course)
    plan.write_bytes(data)
    assert certified(exercise, course)
    certificate(course).write_text("{}", "utf-8")
    assert not certified(exercise, course)


@pytest.mark.slow
def test_without_one_everything_is_tried(course: Path) -> None:
    text = certificate(course).read_text("utf-8")
    certificate(course).unlink()
    done = run(course, "verify", "--briefly")
    assert done.code == 0 and tried(done)[3:] == ["10/10", "1/1", "11/11"] and "general" in done.out
    assert json.loads(certificate(course).read_text("utf-8")) == json.loads(text)


def test_a_sample_finds_what_a_certificate_hides(course: Path) -> None:
    """What a change of the engine could do: here, mistakes that nothing rejects, behind a certificate that was not earned."""
    path = course / "solutions/numbers_of/first/mistakes.py"
    for n in range(1, 9):
        path.write_text(path.read_text("utf-8").replace(f"x.sum(-1) + {n}", f"x.sum(-1) + 0 * {n}"), "utf-8")
    found = json.loads(certificate(course).read_text("utf-8"))
    found["about"] = about(load_course(course).exercise("numbers_of/first"), course)
    text = json.dumps(found)
    certificate(course).write_text(text, "utf-8")
    (course / "assignments/numbers_of/first.py").write_text("# not the stub\n", "utf-8")
    done = run(course, "verify", "--briefly")
    assert done.code == 1 and "no check rejects the mistake “You add" in done.flat
    assert "run `autograder release` to write it anew" in done.flat
    assert certificate(course).read_text("utf-8") == text


@pytest.mark.slow
def test_what_is_wrong_earns_none(course: Path) -> None:
    path = course / "solutions/numbers_of/first/mistakes.py"
    path.write_text(path.read_text("utf-8").replace("x.sum(-1) + 3", "x.sum(-1) + 0"), "utf-8")
    before = certificate(course).read_bytes()
    assert run(course, "verify", "--no-general").code == 1
    assert certificate(course).read_bytes() == before
