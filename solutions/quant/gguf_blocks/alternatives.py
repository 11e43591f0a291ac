"""Right implementations of quant/gguf_blocks, done differently."""

import io
import math
import struct

import numpy as np

from autograder.checks import alternative


@alternative("one block at a time, with struct")
def quantize_q8_0(x):
    rows = []
    for row in x:
        out = b""
        for block in np.split(row, len(row) // 32):
            d = np.float32(np.abs(block).max()) / np.float32(127)
            codes = [math.copysign(math.floor(abs(float(v) / float(d)) + 0.5), v) if d else 0 for v in block]
            out += struct.pack("<e32b", d, *map(int, codes))
        rows.append(np.frombuffer(out, np.uint8))
    return np.stack(rows)


@alternative("one block at a time, with struct")
def quantize_q4_0(x):
    rows = []
    for row in x:
        out = b""
        for block in row.reshape(-1, 32):
            d = max(block.tolist(), key=abs) / -8
            codes = [min(15, int(v / d + 8.5)) if d else 8 for v in block.tolist()]
            out += struct.pack("<e", d) + bytes(a + 16 * b for a, b in zip(codes[:16], codes[16:], strict=True))
        rows.append(np.frombuffer(out, np.uint8))
    return np.stack(rows)


@alternative("multiplied by 1 / d")
def quantize_q4_1(x):
    blocks = x.reshape(-1, 2, 16)
    m = blocks.min((1, 2))
    d = (blocks.max((1, 2)) - m) / np.float32(15)
    inverse = np.where(d == 0, 0, 1 / np.where(d == 0, 1, d))
    q = np.minimum(15, ((blocks - m[:, None, None]) * inverse[:, None, None] + 0.5).astype(np.int32))
    out = np.empty((len(blocks), 20), np.uint8)
    out[:, 0:2] = d.astype(np.float16)[:, None].view(np.uint8)
    out[:, 2:4] = m.astype(np.float16)[:, None].view(np.uint8)
    out[:, 4:] = q[:, 0] + 16 * q[:, 1]
    return out.reshape(len(x), -1)


@alternative("the fifth bits as a sum of powers")
def quantize_q5_0(x):
    out = np.empty((x.size // 32, 22), np.uint8)
    for block, into in zip(x.reshape(-1, 32), out, strict=True):
        d = block[np.argmax(np.abs(block))] / np.float32(-16)
        q = [min(31, int(float(v) / float(d) + 16.5)) if d else 16 for v in block]
        into[0:2] = np.frombuffer(struct.pack("<e", d), np.uint8)
        into[2:6] = np.frombuffer(struct.pack("<I", sum((c >> 4) << j for j, c in enumerate(q))), np.uint8)
        into[6:] = [(q[j] % 16) | (q[j + 16] % 16) << 4 for j in range(16)]
    return out.reshape(len(x), -1)


@alternative("structured dtypes")
def dequantize_q5_0(b):
    raw = np.ascontiguousarray(b).reshape(-1).view(np.dtype([("d", "<f2"), ("h", "<u4"), ("q", "u1", 16)]))
    low = np.concatenate([raw["q"] & 0xF, raw["q"] >> 4], axis=1).astype(np.int32)
    fifth = (raw["h"][:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return (
        ((low + 16 * fifth.astype(np.int32) - 16) * raw["d"].astype(np.float32)[:, None])
        .astype(np.float32)
        .reshape(len(b), -1)
    )


@alternative("one sub-block at a time")
def dequantize_q4_k(b):
    out = []
    for block in b.reshape(-1, 144):
        d, e = np.frombuffer(block[:4].tobytes(), "<f2").astype(np.float32)
        s, q = [int(v) for v in block[4:16]], block[16:]
        for j in range(8):
            if j < 4:
                scale, low = s[j] % 64, s[j + 4] % 64
            else:
                scale, low = s[j + 4] % 16 + 16 * (s[j - 4] // 64), s[j + 4] // 16 + 16 * (s[j] // 64)
            part = q[32 * (j // 2) : 32 * (j // 2) + 32]
            codes = part >> 4 if j % 2 else part & 15
            out.append(d * np.float32(scale) * codes.astype(np.float32) - e * np.float32(low))
    return np.concatenate(out).reshape(len(b), -1)


@alternative("written into a stream, header first")
def write_gguf(kv, tensors, alignment=32):
    f = io.BytesIO()
    kv = dict(kv)
    if alignment != 32:
        kv["general.alignment"] = alignment

    def string(s):
        f.write(len(s.encode("utf-8")).to_bytes(8, "little") + s.encode("utf-8"))

    def kind(v):
        if type(v) in (bool, str, float, list):
            return {bool: 7, str: 8, float: 12, list: 9}[type(v)]
        return 4 if 0 <= v <= 0xFFFFFFFF else 11

    def value(v, k):
        if k == 8:
            string(v)
        elif k == 9:
            kinds = [kind(each) for each in v]
            k = 4 if not v else 11 if 11 in kinds else kinds[0]
            f.write(struct.pack("<IQ", k, len(v)))
            for each in v:
                value(each, k)
        else:
            f.write(struct.pack({4: "<I", 7: "<?", 11: "<q", 12: "<d"}[k], v))

    def fill():
        while f.tell() % alignment:
            f.write(b"\0")

    types = {"f4": 0, "f2": 1, "i1": 24, "i2": 25, "i4": 26, "i8": 27, "f8": 28}
    f.write(b"GGUF" + struct.pack("<I", 3) + struct.pack("<Q", len(tensors)) + struct.pack("<Q", len(kv)))
    for key, v in kv.items():
        string(key)
        f.write(struct.pack("<I", kind(v)))
        value(v, kind(v))
    offset = 0
    for name, array in tensors.items():
        string(name)
        f.write(struct.pack("<I", array.ndim))
        for n in reversed(array.shape):
            f.write(struct.pack("<Q", n))
        f.write(struct.pack("<IQ", types[array.dtype.str[1:]], offset))
        offset = -(-(offset + array.nbytes) // alignment) * alignment
    fill()
    for array in tensors.values():
        f.write(np.ascontiguousarray(array).tobytes())
        fill()
    return f.getvalue()
