"""Commands that speak with Canvas: canvas roster, canvas grades. Nothing is written before it was shown."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

import typer

from autograder.cli.book import ResultsOption, RosterOption, RunOption
from autograder.cli.common import INSTRUCTORS, CourseOption, complain, open_course, private_folder, say
from autograder.cli.deliver import feedback_files
from autograder.cli.export import Graded
from autograder.cli.scores import file_name
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.integrations.canvas_api.data import Assignment, Grade
    from autograder.integrations.canvas_api.grades import Change, Match
    from autograder.integrations.canvas_api.http import Canvas
    from autograder.integrations.canvas_api.sent import Sent

SHOWN = 20
MAX_COMMENT = 60_000
"""Bytes: Canvas takes 64 KiB."""

canvas = typer.Typer(
    no_args_is_help=True, help="The class list from Canvas, and grades and feedback to it, by its API."
)

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--canvas",
        envvar="CANVAS_COURSE_URL",
        metavar="ADDRESS",
        help="The course's page in Canvas, as https://canvas.example.edu/courses/1234.",
    ),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="A file with your token that only you can read. By default, the variable CANVAS_API_TOKEN.",
    ),
]


def register(app: typer.Typer) -> None:
    app.add_typer(canvas, name="canvas", rich_help_panel=INSTRUCTORS)


@canvas.command("roster")
def canvas_roster(
    file: Annotated[
        Path | None, typer.Argument(help="The class list, a CSV file. By default .autograder/roster.csv of the course.")
    ] = None,
    address: AddressOption = None,
    token_file: TokenOption = None,
    write: Annotated[bool, typer.Option("--write", help="Write it. Without this, what would change is shown.")] = False,
    course: CourseOption = None,
) -> None:
    """The class list with Canvas's students: new ones are added, and names and ids that are missing.

    What stands in the file stays: groups, extensions and repositories, and students who are no longer in Canvas, who are named.
    """
    from autograder.course.roster import read_text
    from autograder.integrations.canvas_api.people import join
    from autograder.release.files import write_atomically

    root, _ = open_course(course)
    path = file or private_folder(root) / "roster.csv"
    there = _connect(address, token_file)
    joined = join(read_text(path) if path.exists() else "", there.students(), str(path))
    for problem in joined.problems:
        complain(problem)
    for id in joined.new:
        say(f"new       {id}")
    for id, columns in joined.completed:
        say(f"complete  {id}: {columns}")
    for id in joined.gone:
        complain(f"{id} is in the class list and not in Canvas: kept.")
    count = f"{len(joined.new)} new, {len(joined.completed)} completed, {joined.same} as before"
    if not joined.changed:
        say(f"{path} has everybody in Canvas: {count}.")
    elif not write:
        say(f"{count}. Nothing was written: add --write to write {path}.")
    else:
        write_atomically(path, joined.text.encode("utf-8"))
        say(f"{count}. Written: {path}")


@canvas.command("grades")
def canvas_grades(
    modules: Annotated[
        list[str] | None,
        typer.Argument(help="Modules; by default all that have an assignment of the same name in Canvas."),
    ] = None,
    address: AddressOption = None,
    token_file: TokenOption = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send it. Without this, what would change is shown, and nothing is written.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace grades that somebody else entered in Canvas.")
    ] = False,
    assignment: Annotated[
        list[str] | None,
        typer.Option(
            "--assignment",
            help="`MODULE=ASSIGNMENT`, Canvas's name or number of it, where it is not called as the module is.",
        ),
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="With each student's feedback as a comment: what they may see of it now.")
    ] = False,
    link: Annotated[
        str | None,
        typer.Option("--link", help="With a link as a comment: an address with `{student}` and `{module}` in it."),
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Scores to Canvas's gradebook. First it shows what would change; with `--send` it does that, and no more.

    Only grades that differ are sent. One that somebody changed in Canvas since it was sent stays, and is named. What was sent is remembered in
    `.autograder/canvas`: after Ctrl-C or a lost connection, the same command goes on.
    """
    from autograder.feedback.pen import console
    from autograder.integrations.canvas_api import grades as plan
    from autograder.integrations.canvas_api.sent import Sent, alone
    from autograder.integrations.canvas_api.show import lines, table

    pairs = [each.partition("=") for each in assignment or ()]
    if any(not separator for _, separator, _ in pairs):
        raise Refused("--assignment is MODULE=ASSIGNMENT, as tokenizer=5177.")
    comment = _commenting(feedback, link)
    graded = Graded(course, roster, results, run)
    if not graded.roster.people:
        raise Refused(
            "Canvas knows students by its own ids: there is no class list yet. autograder canvas roster makes it."
        )
    there = _connect(address, token_file)
    record = private_folder(graded.root) / "canvas" / f"{there.place.name}.jsonl"
    found, notes = plan.places(graded.scores, there.assignments(), {name: to for name, _, to in pairs}, modules or [])
    people = plan.match(graded.scores, there.students(), graded.roster)
    with alone(record) if send else nullcontext():
        sent = Sent(record)
        changes: list[Change] = []
        for module, at in found.items():
            texts = comment(graded, module)
            notes += _about(graded, module, at)
            changes += _changes(
                graded, module, at, people, there.grades(at, bool(texts)), sent, texts, overwrite, notes
            )
        for note in (*_listed(people.notes), *notes):
            complain(note)
        if (listed := table(changes)) is not None:
            console().print(listed)
        for line in lines(changes, bool(feedback or link)):
            say(line)
        if send:
            _send(there, sent, changes)
        elif any(each.sends for each in changes):
            say("Nothing was sent: add --send to send it.")


