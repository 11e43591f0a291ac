"""The command that gives students their feedback where no platform does: deliver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ResultsOption, RosterOption, RunOption
from autograder.cli.common import INSTRUCTORS, CourseOption, complain, private_folder, say
from autograder.cli.export import Graded
from autograder.cli.scores import file_name
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course.roster import Person, Roster
    from autograder.results import Result


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(deliver)


def deliver(
    module: Annotated[str, typer.Argument(help="The module whose feedback it is.")],
    push: Annotated[
        bool, typer.Option("--push", help="Also put it on the branch `feedback/MODULE` of each student's repository.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder for the files. By default .autograder/feedback/MODULE.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow-protocol", help="Besides https and ssh: `git`, `http`, `file` (paths on this machine)."),
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Write one feedback file for each student: what they may see of every check now, and how the score came about.

    With `--push` it goes to a branch of the repository that the class list names, for the student or for their group. That branch holds
    feedback only, nothing else of the repository is touched, and what has not changed is not sent again. git's own credentials are used.
    Of a group that shares a repository each member has a file there, or one is for all of them when it says the same.
    """
    from autograder.collect.remote import PROTOCOLS
    from autograder.course.load import find_root

    graded = Graded(course, roster, results, run)
    exercises = {exercise.name for exercise in graded.course.module(module).exercises}
    files = feedback_files(graded, module, exercises)
    if not files:
        raise Refused(f"{graded.where} has no results of module {module!r}.")
    folder = into or private_folder(find_root(course)) / "feedback" / module
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / f"{file_name(file.person.id)}.md").write_text(file.text, encoding="utf-8")
    say(f"{folder} has the feedback of {len(files)} students.")
    if push and not _push(files, graded.roster, module, (*PROTOCOLS, *(allow or ()))):
        raise typer.Exit(1)


@dataclass(frozen=True)
class Feedback:
    """What one student may read of a module now."""

    person: Person
    text: str
    at: int  # when it was graded, in seconds since 1970


def feedback_files(graded: Graded, module: str, exercises: set[str]) -> list[Feedback]:
    """A file for each student who has a result, of a group or of their own."""
    from autograder.course.roster import Person

    of: dict[str, tuple[Person, list[Result]]] = {}
    for result in graded.results:
        if not any(each.exercise in exercises for each in result.exercises):
            continue
        for person in graded.roster.team(result.submission) or [Person(result.submission)]:
            of.setdefault(person.id, (person, []))[1].append(result)
    return [
        Feedback(
            person,
            _text(graded, person, results, module, exercises),
            max(int(datetime.fromisoformat(result.graded_at).timestamp()) for result in results),
        )
        for person, results in of.values()
    ]


def _text(graded: Graded, person: Person, results: list[Result], module: str, exercises: set[str]) -> str:
    from msgspec.structs import replace

    from autograder.feedback.markdown import result_markdown
    from autograder.feedback.view import Options
    from autograder.scores.markdown import module_markdown

    def of_module(result: Result) -> Result:
        return replace(result, exercises=[each for each in result.exercises if each.exercise in exercises])

    views = [of_module(graded.view(result)) for result in results]
    parts = [result_markdown(view, Options(audience="student", show_all=True)) for view in views]
    withheld = any(
        (view.earned, view.pending) != (whole.earned, whole.pending)
        for view, whole in zip(views, map(of_module, results), strict=True)
    )
    score = next((score for score in graded.scores if score.student == person.id), None)
    found = next((each for each in score.modules if each.module == module), None) if score is not None else None
    if found is not None and not withheld:  # else it would give away what is not to be seen yet
        parts.append(f"## How the score came about\n\n{module_markdown(found)}")
    return "\n".join(parts)


def _push(files: list[Feedback], roster: Roster, module: str, protocols: tuple[str, ...]) -> bool:
    """Put each on the branch of its repository; whether all are there now."""
    from autograder.collect.deliver import push_files
    from autograder.collect.process import FetchError

    branch = f"feedback/{module}"
    sent = same = failed = 0
    shared: dict[str, list[Feedback]] = {}
    for file in files:
        url = repository_of(file.person, roster)
        if not url:
            failed += 1
            complain(f"{file.person.id}: the class list names no repository.")
        else:
            shared.setdefault(url, []).append(file)
    for url, theirs in shared.items():
        try:
            new = push_files(url, branch, _named(theirs, module), max(file.at for file in theirs), protocols)
        except FetchError as error:
            failed += len(theirs)
            complain(f"{', '.join(file.person.id for file in theirs)}: {error}")
        else:
            sent, same = sent + new * len(theirs), same + (not new) * len(theirs)
    say(f"Branch {branch}: {sent} sent, {same} the same as before" + (f", {failed} not." if failed else "."))
    return failed == 0


def repository_of(person: Person, roster: Roster) -> str:
    """A student's repository, or the one that their group shares: it may stand at one member only. "" where there is none."""
    if person.repository:
        return person.repository
    urls = {each.repository for each in roster.groups.get(person.group, []) if each.repository}
    return urls.pop() if len(urls) == 1 else ""


def _named(files: list[Feedback], module: str) -> dict[str, str]:
    """What a repository's branch holds: one file when it says the same to all who share the repository, else one for each."""
    if len({file.text for file in files}) == 1:
        return {f"{module}.md": files[0].text}
    return {f"{module}-{file_name(file.person.id)}.md": file.text for file in files}
