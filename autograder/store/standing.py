"""What stands of each exercise of each submission, whatever was graded after it: the one function that every reader uses.

A grading run covers what was asked for: a module, a student, an exercise. What stands of an exercise is the newest result of an
answer to it, over all runs; a hand-in that lacks the exercise takes no answer back. A submission's standing result has every exercise
that was ever graded for it, each with its `origin` where that is another run or hand-in than the newest. Points that a regrade may not
lower, lateness and adjustments come after that: see `scores`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from msgspec import structs

from autograder.results import ExerciseResult, Provenance, Result
from autograder.store.database import Store

Rows = dict[int, set[str]]  # exercises by the number of the stored result that they stand in


def standing(
    store: Store, exercises: Sequence[str] | None = None, *, runs: Collection[str] | None = None
) -> Iterator[Result]:
    """The standing result of every submission, by id. Those without any of `exercises` are left out.

    `exercises` are those wanted, in this order; without it all, in the order in which they were graded. With `runs`, what stands after
    these runs alone.
    """
    for _, rows in _rows(store, runs, exercises):
        yield _composed(store, rows, exercises)


def standing_of(
    store: Store, submission: str, exercises: Sequence[str] | None = None, *, runs: Collection[str] | None = None
) -> Result | None:
    """The same of one submission; None when there is nothing of it."""
    return next((_composed(store, rows, exercises) for _, rows in _rows(store, runs, exercises, submission)), None)


def superseded(
    store: Store, exercise: Collection[str], *, runs: Collection[str] | None = None
) -> Iterator[tuple[Result, set[str]]]:
    """Earlier answers that may still count (the best one, a regrade that may not lower): the newest result of each, with the
    names of its exercises that are meant. The oldest first."""
    newest: dict[tuple[str, str, str], int] = {}
    for number, run, submission, name, text in store.rows(
        "SELECT number, run, submission, exercise, file_hash FROM mark JOIN result ON number = result ORDER BY number"
    ):
        if name in exercise and text and (runs is None or run in runs):
            newest[submission, name, text] = number
    last: dict[tuple[str, str], int] = {}
    for (submission, name, _), number in newest.items():
        last[submission, name] = max(number, last.get((submission, name), 0))
    meant: Rows = {}
    for (submission, name, _), number in newest.items():
        if number != last[submission, name]:
            meant.setdefault(number, set()).add(name)
    for number in sorted(meant):
        yield store.read(number), meant[number]


def graded_exercises(store: Store, run: str | None = None) -> set[str]:
    """Every exercise of which there is a result, of `run` or of any."""
    query = "SELECT DISTINCT exercise FROM mark JOIN result ON number = result WHERE ? IS NULL OR run = ?"
    return {row[0] for row in store.rows(query, run, run)}


def runs_up_to(store: Store, run: str) -> list[str]:
    """`run` and all that began before it."""
    known = [each.id for each in store.runs()]
    return known[: known.index(run) + 1]


def newest_of_run(store: Store, run: str) -> dict[str, Result]:
    """What a run says now, by submission: of each exercise the last result, also where the exercise is missing in it."""
    query = (
        "SELECT submission, exercise, MAX(number) FROM mark JOIN result ON number = result WHERE run = ? GROUP BY 1, 2"
    )
    return {submission: _composed(store, rows, None) for submission, rows in _grouped(store.rows(query, run))}


def _rows(
    store: Store, runs: Collection[str] | None, exercises: Collection[str] | None, submission: str | None = None
) -> Iterator[tuple[str, Rows]]:
    """By submission: in which stored results its exercises stand."""
    where, values = ["1"], []
    if submission is not None:
        where.append("submission = ?")
        values.append(submission)
    if runs is not None:
        where.append(f"run IN ({', '.join('?' * len(runs))})")
        values += runs
    found = store.rows(
        "SELECT submission, exercise, COALESCE(MAX(CASE WHEN file_hash != '' THEN number END), MAX(number))"
        f" FROM mark JOIN result ON number = result WHERE {' AND '.join(where)} GROUP BY submission, exercise",
        *values,
    )
    wanted = None if exercises is None else set(exercises)
    return _grouped([row for row in found if wanted is None or row[1] in wanted])


def _grouped(found: list[tuple[str, str, int]]) -> Iterator[tuple[str, Rows]]:
    for submission, group in groupby(sorted(found), key=lambda row: row[0]):
        rows: Rows = {}
        for _, exercise, number in group:
            rows.setdefault(number, set()).add(exercise)
        yield submission, rows


def _composed(store: Store, rows: Rows, order: Sequence[str] | None) -> Result:
    """One result of what stands in several stored ones; the newest of them says what is not said of an exercise."""
    parts = [(store.read(number), rows[number]) for number in sorted(rows)]
    newest = parts[-1][0]
    exercises: list[ExerciseResult] = []
    for part, names in parts:
        for each in part.exercises:
            if each.exercise in names:
                exercises.append(each if part is newest else structs.replace(each, origin=part.origin_of(each)))
    if order is not None:
        place = {name: number for number, name in enumerate(order)}
        exercises.sort(key=lambda each: place[each.exercise])
    if len(parts) == 1 and len(exercises) == len(newest.exercises):
        return structs.replace(newest, exercises=exercises)
    return structs.replace(newest, exercises=exercises, provenance=_joined([part for part, _ in parts], exercises))


def _joined(parts: list[Result], exercises: list[ExerciseResult]) -> Provenance:
    """What a composed result was made with: of all its exercises; isolated when all of them were."""
    made, names = [part.provenance for part in parts], {each.exercise for each in exercises}
    hashes, authored = (
        {name: value for one in made for name, value in getattr(one, field).items() if name in names}
        for field in ("exercise_hashes", "authored")
    )
    return structs.replace(
        made[-1],
        exercise_hashes=hashes,
        authored=authored,
        device="cuda" if any(one.device == "cuda" for one in made) else made[-1].device,
        isolated=all(one.isolated for one in made),
    )
