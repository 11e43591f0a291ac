"""The commands `questions` and `quiz`: questions on somebody's own code, as a sheet for a talk, and in the terminal."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.book import ResultsOption, RosterOption, RunOption, open_roster, require_run, results_file
from autograder.cli.common import INSTRUCTORS, STUDENTS, CourseOption, open_course, private_folder, require_solutions
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course, Exercise
    from autograder.course.answers import SubmittedFile
    from autograder.questions.make import Sheet

MOST_SEED = 10**6
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Draw as an earlier sheet did, whose key names its seed.")
]
CountOption = Annotated[int, typer.Option("--count", "-n", min=1, max=20, help="How many questions.")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(questions)
    app.command(rich_help_panel=STUDENTS)(quiz)


def questions(
    exercise: Annotated[str, typer.Argument(help="The exercise: `tokenizer/bpe`, or `bpe`.")],
    student: Annotated[
        list[str] | None,
        typer.Option(
            "--student", "-s", help="Only these submissions, by id; may be repeated. By default all that passed."
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A file, folder or zip instead of what was graded.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Draw anew where there is a sheet of the same answer, which else stays.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also for work that does not pass.")] = False,
    count: CountOption = 5,
    seed: SeedOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the sheets. By default .autograder/questions/.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run submissions although this machine lacks the isolation for them.")
    ] = False,
    roster: RosterOption = None,
    results: ResultsOption = None,
    run: RunOption = None,
    course: CourseOption = None,
) -> None:
    """Write a sheet of questions on a student's own code, for a talk of five minutes: HTML and Markdown, with the key and without.

    The answers are computed: the code, and changes of one line of it, are run on small inputs in the jail, each key twice. Nothing
    is judged, and nothing counts: read the answers in the talk.
    """
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.jail.host import Zygote
    from autograder.report.pages import names_for

    root, loaded = open_course(course)
    require_solutions(root)
    if file is not None and student:
        raise Refused("--file names the work itself, and --student what was graded: give one of them.")
    chosen = _one(loaded, exercise)
    _require_isolation(unsafe)
    found = (
        [_named(loaded, chosen, file)]
        if file is not None
        else _graded(root, loaded, chosen, student or [], anyway, results, run)
    )
    people = open_roster(root, loaded, roster)
    folder = out or private_folder(root) / "questions" / chosen.topic / chosen.slug
    screen = console()
    with Zygote() as zygote:
        found = list(found)
        for (name, work), base in zip(found, names_for([name for name, _ in found]), strict=True):
            if not again and seed is None and _is_there(folder / base, work, count):
                screen.print(
                    visible(f"{name}: the sheet of this answer is there, {folder / base}.html"), soft_wrap=True
                )
                continue
            sheet = _sheet(zygote, root, chosen, work, _seed(seed), count)
            person = people.person(name)
            sheet.student = person.name or name if person is not None else name
            path = _write(sheet, folder / base)
            said = f"{name}: {_number(len(sheet.questions), 'question')}"
            screen.print(visible(f"{said}, {path}.html, .key.html, .md, .key.md"), soft_wrap=True)
            if len(sheet.questions) < count:
                screen.print(
                    visible(f"    {sheet.problem or 'No more that are worth asking were found.'}"), style="yellow"
                )
    if not found:
        raise Refused(f"Nobody's {chosen.name} has passed yet. --anyway takes all that was graded.")


def quiz(
    exercise: Annotated[str, typer.Argument(help="The exercise: `tokenizer/bpe`, `bpe`, or its file.")],
    count: CountOption = 5,
    seed: SeedOption = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run without a worker process (no time limits).", hidden=True)
    ] = False,
    course: CourseOption = None,
) -> None:
    """Ask yourself about your own code: what a call gives, what a changed line would do. Nothing is sent or graded."""
    from autograder.jail.here import make_zygote

    zygote = make_zygote(in_process)  # torch is imported while the rest is read
    try:
        from autograder.course.submission import open_own_work
        from autograder.feedback.pen import console
        from autograder.grading.student import untouched
        from autograder.questions.quiz import Quiz

        root, loaded = open_course(course)
        chosen = _one(loaded, exercise)
        work = open_own_work(root, loaded).files[chosen.name]
        if untouched(root, chosen, work.text):
            raise Refused(f"{work.file} is the stub as it came: write it first, then ask yourself about it.")
        out = console()
        out.print(f"Running {work.file}, and changes of its lines …", style="dim", soft_wrap=True)
        sheet = _sheet(zygote, root, chosen, work, _seed(seed), count)
        Quiz(out, sheet).run()
    finally:
        zygote.close()


def _one(course: Course, name: str) -> Exercise:
    found = course.match([name])
    if len(found) != 1:
        raise Refused(f"{name!r} is {len(found)} exercises: name one, as {found[0].name}.")
    return found[0]


def _seed(given: int | None) -> int:
    return secrets.randbelow(MOST_SEED) if given is None else given


def _require_isolation(unsafe: bool) -> None:
    """What students wrote is run here: behind the same layers as when it is graded."""
    from autograder.jail import layers
    from autograder.jail.host import JailError

    state = layers.isolation()
    if not unsafe and not state.enough_for_hidden:
        raise JailError(
            f"submissions are not run here: {state.why}.\n`autograder doctor` says how to get what is missing; "
            "--unsafe runs them all the same"
        )


def _named(course: Course, exercise: Exercise, path: Path) -> tuple[str, SubmittedFile]:
    from autograder.course.submission import open_submission

    if path.suffix == ".py" and path.is_file():
        return path.stem, _single(exercise, path)
    submission = open_submission(path, course)
    return submission.id, submission.files[exercise.name]


def _single(exercise: Exercise, path: Path) -> SubmittedFile:
    """A file by itself, whatever it is called."""
    from autograder.course.answers import SubmittedFile
    from autograder.course.source_text import decode

    text = decode(path.read_bytes(), path.name)
    problem = None if isinstance(text, str) else text
    return SubmittedFile(exercise.name, path.name, text if isinstance(text, str) else None, problem)


def _graded(
    root: Path,
    course: Course,
    exercise: Exercise,
    names: list[str],
    anyway: bool,
    results: Path | None,
    run: str | None,
) -> Iterator[tuple[str, SubmittedFile]]:
    """What stands of this exercise and passed, with the text that was graded."""
    from autograder.cli.common import complain
    from autograder.course.submission import open_submission
    from autograder.store import Store, standing, standing_of

    runs = None if run is None else [run]
    with Store(results_file(root, results)) as store:
        require_run(store, run)
        if names:
            found = {name: standing_of(store, name, [exercise.name], runs=runs) for name in names}
            for name, result in found.items():
                if result is None or not result.exercises:
                    raise Refused(f"There is no result of {exercise.name} by {name!r} in {store.path}.")
            every = [result for result in found.values() if result is not None]
        else:
            every = list(standing(store, [exercise.name], runs=runs))
    for result in every:
        stored = next(each for each in result.exercises if each.exercise == exercise.name)
        if stored.verdict != "passed" and not anyway:
            if names:
                raise Refused(
                    f"{result.submission} has {stored.earned} of {stored.points} points in {exercise.name}: questions are for work "
                    "that passes. --anyway asks about what it does now."
                )
            continue
        source = result.origin_of(stored).source
        try:
            work = open_submission(source, course, name=result.submission).files[exercise.name]
        except Exception as error:
            if names:
                raise
            complain(f"{result.submission} is left out: {error}")
            continue
        if work.hash != stored.file_hash:
            said = f"{source} is not what was graded: {stored.file} has changed since. Grade it again."
            if names:
                raise Refused(said)
            complain(f"{result.submission} is left out: {said}")
            continue
        yield result.submission, work


def _sheet(zygote: Any, root: Path, exercise: Exercise, work: SubmittedFile, seed: int, count: int) -> Sheet:
    from autograder.feedback import messages
    from autograder.grading.asking import Code, RunLimits
    from autograder.grading.student import expected_plan
    from autograder.plan import load_plan
    from autograder.questions.make import make_sheet

    if work.text is None:
        raise Refused(messages.text(work.problem) if work.problem else f"There is no {work.file}.")
    plan = load_plan(expected_plan(root, exercise))
    limits = exercise.limits
    run_limits = RunLimits(limits.cpu_seconds, limits.wall_factor, limits.memory_mb, limits.output_kb)
    code = Code(work.text, work.file, exercise.forbid)
    return make_sheet(zygote, plan, code, run_limits, seed, title=exercise.title, count=count)


def _is_there(path: Path, work: SubmittedFile, count: int) -> bool:
    """Whether there is a sheet of this very answer, with as many questions asked for: one that was printed stays as it is."""
    import json

    try:
        record = json.loads(path.with_name(path.name + ".json").read_text("utf-8"))
        return (record["hash"], record["count"]) == (work.hash, count)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(sheet: Sheet, path: Path) -> Path:
    """Write the sheet in all its forms; `path` is what their names have in common."""
    from autograder.questions.sheet import files
    from autograder.release.files import write_atomically

    for end, data in files(sheet).items():
        write_atomically(path.with_name(path.name + end), data)
    return path


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
