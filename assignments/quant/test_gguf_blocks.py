"""Public checks of quant/gguf_blocks: run `pytest` on this file, or `autograder check quant/gguf_blocks`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import struct
import numpy as np
from autograder.checks import Tolerance, again, case, check, difference, raises, reject


FLOAT = Tolerance(atol=1e-6, rtol=1e-6)


def block_weights(rng, rows, blocks, form, tight=True):
    """Rows of blocks whose entries lie near codes, half of them (`tight`) just on their side of an edge: with a scale that was
    rounded to float16 they would fall on the other."""
    low, high = {"q8_0": (-127, 127), "q4_0": (-7, 7), "q4_1": (0, 15), "q5_0": (-15, 15)}[form]
    n = rows * blocks
    u = rng.python
    x = np.zeros((n, 32))
    for row in x:
        d = u.uniform(0.01, 2.0) * (u.choice([-1, 1]) if form != "q4_1" else 1)
        for j in range(32):
            k = u.randint(low, high)
            side = u.uniform(-0.3, 0.3) if not tight or j % 2 else u.choice([-0.4993, 0.4993])
            edge = (side > 0 and k == high) or (side < 0 and k == low)
            row[j] = d * (k + (0.0 if edge else side))
        ends = u.sample(range(32), 2)
        if form == "q4_1":
            row[ends[0]], row[ends[1]] = 0.0, 15 * d
            row += d * u.uniform(-9, 2)
        else:
            row[ends[0]] = {"q8_0": u.choice([-127, 127]), "q4_0": -8, "q5_0": -16}[form] * d
    return {"x": x.astype(np.float32).reshape(rows, blocks * 32)}


def quarters(rng, form, ramp=0, flat=False):
    """Whole numbers that stand for quarters: exact halves (`flat`: constant blocks), which no last bit moves."""
    if flat:
        return {"x": np.array([[0] * 32 + [12] * 32, [-20] * 32 + [0] * 32], dtype=np.int64)}
    if form == "q8_0":
        x = [-127 * 4, 2, 6, 10, -2, -6, -10, 127 * 4, *(4 * k + 2 for k in range(-12, 12))]
    elif form == "q4_1":
        x = [0, 60, *(4 * (k % 15) + 2 for k in range(30))]
    else:
        largest = (
            32 if form == "q4_0" else 64
        ) * ramp  # of two, the first gives the scale; the other is beyond the last code
        x = [-largest, largest, *(4 * (k % 7) * (-1) ** k + 2 for k in range(30))]
    return {"x": np.array([x], dtype=np.int64)}


def some_weights(rng, exact=False, **rest):
    return quarters(rng, **rest) if exact else block_weights(rng, **rest)


def real(x):
    return x if x.dtype == np.float32 else (x / 4).astype(np.float32)


def fields(b, form):
    """What the bytes of blocks say: {"d": (n,), "m": (n,), "code": (n, 32)}. The scales in float16, the codes as they are stored."""
    size, start = {"q8_0": (34, 2), "q4_0": (18, 2), "q4_1": (20, 4), "q5_0": (22, 6)}[form]
    b = b.reshape(-1, size)
    found = {"d": b[:, :2].copy().view("<f2")[:, 0]}
    if form == "q4_1":
        found["m"] = b[:, 2:4].copy().view("<f2")[:, 0]
    if form == "q8_0":
        return found | {"code": b[:, 2:].view(np.int8)}
    code = np.concatenate([b[:, start:] & 15, b[:, start:] >> 4], 1)
    if form == "q5_0":
        code = code | np.unpackbits(b[:, 2:6], axis=1, bitorder="little") << 4
    return found | {"code": code}


def both_ways(quantize, x):
    """The blocks of x, and of x read from its end: what is returned for the first stays what it is."""
    return {"blocks": quantize(x), "read from the end": quantize(np.ascontiguousarray(x[:, ::-1]))}


def the_same_blocks(seen, want, case):
    return next(filter(None, (one_call(seen[name], want[name], case) for name in want)), None)


def one_call(seen, want, case):
    """Field by field. The sign of a scale of 0 is free: ggml's d = 0 / -8 is -0.0 (bytes 00 80), and 0.0 stands for the same."""
    if seen.shape != want.shape:
        return difference(seen, want)
    mine, right = fields(seen, case["form"]), fields(want, case["form"])
    for name in list(right)[:-1]:
        wrong = np.flatnonzero(mine[name] != right[name])  # nan differs from everything, and -0.0 is 0.0
        if len(wrong):
            block = int(wrong[0])
            return reject("The scale {name} of block {block} is {mine}; it should be {right}.",
                          name=name, block=block, mine=float(mine[name][block]), right=float(right[name][block]))  # fmt: skip
    wrong = np.argwhere(mine["code"] != right["code"])
    if len(wrong):
        block, j = wrong[0].tolist()
        return reject("The scales are right. Code {j} of block {block} is {mine}; it should be {right}.",
                      j=j, block=block, mine=int(mine["code"][block, j]), right=int(right["code"][block, j]))  # fmt: skip
    return None


