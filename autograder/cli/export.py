"""Commands that write grades, or what is needed to grade, for other programs: export csv, canvas, gradescope, junit, classroom50."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autograder.cli.book import ResultsOption, RosterOption, RunOption, make_book, open_roster, results_file
from autograder.cli.common import (
    INSTRUCTORS,
    CourseOption,
    complain,
    open_course,
    private_folder,
    require_solutions,
    say,
)
from autograder.cli.scores import file_name
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.course.roster import Roster
    from autograder.people.view import Notes
    from autograder.results import Result
    from autograder.scores import Score

export = typer.Typer(no_args_is_help=True, help="Write grades, or what is needed to grade, for other programs.")


def register(app: typer.Typer) -> None:
    app.add_typer(export, name="export", rich_help_panel=INSTRUCTORS)


FileArgument = Annotated[Path, typer.Argument(help="The file to write.")]


@export.command("csv")
def export_csv(
    file: FileArgument,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """The class's scores for a spreadsheet: modules, exercises, and what was done to each score in words."""
    from autograder.report.csv import ENCODING
    from autograder.report.score_csv import score_csv

    graded = Graded(course, roster, results, run)
    file.write_text(score_csv(graded.scores), encoding=ENCODING, newline="")
    say(f"{file} has the scores of {len(graded.scores)} students.")


@export.command("canvas")
def export_canvas(
    gradebook: Annotated[Path, typer.Argument(help="The gradebook that Canvas exported: Grades → Export.")],
    file: FileArgument,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="`MODULE=ASSIGNMENT`, where an assignment is not called as the module is."),
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """A gradebook that Canvas imports, with a score for each module. Canvas leaves all other columns as they are."""
    from autograder.course.roster import read_text
    from autograder.integrations import canvas

    pairs = [each.partition("=") for each in column or ()]
    if any(not separator for _, separator, _ in pairs):
        raise Refused("--column is MODULE=ASSIGNMENT, as tokenizer=Homework 1.")
    graded = Graded(course, roster, results, run)
    if not graded.roster.people:
        raise Refused(
            "Canvas knows students by its own ids: name a class list with the columns student,canvas_id (or sis_id, login)."
        )
    try:
        book = canvas.read_gradebook(read_text(gradebook), str(gradebook))
        made = canvas.export(book, graded.scores, graded.roster, {module: name for module, _, name in pairs})
    except canvas.CanvasError as error:
        raise Refused(str(error)) from None
    file.write_text(made.text, encoding="utf-8-sig", newline="")
    for note in made.notes:
        complain(note)
    say(f"{file} has {made.written} scores. In Canvas: Grades → Import.")


