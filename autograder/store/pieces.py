"""How a result is laid down: in pieces, each stored once under the hash of what it says.

What an exercise says of every answer (claims, titles, inputs, expected values) is one piece, its *frame*, which a whole class has in
common. What one answer came to is another piece. A stored result, and an exercise under its key, name the pieces that they are made of.
What is packed anywhere, on a node of a cluster too, is so as it is stored: whoever writes has only to append it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from autograder.results import SCHEMA, CaseResult, CheckResult, ExerciseResult, Result

T = TypeVar("T")
# What the frame holds. Any other field, of later versions too, is the answer's own.
_OF_EXERCISE = ("exercise", "title", "points")
_OF_CHECK = ("name", "claim", "points", "bonus", "device", "needs", "lecture")
_OF_CASE = ("title", "public", "fresh", "seed", "parameters", "inputs", "want")
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


def split(result: ExerciseResult) -> tuple[bytes, bytes]:
    """The two pieces of a graded exercise, not packed: its frame, and its own."""
    own = msgspec.to_builtins(result)
    frame = _taken(own, _OF_EXERCISE)
    frame["checks"] = []
    for check in own.get("checks", ()):
        about = _taken(check, _OF_CHECK)
        about["cases"] = []
        for case in check.get("cases", ()):
            shown = _taken(case, _OF_CASE)
            if "want" in shown and case.get("got") == shown["want"]:
                case["got"] = None  # a right answer mostly looks like the expected one
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


def _of_own(kind: type[msgspec.Struct], taken: tuple[str, ...], **other: Any) -> type[msgspec.Struct]:
    """What `split` leaves of a record, as a type: so it is held to its types while it is decoded."""
    left: list[Any] = []
    for each in msgspec.structs.fields(kind):
        if each.name not in taken:
            default = (
                {"default_factory": each.default_factory}
                if each.default is msgspec.NODEFAULT
                else {"default": each.default}
            )
            value = () if each.required else (msgspec.field(**default),)
            left.append((each.name, other.get(each.name, each.type), *value))
    return msgspec.defstruct(f"Own{kind.__name__}", left, kw_only=True)


_OwnCase = _of_own(CaseResult, _OF_CASE, got=str | None)
_OwnCheck = _of_own(CheckResult, _OF_CHECK, cases=list[_OwnCase])
_OwnExercise = _of_own(ExerciseResult, _OF_EXERCISE, checks=list[_OwnCheck])
_FILLED = {kind: tuple(kind.__struct_fields__) for kind in (_OwnCase, _OwnCheck, _OwnExercise)}
_own = msgspec.json.Decoder(_OwnExercise)


@dataclass(frozen=True)
class Frame:
    """A frame that was read: records in which everything is filled in but for what is the answer's own."""

    exercise: ExerciseResult
    checks: list[tuple[CheckResult, list[CaseResult]]]


def frame_of(data: bytes) -> Frame:
    """Read the frame of an exercise. Raises one of `Malformed`."""
    whole = msgspec.json.decode(data)
    checks = []
    for check in whole.pop("checks"):
        cases = [_framed(case, CaseResult) for case in check.pop("cases")]
        checks.append((_framed(check, CheckResult), cases))
    return Frame(_framed(whole, ExerciseResult), checks)


def _framed(record: dict[str, Any], kind: type[T]) -> T:
    return msgspec.convert({**record, "verdict": "passed"}, kind)


def put_together(frame: Frame, data: bytes) -> ExerciseResult:
    """An exercise of its two pieces. What is of the frame it has in common with all others. Raises one of `Malformed`."""
    own: Any = _own.decode(data)
    checks = []
    for (about, shown), check in zip(frame.checks, own.checks, strict=True):
        for number, (template, case) in enumerate(zip(shown, check.cases, strict=True)):
            if case.got is None:
                case.got = template.want
            check.cases[number] = _filled(template, case)
        checks.append(_filled(about, check))
    own.checks = checks
    return _filled(frame.exercise, own)


def _filled(template: T, own: Any) -> T:
    record = copy(template)
    for name in _FILLED[type(own)]:
        setattr(record, name, getattr(own, name))
    return record


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


def _taken(record: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: record.pop(name) for name in fields if name in record}
