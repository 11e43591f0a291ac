"""What the head and the nodes say to each other, as MessagePack: nothing in it is code, and everything has a type."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from autograder.course.answers import SubmittedFile
from autograder.store.pieces import Names

T = TypeVar("T")


class Settings(msgspec.Struct):
    """How a node is to grade, for as long as it does."""

    course: bytes  # grading.toml as JSON
    slots: int  # how many answers it grades at a time
    has_gpu: bool
    gpu_as_cpu: bool  # for tests without a GPU
    unsafe: bool
    packages: list[str]  # whose versions decide what checks give


class Missing(msgspec.Struct):
    """A layer of isolation that a node does not have."""

    name: str
    why: str
    how: str


class Report(msgspec.Struct, kw_only=True):
    """What a node found on its machine before it grades."""

    code: str  # hash of what grades
    platform: str
    versions: dict[str, str]
    packages: dict[str, str]  # "" for one that is not installed
    layers: list[str] = []
    missing: list[Missing] = []
    enough: bool = False  # whether hidden checks may run behind these layers
    why: str = ""  # a sentence on that
    worker: str = ""  # why none could be started; "" when one was
    cuda: bool = False  # whether torch finds a device
    budgets: str = ""  # why memory budgets are weaker here
    unfit: str = ""  # why it can't begin, and could not when it was asked again; "" when it can


class Shipment(msgspec.Struct):
    """One exercise, as a node needs it."""

    exercise: str
    plan: bytes
    files: dict[str, bytes]  # of its folder in solutions/


class Unit(msgspec.Struct):
    """One answer to one exercise: what is graded as a whole, on one node."""

    key: str  # hash of everything that the result depends on
    exercise: str
    file: SubmittedFile


class Work(msgspec.Struct):
    """Answers that one node grades one after the other, and the hashes of the shipments that this takes."""

    units: list[Unit]
    needs: dict[str, str]  # by exercise


class Answer(msgspec.Struct):
    """What came of one unit, packed as it is stored: nodes are many, and the head is one."""

    key: str
    names: Names  # of the pieces that the graded exercise is made of
    observations: dict[str, bytes]  # packed
    seconds: float  # by the node's clock


class Answers(msgspec.Struct):
    """What came of one work, in the order of its units."""

    answers: list[Answer]
    pieces: dict[bytes, bytes]  # packed, by name: all that the answers name


class Damaged(Exception):
    """Bytes that are not those of the hash that came with them, or don't say what they should."""


def pack(message: Any) -> tuple[str, bytes]:
    """A message as a bundle: its bytes, and the hash that names them."""
    data = msgspec.msgpack.encode(message)
    return hashlib.sha256(data).hexdigest(), data


def unpack(hash: str, data: bytes, into: type[T]) -> T:
    """The message in a bundle. Raises `Damaged`."""
    if hashlib.sha256(data).hexdigest() != hash:
        raise Damaged(f"a bundle of {len(data)} bytes does not have the hash that it was sent with")
    return msgspec.msgpack.decode(data, type=into)
