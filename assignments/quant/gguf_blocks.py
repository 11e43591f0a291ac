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


def quantize_q8_0(x: np.ndarray) -> np.ndarray:
    """d = max|x| / 127; q = x / d, rounded to the nearest integer, halves away from zero. float32 (n, 32k) → uint8 (n, 34k).

    d = 1 (bytes 00 3C), q = -127, 1, 2, -3, 0, … (bytes 81 01 02 FD 00 …):

    >>> x = tensor([[-127.0, 0.5, 1.5, -2.5] + [0.0] * 28]).numpy()
    >>> quantize_q8_0(x)[0, :8].tolist()
    [0, 60, 129, 1, 2, 253, 0, 0]
    """
    # YOUR CODE HERE
    raise NotImplementedError("quantize_q8_0 is not written yet")


def dequantize_q8_0(b: np.ndarray) -> np.ndarray:
    """x = d · q. uint8 (n, 34k) → float32 (n, 32k)."""
    # YOUR CODE HERE
    raise NotImplementedError("dequantize_q8_0 is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("quantize_q4_0 is not written yet")


def dequantize_q4_0(b: np.ndarray) -> np.ndarray:
    """x = d · (q - 8). uint8 (n, 18k) → float32 (n, 32k)."""
    # YOUR CODE HERE
    raise NotImplementedError("dequantize_q4_0 is not written yet")


def quantize_q4_1(x: np.ndarray) -> np.ndarray:
    """m = min(x), d = (max(x) - min(x)) / 15; q = (x - m) / d + 0.5, cut off, and at most 15. float32 (n, 32k) → uint8 (n, 20k).

    x - m takes the float32 m, before it is rounded to float16.
    """
    # YOUR CODE HERE
    raise NotImplementedError("quantize_q4_1 is not written yet")


def dequantize_q4_1(b: np.ndarray) -> np.ndarray:
    """x = d · q + m. uint8 (n, 20k) → float32 (n, 32k)."""
    # YOUR CODE HERE
    raise NotImplementedError("dequantize_q4_1 is not written yet")


def quantize_q5_0(x: np.ndarray) -> np.ndarray:
    """As Q4_0 with codes 0 … 31 for -16 … 15: d = M / -16, q = x / d + 16.5, cut off, at most 31. float32 (n, 32k) → uint8 (n, 22k)."""
    # YOUR CODE HERE
    raise NotImplementedError("quantize_q5_0 is not written yet")


def dequantize_q5_0(b: np.ndarray) -> np.ndarray:
    """x = d · (q - 16). uint8 (n, 22k) → float32 (n, 32k)."""
    # YOUR CODE HERE
    raise NotImplementedError("dequantize_q5_0 is not written yet")


def dequantize_q4_k(b: np.ndarray) -> np.ndarray:
    """Q4_K: blocks of 256 weights in 144 bytes, as 8 sub-blocks of 32 with a scale and a minimum each. uint8 (n, 144k) → float32 (n, 256k).

    Bytes: d (float16), e (float16), 12 bytes of scales S, 128 bytes of nibbles. With s_j, m_j the 6-bit scale and minimum of sub-block j:

        x = (d · s_j) · q - (e · m_j)

    - j = 0 … 3: s_j = S[j] & 63, m_j = S[j+4] & 63.
    - j = 4 … 7: s_j = (S[j+4] & 15) | (S[j-4] >> 6) << 4, m_j = (S[j+4] >> 4) | (S[j] >> 6) << 4.
    - The nibbles come in four groups of 32 bytes: the low halves of group g are sub-block 2g, its high halves sub-block 2g + 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError("dequantize_q4_k is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("read_gguf is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("write_gguf is not written yet")
