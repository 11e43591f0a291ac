"""The block formats of GGUF, byte by byte, and the file around them.

Weights are float32 in rows of 32·k (Q4_K: 256·k). A block is 32 neighbours in a row, and takes a fixed number of bytes: rows of n blocks become
rows of n · size bytes (uint8). All numbers are little-endian; scales are float16 (`np.float16`), rounded from float32 to the nearest.

| format | size | bytes of a block |
| --- | --- | --- |
| Q8_0 | 34 | d (float16), 32 × int8 |
| Q4_0 | 18 | d (float16), 16 bytes of nibbles |
| Q4_1 | 20 | d (float16), m (float16), 16 bytes of nibbles |
| Q5_0 | 22 | d (float16), 4 bytes of fifth bits, 16 bytes of nibbles |

**Nibbles.** Byte j of 16 holds code j in its low four bits and code j + 16 in its high four bits. **Fifth bits** (Q5_0): the four bytes are a
little-endian number of 32 bits, and bit j is bit 4 of code j.

Codes are computed with the float32 scale, before it is rounded to float16. Where the scale is 0 (or -0.0: 0 / -8, say; either is right), x / d
counts as 0.
Work with NumPy and the standard library; the package `gguf` is not allowed here.
"""

import struct
from typing import Any

import numpy as np


# BEGIN SOLUTION
def _blocks(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, 32)


def _over(x: np.ndarray, d: np.ndarray) -> np.ndarray:
    """x / d, and 0 where d is 0."""
    return np.divide(x, d, out=np.zeros_like(x), where=d != 0)


def _signed_absmax(x: np.ndarray) -> np.ndarray:
    return np.take_along_axis(x, np.abs(x).argmax(1, keepdims=True), 1)


def _half(d: np.ndarray) -> np.ndarray:
    return d.astype("<f2").view(np.uint8)


def _floats(b: np.ndarray) -> np.ndarray:
    return b.view("<f2").astype(np.float32)


def _pack(q: np.ndarray) -> np.ndarray:
    return (q[:, :16] & 15) | (q[:, 16:] & 15) << 4


def _unpack(b: np.ndarray) -> np.ndarray:
    return np.concatenate([b & 15, b >> 4], 1)


def _codes(x: np.ndarray, largest: int) -> np.ndarray:
    """Cut off, not rounded: 0.5 has been added before."""
    return np.minimum(x, largest).astype(np.uint8)


# END SOLUTION
def quantize_q8_0(x: np.ndarray) -> np.ndarray:
    """d = max|x| / 127; q = x / d, rounded to the nearest integer, halves away from zero. float32 (n, 32k) → uint8 (n, 34k).

    d = 1 (bytes 00 3C), q = -127, 1, 2, -3, 0, … (bytes 81 01 02 FD 00 …):

    >>> x = tensor([[-127.0, 0.5, 1.5, -2.5] + [0.0] * 28]).numpy()
    >>> quantize_q8_0(x)[0, :8].tolist()
    [0, 60, 129, 1, 2, 253, 0, 0]
    """
    # BEGIN SOLUTION
    blocks = _blocks(x)
    d = np.abs(blocks).max(1, keepdims=True) / 127
    scaled = _over(blocks, d)
    q = (scaled + np.copysign(0.5, scaled)).astype(np.int8)  # cut off, so halves go away from zero
    return np.concatenate([_half(d), q.view(np.uint8)], 1).reshape(len(x), -1)
    # END SOLUTION


def dequantize_q8_0(b: np.ndarray) -> np.ndarray:
    """x = d · q. uint8 (n, 34k) → float32 (n, 32k)."""
    # BEGIN SOLUTION
    blocks = b.reshape(-1, 34)
    return (_floats(blocks[:, :2]) * blocks[:, 2:].view(np.int8)).reshape(len(b), -1)
    # END SOLUTION


