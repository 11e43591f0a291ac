"""The command `rejudge`."""

from __future__ import annotations

from typing import Annotated

import typer

from autograder.cli.book import ResultsOption, RunOption
from autograder.cli.common import INSTRUCTORS, CourseOption, Refused, open_course, private_folder, require_solutions


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(rejudge)


def rejudge(
    exercise: Annotated[
        list[str] | None, typer.Option("--exercise", "-e", help="Only these exercises; may be repeated.")
    ] = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Judge stored observations again, without running anybody's code: after a tolerance, a judge or a reference was mended.

    Prints every grade that changes and why, and writes a new run.
    """
    from autograder.feedback.changes import why
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.grading.grade import ClassGrader
    from autograder.grading.rejudge import rejudge as judge_again
    from autograder.grading.secret import load_secret
    from autograder.store import Store

    root, loaded = open_course(course)
    require_solutions(root)
    private = private_folder(root)
    path = results or private / "results.sqlite"
    if not path.exists():
        raise Refused(f"There are no results yet ({path}). Grade a class first: autograder grade SUBMISSIONS")
    out = console()
    with Store(path) as store:
        base = next((each for each in store.runs() if each.id == run), None) if run else store.latest_run("grade")
        if base is None:
            raise Refused(f"There is no run {run!r} in {path}." if run else f"There is no grading run in {path}.")
        graded = store.results(base.id)
        chosen = loaded.match(exercise or [])
        again = store.start_run("rejudge", note=base.id)
        with ClassGrader(
            loaded, root, private, load_secret(private), again.id, draw=base.id, exercises=chosen
        ) as grader:
            plans = grader.plans_with_reviews()
            changed = unjudged = 0
            for each in graded:
                renewed = judge_again(each, plans, store, again.id, loaded.exercises)
                store.save(renewed.result, {})
                unjudged += len(renewed.needs_run)
                for change in renewed.changes:
                    changed += 1
                    points = f"{change.before} → {change.after} points"
                    out.print(visible(f"{change.submission}  {change.exercise}  {change.check}  {points}"))
                    out.print(visible(f"    {why(change)}"), style="dim")
        store.finish_run(again.id)
    out.print(
        f"{_count(len(graded), 'submission')} judged again in run {again.id}; {_count(changed, 'grade')} changed."
    )
    if unjudged:
        out.print(
            f"{_count(unjudged, 'check')} can't be judged from what is stored, since other cases are asked now, and keep "
            "their verdicts: run `autograder grade` for those.",
            style="yellow",
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
