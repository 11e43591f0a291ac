"""`autograder problems`: what `check` says, and below it a line for each problem, as editors read them from compilers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from autograder.course import Course, Exercise
    from autograder.grading.student import StudentChecker


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(problems)


def problems(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="Exercises, files or topics. All that you have begun, by default.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and check each exercise when its file is saved.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Check, and print one line for each problem as `FILE:LINE: error: …`, which editors put at your own lines.

    In VS Code the task *Check this exercise* runs it (Ctrl-Shift-B). In a terminal `autograder check` is enough.
    """
    from autograder.feedback.pen import console
    from autograder.grading.student import StudentChecker
    from autograder.jail.here import make_zygote

    zygote = make_zygote()
    out = console()
    try:
        root, loaded = open_course(course)
        if not (root / "assignments").is_dir():
            raise Refused(f"There is no assignments/ in {root}: fetch the course again.")
        checker = StudentChecker(root, loaded, zygote)
        chosen = loaded.match(exercises) if exercises else _begun(root, loaded)
        if watch:
            _watch(out, checker, loaded.match(exercises or []), root)
        elif not chosen:
            out.print("Nothing begun yet: every exercise is still the stub.")
        else:
            _round(out, checker, chosen, root)
    except KeyboardInterrupt:
        out.print("Stopped watching.", style="dim")
    finally:
        zygote.close()


def _begun(root: Path, course: Course) -> list[Exercise]:
    from autograder.course.submission import open_own_work
    from autograder.grading.student import untouched

    files = open_own_work(root, course).files
    return [each for each in course.exercises if not untouched(root, each, files[each.name].text)]


def _watch(out: Any, checker: StudentChecker, chosen: list[Exercise], root: Path) -> None:
    from autograder.cli.saves import Saves

    by_file = {each.assignment_file(root): each for each in chosen}
    saves = Saves(lambda: by_file, sorted({path.parent for path in by_file if path.parent.is_dir()}))
    print(f"Watching {len(by_file)} files in assignments/: save one to check it; Ctrl-C ends.", flush=True)
    for saved in saves:
        _round(out, checker, [by_file[path] for path in saved], root)


def _round(out: Any, checker: StudentChecker, chosen: list[Exercise], root: Path) -> None:
    """Check some exercises once. Editors know the first line and the last: what stood there before is gone with it."""
    from autograder.feedback.terminal import exercise_report
    from autograder.integrations.editor import problem_lines

    print(f"Checking {', '.join(each.name for each in chosen)}", flush=True)
    results = checker.check(chosen, lambda result: out.print(exercise_report(result, root=root)))
    print()
    for result in results:
        for line in problem_lines(result, root):
            print(line)
    print(f"Checked at {time.strftime('%H:%M:%S')}.", flush=True)