def quantize_q4_0(x: np.ndarray) -> np.ndarray:
    """Codes 0 … 15 stand for -8 … 7. float32 (n, 32k) → uint8 (n, 18k).

    With M the entry of the largest |x| *with its sign* (the first, if there are several): d = M / -8, so that M gets the code 0 without rounding.
    (The weight that comes back is -8 times the stored d, which is rounded to float16.)
    q = x / d + 8.5, cut off to an integer, and at most 15.

    M = -1 gives d = 0.125 (bytes 00 30), M = 1 gives d = -0.125; the codes are 0, 8, 8, …:

    >>> quantize_q4_0(tensor([[-1.0] + [0.0] * 31]).numpy())[0, :4].tolist()
    [0, 48, 128, 136]
    >>> quantize_q4_0(tensor([[1.0] + [0.0] * 31]).numpy())[0, :4].tolist()
    [0, 176, 128, 136]
    """
    # BEGIN SOLUTION
    blocks = _blocks(x)
    d = _signed_absmax(blocks) / -8
    return np.concatenate([_half(d), _pack(_codes(_over(blocks, d) + 8.5, 15))], 1).reshape(len(x), -1)
    # END SOLUTION


def dequantize_q4_0(b: np.ndarray) -> np.ndarray:
    """x = d · (q - 8). uint8 (n, 18k) → float32 (n, 32k)."""
    # BEGIN SOLUTION
    blocks = b.reshape(-1, 18)
    return (_floats(blocks[:, :2]) * (_unpack(blocks[:, 2:]).astype(np.int8) - 8)).reshape(len(b), -1)
    # END SOLUTION


def quantize_q4_1(x: np.ndarray) -> np.ndarray:
    """m = min(x), d = (max(x) - min(x)) / 15; q = (x - m) / d + 0.5, cut off, and at most 15. float32 (n, 32k) → uint8 (n, 20k).

    x - m takes the float32 m, before it is rounded to float16.
    """
    # BEGIN SOLUTION
    blocks = _blocks(x)
    m = blocks.min(1, keepdims=True)
    d = (blocks.max(1, keepdims=True) - m) / 15
    return np.concatenate([_half(d), _half(m), _pack(_codes(_over(blocks - m, d) + 0.5, 15))], 1).reshape(len(x), -1)
    # END SOLUTION


def dequantize_q4_1(b: np.ndarray) -> np.ndarray:
    """x = d · q + m. uint8 (n, 20k) → float32 (n, 32k)."""
    # BEGIN SOLUTION
    blocks = b.reshape(-1, 20)
    return (_floats(blocks[:, :2]) * _unpack(blocks[:, 4:]) + _floats(blocks[:, 2:4])).reshape(len(b), -1)
    # END SOLUTION


def quantize_q5_0(x: np.ndarray) -> np.ndarray:
    """As Q4_0 with codes 0 … 31 for -16 … 15: d = M / -16, q = x / d + 16.5, cut off, at most 31. float32 (n, 32k) → uint8 (n, 22k)."""
    # BEGIN SOLUTION
    blocks = _blocks(x)
    d = _signed_absmax(blocks) / -16
    q = _codes(_over(blocks, d) + 16.5, 31)
    fifth = np.packbits(q >> 4, axis=1, bitorder="little")
    return np.concatenate([_half(d), fifth, _pack(q)], 1).reshape(len(x), -1)
    # END SOLUTION


def dequantize_q5_0(b: np.ndarray) -> np.ndarray:
    """x = d · (q - 16). uint8 (n, 22k) → float32 (n, 32k)."""
    # BEGIN SOLUTION
    blocks = b.reshape(-1, 22)
    q = _unpack(blocks[:, 6:]) | np.unpackbits(blocks[:, 2:6], axis=1, bitorder="little") << 4
    return (_floats(blocks[:, :2]) * (q.astype(np.int8) - 16)).reshape(len(b), -1)
    # END SOLUTION


