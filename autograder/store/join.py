"""Two results files made one: everything that either holds, once, in the order in which it was written.

This is what lets several people and machines keep one ledger a term. Results and decisions are append-only, so joining never has
to choose: a result that both have is kept once, and what stands follows from the order. Results stand in the order of the time at
which they were written; decisions keep the numbers under which people know them, those of the files that are joined in first.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.results import ExerciseResult, Result
from autograder.store import pieces
from autograder.store.database import Store, StoreError

Decision = tuple[object, ...]  # a row of `adjustment` without its number; what a "back" takes back is a Decision too
_COLUMNS = "made_at, by, student, scope, kind, value, why, until, was"
_KIND, _VALUE = 4, 5


@dataclass(frozen=True)
class Row:
    """A stored result, told from every other by what it says."""

    number: int
    run: str
    submission: str
    hash: str  # SHA-256 of its record; of its JSON, where it was written in format 1 or 2
    written: str  # ISO 8601, UTC: never earlier than what was written before it into the same file


def join(store: Store, others: Sequence[Path]) -> None:
    """Write into `store` what the results files `others` hold and it does not. The files are read, and left as they are."""
    decided: list[Decision] = []
    published: list[tuple[object, ...]] = []
    for path in others:
        with Store(path) as other:
            _join_results(store, other)
            decided = _union(decided, decisions(other))
            published = _union(published, publications(other))
    _write_decisions(store, _union(decided, decisions(store)))
    _write_publications(store, _union(published, publications(store)))


def join_decisions(store: Store, others: Sequence[Path]) -> None:
    """Write into `store` what was decided in the results files `others` and is not in it. What is in it keeps its numbers."""
    for path in others:
        with Store(path) as other:
            _write_decisions(store, _union(decisions(store), decisions(other)))
            _write_publications(store, _union(publications(store), publications(other)))


def rows(store: Store) -> list[Row]:
    """Every stored result, in the order of the file."""
    started = {run.id: run.started for run in store.runs()}
    found: list[Row] = []
    written = ""
    for number, run, name, graded_at, data in store.rows(
        "SELECT number, run, submission, graded_at, data FROM result ORDER BY number"
    ):
        # A result that was judged again or joined has the time at which its code ran: its run says when it was written.
        written = max(written, graded_at, started.get(run, ""))
        found.append(Row(number, run, name, _identity(store, data), written))
    return found


def decisions(store: Store) -> list[Decision]:
    """All adjustments, and what was taken back, in the order of their numbers."""
    by_number: dict[str, Decision] = {}
    for number, *row in store.rows(f"SELECT number, {_COLUMNS} FROM adjustment ORDER BY number"):
        if row[_KIND] == "back":
            row[_VALUE] = by_number.get(row[_VALUE], ())
        by_number[str(number)] = tuple(row)
    return list(by_number.values())


def publications(store: Store) -> list[tuple[object, ...]]:
    return store.rows("SELECT made_at, by, module, shown FROM publication ORDER BY number")


def news(store: Store, known: Collection[str]) -> list[Row]:
    """The results whose hashes are not `known` and that say something new, in the order of the file.

    A nightly job grades the same answers again and again. What says of every exercise the same as the newest result of the same answer
    before it need not be kept: no score and no feedback depends on it.
    """
    every = rows(store)
    wanted = {row.submission for row in every if row.hash not in known}
    said: dict[tuple[str, ...], object] = {}
    found = []
    for row in every:
        if row.submission in wanted:
            new = _content(store.read(row.number))
            if row.hash not in known and not new.items() <= said.items():
                found.append(row)
            said |= new
    return found


def says_new(store: Store, result: Result) -> bool:
    """The same of one result that is not stored yet."""
    said: dict[tuple[str, ...], object] = {}
    for earlier in reversed(list(results_of(store, result.submission))):
        said |= _content(earlier)
    return not _content(result).items() <= said.items()


def results_of(store: Store, submission: str) -> Iterator[Result]:
    """Every stored result of a submission, the newest first."""
    for (number,) in store.rows("SELECT number FROM result WHERE submission = ? ORDER BY number DESC", submission):
        yield store.read(number)


def _content(result: Result) -> dict[tuple[str, ...], object]:
    """What a result says, by submission, exercise and answer, and what is asked with it; but for the run that says it and the cases that it drew."""
    found: dict[tuple[str, ...], object] = {
        (result.submission, each.exercise, each.file_hash): _content_of(result, each) for each in result.exercises
    }
    return found | {(result.submission, name, "request", text): True for name, text in result.requests.items()}


def _content_of(result: Result, exercise: ExerciseResult) -> object:
    origin = result.origin_of(exercise)
    checks = tuple((check.name, check.points, check.verdict, check.earned) for check in exercise.checks)
    made = origin.provenance
    graded = (made.authored.get(exercise.exercise, ""), made.secret, origin.handed_in, origin.clock)
    return exercise.verdict, exercise.points, checks, graded


def write_pages(store: Store, waiting: Sequence[Row], folder: Path, most: int) -> list[Path]:
    """Write the results `waiting` of `store` into results files in `folder`, each of about `most` bytes at most.

    Every one has all decisions of `store`; the first is written even when there is no result to write.
    """
    pages: list[Path] = []
    while waiting or not pages:
        path = folder / f"page-{len(pages)}.sqlite"
        waiting = waiting[_write_page(store, waiting, path, most) :]
        pages.append(path)
    return pages


# --- inside ---


def _write_page(store: Store, waiting: Sequence[Row], path: Path, most: int) -> int:
    """One file of the first of `waiting`; how many it took."""
    size = count = 0
    with Store(path) as page:
        with page.transaction():
            for row in waiting:
                if size > most:
                    break
                size += _copy(store, row, page)
                count += 1
        _write_decisions(page, decisions(store))
        _write_publications(page, publications(store))
        page.rows("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        page.rows("VACUUM")
    return count


def _join_results(store: Store, other: Store) -> None:
    mine = rows(store)
    known = {row.hash for row in mine}
    new: list[Row] = []
    for row in rows(other):
        if row.hash not in known:
            known.add(row.hash)
            new.append(row)
    if not new:
        return
    with store.transaction():
        for row in new:
            _copy(other, row, store)
    # What was graded before something that is here already must not stand because it came later.
    if mine and min(row.written for row in new) < mine[-1].written:
        _put_in_order(store, [*mine, *new])


def _copy(store: Store, row: Row, into: Store) -> int:
    """Copy one result as it is, with its run, its exercises and what their checks returned; the bytes that it takes."""
    [(data,)] = store.rows("SELECT data FROM result WHERE number = ?", row.number)
    result = store.read(row.number)
    for run in store.rows("SELECT id, kind, started, finished, note FROM run WHERE id = ?", row.run):
        into.rows("INSERT OR IGNORE INTO run VALUES (?, ?, ?, ?, ?)", *run)
    into.insert(result, data)
    keys = {each.key for each in result.exercises} - {""}
    seen = set(_observations(result)) - {""}
    parts = pieces.of_result(data) | {pieces.observed(key) for key in seen}
    for key in keys:
        for (graded,) in store.rows("SELECT data FROM exercise WHERE key = ?", key):
            parts |= pieces.of_exercise(graded)
    size = len(data)
    for table, name, wanted in (
        ("exercise", "key", keys),
        ("observation", "hash", seen),
        ("piece", "hash", parts),
    ):
        for key in wanted:
            if not into.rows(f"SELECT 1 FROM {table} WHERE {name} = ?", key):
                for (value,) in store.rows(f"SELECT data FROM {table} WHERE {name} = ?", key):
                    into.rows(f"INSERT INTO {table} VALUES (?, ?)", key, value)
                    size += len(value)
    return size


def _put_in_order(store: Store, order: Sequence[Row]) -> None:
    """Number the results by the time at which they were written; `order` has them as they are numbered now."""
    numbers = [number for (number,) in store.rows("SELECT number FROM result ORDER BY number")]
    ranked = sorted(
        range(len(order)), key=lambda index: order[index].written
    )  # stable: what was here first stays first
    with store.transaction() as db:
        for sign in (-1, 1):  # in two steps, so that no two have the same number on the way
            for new, index in enumerate(ranked, 1):
                old, target = (numbers[index], -new) if sign < 0 else (-new, new)
                db.execute("UPDATE result SET number = ? WHERE number = ?", (target, old))
                db.execute("UPDATE mark SET result = ? WHERE result = ?", (target, old))


def _write_decisions(store: Store, wanted: Sequence[Decision]) -> None:
    if decisions(store) == list(wanted):
        return
    numbers: dict[Decision, int] = {}
    with store.transaction() as db:
        db.execute("DELETE FROM adjustment")
        for number, row in enumerate(wanted, 1):
            values = list(row)
            target = row[_VALUE]
            if isinstance(target, tuple):
                values[_VALUE] = str(numbers.get(target, 0))
            numbers[row] = number
            db.execute(
                f"INSERT INTO adjustment (number, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *values)
            )


def _write_publications(store: Store, wanted: Sequence[tuple[object, ...]]) -> None:
    if publications(store) == list(wanted):
        return
    with store.transaction() as db:
        db.execute("DELETE FROM publication")
        db.executemany("INSERT INTO publication (made_at, by, module, shown) VALUES (?, ?, ?, ?)", wanted)


def _union(first: Sequence[Decision], second: Iterable[Decision]) -> list[Decision]:
    """`first`, then what `second` has besides: equal decisions as often as the one has them that has more."""
    spare = Counter(first)
    found = list(first)
    for row in second:
        if spare[row]:
            spare[row] -= 1
        else:
            found.append(row)
    return found


def _observations(result: Result) -> Iterator[str]:
    """The keys of what the checks of a result returned."""
    for exercise in result.exercises:
        for check in exercise.checks:
            for case in [*check.cases, *([check.smallest] if check.smallest else [])]:
                yield case.observation


def _identity(store: Store, data: bytes) -> str:
    """What tells a stored result from every other one. A copy has it too, since records are copied as they are."""
    try:
        return hashlib.sha256(data if pieces.head_of(data) is not None else zlib.decompress(data)).hexdigest()
    except pieces.Malformed as error:
        raise StoreError(f"the results file {store.path} is damaged ({error}): restore it from a backup") from error
