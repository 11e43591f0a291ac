"""The vocabulary that crosses the boundary: exact round trips, and a decoder that takes nothing hostile."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import struct
import tracemalloc
import typing
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabulary import dtypes, quick, vocabulary

from autograder.wire import values
from autograder.wire.decode import decode
from autograder.wire.encode import DRAWN_ITEMS, encode
from autograder.wire.tree import HEADER, MAGIC, MAX_DEPTH, MAX_ITEMS, MAX_TEXT
from autograder.wire.values import BadValue, Drawn, Lab, Raised, Unsupported


def same(a: Any, b: Any) -> bool:
    """Equal down to types and bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        raw = (a.contiguous().flatten().view(torch.uint8), b.contiguous().flatten().view(torch.uint8))
        return a.shape == b.shape and a.dtype == b.dtype and (not a.numel() or torch.equal(*raw))
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
    if isinstance(a, set | frozenset):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    return bool(a == b)


def crosses(value: Any, want: Any = None) -> None:
    """`value` arrives as `want` (itself by default), and is sent again as the same bytes."""
    got = decode(encode(value))
    assert same(got, value if want is None else want), (got, value)
    assert encode(got) == encode(value if want is None else want)


# --- round trips -----------------------------------------------------------------------------------------------------

NAN_WITH_PAYLOAD = struct.unpack("d", struct.pack("Q", 0x7FF8_0000_DEAD_BEEF))[0]


def name_of(value: object) -> str:
    """A test's name, the same in every process: the order of a set is not."""
    if isinstance(value, int):
        return f"int of {value.bit_length()} bits"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__} of {len(value)}"
    return repr(value)[:30].encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**4000, -(10**4000),
        0.0, -0.0, 5e-324, math.inf, -math.inf, NAN_WITH_PAYLOAD,
        "", "héllo 多语言 🙂", "\x00\x1b[31m", "\ud800", "a\udfffb", b"", b"\x00\xff",
        [], (), {}, set(), frozenset(), [[]], ((),), {(): []}, [1, [2.0, ["3"]]],
        {"b": 1, "a": 2}, {1: "x", "1": "y", (1, "1"): None, b"1": 3}, {frozenset({1, 2}), frozenset()},
        {1, "a", None, (2, 3)}, Drawn([1, 2]), Drawn(), Raised("ValueError"), Raised(None), Unsupported("Foo"),
        Lab("english", {"limit": 10}), [Lab("english")],
    ],
    ids=lambda value: name_of(value),
)  # fmt: skip
def test_plain_values_cross_exactly(value: Any) -> None:
    crosses(value)


def test_a_dict_keeps_its_order_and_a_set_has_one_order() -> None:
    assert list(decode(encode({"z": 1, "a": 2}))) == ["z", "a"]
    assert encode({3, 1, 2, "x"}) == encode({"x", 2, 3, 1})


@pytest.mark.parametrize("dtype", sorted(values.TENSOR_DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4), (1,) * 16])
def test_tensors_of_every_dtype_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    kind = values.TENSOR_DTYPES[dtype]
    raw = torch.arange(int(np.prod(shape)) * kind.itemsize, dtype=torch.int64).mul(37).add(5).to(torch.uint8)
    tensor = raw.remainder(2).bool() if kind is torch.bool else raw.view(kind)
    crosses(tensor.reshape(shape))


@pytest.mark.parametrize("dtype", sorted(values.ARRAY_DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3)])
def test_arrays_of_every_dtype_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    crosses(array)
    crosses(np.ones((), dtype)[()])


def test_nan_payloads_of_tensors_survive() -> None:
    bits = torch.tensor([0x7FC0_BEEF, -0x0040_0001], dtype=torch.int32)
    assert torch.equal(decode(encode(bits.view(torch.float32))).view(torch.int32), bits)