@check(points=1, inputs=some_weights, judge=the_same_blocks, lecture='scales-and-codes', public=[case('one block', rows=1, blocks=1, form='q8_0', tight=False), case('one block, near the edges between codes', rows=1, blocks=1, form='q8_0'), case('halves, x in quarters', form='q8_0', exact=True)])
def q8_0_bytes(student, x):
    """quantize_q8_0 gives the bytes of ggml: a float16 scale and 32 signed codes for each block."""
    return both_ways(student.quantize_q8_0, real(x))


@check(points=2, inputs=some_weights, judge=the_same_blocks, lecture='scales-and-codes', public=[case('one block', rows=1, blocks=1, form='q4_0', tight=False), case('halves, x in quarters', form='q4_0', exact=True, ramp=1)])
def q4_0_bytes(student, x):
    """quantize_q4_0 gives the bytes of ggml: the scale from the largest entry with its sign, two codes 16 apart in each byte."""
    return both_ways(student.quantize_q4_0, real(x))


@check(points=1, inputs=some_weights, judge=the_same_blocks, lecture='scales-and-codes', public=[case('one block', rows=1, blocks=1, form='q4_1', tight=False), case('one block, near the edges between codes', rows=1, blocks=1, form='q4_1'), case('zeros, and constant blocks', form='q4_1', exact=True, flat=True)])
def q4_1_bytes(student, x):
    """quantize_q4_1 gives the bytes of ggml: a scale and a minimum for each block."""
    return both_ways(student.quantize_q4_1, real(x))


@check(points=1, inputs=some_weights, judge=the_same_blocks, lecture='scales-and-codes', public=[case('one block', rows=1, blocks=1, form='q5_0', tight=False)])
def q5_0_bytes(student, x):
    """quantize_q5_0 gives the bytes of ggml: the fifth bits of the codes in a field of 32, before the nibbles."""
    return both_ways(student.quantize_q5_0, real(x))


def raw_blocks(rng, rows, blocks, size, scales=1):
    """Random bytes, with scales that are small positive or negative float16 numbers."""
    b = rng.integers(0, 256, rows * blocks, size).numpy().astype(np.uint8)
    d = rng.uniform(-1, 1, rows * blocks, scales).numpy().astype("<f2")
    b[:, : 2 * scales] = d.view(np.uint8)
    return {"b": b.reshape(rows, blocks * size), "size": size}


@check(points=1, inputs=raw_blocks, tolerance=FLOAT, lecture='bytes-of-a-block', public=[case('Q8_0', rows=1, blocks=1, size=34), case('Q4_0', rows=1, blocks=1, size=18), case('Q4_1', rows=1, blocks=1, size=20, scales=2), case('Q5_0', rows=1, blocks=1, size=22)])
def blocks_are_decoded(student, b, size):
    """The four dequantizers give what the bytes stand for, as float32 in rows."""
    name = {34: "q8_0", 18: "q4_0", 20: "q4_1", 22: "q5_0"}[size]
    decode = getattr(student, f"dequantize_{name}")
    return {"blocks": decode(b), "others": decode(with_other_ends(b, size))}


def with_other_ends(b, size):
    """The same blocks, but for the last byte of each, which holds codes."""
    other = b.reshape(-1, size).copy()
    other[:, -1] ^= 255
    return other.reshape(b.shape)


