"""Draws qwen2_yarn_dca.svg: which pairs YaRN stretches, and the distances of dual chunk attention."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "qwen" / "qwen2_yarn_dca" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "qwen2_yarn_dca", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained", width_ratios=[1, 1.15])

D, base = 128, 1e6
old = base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
for factor, marker in ((2.0, "o"), (4.0, "s")):
    new, _ = reference["yarn_freqs"](D, base, factor, 32768)
    axes[0].plot(old / new, marker, ms=3.5, label=f"{factor:g} times as long")
axes[0].axvspan(23, 40, color="0.92", zorder=0)
axes[0].text(31.5, 4.25, "ramp", ha="center", color="0.35")
axes[0].set(title="How many times slower a pair turns", xlabel="pair (0 is the fastest)", ylabel="old angle / new angle", ylim=(0.8, 4.6))
axes[0].legend(frameon=False, loc="upper left")

T, chunk, local = 18, 6, 4
table = reference["dca_relative_positions"](T, chunk, local)
shown = table.double().masked_fill(table < 0, torch.nan)
axes[1].imshow(shown, cmap="YlGnBu", vmin=0, vmax=14)
for i in range(T):
    for j in range(i + 1):
        axes[1].text(j, i, int(table[i, j]), ha="center", va="center", fontsize=7.5)
for edge in range(chunk, T, chunk):
    axes[1].axhline(edge - 0.5, color="0.3", lw=1)
    axes[1].axvline(edge - 0.5, color="0.3", lw=1)
axes[1].set(title="Distances with chunks of 6, a window of 4", xlabel="key", ylabel="query", xticks=range(0, T, 3), yticks=range(0, T, 3))
axes[1].spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "qwen2_yarn_dca.svg", metadata={"Date": None})
