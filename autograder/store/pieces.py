"""How a result is laid down: in pieces, each stored once under the hash of what it says.

What an exercise says of every answer (claims, titles, inputs, expected values) is one piece, its *frame*, which a whole class has in
common. What one answer came to is another piece. A stored result, and an exercise under its key, name the pieces that they are made of.
What is packed anywhere, on a node of a cluster too, is so as it is stored: whoever writes has only to append it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from autograder.results import SCHEMA, CaseResult, CheckResult, ExerciseResult, Result

# What the frame holds. Any other field, of later versions too, is the answer's own.
_OF_EXERCISE = ("exercise", "title", "points")
_OF_CHECK = ("name", "claim", "points", "bonus", "device", "needs", "lecture")
_OF_CASE = ("title", "public", "fresh", "seed", "parameters", "inputs", "want")
_SAME = "="
"""In the place of a case's title: what it got looks like what was expected, as in most right answers."""
_NAMES = b"\x03"
"""Begins a record that names its pieces. Records of formats 1 and 2 hold the whole, packed, and begin with zlib's "x"."""

Malformed = (zlib.error, TypeError, KeyError, ValueError, AttributeError, msgspec.MsgspecError)
"""What reading raises of records that are damaged. (`UnicodeDecodeError` is a `ValueError`.)"""


class Packed(bytes):
    """An observation as it is stored: packed where it was made."""


class Names(msgspec.Struct, frozen=True, array_like=True):
    """The pieces that an exercise is made of."""

    frame: bytes
    own: bytes


class Head(msgspec.Struct, frozen=True):
    """A stored result but for its pieces."""

    said: bytes  # the JSON of all other fields
    provenance: bytes  # the name of that piece
    exercises: list[Names]


@dataclass(frozen=True)
class Laid:
    """A graded exercise as it is stored: the pieces that it names, packed."""

    names: Names
    pieces: Mapping[bytes, bytes]


def packed(data: bytes) -> bytes:
    """As it is stored; what is packed already stays as it is."""
    return bytes(data) if isinstance(data, Packed) else zlib.compress(data, 6)


def name_of(data: bytes) -> bytes:
    """What a piece is stored under: of its hash as much as keeps pieces apart."""
    return hashlib.sha256(data).digest()[:16]


def observed(key: str) -> bytes:
    """The name of the piece that is the observation with this key: a hash, too."""
    try:
        return bytes.fromhex(key)
    except ValueError:
        return key.encode()


def split(result: ExerciseResult) -> tuple[bytes, bytes]:
    """The two pieces of a graded exercise, not packed: its frame, and its own, which is a record of its own type."""
    own = msgspec.to_builtins(result)
    frame = _taken(own, _OF_EXERCISE, exercise="", title="", points=0)
    frame["checks"] = []
    for check in own.get("checks", ()):
        about = _taken(check, _OF_CHECK, name="", claim="", points=0)
        about["cases"] = []
        for case in check.get("cases", ()):
            shown = _taken(case, _OF_CASE, title="", public=False)
            if "want" in shown and case.get("got") == shown["want"]:
                case["title"] = _SAME
                del case["got"]
            about["cases"].append(shown)
        frame["checks"].append(about)
    return msgspec.json.encode(frame), msgspec.json.encode(own)


def lay(result: ExerciseResult, frames: dict[bytes, bytes]) -> Laid:
    """A graded exercise, packed as it is stored. `frames` are those that were packed before, by name; its own is added."""
    frame, own = split(result)
    names = Names(name_of(frame), name_of(own))
    if names.frame not in frames:
        frames[names.frame] = packed(frame)
    return Laid(names, {names.frame: frames[names.frame], names.own: packed(own)})


@dataclass(frozen=True)
class Frame:
    """A frame that was read: the values of its fields, in their order above."""

    exercise: tuple[Any, ...]
    checks: list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]  # each with its cases


def frame_of(data: bytes) -> Frame:
    """Read the frame of an exercise. Raises one of `Malformed`."""
    whole = msgspec.json.decode(data)
    checks = []
    for check in whole.pop("checks"):
        cases = [_values(case, CaseResult, _OF_CASE) for case in check.pop("cases")]
        checks.append((_values(check, CheckResult, _OF_CHECK), cases))
    return Frame(_values(whole, ExerciseResult, _OF_EXERCISE), checks)


