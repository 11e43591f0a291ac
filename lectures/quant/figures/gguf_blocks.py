"""Draws gguf_blocks.svg: which weight each nibble of a block holds, and the error of the formats. Bytes from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "gguf_blocks" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gguf_blocks", "svg.fonttype": "none", "font.size": 10})
BLUE, LIGHT, GREY = "#1f5fa8", "#b4cdea", "#888888"

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained", width_ratios=[1.7, 1])
for row, (name, size) in enumerate((("q4_0", 18), ("q5_0", 22))):
    zero = np.zeros((1, size), np.uint8)
    zero[0, :2] = np.frombuffer(np.float16(1).tobytes(), np.uint8)
    decode = reference[f"dequantize_{name}"]
    for byte in range(size):
        for half in (0, 1):
            changed = zero.copy()
            changed[0, byte] ^= 1 << (4 * half)
            moved = np.flatnonzero(decode(changed) != decode(zero))  # the weights that this half of the byte is part of
            nibble = len(moved) == 1 and byte >= size - 16
            left.add_patch(
                plt.Rectangle(
                    (byte, -2.6 * row - half), 0.94, 0.92, color=(BLUE if half else LIGHT) if nibble else "#dddddd"
                )
            )
            if nibble:
                left.text(
                    byte + 0.47,
                    -2.6 * row - half + 0.46,
                    str(moved[0]),
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color="white" if half else "black",
                )
    left.text(-0.3, -2.6 * row, name.upper(), ha="right", va="center")
    left.text(1, -2.6 * row, "d", ha="center", va="center", fontsize=9)
    if size == 22:
        left.text(4, -2.6 * row, "fifth\nbits", ha="center", va="center", fontsize=8)
left.set(xlim=(-2.5, 22.5), ylim=(-4.2, 1.6), yticks=[], xticks=[0.5, 4.5, 8.5, 12.5, 16.5, 20.5], xlabel="byte")
left.set_xticklabels([0, 4, 8, 12, 16, 20])
left.set_title("The weight in each half of a byte (above: low, below: high)")

x = np.random.default_rng(0).standard_normal((512, 256)).astype(np.float32)
for name, bits in (("q4_0", 4.5), ("q4_1", 5.0), ("q5_0", 5.5), ("q8_0", 8.5)):
    error = reference[f"dequantize_{name}"](reference[f"quantize_{name}"](x)) - x
    rms = float(np.sqrt((error**2).mean()))
    right.plot(bits, rms, "o", color=BLUE)
    right.annotate(
        f"{name.upper()}: {rms:.3f}",
        (bits, rms),
        xytext=(6, -9 if name == "q4_1" else 4),
        textcoords="offset points",
        fontsize=9,
    )
right.set_yscale("log")
right.set(
    title="Error of normal weights",
    xlabel="bits a weight",
    ylabel="root mean square error",
    xlim=(4, 10),
    ylim=(0.003, 0.2),
)
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
left.spines["left"].set_visible(False)
figure.savefig(HERE / "gguf_blocks.svg", metadata={"Date": None})
