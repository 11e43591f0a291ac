"""Commands for instructors about scores: scores, adjust, publish."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autograder.cli.book import (
    ByOption,
    ResultsOption,
    RosterOption,
    chosen_of,
    make_book,
    open_roster,
    results_file,
    who,
)
from autograder.cli.common import INSTRUCTORS, CourseOption, complain, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autograder.course import Course
    from autograder.people import Said
    from autograder.scores import Book
    from autograder.store import Adjustment


def register(app: typer.Typer) -> None:
    for command in (scores, adjust, publish):
        app.command(rich_help_panel=INSTRUCTORS)(command)


def scores(
    students: Annotated[list[str] | None, typer.Argument(help="Students; the whole class by default.")] = None,
    steps: Annotated[bool, typer.Option("--steps", "-s", help="Show how each score came about.")] = False,
    json_folder: Annotated[
        Path | None, typer.Option("--json", help="Also write each score as a JSON file into this folder.")
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Verdicts of this run only; the newest ones by default.")
    ] = None,
    course: CourseOption = None,
) -> None:
    """Show the class's scores: verdicts after deadlines, late days, lateness, adjustments, and the weakest dropped."""
    from autograder.feedback import messages
    from autograder.feedback.pen import console
    from autograder.scores import final_scores
    from autograder.scores.records import to_json
    from autograder.scores.show import score_steps, score_table
    from autograder.store import Store

    root, loaded = open_course(course)
    people = open_roster(root, loaded, roster)
    with Store(results_file(root, results)) as store:
        chosen_of(store, loaded, None, run)  # refused when nothing of this course was graded
        book = make_book(loaded, store, people, run, root=root)
    found = final_scores(book)
    _say_waiting(book.said.values(), students or [])
    if students:
        _require_known(students, [score.student for score in found])
        found = [score for score in found if score.student in students]
    out = console()
    out.print(score_table(found, width=out.width))
    for score in found:
        if steps or (students and len(students) == 1):
            out.print(score_steps(score))
        else:
            for remark in score.remarks:
                out.print(f"{score.student}: {messages.text(remark)}", style="yellow")
    if json_folder is not None:
        json_folder.mkdir(parents=True, exist_ok=True)
        for score in found:
            (json_folder / f"{file_name(score.student)}.json").write_bytes(to_json(score))


def _say_waiting(said: Iterable[Said], students: list[str]) -> None:
    """Name the open requests for a regrade, of everybody or of some."""
    open_ = [(one.student, each.request.of) for one in said for each in one.requests() if each.open]
    open_ = [each for each in open_ if not students or each[0] in students]
    if open_:
        shown = ", ".join(f"{student} {scope}" for student, scope in open_[:10])
        more = f" and {len(open_) - 10} more" if len(open_) > 10 else ""
        complain(f"Open requests for a regrade: {shown}{more}. See them with `autograder requests`.")


_HASHED = re.compile(r"-[0-9a-f]{8}$")


def file_name(id: str) -> str:
    """A name for a file about `id`, another one for each: where something of `id` can't be in it, a part of its hash is."""
    name = "".join(c if c.isalnum() or c in "-_.@" else "_" for c in id).lstrip(".") or "submission"
    if name == id and not _HASHED.search(id):
        return name
    return f"{name}-{hashlib.sha256(id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def adjust(
    student: Annotated[
        str | None, typer.Argument(help="A student or a group; lists all adjustments when left out.")
    ] = None,
    scope: Annotated[
        str | None, typer.Argument(help="An exercise or a module; with --extend, the whole course when left out.")
    ] = None,
    points: Annotated[float | None, typer.Option("--points", help="Set the score to this.")] = None,
    add: Annotated[float | None, typer.Option("--add", help="Add this to the score; may be negative.")] = None,
    excuse: Annotated[bool, typer.Option("--excuse", help="It does not count.")] = False,
    extend: Annotated[
        str | None, typer.Option("--extend", help="More time: `2d`, `36h`, or until `2026-09-20T23:59`.")
    ] = None,
    take_back: Annotated[int | None, typer.Option("--take-back", help="End the adjustment of this number.")] = None,
    why: Annotated[str, typer.Option("--why", help="The reason; the student may read it.")] = "",
    until: Annotated[
        str, typer.Option("--until", help="Counts up to then: `2026-12-31T23:59`; for good by default.")
    ] = "",
    by: ByOption = "",
    results: ResultsOption = None,
    roster: RosterOption = None,
    course: CourseOption = None,
) -> None:
    """Override a student's points or deadline. It is kept over regrades, and shown wherever the score is.

    Give exactly one of --points, --add, --excuse, --extend. Nothing is overwritten: to change an adjustment, take it back and make another.
    """
    from autograder.feedback.pen import console
    from autograder.store import Ledger, Store

    root, loaded = open_course(course)
    out = console()
    with Store(results_file(root, results)) as store:
        ledger = Ledger(store)
        if take_back is not None:
            ended = ledger.take_back(take_back, by=who(by), why=_reason(why))
            out.print(f"Taken back: {_said(ended)}")
            return
        book = make_book(loaded, store, open_roster(root, loaded, roster))
        if student is not None:
            _require_known([student], _names(book))
        if student is None or not (points is not None or add is not None or excuse or extend is not None):
            listed = [each for each in ledger.adjustments() if student in (None, each.student)]
            for each in listed:
                out.print(_said(each))
            if not listed:
                out.print(
                    "There are no adjustments. To make one: autograder adjust STUDENT EXERCISE --points 8 --why REASON"
                )
            return
        given = [name for name, value in (("points", points), ("add", add), ("extend", extend)) if value is not None]
        kinds = [*given, *(["excuse"] if excuse else [])]
        if len(kinds) != 1:
            raise Refused(f"Give one of --points, --add, --excuse, --extend; these are {' and '.join(kinds)}.")
        kind: Literal["points", "add", "excuse", "extend"] = kinds[0]  # type: ignore[assignment]
        value = {"points": points, "add": add, "extend": extend}.get(kind)
        target = _scope(loaded, scope, kind)
        _check_value(kind, value, target, loaded)
        made = ledger.adjust(
            student,
            target,
            kind,
            "" if value is None else f"{value:g}" if isinstance(value, float) else value,
            by=who(by),
            why=_reason(why),
            until=_moment(loaded, until),
            was=_earned(book, student, target),
        )
    out.print(_said(made))


