"""Draws sliding_window_cache.svg: a mask with a window, the slots of a ring over time, and how far a token sees through layers."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "mistral" / "sliding_window_cache" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "sliding_window_cache", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), width_ratios=[1, 0.9, 1.25], layout="constrained")

# Left: who sees whom, W = 3.
axis = axes[0]
mask = reference["swa_mask"](8, 8, 3)
for i in range(8):
    for j in range(8):
        color = "C0" if mask[i, j] else "#deebf7" if j <= i else "white"
        axis.add_patch(plt.Rectangle((j, -i), 0.92, 0.92, facecolor=color, edgecolor="0.7", lw=0.6))
    axis.text(-0.4, 0.46 - i, str(i), ha="center", va="center", fontsize=9)
    axis.text(i + 0.46, 1.4, str(i), ha="center", va="center", fontsize=9)
axis.text(4, 2.2, "key", ha="center", va="center", fontsize=9)
axis.text(-1.2, -3, "query", ha="center", va="center", rotation=90, fontsize=9)
axis.text(4, -7.9, "dark: seen   light: older than the window", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="A window of 3", xlim=(-1.7, 8.4), ylim=(-8.4, 2.7))
axis.axis("off")

# Middle: the slots of a ring of three after each of eight tokens.
axis = axes[1]
cache = reference["RollingCache"](1, 1, 3, 1)
for position in range(8):
    one = torch.ones(1, 1, 1, 1)
    cache.append(one, one, torch.tensor([position]))
    for slot, kept in enumerate(cache.get()[2].tolist()):
        new = kept == position
        axis.add_patch(plt.Rectangle((1.3 * slot, -position), 1.2, 0.86, facecolor="C0" if new else "#c6dbef", edgecolor="0.6", lw=0.6))
        axis.text(1.3 * slot + 0.6, 0.43 - position, str(kept), ha="center", va="center", fontsize=9, color="white" if new else "0.2")
    axis.text(-0.3, 0.43 - position, f"after token {position}", ha="right", va="center", fontsize=9)
for slot in range(3):
    axis.text(1.3 * slot + 0.6, 1.4, f"slot {slot}", ha="center", va="center", fontsize=9)
axis.text(0.9, -7.9, "dark: written now", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="A cache of 3 slots", xlim=(-3.3, 4), ylim=(-8.4, 2.7))
axis.axis("off")

# Right: three layers; the tokens on which the last one depends.
axis = axes[2]
T, W, L = 10, 3, 3
reach = {T - 1}
for layer in range(L, -1, -1):
    below = set()
    for i in range(T):
        axis.plot(i, 2.4 * layer, "o", ms=9, color="C0" if i in reach else "0.85")
        if layer and i in reach:
            for j in reference["swa_mask"](T, T, W)[i].nonzero()[:, 0].tolist():
                axis.plot([i, j], [2.4 * layer, 2.4 * (layer - 1)], color="C0", lw=0.8, zorder=0)
                below.add(j)
    axis.text(-0.8, 2.4 * layer, f"layer {layer}" if layer else "tokens", ha="right", va="center", fontsize=9)
    assert len(reach) == reference["receptive_field"](L - layer, W)
    reach = below
axis.text(4.5, -1.2, "one token depends on 3, then 5, then 7 tokens", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="Three layers see further", xlim=(-3, 9.6), ylim=(-1.7, 8.2))
axis.axis("off")
figure.savefig(HERE / "sliding_window_cache.svg", metadata={"Date": None})