@pytest.mark.parametrize(
    "view",
    [
        torch.arange(12.0).reshape(3, 4).T,
        torch.arange(12.0)[::3],
        torch.ones(1).expand(2, 3),
        torch.tensor(3.0).expand(1),
        torch.zeros(0, 3).T,
        torch.arange(6.0).reshape(2, 3).flip(0),
        torch.tensor([1 + 2j, 3 - 4j]).conj(),
        torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
        torch.arange(4.0)[2],
        torch.tensor([1.0, 2.0], requires_grad=True) * 2,
        torch.nn.Parameter(torch.ones(2, 2)),
    ],
    ids=[
        "transposed",
        "strided",
        "expanded",
        "one expanded",
        "empty",
        "flipped",
        "conjugated",
        "negated",
        "0-dim",
        "with a graph",
        "parameter",
    ],
)
def test_views_arrive_as_what_they_show(view: torch.Tensor) -> None:
    got = decode(encode(view))
    assert type(got) is torch.Tensor and got.is_contiguous() and not got.requires_grad
    assert got.shape == view.shape and got.tolist() == view.detach().tolist()


def test_arrays_with_another_byte_order_or_layout_arrive_native() -> None:
    for array in (np.array([1, 256], ">i4"), np.asfortranarray([[1.5, 2], [3, 4]]), np.arange(9)[::-2]):
        got = decode(encode(array))
        assert got.tolist() == array.tolist() and got.dtype == array.dtype.newbyteorder("=")


def test_a_decoded_tensor_is_the_receivers_own() -> None:
    blob = encode([torch.zeros(2), np.zeros(2)])
    first = decode(blob)
    first[0].fill_(7.0)
    first[1][:] = 7.0
    assert decode(blob)[0].tolist() == decode(blob)[1].tolist() == [0.0, 0.0]


@dataclasses.dataclass
class Point:
    x: int
    y: list[int]


class Pair(typing.NamedTuple):
    left: int
    right: str


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (Point(1, [2]), {"x": 1, "y": [2]}),
        (Pair(1, "r"), {"left": 1, "right": "r"}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.defaultdict(list, {"k": [1]}), {"k": [1]}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (range(3), Drawn([0, 1, 2])),
        (map(str, [1, 2]), Drawn(["1", "2"])),
        ({"a": 1}.keys(), Drawn(["a"])),
        ({"a": 1}.items(), Drawn([("a", 1)])),
        ((n * n for n in range(3)), Drawn([0, 1, 4])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_becomes_something_plainer(value: Any, want: Any) -> None:
    assert same(decode(encode(value)), want)


def test_an_endless_generator_is_drawn_to_a_cap() -> None:
    assert decode(encode(itertools.count())) == list(range(DRAWN_ITEMS))
    assert len(decode(encode(range(10**12)))) == DRAWN_ITEMS


class LoudInt(int):
    pass


class LoudList(list[int]):
    pass


class LoudStr(str):
    pass


class LoudTensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (LoudInt(1), "LoudInt"),
        (LoudList([1]), "LoudList"),
        (LoudStr("x"), "LoudStr"),
        (torch.ones(2).as_subclass(LoudTensor), "LoudTensor"),
        (object(), "object"),
        (len, "builtin_function_or_method"),
        (1j, "complex"),
        (np.array(["a"]), "ndarray (str"),
        (np.array([object()]), "ndarray (object"),
        (np.datetime64("2020-01-01"), "datetime64"),
        (torch.ones(2).to_sparse(), "Tensor (sparse_coo"),
        (bytearray(b"x"), "bytearray"),
        (collections.deque([1]), "deque"),
    ],
    ids=lambda value: None if not isinstance(value, str) else value.split(" ")[0],
)
def test_of_anything_else_only_its_types_name_crosses(value: Any, name: str) -> None:
    got = decode(encode([value]))[0]
    assert type(got) is Unsupported and got.type_name.startswith(name)


