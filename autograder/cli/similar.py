"""The command `similar`: answers of a class that are alike, by the tools that others have made for it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autograder.cli.book import CollectedOption, ResultsOption, RosterOption, open_roster
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
    from autograder.course import Course, Exercise
    from autograder.course.roster import Roster
    from autograder.course.submission import Submission
    from autograder.integrations.similar.answers import Exported
    from autograder.report.pairs import Compared

SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(similar)


def similar(
    submissions: Annotated[
        list[str] | None,
        typer.Argument(help="As `grade` takes them: folders, zips, notebooks, git commits, or folders full of those."),
    ] = None,
    collected: CollectedOption = None,
    exercise: Annotated[
        list[str] | None,
        typer.Option("--exercise", "-e", help="Only these exercises, topics or modules; may be repeated."),
    ] = None,
    tool: Annotated[
        Literal["auto", "dolos", "compare50", "none"],
        typer.Option("--tool", help="By default each that is installed; `none` only writes the files."),
    ] = "auto",
    above: Annotated[
        float, typer.Option("--above", min=0.0, max=1.0, help="Keep pairs that are alike to this share, 0 to 1.")
    ] = 0.8,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Folder for the files. By default .autograder/similar/TOPIC/EXERCISE."),
    ] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Run nothing: read what the tools wrote there when you ran them by hand.")
    ] = False,
    archive: Annotated[
        Path | None, typer.Option("--zip", help="Also write a zip for Dolos's web app; of one exercise.")
    ] = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Numbers in place of names; who.csv, which stays here, has the names.")
    ] = False,
    roster: RosterOption = None,
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Export a class's answers for Dolos and compare50, run these where they are installed, and show the pairs that are alike.

    What students were given is ignored by both. Pairs are for a person to look at: they stand beside the flags in the report for staff, cost nobody a
    point, and no student sees them. Members of a group are not compared with one another. Nothing that was handed in is run.
    """
    from autograder.course.downloads import identify
    from autograder.course.find import find_submissions
    from autograder.course.opening import Opening

    root, loaded = open_course(course)
    require_solutions(root)
    if not submissions and not collected:
        raise Refused("Name what to compare: a folder full of submissions, or some of them.")
    chosen = loaded.match(exercise or [])
    if (into is not None or archive is not None) and len(chosen) != 1:
        raise Refused("--into and --zip are for one exercise: name it with --exercise.")
    tools = {} if read else _tools(tool)
    people = open_roster(root, loaded, roster)
    opening = Opening(loaded)
    there = find_submissions(submissions or [], loaded, private_folder(root), collected or [])
    with opening:
        found, problems = identify(there, people, opening.bounded)
        for problem in problems:
            complain(problem)
        opened = [future.result() for future in opening.begin(found)]
    kept = [
        each
        for name in chosen
        for each in _exercise(root, name, opened, people, tools, above, into, archive, anonymous, read)
    ]
    done = [each for each in kept if each is not None]
    if done:  # else nothing was compared
        _show(done, above)
        _renew(root, loaded, people, results)
    if len(done) < len(kept):
        raise typer.Exit(1)


def _tools(tool: str) -> dict[str, str]:
    """The tools that are there, with their paths. Raises `Refused` for one that was asked for and is not."""
    from autograder.integrations.similar import compare50, dolos
    from autograder.integrations.similar.tool import find

    known = {each.COMMAND: each.INSTALL for each in (dolos, compare50)}
    wanted = known if tool == "auto" else {tool: known.get(tool, "")} if tool != "none" else {}
    there = {name: path for name in wanted if (path := find(name)) is not None}
    if tool in known and not there:
        raise Refused(
            f"There is no {tool} on this machine: {known[tool]}. With --tool none, the files for it are written."
        )
    if tool == "auto" and not there:
        ways = "; ".join(f"{name}: {how}" for name, how in known.items())
        complain(
            f"Neither Dolos nor compare50 is installed ({ways}). The files for them are written: run one there, then this "
            "command again with --read."
        )
    return there


