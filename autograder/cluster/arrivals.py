"""What nodes found, as it arrives: looked through once, and kept packed as it is to be stored.

The head trusts the engine of its nodes, which is the same as its own. It still takes nothing for what it is not: every piece must have the
hash that it is named by, every field the type that it has, and the result must be of the exercise and of the answer that were asked about.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from autograder.cluster.messages import Answer, Answers, Damaged, Unit
from autograder.grading.record import Graded
from autograder.store.pieces import Frame, Laid, Malformed, Packed, frame_of, name_of, put_together

FRAMES = 2048  # that are kept at hand: some of each exercise


@dataclass
class Arrived(Graded):
    """A graded exercise of a node, with how it is stored."""

    laid: Laid | None = None


class Arrivals:
    """Reads answers. What all answers to an exercise have in common is read once."""

    def __init__(self) -> None:
        self._frames: dict[bytes, tuple[Frame, bytes]] = {}  # by name: read, and packed

    def read(self, data: bytes, units: Mapping[str, Unit]) -> list[tuple[Answer, Arrived]]:
        """The answers in a message to those of `units`, by key, that they answer. Raises `Damaged`."""
        try:
            answers = msgspec.msgpack.decode(data, type=Answers)
            return [
                (each, self._arrived(each, units[each.key], answers.pieces))
                for each in answers.answers
                if each.key in units
            ]
        except Malformed as error:
            raise Damaged(f"an answer of {len(data)} bytes can't be read ({type(error).__name__}: {error})") from error

    def _arrived(self, answer: Answer, unit: Unit, pieces: Mapping[bytes, bytes]) -> Arrived:
        names = answer.names
        frame, packed_frame = self._frame(names.frame, pieces)
        result = put_together(frame, _said(names.own, pieces[names.own]))
        if result.exercise != unit.exercise or result.key not in ("", unit.key):
            raise Damaged(f"the answer to {unit.exercise} is one to {result.exercise}, or to another text of it")
        laid = Laid(names, {names.frame: packed_frame, names.own: pieces[names.own]})
        return Arrived(result, {key: Packed(value) for key, value in answer.observations.items()}, laid)

    def _frame(self, name: bytes, pieces: Mapping[bytes, bytes]) -> tuple[Frame, bytes]:
        if name not in self._frames:
            if len(self._frames) >= FRAMES:
                self._frames.clear()
            self._frames[name] = frame_of(_said(name, pieces[name])), pieces[name]
        return self._frames[name]


def _said(name: bytes, data: bytes) -> bytes:
    said = zlib.decompress(data)
    if name_of(said) != name:
        raise Damaged(f"a piece of {len(said)} bytes does not have the hash that it is named by")
    return said