def _connect(address: str | None, token_file: Path | None) -> Canvas:
    from autograder.integrations.canvas_api.connect import connect

    return connect(address, token_file, lambda seconds: complain(f"Canvas asks to wait: {seconds:.0f} s …"))


def _commenting(feedback: bool, link: str | None):
    """What gives the comments of a module, by student."""
    if feedback and link is not None:
        raise Refused("--feedback or --link: one of them.")
    if link is not None:
        address = urlsplit(link.replace("{student}", "x").replace("{module}", "x"))
        if "{student}" not in link or address.scheme not in ("http", "https") or not address.netloc:
            raise Refused(
                "--link is an address with {student} in it, as https://class.example.edu/{module}/{student}.html."
            )
        return lambda graded, module: {
            score.student: f"Feedback: {link.replace('{student}', quote(file_name(score.student), safe='')).replace('{module}', quote(module, safe=''))}"
            for score in graded.scores
        }
    return lambda graded, module: _texts(graded, module) if feedback else {}


def _texts(graded: Graded, module: str) -> dict[str, str]:
    exercises = {exercise.name for exercise in graded.course.module(module).exercises}
    return {each.person.id: _cut(each.text) for each in feedback_files(graded, module, exercises)}


def _cut(text: str) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_COMMENT:
        return text
    return data[:MAX_COMMENT].decode("utf-8", "ignore") + "\n\n(cut here: your instructor has the rest)"


def _about(graded: Graded, module: str, at: Assignment) -> list[str]:
    """What a person should know of an assignment before anything goes there."""
    notes = []
    points = max((each.points for score in graded.scores for each in score.modules if each.module == module), default=0)
    if not at.points:
        notes.append(f"Canvas does not say what {at.name!r} is out of: scores are not scaled.")
    elif points and abs(at.points - points) > 1e-9:
        notes.append(f"{at.name!r} is out of {at.points:g} in Canvas and {points:g} here: scores are scaled.")
    if graded.course.module(module).feedback.when == "published" and module not in graded.published:
        notes.append(
            f"Feedback on {module} is not published here yet (autograder publish {module}), and a score tells of hidden cases."
        )
    if not at.posts_manually:
        notes.append(
            f"Students see grades of {at.name!r} at once. To look first: in Canvas, Gradebook → {at.name} → Grade Posting Policy → Manually."
        )
    return notes


def _changes(
    graded: Graded,
    module: str,
    at: Assignment,
    people: Match,
    has: dict[int, Grade],
    sent: Sent,
    comments: dict[str, str],
    overwrite: bool,
    notes: list[str],
) -> list[Change]:
    from autograder.integrations.canvas_api import grades as plan
    from autograder.integrations.canvas_api.show import names

    changes, early, unassigned = [], [], []
    now = datetime.now(UTC)
    for score in graded.scores:
        student = people.people.get(score.student)
        mine = next((each for each in score.modules if each.module == module), None)
        if student is None or mine is None:
            continue
        if student.id not in has:
            unassigned.append(score.student)
        elif plan.not_due(mine, now):
            early.append(score.student)
        else:
            known = sent.known(at.id, student.id)
            text = comments.get(score.student, "")
            changes.append(plan.change(at, score.student, student, mine, has[student.id], known, text, overwrite))
    if early:
        notes.append(f"{at.name!r}: nothing handed in yet, and still time: {names(early)}. Left out.")
    if unassigned:
        notes.append(f"{at.name!r} is not assigned in Canvas to {names(unassigned)}. Left out.")
    return changes


def _send(there: Canvas, sent: Sent, changes: list[Change]) -> None:
    from autograder.integrations.canvas_api.send import send

    total = sum(each.sends for each in changes)
    try:
        outcome = send(there, sent, changes, lambda done: complain(f"{done} of {total} sent") if done < total else None)
    except KeyboardInterrupt:
        complain("\nStopped. What was sent is remembered: the same command goes on.")
        raise typer.Exit(130) from None
    if total:
        say(f"Sent: {len(outcome.arrived)} of {total}; Canvas has each of them now.")
    for change, why in outcome.refused:
        complain(f"{change.student}: Canvas did not take over {change.new} in {change.assignment.name!r} ({why}).")
    if outcome.refused:
        raise typer.Exit(1)


def _listed(notes: list[str]) -> list[str]:
    return notes[:SHOWN] + ([f"… and {len(notes) - SHOWN} more of that kind."] if len(notes) > SHOWN else [])
