"""Values as blobs. What is not in the vocabulary crosses as the name of its type; nothing of it is kept."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import numpy as np
import torch

from autograder.wire import tree
from autograder.wire.tree import HEADER, LEAVES, MAGIC, MAX_DEPTH, MAX_INT_BYTES, MAX_ITEMS, MAX_RAW, MAX_TEXT, MAX_TREE
from autograder.wire.values import ARRAY_DTYPES, TENSOR_NAMES, BadValue, Cut, Drawn, Lab, Raised, Unsupported

DRAWN_ITEMS = 10_000

_encoder = msgspec.msgpack.Encoder()


class _Writer:
    """Turns one value into a tree and raw bytes."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.raw_size = 0
        self.items = 0

    def node(self, value: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise BadValue(f"nested more than {MAX_DEPTH} deep")
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int:
            return self._int(value)
        if kind is str:
            return self._text(value)
        if kind is bytes:
            if len(value) > MAX_TEXT:
                raise BadValue(f"bytes of length {len(value):,}")
            return tree.Bytes(value)
        if kind is list:
            return tree.List(self._nodes(value, depth))
        if kind is tuple:
            return tree.Tuple(self._nodes(value, depth))
        if kind is set:
            return tree.Set(self._sorted(value, depth))
        if kind is frozenset:
            return tree.FrozenSet(self._sorted(value, depth))
        if kind in (dict, collections.Counter, collections.defaultdict, collections.OrderedDict):
            return self._dict(dict(value), depth)
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            return self._tensor(value)
        if kind is np.ndarray:
            return self._array(value)
        if issubclass(kind, np.generic) and kind.__module__ == "numpy":
            if value.dtype.name in ARRAY_DTYPES:
                return tree.Scalar(value.dtype.name, value.tobytes())
            return tree.Unsupported(kind.__name__)
        if kind is Lab:
            return tree.Lab(value.name, self.node(value.arguments, depth + 1))
        if kind is Raised:
            return tree.Raised(value.name)
        if kind is Unsupported:
            return tree.Unsupported(value.type_name)
        if kind is Drawn:
            return tree.Drawn(self._nodes(value, depth))
        if kind is Cut:
            head = self.node(value.head, depth + 1)
            return tree.Cut(value.kind, value.dtype, list(value.shape), head, value.digest)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            fields = cast(Any, kind)._fields
            return self._dict(dict(zip(fields, tuple.__iter__(value), strict=False)), depth)
        if dataclasses.is_dataclass(kind):
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(kind)}
            return self._dict(fields, depth)
        if isinstance(value, Iterator) or kind in (range, type({}.keys()), type({}.values()), type({}.items())):
            return tree.Drawn(self._nodes(_first(value, DRAWN_ITEMS), depth))
        return tree.Unsupported(_type_name(kind))

    def _count(self, n: int) -> None:
        self.items += n
        if self.items > MAX_ITEMS:
            raise BadValue(f"more than {MAX_ITEMS:,} items")

    def _nodes(self, values: Any, depth: int) -> list[Any]:
        self._count(len(values))
        depth += 1
        if values and depth > MAX_DEPTH:
            raise BadValue(f"nested more than {MAX_DEPTH} deep")
        return [value if type(value) in LEAVES else self.node(value, depth) for value in values]  # spares most calls

    def _sorted(self, values: Any, depth: int) -> list[Any]:
        return sorted(self._nodes(list(values), depth), key=_encoder.encode)  # one order, whatever the hash seed

    def _dict(self, value: dict[Any, Any], depth: int) -> tree.Dict:
        return tree.Dict(self._nodes(list(value.keys()), depth), self._nodes(list(value.values()), depth))

    def _int(self, value: int) -> int | tree.Int:
        if -(2**63) <= value < 2**63:
            return value
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise BadValue(f"an integer of {value.bit_length():,} bits")
        return tree.Int(value.to_bytes(size, "little", signed=True))

    def _text(self, value: str) -> str | tree.Text:
        if len(value) > MAX_TEXT:
            raise BadValue(f"a string of {len(value):,} characters")
        try:
            if not value.isascii():
                value.encode()
        except UnicodeEncodeError:
            return tree.Text(value.encode("utf-8", "surrogatepass"))
        return value

    def _place(self, data: bytes) -> tuple[int, int]:
        offset = self.raw_size
        self.raw.append(data)
        self.raw_size += len(data)
        if self.raw_size > MAX_RAW:
            raise BadValue(f"more than {MAX_RAW // 2**20} MiB of tensors")
        return offset, len(data)

    def _tensor(self, value: torch.Tensor) -> tree.Tensor | tree.Unsupported:
        if value.layout is not torch.strided or value.is_quantized or value.dtype not in TENSOR_NAMES:
            return tree.Unsupported(f"Tensor ({str(value.layout).removeprefix('torch.')}, {value.dtype})")
        if value.numel() * value.element_size() > MAX_RAW:
            raise BadValue(f"a tensor of {value.numel() * value.element_size():,} bytes")
        data = bytes_of(value.detach()).tobytes()
        return tree.Tensor(TENSOR_NAMES[value.dtype], list(value.shape), *self._place(data))

    def _array(self, value: np.ndarray) -> tree.Array | tree.Unsupported:
        if value.dtype.name not in ARRAY_DTYPES:
            return tree.Unsupported(f"ndarray ({value.dtype.name})")
        native = value.astype(value.dtype.newbyteorder("="))
        return tree.Array(value.dtype.name, list(value.shape), *self._place(native.tobytes()))


def bytes_of(tensor: torch.Tensor) -> np.ndarray:
    """The elements of a tensor, one after the other, as bytes."""
    # resolve_neg/conj: views that negate or conjugate lazily have other bytes than they show
    dense = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    # A single element counts as contiguous whatever its stride is (0 where it was expanded); to be seen as bytes it needs a stride of 1.
    return dense.as_strided((dense.numel(),), (1,)).view(torch.uint8).numpy()


def _first(values: Iterable[Any], n: int) -> list[Any]:
    drawn = []
    for value in values:
        drawn.append(value)
        if len(drawn) >= n:
            break
    return drawn


def _type_name(kind: type) -> str:
    name = kind.__name__ if isinstance(kind.__name__, str) else "object"
    return name[:80]


def encode(value: Any) -> bytes:
    """One blob for `value`. Raises `BadValue` when it is too large or too deep."""
    writer = _Writer()
    try:
        tree = _encoder.encode(writer.node(value))
    except RecursionError as error:
        raise BadValue("nested too deep") from error
    if len(tree) > MAX_TREE:
        raise BadValue(f"more than {MAX_TREE // 2**20} MiB without its tensors")
    return b"".join([HEADER.pack(MAGIC, len(tree), writer.raw_size), tree, *writer.raw])
