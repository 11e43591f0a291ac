"""`collected.json`: what was collected from whom, with hashes; grading reads it as a class of submissions.

It is written anew after each repository, so that a killed run loses nothing; `finished` says whether everybody was visited.
Paths in it are relative to its folder, so that the whole can be moved to another machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from autograder.refusals import Refusal
from autograder.results import Clock

FILE = "collected.json"
SCHEMA = "llm-internals/collected/1"

Status = Literal[
    "collected",
    "nothing",  # no commit before the deadline
    "empty",  # nothing was ever pushed
    "missing",  # no such repository, or not for us to read
    "refused",  # its address is not one that is allowed
    "too-big",
    "failed",  # anything else; the next run tries again
    "no-repository",  # the class list has none
]


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of all records."""


class Entry(Record):
    """One student's or group's repository."""

    student: str  # or group
    repository: str
    status: Status
    why: str = ""  # for a person, when nothing was collected
    folder: str = ""  # our copy of the repository, from the manifest's folder
    commit: str = ""
    tree: str = ""  # its content, whatever its history
    hash: str = ""  # of the submission, as results have it
    handed_in: str = ""  # ISO 8601
    clock: Clock = "unknown"
    deadline: str = ""  # ISO 8601, of this student; "" for none
    notes: list[str] = []  # for a person to look at


class Manifest(Record, omit_defaults=False):
    """One collection."""

    made_at: str  # ISO 8601, UTC
    module: str = ""
    finished: bool = False
    entries: list[Entry] = []
    schema: str = SCHEMA

    def entry(self, student: str) -> Entry | None:
        return next((each for each in self.entries if each.student == student), None)


class ManifestError(Refusal):
    """The manifest can't be used; the text says why."""


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in `folder`, None when there is none. Raises `ManifestError` when it was cut short or is of another kind."""
    path = folder / FILE
    if path.exists() and not path.is_file():
        raise ManifestError(f"{path} is not a file; collect again")
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror}") from None
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ManifestError(
            f"{path} is not a list of what was collected, or was cut short ({error}); collect again"
        ) from None
    if manifest.schema != SCHEMA:
        raise ManifestError(f"{path} is of another version ({manifest.schema}); collect again")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it so that a reader sees the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{FILE}.{os.getpid()}.part"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    part.replace(folder / FILE)