def _names(book: Book) -> list[str]:
    return [name for person in book.people() for name in (person.id, person.group) if name]


def _require_known(students: list[str], known: list[str]) -> None:
    import difflib

    for student in students:
        if student not in known:
            close = difflib.get_close_matches(student, known, n=3)
            hint = f"Did you mean {', '.join(close)}?" if close else f"There are {', '.join(known[:10]) or 'none yet'}."
            raise Refused(f"There is no student or group {student!r}. {hint}")


def _scope(course: Course, scope: str | None, kind: str) -> str:
    """An exercise's full name, a module's id, or "" for the course."""
    if scope is None:
        if kind != "extend":
            raise Refused(f"Say of which exercise or module: autograder adjust STUDENT EXERCISE --{kind} …")
        return ""
    modules = [module.id for module in course.modules]
    if scope in modules:
        return scope
    found = course.match([scope])
    if kind == "extend":
        module = course.module_of(found[0].name).id
        raise Refused(f"A deadline is a module's: name the module instead ({module}), not an exercise.")
    if len(found) != 1:
        raise Refused(
            f"{scope!r} is several exercises ({', '.join(each.name for each in found)}): name one, or a module."
        )
    return found[0].name


def _check_value(kind: str, value: float | str | None, scope: str, course: Course) -> None:
    from autograder.course import duration
    from autograder.course.roster import extension_of

    if kind == "extend" and extension_of("", str(value)) is None:
        raise Refused(f"--extend {value} is not understood: {duration.FORM}, or a date and time as 2026-09-20T23:59.")
    if kind == "points":
        assert isinstance(value, float)
        if not 0 <= value <= 1_000_000:
            raise Refused(f"--points {value:g}: a score is 0 or more.")
    if kind == "add" and value != value:
        raise Refused("--add is not a number.")


def _earned(book: Book, student: str, scope: str) -> int | None:
    """What the checks gave when an adjustment of an exercise is made."""
    from autograder.scores import final_scores

    for score in final_scores(book):
        if student in (score.student, score.group) and (found := score.exercise(scope)) is not None:
            return found.earned
    return None


def _reason(why: str) -> str:
    if not why.strip():
        raise Refused("Say why, with --why: whoever reads the score later wants to know.")
    return why.strip()


def _moment(course: Course, text: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"--until {text} is not a date and time, as 2026-12-31T23:59.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=course.zone)
    return moment.isoformat()


def _said(each: Adjustment) -> str:
    """An adjustment in one line."""
    from autograder.feedback.escape import visible

    what = {"points": f"points = {each.value}", "add": f"{float(each.value):+g} points" if each.kind == "add" else ""}
    what |= {"excuse": "excused", "extend": f"extended: {each.value}"}
    until = f" until {each.until}" if each.until else ""
    line = f"{each.number}. {each.student} {each.scope or 'all deadlines'}: {what[each.kind]}{until}"
    return visible(f"{line} ({each.by}, {each.made_at[:16].replace('T', ' ')}: {each.why})")


def publish(
    modules: Annotated[list[str] | None, typer.Argument(help="Modules; shows what is published when left out.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="No longer show it.")] = False,
    by: ByOption = "",
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Let students see the feedback on hidden checks of modules with `when = "published"`."""
    from autograder.feedback.pen import console
    from autograder.store import Ledger, Store

    root, loaded = open_course(course)
    out = console()
    chosen = [loaded.module(name) for name in modules or []]
    with Store(results_file(root, results)) as store:
        ledger = Ledger(store)
        for module in chosen:
            ledger.publish(module.id, by=who(by), shown=not undo)
        published = ledger.published()
    for module in loaded.modules:
        if module.feedback.when == "published" or module in chosen:
            state = "published" if module.id in published else "not published"
            out.print(f"{module.id}: {state}")
            if module.feedback.when != "published":
                out.print(
                    f"    its feedback is shown {module.feedback.when.replace('_', ' ')} (grading.toml)", style="dim"
                )
    if not modules and all(module.feedback.when != "published" for module in loaded.modules):
        out.print('No module has when = "published" in its feedback: there is nothing to publish.')
