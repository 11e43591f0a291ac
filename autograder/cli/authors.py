"""Commands for course authors: release, new, example-class; and verify, which is in `verify.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import AUTHORS, CourseOption, open_course, private_folder, require_solutions
from autograder.cli.verify import Bench, verify
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.release.topics import Topic


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=AUTHORS)(verify)
    app.command(rich_help_panel=AUTHORS)(release)
    app.command(rich_help_panel=AUTHORS)(new)
    app.command("example-class", rich_help_panel=AUTHORS)(example_class)


def release(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder for the student repository. Without it, only this course's assignments/ is written."
        ),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option("--topic", "-t", help="Write only this topic's part of assignments/; may be repeated."),
    ] = None,
    course: CourseOption = None,
) -> None:
    """Write `assignments/` from `solutions/`, and with a FOLDER the whole student repository.

    With --topic only what belongs to these topics is written, and only their exercises are run for it. What arrives in the student repository comes from an allow-list, without history: no reference, no hidden case, no secret.
    A course that `autograder verify` refuses is not released.
    """
    from autograder import __version__
    from autograder.feedback.pen import console
    from autograder.release.assignments import build_assignments
    from autograder.release.makers import makers
    from autograder.release.pages import refresh_pages
    from autograder.release.repository import release as write_release
    from autograder.verify.certificate import all_certified
    from autograder.verify.verify import Parts

    root, loaded = open_course(course)
    require_solutions(root)
    out = console()
    if topic is not None and folder is not None:
        raise Refused("A student repository has every topic: leave out --topic, or the FOLDER.")
    topics = _topics(root, loaded, topic)
    planned = None if topic is None else [each for each in loaded.exercises if each.topic in topic]
    certified = all_certified(root, loaded.exercises if planned is None else planned)
    made = makers(root, loaded, private_folder(root), planned, certified)
    refresh_pages(root, loaded)
    if folder is None:
        paths = build_assignments(root, makers=made, topics=topics)
        there = f"assignments/ has {len(paths)} files" if topic is None else f"{', '.join(topic)}: {len(paths)} files"
        out.print(f"{there}, as solutions/ gives them.")
        return
    with Bench(root, loaded) as bench:
        # What is certified was tried whole when it was accepted: since then only the engine can have changed.
        reports = bench.verify(list(loaded.exercises), Parts(briefly=True))
    bad = [report for report in reports if not report.good]
    if bad:
        problems = "\n".join(f"  {report.exercise}: {problem}" for report in bad for problem in report.problems)
        raise Refused(f"The course is not ready to be released:\n{problems}")
    paths = write_release(root, folder, makers=made, version=__version__)
    out.print(f"{folder} has the student repository: {len(paths)} files.")
    solved = sum(path.suffix == ".solution" for path in paths)
    if solved:
        out.print(
            f"Students get the solutions of {solved} exercises with it, as [feedback] in grading.toml says.",
            style="yellow",
        )


def _topics(root: Path, course: Course, names: list[str] | None) -> list[Topic] | None:
    """The topics of these names, in the course's order; None for all."""
    from autograder.release.topics import load_topics

    if names is None:
        return None
    known = list(dict.fromkeys(exercise.topic for exercise in course.exercises))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused(f"There is no topic {', '.join(unknown)}. Topics: {', '.join(known)}")
    return [each for each in load_topics(root) if each.name in names]


def new(
    name: Annotated[str, typer.Argument(help="Name of the exercise, as topic/exercise.")],
    title: Annotated[str, typer.Option("--title", "-t", help="What people read. By default made from the name.")] = "",
    points: Annotated[int, typer.Option("--points", "-p", help="Points of the exercise.")] = 8,
    kind: Annotated[
        str, typer.Option("--kind", "-k", help="What it is nearest to: function, module, loss, cache or schedule.")
    ] = "function",
    after: Annotated[
        str,
        typer.Option(
            "--after", help="The exercise behind which it stands, or the module behind which a new topic's stands."
        ),
    ] = "",
    course: CourseOption = None,
) -> None:
    """Add an exercise: a folder in `solutions/` that works, a row in `grading.toml`, and a lecture page.

    What it writes is a small complete exercise that `autograder verify` accepts: change it step by step into yours.
    """
    from autograder.feedback.pen import console
    from autograder.release.new import new_exercise

    root, _ = open_course(course)
    require_solutions(root)
    title = title or name.partition("/")[2].replace("_", " ").capitalize()
    out = console()
    for path in new_exercise(root, name, title, points, kind, after):
        out.print(f"wrote {path.relative_to(root)}")
    out.print(f"\nNow: autograder verify {name}")


def example_class(
    folder: Annotated[Path, typer.Argument(help="Folder for the submissions; must be new or empty.")],
    exercise: Annotated[
        list[str] | None,
        typer.Option("--exercise", "-e", help="Only this exercise, topic or module; may be repeated. All by default."),
    ] = None,
    course: CourseOption = None,
) -> None:
    """Write an example class: 24 submissions, from perfect ones to hostile ones, to try grading on."""
    from autograder.feedback.pen import console
    from autograder.verify.example_class import write_example_class

    root, loaded = open_course(course)
    require_solutions(root)
    written = write_example_class(root, loaded, folder, loaded.match(exercise or []))
    chosen = "".join(f" -e {name}" for name in exercise or [])
    console().print(f"{folder} has {len(written)} submissions. Grade them: autograder grade {folder}{chosen}")
