"""Commands about what a class hands in by git: due, collect."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ResultsOption, RosterOption, open_roster
from autograder.cli.common import INSTRUCTORS, CourseOption, open_course, private_folder
from autograder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from autograder.course import Course
    from autograder.course.manifest import Manifest
    from autograder.course.roster import Person
    from autograder.store import Adjustment


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(due)
    app.command(rich_help_panel=INSTRUCTORS)(collect)


def due(
    within: Annotated[str, typer.Option("--within", help="How long ago it may have been: `14d`, `36h`.")] = "14d",
    course: CourseOption = None,
) -> None:
    """Print the modules whose deadline was lately, one a line: what a nightly job has to collect and grade.

    Choose a span as long as your longest extension: each student's own deadline is `collect`'s business.
    """
    from autograder.course import duration

    span = duration.parse(within)
    if span is None:
        raise Refused(f"--within {within} is not a span of time, as {duration.FORM}.")
    _, loaded = open_course(course)
    now = datetime.now(UTC)
    for module in loaded.modules:
        if module.due is not None and now - span <= module.due <= now:
            sys.stdout.write(f"{module.id}\n")


def collect(
    module: Annotated[
        str | None, typer.Argument(help="Collect for this module's deadline; the newest commits when left out.")
    ] = None,
    roster: RosterOption = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder for the manifest. By default .autograder/collected/MODULE.")
    ] = None,
    until: Annotated[
        str, typer.Option("--until", help="This moment for everybody, instead of the deadlines: `2026-09-20T23:59`.")
    ] = "",
    late: Annotated[
        bool,
        typer.Option("--late", help="The newest commits, also after the deadline: lateness then costs what it costs."),
    ] = False,
    pushes: Annotated[
        Path | None,
        typer.Option("--pushes", help="When the server got each push: a CSV file `student,commit,pushed_at`."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow-protocol", help="Besides https and ssh: `git`, `http`, `file` (paths on this machine)."),
    ] = None,
    max_mb: Annotated[int, typer.Option("--max-mb", min=1, help="Largest repository, in MB.")] = 200,
    seconds: Annotated[
        int, typer.Option("--timeout", min=1, help="Longest time for one repository, in seconds.")
    ] = 300,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Repositories at once.")] = 8,
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Fetch every student's repository, and find the last commit before each one's deadline.

    Extensions and time zones of the class list count, and those given with `adjust --extend`. It goes by when the server got a
    push where that is known, else by the commits' own times and what earlier collections saw, and says which. Then:
    `autograder grade .autograder/collected/MODULE`. After Ctrl-C the same command goes on where it was.
    The exit code is 1 when nothing at all could be collected.
    """
    from autograder.collect.collect import Collector, units
    from autograder.collect.pushes import read_pushes
    from autograder.collect.remote import PROTOCOLS, Bounds
    from autograder.course.manifest import read_manifest
    from autograder.feedback.escape import visible

    root, loaded = open_course(course)
    people = open_roster(root, loaded, roster)
    if not people.people:
        raise Refused(
            f"There is no class list: write {private_folder(root) / 'roster.csv'} with student,repository, or name one."
        )
    known, problems = read_pushes(pushes) if pushes is not None else ({}, [])
    for problem in problems:
        sys.stderr.write(visible(problem) + "\n")
    deadline = _deadline(root, loaded, module, until, late, results)
    folder = into or private_folder(root) / "collected" / (module or "now")
    unknown = sorted(set(allow or ()) - {"git", "http", "file", "https", "ssh"})
    if unknown:
        raise Refused(f"--allow-protocol {unknown[0]}: it is one of git, http, file.")
    wanted = units(people, deadline)
    with _Bar(len(wanted)) as bar:
        collector = Collector(
            loaded,
            folder,
            private_folder(root) / "repositories",
            Bounds(tuple(dict.fromkeys([*PROTOCOLS, *(allow or ())])), max_mb, seconds, _largest_file(loaded)),
            jobs,
            known,
            bar.step,
        )
        try:
            manifest = collector.collect(wanted, module or "", read_manifest(folder))
        except KeyboardInterrupt:
            bar.close()
            sys.stderr.write("\nStopped. What was fetched is kept: the same command goes on.\n")
            raise typer.Exit(130) from None
    if not _summary(manifest, folder):
        raise typer.Exit(1)


