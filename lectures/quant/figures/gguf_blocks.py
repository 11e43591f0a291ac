"""Draws gguf_blocks.svg: a block's weights and levels, its bytes, and the bits of Q4_K's scales. Everything is asked of the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "gguf_blocks" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gguf_blocks", "svg.fonttype": "none", "font.size": 10})
BLUE, LIGHT, GREY, ORANGE, PALE = "#1f5fa8", "#b4cdea", "#888888", "#c8641b", "#f6c9a8"

figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(10, 7.4), layout="constrained", height_ratios=[1.5, 1, 1])

# Top: a block, its levels, and what comes back.
x = np.random.default_rng(5).standard_normal((1, 32)).astype(np.float32)
block = reference["quantize_q4_0"](x)
back = reference["dequantize_q4_0"](block)[0]
d = float(block[0, :2].view("<f2")[0])
for level in range(-8, 8):
    top.axhline(d * level, color="#dddddd", lw=0.8, zorder=0)
top.bar(range(32), x[0], color=[LIGHT] * 16 + [BLUE] * 16, width=0.8)
top.plot(range(32), back, "_", color="black", ms=9, mew=1.6)
largest = int(np.abs(x).argmax())
top.annotate(
    "the largest: code 0",
    (largest, back[largest]),
    xytext=(largest + 1.2, back[largest] * 0.94),
    va="center",
    fontsize=9,
)
top.set(
    title=f"32 weights of a block, the 16 levels of Q4_0 (d = {d:.3f}), and what comes back (black)", xlim=(-0.7, 31.7)
)
top.set_xticks(range(0, 32, 4))
top.set_ylabel("weight")

# Middle: which weights change when a half of a byte changes.
zero = np.zeros((1, 18), np.uint8)
zero[0, :2] = np.frombuffer(np.float16(1).tobytes(), np.uint8)
decode = reference["dequantize_q4_0"]
for byte in range(18):
    for half in (0, 1):
        changed = zero.copy()
        changed[0, byte] ^= 1 << (4 * half)
        moved = np.flatnonzero(decode(changed) != decode(zero))
        nibble = len(moved) == 1
        color = (BLUE if half else LIGHT) if nibble else "#dddddd"
        middle.add_patch(plt.Rectangle((byte, -half), 0.94, 0.92, color=color))
        if nibble:
            ink = "white" if half else "black"
            middle.text(byte + 0.47, 0.46 - half, str(moved[0]), ha="center", va="center", fontsize=9, color=ink)
middle.text(1, 0, "d", ha="center", va="center", fontsize=11)
middle.set(title="Its 18 bytes, and the weight in each half", xlim=(-2.4, 18.2), ylim=(-1.2, 1.1), xlabel="byte")
middle.set_xticks([n + 0.47 for n in range(18)], [str(n) for n in range(18)])
middle.set_yticks([0.46, -0.54], ["low half", "high half"])

# Bottom: flip each bit of the twelve bytes, and see which sub-block moves, by its scale or by its minimum.
zero = np.zeros((1, 144), np.uint8)
zero[0, :4] = np.frombuffer(np.float16([1, 1]).tobytes(), np.uint8)
zero[0, 16:] = 0x11  # every code is 1, so that scales show as well as minima
decode = reference["dequantize_q4_k"]
for byte in range(12):
    for bit in range(8):
        changed = zero.copy()
        changed[0, 4 + byte] ^= 1 << bit
        moved = (decode(changed) - decode(zero))[0].reshape(8, 32)[:, 0]
        sub_block = int(np.flatnonzero(moved)[0])
        scale = moved[sub_block] > 0
        x0, y0 = byte + (7 - bit) / 8, 0
        color = (LIGHT if sub_block < 4 else BLUE) if scale else (PALE if sub_block < 4 else ORANGE)
        bottom.add_patch(plt.Rectangle((x0, y0), 0.115, 0.9, color=color))
        if bit in (0, 6) or (byte >= 8 and bit == 4):
            width = 2 if bit == 6 else 4 if byte >= 8 else 6
            name = f"{'s' if scale else 'm'}{sub_block}"
            middle_of = byte + (8 - bit - width / 2) / 8
            if byte < 8 or bit != 6:
                high = bit == 6
                bottom.text(middle_of, 1.0 if high else 0.45, name, ha="center", va="bottom" if high else "center",
                            fontsize=8 if high else 9, color="white" if sub_block >= 4 and not high else "black")  # fmt: skip
bottom.set(title="The 12 bytes of scales (s) and minima (m) of Q4_K, bit by bit, the highest first", xlabel="byte")
bottom.set(xlim=(-0.1, 12.1), ylim=(-0.1, 1.4), yticks=[])
bottom.set_xticks([n + 0.5 for n in range(12)], [str(n) for n in range(12)])
for axis in (top, middle, bottom):
    axis.spines[["top", "right"]].set_visible(False)
for axis in (middle, bottom):
    axis.spines["left"].set_visible(False)
    axis.tick_params(length=0)
figure.savefig(HERE / "gguf_blocks.svg", metadata={"Date": None})
