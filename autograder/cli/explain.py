"""The commands `explain` and `replay`: one grade that is stored, in full, and run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from autograder.cli.book import ResultsOption, RosterOption, RunOption, make_book, open_roster, require_run
from autograder.cli.common import (
    INSTRUCTORS,
    CourseOption,
    course_secret,
    open_course,
    private_folder,
    require_solutions,
    working_folder,
)
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.results import Origin, Result

ResultArgument = Annotated[str, typer.Argument(metavar="RESULT", help="A submission's id, or a result as a JSON file.")]


def register(app: typer.Typer) -> None:
    for command in (explain, replay):
        app.command(rich_help_panel=INSTRUCTORS)(command)


def explain(
    result: ResultArgument,
    check: Annotated[str | None, typer.Argument(help="One exercise or check, by name.")] = None,
    view: Annotated[
        Literal["staff", "student"],
        typer.Option("--as", help="`staff`: everything; `student`: what the student may see."),
    ] = "staff",
    show_all: Annotated[bool, typer.Option("--all", "-a", help="Every check and case in full.")] = False,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Explain a grade: each check's claim, what was expected and given, the diagnosis, and what the grade was made with."""
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.feedback.policy import student_view
    from autograder.feedback.terminal import result_report
    from autograder.feedback.view import Options
    from autograder.people.places import Codes
    from autograder.people.show import notes_lines
    from autograder.people.voices import Voices
    from autograder.scores import Book, final_scores, visibility
    from autograder.scores.final import by_submission
    from autograder.scores.show import score_steps
    from autograder.store import Ledger, Store

    root, loaded = open_course(course)
    found = whole = _result(root, result, results, run)
    if check is not None:
        found = _only(whole, check)
    people = open_roster(root, loaded, roster)
    path = results or private_folder(root) / "results.sqlite"
    book, published = Book(loaded, [], people), set()
    if path.exists():
        with Store(path) as store:
            book, published = make_book(loaded, store, people, run, root=root), Ledger(store).published()
    if view == "student":
        found = student_view(
            found, loaded.feedback.show, policies=visibility.policies(book, found.submission, published)
        )
    out = console()
    out.print(result_report(found, Options(audience=view, show_all=show_all or check is not None)))
    if view == "staff":
        for line in _of_all(found, whole):
            out.print(visible(line), style="dim")
    only = [each.exercise for each in found.exercises] if check is not None else []
    policies = visibility.policies(book, found.submission, published)
    with Codes(loaded) as codes:
        for scope, notes in Voices(loaded, book.said, people, codes).notes(found).items():
            late = view == "student" and scope in policies and not policies[scope].when_ok
            if not late and (check is None or scope in {each.exercise for each in found.exercises}):
                out.print()
                out.print(notes_lines(notes))
    for score in by_submission(final_scores(book), people)(found.submission) if view == "staff" else []:
        out.print()
        out.print(score_steps(score, only))
    if view == "staff" and found.hints:
        asked = ", ".join(f"{name} {count}" for name, count in found.hints.items())
        out.print(visible(f"Hints asked for, by their own count: {asked}."))
    if view == "staff":
        runs: dict[str, list[str]] = {}
        for each in found.exercises:
            runs.setdefault(_made(found.origin_of(each)), []).append(each.exercise)
        for made, names in runs.items() if found.exercises else []:
            of = f"{', '.join(names)}: " if len(runs) > 1 else ""
            out.print(visible(f"{of}{made}"), style="dim")


def _made(origin: Origin) -> str:
    """What a grade was made with."""
    made = origin.provenance
    return (
        f"Run {origin.run}, {origin.graded_at}; submission {origin.hash[:12]}; engine {made.engine} {made.engine_hash[:12]}; "
        f"Python {made.python}, torch {made.torch}; secret {made.secret}; {', '.join(made.layers)}."
    )


def _result(root: Path, name: str, results: Path | None, run: str | None) -> Result:
    import msgspec

    from autograder.results import from_json
    from autograder.store import Store, standing_of

    if name.endswith(".json") and Path(name).is_file():
        try:
            return from_json(Path(name).read_bytes())
        except msgspec.MsgspecError as error:
            raise Refused(f"{name} is not a result of this version: {error}") from error
    path = results or private_folder(root) / "results.sqlite"
    if not path.exists():
        raise Refused(f"There are no results yet ({path}). Grade a class first: autograder grade SUBMISSIONS")
    with Store(path) as store:
        require_run(store, run)
        found = standing_of(store, name, runs=None if run is None else [run])
        if found is None:
            known = store.submissions(run)
            import difflib

            close = difflib.get_close_matches(name, known, n=3)
            hint = (
                f"Did you mean {', '.join(close)}?"
                if close
                else f"There are {', '.join(known[:10])}{' …' if len(known) > 10 else ''}."
                if known
                else "It has no results yet."
            )
            raise Refused(f"There is no result of {name!r} in {path}. {hint}")
    return found


