"""Commands about what people say of a student's work: mark, requests; and for students: ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ByOption, ResultsOption, RosterOption, open_roster, people_folder, results_file, who
from autograder.cli.common import INSTRUCTORS, STUDENTS, CourseOption, complain, open_course, say
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.course.roster import Roster
    from autograder.people import Comment, Folder
    from autograder.people.records import Record
    from autograder.store import Store


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(mark)
    app.command(rich_help_panel=INSTRUCTORS)(requests)
    app.command(rich_help_panel=STUDENTS)(ask)


def mark(
    student: Annotated[str | None, typer.Argument(help="A student or a group.")] = None,
    scope: Annotated[str | None, typer.Argument(help="An exercise or a module.")] = None,
    item: Annotated[
        list[str] | None,
        typer.Option("--item", metavar="ITEM=POINTS", help="Points for an item of its rubric; may be repeated."),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason for the points; the student may read it.")] = "",
    comment: Annotated[str, typer.Option("--comment", help="Words for the student.")] = "",
    line: Annotated[
        int, typer.Option("--line", min=0, help="The line of their code that the comment is about; 0 for all of it.")
    ] = 0,
    remove: Annotated[
        str | None, typer.Option("--remove", metavar="COMMENT", help="Take back the comment with this id.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="A CSV file: student, exercise, then item, points, why; or line, comment."
        ),
    ] = None,
    by: ByOption = "",
    results: ResultsOption = None,
    roster: RosterOption = None,
    course: CourseOption = None,
) -> None:
    """Give rubric points, or comment on a line of a student's code. It is kept over regrades and delivered with the feedback.

    A rubric is written once, in grading.toml. Nothing is overwritten: of an item's points the last ones count. Without --item, --comment
    and --remove, everything that stands about a student is shown.
    """
    from autograder.course.tree import key
    from autograder.people.records import Comment, Points, Removed, now
    from autograder.store import Store

    root, loaded = open_course(course)
    folder = people_folder(root, loaded)
    people = open_roster(root, loaded, roster)
    with Store(results_file(root, results)) as store:
        known = {key(name): name for name in _known(store, people)}
        if table is not None:
            from autograder.people.table import imported

            if student or scope or item or comment or remove:
                raise Refused("With --from everything stands in the file: leave out the rest.")
            count, students = imported(
                table, folder, known, who(by), lambda name, of, at: _at_line(store, loaded, name, of, at)
            )
            say(f"{folder.path} has {count} records more, of {students} students.")
            return
        if student is None:
            raise Refused("Name a student: autograder mark STUDENT EXERCISE --item ITEM=POINTS, or --comment TEXT")
        if key(student) not in known:
            raise Refused(f"There is no student or group {student!r}. {_close(student, list(known.values()))}")
        student = known[key(student)]
        if not (item or comment or remove):
            _show(student, folder, loaded, people, store)
            return
        if scope is None:
            raise Refused("Say of which exercise or module: autograder mark STUDENT EXERCISE …")
        of, name, moment = scope_of(loaded, scope), who(by), now()
        records: list[Record] = [
            Points(of=of, by=name, at=moment, item=each, points=points, why=why)
            for each, points in map(_item, item or [])
        ]
        if comment:
            at = _at_line(store, loaded, student, of, line) if line else {}
            records.append(Comment(of=of, by=name, at=moment, text=comment, line=line, **at))
        if remove:
            records.append(Removed(of=of, by=name, at=moment, comment=remove))
        folder.add(student, records)
    say(f"Written about {student}, {of}: {', '.join(map(_said, records))}.")


def requests(
    student: Annotated[str | None, typer.Argument(help="Whose; everybody's open ones by default.")] = None,
    scope: Annotated[str | None, typer.Argument(help="Of which exercise or module.")] = None,
    answer: Annotated[str, typer.Option("--answer", help="What to answer; the request is closed with it.")] = "",
    text: Annotated[
        str, typer.Option("--write-down", help="A request that came otherwise, as by mail, in the student's words.")
    ] = "",
    by: ByOption = "",
    roster: RosterOption = None,
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """List the open requests for a regrade, or answer one. What students hand in (`autograder ask`) is taken down when they are graded."""
    from autograder.course.tree import key
    from autograder.people.records import Answer, Request, now
    from autograder.people.requests import take_down
    from autograder.store import Store, standing

    root, loaded = open_course(course)
    folder = people_folder(root, loaded)
    people = open_roster(root, loaded, roster)
    with Store(results_file(root, results)) as store:
        known = {key(name): name for name in _known(store, people)}
        # What was graded elsewhere, as by the nightly workflow, was taken down there alone.
        for told in take_down(folder, list(standing(store))):
            complain(told)
    if student is not None and key(student) not in known:
        raise Refused(f"There is no student or group {student!r}. {_close(student, list(known.values()))}")
    said = folder.read(list(known.values()))
    if not answer and not text:
        chosen = [one for one in said.values() if student is None or key(one.student) == key(student)]
        of = scope_of(loaded, scope) if scope is not None else None
        found = [(one, each) for one in chosen for each in one.requests(of) if each.open or student is not None]
        for one, each in found:
            state = "" if each.open else f" (answered by {each.answer.by if each.answer else ''})"
            say(f"{one.student} {each.request.of}{state}:")
            for sign, text in ((">", each.request.text), (" ", each.answer.text if each.answer else "")):
                for line in text.split("\n") if text else ():
                    say(f"  {sign} {line}")
        if not found:
            say("There are no open requests for a regrade." if student is None else f"{student} has asked for nothing.")
        return
    if student is None or scope is None:
        raise Refused('Say whose, and of what: autograder requests STUDENT EXERCISE --answer "…"')
    student, of = known[key(student)], scope_of(loaded, scope)
    if text:
        folder.add(student, [Request(of=of, by=who(by), at=now(), text=text)])
        said = {key(student): folder.of(student)}
    if answer:
        waiting = [each for each in said[key(student)].requests(of) if each.open] if key(student) in said else []
        if not waiting:
            raise Refused(f"{student} has no open request about {of}.")
        folder.add(
            student, [Answer(of=of, by=who(by), at=now(), request=each.request.id, text=answer) for each in waiting]
        )
    say(f"{'Answered' if answer else 'Written down'}: {student}, {of}.")


def ask(
    exercise: Annotated[str, typer.Argument(help="The exercise that a person should look at again.")],
    why: Annotated[str, typer.Argument(help="Why: what is right about your answer, and where.")],
    course: CourseOption = None,
) -> None:
    """Ask a person to look at a grade again. It is written to assignments/regrade.toml, and handed in with your work."""
    from autograder.course import requests_handed_in
    from autograder.release.files import write_atomically

    root, loaded = open_course(course)
    chosen = loaded.match([exercise])
    if len(chosen) != 1:
        raise Refused(f"{exercise} is {len(chosen)} exercises: name one.")
    if not why.strip():
        raise Refused("Say why: whoever reads it wants to know where to look.")
    path = root / requests_handed_in.HANDED_IN
    try:
        before = path.read_text("utf-8-sig") if path.is_file() else ""
        after = requests_handed_in.added(before, chosen[0].name, why.strip())
    except ValueError as error:
        raise Refused(f"{path} is not valid TOML ({error}): mend it, or move it away.") from None
    if len(after.encode()) > requests_handed_in.MAX_BYTES or len(why) > requests_handed_in.MAX_TEXT:
        raise Refused(f"That is too long: at most {requests_handed_in.MAX_TEXT} characters for one request.")
    write_atomically(path, after.encode())
    say(f"Written to {path}. Hand it in with your work: commit it, or `autograder pack`.")


# --- inside ---


def scope_of(course: Course, name: str) -> str:
    """An exercise's full name, or a module's id."""
    if name in [module.id for module in course.modules]:
        return name
    found = course.match([name])
    if len(found) != 1:
        raise Refused(f"{name!r} is several exercises ({', '.join(each.name for each in found)}): name one.")
    return found[0].name


def _known(store: Store, roster: Roster) -> list[str]:
    return [*store.submissions(), *roster.groups, *(person.id for person in roster.people)]


def _close(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=3)
    return f"Did you mean {', '.join(close)}?" if close else f"There are {', '.join(known[:10]) or 'none yet'}."


def _item(text: str) -> tuple[str, float]:
    name, _, points = text.partition("=")
    try:
        return name.strip(), float(points)
    except ValueError:
        raise Refused(f"--item {text}: it is ITEM=POINTS, as clarity=2.") from None


def _at_line(store: Store, course: Course, student: str, of: str, line: int) -> dict[str, str]:
    """What is stored with a comment about a line of what stands."""
    from autograder.people.places import Codes
    from autograder.store import standing_of

    result = standing_of(store, student, [of])
    exercise = result.exercises[0] if result is not None and result.exercises else None
    if result is None or exercise is None:
        raise Refused(
            f"{student} has no result of {of}, so it has no line {line}. Without --line it is about all of it."
        )
    with Codes(course) as codes:
        file = codes.file(result, exercise)
    if file is None or file.text is None:
        raise Refused(
            f"What was graded of {student} is not in {result.origin_of(exercise).source} any more: put it back there, "
            "or leave out --line."
        )
    lines = file.text.split("\n")
    if line > len(lines):
        raise Refused(f"{file.file} of {student} has {len(lines)} lines, and no line {line}.")
    return {"code": lines[line - 1], "file": exercise.file_hash}


def _show(student: str, folder: Folder, course: Course, roster: Roster, store: Store) -> None:
    from autograder.course.tree import key
    from autograder.feedback.pen import console
    from autograder.people.places import Codes
    from autograder.people.show import notes_lines
    from autograder.people.view import notes_of
    from autograder.people.voices import Voices
    from autograder.store import standing_of

    said = folder.of(student)
    result = standing_of(store, student)
    out = console()
    with Codes(course) as codes:
        found = Voices(course, {key(student): said}, roster, codes).notes(result) if result is not None else {}
    titles = {each.name: each.title for each in course.exercises} | {each.id: each.title for each in course.modules}
    for scope in dict.fromkeys(record.of for record in said.records):
        out.print(notes_lines(found.get(scope) or notes_of([said], scope, titles.get(scope, scope), course)))
        comments: list[Comment] = said.comments(scope)
        if comments:
            ids = ", ".join(f"{each.id} (line {each.line})" if each.line else each.id for each in comments)
            out.print(f"  ids of the comments, for --remove: {ids}", style="dim")
    if not said.records:
        say(f"Nobody has said anything about {student} yet.")


def _said(record: Record) -> str:
    from autograder.people import Comment, Points

    if isinstance(record, Points):
        return f"{record.item} {record.points:g}"
    if isinstance(record, Comment):
        return f"a comment ({record.id})"
    return "a comment taken back"