@check(points=1, inputs=raw_blocks, tolerance=Tolerance(atol=1e-05, rtol=1e-05), lecture='six-bit-scales', public=[case('one block', rows=1, blocks=1, size=144, scales=2)])
def q4_k_is_decoded(student, b, size):
    """dequantize_q4_k unpacks 6-bit scales and minima, and the nibbles of eight sub-blocks."""
    return {"blocks": student.dequantize_q4_k(b), "others": student.dequantize_q4_k(with_other_ends(b, size))}


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def array(kind, items):
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def entry(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def info(name, dims, kind, offset):
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def gguf(entries=(), infos=(), data=b"", alignment=32, magic=b"GGUF", version=3):
    head = magic + struct.pack("<IQQ", version, len(infos), len(entries)) + b"".join(entries) + b"".join(infos)
    return head + bytes(-len(head) % alignment) + data


def a_file(rng, which):
    p = struct.pack
    numbers = [
        entry("u8", 0, p("<B", 200)), entry("i8", 1, p("<b", -5)), entry("u16", 2, p("<H", 60000)), entry("i16", 3, p("<h", -300)),
        entry("u32", 4, p("<I", 2**32 - 1)), entry("i32", 5, p("<i", -(2**31))), entry("f32", 6, p("<f", 0.25)), entry("yes", 7, b"\x01"),
        entry("no", 7, b"\x00"), entry("u64", 10, p("<Q", 2**63 + 1)), entry("i64", 11, p("<q", -(2**62))), entry("f64", 12, p("<d", 1e-300)),
    ]  # fmt: skip
    texts = [entry("general.name", 8, text("Größe 大")), entry("empty", 8, text("")), entry("nul", 8, text("a\0b\0"))]
    lists = [
        entry("tokens", 9, array(8, [text("<s>"), text("é"), text("")])),
        entry("scores", 9, array(6, [p("<f", -1.5), p("<f", 2.0)])),
        entry("flags", 9, array(7, [b"\x01", b"\x00"])),
        entry("nothing", 9, array(5, [])),
        entry("nested", 9, array(9, [array(4, [p("<I", 7)]), array(8, [text("x"), text("y")])])),
    ]
    floats = rng.normal(2, 3).numpy()
    halfs = rng.normal(3, 1, 5).numpy().astype("<f2")
    wide = rng.integers(-(2**40), 2**40, 4).numpy()
    plain = floats.tobytes() + bytes(8) + halfs.tobytes() + bytes(2) + wide.tobytes()
    # So many blocks that a length which is a little wrong ends in another one; in one, two and three dimensions.
    packed, infos = b"", []
    for kind, size, dims in (
        (2, 18, [64, 2, 8]),
        (3, 20, [32, 40]),
        (6, 22, [32, 4, 10]),
        (8, 34, [1024]),
        (12, 144, [256, 256]),
    ):
        blocks = math.prod(dims) // (256 if kind == 12 else 32)
        b = raw_blocks(rng, blocks, 1, size, 2 if kind in (3, 12) else 1)["b"]
        infos.append(info(f"blk.{size}", dims, kind, len(packed)))
        packed += b.tobytes() + bytes(-b.nbytes % 32)
    small = [np.arange(3, dtype=t) - 1 for t in ("<i1", "<i2", "<i4", "<f8")]
    ints = b"".join(each.tobytes() + bytes(-each.nbytes % 32) for each in small)
    return {
        "buf": {
            "numbers": lambda: gguf(numbers),
            "texts": lambda: gguf(texts),
            "lists": lambda: gguf(lists),
            "nothing": lambda: gguf(),
            "plain": lambda: gguf(
                [], [info("a", [3, 2], 0, 0), info("b.weight", [5, 1, 3], 1, 32), info("c", [4], 27, 64)], plain
            ),
            "other order": lambda: gguf([], [info("c", [4], 27, 64), info("a", [3, 2], 0, 0)], plain),
            "ints": lambda: gguf([], [info(f"t{k}", [3], k, 32 * i) for i, k in enumerate((24, 25, 26, 28))], ints),
            "blocks": lambda: gguf(texts[:1], infos, packed),
            "alignment": lambda: gguf(
                [entry("general.alignment", 4, p("<I", 64)), *texts, entry("more", 8, text("x" * 24))],
                [info("a", [2, 3], 0, 64), info("b", [6], 0, 0)],
                floats.tobytes() + bytes(40) + floats.tobytes()[::-1],
                alignment=64,
            ),
            "alignment 8": lambda: gguf(
                [*texts, entry("general.alignment", 4, p("<I", 8))],
                [info("a", [2, 3], 0, 8), info("b", [1], 0, 0)],
                floats.tobytes()[:4] + bytes(4) + floats.tobytes(),
                alignment=8,
            ),
        }[which]()
    }


@check(points=1, inputs=a_file, lecture='the-file', public=[case('texts', which='texts'), case('three arrays', which='plain'), case('an alignment of 64', which='alignment')])
def a_file_is_read(student, buf):
    """read_gguf gives the metadata and the tensors, in their order, shapes and dtypes."""
    kv, tensors = again(student.read_gguf, buf)
    return {"metadata": list(kv.items()), "tensors": [(name, np.array(array)) for name, array in tensors.items()]}


def contents(rng, which, alignment=32):
    kv = {
        "mixed": {
            "yes": True,
            "n": 7,
            "zero": 0,
            "neg": -1,
            "big": 2**40,
            "edge": 2**32 - 1,
            "over": 2**32,
            "f": 0.1,
            "s": "大 é",
            "none": "",
        },
        "lists": {
            "i": [1, 2],
            "wide": [0, -2],
            "far": [3, 2**40],
            "f": [0.5],
            "s": ["a", "", "é"],
            "b": [True, False],
            "empty": [],
        },
    }.get(which, {"general.name": "tiny"})
    tensors = {}
    if which in ("tensors", "one"):
        tensors = {"a.weight": rng.normal(2, 3).numpy()}
    if which == "tensors":
        tensors["h"] = rng.normal(3, 1, 5).numpy().astype(np.float16)
        tensors["full"] = rng.normal(4, 8).numpy()
        for dtype in ("int8", "int16", "int32", "int64", "float64"):
            tensors[dtype] = rng.integers(-50, 50, 5).numpy().astype(dtype)
    return {"kv": kv, "tensors": tensors, "alignment": alignment, "transposed": which == "one"}


def the_same_files(seen, want):
    if len(seen) != len(want):
        return difference(seen, want)
    return next(filter(None, map(the_same_file, seen, want)), None)


def the_same_file(seen, want):
    if seen == want:
        return None
    at = next((i for i, (a, b) in enumerate(zip(seen, want, strict=False)) if a != b), min(len(seen), len(want)))
    return reject("The first {at} bytes are right. After {before} yours goes on with {mine}; it should go on with {right}.",
                  at=at, before=want[max(at - 16, 0) : at], mine=seen[at : at + 16], right=want[at : at + 16])


@check(points=1, inputs=contents, judge=the_same_files, lecture='the-file', public=[case('a name', which='name'), case('several tensors', which='tensors'), case('lists', which='lists')])
def a_file_is_written(student, kv, tensors, alignment, transposed):
    """write_gguf gives the file byte by byte: types, reversed dimensions, offsets into the data section, zeros between."""
    if transposed:
        tensors = {name: array.T for name, array in tensors.items()}
    more = {} if alignment == 32 else {"alignment": alignment}
    return [student.write_gguf(kv, tensors, **more), student.write_gguf(kv, tensors, alignment=16)]


TENSOR_TYPES = (0, 1, 2, 3, 6, 8, 12, 24, 25, 26, 27, 28)


def broken(rng, which):
    name = [entry("general.name", 8, text("tiny"))]
    data = np.arange(8, dtype="<f4").tobytes()
    good = gguf(name, [info("a", [8], 0, 0)], data)
    packed = gguf(name, [info("q", [32, 2], 8, 0)], bytes(68))
    p = struct.pack
    return {
        "bufs": [good]  # with one that is none of them, so that refusing everything is no answer
        + {
            "magic": [gguf(name, magic=b"GGML"), gguf(name, magic=b"FUGG"), b""],
            "version": [gguf(name, version=2), gguf(name, version=4), gguf(name, version=3 << 24)],
            "cut": [
                *(good[:n] for n in (3, 7, 15, 23, 30, 50, 70, 90, len(good) - 32, len(good) - 1)),
                packed[:-1],
                packed[:-34],
            ],
            "types": [
                gguf([entry("x", 13, b"\0" * 8)]),
                gguf([entry("x", 9, array(99, [b"\0"]))]),
                *(gguf(name, [info("a", [8], kind, 0)], data) for kind in range(40) if kind not in TENSOR_TYPES),
            ],
            "lengths": [
                gguf([text("k") + p("<IQ", 8, 2**62)]),
                gguf([p("<Q", 2**63)]),
                gguf([entry("x", 9, p("<IQ", 4, 2**60))]),
                gguf(name, [info("a", [2**40, 2**20], 0, 0)], data),
                gguf(name, [text("a") + p("<IQ", 2**32 - 1, 8)], data),
                b"GGUF" + p("<IQQ", 3, 0, 2**60),
                b"GGUF" + p("<IQQ", 3, 2**45, 0),
            ],
            "alignment": [
                gguf([entry("general.alignment", 4, p("<I", 0))], [info("a", [8], 0, 0)], data),
                gguf([entry("general.alignment", 5, p("<i", -32))], [info("a", [8], 0, 0)], data),
                gguf([entry("general.alignment", 8, text("32"))], [info("a", [8], 0, 0)], data),
                gguf([entry("general.alignment", 9, array(4, [p("<I", 32)]))], [info("a", [8], 0, 0)], data),
                gguf([entry("general.alignment", 7, b"\1")], [info("a", [8], 0, 0)], data),
            ],
            "nested": [gguf([entry("x", 9, p("<IQ", 9, 1) * (n - 1) + array(4, []))]) for n in (50_000, 64, 65)],
            "offset": [
                gguf(name, [info("a", [4], 0, 4)], data),
                gguf(name, [info("a", [4], 0, 2**40)], data),
                gguf([entry("general.alignment", 4, p("<I", 64))], [info("a", [4], 0, 32)], bytes(64), alignment=64),
            ],
        }[which]
    }


@check(points=1, inputs=broken, lecture='files-that-lie', public=[case('another magic', which='magic'), case('another version', which='version')])
def broken_files_are_refused(student, bufs):
    """read_gguf raises ValueError for a file that is broken, whatever is wrong with it, and for no other."""
    return [raises("ValueError", lambda buf=buf: student.read_gguf(buf)) for buf in bufs]