def _exercise(
    root: Path,
    exercise: Exercise,
    opened: list[Submission],
    people: Roster,
    tools: dict[str, str],
    above: float,
    into: Path | None,
    archive: Path | None,
    anonymous: bool,
    read: bool,
) -> list[Compared | None]:
    """Export one exercise, run the tools on it, and keep what they say; None for a tool that failed: the others go on."""
    from autograder.integrations.similar import compare50, dolos
    from autograder.integrations.similar.answers import export, stub_of, zipped
    from autograder.integrations.similar.tool import shown
    from autograder.report.pairs import PairsError, folder_of, save

    private = private_folder(root)
    folder = (into or folder_of(private, exercise.name)).absolute()
    written = export(folder, exercise, stub_of(root, exercise), opened, people, file_name, anonymous)
    left = [f"{len(written.not_begun)} not begun"] if written.not_begun else []
    left += [f"{len(written.unreadable)} unreadable"] if written.unreadable else []
    aside = f" ({', '.join(left)})" if left else ""
    if len(written.answers) < 2:
        complain(f"{exercise.name}: {len(written.answers)} answers{aside}: nothing to compare.")
        return []
    say(f"{exercise.name}: {len(written.answers)} answers{aside} in {folder}")
    if archive is not None:
        zipped(written, archive)
        say(
            f"{archive} has them for Dolos's web app."
            + ("" if anonymous else " It holds names: --anonymous leaves them out.")
        )
    if read and not any((folder / module.OUTPUT).is_dir() for module in (dolos, compare50)):
        raise Refused(f"Neither Dolos nor compare50 has written anything into {folder}: run one of them there first.")
    kept: list[Compared | None] = []
    for name, module, arguments in (
        (dolos.COMMAND, dolos, dolos.arguments()),
        (compare50.COMMAND, compare50, compare50.arguments(written)),
    ):
        by_hand = read and (folder / module.OUTPUT).is_dir()
        if not by_hand and name not in tools:
            if not tools and not read:
                _say_whole(f"  {_short(shown(folder, arguments))}")
            continue
        try:
            found, usual = module.outcome(written) if by_hand else module.compare(tools[name], written)
        except PairsError as error:
            complain(error.sentences())
            kept.append(None)
            continue
        compared = _compared(exercise.name, name, found, usual, above, written, people, module.look(written))
        save(private, compared)
        kept.append(compared)
    return kept


def _short(command: str) -> str:
    """A command whose list of folders is a pattern: three hundred names are no line to read."""
    head, _, rest = command.partition(" submissions/")
    return f"{head} submissions/*{rest[rest.index(' -d ') :]}" if rest and " -d " in rest else command


def _compared(
    exercise: str,
    tool: str,
    found: list[tuple[str, str, float]],
    usual: float | None,
    above: float,
    written: Exported,
    people: Roster,
    look: str,
) -> Compared:
    from autograder.report.pairs import Answer, Compared, Pair

    pairs = []
    for one, other, share in found:
        sides = [Answer(*written.answers[name]) for name in (one, other)]
        if share >= above and not _together(sides[0].submission, sides[1].submission, people):
            pairs.append(Pair(sides[0], sides[1], share))
    pairs.sort(key=lambda pair: (-pair.similarity, pair.one.submission, pair.other.submission))
    return Compared(
        exercise=exercise,
        tool=tool,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        above=above,
        answers=len(written.answers),
        usual=usual,
        look=look,
        pairs=pairs,
    )


def _together(one: str, other: str, people: Roster) -> bool:
    """Whether two submissions are of one group, which may hand in the same."""
    return bool({each.id for each in people.team(one)} & {each.id for each in people.team(other)})


def _show(kept: list[Compared], above: float) -> None:
    from rich import box
    from rich.table import Table

    from autograder.feedback.pen import Pen, console

    pen = Pen(sys.stdout.encoding or "utf-8")
    rows = [(one, pair) for one in kept for pair in one.pairs]
    if not rows:
        say(f"No two answers are alike to {above:.0%}.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("exercise", "who", "who", "alike", "usual", "by"):
        table.add_column(name, justify="right" if name in ("alike", "usual") else "left", overflow="fold")
    for one, pair in rows[:SHOWN]:
        usual = "" if one.usual is None else f"{one.usual:.0%}"
        who = pair.one.submission, pair.other.submission
        table.add_row(*map(pen.line, (one.exercise, *who, f"{pair.similarity:.0%}", usual, one.tool)))
    console().print(table)
    if len(rows) > SHOWN:
        say(f"… and {len(rows) - SHOWN} more.")
    for one in kept:
        if one.pairs:
            _say_whole(f"Side by side: {one.look}")
    say("Right answers to a short exercise look alike: look at both before you say anything. They cost nobody a point.")


def _say_whole(text: str) -> None:
    """Print what is to be typed or opened on one line, however long: a line that was broken can't be copied."""
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console

    console().print(visible(text), soft_wrap=True)


def _renew(root: Path, loaded: Course, people: Roster, results: Path | None) -> None:
    """The report with the pairs in it, where something was graded."""
    from autograder.cli.grade import write_pages
    from autograder.store import Store

    path = results or private_folder(root) / "results.sqlite"
    if not path.exists():
        say("The report shows them once the class is graded.")
        return
    with Store(path) as store:
        index = write_pages(loaded, store, people, private_folder(root) / "report", root=root)
    say(f"Report: {index.parent / 'attention.html'}")