def _values(record: dict[str, Any], kind: type[msgspec.Struct], fields: tuple[str, ...]) -> tuple[Any, ...]:
    """Of the right types, and in their order; what was left out has its default."""
    whole = msgspec.convert({**record, "verdict": "passed"}, kind)
    return tuple(getattr(whole, name) for name in fields)


def put_together(frame: Frame, own: bytes) -> ExerciseResult:
    """An exercise of its two pieces; what is of the frame it has in common with all others. Raises one of `Malformed`.

    The head of a cluster does this for every answer, so what there is most of is written out.
    """
    result = msgspec.json.decode(own, type=ExerciseResult)
    result.exercise, result.title, result.points = frame.exercise
    for (about, shown), check in zip(frame.checks, result.checks, strict=True):
        check.name, check.claim, check.points, check.bonus, check.device, check.needs, check.lecture = about
        for values, case in zip(shown, check.cases, strict=True):
            same = case.title == _SAME
            case.title, case.public, case.fresh, case.seed, case.parameters, case.inputs, case.want = values
            if same:
                case.got = case.want
    return result


class Pieces:
    """Reads what is laid down in pieces; `find` gives a packed piece by its name, and raises `KeyError` where there is none."""

    def __init__(self, find: Callable[[bytes], bytes]) -> None:
        self._find = find
        self._common: dict[bytes, Any] = {}  # frames and provenances that were read last

    def exercise(self, names: Names) -> ExerciseResult:
        """The exercise that is made of these pieces. Raises one of `Malformed`."""
        return put_together(self._shared(names.frame, frame_of), zlib.decompress(self._find(names.own)))

    def result(self, head: Head) -> Result:
        """A whole result. Raises one of `Malformed`."""
        said = msgspec.json.decode(head.said)
        if said["schema"] != SCHEMA:
            raise msgspec.ValidationError(f"schema is {said['schema']!r}; this version reads {SCHEMA!r}")
        result = msgspec.convert({**said, "provenance": self._shared(head.provenance, msgspec.json.decode)}, Result)
        result.exercises = [self.exercise(each) for each in head.exercises]
        return result

    def _shared(self, name: bytes, read: Callable[[bytes], Any]) -> Any:
        if name not in self._common:
            if len(self._common) >= 512:
                self._common.clear()
            self._common[name] = read(zlib.decompress(self._find(name)))
        return self._common[name]


def head(result: Result, exercises: Iterable[Names]) -> tuple[Head, bytes]:
    """How a result is stored whose exercises are laid down, and the piece that its head names."""
    said = msgspec.to_builtins(msgspec.structs.replace(result, exercises=[]))
    del said["exercises"], said["provenance"]
    made = msgspec.json.encode(result.provenance)
    return Head(msgspec.json.encode(said), name_of(made), list(exercises)), made


def record(names: Names | Head) -> bytes:
    """What stands in the place of a whole result, or of a whole exercise."""
    return _NAMES + msgspec.msgpack.encode(names)


def names_of(data: bytes) -> Names | None:
    """The pieces that the record of an exercise names; None when it holds all of it."""
    return msgspec.msgpack.decode(data[1:], type=Names) if data[:1] == _NAMES else None


def head_of(data: bytes) -> Head | None:
    """The same of a result."""
    return msgspec.msgpack.decode(data[1:], type=Head) if data[:1] == _NAMES else None


def of_exercise(data: bytes) -> set[bytes]:
    """The names of all pieces that the record of an exercise needs."""
    names = names_of(data)
    return {names.frame, names.own} if names is not None else set()


def of_result(data: bytes) -> set[bytes]:
    """The same of a result."""
    found = head_of(data)
    return (
        {found.provenance, *(name for each in found.exercises for name in (each.frame, each.own))} if found else set()
    )


def _taken(record: dict[str, Any], fields: tuple[str, ...], **instead: object) -> dict[str, Any]:
    """Take fields out of a record, and leave something of their types where one has to be there."""
    taken = {name: record.pop(name) for name in fields if name in record}
    record.update(instead)
    return taken
