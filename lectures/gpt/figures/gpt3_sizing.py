"""Draws gpt3_sizing.svg: what the parameters of the eight models are, and the masks of a dense and a banded layer."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "gpt3_sizing" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gpt3_sizing", "svg.fonttype": "none", "font.size": 10})
params, paper = reference["gpt_params"], reference["PAPER"]

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), width_ratios=[1.7, 1, 1], layout="constrained")

# Left: without layers only embeddings and the last norm are left.
axis = axes[0]
for row, (L, C) in enumerate(paper.values()):
    share = params(0, C) / params(L, C)
    axis.barh(row, share, color="tab:orange")
    axis.barh(row, 1 - share, left=share, color="tab:blue")
    axis.text(1.02, row, f"{share:.1%}", va="center")
axis.set(title="Embeddings (orange) and layers (blue)", xlabel="share of all parameters", xlim=(0, 1.2), ylim=(7.6, -0.6))
axis.set_yticks(range(len(paper)), paper)
axis.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
axis.tick_params(axis="y", length=0)
axis.spines[:].set_visible(False)

# Right: which keys a query sees.
T, window = 12, 4
for axis, layer, title in ((axes[1], 0, "Even layers: dense"), (axes[2], 1, "Odd layers: a band of 4")):
    axis.imshow(reference["sparse_mask"](T, window, layer), cmap="Blues", vmin=0, vmax=1.3)
    axis.set(title=title, xlabel="key", xticks=range(0, T, 2), yticks=range(0, T, 2))
    axis.set_xticks([n - 0.5 for n in range(1, T)], minor=True)
    axis.set_yticks([n - 0.5 for n in range(1, T)], minor=True)
    axis.grid(which="minor", color="white", lw=1)
    axis.tick_params(which="both", length=0)
axes[1].set_ylabel("query")
figure.savefig(HERE / "gpt3_sizing.svg", metadata={"Date": None})
