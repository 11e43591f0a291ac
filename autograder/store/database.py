"""Class results in one SQLite file (WAL, one writer): written as each submission finishes, so that a killed run loses nothing.

run           a grading run; append-only
result        one graded submission of one run; a submission that changed within a run gets another row, the last counts
mark          what each exercise of a result came to, so that scores need not read the results
exercise      one graded exercise under the hash of everything that it depends on: equal keys are not graded twice
piece         what results and exercises are made of, under its hash: what a class has in common is there once; see `pieces.py`. What students'
              code returned is one, too: grades can be judged again without running it again
observation   the same, where formats 1 and 2 had it
adjustment, publication    what people decided; see `ledger.py`
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from autograder import results
from autograder.refusals import Refusal
from autograder.results import ExerciseResult, Result
from autograder.store import formats, pieces
from autograder.store.formats import VERSION
from autograder.store.pieces import Laid, Names, Packed, Pieces, packed

T = TypeVar("T")
_REMEMBERED = 2**17  # pieces and observations that are known to be there


class StoreError(Refusal):
    """The results file can't be used. The text says what happened and what to do."""


@dataclass(frozen=True)
class RunRow:
    """A grading run."""

    id: str
    kind: str  # "grade", "rejudge" or "merge"
    started: str
    finished: str | None
    note: str


@dataclass(frozen=True)
class Mark:
    """What one exercise of one stored result came to."""

    number: int  # of the result: later ones have higher numbers
    run: str
    submission: str
    graded_at: str
    exercise: str
    file_hash: str  # "" when there was no file
    verdict: str
    earned: int
    points: int
    pending: int
    handed_in: str  # ISO 8601, "" when nobody knows
    clock: str


