"""One submission → the content of `results.json`, on whatever machine the autograder's zip was unpacked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.course import Exercise
from autograder.course.opening import opened as opened_within_bounds
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import load_secret
from autograder.integrations.otter import container, results
from autograder.integrations.otter.bundle import DRAW, Bundle, BundleError, opened
from autograder.release.pack import PLACEHOLDER
from autograder.results import Result
from autograder.store import Store

NAME = "submission"
_NOT_THEIRS = {"__init__.py", "tests", "__pycache__", "__MACOSX", ".DS_Store", PLACEHOLDER}
"""What otter, the operating system and `autograder pack` put into the folder beside what is graded."""


def grade_into(folder: Path) -> None:
    """Grade `folder`/submission with the unpacked zip in `folder`/source, and write `folder`/results/results.json.

    This is how Gradescope's containers are laid out, and those of `otter grade`, which also looks for a pickled result:
    when its empty file lies there, it is written. What goes wrong becomes a sentence in `results.json`.
    """
    content = graded(folder / "source", folder / "submission")
    (folder / "results").mkdir(exist_ok=True)
    results.write(content, folder / "results/results.json")
    if (folder / "results/results.pkl").exists():
        from autograder.integrations.otter.otter_results import write_pickled

        write_pickled(content, folder / "results/results.pkl")


def graded(source: Path, submission: Path) -> dict[str, Any]:
    """The content of `results.json` for what lies in the folder `submission`; `source` is the unpacked zip. Never raises."""
    from autograder.feedback.refusals import explain

    points = 0.0
    try:
        with opened(source) as bundle:
            points = bundle.settings.points or float(sum(each.points for each in bundle.exercises))
            limit = container.memory_mb()
            exercises = _within(bundle.exercises, container.memory_for_students(limit))
            result = grade(bundle, handed_in(submission), exercises)
            return results.results(result, bundle.course, points=bundle.settings.points, staff=_staff(result, limit))
    except container.TooSmall as error:
        return results.not_graded(str(error), points, container.isolation_report())
    except Exception as error:
        why = str(error) if isinstance(error, BundleError) else explain(error)
        why = why or f"{type(error).__name__}: {error}"  # a fault of ours: for instructors, with the place of it
        return results.not_graded(results.OURS, points, f"{why}\n\n{_place(error)}\n\n{container.isolation_report()}")


def grade(bundle: Bundle, source: Path, exercises: Sequence[Exercise]) -> Result:
    """Grade what `source` holds, with hidden checks, in the engine's jail. Raises what `explain` has sentences for."""
    submission = opened_within_bounds(source, bundle.course, NAME)
    with tempfile.TemporaryDirectory(prefix="grade-") as folder, Store(Path(folder) / "results.sqlite") as store:
        run = store.start_run("grade")
        with _grader(bundle, exercises, run.id) as grader:
            [result] = grader.grade([submission], store)
    return result


def prepare(source: Path) -> None:
    """Make the plans of the unpacked zip `source`, so that no submission waits for them. Raises what `explain` knows."""
    with opened(source) as bundle, _grader(bundle, bundle.exercises, "prepare") as grader:
        make_plans(grader)


def make_plans(grader: ClassGrader) -> list[Path]:
    """Make the plans that are not whole yet, so that no submission waits for them; returns where they are."""
    for exercise in grader.exercises:
        plan = grader.planner.cached(exercise)
        if plan is None or not plan.complete:
            grader.trusted.start()
            grader.planner.plan(exercise)
    return [grader.planner.path(exercise) for exercise in grader.exercises]


def _grader(bundle: Bundle, exercises: Sequence[Exercise], run: str) -> ClassGrader:
    return ClassGrader(
        bundle.course,
        bundle.root,
        bundle.private,
        load_secret(bundle.private),
        run,
        draw=DRAW,
        exercises=list(exercises),
        jobs=1,
        unsafe=bundle.settings.unsafe,
    )


def handed_in(folder: Path) -> Path:
    """What to open: the one file that was handed in, whatever it is called, else the whole folder."""
    try:
        found = [path for path in folder.iterdir() if path.name not in _NOT_THEIRS]
    except OSError:
        return folder
    alone = len(found) == 1 and found[0].is_file() and not found[0].is_symlink()
    return found[0] if alone and found[0].suffix.lower() in (".py", ".ipynb", ".zip") else folder


def _within(exercises: Sequence[Exercise], memory_mb: int | None) -> list[Exercise]:
    """The exercises with limits that the container can hold: over them, it would kill the grader itself."""
    if memory_mb is None:
        return list(exercises)
    return [
        each.model_copy(
            update={
                "limits": each.limits.model_copy(update={"memory_mb": min(each.limits.memory_mb, memory_mb)}),
            }
        )
        for each in exercises
    ]


def _staff(result: Result, limit: int | None) -> str:
    made = result.provenance
    lines = [
        container.isolation_report(),
        "",
        f"Memory of the container: {f'{limit} MB' if limit else 'no limit'}. Secret {made.secret}; engine {made.engine} "
        f"{made.engine_hash[:12]}; Python {made.python}, torch {made.torch}; submission {result.hash[:12]}.",
    ]
    return "\n".join(lines)


def _place(error: BaseException) -> str:
    """Where an error of ours arose: the innermost file and line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
