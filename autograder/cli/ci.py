"""`autograder ci`: what the feedback workflow runs on every push of a student."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.results import ExerciseResult


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(ci)


def ci(
    submission: Annotated[
        Path | None,
        typer.Option("--submission", help="Folder with the work, when it is not the course's own assignments/."),
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(envvar="GITHUB_STEP_SUMMARY", help="File to add the summary to, in Markdown.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(envvar="GITHUB_OUTPUT", help="File to add step outputs to: earned, points, result.")
    ] = None,
    classroom50: Annotated[
        Path | None, typer.Option(help="Write Classroom 50's result.json here (by its runner's variables).")
    ] = None,
    exercise: Annotated[
        list[str] | None,
        typer.Option("--exercise", "-e", help="Only these exercises, topics or modules; may be repeated."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a check fails.")] = False,
    course: CourseOption = None,
) -> None:
    """Check everything that is begun, and report as GitHub Actions shows it: summary, annotations, outputs.

    What has not changed since the last run is not run again (`.autograder/ci/` remembers; the workflow caches it).
    Public checks only: whoever can push a workflow could read anything else that ran there.
    """
    from autograder.feedback.pen import console
    from autograder.grading.remembered import RememberingChecker
    from autograder.grading.student import StudentChecker
    from autograder.integrations import classroom50 as classroom50_format
    from autograder.integrations import github
    from autograder.jail.here import make_zygote

    zygote = make_zygote()
    try:
        root, loaded = open_course(course)
        if not (root / "assignments").is_dir():
            raise Refused(f"There is no assignments/ in {root}: fetch the course again.")
        checker = RememberingChecker(StudentChecker(root, loaded, zygote), root / ".autograder" / "ci")
        chosen = loaded.match(exercise or [])
        results, ran = checker.check_begun(submission, chosen)
        # There, what is not begun counts too: else the maximum would grow with every exercise that is.
        stubs = checker.check_begun(submission, chosen, stubs=True)[0] if classroom50 is not None else []
    finally:
        zygote.close()
    out = console()
    with github.no_commands():
        for result in results:
            _line(out, result, result.exercise in ran)
        if not results:
            out.print("Nothing begun yet: every exercise is still the stub.")
    for command in github.line_annotations(results):
        print(command)
    if summary is not None:
        with summary.open("a", encoding="utf-8") as file:
            file.write(github.summary(results, ran, root if submission is None else None))
    if output is not None:
        github.write_output(output, "earned", str(sum(result.earned for result in results)))
        github.write_output(output, "points", str(sum(result.points for result in results)))
        github.write_output(output, "result", github.classroom_output(results))
    if classroom50 is not None:
        try:
            payload = classroom50_format.result([*results, *stubs], os.environ)
        except classroom50_format.NotInClassroom50 as error:
            raise Refused(str(error)) from error
        classroom50.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    if strict and any(result.verdict != "passed" for result in results):
        raise typer.Exit(1)


def _line(out: Any, result: ExerciseResult, ran: bool) -> None:
    note = "" if ran else "  (unchanged)"
    style = "green" if result.verdict == "passed" else "red"
    out.print(f"{result.exercise:36} {result.earned:>3}/{result.points:<3} {result.verdict}{note}", style=style)
