"""The tree of a blob: containers are tagged, plain scalars stand for themselves. Header and limits are here too, which both the
writer and the reader of blobs hold to.
"""

from __future__ import annotations

import struct

import msgspec

MAGIC = b"LLV1"
HEADER = struct.Struct("<4sIQ")  # magic, bytes of the tree, bytes of raw data

MAX_TREE = 32 * 2**20
MAX_RAW = 512 * 2**20
MAX_DEPTH = 64
MAX_ITEMS = 1_000_000
MAX_TEXT = 8 * 2**20  # characters of one string
MAX_ALIKE = 16  # keys of a set or dict with the same hash
MAX_INT_BYTES = 16 * 2**10  # 131 072 bits: far beyond any exercise, and cheap to handle
MAX_DIMENSIONS = 16
MAX_ELEMENTS = 2**40


class Base(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    pass


class List(Base, tag="l"):
    items: list[Node]


class Tuple(Base, tag="t"):
    items: list[Node]


class Set(Base, tag="s"):
    items: list[Node]


class FrozenSet(Base, tag="f"):
    items: list[Node]


class Drawn(Base, tag="g"):
    items: list[Node]


class Dict(Base, tag="d"):
    keys: list[Node]
    values: list[Node]


class Int(Base, tag="i"):
    data: bytes  # two's complement, little endian


class Bytes(Base, tag="b"):
    data: bytes


class Text(Base, tag="u"):
    data: bytes  # UTF-8 with lone surrogates


class Tensor(Base, tag="T"):
    dtype: str
    shape: list[int]
    offset: int
    nbytes: int


class Array(Base, tag="A"):
    dtype: str
    shape: list[int]
    offset: int
    nbytes: int


class Scalar(Base, tag="S"):
    dtype: str
    data: bytes


class Cut(Base, tag="c"):
    kind: str
    dtype: str
    shape: list[int]
    head: Node
    digest: str


class Lab(Base, tag="L"):
    name: str
    arguments: Node


class Raised(Base, tag="x"):
    name: str | None


class Unsupported(Base, tag="o"):
    type_name: str


Node = (
    None | bool | int | float | str
    | List | Tuple | Set | FrozenSet | Drawn | Dict | Int | Bytes | Text
    | Tensor | Array | Scalar | Lab | Raised | Unsupported | Cut
)  # fmt: skip

LEAVES = frozenset({type(None), bool, float})
"""What stands for itself when it is written."""
PLAIN = LEAVES | {int, str}
"""What stands for itself when it is read."""
