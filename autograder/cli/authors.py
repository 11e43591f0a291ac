"""Commands for course authors: verify, release, new, example-class."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import AUTHORS, CourseOption, Refused, open_course, private_folder, require_solutions

if TYPE_CHECKING:
    from autograder.cli.saves import Saves
    from autograder.course import Course, Exercise
    from autograder.release.assignments import Makers
    from autograder.verify.verify import Report


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=AUTHORS)(verify)
    app.command(rich_help_panel=AUTHORS)(release)
    app.command(rich_help_panel=AUTHORS)(new)
    app.command("example-class", rich_help_panel=AUTHORS)(example_class)


def verify(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="Exercises: `tokenizer/bpe`, `bpe`, or a topic. All by default.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Verify again whenever a file of these exercises changes.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", "-d", help="Show for each mistake which checks reject it.")
    ] = False,
    mutants: Annotated[
        bool,
        typer.Option("--mutants", "-m", help="Try small changes of the references too: each must fail some check."),
    ] = False,
    course: CourseOption = None,
) -> None:
    """Tell whether exercises are any good.

    For each one: the stub scores 0, the reference full marks (also in another order and with another seed), every mistake is
    rejected, every alternative accepted, forgers fail, no discrete answer hangs on a last bit, the lecture and its headings
    are there, and `assignments/` is what `solutions/` gives. With --mutants also: every small change of the reference is
    noticed by some check, or `equivalent.toml` says why it changes nothing.
    """
    from autograder.feedback.pen import console

    root, loaded = open_course(course)
    require_solutions(root)
    chosen = loaded.match(exercises or [])
    out = console()
    saves = _saves(root, chosen)
    reports = _verify(root, loaded, chosen, mutants)
    _show(out, reports, details)
    stale = _out_of_sync(root, loaded, chosen)
    if stale:
        out.print(
            "\nassignments/ is not what solutions/ gives; run `autograder release` to write it anew:", style="red"
        )
        for line in stale[:10]:
            out.print(f"  {line}")
    if watch:
        _watch(root, loaded, chosen, saves, out, details, mutants)
    if stale or not all(report.good for report in reports):
        raise typer.Exit(1)


def _verify(root: Path, course: Course, exercises: list[Exercise], mutants: bool = False) -> list[Report]:
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from autograder.feedback.pen import console
    from autograder.grading.grade import ClassGrader
    from autograder.grading.secret import AUTHORS
    from autograder.grading.twins import TwinClient
    from autograder.verify.verify import Verifier

    private = private_folder(root)
    twins: list[TwinClient] = []
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        console=console(sys.stderr),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with progress, ClassGrader(course, root, private, AUTHORS, run="verify", draw="verify") as grader:
        task = progress.add_task("starting")

        def on_trial(exercise: str, done: int, total: int) -> None:
            progress.update(task, description=f"{exercise}: {done} of {total} implementations tried")

        def make_twin(exercise: Exercise) -> TwinClient:
            twins.append(TwinClient(grader.trusted, grader.planner.opening(exercise)))
            return twins[-1]

        verifier = Verifier(root, private / "verify", grader.grader, make_twin, grader.jobs, on_trial)
        try:
            reports = [verifier.verify(exercise) for exercise in exercises]
            if mutants:
                verifier.try_mutants(reports, exercises)
            return reports
        finally:
            for client in twins:
                client.close()


def _show(out: object, reports: list[Report], details: bool) -> None:
    from autograder.verify.show import report_table, reports_details
    from autograder.verify.show_mutants import mutant_table

    print_ = out.print  # type: ignore[attr-defined]
    print_(report_table(reports))
    found = [report.mutants for report in reports if report.mutants is not None]
    if found:
        print_(mutant_table(found))
    for report in reports:
        for part in reports_details(report, details):
            print_(part)


def _out_of_sync(root: Path, course: Course, chosen: list[Exercise]) -> list[str]:
    """How assignments/ differs from what solutions/ gives, in the topics of the chosen exercises."""
    from autograder.grading.planner import CourseProblem
    from autograder.release.assignments import check_in_sync
    from autograder.release.errors import ReleaseError
    from autograder.release.makers import makers
    from autograder.release.topics import load_topics

    names = {exercise.topic for exercise in chosen}
    topics = None
    if names != {exercise.topic for exercise in course.exercises}:
        topics = [topic for topic in load_topics(root) if topic.name in names]
    planned = [exercise for exercise in course.exercises if exercise.topic in names]
    try:
        return check_in_sync(root, makers=makers(root, course, private_folder(root), planned), topics=topics)
    except (CourseProblem, ReleaseError):
        return ["not compared: some exercise can't be released, see above"]


def _makers(root: Path, course: Course) -> Makers:
    from autograder.release.makers import makers

    return makers(root, course, private_folder(root))


def _saves(root: Path, exercises: list[Exercise]) -> Saves:
    from autograder.cli.saves import Saves

    folders = [exercise.solution_dir(root) for exercise in exercises if exercise.solution_dir(root).is_dir()]
    return Saves(lambda: [path for folder in folders for path in folder.glob("*.py")], folders)


def _watch(
    root: Path, course: Course, exercises: list[Exercise], saves: Saves, out: object, details: bool, mutants: bool
) -> None:
    out.print("\nWatching; Ctrl-C ends.", style="dim")  # type: ignore[attr-defined]
    for saved in saves:
        changed = {path.parent for path in saved}
        again = [exercise for exercise in exercises if exercise.solution_dir(root) in changed]
        _show(out, _verify(root, course, again, mutants), details)


def release(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder for the student repository. Without it, only this course's assignments/ is written."
        ),
    ] = None,
    course: CourseOption = None,
) -> None:
    """Write `assignments/` from `solutions/`, and with a FOLDER the whole student repository.

    What arrives in the student repository comes from an allow-list, without history: no reference, no hidden case, no secret.
    A course that `autograder verify` refuses is not released.
    """
    from autograder import __version__
    from autograder.feedback.pen import console
    from autograder.release.assignments import build_assignments
    from autograder.release.repository import release as write_release

    root, loaded = open_course(course)
    require_solutions(root)
    out = console()
    made = _makers(root, loaded)
    if folder is None:
        paths = build_assignments(root, makers=made)
        out.print(f"assignments/ has {len(paths)} files, as solutions/ gives them.")
        return
    bad = [report for report in _verify(root, loaded, list(loaded.exercises)) if not report.good]
    if bad:
        problems = "\n".join(f"  {report.exercise}: {problem}" for report in bad for problem in report.problems)
        raise Refused(f"The course is not ready to be released:\n{problems}")
    paths = write_release(root, folder, makers=made, version=__version__)
    out.print(f"{folder} has the student repository: {len(paths)} files.")


def new(
    name: Annotated[str, typer.Argument(help="Name of the exercise, as topic/exercise.")],
    title: Annotated[str, typer.Option("--title", "-t", help="What people read. By default made from the name.")] = "",
    points: Annotated[int, typer.Option("--points", "-p", help="Points of the exercise.")] = 8,
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
    for path in new_exercise(root, name, title, points):
        out.print(f"wrote {path.relative_to(root)}")
    out.print(f"\nNow: autograder verify {name}")


def example_class(
    folder: Annotated[Path, typer.Argument(help="Folder for the submissions; must be new or empty.")],
    course: CourseOption = None,
) -> None:
    """Write an example class: 24 submissions, from perfect ones to hostile ones, to try grading on."""
    from autograder.feedback.pen import console
    from autograder.verify.example_class import write_example_class

    root, loaded = open_course(course)
    require_solutions(root)
    written = write_example_class(root, loaded, folder)
    console().print(f"{folder} has {len(written)} submissions. Grade them: autograder grade {folder}")
