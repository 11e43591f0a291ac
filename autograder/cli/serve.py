"""The command `serve`: the pages of a class with forms, for staff, on this machine only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ByOption, ResultsOption, RosterOption, open_roster, results_file, who
from autograder.cli.common import INSTRUCTORS, CourseOption, open_course, private_folder, require_solutions

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.course.roster import Roster
    from autograder.lessons.certificate import Certificate


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(serve)


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes any free one.")] = 8765,
    browser: Annotated[bool, typer.Option(help="Open it in your browser.")] = False,
    by: ByOption = "",
    roster: RosterOption = None,
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Show the pages of the class in a browser, with forms: rubric points, comments, answers to requests, new known mistakes.

    It listens on 127.0.0.1 alone. There are no accounts and no password: whoever can use this machine can read and write there.
    """
    from autograder.serve.classroom import Place
    from autograder.serve.run import require_tools
    from autograder.serve.run import serve as run

    require_tools()
    root, _ = open_course(course)
    require_solutions(root)

    def class_list(course: Course) -> Roster:
        return open_roster(root, course, roster)

    def certificates(course: Course) -> dict[str, Certificate]:
        from autograder.grading.certificates import current

        return {each.name: found for each in course.exercises if (found := current(each, root)) is not None}

    def listening(address: str) -> None:
        sys.stdout.write(
            f"The class is at {address}\n"
            "It shows grades and hidden cases and takes what is written there, without a password: from everybody who can use this\n"
            "machine, by an account or a tunnel of theirs. Nobody else reaches it. Ctrl-C ends it.\n"
        )
        sys.stdout.flush()
        if browser:
            import webbrowser

            webbrowser.open(address)

    place = Place(root, private_folder(root), results_file(root, results), class_list, certificates)
    run(place, port, who(by), listening)
