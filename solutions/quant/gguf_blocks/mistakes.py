"""Wrong implementations of quant/gguf_blocks, and what a student should read about each."""

from autograder.checks import mistake

mistake(
    "You put neighbours into one byte. Byte j holds code j in its low half and code j + 16 in its high half.",
    edit={"(q[:, :16] & 15) | (q[:, 16:] & 15) << 4": "(q[:, ::2] & 15) | (q[:, 1::2] & 15) << 4"},
)
mistake(
    "Your nibbles are swapped: the first 16 codes are the low halves.",
    edit={"(q[:, :16] & 15) | (q[:, 16:] & 15) << 4": "(q[:, 16:] & 15) | (q[:, :16] & 15) << 4"},
)
mistake(
    "When decoding, you take the two nibbles of a byte for neighbours. They are 16 apart.",
    edit={"np.concatenate([b & 15, b >> 4], 1)": "np.stack([b & 15, b >> 4], 2).reshape(len(b), -1)"},
)
mistake(
    "You round halves to even (np.round) in Q8_0. ggml rounds them away from zero.",
    edit={"(scaled + np.copysign(0.5, scaled))": "np.round(scaled)"},
)
mistake(
    "You round halves up in Q8_0: -2.5 becomes -2. Away from zero it is -3.",
    edit={"(scaled + np.copysign(0.5, scaled))": "np.floor(scaled + 0.5)"},
)
mistake(
    "Your codes come from the scale after it was rounded to float16. Take the float32 one.",
    edit={
        "np.divide(x, d, out=np.zeros_like(x), where=d != 0)": "np.divide(x, d.astype(np.float16).astype(np.float32), "
        "out=np.zeros_like(x), where=d != 0)"
    },
)
mistake(
    "You store scales as float32. They take two bytes.",
    edit={'d.astype("<f2").view(np.uint8)': 'd.astype("<f4").view(np.uint8)'},
)
mistake(
    "Your Q8_0 scale divides by 128, which int8 does not have. Divide by 127.",
    edit={".max(1, keepdims=True) / 127": ".max(1, keepdims=True) / 128"},
)
mistake(
    "Your scale is max|x| / 8 (or / -8) without the sign. Take the entry of the largest |x| as it is: it gets the code 0.",
    edit={"np.take_along_axis(x, np.abs(x).argmax(1, keepdims=True), 1)": "-np.abs(x).max(1, keepdims=True)"},
)
mistake(
    "Your Q4_0 scale divides by 7 or by +8. It is M / -8.",
    edit={"_signed_absmax(blocks) / -8": "_signed_absmax(blocks) / 8"},
)
mistake(
    "You do not bound the codes by 15 (or 31): +8 becomes 16, and its fifth bit is lost.",
    edit={"np.minimum(x, largest)": "x"},
)
mistake(
    "You add 8 and cut off. To round, add 8.5.",
    edit={"_over(blocks, d) + 8.5, 15": "_over(blocks, d) + 8, 15"},
)
mistake(
    "Your Q4_1 divides the range by 16. Sixteen codes have 15 steps.",
    edit={"- m) / 15": "- m) / 16"},
)
mistake(
    "You subtract m after it was rounded to float16. The codes of Q4_1 come from the float32 one.",
    edit={"_over(blocks - m, d)": "_over(blocks - m.astype(np.float16).astype(np.float32), d)"},
)
mistake(
    "In Q4_1 the minimum stands before the scale. It is d, then m.",
    edit={"[_half(d), _half(m), _pack": "[_half(m), _half(d), _pack"},
)
mistake(
    "You write the float16 scales with their high byte first. All numbers in these formats are little-endian.",
    edit={'astype("<f2").view(np.uint8)': 'astype(">f2").view(np.uint8)'},
)
mistake(
    "You read the float16 scales with their high byte first. All numbers in these formats are little-endian.",
    edit={'b.view("<f2").astype(np.float32)': 'b.view(">f2").astype(np.float32)'},
)
mistake(
    "The fifth bits are in the wrong order: bit j of the little-endian number belongs to code j.",
    edit={'np.packbits(q >> 4, axis=1, bitorder="little")': "np.packbits(q >> 4, axis=1)"},
)
mistake(
    "A block of zeros is divided by 0.",
    edit={"np.divide(x, d, out=np.zeros_like(x), where=d != 0)": "(x / d)"},
)
mistake(
    "You forget to subtract 8 from the codes of Q4_0.",
    edit={"(_unpack(blocks[:, 2:]).astype(np.int8) - 8)": "_unpack(blocks[:, 2:]).astype(np.int8)"},
)
mistake(
    "You subtract in uint8, which wraps around below 0.",
    edit={"(_unpack(blocks[:, 2:]).astype(np.int8) - 8)": "(_unpack(blocks[:, 2:]) - np.uint8(8))"},
)
mistake(
    "You add the minimum in Q4_K. It is subtracted.",
    edit={"* q - (e * m)": "* q + (e * m)"},
)
mistake(
    "The upper two bits of scales 4 to 7 come from the upper bits of bytes 0 to 3, those of the minima from bytes 4 to 7.",
    edit={
        "(high & 15) | (low >> 6) << 4": "(high & 15) | (middle >> 6) << 4",
        "(high >> 4) | (middle >> 6) << 4": "(high >> 4) | (low >> 6) << 4",
    },
)
mistake(
    "You take the scales of Q4_K for whole bytes: they have six bits.",
    edit={"[low & 63,": "[low,", "[middle & 63,": "[middle,"},
)
mistake(
    "Your sub-blocks of Q4_K take the first 128 nibbles as low halves. Each group of 32 bytes is two sub-blocks.",
    edit={
        "np.concatenate([groups & 15, groups >> 4], 2).reshape": "np.concatenate([groups & 15, groups >> 4], 1).reshape"
    },
)
mistake(
    "You do not reverse the dimensions: the file lists the fastest first.",
    edit={
        'for _ in range(reader.number("I")))[::-1]': 'for _ in range(reader.number("I")))',
        "*array.shape[::-1])": "*array.shape)",
    },
)
mistake(
    "Your offsets count from the start of the file. They count from the start of the data section.",
    edit={
        "reader.at = data + offset": "reader.at = offset",
        'struct.pack("<IQ", kinds[array.dtype], len(data))': 'struct.pack("<IQ", kinds[array.dtype], len(out) + len(data))',
    },
)
mistake(
    "Your data section begins right after the header. It begins at a multiple of the alignment.",
    edit={"data = reader.at + -reader.at % alignment": "data = reader.at"},
)
mistake(
    "Your strings end with NUL. They have a length, and no end.",
    edit={'struct.pack("<Q", len(encoded)) + encoded': 'struct.pack("<Q", len(encoded) + 1) + encoded + b"\\0"'},
)
mistake(
    "The length of a string counts characters. It is bytes of UTF-8.",
    edit={'struct.pack("<Q", len(encoded)) + encoded': 'struct.pack("<Q", len(text)) + encoded'},
)
mistake(
    "You write True as an integer: bool is a kind of int in Python. Look for bool first.",
    edit={"    if isinstance(value, bool):  # before int: True is one\n        return 7\n": ""},
)
mistake(
    "You do not look at the version.",
    edit={"!= 3:": "< 0:"},
)
mistake(
    "You do not look at the magic.",
    edit={'if reader.take(4) != b"GGUF":': 'if reader.take(4) == b"":'},
)
mistake(
    "You ignore general.alignment, and take 32.",
    edit={'alignment = kv.get("general.alignment", 32)': "alignment = 32"},
)
mistake(
    "You hold offsets against 32. They are multiples of the file's own alignment.",
    edit={"if offset % alignment:": "if offset % 32:"},
)
mistake(
    "The type of your list is that of its first item. It is 11 as soon as one of its ints needs 64 bits.",
    edit={
        "max([_kind(each) for each in value], default=4)": "_kind(value[0]) if value else 4\n        value = [n % 2**32 if item == 4 else n for n in value]"
    },
)
mistake(
    "You make room for as many entries as the file claims to have. Its numbers may lie: read on, and stop where the file ends.",
    edit={"    infos = []\n": "    infos = [None] * tensor_count\n    infos.clear()\n"},
)
mistake(
    "You change the metadata that you were given. Add the alignment to a copy.",
    edit={'        kv = kv | {"general.alignment": alignment}': '        kv["general.alignment"] = alignment'},
)
mistake(
    "The last tensor is not filled up to the alignment.",
    edit={"return _padded(out, alignment) + data": "return _padded(out, alignment) + data.rstrip(b'\\0')"},
)
mistake(
    "A file that was cut off is read as if it was whole: slices of bytes may be shorter than you asked for. Check the length.",
    edit={
        '        if self.at + n > len(self.buf):\n            raise ValueError(f"the file ends at byte {len(self.buf)}, in the middle of something")\n': "        n = min(n, max(len(self.buf) - self.at, 0))\n"
    },
)
mistake(
    "You take the file's alignment as it is: 0 divides by zero, and a text is no number. Raise ValueError.",
    edit={"    if type(alignment) is not int or alignment < 1:\n": "    if False:\n"},
)
mistake(
    "You read lists in lists as deep as they go, until Python's stack is full. Raise ValueError at 64.",
    edit={"            if depth == 64:\n": "            if False:\n"},
)
mistake("An alignment of the type bool is taken for a number, as True is 1 in Python. It is no whole number.", edit={"if type(alignment) is not int or": "if not isinstance(alignment, int) or"})
mistake("Lists that are nested 64 deep are refused. Only deeper ones are.", edit={"if depth == 64:": "if depth == 63:"})
