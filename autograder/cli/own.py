"""A student's own cases: `autograder own` copies a case into their file, and `check` and `watch` run it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from autograder.course import Exercise

SECONDS = 60


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(own)


def own(
    exercise: Annotated[str, typer.Argument(help="The exercise: `tokenizer/bpe`, `bpe`, or its file.")],
    case: Annotated[
        str, typer.Argument(help="Which public case, by its title; the first that fails, by default.")
    ] = "",
    course: CourseOption = None,
) -> None:
    """Copy a failing case to your own tests, as a few lines of Python that you can change. `check` and `watch` run them.

    They are in `assignments/<topic>/own/test_<exercise>.py`, beside what you add by hand, and nothing is graded by them.
    """
    from autograder.feedback.pen import console
    from autograder.grading.student import expected_plan
    from autograder.local.own import own_file
    from autograder.plan import load_plan
    from autograder.release.files import write_atomically

    root, loaded = open_course(course)
    found = loaded.match([exercise])
    if len(found) != 1:
        raise Refused(f"{exercise!r} is {len(found)} exercises: name one, as {found[0].name}.")
    chosen = found[0]
    plan = load_plan(expected_plan(root, chosen))
    check, planned = _named(plan, case) if case else _failing(root, loaded, chosen, plan)

    from autograder.local import copying

    path = own_file(root, chosen.name)
    text = path.read_text(encoding="utf-8") if path.is_file() else copying.HEAD.format(exercise=chosen.name)
    tests = path.parent.parent / f"test_{chosen.slug}.py"
    try:
        name, written = copying.test_of(plan, check, planned, _is_judged(tests, check.name), text)
    except copying.CanNotCopy as error:
        raise Refused(f"“{planned.title}” can't be copied: {error}.") from None
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, f"{text.rstrip()}\n\n\n{written}".encode())
    out = console()
    where = path.relative_to(root).as_posix()
    out.print(
        f"{where}: {name} was added. It runs with: autograder check {chosen.name}, or pytest {where}", soft_wrap=True
    )


def _named(plan: Any, title: str) -> tuple[Any, Any]:
    found = [(check, case) for check, case in plan.cases() if case.title == title and check.points]
    if not found:
        titles = ", ".join(f"“{case.title}”" for check, case in plan.cases() if check.points)
        raise Refused(f"There is no public case “{title}”. There are: {titles}.")
    return found[0]


def _failing(root: Path, loaded: Any, exercise: Exercise, plan: Any) -> tuple[Any, Any]:
    """The first failing case of a check with points, as `check` would show it."""
    from autograder.feedback.causes import first_case, in_order
    from autograder.grading.student import StudentChecker
    from autograder.jail.here import make_zygote

    checker = StudentChecker(root, loaded, make_zygote())
    try:
        result = checker.check([exercise], lambda _: None)[0]
    finally:
        checker.close()
    failing = [check for check in result.checks if check.verdict != "passed" and check.points and check.cases]
    if not failing:
        raise Refused("No public case with points fails. Name one to copy it: autograder own EXERCISE TITLE")
    check = in_order(failing, None)[0]
    case = first_case(check)
    assert case is not None
    return plan.find(check.name, case.title)


def _is_judged(tests: Path, check: str) -> bool:
    """Whether a check's answers are judged, by its test module's text."""
    import ast

    for node in ast.parse(tests.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == check:
            decorators = [each for each in node.decorator_list if isinstance(each, ast.Call)]
            return any(keyword.arg == "judge" for each in decorators for keyword in each.keywords)
    return False


def run_own(out: Any, root: Path, exercise: Exercise, require_going_on: Callable[[], None] = lambda: None) -> None:
    """Run the student's own cases of an exercise, where there are any, and show what pytest says of them.

    `require_going_on` is asked again and again, and may raise: then they are ended.
    """
    from autograder.feedback.escape import visible
    from autograder.local.own import own_file

    path = own_file(root, exercise.name)
    if not path.is_file():
        return
    options = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command = [sys.executable, "-P", "-m", "pytest", *options, str(path.relative_to(root))]
    out.print("Your own cases", style="bold")
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said = _wait(process, require_going_on)
        except BaseException:
            process.kill()
            raise
    for line in said.strip().split("\n"):
        out.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def _wait(process: subprocess.Popen[str], require_going_on: Callable[[], None]) -> str:
    end = time.monotonic() + SECONDS
    while True:
        require_going_on()
        try:
            return process.communicate(timeout=0.1)[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                process.kill()
                return f"{process.communicate()[0]}\nStopped after {SECONDS} seconds."
