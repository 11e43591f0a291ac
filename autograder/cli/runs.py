"""Commands for instructors about whole runs: diff, merge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ResultsOption, RosterOption, open_roster
from autograder.cli.common import INSTRUCTORS, CourseOption, open_course, private_folder
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.feedback.changes import ExerciseChange
    from autograder.grading.merge import Shards
    from autograder.results import ExerciseResult, Result
    from autograder.store import Store

SourceHelp = "A run by its id (what stood after it), another results file, or a folder of results as JSON files."


def register(app: typer.Typer) -> None:
    for command in (diff, merge):
        app.command(rich_help_panel=INSTRUCTORS)(command)


@dataclass
class Source:
    """Results from somewhere, by submission; `problems` says which files were of no use."""

    label: str
    results: dict[str, Result]
    problems: list[str] = field(default_factory=list)
    observation: Callable[[str], bytes | None] = lambda key: None
    exercises: Callable[[list[str]], dict[str, ExerciseResult]] = lambda keys: {}  # as they were graded, by key
    file: Path | None = None  # a results file, which may have decisions in it


def open_source(name: str, store: Store | None) -> Source:
    """The results that `name` means: after a run, what stood then. Raises `Refused` when there are none."""
    from autograder.store import standing
    from autograder.store.standing import runs_up_to

    path = Path(name)
    runs = [row.id for row in store.runs()] if store is not None else []
    if store is not None and name in runs:
        found = standing(store, runs=runs_up_to(store, name))
        return Source(name, {each.submission: each for each in found}, [], store.observation, store.exercises)
    if path.is_dir() or (path.is_file() and path.suffix == ".json"):
        return _from_json(path)
    if path.is_file():
        return _from_file(path)
    known = f" Runs: {', '.join(runs[-5:])}." if runs else ""
    raise Refused(f"{name} is neither a run, nor a results file, nor a folder of JSON results.{known}")


def _from_json(path: Path) -> Source:
    import msgspec

    from autograder.results import from_json

    found = Source(str(path), {})
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        try:
            result = from_json(file.read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            found.problems.append(f"{file} is not a result of this version, or was cut short ({error}); left out.")
            continue
        found.results[result.submission] = result
    if not found.results:
        raise Refused("\n".join([*found.problems, f"There is no result in {path}."]))
    return found


def _from_file(path: Path) -> Source:
    from autograder.store import Store, standing

    with Store(path) as store:
        results = list(standing(store))
        if not results:
            raise Refused(f"There is no result in {path}.")
        keys = {
            case.observation
            for each in results
            for one in each.exercises
            for check in one.checks
            for case in check.cases
        }
        kept = {key: value for key in keys - {""} if (value := store.observation(key)) is not None}
        graded = store.exercises({one.key for each in results for one in each.exercises if one.key})
    by_name = {each.submission: each for each in results}
    return Source(
        str(path), by_name, [], kept.get, lambda keys: {key: graded[key] for key in keys if key in graded}, path
    )


def diff(
    before: Annotated[str, typer.Argument(metavar="RUN", help=SourceHelp)],
    after: Annotated[str, typer.Argument(metavar="RUN", help="Another one.")],
    details: Annotated[bool, typer.Option("--details", "-d", help="Show the checks that changed, and why.")] = False,
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Tell whose grades differ between two runs, by how much, and why."""
    from autograder.feedback.changes import CAUSES, exercise_changes, why
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console

    root, _ = open_course(course)
    old, new = _two(results or private_folder(root) / "results.sqlite", before, after)
    out = console()
    changed = 0
    for name in sorted({*old.results, *new.results}):
        was, now = old.results.get(name), new.results.get(name)
        if was is None or now is None:
            out.print(visible(f"{name}: only in {(old if now is None else new).label}"), style="yellow")
            continue
        found = exercise_changes(was, now)
        if not found:
            continue
        changed += 1
        out.print(visible(f"{name}  {was.earned} → {now.earned} points"), style="bold")
        for each in found:
            out.print(visible(f"    {each.exercise}  {_points(each)}"))
            for cause in each.causes:
                out.print(f"        {CAUSES[cause]}", style="dim")
            for change in each.checks if details else []:
                out.print(visible(f"        {change.check}  {change.before} → {change.after}"))
                out.print(visible(f"            {why(change)}"), style="dim")
    both = len(old.results.keys() & new.results.keys())
    if not both:
        raise Refused("The two have no submission in common: there is nothing to compare.")
    out.print(f"{changed} of {both} submissions differ.")


