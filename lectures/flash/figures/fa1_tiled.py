"""Draws fa1_tiled.svg: which tiles causal attention computes, one query's running numbers, and the traffic it saves."""

import math
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "flash" / "fa1_tiled" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "fa1_tiled", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")

# Left: a tile is computed when its keys, made nan, reach some query of its rows: asked of the reference itself.
T, Br, Bc = 14, 4, 3
rows, columns = math.ceil(T / Br), math.ceil(T / Bc)
axis = axes[0]
number = 0
for j in range(columns):
    k = torch.zeros(1, 1, T, 1)
    k[..., j * Bc : (j + 1) * Bc, :] = torch.nan
    m = reference["fa1_forward"](torch.ones(1, 1, T, 1), k, k, Br, Bc, causal=True)[1][0, 0]
    for i in range(rows):
        height, width = min(Br, T - i * Br), min(Bc, T - j * Bc)
        reached = bool(m[i * Br : (i + 1) * Br].isnan().any())
        number += reached
        color = "#cfe0f3" if reached else "#f2f2f2"
        axis.add_patch(plt.Rectangle((j * Bc, i * Br), width, height, facecolor=color, edgecolor="white", lw=2))
        text = str(number) if reached else "skipped"
        axis.text(
            j * Bc + width / 2, i * Br + height / 2, text, ha="center", va="center",
            color=BLUE if reached else GREY, fontsize=11 if reached else 7,
        )  # fmt: skip
for t in range(T):
    axis.plot([t, t + 1, t + 1], [t, t, t + 1], color=RED, lw=1)
axis.set(title=f"Order of the tiles, causal, T = S = {T}", xlabel=f"key (Bc = {Bc})", ylabel=f"query (Br = {Br})")
axis.set(xlim=(0, T), ylim=(T, 0), aspect="equal")

# Middle: one query and twelve keys, a key a tile; the state after n tiles is the result for the first n keys.
scores = torch.tensor([0.0, -0.5, 0.3, 1.5, 1.0, 0.2, 2.6, 2.0, 0.5, 1.8, 2.2, 0.0])
values = torch.tensor([1.0, 2.0, 1.5, 4.0, 3.5, 3.0, 1.0, 1.5, 2.0, 3.0, 1.0, 2.5])
state = [
    reference["fa1_forward"](torch.ones(1, 1, 1, 1), scores[:n].view(1, 1, n, 1), values[:n].view(1, 1, n, 1), 1, 1)
    for n in range(1, len(scores) + 1)
]
axis = axes[1]
steps = range(1, len(scores) + 1)
axis.bar(steps, scores, color="#d7dde5", label="score")
axis.step(steps, [s[1].item() for s in state], where="mid", color=BLUE, label="m")
axis.plot(steps, [s[2].item() for s in state], color=GREY, marker=".", label="l")
axis.plot(steps, [s[0].item() for s in state], color=RED, marker="o", ms=4, label="o")
axis.set(title="What is carried for one query", xlabel="tiles seen", xticks=list(steps)[1::2], ylim=(-0.8, 6.4))
axis.legend(frameon=False, ncols=4, fontsize=8, loc="upper left", columnspacing=1, handlelength=1.4)

axis = axes[2]
lengths = [2**n for n in range(8, 16)]
for algo, color, label in (("std", RED, "scores written out"), ("flash", BLUE, "FlashAttention")):
    axis.loglog(
        lengths,
        [reference["hbm_accesses"](t, 64, 98304, algo) for t in lengths],
        color=color,
        marker="o",
        ms=4,
        label=label,
    )
axis.set(title="Elements moved, one head, D = 64", xlabel="T", ylabel="reads and writes")
axis.legend(frameon=False)

for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "fa1_tiled.svg", metadata={"Date": None})
