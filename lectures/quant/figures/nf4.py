"""Draws nf4.svg: the levels where normal weights are, and the error against an even 4-bit grid. Levels and codes from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "nf4" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "nf4", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

w = torch.randn(4096, 64, generator=torch.Generator().manual_seed(0))
scaled = (w / w.abs().amax(1, keepdim=True)).flatten()
levels = reference["nf4_codebook"]()

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.7), layout="constrained", width_ratios=[1.4, 1])
heights, edges = torch.histogram(scaled, 80, range=(-1.0, 1.0), density=True)
left.stairs(heights, edges, fill=True, color="#d7dde5", label="weights / absmax of 64")
left.vlines(levels, 0, 1.35, color=BLUE, lw=1.3, label="levels of NF4")
left.vlines(torch.linspace(-1, 1, 15), -0.25, -0.05, color=RED, lw=1.3, label="an even grid")
left.axhline(0, color=GREY, lw=0.6)
left.set(title="Sixteen levels, dense where weights are", xlabel="w / absmax", yticks=[], ylim=(-0.3, 2.1))
left.legend(frameon=False, fontsize=9, loc="upper left", ncols=3)

sizes = [16, 32, 64, 128, 256, 512]
nf4, even = [], []
for block in sizes:
    packed, absmax = reference["quantize_nf4"](w, block=block)
    nf4.append(float((reference["dequantize_nf4"](packed, absmax, tuple(w.shape), block=block) - w).square().mean()))
    parts = w.view(-1, block)
    step = parts.abs().amax(1, keepdim=True) / 7
    even.append(float(((parts / step).round() * step - parts).square().mean()))
right.plot(sizes, even, color=RED, marker="s", ms=4, label="even grid, -7 … 7")
right.plot(sizes, nf4, color=BLUE, marker="o", ms=4, label="NF4")
right.set_xscale("log", base=2)
right.set(
    title="Mean squared error, normal weights", xlabel="block size", xticks=sizes, xticklabels=sizes, ylim=(0, None)
)
right.minorticks_off()
right.legend(frameon=False, fontsize=9, loc="upper left")
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
left.spines["left"].set_visible(False)
figure.savefig(HERE / "nf4.svg", metadata={"Date": None})
