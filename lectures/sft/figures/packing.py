"""Draws packing.svg: rows that are filled up beside packed rows, and the mask of the first packed row."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "sft" / "packing" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "packing", "svg.fonttype": "none", "font.size": 10})
lengths, cap = [10, 3, 7, 2, 5, 4, 2], 12
rows = reference["pack_bfd"](lengths, cap)
figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.3), width_ratios=[1.1, 1.1, 1], layout="constrained")


def draw(axis, rows, width, title):
    for y, row in enumerate(rows):
        x = 0
        for i in row:
            axis.add_patch(plt.Rectangle((x + 0.04, y - 0.4), lengths[i] - 0.08, 0.8, color=plt.cm.tab10(i), alpha=0.75, lw=0))
            axis.text(x + lengths[i] / 2, y, str(lengths[i]), ha="center", va="center", color="white", fontweight="bold")
            x += lengths[i]
        axis.add_patch(plt.Rectangle((x, y - 0.4), width - x, 0.8, facecolor="none", edgecolor="0.7", hatch="///", lw=0.5))
    axis.set(title=title, xlim=(-0.2, width + 0.2), ylim=(6.7, -0.7), xlabel="tokens", yticks=[])
    axis.spines[:].set_visible(False)


used = sum(lengths)
draw(axes[0], [[i] for i in range(len(lengths))], max(lengths), f"one each: {used} of {max(lengths) * len(lengths)} used")
draw(axes[1], rows, cap, f"packed: {used} of {cap * len(rows)} used")
row = next(row for row in rows if len(row) > 2)
cu = reference["pack_batch"]([([1] * lengths[i], [1] * lengths[i]) for i in row])["cu_seqlens"]
mask = reference["block_causal_mask"](cu)
owner = torch.cat([torch.full((lengths[i],), i) for i in row])
image = torch.ones(*mask.shape, 3)
for t, s in mask.nonzero().tolist():
    image[t, s] = torch.tensor(plt.cm.tab10(int(owner[s]))[:3]) * 0.75 + 0.25
axes[2].imshow(image)
axes[2].set(title="who sees whom in one row", xlabel="key", ylabel="query", xticks=[], yticks=[])
figure.savefig(HERE / "packing.svg", metadata={"Date": None})
