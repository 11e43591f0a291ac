"""The command `rejudge`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ResultsOption, RunOption, chosen_of, results_file
from autograder.cli.common import (
    INSTRUCTORS,
    CourseOption,
    course_secret,
    open_course,
    require_solutions,
    working_folder,
)

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.grading.grade import ClassGrader
    from autograder.grading.rejudge import Rejudged
    from autograder.results import Result
    from autograder.store import Store


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
    from autograder.store import Store

    root, loaded = open_course(course)
    require_solutions(root)
    private = working_folder(root, results)
    out = console()
    with Store(results_file(root, results)) as store:
        chosen = chosen_of(store, loaded, exercise, run)
        again = store.start_run("rejudge", note=run or "")
        submissions = changed = unjudged = 0
        with ClassGrader(loaded, root, private, course_secret(root, private), again.id, exercises=chosen) as grader:
            for renewed, name in _renewed(loaded, store, grader, again.id, run):
                submissions += name
                unjudged += len(renewed.needs_run)
                for change in renewed.changes:
                    changed += 1
                    points = f"{change.before} → {change.after} points"
                    out.print(visible(f"{change.submission}  {change.exercise}  {change.check}  {points}"))
                    out.print(visible(f"    {why(change)}"), style="dim")
        store.finish_run(again.id)
    out.print(
        f"{_count(submissions, 'submission')} judged again in run {again.id}; {_count(changed, 'grade')} changed."
    )
    if unjudged:
        out.print(
            f"{_count(unjudged, 'check')} can't be judged from what is stored, since other cases are asked now or what was "
            "observed is not in this file, and keep their verdicts: run `autograder grade` for those.",
            style="yellow",
        )


def _renewed(
    course: Course, store: Store, grader: ClassGrader, again: str, run: str | None
) -> Iterator[tuple[Rejudged, bool]]:
    """Everything that is judged again, written as it is done; and whether it is what stands of a submission.

    Earlier answers come first, which may count too: so what stands stays the newest.
    """
    from msgspec import structs

    from autograder.grading.rejudge import rejudge as judge_again
    from autograder.store.standing import standing, superseded

    chosen = {each.name: each for each in grader.exercises}
    runs = None if run is None else [run]

    def judged(result: Result, names: set[str]) -> Rejudged:
        plans = {
            each.exercise: grader.plan_with_review(chosen[each.exercise], result.origin_of(each).run)
            for each in result.exercises
            if each.exercise in names
        }
        return judge_again(result, plans, store, again, course.exercises)

    def write(renewed: Rejudged, names: set[str]) -> None:
        kept = [each for each in renewed.result.exercises if each.exercise in names]
        store.save(structs.replace(renewed.result, exercises=kept), {}, graded=[])

    for result, names in superseded(store, chosen, runs=runs):
        renewed = judged(result, names)
        renewed.changes = [change for change in renewed.changes if change.exercise in names]
        if renewed.changes:
            write(renewed, names)
            yield renewed, False
    for result in standing(store, [each.name for each in course.exercises], runs=runs):
        if any(each.exercise in chosen for each in result.exercises):
            renewed = judged(result, set(chosen))
            was = {each.exercise: each.verdict for each in result.exercises}
            # An exercise that builds on another may be blocked now, or no longer.
            others = {each.exercise for each in renewed.result.exercises if each.verdict != was[each.exercise]}
            write(renewed, {*chosen, *others})
            yield renewed, True


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