def dequantize_q4_k(b: np.ndarray) -> np.ndarray:
    """Q4_K: blocks of 256 weights in 144 bytes, as 8 sub-blocks of 32 with a scale and a minimum each. uint8 (n, 144k) → float32 (n, 256k).

    Bytes: d (float16), e (float16), 12 bytes of scales S, 128 bytes of nibbles. With s_j, m_j the 6-bit scale and minimum of sub-block j:

        x = (d · s_j) · q - (e · m_j)

    - j = 0 … 3: s_j = S[j] & 63, m_j = S[j+4] & 63.
    - j = 4 … 7: s_j = (S[j+4] & 15) | (S[j-4] >> 6) << 4, m_j = (S[j+4] >> 4) | (S[j] >> 6) << 4.
    - The nibbles come in four groups of 32 bytes: the low halves of group g are sub-block 2g, its high halves sub-block 2g + 1.
    """
    # BEGIN SOLUTION
    blocks = b.reshape(-1, 144)
    d, e = _floats(blocks[:, :2]), _floats(blocks[:, 2:4])
    low, middle, high = blocks[:, 4:16].reshape(-1, 3, 4).transpose(1, 0, 2)
    s = np.concatenate([low & 63, (high & 15) | (low >> 6) << 4], 1)  # (blocks, 8)
    m = np.concatenate([middle & 63, (high >> 4) | (middle >> 6) << 4], 1)
    groups = blocks[:, 16:].reshape(-1, 4, 1, 32)
    q = np.concatenate([groups & 15, groups >> 4], 2).reshape(-1, 8, 32)
    return ((d * s)[:, :, None] * q - (e * m)[:, :, None]).reshape(len(b), -1)
    # END SOLUTION


# BEGIN SOLUTION
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_PLAIN = {0: "<f4", 1: "<f2", 24: "<i1", 25: "<i2", 26: "<i4", 27: "<i8", 28: "<f8"}
_PACKED = {
    2: (32, 18, dequantize_q4_0),
    3: (32, 20, dequantize_q4_1),
    6: (32, 22, dequantize_q5_0),
    8: (32, 34, dequantize_q8_0),
    12: (256, 144, dequantize_q4_k),
}


class _Reader:
    def __init__(self, buf: bytes) -> None:
        self.buf, self.at = buf, 0

    def take(self, n: int) -> bytes:
        if self.at + n > len(self.buf):
            raise ValueError(f"the file ends at byte {len(self.buf)}, in the middle of something")
        self.at += n
        return self.buf[self.at - n : self.at]

    def number(self, code: str) -> Any:
        form = "<" + code
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self) -> str:
        return self.take(self.number("Q")).decode("utf-8")

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            if depth == 64:
                raise ValueError("lists are nested more than 64 deep")
            kind, length = self.number("I"), self.number("Q")
            return [self.value(kind, depth + 1) for _ in range(length)]
        if kind not in _SCALARS:
            raise ValueError(f"there is no value type {kind}")
        return self.number(_SCALARS[kind])


# END SOLUTION
def read_gguf(buf: bytes) -> tuple[dict, dict]:
    """Metadata and tensors of a GGUF file, version 3.

    Layout, all little-endian. A *string* is its length in bytes (u64) and then its UTF-8 bytes, without a terminating NUL.

    1. b"GGUF", version (u32), number of tensors (u64), number of metadata entries (u64).
    2. For each entry: its key (string), the type of its value (u32), the value. Types: 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32, 7 bool (one
       byte), 8 string, 9 array (type of its items (u32), how many (u64), the items one after another; items may be arrays too), 10 u64, 11 i64,
       12 f64.
    3. For each tensor: its name (string), number of dimensions (u32), the dimensions (u64 each) **in reverse**, fastest first: a (2, 3)
       array has 3, 2; its type (u32), and its offset (u64) **from the start of the data section**.
    4. Zeros up to a multiple of the alignment; there the data section begins. The alignment is the metadata entry "general.alignment", else 32.

    Tensor types: 0 float32, 1 float16, 24 int8, 25 int16, 26 int32, 27 int64, 28 float64, and the blocks 2 Q4_0, 3 Q4_1, 6 Q5_0, 8 Q8_0, 12 Q4_K.

    Returns (metadata, tensors), both in the order of the file: metadata as bool, int, float, str and list; tensors as NumPy arrays in
    their shape and dtype, those of blocks dequantized to float32. Their order in the data section may be any.

    Raises ValueError when the first four bytes are others, the version is not 3, a type of a value or a tensor is not in these lists, the alignment
    is no whole number from 1, arrays are nested more than 64 deep, a tensor's offset is no multiple of the alignment, or the file ends too
    early, wherever that is: also inside of the last tensor. (A length may be any number up to 2^64: do not allocate anything before you
    know that it is there.)
    """
    # BEGIN SOLUTION
    reader = _Reader(buf)
    if reader.take(4) != b"GGUF":
        raise ValueError("this is no GGUF file")
    if (version := reader.number("I")) != 3:
        raise ValueError(f"version {version} is not 3")
    tensor_count, kv_count = reader.number("Q"), reader.number("Q")
    kv = {}
    for _ in range(kv_count):
        key = reader.string()
        kv[key] = reader.value(reader.number("I"))
    alignment = kv.get("general.alignment", 32)
    if type(alignment) is not int or alignment < 1:
        raise ValueError(f"the alignment is {alignment!r}, which is no whole number from 1")
    infos = []
    for _ in range(tensor_count):
        name = reader.string()
        shape = tuple(reader.number("Q") for _ in range(reader.number("I")))[::-1]
        infos.append((name, shape, reader.number("I"), reader.number("Q")))
    data = reader.at + -reader.at % alignment
    tensors = {}
    for name, shape, kind, offset in infos:
        if offset % alignment:
            raise ValueError(f"tensor {name} begins at {offset}, which is no multiple of {alignment}")
        reader.at = data + offset
        tensors[name] = _tensor(reader, shape, kind)
    return kv, tensors
    # END SOLUTION