@export.command("gradescope")
def export_gradescope(
    submission: Annotated[str, typer.Argument(help="A submission's id, or `all`.")],
    path: Annotated[Path, typer.Argument(help="The file to write; for `all`, a folder.")],
    points: Annotated[
        float | None,
        typer.Option("--points", min=0.01, help="What the assignment is out of on Gradescope, if not the same."),
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Gradescope's `results.json`: a test for each check, as the student may see it, and the score."""
    from autograder.integrations import gradescope
    from autograder.people.show import notes_markdown
    from autograder.scores.final import by_submission

    graded = Graded(course, roster, results, run)
    chosen = (
        graded.results if submission == "all" else [each for each in graded.results if each.submission == submission]
    )
    if not chosen:
        raise Refused(f"There is no result of {submission!r} in {graded.where}.")
    scores_of = by_submission(graded.scores, graded.roster)
    for result in chosen:
        scores = scores_of(result.submission)
        if len({score.score for score in scores}) > 1:
            complain(
                f"{result.submission}: its students have different scores; Gradescope gets that of {scores[0].student}."
            )
        view = graded.view(result)
        withheld = (view.earned, view.pending) != (result.earned, result.pending)
        notes = "\n".join(map(notes_markdown, graded.notes(result).values()))
        content = gradescope.results(view, scores[0] if scores else None, points=points, withheld=withheld, notes=notes)
        target = path / f"{file_name(result.submission)}.json" if submission == "all" else path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(gradescope.to_json(content), encoding="utf-8")
    say(f"{path} has the results of {len(chosen)} submissions.")


@export.command("junit")
def export_junit(
    file: FileArgument,
    submission: Annotated[str, typer.Option("--submission", help="One submission; the whole class by default.")] = "",
    view: Annotated[
        Literal["staff", "student"],
        typer.Option("--as", help="`staff`: everything; `student`: what the student may see."),
    ] = "staff",
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """JUnit's XML, for CI systems: a suite for each exercise, a test case for each check."""
    from autograder.feedback.view import Options
    from autograder.integrations.junit import junit

    graded = Graded(course, roster, results, run)
    chosen = [each for each in graded.results if submission in ("", each.submission)]
    if not chosen:
        raise Refused(f"There is no result of {submission!r} in {graded.where}.")
    shown = [graded.view(each) if view == "student" else each for each in chosen]
    file.write_text(junit(shown, Options(audience=view, show_all=True)), encoding="utf-8")
    say(f"{file} has the checks of {len(chosen)} submissions.")


@export.command("classroom50")
def export_classroom50(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder to write: in your `classroom50` repository, CLASSROOM/autograders/ASSIGNMENT."),
    ],
    exercise: Annotated[
        list[str] | None,
        typer.Option("--exercise", "-e", help="Only these exercises, topics or modules; may be repeated."),
    ] = None,
    course: CourseOption = None,
) -> None:
    """An assignment's bundle for Classroom 50: its `autograder.py`, with the class edition of the course beside it.

    Public checks only: whoever finds a bundle's address can read it.
    """
    from autograder import __version__
    from autograder.integrations import classroom50
    from autograder.release.makers import makers
    from autograder.release.repository import release
    from autograder.verify.certificate import all_certified

    root, loaded = open_course(course)
    require_solutions(root)
    chosen = [each.name for each in loaded.match(exercise)] if exercise else []
    made = makers(root, loaded, private_folder(root), certified=all_certified(root, loaded.exercises))
    release(root, folder / classroom50.COURSE, makers=made, version=__version__)
    (folder / classroom50.ENTRY).write_text(classroom50.entry(chosen), encoding="utf-8")
    if (size := classroom50.packed_size(folder)) > classroom50.MAX_BUNDLE:
        raise Refused(
            f"{folder} is {size / 2**20:.1f} MB when it is packed, and Classroom 50 takes {classroom50.MAX_BUNDLE / 2**20:.0f}."
        )
    say(f"{folder} has the bundle of {len(chosen) or len(loaded.exercises)} exercises, {size / 2**20:.1f} MB packed.")


class Graded:
    """What exports are made from: what stands of everything graded (or what one run wrote), everybody's score, and what each may see."""

    root: Path
    course: Course
    roster: Roster
    results: list[Result]
    scores: list[Score]

    def __init__(self, course: Path | None, roster: Path | None, results: Path | None, run: str | None) -> None:
        from autograder.people.places import Codes
        from autograder.people.voices import Voices
        from autograder.scores import final_scores
        from autograder.store import Ledger, Store, standing

        self.root, self.course = open_course(course)
        self.roster = open_roster(self.root, self.course, roster)
        with Store(results_file(self.root, results)) as store:
            self.book = make_book(self.course, store, self.roster, run, root=self.root)
            self.where = f"run {run}" if run else str(store.path)
            names = [each.name for each in self.course.exercises]
            self.results = list(standing(store, names, runs=None if run is None else [run]))
            self.published = Ledger(store).published()
        if not self.results:
            raise Refused(f"There are no results of this course in {self.where}.")
        self.scores = final_scores(self.book)
        self._codes = Codes(self.course)
        self.voices = Voices(self.course, self.book.said, self.roster, self._codes)

    def notes(self, result: Result, of: str = "") -> dict[str, Notes]:
        """What people said of it, as far as its students (or the student `of`) may see it now."""
        from autograder.scores import visibility

        policies = visibility.policies(self.book, result.submission, self.published)
        shut = {name for name, policy in policies.items() if not policy.when_ok}
        shut |= {each.id for each in self.course.modules if any(one.name in shut for one in each.exercises)}
        return {scope: each for scope, each in self.voices.notes(result, of=of).items() if scope not in shut}

    def view(self, result: Result) -> Result:
        """A result as its students may see it now."""
        from autograder.feedback.policy import student_view
        from autograder.scores import visibility

        policies = visibility.policies(self.book, result.submission, self.published)
        return student_view(result, self.course.feedback.show, policies=policies)
