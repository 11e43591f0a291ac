"""Commands for students who are stuck, and for those who are done: hint, solution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course, Exercise
    from autograder.course.config import Module
    from autograder.lessons.solutions import Solution, Way

ExerciseArgument = Annotated[str, typer.Argument(help="One exercise: `tokenizer/bpe`, `bpe`, or its file.")]


def register(app: typer.Typer) -> None:
    for command in (hint, solution):
        app.command(rich_help_panel=STUDENTS)(command)


# ---------------------------------------------------------------- hint


def hint(
    exercise: ExerciseArgument,
    again: Annotated[bool, typer.Option("--again", help="Show those that you have had, and no new one.")] = False,
    course: CourseOption = None,
) -> None:
    """Show one more hint each time: what to look at, what to do, nearly how.

    How many you have had is remembered. It costs no points; whether your instructor sees it, the command says.
    """
    from autograder.feedback import escape
    from autograder.feedback.pen import Pen, console
    from autograder.lessons.asked import Asked

    root, loaded = open_course(course)
    found = _one(loaded, exercise)
    hints = _hints(root, loaded, found)
    reported = loaded.module_of(found.name).feedback.hints == "reported" and not _is_authors(root)
    asked = Asked(root, handed_in=reported)
    names = [each.name for each in loaded.exercises]
    had = min(asked.counts(names).get(found.name, 0), len(hints))
    given = had if again else min(had + 1, len(hints))
    out = console()
    pen = Pen(out.encoding)
    out.print(pen.line(found.title, "bold") + pen.line(f"  {found.name}", "dim"))
    for number in range(1 if again or had == len(hints) else given, given + 1):
        out.print()
        out.print(pen.line(f"Hint {number} of {len(hints)}", "bold yellow"))
        out.print(pen.spans(escape.spans(hints[number - 1])))
    if given > had and not asked.remember(found.name, given, names):
        out.print("This can't be remembered here: the folder can't be written.", style="dim")
    out.print()
    for line in _after_hint(found, given, had, len(hints), again, reported):
        out.print(line, style="dim")


def _after_hint(exercise: Exercise, given: int, had: int, total: int, again: bool, reported: bool) -> list[str]:
    lines = []
    if again and not given:
        lines.append(f"You have had none yet. The first one: autograder hint {exercise.name}")
    elif had == total and not again:
        lines.append(
            f"You have had all {total}. Read its page again, lectures/{exercise.name}.md, and then ask a person."
        )
    elif given < total:
        left = "one more" if total - given == 1 else f"{total - given} more"
        lines.append(f"There {'is' if total - given == 1 else 'are'} {left}: try again before you ask for it.")
    else:
        lines.append(f"That was the last one. See what it changed: autograder check {exercise.name}")
    if reported and given:
        lines.append(
            f"Your instructor sees that you asked for {given} here (assignments/hints.json). It costs no points."
        )
    return lines


def _hints(root: Path, course: Course, exercise: Exercise) -> list[str]:
    """The hints of an exercise: the authors' own file, or what came with the release."""
    from autograder.lessons.hints import load_hints
    from autograder.lessons.packed import read
    from autograder.lessons.places import hints_file

    if course.module_of(exercise.name).feedback.hints == "none":
        raise Refused(f"Your course gives no hints for {exercise.name}. Its page: lectures/{exercise.name}.md")
    if _is_authors(root):
        hints: Any = list(load_hints(exercise.solution_dir(root)).hints)
    else:
        hints = read(root / hints_file(exercise.name))
    if not hints:
        raise Refused(f"There are no hints for {exercise.name} yet. Its page: lectures/{exercise.name}.md")
    return [str(each) for each in hints]


# ---------------------------------------------------------------- solution


def solution(exercise: ExerciseArgument, course: CourseOption = None) -> None:
    """Show the reference and other right ways, with a sentence on each, once all public checks of yours pass.

    Whether and when, your instructor decides (`solutions` in grading.toml); in a class mostly never.
    """
    from autograder.feedback.pen import console

    root, loaded = open_course(course)
    found = _one(loaded, exercise)
    if _is_authors(root):
        from autograder.lessons.solutions import load_solution

        shown = load_solution(found.solution_dir(root))
    else:
        shown = _released(root, loaded, found)
    _print_solution(console(), found, shown)


