"""The command `mistake`: a wrong answer that several gave becomes a known mistake, with a sentence for whoever gives it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.book import ResultsOption
from autograder.cli.common import (
    INSTRUCTORS,
    CourseOption,
    course_secret,
    open_course,
    private_folder,
    require_solutions,
    working_folder,
)
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course, Exercise
    from autograder.grading.record import Graded


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=INSTRUCTORS)(mistake)


def mistake(
    exercise: Annotated[str, typer.Argument(help="The exercise.")],
    sentence: Annotated[
        str, typer.Argument(help="What the code does and what to do instead; `code` and *emphasis* are marked.")
    ],
    edit: Annotated[
        list[str],
        typer.Option("--edit", metavar="RIGHT", help="A piece of solution.py that is there once; may be repeated."),
    ],
    to: Annotated[list[str], typer.Option("--to", metavar="WRONG", help="What stands there instead, for each --edit.")],
    like: Annotated[
        str | None,
        typer.Option("--like", metavar="SUBMISSION", help="Refuse it unless it answers as this submission did."),
    ] = None,
    verified: Annotated[
        bool, typer.Option("--verify", help="Refuse it unless `autograder verify` accepts the exercise with it.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write it into mistakes.py of the exercise.")] = False,
    results: ResultsOption = None,
    course: CourseOption = None,
) -> None:
    """Try a new known mistake on the checks and on the class's answers; with --write, add it to the exercise.

    It is refused when it does not fit the reference, when no check rejects it, and when it is known. Whoever gave the same answers
    is named; after --write, `autograder verify` and `autograder rejudge` give them the sentence. With --verify the exercise is verified
    on a copy of the course, before anything is written.
    """
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.grading.grade import ClassGrader
    from autograder.store import Store
    from autograder.verify import new_mistake

    root, loaded = open_course(course)
    require_solutions(root)
    chosen = loaded.match([exercise])
    if len(chosen) != 1:
        raise Refused(f"{exercise} is {len(chosen)} exercises: name one.")
    one = chosen[0]
    if len(edit) != len(to):
        raise Refused(
            f"There are {len(edit)} pieces to --edit and {len(to)} to put in their place (--to): give one for each."
        )
    edits = dict(zip(edit, to, strict=True))
    folder = one.solution_dir(root)
    source = new_mistake.edited((folder / "solution.py").read_text(encoding="utf-8"), edits)
    private = working_folder(root, results)
    path = results or private_folder(root) / "results.sqlite"
    run = "mistake"
    if path.exists():
        with Store(path) as store:
            latest = store.latest_run("grade")
            run = latest.id if latest is not None else run
    secret = course_secret(root, private)
    with ClassGrader(loaded, root, private, secret, run, draw=run, exercises=[one], own_code=True) as grader:
        graded = new_mistake.tried(grader, one, source)
    failing = new_mistake.require_new(graded.result)
    out = console()
    out.print(
        f"Rejected by {len(failing)} of {len(graded.result.checks)} checks: {', '.join(each.name for each in failing)}."
    )
    if path.exists():
        _compare(graded, path, like, one.name)
    elif like is not None:
        raise Refused(f"There are no results yet ({path}), so nothing is known of {like}.")
    text = new_mistake.entry(sentence, edits, new_mistake.raises(failing))
    if verified:
        _verify_and_write(root, loaded, one, text, write)
    elif write:
        new_mistake.append(folder / "mistakes.py", text)
    if write:
        out.print(visible(f"Written to {folder / 'mistakes.py'}."))
        first = "" if verified else f"autograder verify {one.name}, then "
        out.print(f"Next: {first}autograder rejudge -e {one.name}.", style="dim")
        return
    out.print("\nNothing is written yet; with --write this goes into mistakes.py:\n", style="dim")
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _verify_and_write(root: Path, course: Course, exercise: Exercise, text: str, write: bool) -> None:
    """Verify the exercise with the new entry, and write the very file that was verified, unless the one there has changed meanwhile."""
    import tempfile

    from autograder.cli.rehearsal import require_verified
    from autograder.feedback.pen import console
    from autograder.release.files import write_atomically
    from autograder.verify import new_mistake

    path = exercise.solution_dir(root) / "mistakes.py"
    before = path.read_bytes() if path.is_file() else None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        if before is not None:
            made.write_bytes(before)
        new_mistake.append(made, text)
        after = made.read_bytes()
    console().print(f"Verifying {exercise.name} with it …")
    require_verified(root, course, exercise, {path.name: after})
    console().print(f"`autograder verify` accepts {exercise.name} with it.")
    if write:
        if (path.read_bytes() if path.is_file() else None) != before:
            raise Refused(f"{path} was changed meanwhile. Nothing was written: try it again.")
        write_atomically(path, after)


def _compare(graded: Graded, path: Path, like: str | None, exercise: str) -> None:
    """Say who of the class gave the same answers; refused when `like` did not."""
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.report.clusters import explained
    from autograder.store import Store, standing

    with Store(path) as store:
        results = list(standing(store, [exercise]))
        same, others = explained(graded.result, graded.observations.get, results, store.observation)
    if like is not None and like not in same:
        if like in others:
            raise Refused(f"{like} answers otherwise: {'; '.join(others[like][:3])}. It is another mistake.")
        raise Refused(f"{like} has no wrong answer to {exercise} that nothing explains.")
    shown = ", ".join(same[:20]) + (f" and {len(same) - 20} more" if len(same) > 20 else "")
    console().print(
        visible(
            f"It explains {len(same)} of {len(same) + len(others)} unexplained answers{': ' if same else ''}{shown}."
        )
    )
