"""The command `grade`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from autograder.cli.book import CollectedOption, ResultsOption, RosterOption, make_book, open_roster, people_folder
from autograder.cli.common import (
    INSTRUCTORS,
    CourseOption,
    complain,
    course_secret,
    open_course,
    private_folder,
    require_solutions,
    working_folder,
)
from autograder.cli.machines import grader
from autograder.cli.nbgrader import NbgraderOption, PythonOption, open_class, write_grades
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.course.roster import Roster
    from autograder.results import Result
    from autograder.store import Store


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(grade)


def grade(
    submissions: Annotated[
        list[str] | None,
        typer.Argument(help="Folders, zips, notebooks, git commits (`REPOSITORY@REV`), or folders full of those."),
    ] = None,
    collected: CollectedOption = None,
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
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Workers (of each node of a cluster); by default one for each core.")
    ] = 0,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run hidden checks although this machine lacks the isolation for them.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Grade on the machines of a Ray cluster: its address, as 10.0.0.1:6379, or auto on one of them.",
        ),
    ] = None,
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
    from autograder.course.opening import Opening
    from autograder.course.times import with_times
    from autograder.feedback.escape import visible
    from autograder.store import Store

    root, loaded = open_course(course)
    require_solutions(root)
    submissions = submissions or []
    if not submissions and not collected and nbgrader is None:
        raise Refused("Name what to grade: a folder full of submissions, or some of them.")
    chosen = loaded.match(exercise or [])
    people = open_roster(root, loaded, roster)
    group = None
    opening = Opening(loaded, jobs=0 if cluster else jobs)
    if nbgrader is not None:
        if exercise:
            raise Refused("With --nbgrader, a whole assignment is graded: leave --exercise out.")
        group = open_class(nbgrader, submissions, loaded, nbgrader_python)
        chosen, found, problems = group.exercises, group.found, group.problems
    else:
        there = find_submissions(submissions, loaded, private_folder(root), collected or [])
        found, problems = identify(there, people, opening.bounded)
    if times is not None:
        found, unmatched = with_times(found, times, loaded, people)
        problems += unmatched
    for problem in problems:
        sys.stderr.write(visible(problem) + "\n")
    private = working_folder(root, results)
    people_folder(root, loaded).read()  # what is wrong in them is said before anything is run
    secret = course_secret(root, private)
    with Store(results or private / "results.sqlite", keeps=True) as store, opening:
        run = None if new else store.latest_run("grade")
        run = run or store.start_run("grade")
        graded: list[Result] = []
        with (
            _Progress(len(found)) as progress,
            grader(
                cluster,
                device,
                progress.note,
                course=loaded,
                root=root,
                private=private,
                secret=secret,
                run=run.id,
                draw=run.id,
                exercises=chosen,
                jobs=jobs,
                on_step=progress.step,
                unsafe=unsafe,
            ) as grading,
        ):
            try:
                graded += grading.grade(opening.begin(found), store)
            except KeyboardInterrupt:
                progress.close()
                sys.stderr.write(
                    f"\nStopped after {len(graded)} of {len(found)} submissions. They are kept: the same command goes on.\n"
                )
                raise typer.Exit(130) from None
        store.finish_run(run.id)
        graded.sort(key=lambda result: result.submission)
        pages = report or private_folder(root) / "report"
        finish(loaded, store, people, graded, pages, json_folder, run.id, root=root)
        if group is not None:
            write_grades(group, loaded, store, people, graded, opening.bounded)


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

    def note(self, text: str) -> None:
        """A sentence above the bar."""
        from autograder.feedback.escape import visible

        lines = "\n".join(visible(line) for line in text.splitlines())
        if sys.stderr.isatty():
            self.bar.console.print(lines, highlight=False, markup=False)
        else:
            sys.stderr.write(lines + "\n")

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
    *,
    root: Path,
) -> None:
    """Print the table of freshly written results, and write the pages of everything that was ever graded."""
    from autograder.cli.scores import file_name
    from autograder.feedback.pen import console
    from autograder.feedback.summary import class_table, legend
    from autograder.people.requests import take_down
    from autograder.results import to_json

    out = console()
    out.print(class_table(results, width=out.width))
    out.print(legend())
    if json_folder is not None:
        json_folder.mkdir(parents=True, exist_ok=True)
        for result in results:
            (json_folder / f"{file_name(result.submission)}.json").write_bytes(to_json(result))
    for told in take_down(people_folder(root, course), results):
        complain(told)
    book = make_book(course, store, roster, root=root)
    graded = {each.exercise for result in results for each in result.exercises}
    absent = [person.id for person in roster.people if not any(book.marks_of(person, name) for name in graded)]
    if absent:
        shown = ", ".join(absent[:20]) + (f" and {len(absent) - 20} more" if len(absent) > 20 else "")
        out.print(f"Nothing handed in by {len(absent)} of {len(roster.people)}: {shown}.", style="yellow")
    index = write_pages(course, store, roster, pages, root=root)
    layers = ", ".join(results[0].provenance.layers) if results else ""
    out.print(f"\n{len(results)} submissions in run {run}. Isolation: {layers or 'none'}.", style="dim")
    out.print(f"Report: {index}")
    out.print("One submission in full: autograder explain SUBMISSION", style="dim")


def write_pages(course: Course, store: Store, roster: Roster, pages: Path, *, root: Path) -> Path:
    """Write the pages of everything that was ever graded; the path of the first one."""
    from autograder.grading.certificates import current
    from autograder.people.places import Codes
    from autograder.people.voices import Voices
    from autograder.report.facts import Facts
    from autograder.report.pairs import load
    from autograder.report.site import write_report
    from autograder.scores import final_scores, visibility
    from autograder.scores.final import by_submission
    from autograder.store import Ledger, standing

    book, published = make_book(course, store, roster, root=root), Ledger(store).published()
    scores_of = by_submission(final_scores(book), roster)
    everything = list(standing(store, [each.name for each in course.exercises]))
    shown = {each.exercise for result in everything for each in result.exercises}
    certified = [each for each in course.exercises if each.name in shown]
    certificates = {each.name: found for each in certified if (found := current(each, root)) is not None}
    compared, problems = load(private_folder(root))
    for problem in problems:
        complain(problem)
    with Codes(course) as codes:
        voices = Voices(course, book.said, roster, codes)
        notes = {each.submission: voices.notes(each) for each in everything}
    try:
        return write_report(
            everything,
            pages,
            course_title=course.title,
            policy=course.feedback.show,
            policies={each.submission: visibility.policies(book, each.submission, published) for each in everything},
            scores={each.submission: scores_of(each.submission) for each in everything},
            facts=Facts(
                course,
                roster,
                book.marks,
                store.observation,
                certificates,
                lambda result: notes[result.submission],
                voices.waiting(),
                compared,
            ),
        )
    except FileExistsError as error:
        raise Refused(f"{error}. Name another folder with --report. The results are kept.") from error
