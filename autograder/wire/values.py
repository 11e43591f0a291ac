"""The vocabulary of plain data that crosses between the grader and a worker, and its encoding.

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

import collections
import dataclasses
import struct
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import numpy as np
import torch

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
DRAWN_ITEMS = 10_000

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


# The tree. Containers are tagged; plain scalars stand for themselves.


class _Node(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    pass


class _List(_Node, tag="l"):
    items: list[Node]


class _Tuple(_Node, tag="t"):
    items: list[Node]


class _Set(_Node, tag="s"):
    items: list[Node]


class _FrozenSet(_Node, tag="f"):
    items: list[Node]


class _Drawn(_Node, tag="g"):
    items: list[Node]


class _Dict(_Node, tag="d"):
    keys: list[Node]
    values: list[Node]


class _Int(_Node, tag="i"):
    data: bytes  # two's complement, little endian


class _Bytes(_Node, tag="b"):
    data: bytes


class _Text(_Node, tag="u"):
    data: bytes  # UTF-8 with lone surrogates


class _Tensor(_Node, tag="T"):
    dtype: str
    shape: list[int]
    offset: int
    nbytes: int


class _Array(_Node, tag="A"):
    dtype: str
    shape: list[int]
    offset: int
    nbytes: int


class _Scalar(_Node, tag="S"):
    dtype: str
    data: bytes


class _Cut(_Node, tag="c"):
    kind: str
    dtype: str
    shape: list[int]
    head: Node
    digest: str


class _Lab(_Node, tag="L"):
    name: str
    arguments: Node


class _Raised(_Node, tag="x"):
    name: str | None


class _Unsupported(_Node, tag="o"):
    type_name: str


Node = (
    None | bool | int | float | str
    | _List | _Tuple | _Set | _FrozenSet | _Drawn | _Dict | _Int | _Bytes | _Text
    | _Tensor | _Array | _Scalar | _Lab | _Raised | _Unsupported | _Cut
)  # fmt: skip

_LEAVES = frozenset({type(None), bool, float})
"""What stands for itself when it is written."""
_PLAIN = _LEAVES | {int, str}
"""What stands for itself when it is read."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(cast(Any, Node))


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
            return _Bytes(value)
        if kind is list:
            return _List(self._nodes(value, depth))
        if kind is tuple:
            return _Tuple(self._nodes(value, depth))
        if kind is set:
            return _Set(self._sorted(value, depth))
        if kind is frozenset:
            return _FrozenSet(self._sorted(value, depth))
        if kind in (dict, collections.Counter, collections.defaultdict, collections.OrderedDict):
            return self._dict(dict(value), depth)
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            return self._tensor(value)
        if kind is np.ndarray:
            return self._array(value)
        if issubclass(kind, np.generic) and kind.__module__ == "numpy":
            if value.dtype.name in ARRAY_DTYPES:
                return _Scalar(value.dtype.name, value.tobytes())
            return _Unsupported(kind.__name__)
        if kind is Lab:
            return _Lab(value.name, self.node(value.arguments, depth + 1))
        if kind is Raised:
            return _Raised(value.name)
        if kind is Unsupported:
            return _Unsupported(value.type_name)
        if kind is Drawn:
            return _Drawn(self._nodes(value, depth))
        if kind is Cut:
            head = self.node(value.head, depth + 1)
            return _Cut(value.kind, value.dtype, list(value.shape), head, value.digest)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            fields = cast(Any, kind)._fields
            return self._dict(dict(zip(fields, tuple.__iter__(value), strict=False)), depth)
        if dataclasses.is_dataclass(kind):
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(kind)}
            return self._dict(fields, depth)
        if isinstance(value, Iterator) or kind in (range, type({}.keys()), type({}.values()), type({}.items())):
            return _Drawn(self._nodes(_first(value, DRAWN_ITEMS), depth))
        return _Unsupported(_type_name(kind))

    def _count(self, n: int) -> None:
        self.items += n
        if self.items > MAX_ITEMS:
            raise BadValue(f"more than {MAX_ITEMS:,} items")

    def _nodes(self, values: Any, depth: int) -> list[Any]:
        self._count(len(values))
        depth += 1
        if values and depth > MAX_DEPTH:
            raise BadValue(f"nested more than {MAX_DEPTH} deep")
        return [value if type(value) in _LEAVES else self.node(value, depth) for value in values]  # spares most calls

    def _sorted(self, values: Any, depth: int) -> list[Any]:
        return sorted(self._nodes(list(values), depth), key=_encoder.encode)  # one order, whatever the hash seed

    def _dict(self, value: dict[Any, Any], depth: int) -> _Dict:
        return _Dict(self._nodes(list(value.keys()), depth), self._nodes(list(value.values()), depth))

    def _int(self, value: int) -> int | _Int:
        if -(2**63) <= value < 2**63:
            return value
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise BadValue(f"an integer of {value.bit_length():,} bits")
        return _Int(value.to_bytes(size, "little", signed=True))

    def _text(self, value: str) -> str | _Text:
        if len(value) > MAX_TEXT:
            raise BadValue(f"a string of {len(value):,} characters")
        try:
            if not value.isascii():
                value.encode()
        except UnicodeEncodeError:
            return _Text(value.encode("utf-8", "surrogatepass"))
        return value

    def _place(self, data: bytes) -> tuple[int, int]:
        offset = self.raw_size
        self.raw.append(data)
        self.raw_size += len(data)
        if self.raw_size > MAX_RAW:
            raise BadValue(f"more than {MAX_RAW // 2**20} MiB of tensors")
        return offset, len(data)

    def _tensor(self, value: torch.Tensor) -> _Tensor | _Unsupported:
        if value.layout is not torch.strided or value.is_quantized or value.dtype not in TENSOR_NAMES:
            return _Unsupported(f"Tensor ({str(value.layout).removeprefix('torch.')}, {value.dtype})")
        if value.numel() * value.element_size() > MAX_RAW:
            raise BadValue(f"a tensor of {value.numel() * value.element_size():,} bytes")
        data = bytes_of(value.detach()).tobytes()
        return _Tensor(TENSOR_NAMES[value.dtype], list(value.shape), *self._place(data))

    def _array(self, value: np.ndarray) -> _Array | _Unsupported:
        if value.dtype.name not in ARRAY_DTYPES:
            return _Unsupported(f"ndarray ({value.dtype.name})")
        native = value.astype(value.dtype.newbyteorder("="))
        return _Array(value.dtype.name, list(value.shape), *self._place(native.tobytes()))


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
        if kind is _List:
            return self._values(node.items, depth)
        if kind is _Tuple:
            return tuple(self._values(node.items, depth))
        if kind is _Dict:
            return self._dict(node, depth)
        if kind is _Tensor:
            return self._tensor(node)
        if kind is _Set or kind is _FrozenSet:
            found = self._unique(node.items, depth)
            return set(found) if kind is _Set else frozenset(found)
        if kind is _Int:
            if len(node.data) > MAX_INT_BYTES:
                raise BadValue("an integer that is too long")
            return int.from_bytes(node.data, "little", signed=True)
        if kind is _Bytes:
            return node.data
        if kind is _Text:
            try:
                return node.data.decode("utf-8", "surrogatepass")
            except UnicodeDecodeError as error:
                raise BadValue("text that is not UTF-8") from error
        if kind is _Array:
            return self._array(node)
        if kind is _Scalar:
            return self._scalar(node)
        if kind is _Drawn:
            return Drawn(self._values(node.items, depth))
        if kind is _Lab:
            return Lab(node.name, self.value(node.arguments, depth + 1))
        if kind is _Raised:
            return Raised(None if node.name is None else node.name[:200])
        if kind is _Unsupported:
            return Unsupported(node.type_name[:200])
        if kind is _Cut:
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
        return [node if type(node) in _PLAIN else self.value(node, depth) for node in nodes]

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

    def _dict(self, node: _Dict, depth: int) -> dict[Any, Any]:
        if len(node.keys) != len(node.values):
            raise BadValue("a dict with keys that have no value")
        return dict(zip(self._unique(node.keys, depth), self._values(node.values, depth), strict=True))

    def _bytes(self, node: _Tensor | _Array, itemsize: int) -> memoryview:
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

    def _tensor(self, node: _Tensor) -> torch.Tensor:
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

    def _array(self, node: _Array) -> np.ndarray:
        if node.dtype not in ARRAY_DTYPES:
            raise BadValue(f"an array of unknown dtype {node.dtype[:40]!r}")
        dtype = np.dtype(node.dtype)
        data = self._bytes(node, dtype.itemsize)
        if dtype == np.bool_:
            return (np.frombuffer(data, np.uint8) != 0).reshape(node.shape)
        return np.frombuffer(bytearray(data), dtype).reshape(node.shape)

    def _scalar(self, node: _Scalar) -> np.generic:
        if node.dtype not in ARRAY_DTYPES:
            raise BadValue(f"a scalar of unknown dtype {node.dtype[:40]!r}")
        dtype = np.dtype(node.dtype)
        if len(node.data) != dtype.itemsize:
            raise BadValue("a scalar of the wrong size")
        if dtype == np.bool_:
            return np.bool_(node.data != b"\0")
        return np.frombuffer(node.data, dtype)[0]


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
