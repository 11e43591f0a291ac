"""Draws falcon1_block.svg: the order of heads in the fused matrix of three models, as split_qkv finds it, and two kinds of blocks."""

import itertools
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "falcon" / "falcon1_block" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "falcon1_block", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=[1.25, 1], layout="constrained")

# Left: whose place is it? A row of numbers goes through split_qkv, and the numbers say where each head was.
axis = axes[0]
H = 4
rows = (("mha", 4, "Falcon-RW"), ("mqa", 1, "Falcon 7B"), ("gqa", 2, "Falcon 40B"))
for y, (kind, n, name) in enumerate(rows):
    row = torch.arange(float(H + 2 * n)).view(1, 1, -1)
    for letter, part, shade in zip("qkv", reference["split_qkv"](row, kind, H, n, 1), (0.35, 0.65, 0.95), strict=True):
        heads = part.flatten().int().tolist()
        for h, place in enumerate(heads):
            group = h // (len(heads) // n)
            axis.add_patch(plt.Rectangle((place + 0.04, -y - 0.3), 0.92, 0.6, color=f"C{group}", alpha=shade, lw=0))
            axis.text(place + 0.5, -y, f"{letter}{h}", ha="center", va="center", color="white" if shade > 0.5 else "black")
    axis.text(-0.3, -y, f"{kind}\n{name}", ha="right", va="center")
axis.set(title="One row of the fused output, four query heads", xlim=(-3.2, 12.2), ylim=(-2.6, 0.6))
axis.axis("off")

# Right: one block after the other way, from below.
axis = axes[1]


def box(x, y, text, color="0.85"):
    axis.add_patch(plt.Rectangle((x - 0.8, y - 0.35), 1.6, 0.7, facecolor=color, edgecolor="0.4", alpha=0.6))
    axis.text(x, y, text, ha="center", va="center")


def arrow(points):
    for start, end in itertools.pairwise(points):
        last = end == points[-1]
        axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>" if last else "-", "color": "0.3", "shrinkA": 0, "shrinkB": 0})


def plus(x, y):
    axis.text(x, y, "+", ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "0.4"})


arrow([(0, -0.6), (0, 7.6)])  # one after the other
for low, part in ((0, "attention"), (3.6, "mlp")):
    arrow([(0, low), (2, low), (2, low + 0.4)])
    box(2, low + 0.75, "norm", "C2")
    arrow([(2, low + 1.1), (2, low + 1.5)])
    box(2, low + 1.85, part)
    arrow([(2, low + 2.2), (2, low + 2.8), (0.3, low + 2.8)])
    plus(0, low + 2.8)
arrow([(4.6, -0.6), (4.6, 7.6)])  # side by side
arrow([(4.6, 0), (7.5, 0), (7.5, 1.4)])
box(7.5, 1.75, "norm", "C2")
for x, part in ((6.5, "attention"), (8.5, "mlp")):
    arrow([(7.5, 2.1), (7.5, 2.6), (x, 2.6), (x, 3.2)])
    box(x, 3.55, part)
arrow([(8.5, 3.9), (8.5, 5.4), (4.9, 5.4)])
arrow([(6.5, 3.9), (6.5, 5.3)])
plus(4.6, 5.4)
axis.text(1, 8.1, "one after the other", ha="center")
axis.text(6.6, 8.1, "side by side (Falcon 7B)", ha="center")
axis.set(xlim=(-0.6, 9.6), ylim=(-0.9, 8.6))
axis.axis("off")
figure.savefig(HERE / "falcon1_block.svg", metadata={"Date": None})