def _only(result: Result, name: str) -> Result:
    """The part of a result that `name` means: an exercise, a check, or `exercise/check` with the exercise's slug."""
    import msgspec

    exercises = []
    for exercise in result.exercises:
        slug = exercise.exercise.partition("/")[2]
        if name in (exercise.exercise, slug):
            exercises.append(exercise)
            continue
        checks = [
            each
            for each in exercise.checks
            if name in (each.name, f"{slug}/{each.name}", f"{exercise.exercise}/{each.name}")
        ]
        if checks:
            exercises.append(msgspec.structs.replace(exercise, checks=checks))
    if not exercises:
        names = [exercise.exercise for exercise in result.exercises]
        raise Refused(f"{result.submission} has no exercise or check {name!r}. Exercises: {', '.join(names)}")
    return msgspec.structs.replace(result, exercises=exercises)


def _of_all(shown: Result, whole: Result) -> list[str]:
    """Of each exercise that is shown in part, what it has in all: the points above are those of the part."""
    checks = {each.exercise: len(each.checks) for each in shown.exercises}
    return [
        f"{each.exercise}: {checks[each.exercise]} of {len(each.checks)} checks shown; in all it has {each.earned} of {each.points} points."
        for each in whole.exercises
        if checks.get(each.exercise, len(each.checks)) < len(each.checks)
    ]


def replay(
    result: ResultArgument,
    check: Annotated[str, typer.Argument(help="A check, by name, or exercise/check.")],
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Run one check of a graded submission again: the same cases, the same seeds; and tell whether the verdict is the same."""
    from autograder.course.submission import open_submission
    from autograder.feedback.pen import console
    from autograder.feedback.terminal import exercise_report
    from autograder.feedback.view import Options
    from autograder.grading.grade import ClassGrader
    from autograder.grading.secret import fingerprint

    root, loaded = open_course(course)
    require_solutions(root)
    found = _only(_result(root, result, results, run), check)
    stored = found.exercises[0]
    exercise = loaded.exercise(stored.exercise)
    origin = found.origin_of(stored)
    submission = open_submission(origin.source, loaded, name=found.submission)
    file = submission.files[exercise.name]
    out = console()
    if file.hash != stored.file_hash:
        raise Refused(f"{origin.source} is not what was graded: {stored.file} has changed since. Grade it again.")
    private = working_folder(root, results)
    secret = course_secret(root, private)
    if fingerprint(secret) != origin.provenance.secret:
        raise Refused(
            "The course secret is another one than when this was graded, so its hidden cases can't be drawn again."
        )
    with ClassGrader(loaded, root, private, secret, origin.run, draw=origin.run, exercises=[exercise]) as grader:
        again = grader.replay(exercise, file, [each.name for each in stored.checks])
    again = _same_checks(again, stored)
    out.print(exercise_report(again, Options(audience="staff", show_all=True)))
    before = {(each.name, case.title): case.verdict for each in stored.checks for case in each.cases}
    after = {(each.name, case.title): case.verdict for each in again.checks for case in each.cases}
    seeds = {(each.name, case.title): case.seed for each in stored.checks for case in each.cases}
    new_seeds = {(each.name, case.title): case.seed for each in again.checks for case in each.cases}
    if seeds != new_seeds:
        out.print("The check's cases are not those that were graded: its files have changed since.", style="yellow")
    elif before == after:
        out.print(f"The same verdict on all {len(after)} cases, with the same inputs.", style="green")
    else:
        changed = [f"{name} / {title}" for (name, title) in after if before.get((name, title)) != after[name, title]]
        out.print(f"Another verdict than recorded on: {', '.join(changed)}.", style="red")
    smallest, found = (
        {each.name: each.smallest.seed for each in one.checks if each.smallest} for one in (stored, again)
    )
    others = [name for name in {**smallest, **found} if smallest.get(name) != found.get(name)]
    if others and seeds == new_seeds:
        out.print(f"Another smallest failing input than recorded on: {', '.join(others)}.", style="red")


def _same_checks(again: Any, stored: Any) -> Any:
    import msgspec

    names = [each.name for each in stored.checks]
    return msgspec.structs.replace(again, checks=[each for each in again.checks if each.name in names])
