"""Commands for students: check, watch, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Exercise
    from autograder.course.answers import SubmittedFile
    from autograder.grading.student import StudentChecker

ExercisesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Exercises: `tokenizer/bpe`, `bpe`, a file, or a topic. All that you have begun, by default."),
]
InProcess = Annotated[
    bool, typer.Option("--in-process", help="Run without a worker process (no time limits).", hidden=True)
]


def register(app: typer.Typer) -> None:
    for command in (check, watch, doctor):
        app.command(rich_help_panel=STUDENTS)(command)


def check(
    exercises: ExercisesArgument = None,
    show_all: Annotated[bool, typer.Option("--all", "-a", help="Show every failed check in full.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a check fails (for scripts).")] = False,
    in_process: InProcess = False,
    course: CourseOption = None,
) -> None:
    """Run the public checks of your exercises and read what is wrong, and where.

    Hidden checks decide your grade: they ask the same questions of more inputs. `pytest assignments/tokenizer/test_bpe.py`
    runs the same checks with pytest, so that `breakpoint()` and `--pdb` work.
    """
    from autograder.jail.here import make_zygote

    zygote = make_zygote(in_process)  # torch is imported while the rest is read
    try:
        from autograder.cli.notes import notes
        from autograder.cli.own import run_own
        from autograder.feedback.escape import visible
        from autograder.feedback.pen import console

        out = console()
        root, loaded = open_course(course)
        checker = _checker(root, loaded, zygote)
        checker.open()
        chosen = loaded.match(exercises or []) if exercises else _begun(root, loaded.exercises, checker.files)
        if not chosen:
            out.print(
                "Nothing begun yet: fill in a stub in assignments/, or name an exercise. The map: autograder status"
            )
            return
        noted = notes(root, loaded, chosen, checker)
        results = checker.check_opened(chosen, lambda result: _print(out, result, root, show_all, len(chosen) > 1))
        if len(chosen) > 1:
            _print_first_failure(out, results, root, show_all)
        for sentence in noted:
            out.print(visible(f"\n{sentence}"), style="yellow")
        if len(chosen) == 1:
            run_own(out, root, chosen[0])
    finally:
        zygote.close()
    if strict and any(result.verdict != "passed" for result in results):
        raise typer.Exit(1)


def _checker(root: Path, course: Any, zygote: Any) -> StudentChecker:
    from autograder.grading.student import StudentChecker

    if not (root / "assignments").is_dir():
        raise Refused(f"There is no assignments/ in {root}: fetch the course again.")
    return StudentChecker(root, course, zygote)


def _begun(root: Path, exercises: Any, files: dict[str, SubmittedFile]) -> list[Exercise]:
    """The exercises whose file is no longer the stub."""
    from autograder.grading.student import untouched

    return [exercise for exercise in exercises if not untouched(root, exercise, files[exercise.name].text)]


def _print(out: Any, result: Any, root: Path, show_all: bool, brief: bool) -> None:
    from autograder.cli.shown import options_of
    from autograder.feedback.terminal import exercise_report

    if brief and not show_all:
        sign = "passed" if result.verdict == "passed" else result.verdict
        out.print(
            f"{result.exercise:36} {result.earned:>3}/{result.points:<3} {sign}",
            style="green" if sign == "passed" else "red",
        )
    else:
        out.print(exercise_report(result, options_of(root, result, show_all=show_all), root))
        if brief:
            out.print()  # another report follows


def _print_first_failure(out: Any, results: list[Any], root: Path, show_all: bool) -> None:
    """Of many exercises, the first that fails in full: one thing at a time."""
    failing = [result for result in results if result.verdict != "passed"]
    if failing and not show_all:
        out.print()
        _print(out, failing[0], root, False, False)


def watch(
    exercises: ExercisesArgument = None,
    in_process: InProcess = False,
    course: CourseOption = None,
) -> None:
    """Check an exercise each time you save its file. Torch stays loaded, so the verdict is there at once; a save breaks off what still runs; Ctrl-C ends."""
    from autograder.cli.interrupting import Interruptible
    from autograder.cli.watching import Watch
    from autograder.feedback.pen import console
    from autograder.jail.here import make_zygote

    zygote = Interruptible(make_zygote(in_process))
    out = console()
    watching = None
    try:
        root, loaded = open_course(course)
        watching = Watch(out, root, loaded, _checker(root, loaded, zygote), zygote)
        watching.run(loaded.match(exercises or []), now=bool(exercises))
    except KeyboardInterrupt:
        out.print("Stopped watching.", style="dim")
    finally:
        if watching is not None:
            watching.job.stop()
        zygote.close()


def doctor(course: CourseOption = None) -> None:
    """Tell what works on this machine and how to mend the rest: Python, torch, the course's files, isolation."""
    from autograder.cli.doctor import examine
    from autograder.course.load import find_root
    from autograder.feedback.pen import console

    try:
        root: Path | None = find_root(course)
    except Refused:
        root = None
    good = examine(console(), root)
    if not good:
        raise typer.Exit(1)