class Store:
    """The results file. Use from one thread; close when done."""

    def __init__(self, path: Path, *, keeps: bool = False) -> None:
        """`keeps`: stored results that were read once stay in memory, for a command that reads a class twice. Nobody changes them."""
        self.path = path
        self.keeps = keeps
        self._kept: dict[int, Result] = {}
        self._pieces = Pieces(self._piece)
        self._there: set[bytes] = set()  # pieces and observations that need not be packed again
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error) from error

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- runs ---

    def start_run(self, kind: str = "grade", note: str = "") -> RunRow:
        """A new run, named by the time."""
        now = datetime.now(UTC)
        base = now.strftime("%Y%m%dT%H%M%SZ")
        with self.transaction():
            taken = {row[0] for row in self._db.execute("SELECT id FROM run WHERE id LIKE ?", (base + "%",))}
            run_id = next(name for name in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if name not in taken)
            self._db.execute(
                "INSERT INTO run (id, kind, started, note) VALUES (?, ?, ?, ?)",
                (run_id, kind, now.isoformat(timespec="seconds"), note),
            )
        return RunRow(run_id, kind, now.isoformat(timespec="seconds"), None, note)

    def finish_run(self, run: str) -> None:
        with self.transaction():
            self._db.execute(
                "UPDATE run SET finished = ? WHERE id = ?", (datetime.now(UTC).isoformat(timespec="seconds"), run)
            )

    def runs(self) -> list[RunRow]:
        """All runs, the oldest first."""
        rows = self.rows("SELECT id, kind, started, finished, note FROM run ORDER BY started, id")
        return [RunRow(*row) for row in rows]

    def latest_run(self, kind: str | None = None) -> RunRow | None:
        return next((run for run in reversed(self.runs()) if kind in (None, run.kind)), None)

    # --- results ---

    def save(
        self,
        result: Result,
        observations: dict[str, bytes],
        graded: Iterable[ExerciseResult] | None = None,
        laid: Iterable[tuple[ExerciseResult, Laid]] = (),
    ) -> None:
        """Write one graded submission, its exercises and their observations in one transaction.

        `graded` are the exercises as they were graded, before prerequisites blocked any; by default those of `result`. `laid` are
        those of both that are laid down already, elsewhere: the very objects, each with what it is made of.
        """
        known = {id(exercise): made for exercise, made in laid}
        with self.transaction():
            names = {id(each): self._lay(each, known.get(id(each))) for each in result.exercises}
            head, provenance = pieces.head(result, (names[id(each)] for each in result.exercises))
            self._keep(head.provenance, lambda: packed(provenance))
            self.insert(result, pieces.record(head))
            for exercise in result.exercises if graded is None else graded:
                if exercise.key and exercise.verdict != "blocked":
                    made = names.get(id(exercise)) or self._lay(exercise, known.get(id(exercise)))
                    data = pieces.record(made)
                    self._db.execute("INSERT OR REPLACE INTO exercise VALUES (?, ?)", (exercise.key, data))
            self._observe(observations)

    def _observe(self, observations: dict[str, bytes]) -> None:
        new = {pieces.observed(key): (key, value) for key, value in observations.items()}
        for name in new.keys() & self._there:
            del new[name]
        for name, (key, value) in [*new.items()]:
            # Most are there already, and packing them takes longer than looking.
            if not isinstance(value, Packed) and self._observation(key) is not None:
                del new[name]
        rows = [(name, packed(value)) for name, (_, value) in new.items()]
        self._db.executemany("INSERT OR IGNORE INTO piece VALUES (?, ?)", rows)
        self._remember(new)

    def insert(self, result: Result, data: bytes) -> None:
        """Write a row for `result`, whose record is `data`, inside a transaction of the caller."""
        number = self._db.execute(
            "INSERT INTO result (run, submission, hash, graded_at, data) VALUES (?, ?, ?, ?, ?)",
            (result.run, result.submission, result.hash, result.graded_at, data),
        ).lastrowid
        assert number is not None
        self._mark(number, result)

    def results(self, run: str) -> list[Result]:
        """The last result that `run` wrote of each submission, by id."""
        rows = self.rows("SELECT MAX(number), submission FROM result WHERE run = ? GROUP BY submission ORDER BY 2", run)
        return [self.read(number) for number, _ in rows]

    def result(self, submission: str, run: str | None = None) -> Result | None:
        """The last result that was written of one submission, by `run` or by any."""
        (number,) = self.rows(
            "SELECT MAX(number) FROM result WHERE submission = ? AND (? IS NULL OR run = ?)", submission, run, run
        )[0]
        return self.read(number) if number is not None else None

    def submissions(self, run: str | None = None) -> list[str]:
        """Of whom there is a result, of `run` or of any."""
        query = "SELECT DISTINCT submission FROM result WHERE ? IS NULL OR run = ? ORDER BY submission"
        return [row[0] for row in self.rows(query, run, run)]

    def read(self, number: int) -> Result:
        """One stored result. What stands of a submission is `standing.py`'s business."""
        if number in self._kept:
            return self._kept[number]
        found = self._read(self.rows("SELECT data FROM result WHERE number = ?", number)[0][0], self._result)
        if self.keeps:
            self._kept[number] = found
        return found

    def marks(self, run: str | None = None) -> list[Mark]:
        """What every exercise of every result of `run` (or of all runs) came to, the oldest first."""
        rows = self.rows(
            "SELECT number, run, submission, graded_at, exercise, file_hash, verdict, earned, points, pending, handed_in,"
            " clock FROM mark JOIN result ON number = result WHERE ? IS NULL OR run = ? ORDER BY number",
            run,
            run,
        )
        return [Mark(*row) for row in rows]

    def exercises(self, keys: Iterable[str]) -> dict[str, ExerciseResult]:
        """Graded exercises by key, as far as they are there."""
        found: dict[str, ExerciseResult] = {}
        for key in keys:
            for row in self.rows("SELECT data FROM exercise WHERE key = ?", key):
                found[key] = self._read(row[0], self._exercise)
        return found

    def observation(self, key: str) -> bytes | None:
        data = self._observation(key)
        return self._read(data, zlib.decompress) if data is not None else None

    # --- inside ---

    def _lay(self, exercise: ExerciseResult, made: Laid | None) -> Names:
        """Have the pieces of an exercise in the file, inside a transaction."""
        if made is not None:
            for name, data in made.pieces.items():
                self._keep(name, lambda data=data: data)
            return made.names
        frame, own = pieces.split(exercise)
        names = Names(pieces.name_of(frame), pieces.name_of(own))
        self._keep(names.frame, lambda: packed(frame))
        self._keep(names.own, lambda: packed(own))
        return names

    def _keep(self, name: bytes, data: Callable[[], bytes]) -> None:
        """Write a piece that is not there; `data` packs it."""
        if name in self._there:
            return
        if not self._db.execute("SELECT 1 FROM piece WHERE hash = ?", (name,)).fetchone():
            self._db.execute("INSERT OR IGNORE INTO piece VALUES (?, ?)", (name, data()))
        self._remember([name])

    def _remember(self, there: Iterable[bytes]) -> None:
        if len(self._there) >= _REMEMBERED:
            self._there.clear()
        self._there.update(there)

    def _observation(self, key: str) -> bytes | None:
        """One as it is stored: as a piece, or where formats 1 and 2 had it."""
        rows = self.rows("SELECT data FROM piece WHERE hash = ?", pieces.observed(key))
        rows = rows or self.rows("SELECT data FROM observation WHERE hash = ?", key)
        return rows[0][0] if rows else None

    def _piece(self, name: bytes) -> bytes:
        rows = self.rows("SELECT data FROM piece WHERE hash = ?", name)
        if not rows:
            raise KeyError(f"the piece {name.hex()} is missing")
        return rows[0][0]

    def _result(self, data: bytes) -> Result:
        head = pieces.head_of(data)
        return self._pieces.result(head) if head is not None else results.from_json(zlib.decompress(data))

    def _exercise(self, data: bytes) -> ExerciseResult:
        names = pieces.names_of(data)
        return self._pieces.exercise(names) if names is not None else _whole_exercise(zlib.decompress(data))

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= VERSION:
            raise StoreError(
                f"{self.path} was written by another version (format {version}, this one reads {VERSION}); "
                "use that version, or another file with --results"
            )
        if version == 0 and formats.foreign(self._db):
            raise StoreError(f"{self.path} is a database of another program; use another file with --results")
        self._db.execute("PRAGMA journal_mode = WAL")
        # Safe against a killed process; the last commits may go at a power cut.
        self._db.execute("PRAGMA synchronous = NORMAL")
        if version < VERSION:
            with self.transaction():
                if version == 0:
                    formats.make(self._db)
                else:
                    formats.update(self._db, lambda number, data: self._mark(number, self._read(data, self._result)))

    def _mark(self, number: int, result: Result) -> None:
        self._db.executemany(
            "INSERT INTO mark VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (number, each.exercise, each.file_hash, each.verdict, each.earned, each.points, each.pending)
                + ((each.origin or result).handed_in, (each.origin or result).clock)
                for each in result.exercises
            ],
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _read(self, data: bytes, read: Callable[[bytes], T]) -> T:
        try:
            return read(data)
        except pieces.Malformed as error:
            raise self._explained(ValueError(f"malformed record: {error}")) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is written, or nothing. Inside another one it is a part of that."""
        if self._db.in_transaction:
            yield self._db
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise self._explained(error) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        self._there.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _explained(self, error: Exception) -> StoreError:
        text = str(error)
        if "locked" in text:
            advice = "another grading run is writing to it: wait for it, or use another file with --results"
        elif "full" in text:
            advice = "the disk is full: make room and run the same command again; what was graded is kept"
        elif "readonly" in text or isinstance(error, PermissionError):
            advice = "it may not be written: mend its permissions, or use another file with --results"
        elif "not a database" in text or "malformed" in text:
            advice = "it is damaged: restore it from a backup, or move it away to start anew"
        else:
            advice = "check the path and the disk"
        return StoreError(f"the results file {self.path} can't be used ({text}); {advice}")


def _whole_exercise(data: bytes) -> ExerciseResult:
    return msgspec.json.decode(data, type=ExerciseResult)