@pytest.mark.parametrize(
    "value",
    [
        1 << 200_000,
        "x" * (MAX_TEXT + 1),
        b"x" * (MAX_TEXT + 1),
        [None] * (MAX_ITEMS + 1),
        torch.zeros(1).expand(2**30),
        list(itertools.repeat("x" * MAX_TEXT, 5)),
    ],
    ids=["an integer", "a string", "bytes", "items", "a tensor", "strings together"],
)
def test_what_is_too_large_is_refused_when_it_is_sent(value: Any) -> None:
    with pytest.raises(BadValue):
        encode(value)


def test_what_is_too_deep_is_refused_when_it_is_sent() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(BadValue, match="deep"):
        encode(value)
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(BadValue, match="deep"):
        encode(loop)
    while value:  # else its end recurses
        value = value.pop()


@quick
@given(vocabulary)
def test_any_value_of_the_vocabulary_crosses_exactly(value: Any) -> None:
    crosses(value)


# --- hostile blobs ---------------------------------------------------------------------------------------------------


def blob(tree: Any, raw: bytes = b"") -> bytes:
    """A blob around any tree, already encoded or not."""
    data = tree if isinstance(tree, bytes) else msgspec.msgpack.encode(tree)
    return HEADER.pack(MAGIC, len(data), len(raw)) + data + raw


def tensor(shape: list[int], offset: int, nbytes: int, dtype: str = "float32", tag: str = "T") -> list[Any]:
    return [tag, dtype, shape, offset, nbytes]


DEEP = 100_000
GOOD = encode({"x": torch.arange(6.0).reshape(2, 3), "names": ["a", ("b", 1)], "big": 2**100, "s": {1, 2}})

HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "half a header": GOOD[:8],
    "the header only": GOOD[: HEADER.size],
    "cut in the tree": GOOD[: HEADER.size + 5],
    "cut in the data": GOOD[:-1],
    "more than announced": GOOD + b"\0",
    "wrong magic": b"LLV2" + GOOD[4:],
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "a tree of 2^32 - 1 bytes": HEADER.pack(MAGIC, 2**32 - 1, 0),
    "data of 2^60 bytes": HEADER.pack(MAGIC, 1, 2**60) + b"\xc0",
    "data of 2^64 - 1 bytes": HEADER.pack(MAGIC, 1, 2**64 - 1) + b"\xc0",
    "a list of 2^32 - 1 items": blob(b"\x92\xa1l\xdd\xff\xff\xff\xff"),
    "a dict of 2^32 - 1 keys": blob(b"\x93\xa1d\xdd\xff\xff\xff\xff"),
    "a string of 2^32 - 1 bytes": blob(b"\xdb\xff\xff\xff\xff"),
    "bytes of 2^32 - 1 bytes": blob(b"\x92\xa1b\xc6\xff\xff\xff\xff"),
    "too many items": blob(b"\x92\xa1l\xdd" + struct.pack(">I", 2**20) + b"\xc0" * 2**20),
    "too many items in many lists": blob(["l", [["l", [None] * 1000]] * 1100]),
    "nested 10^5 deep": blob(b"\x92\xa1l\x91" * DEEP + b"\xc0"),
    "nested a little too deep": blob(b"\x92\xa1l\x91" * (MAX_DEPTH + 1) + b"\xc0"),
    "lab arguments nested": blob(b"\x93\xa1L\xa1x" * DEEP + b"\xc0"),
    "a plain array": blob([1, 2]),
    "a plain map": blob({"a": 1}),
    "plain bytes": blob(b"\xc4\x01x"),
    "an extension": blob(b"\xc7\x00\x01"),
    "a timestamp": blob(b"\xd6\xff\x00\x00\x00\x00"),
    "a reserved byte": blob(b"\xc1"),
    "an unknown tag": blob(["p", "os.system"]),
    "an empty array": blob([]),
    "a node with a field too many": blob(["l", [], 1]),
    "a node with a field too few": blob(["d", []]),
    "two values": blob(b"\xc0\xc0"),
    "bad UTF-8 in a string": blob(b"\xa2\xff\xfe"),
    "bad UTF-8 in a text": blob(["u", b"\xff\xfe"]),
    "a dict without its values": blob(["d", [1, 2], [1]]),
    "a key twice": blob(["d", [1, 1], [1, 2]]),
    "keys equal in Python": blob(["d", [1, True], [1, 2]]),
    "an element twice": blob(["s", [1, 1.0]]),
    "an unhashable key": blob(["d", [["l", []]], [1]]),
    "an unhashable element": blob(["f", [["t", [["s", []]]]]]),
    "a shape of 8 TB": blob(tensor([2**41], 0, 2**43)),
    "a shape whose product overflows": blob(tensor([2**40, 2**40, 2**40], 0, 0)),
    "a shape whose product is 2^64": blob(tensor([2**16] * 4, 0, 0)),
    "huge dimensions beside a zero": blob(tensor([2**40, 2**40, 0], 0, 0)),
    "a negative dimension": blob(tensor([-1], 0, 4), b"abcd"),
    "two negative dimensions": blob(tensor([-2, -2], 0, 16), bytes(16)),
    "17 dimensions": blob(tensor([1] * 17, 0, 4), b"abcd"),
    "a dimension beyond 64 bits": blob(["T", "float32", [2**64 - 1], 0, 4], b"abcd"),
    "a dimension that is a float": blob(["T", "float32", [1.0], 0, 4], b"abcd"),
    "nbytes too small": blob(tensor([2], 0, 4), bytes(8)),
    "nbytes too large": blob(tensor([2], 0, 12), bytes(12)),
    "nbytes negative": blob(tensor([0], 8, -8), bytes(8)),
    "an offset behind the data": blob(tensor([1], 8, 4), bytes(8)),
    "an offset that overlaps the end": blob(tensor([1], 5, 4), bytes(8)),
    "an offset before the data": blob(tensor([1], -4, 4), bytes(8)),
    "an offset of 2^63 - 1": blob(tensor([1], 2**63 - 1, 4), bytes(8)),
    "an empty tensor outside": blob(tensor([0], 99, 0)),
    "an unknown dtype": blob(tensor([1], 0, 8, "object"), bytes(8)),
    "a dtype that torch has and we do not": blob(tensor([1], 0, 1, "qint8"), bytes(1)),
    "an array of objects": blob(tensor([1], 0, 8, "object", "A"), bytes(8)),
    "an array of a dtype by code": blob(tensor([1], 0, 8, "O8", "A"), bytes(8)),
    "an array of 8 TB": blob(tensor([2**41], 0, 2**43, "float32", "A")),
    "a scalar of objects": blob(["S", "object", bytes(8)]),
    "a scalar of the wrong size": blob(["S", "float64", bytes(4)]),
    "an integer of 10^6 digits": blob(["i", bytes(500_000)]),
    "one tensor's data for many": blob(["l", [tensor([2**18], 0, 2**20)] * 3000], bytes(2**20)),
    "one array's data for many": blob(["l", [tensor([2**18], 0, 2**20, tag="A")] * 3000], bytes(2**20)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_blob_is_refused_at_little_cost(name: str) -> None:
    data = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(BadValue) as refused:
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * len(data) + 2**20
    assert len(str(refused.value)) < 500  # theirs: it ends in a message


def test_the_same_blobs_as_memoryviews() -> None:
    assert same(decode(memoryview(GOOD)), decode(GOOD))
    with pytest.raises(BadValue):
        decode(memoryview(GOOD)[:-1])


@pytest.mark.parametrize("tag", ["T", "A"])
def test_bool_bytes_are_made_0_and_1(tag: str) -> None:
    got = decode(blob(tensor([4], 0, 4, "bool", tag), bytes([0, 1, 2, 255])))
    assert got.tolist() == [False, True, True, True]
    plain = torch.as_tensor(got).view(torch.uint8)
    assert plain.tolist() == [0, 1, 1, 1]


def test_a_bool_scalar_with_another_byte() -> None:
    assert decode(blob(["S", "bool", b"\x07"])) is np.True_


def test_names_are_cut() -> None:
    assert len(decode(blob(["o", "x" * 10**6])).type_name) == 200
    assert len(decode(blob(["x", "x" * 10**6])).name) == 200


def plain(value: Any) -> bool:
    """Made of exact types of the vocabulary, all the way down."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset, Drawn):
        return all(map(plain, value))
    if kind is dict:
        return all(plain(key) and plain(item) for key, item in value.items())
    if kind is Lab:
        return type(value.name) is str and plain(value.arguments)
    return kind in (type(None), bool, int, float, str, bytes, torch.Tensor, np.ndarray, Raised, Unsupported) or (
        isinstance(value, np.generic) and kind.__module__ == "numpy"
    )


def decodes_or_is_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except BadValue:
        return
    assert plain(value)
    encode(value)


@quick
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    decodes_or_is_refused(data)
    decodes_or_is_refused(blob(data))


wild_ints = st.sampled_from([0, 1, 2, 4, 8, 2**31, 2**40, 2**62, 2**63 - 1, 2**64 - 1, -1, -(2**63)])
wild_nodes = st.recursive(
    st.none() | st.booleans() | st.floats() | wild_ints | st.text(max_size=3) | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(st.sampled_from("ltsfg"), st.lists(inner, max_size=4)).map(list)
        | st.tuples(st.just("d"), st.lists(inner, max_size=3), st.lists(inner, max_size=3)).map(list)
        | st.tuples(st.sampled_from("TA"), dtypes, st.lists(wild_ints, max_size=4), wild_ints, wild_ints).map(list)
        | st.tuples(st.just("S"), dtypes, st.binary(max_size=16)).map(list)
        | st.tuples(st.sampled_from("ibuxo"), inner).map(list)
        | st.tuples(st.just("L"), st.text(max_size=3), inner).map(list)
    ),
    max_leaves=12,
)


@settings(quick, max_examples=400)
@given(wild_nodes, st.binary(max_size=16))
def test_well_formed_trees_with_wild_contents(tree: Any, raw: bytes) -> None:
    decodes_or_is_refused(blob(tree, raw))


@settings(quick, max_examples=300)
@given(vocabulary.map(encode), st.data())
def test_mutated_blobs_are_refused_or_plain(good: bytes, data: st.DataObject) -> None:
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(changed) - 1, 0)))
        match data.draw(st.sampled_from(["set", "flip", "cut", "insert"])):
            case "set":
                changed[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
            case "flip" if changed:
                changed[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del changed[at : at + data.draw(st.integers(1, 4))]
            case "insert":
                changed[at:at] = data.draw(st.binary(min_size=1, max_size=4))
    decodes_or_is_refused(bytes(changed))
    if len(changed) > HEADER.size:  # and with lengths that fit, so that the tree is reached
        tree_size = min(struct.unpack_from("<I", good, 4)[0], len(changed) - HEADER.size)
        body = bytes(changed[HEADER.size :])
        decodes_or_is_refused(blob(body[:tree_size], body[tree_size:]))


@pytest.mark.parametrize(
    "keys",
    [
        [k * (2**61 - 1) for k in range(1, 100_000)],  # all of hash 0
        [tuple(-1 - (k >> bit & 1) for bit in range(17)) for k in range(2**12)],  # hash(-1) == hash(-2)
    ],
)
def test_keys_of_one_hash_are_refused_before_they_are_looked_up(keys: list[object]) -> None:
    """100,000 of them kept the twin for minutes. As a list they are as good as any."""
    listed = encode(keys)
    assert decode(listed) == keys
    for kind in (set, dict):
        few = kind.fromkeys(keys[:16]) if kind is dict else set(keys[:16])
        assert decode(encode(few)) == few
    forged = encode(set(keys[:17]))
    with pytest.raises(BadValue, match="keys of one hash"):
        decode(forged)
    with pytest.raises(BadValue, match="keys of one hash"):
        decode(encode(dict.fromkeys(keys[:17])))