# BEGIN SOLUTION
def _tensor(reader: _Reader, shape: tuple[int, ...], kind: int) -> np.ndarray:
    count = 1
    for n in shape:
        count *= n
    if kind in _PLAIN:
        dtype = np.dtype(_PLAIN[kind])
        return np.frombuffer(reader.take(count * dtype.itemsize), dtype).reshape(shape)
    if kind not in _PACKED:
        raise ValueError(f"there is no tensor type {kind}")
    weights, size, dequantize = _PACKED[kind]
    raw = np.frombuffer(reader.take(count // weights * size), np.uint8)
    return dequantize(raw.reshape(-1, size)).reshape(shape)


# END SOLUTION
def write_gguf(kv: dict, tensors: dict, alignment: int = 32) -> bytes:
    """A GGUF file, version 3, as `read_gguf` describes it.

    kv: metadata, in this order. Value types: bool 7; int 4 (u32) if it is from 0 to 2^32 - 1, else 11 (i64); float 12 (f64); str 8; list 9 (array).
        A list's items are of one kind, bool, int, float or str; its type is that of the items: of ints, 4 if all of them fit, else 11; of
        an empty list, 4.
    tensors: NumPy arrays of one dimension or more by name, in this order, also in the data section; float32, float16, int8, int16, int32,
    int64 or float64. They
        need not be contiguous.
    alignment: a multiple of 8. If it is not 32, an entry "general.alignment" (u32) is added as the last of the metadata (kv does not have it).

    The header, and the data of each tensor (the last too), are followed by zeros up to a multiple of the alignment.

    "GGUF", version 3, two counts of 0: 24 bytes, filled up to 32:

    >>> write_gguf({}, {}).hex()
    '4747554603000000000000000000000000000000000000000000000000000000'
    """
    # BEGIN SOLUTION
    if alignment != 32:
        kv = kv | {"general.alignment": alignment}
    kinds = {np.dtype(dtype): kind for kind, dtype in _PLAIN.items()}
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(kv))
    for key, value in kv.items():
        kind = _kind(value)
        out += _string(key) + struct.pack("<I", kind) + _value(value, kind)
    data = b""
    for name, array in tensors.items():
        out += _string(name) + struct.pack(f"<I{array.ndim}Q", array.ndim, *array.shape[::-1])
        out += struct.pack("<IQ", kinds[array.dtype], len(data))
        data += _padded(array.tobytes(), alignment)
    return _padded(out, alignment) + data
    # END SOLUTION


# BEGIN SOLUTION
def _padded(data: bytes, alignment: int) -> bytes:
    return data + bytes(-len(data) % alignment)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _kind(value: Any) -> int:
    if isinstance(value, bool):  # before int: True is one
        return 7
    if isinstance(value, int):
        return 4 if 0 <= value < 2**32 else 11
    return 12 if isinstance(value, float) else _STRING if isinstance(value, str) else _ARRAY


def _value(value: Any, kind: int) -> bytes:
    if kind == _STRING:
        return _string(value)
    if kind == _ARRAY:
        item = max([_kind(each) for each in value], default=4)  # ints: 11 if one of them needs it
        return struct.pack("<IQ", item, len(value)) + b"".join(_value(each, item) for each in value)
    return struct.pack("<" + _SCALARS[kind], value)


# END SOLUTION
