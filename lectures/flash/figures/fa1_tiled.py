"""Draws fa1_tiled.svg: what lies in slow and in fast memory, which tiles causal attention computes, and the traffic that is saved."""

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
BLUE, RED, GREY, LIGHT, PALE = "#1f5fa8", "#c0392b", "#888888", "#cfe0f3", "#f2f2f2"

figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained", width_ratios=[1.55, 1, 1])

# Left: everything is in slow memory; one block of each, and the tile of scores, are in fast memory.
axis = axes[0]
BLOCKS, SLOW, FAST = 5, 0.0, 6.3
axis.add_patch(plt.Rectangle((SLOW, 0), 4.6, 7.6, facecolor="none", edgecolor=GREY))
axis.add_patch(plt.Rectangle((FAST, 1.6), 4.7, 4.6, facecolor="none", edgecolor=BLUE, lw=2))
axis.text(SLOW + 2.3, 7.8, "slow memory (HBM)", ha="center")
axis.text(FAST + 2.35, 6.4, "fast memory (SRAM)", ha="center", color=BLUE)
for column, (name, block) in enumerate((("k", 1), ("v", 1), ("q", 3), ("o, m, l", 3))):
    x = SLOW + 0.35 + 1.05 * column
    axis.text(x + 0.37, 6.95, name, ha="center")
    for number in range(BLOCKS):
        color = (LIGHT if column < 2 else "#f6c9a8") if number == block else PALE
        axis.add_patch(plt.Rectangle((x, 5.5 - 1.2 * number), 0.75, 1.1, facecolor=color, edgecolor="white"))
fast = {"k": (0.3, 3.6, LIGHT), "v": (1.3, 3.6, LIGHT), "q": (0.3, 2.0, "#f6c9a8"), "o, m, l": (1.3, 2.0, "#f6c9a8")}
for name, (x, y, color) in fast.items():
    axis.add_patch(plt.Rectangle((FAST + x, y), 0.85, 1.2, facecolor=color, edgecolor="white"))
    axis.text(FAST + x + 0.43, y + 0.6, name.replace(", ", "\n"), ha="center", va="center", fontsize=9)
axis.add_patch(plt.Rectangle((FAST + 2.7, 2.4), 1.6, 1.9, facecolor="#f3d3cf", edgecolor=RED))
axis.text(FAST + 3.5, 3.35, "scores\nof one tile", ha="center", va="center", fontsize=9)
axis.text(FAST + 3.5, 4.9, "never\nleaves", ha="center", va="center", fontsize=9, color=RED)
arrow = {"arrowstyle": "-|>", "lw": 1.6}
axis.annotate("", (FAST, 4.6), (SLOW + 4.6, 4.6), arrowprops=arrow | {"color": BLUE})
axis.annotate("", (FAST, 2.9), (SLOW + 4.6, 2.9), arrowprops=arrow | {"color": "#c8641b"})
axis.annotate("", (SLOW + 4.6, 2.2), (FAST, 2.2), arrowprops=arrow | {"color": "#c8641b"})
axis.text(5.45, 4.8, "once", ha="center", va="bottom", fontsize=9, color=BLUE)
axis.text(5.45, 3.05, "for each\nblock of k", ha="center", va="bottom", fontsize=8, color="#c8641b")
axis.text(5.45, 1.95, "o, m, l", ha="center", va="top", fontsize=8, color="#c8641b")
axis.set(title="What moves where", xlim=(-0.2, 11.3), ylim=(-0.3, 8.6))
axis.axis("off")

# Middle: a tile is computed when its keys, made nan, reach some query of its rows: asked of the reference itself.
T, Br, Bc = 14, 4, 3
rows, columns = math.ceil(T / Br), math.ceil(T / Bc)
axis = axes[1]
number = 0
for j in range(columns):
    k = torch.zeros(1, 1, T, 1)
    k[..., j * Bc : (j + 1) * Bc, :] = torch.nan
    m = reference["fa1_forward"](torch.ones(1, 1, T, 1), k, k, Br, Bc, causal=True)[1][0, 0]
    for i in range(rows):
        height, width = min(Br, T - i * Br), min(Bc, T - j * Bc)
        reached = bool(m[i * Br : (i + 1) * Br].isnan().any())
        number += reached
        color = LIGHT if reached else PALE
        axis.add_patch(plt.Rectangle((j * Bc, i * Br), width, height, facecolor=color, edgecolor="white", lw=2))
        hidden = [(t, key) for t in range(i * Br, i * Br + height) for key in range(j * Bc, j * Bc + width) if key > t]
        if reached:
            for t, key in hidden:  # masked inside of a tile that is computed
                axis.add_patch(plt.Rectangle((key + 0.06, t + 0.06), 0.88, 0.88, facecolor="#e6a49b", edgecolor="none"))
            axis.text(j * Bc + 0.25, (i + 1) * Br - Br + height - 0.35, str(number), color=BLUE, fontsize=10)
axis.set(title=f"Order of the tiles, causal, T = S = {T}", xlabel=f"key (Bc = {Bc})", ylabel=f"query (Br = {Br})")
axis.set(xlim=(0, T), ylim=(T, 0), aspect="equal", xticks=range(0, T, Bc), yticks=range(0, T, Br))
handles = [
    plt.Rectangle((0, 0), 1, 1, facecolor=c, edgecolor=GREY, lw=0.6, label=t)
    for c, t in (("#e6a49b", "masked"), (PALE, "skipped"))
]
axis.legend(handles=handles, loc="upper right", fontsize=8, frameon=False)

axis = axes[2]
lengths = [2**n for n in range(8, 16)]
for algo, color, label in (("std", RED, "standard"), ("flash", BLUE, "FlashAttention")):
    moved = [reference["hbm_accesses"](t, 64, 98304, algo) for t in lengths]
    axis.loglog(lengths, moved, color=color, marker="o", ms=4, label=label)
axis.set(title="Elements moved, one head, D = 64", xlabel="tokens", ylabel="reads and writes")
axis.set_xticks(lengths[::2], [str(n) for n in lengths[::2]])
axis.minorticks_off()
axis.legend(frameon=False)

for axis in axes[1:]:
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "fa1_tiled.svg", metadata={"Date": None})
