"""Results files as earlier versions wrote them, made from those of this one."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import msgspec

from autograder.store import Store
from autograder.store.formats import VERSION


def make_older(path: Path, version: int) -> None:
    """Lay the file down anew as format 1 or 2 had it: every record whole, packed JSON."""
    assert VERSION == 3
    with Store(path) as store:
        results = {number: store.read(number) for (number,) in store.rows("SELECT number FROM result")}
        graded = store.exercises([key for (key,) in store.rows("SELECT key FROM exercise")])
        cases = [
            case
            for exercise in [*graded.values(), *(one for result in results.values() for one in result.exercises)]
            for check in exercise.checks
            for case in check.cases
        ]
        seen = {case.observation: store.observation(case.observation) for case in cases if case.observation}
    with closing(sqlite3.connect(path)) as db, db:
        for number, result in results.items():
            db.execute("UPDATE result SET data = ? WHERE number = ?", (_whole(result), number))
        for key, exercise in graded.items():
            db.execute("UPDATE exercise SET data = ? WHERE key = ?", (_whole(exercise), key))
        for key, value in seen.items():
            if value is not None:
                db.execute("INSERT INTO observation VALUES (?, ?)", (key, zlib.compress(value, 6)))
        for table in ["piece", *(["mark", "adjustment", "publication"] if version == 1 else [])]:
            db.execute(f"DROP TABLE {table}")
        db.execute(f"PRAGMA user_version = {version}")


def _whole(record: object) -> bytes:
    return zlib.compress(msgspec.json.encode(record), 6)
