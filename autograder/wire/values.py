"""The vocabulary of plain data that crosses between the grader and a worker, (`encode` and `decode` have its encoding).

A value becomes one *blob*: a fixed header, a small msgpack tree with tagged containers, then the raw bytes of tensors
and arrays. Decoding is by schema and never runs code: no pickle, no `eval`, no paths. Sizes are checked before
anything is allocated, since a blob from a worker may be hostile. `docs/wire-format.md` has the table of types.

    None, bool, int of any size, float, str, bytes      as themselves
    list, tuple, dict, set, frozenset                   as themselves, exact types
    Counter, defaultdict, OrderedDict                   dict
    dataclass, named tuple                              dict of its fields
    torch.Tensor, nn.Parameter (dense)                  torch.Tensor on the CPU, without its graph
    numpy.ndarray, NumPy scalar                         as themselves
    generator, iterator, range, map, dict view          Drawn: its first items
    lab("name", …)                                      the value of the lab, resolved in the worker
    raises(…)                                           Raised: the exception's type name
    anything else                                       Unsupported: its type's name
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

TENSOR_DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
        torch.complex64, torch.complex128,
        torch.float8_e4m3fn, torch.float8_e5m2,
    )
}  # fmt: skip
TENSOR_NAMES = {dtype: name for name, dtype in TENSOR_DTYPES.items()}
ARRAY_DTYPES = frozenset(
    [
        "float64",
        "float32",
        "float16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint64",
        "uint32",
        "uint16",
        "uint8",
        "bool",
        "complex64",
        "complex128",
    ]
)


class BadValue(Exception):
    """A blob that breaks the format or its limits, or a value too large to be sent. The text is for people."""


@dataclasses.dataclass(frozen=True)
class Lab:
    """A value of the lab by name: sent as a name, and resolved where the experiment runs."""

    name: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Raised:
    """What `raises` observed: the name of the exception's type, or None when nothing was raised."""

    name: str | None


@dataclasses.dataclass(frozen=True)
class Unsupported:
    """A value that is not in the vocabulary: only the name of its type crosses."""

    type_name: str


class Drawn(list[Any]):
    """The first items of a generator or another iterator."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """What is left of a part that is larger than any right answer: enough to say what it is, and to tell it from others."""

    kind: str  # the name of its type
    dtype: str  # of a tensor or an array
    shape: tuple[int, ...]  # or its length alone
    head: Any  # its first elements
    digest: str  # of all of it
