"""What commands do with an nbgrader course folder: `export nbgrader`, and `grade --nbgrader`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import make_book
from autograder.cli.common import CourseOption, open_course, private_folder, require_solutions
from autograder.cli.export import export
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course, Exercise
    from autograder.course.bounded import Bounded
    from autograder.course.find import Found
    from autograder.course.roster import Roster
    from autograder.integrations.nbgrader.released import Released
    from autograder.integrations.nbgrader.tool import Tool
    from autograder.results import Result
    from autograder.scores import Book
    from autograder.store import Store

NbgraderOption = Annotated[
    Path | None,
    typer.Option(
        "--nbgrader",
        metavar="FOLDER",
        help="An nbgrader course folder: SUBMISSIONS is then the name of an assignment, whose `submitted/` is graded into its "
        "gradebook.",
    ),
]
PythonOption = Annotated[
    Path | None,
    typer.Option(
        "--nbgrader-python", envvar="NBGRADER_PYTHON", help="A Python that has nbgrader, where this one has not."
    ),
]


@export.command("nbgrader")
def export_nbgrader(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the nbgrader course; a new one, or one written before.")
    ] = Path("nbgrader"),
    python: PythonOption = None,
    course: CourseOption = None,
) -> None:
    """An nbgrader course folder: an assignment for each module, released and registered in its gradebook.

    Files that you changed there are kept. Grade what students hand in with `autograder grade --nbgrader FOLDER ASSIGNMENT`.
    """
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.integrations.nbgrader.course_folder import write_course_folder
    from autograder.integrations.nbgrader.tool import Tool
    from autograder.release.makers import makers
    from autograder.verify.certificate import all_certified

    root, loaded = open_course(course)
    require_solutions(root)
    tool = Tool(python)
    made = makers(root, loaded, private_folder(root), certified=all_certified(root, loaded.exercises))
    written = write_course_folder(root, loaded, folder, made)
    for name in written.kept:
        sys.stderr.write(
            visible(f"{folder / name} was changed there and is kept. Delete it to get the course's.") + "\n"
        )
    assignments = [{"name": name, "due": due or None} for name, due in written.assignments]
    tool.ask("generate", root=str(folder.resolve()), assignments=assignments)
    names = ", ".join(name for name, _ in written.assignments)
    console().print(visible(f"{folder} has the assignments {names} (nbgrader {tool.version})."))


@dataclass
class NbgraderClass:
    """The students who handed in an assignment, and where their grades go."""

    folder: Path
    assignment: str
    tool: Tool
    released: list[Released]
    submitted: dict[str, dict[str, str]]  # by nbgrader's name of a student
    due: str
    exercises: list[Exercise]
    found: list[Found]
    problems: list[str]


def open_class(folder: Path, names: list[str], course: Course, python: Path | None) -> NbgraderClass:
    """What is in `folder` for an assignment; refused before anything is graded when it could not be written."""
    from autograder.course.find import Found
    from autograder.integrations.nbgrader.released import exercises_of, outdated, read_released
    from autograder.integrations.nbgrader.tool import Tool

    if len(names) != 1:
        raise Refused("With --nbgrader, name one assignment: autograder grade --nbgrader FOLDER ASSIGNMENT")
    if not (folder / "gradebook.db").is_file() and not (folder / "nbgrader_config.py").is_file():
        raise Refused(
            f"{folder} is no nbgrader course: there is neither a gradebook.db nor an nbgrader_config.py in it.\n"
            "`autograder export nbgrader FOLDER` makes one."
        )
    tool = Tool(python)
    there = tool.ask("describe", root=str(folder.resolve()), assignment=names[0])
    released = read_released(Path(there["release"]), there["notebooks"], course)
    exercises = exercises_of(released, course)
    if not exercises:
        raise Refused(
            f"None of the notebooks of {names[0]} has check cells of this course. `autograder export nbgrader` makes them."
        )
    if not there["submitted"]:
        nothing = f"Nobody has handed in {names[0]}: there is nothing in submitted/*/{names[0]} of {folder}."
        raise Refused("\n".join([*there["skipped"], nothing]))
    found = [
        Found(each["student"], each["folder"], each["timestamp"], "platform" if each["timestamp"] else "unknown")
        for each in there["submitted"]
    ]
    problems = there["skipped"] + [each["problem"] for each in there["submitted"] if each["problem"]]
    problems += outdated(released, there["notebooks"], course)
    submitted = {each["student"]: each for each in there["submitted"]}
    return NbgraderClass(folder, names[0], tool, released, submitted, there["due"], exercises, found, problems)


def write_grades(
    group: NbgraderClass, course: Course, store: Store, roster: Roster, results: list[Result], bounded: Bounded
) -> None:
    """Scores, comments and notebooks into the course folder, and what to do next. `bounded` reads what students handed in."""
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.feedback.policy import student_view
    from autograder.integrations.nbgrader.grades import notebook_job
    from autograder.integrations.nbgrader.submitted import submitted_cells
    from autograder.scores import visibility
    from autograder.store import Ledger

    book, published = make_book(course, store, roster), Ledger(store).published()
    submissions = []
    for result in results:
        about = group.submitted[result.submission]
        view = student_view(
            result, course.feedback.show, policies=visibility.policies(book, result.submission, published)
        )
        true, seen = ({each.exercise: each for each in one.exercises} for one in (result, view))
        cells = submitted_cells(Path(about["folder"]), [each.name for each in group.released], bounded)
        submissions.append(
            {
                "student": result.submission,
                "timestamp": about["timestamp"],
                "extension": _extension(group, book, result.submission),
                "notebooks": {each.name: notebook_job(each, cells[each.name], true, seen) for each in group.released},
            }
        )
    done = group.tool.ask(
        "write", root=str(group.folder.resolve()), assignment=group.assignment, submissions=submissions
    )
    for student, why in done["failed"].items():
        sys.stderr.write(visible(f"{student} could not be written to the gradebook: {why}") + "\n")
    out = console()
    written = len(submissions) - len(done["failed"])
    out.print(visible(f"{group.folder / 'gradebook.db'} has the scores of {written} students for {group.assignment}."))
    out.print(
        "Next, in that folder: formgrader to look at them, then nbgrader generate_feedback and nbgrader export.",
        style="dim",
    )
    if done["failed"]:
        raise typer.Exit(1)


def _extension(group: NbgraderClass, book: Book, student: str) -> float | None:
    """Seconds that the class list or an adjustment gives a student beyond the gradebook's due date; None where they say nothing."""
    from datetime import datetime

    from autograder.course.tree import key
    from autograder.scores.deadlines import deadline

    person = book.roster.person(student)
    mine = [each for each in book.holding if key(each.student) == key(student)]
    module = book.course.module_of(group.exercises[0].name)
    own = deadline(module, person, mine)
    if own.due is None or not own.reasons or not group.due:
        return None
    return (own.due - datetime.fromisoformat(group.due)).total_seconds()