def _deadline(
    root: Path, course: Course, module: str | None, until: str, late: bool, results: Path | None
) -> Callable[[Person], datetime | None]:
    """By student: until when commits count."""
    from autograder.course.tree import key
    from autograder.scores.deadlines import deadline
    from autograder.store import Ledger, Store

    if module is not None:
        course.module(module)  # refused when there is none of that name, also where its deadline is not asked for
    if until:
        try:
            moment = datetime.fromisoformat(until)
        except ValueError:
            raise Refused(f"--until {until} is not a date and time, as 2026-09-20T23:59.") from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=course.zone)
        return lambda person: moment
    if module is None or late:
        return lambda person: None
    found = course.module(module)
    if found.due is None:
        raise Refused(
            f"Module {module!r} has no due date in grading.toml. Give a moment with --until, or collect the newest with --late."
        )
    path = results or private_folder(root) / "results.sqlite"
    adjustments: list[Adjustment] = []
    if path.exists():
        with Store(path) as store:
            adjustments = Ledger(store).adjustments()

    def of(person: Person) -> datetime | None:
        mine = [each for each in adjustments if key(each.student) in (key(person.id), key(person.group))]
        return deadline(found, person, mine).due

    return of


def _largest_file(course: Course) -> int:
    """In KiB: what an exercise accepts, and what a notebook may have with its outputs."""
    return max(16 * 1024, *(exercise.limits.file_kb for exercise in course.exercises))


class _Bar:
    """A bar on a terminal; a line for each ten repositories in a log."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from autograder.feedback.pen import console

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console(sys.stderr),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self.task = self.bar.add_task("collecting", total=total)

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.bar.stop()

    def step(self, entry: object, done: int, total: int) -> None:
        from autograder.feedback.escape import visible

        self.bar.update(self.task, completed=done, description=visible(entry.student)[:40])  # type: ignore[attr-defined]
        if not sys.stderr.isatty() and (done % 10 == 0 or done == total):
            sys.stderr.write(f"{done} of {total} repositories\n")


def _summary(manifest: Manifest, folder: Path) -> int:
    """Say what was collected and what was not, equal reasons once; how many were."""
    from collections import Counter

    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console

    out = console()
    clocks = Counter(entry.clock for entry in manifest.entries if entry.status == "collected")
    words = {
        "push": "by the server's push time",
        "seen": "seen before the deadline",
        "commit": "by the commit's own time",
    }
    reasons: dict[tuple[str, str], list[str]] = {}
    for entry in manifest.entries:
        if entry.status != "collected":
            reasons.setdefault((entry.status, entry.why), []).append(entry.student)
    for (status, why), names in reasons.items():
        out.print(visible(f"{_named(names)}: {status}: {why}"), style="yellow")
    for entry in manifest.entries:
        for note in entry.notes:
            out.print(visible(f"{entry.student}: {note}."), style="yellow")
    said = ", ".join(f"{count} {words[clock]}" for clock, count in clocks.most_common())
    count = sum(clocks.values())
    out.print(f"{count} of {len(manifest.entries)} collected" + (f" ({said})." if said else "."))
    if count:
        out.print(f"Grade them: autograder grade {folder}")
    return count


def _named(names: list[str]) -> str:
    """One name, or how many there are and the first of them."""
    if len(names) == 1:
        return names[0]
    return f"{len(names)} of the class ({', '.join(names[:10])}{', …' if len(names) > 10 else ''})"
