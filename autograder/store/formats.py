"""The tables of a results file, and how one of an earlier format is brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

VERSION = 3
_TABLES = """
CREATE TABLE run (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, started TEXT NOT NULL, finished TEXT, note TEXT NOT NULL DEFAULT ''
);
CREATE TABLE result (
    number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES run(id), submission TEXT NOT NULL, hash TEXT NOT NULL,
    graded_at TEXT NOT NULL, data BLOB NOT NULL
);
CREATE INDEX result_of_run ON result (run, submission);
CREATE TABLE mark (
    result INTEGER NOT NULL REFERENCES result(number), exercise TEXT NOT NULL, file_hash TEXT NOT NULL,
    verdict TEXT NOT NULL, earned INTEGER NOT NULL, points INTEGER NOT NULL, pending INTEGER NOT NULL,
    handed_in TEXT NOT NULL, clock TEXT NOT NULL, PRIMARY KEY (result, exercise)
) WITHOUT ROWID;
CREATE TABLE adjustment (
    number INTEGER PRIMARY KEY, made_at TEXT NOT NULL, by TEXT NOT NULL, student TEXT NOT NULL, scope TEXT NOT NULL,
    kind TEXT NOT NULL, value TEXT NOT NULL, why TEXT NOT NULL, until TEXT NOT NULL, was INTEGER
);
CREATE TABLE publication (
    number INTEGER PRIMARY KEY, made_at TEXT NOT NULL, by TEXT NOT NULL, module TEXT NOT NULL, shown INTEGER NOT NULL
);
CREATE TABLE exercise (key TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE observation (hash TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE piece (hash BLOB PRIMARY KEY, data BLOB NOT NULL);
"""
_NEW = {2: ("mark", "adjustment", "publication"), 3: ("piece",)}
_OF_1 = ("run", "result", "exercise", "observation")


def foreign(db: sqlite3.Connection) -> bool:
    """Whether a file that says no format is another program's."""
    return bool(tables(db) - {*_OF_1, *(name for names in _NEW.values() for name in names)})


def tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def make(db: sqlite3.Connection) -> None:
    """All tables, inside a transaction."""
    if "run" not in tables(db):  # another process may have made them meanwhile
        for statement in _TABLES.split(";"):
            if statement.strip():
                db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")


def update(db: sqlite3.Connection, mark: Callable[[int, bytes], None]) -> None:
    """From an earlier format, inside a transaction. Its records stay as they are, each of which holds the whole of something.

    Format 1 had results alone: `mark` notes what the one of that number and record came to.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have done it meanwhile
    for new in range(version + 1, VERSION + 1):
        for statement in _TABLES.split(";"):
            if any(f"CREATE TABLE {name} " in statement for name in _NEW[new]):
                db.execute(statement)
    if version < 2:
        for number, data in db.execute("SELECT number, data FROM result").fetchall():
            mark(number, data)
    db.execute(f"PRAGMA user_version = {VERSION}")