def _released(root: Path, course: Course, exercise: Exercise) -> Solution:
    """The solution that came with the release, if it may be shown now."""
    from autograder.lessons.packed import read
    from autograder.lessons.places import solution_file
    from autograder.lessons.solutions import Solution

    module = course.module_of(exercise.name)
    data = read(root / solution_file(exercise.name))
    if module.feedback.solutions == "never" or data is None:
        raise Refused(_why_not(exercise, module))
    if module.feedback.solutions == "after_passing":
        _require_passed(root, course, exercise)
    try:
        return Solution.of(data)
    except ValueError:
        raise Refused(f"The solution of {exercise.name} is damaged: bring it back with `autograder update`.") from None


def _why_not(exercise: Exercise, module: Module) -> str:
    if module.feedback.solutions == "never":
        return f"The solutions of this course stay closed, as your instructor decided. Stuck? autograder hint {exercise.name}"
    if module.feedback.solutions == "after_due":
        due = f" after {module.due:%d %B %Y, %H:%M}" if module.due else ""
        return f"The solution of {exercise.name} is not here yet. It comes with an update of the course{due}."
    return f"This copy of the course has no solution of {exercise.name}: bring it with `autograder update`."


def _require_passed(root: Path, course: Course, exercise: Exercise) -> None:
    """Run the public checks, and refuse unless all that can be run here pass."""
    from autograder.grading.student import StudentChecker
    from autograder.jail.here import make_zygote

    zygote = make_zygote()
    try:
        (result,) = StudentChecker(root, course, zygote).check([exercise], lambda result: None)
    finally:
        zygote.close()
    counted = [check for check in result.checks if check.counts]
    passed = [check for check in counted if check.verdict == "passed"]
    if result.message is None and passed and all(check.verdict in ("passed", "skipped") for check in counted):
        return
    raise Refused(
        f"{len(passed)} of {len(counted)} public checks of {exercise.name} pass; its solution opens when all do.\n"
        f"What is wrong: autograder check {exercise.name}. Stuck? autograder hint {exercise.name}"
    )


def _print_solution(out: Any, exercise: Exercise, solution: Solution) -> None:
    from autograder.feedback import escape
    from autograder.feedback.pen import Pen

    pen = Pen(out.encoding)
    out.print(pen.line(exercise.title, "bold") + pen.line(f"  {exercise.name}", "dim"))
    out.print()
    out.print("The reference. Yours may look different, and be as right.", style="bold yellow")
    out.print()
    _print_code(out, solution.reference)
    for number, way in enumerate(solution.ways, 1):
        out.print()
        heading = pen.line(f"Another way, {number} of {len(solution.ways)}: ", "bold yellow")
        out.print(heading + pen.spans(escape.spans(way.sentence), "not bold default"))
        if way.misses:
            out.print(f"It is right, and does not earn the bonus of {', '.join(way.misses)}.", style="dim")
        out.print()
        _print_way(out, way)


def _print_way(out: Any, way: Way) -> None:
    if way.code:
        _print_code(out, way.code)
    for old, new in way.changes:
        if old:
            out.print("In place of", style="dim")
            _print_code(out, old)
        out.print("it says" if new.strip() else "it says nothing.", style="dim")
        _print_code(out, new)


def _print_code(out: Any, code: str) -> None:
    from rich.syntax import Syntax

    from autograder.feedback import escape

    code = escape.encodable(escape.visible(code.strip("\n"), lines=True), out.encoding)
    if code.strip():
        out.print(Syntax(code, "python", theme="ansi_dark", background_color="default", word_wrap=True))


# ---------------------------------------------------------------- shared


def _one(course: Course, pattern: str) -> Exercise:
    found = course.match([pattern])
    if len(found) != 1:
        raise Refused(f"{pattern!r} is {len(found)} exercises. Name one: {found[0].name}")
    return found[0]


def _is_authors(root: Path) -> bool:
    """Whether this is the course's own repository: what students get packed lies open there."""
    return (root / "solutions").is_dir()
