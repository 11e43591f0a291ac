"""Blobs as values. A blob may come from hostile code: it is read by schema, never runs code, and sizes are checked before anything is
allocated.
"""

from __future__ import annotations

import collections
from typing import Any, cast

import msgspec
import numpy as np
import torch

from autograder.wire import tree
from autograder.wire.tree import (
    HEADER,
    MAGIC,
    MAX_ALIKE,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    MAX_ELEMENTS,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_RAW,
    MAX_TREE,
    PLAIN,
)
from autograder.wire.values import ARRAY_DTYPES, TENSOR_DTYPES, BadValue, Cut, Drawn, Lab, Raised, Unsupported

_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(cast(Any, tree.Node))


class _Reader:
    """Turns a decoded tree and raw bytes into plain values; refuses what breaks the format."""

    def __init__(self, raw: memoryview) -> None:
        self.raw = raw
        self.items = 0
        self.taken = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise BadValue(f"nested more than {MAX_DEPTH} deep")
        kind = type(node)
        if kind is tree.List:
            return self._values(node.items, depth)
        if kind is tree.Tuple:
            return tuple(self._values(node.items, depth))
        if kind is tree.Dict:
            return self._dict(node, depth)
        if kind is tree.Tensor:
            return self._tensor(node)
        if kind is tree.Set or kind is tree.FrozenSet:
            found = self._unique(node.items, depth)
            return set(found) if kind is tree.Set else frozenset(found)
        if kind is tree.Int:
            if len(node.data) > MAX_INT_BYTES:
                raise BadValue("an integer that is too long")
            return int.from_bytes(node.data, "little", signed=True)
        if kind is tree.Bytes:
            return node.data
        if kind is tree.Text:
            try:
                return node.data.decode("utf-8", "surrogatepass")
            except UnicodeDecodeError as error:
                raise BadValue("text that is not UTF-8") from error
        if kind is tree.Array:
            return self._array(node)
        if kind is tree.Scalar:
            return self._scalar(node)
        if kind is tree.Drawn:
            return Drawn(self._values(node.items, depth))
        if kind is tree.Lab:
            return Lab(node.name, self.value(node.arguments, depth + 1))
        if kind is tree.Raised:
            return Raised(None if node.name is None else node.name[:200])
        if kind is tree.Unsupported:
            return Unsupported(node.type_name[:200])
        if kind is tree.Cut:
            shape = tuple(max(n, 0) for n in node.shape[:MAX_DIMENSIONS])
            return Cut(node.kind[:80], node.dtype[:80], shape, self.value(node.head, depth + 1), node.digest[:64])
        return node

    def _values(self, nodes: list[Any], depth: int) -> list[Any]:
        self.items += len(nodes)
        if self.items > MAX_ITEMS:
            raise BadValue(f"more than {MAX_ITEMS:,} items")
        depth += 1
        if nodes and depth > MAX_DEPTH:
            raise BadValue(f"nested more than {MAX_DEPTH} deep")
        return [node if type(node) in PLAIN else self.value(node, depth) for node in nodes]

    def _unique(self, nodes: list[Any], depth: int) -> list[Any]:
        values = self._values(nodes, depth)
        try:
            # Before anything is looked up: thousands of keys with one hash (k · (2⁶¹ - 1), tuples of -1 and -2) take minutes.
            if len(values) > MAX_ALIKE and collections.Counter(map(hash, values)).most_common(1)[0][1] > MAX_ALIKE:
                raise BadValue(f"a set or dict with more than {MAX_ALIKE} keys of one hash")
            distinct = len(set(values))
        except TypeError as error:
            raise BadValue("a set or dict with a key that cannot be one") from error
        if distinct != len(values):
            raise BadValue("a set or dict that names a key twice")
        return values

    def _dict(self, node: tree.Dict, depth: int) -> dict[Any, Any]:
        if len(node.keys) != len(node.values):
            raise BadValue("a dict with keys that have no value")
        return dict(zip(self._unique(node.keys, depth), self._values(node.values, depth), strict=True))

    def _bytes(self, node: tree.Tensor | tree.Array, itemsize: int) -> memoryview:
        shape = node.shape
        if len(shape) > MAX_DIMENSIONS or any(n < 0 or n > MAX_ELEMENTS for n in shape):
            raise BadValue(f"a tensor of shape {shape[:MAX_DIMENSIONS]}")
        elements, extent = 1, 1
        for n in shape:
            elements *= n
            extent *= max(n, 1)
        if extent > MAX_ELEMENTS or node.nbytes != elements * itemsize:
            raise BadValue("a tensor whose shape and size disagree")
        if node.offset < 0 or node.nbytes < 0 or node.offset + node.nbytes > len(self.raw):
            raise BadValue("a tensor outside the data that was sent")
        self.taken += node.nbytes
        if self.taken > len(self.raw):  # else a thousand tensors of the same bytes are a thousand copies
            raise BadValue("tensors that share their data")
        return self.raw[node.offset : node.offset + node.nbytes]

    def _tensor(self, node: tree.Tensor) -> torch.Tensor:
        dtype = TENSOR_DTYPES.get(node.dtype)
        if dtype is None:
            raise BadValue(f"a tensor of unknown dtype {node.dtype[:40]!r}")
        data = self._bytes(node, dtype.itemsize)
        if not data.nbytes:
            return torch.empty(node.shape, dtype=dtype)
        flat = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        # a bool tensor with bytes other than 0 and 1 is undefined behaviour in torch: make them so
        flat = flat.ne(0) if dtype is torch.bool else flat.view(dtype)
        return flat.reshape(node.shape)

    def _array(self, node: tree.Array) -> np.ndarray:
        if node.dtype not in ARRAY_DTYPES:
            raise BadValue(f"an array of unknown dtype {node.dtype[:40]!r}")
        dtype = np.dtype(node.dtype)
        data = self._bytes(node, dtype.itemsize)
        if dtype == np.bool_:
            return (np.frombuffer(data, np.uint8) != 0).reshape(node.shape)
        return np.frombuffer(bytearray(data), dtype).reshape(node.shape)

    def _scalar(self, node: tree.Scalar) -> np.generic:
        if node.dtype not in ARRAY_DTYPES:
            raise BadValue(f"a scalar of unknown dtype {node.dtype[:40]!r}")
        dtype = np.dtype(node.dtype)
        if len(node.data) != dtype.itemsize:
            raise BadValue("a scalar of the wrong size")
        if dtype == np.bool_:
            return np.bool_(node.data != b"\0")
        return np.frombuffer(node.data, dtype)[0]


def decode(blob: bytes | memoryview) -> Any:
    """The value of `blob`, rebuilt from plain types only. Raises `BadValue` on anything that breaks the format."""
    view = memoryview(blob)
    if len(view) < HEADER.size:
        raise BadValue("shorter than its header")
    magic, tree_size, raw_size = HEADER.unpack(view[: HEADER.size])
    if magic != MAGIC or tree_size > MAX_TREE or raw_size > MAX_RAW:
        raise BadValue("not a value of this format")
    if len(view) != HEADER.size + tree_size + raw_size:
        raise BadValue("its length is not what its header says")
    try:
        tree = _decoder.decode(view[HEADER.size : HEADER.size + tree_size])
        return _Reader(view[HEADER.size + tree_size :]).value(tree)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise BadValue(f"it does not decode ({type(error).__name__})") from error