def _two(path: Path, before: str, after: str) -> tuple[Source, Source]:
    from autograder.store import Store

    if not path.exists():
        found = open_source(before, None), open_source(after, None)
    else:
        with Store(path) as store:
            found = open_source(before, store), open_source(after, store)
    _complain(found[0].problems + found[1].problems)
    return found


def _complain(problems: list[str]) -> None:
    from autograder.feedback.escape import visible

    for problem in problems:
        sys.stderr.write(visible(problem) + "\n")


def _points(change: ExerciseChange) -> str:
    if change.before is None or change.after is None:
        return "graded only now" if change.before is None else "no longer graded"
    pending = [f" (+{each.pending} pending)" if each.pending else "" for each in (change.before, change.after)]
    points = f"{change.before.earned}{pending[0]} → {change.after.earned}{pending[1]}"
    return f"{points}  {change.before.verdict} → {change.after.verdict}"


def merge(
    base: Annotated[str, typer.Argument(metavar="RUN", help=SourceHelp)],
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN…", help="Others: of a machine with a GPU, of the rest of the class."),
    ] = None,
    results: ResultsOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for the pages. By default .autograder/report of the course.")
    ] = None,
    json_folder: Annotated[
        Path | None, typer.Option("--json", help="Also write each joined result as a JSON file into this folder.")
    ] = None,
    roster: RosterOption = None,
    course: CourseOption = None,
) -> None:
    """Join results from several machines into a new run: parts of a class, and what only some of the machines could run.

    What the first could not run (GPU checks) takes the verdict of another that could, and submissions and exercises that only another
    has are joined. One that was graded from other files, by other checks or with another course secret is refused, with the reason
    and both sources; the exit code is then 1, and the rest is joined.
    """
    from autograder.cli.grade import finish
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.grading.merge import Shards
    from autograder.store import Store
    from autograder.store.join import join_decisions, says_new

    root, loaded = open_course(course)
    out = console()
    with Store(results or private_folder(root) / "results.sqlite") as store:
        sources = [open_source(name, store) for name in (base, *(others or ()))]
        _complain([problem for source in sources for problem in source.problems])
        run = store.start_run("merge", note=" + ".join(source.label for source in sources))
        shards = Shards(loaded.exercises, run.id)
        for source in sources:
            shards.add(source.label, list(source.results.values()))
        for name, counts in sorted(shards.taken.items()):
            for label, count in counts.items():
                out.print(visible(f"{name}: {count} checks from {label}"))
        # From files, into a ledger that may know more; else it is a run of this ledger that is completed, and the new run has all of it.
        from_files = all(source.file is not None for source in sources)
        if from_files:
            _recall(store, shards)
        joined = [result for _, result in sorted(shards.joined.items())]
        new = [result for result in joined if not from_files or says_new(store, result)]
        for result in new:
            store.save(result, _observations(result, sources), graded=_graded(result, sources))
        join_decisions(store, [source.file for source in sources if source.file is not None])
        store.finish_run(run.id)
        if len(new) < len(joined):
            out.print(f"{len(joined) - len(new)} of {len(joined)} say what was known before.")
        _complain(shards.problems)
        people = open_roster(root, loaded, roster)
        pages = report or private_folder(root) / "report"
        finish(loaded, store, people, joined, pages, json_folder, run.id, root=root)
    if shards.problems:
        raise typer.Exit(1)


def _recall(store: Store, shards: Shards) -> None:
    """What is pending takes the verdict that the ledger knows of the same answer."""
    from autograder.store.join import results_of

    for result in list(shards.joined.values()):
        for earlier in results_of(store, result.submission) if result.pending else ():
            shards.recall(result.submission, earlier)


def _observations(result: Result, sources: list[Source]) -> dict[str, bytes]:
    """What the checks of a joined result returned, so that it can be judged again here."""
    keys = {case.observation for one in result.exercises for check in one.checks for case in check.cases} - {""}
    found: dict[str, bytes] = {}
    for key in keys:
        value = next((value for source in sources if (value := source.observation(key)) is not None), None)
        if value is not None:
            found[key] = value
    return found


def _graded(result: Result, sources: list[Source]) -> list[ExerciseResult]:
    """Its exercises as they were graded, before prerequisites blocked any."""
    keys = [each.key for each in result.exercises if each.key]
    found: dict[str, ExerciseResult] = {}
    for source in sources:
        found = {**source.exercises(keys), **found}
    return list(found.values())
