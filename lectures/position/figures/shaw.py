"""Draws shaw.svg: the row for each pair, the few products of a query with the table, and where they go, all from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "shaw" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "shaw", "svg.fonttype": "none", "font.size": 10})
T, K = 6, 2
index = reference["relative_index"](T, T, K)
generator = torch.Generator().manual_seed(4)
q, rk = torch.randn(T, 3, generator=generator), torch.randn(2 * K + 1, 3, generator=generator)
products = q @ rk.T  # (T, 2K + 1)
looked_up = products.gather(1, index)

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.5), width_ratios=[6, 5, 6], layout="constrained")
panels = [
    (index, plt.cm.viridis, "Row of the table, K = 2", "key", True),
    (products, plt.cm.coolwarm, "Query times each row", "row of the table", False),
    (looked_up, plt.cm.coolwarm, "Looked up for each pair", "key", False),
]
for axis, (numbers, colors, title, xlabel, whole) in zip(axes, panels, strict=True):
    numbers = numbers.double()
    low, high = (0, 2 * K) if whole else (-3.5, 3.5)
    for t, row in enumerate(numbers.tolist()):
        for s, x in enumerate(row):
            shade = (x - low) / (high - low)
            axis.add_patch(plt.Rectangle((s - 0.47, t - 0.47), 0.94, 0.94, color=colors(shade), lw=0))
            dark = shade < 0.55 if whole else abs(shade - 0.5) > 0.3
            text = str(round(x)) if whole else f"{x:.1f}".replace("-", "−")
            axis.text(s, t, text, ha="center", va="center", color="white" if dark else "black", fontsize=9)
    axis.set(title=title, xlabel=xlabel, ylabel="query", xlim=(-0.6, len(row) - 0.4), ylim=(T - 0.4, -0.6))
    axis.set_xticks(range(len(row)))
    axis.set_yticks(range(T))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
figure.savefig(HERE / "shaw.svg", metadata={"Date": None})
