"""Commands for instructors: grade, explain, replay, rejudge."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from autograder.cli.book import ResultsOption, RosterOption, RunOption, make_book, open_roster
from autograder.cli.common import INSTRUCTORS, CourseOption, Refused, open_course, private_folder, require_solutions
from autograder.cli.nbgrader import NbgraderOption, PythonOption, open_class, write_grades

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.course.roster import Roster
    from autograder.results import Result
    from autograder.store import Store

ResultArgument = Annotated[str, typer.Argument(metavar="RESULT", help="A submission's id, or a result as a JSON file.")]


def register(app: typer.Typer) -> None:
    for command in (grade, explain, replay, rejudge):
        app.command(rich_help_panel=INSTRUCTORS)(command)


def grade(
    submissions: Annotated[
        list[str],
        typer.Argument(help="Folders, zips, notebooks, git commits (`REPOSITORY@REV`), or folders full of those."),
    ],
    exercise: Annotated[
        list[str] | None, typer.Option("--exercise", "-e", help="Only these exercises; may be repeated.")
    ] = None,
    roster: RosterOption = None,
    times: Annotated[
        Path | None,
        typer.Option(
            "--times", help="When each was handed in, where nothing else says: a CSV file `student,handed_in`."
        ),
    ] = None,
    results: ResultsOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for the pages. By default .autograder/report of the course.")
    ] = None,
    json_folder: Annotated[
        Path | None, typer.Option("--json", help="Also write each result as a JSON file into this folder.")
    ] = None,
    new: Annotated[
        bool,
        typer.Option("--new", help="Begin a new run: cases marked fresh are drawn anew, everything is graded again."),
    ] = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", help="Where GPU checks run; without a GPU they are skipped, their points pending."),
    ] = "auto",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Workers; by default one for each core.")] = 0,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run hidden checks although this machine lacks the isolation for them.")
    ] = False,
    nbgrader: NbgraderOption = None,
    nbgrader_python: PythonOption = None,
    course: CourseOption = None,
) -> None:
    """Grade a class with hidden checks.

    Prints a table and writes pages for the class, each student and each exercise. Results are written as each submission
    finishes: after Ctrl-C, a crash or a power cut, the same command goes on where it was. What has not changed is not run again.
    The exit code is 0 when grading worked, whatever the scores.
    """
    from autograder.course.downloads import identify
    from autograder.course.find import find_submissions
    from autograder.course.submission import open_submission
    from autograder.course.times import with_times
    from autograder.feedback.escape import visible
    from autograder.grading.devices import wants_gpu
    from autograder.grading.grade import ClassGrader
    from autograder.grading.secret import load_secret
    from autograder.store import Store

    root, loaded = open_course(course)
    require_solutions(root)
    chosen = loaded.match(exercise or [])
    people = open_roster(root, loaded, roster)
    group = None
    if nbgrader is not None:
        if exercise:
            raise Refused("With --nbgrader, a whole assignment is graded: leave --exercise out.")
        group = open_class(nbgrader, submissions, loaded, nbgrader_python)
        chosen, found, problems = group.exercises, group.found, group.problems
    else:
        found, problems = identify(find_submissions(submissions, loaded), people)
    if times is not None:
        found, unmatched = with_times(found, times, loaded, people)
        problems += unmatched
    for problem in problems:
        sys.stderr.write(visible(problem) + "\n")
    opened = [
        open_submission(each.source, loaded, name=each.id, handed_in=each.handed_in, clock=each.clock) for each in found
    ]
    private = private_folder(root)
    secret = load_secret(private)
    with Store(results or private / "results.sqlite") as store:
        run = None if new else store.latest_run("grade")
        run = run or store.start_run("grade")
        graded: list[Result] = []
        with (
            _Progress(len(opened)) as progress,
            ClassGrader(
                loaded,
                root,
                private,
                secret,
                run.id,
                draw=run.id,
                exercises=chosen,
                jobs=jobs,
                has_gpu=wants_gpu(device),
                on_step=progress.step,
                unsafe=unsafe,
            ) as grader,
        ):
            try:
                graded += grader.grade(opened, store)
            except KeyboardInterrupt:
                progress.close()
                sys.stderr.write(
                    f"\nStopped after {len(graded)} of {len(opened)} submissions. They are kept: the same command goes on.\n"
                )
                raise typer.Exit(130) from None
        store.finish_run(run.id)
        graded.sort(key=lambda result: result.submission)
        finish(loaded, store, people, graded, report or private / "report", json_folder, run.id)
        if group is not None:
            write_grades(group, loaded, store, people, graded)


class _Progress:
    """A bar on a terminal; a line for each ten submissions in a log."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from autograder.feedback.pen import console

        self.total = total
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console(sys.stderr),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> _Progress:
        self.bar.start()
        self.task = self.bar.add_task("starting", total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.bar.stop()

    def step(self, step: Any) -> None:
        from autograder.feedback.escape import visible

        if step.kind == "plan":
            self.bar.update(self.task, description=f"preparing {step.name}")
        else:
            self.bar.update(self.task, completed=step.done, description=visible(step.name)[:40])
            if not sys.stderr.isatty() and (step.done % 10 == 0 or step.done == step.total):
                sys.stderr.write(f"{step.done} of {step.total} submissions\n")


def finish(
    course: Course,
    store: Store,
    roster: Roster,
    results: list[Result],
    pages: Path,
    json_folder: Path | None,
    run: str,
) -> None:
    """Print the table and write the pages of freshly written results."""
    from autograder.cli.scores import file_name
    from autograder.feedback.pen import console
    from autograder.feedback.summary import class_table, legend
    from autograder.report.site import write_report
    from autograder.results import to_json
    from autograder.scores import final_scores, visibility
    from autograder.scores.final import of_student
    from autograder.store import Ledger

    out = console()
    out.print(class_table(results))
    out.print(legend())
    if json_folder is not None:
        json_folder.mkdir(parents=True, exist_ok=True)
        for result in results:
            (json_folder / f"{file_name(result.submission)}.json").write_bytes(to_json(result))
    book, published = make_book(course, store, roster), Ledger(store).published()
    scores = final_scores(book)
    absent = [person.id for person in roster.people if not any(book.marks_of(person, name) for name in book.graded)]
    if absent:
        shown = ", ".join(absent[:20]) + (f" and {len(absent) - 20} more" if len(absent) > 20 else "")
        out.print(f"Nothing handed in by {len(absent)} of {len(roster.people)}: {shown}.", style="yellow")
    try:
        index = write_report(
            results,
            pages,
            course_title=course.title,
            policy=course.feedback.show,
            policies={each.submission: visibility.policies(book, each.submission, published) for each in results},
            scores={each.submission: of_student(scores, each.submission, roster) for each in results},
        )
    except FileExistsError as error:
        raise Refused(f"{error}. Name another folder with --report. The results are kept.") from error
    layers = ", ".join(results[0].provenance.layers) if results else ""
    out.print(f"\n{len(results)} submissions in run {run}. Isolation: {layers or 'none'}.", style="dim")
    out.print(f"Report: {index}")
    out.print("One submission in full: autograder explain SUBMISSION", style="dim")


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
    from autograder.feedback.pen import console
    from autograder.feedback.policy import student_view
    from autograder.feedback.terminal import result_report
    from autograder.feedback.view import Options
    from autograder.scores import Book, final_scores, visibility
    from autograder.scores.final import of_student
    from autograder.scores.show import score_steps
    from autograder.store import Ledger, Store

    root, loaded = open_course(course)
    found = _result(root, result, results, run)
    if check is not None:
        found = _only(found, check)
    people = open_roster(root, loaded, roster)
    path = results or private_folder(root) / "results.sqlite"
    book, published = Book(loaded, [], people), set()
    if path.exists():
        with Store(path) as store:
            book, published = make_book(loaded, store, people, run), Ledger(store).published()
    if view == "student":
        found = student_view(
            found, loaded.feedback.show, policies=visibility.policies(book, found.submission, published)
        )
    out = console()
    out.print(result_report(found, Options(audience=view, show_all=show_all or check is not None)))
    only = [each.exercise for each in found.exercises] if check is not None else []
    for score in of_student(final_scores(book), found.submission, people) if view == "staff" else []:
        out.print()
        out.print(score_steps(score, only))
    if view == "staff":
        made = found.provenance
        out.print(
            f"Run {found.run}, {found.graded_at}; submission {found.hash[:12]}; engine {made.engine} {made.engine_hash[:12]}; "
            f"Python {made.python}, torch {made.torch}; secret {made.secret}; {', '.join(made.layers)}.",
            style="dim",
        )


def _result(root: Path, name: str, results: Path | None, run: str | None) -> Result:
    import msgspec

    from autograder.results import from_json
    from autograder.store import Store

    if name.endswith(".json") and Path(name).is_file():
        try:
            return from_json(Path(name).read_bytes())
        except msgspec.MsgspecError as error:
            raise Refused(f"{name} is not a result of this version: {error}") from error
    path = results or private_folder(root) / "results.sqlite"
    if not path.exists():
        raise Refused(f"There are no results yet ({path}). Grade a class first: autograder grade SUBMISSIONS")
    with Store(path) as store:
        found = store.result(name, run)
        if found is None:
            latest = run or next((row.id for row in reversed(store.runs())), "")
            known = [result.submission for result in store.results(latest)]
            import difflib

            close = difflib.get_close_matches(name, known, n=3)
            hint = (
                f"Did you mean {', '.join(close)}?"
                if close
                else f"There are {', '.join(known[:10])}{' …' if len(known) > 10 else ''}."
                if known
                else f"There is no run {run!r}."
                if run
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
    from autograder.grading.secret import fingerprint, load_secret

    root, loaded = open_course(course)
    require_solutions(root)
    found = _only(_result(root, result, results, run), check)
    stored = found.exercises[0]
    exercise = loaded.exercise(stored.exercise)
    submission = open_submission(found.source, loaded, name=found.submission)
    file = submission.files[exercise.name]
    out = console()
    if file.hash != stored.file_hash:
        raise Refused(f"{found.source} is not what was graded: {stored.file} has changed since. Grade it again.")
    secret = load_secret(private_folder(root))
    if fingerprint(secret) != found.provenance.secret:
        raise Refused(
            "The course secret is another one than when this was graded, so its hidden cases can't be drawn again."
        )
    with ClassGrader(
        loaded, root, private_folder(root), secret, found.run, draw=found.run, exercises=[exercise]
    ) as grader:
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
