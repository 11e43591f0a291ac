"""Draws frameworks_mesh.svg: groups of sixteen ranks on two nodes, in two orders; and how a fused matrix is cut for two and for four ranks."""

import itertools
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from matplotlib.patches import FancyBboxPatch, Rectangle

HERE = Path(__file__).resolve().parent
r = runpy.run_path(str(HERE.parents[2] / "solutions" / "parallel" / "frameworks_mesh" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "frameworks_mesh", "svg.fonttype": "none", "font.size": 10})
COLOURS = ["#1f5fa8", "#c0392b", "#2e7d4f", "#d99a1c", "#7d4fa0", "#4aa3a3", "#8a6d4b", "#d06aa0"]
figure, axes = plt.subplots(2, 4, figsize=(11.4, 5.6), height_ratios=[1, 1.05], layout="constrained")
sizes = {"tp": 4, "dp": 2, "pp": 2}
panels = [("tp-dp-pp", "tp", "tp: every layer"), ("tp-dp-pp", "dp", "dp: once a step"), ("tp-dp-pp", "pp", "pp: between stages"), ("pp-dp-tp", "tp", "tp, counted last")]
for axis, (order, dims, title) in zip(axes[0], panels, strict=True):
    for node in range(2):
        axis.add_patch(FancyBboxPatch((-0.55, -1.55 - 2.9 * node), 4.1, 2.1, boxstyle="round,pad=0.05", fc="#f2f2f2", ec="#bbbbbb"))
        axis.text(3.9, -0.5 - 2.9 * node, f"node {node}", rotation=90, va="center", ha="center", fontsize=9, color="#777777")
    for group, colour in zip(r["groups"](sizes, order, dims), COLOURS, strict=False):
        places = [(rank % 4, -(rank % 8 // 4) - 2.9 * (rank // 8)) for rank in group]
        aside = (0.16 if group[0] // 4 % 2 else -0.16) if dims == "pp" else 0.0
        for (x0, y0), (x1, y1) in itertools.pairwise(places):
            axis.plot([x0 + aside, x1 + aside], [y0, y1], color=colour, lw=2, zorder=2)
        for rank, (x, y) in zip(group, places, strict=True):
            axis.add_patch(Rectangle((x - 0.36, y - 0.3), 0.72, 0.6, fc=colour, ec="white", zorder=3))
            axis.text(x, y, str(rank), color="white", ha="center", va="center", fontsize=9, zorder=4)
    bad = order != "tp-dp-pp"
    axis.set_title(f"{title}\norder {order}", fontsize=10, color="#c0392b" if bad else "black")
    axis.set(xlim=(-0.8, 4.3), ylim=(-4.8, 0.8))
    axis.set_aspect("equal")
    axis.axis("off")

for axis in axes[1]:
    axis.remove()
axis = figure.add_subplot(axes[0, 0].get_gridspec()[1, :])
rows = torch.arange(16)  # 0-7 gate, 8-15 up
spec, wrong = {"w": (0, [8, 8])}, {"w": 0}
whole = [{"w": rows}]
two = r["reshard"](whole, 2, spec)
columns = [("whole", whole), ("two ranks", two), ("four ranks: each matrix cut", r["reshard"](two, 4, spec)), ("four ranks: pieces cut as they lie", r["reshard"](two, 4, wrong))]
x = 0.0
for title, shards in columns:
    axis.text(x + (len(shards) * 1.25 - 0.25) / 2, 1.3, title, ha="center", fontsize=10, color="#c0392b" if "lie" in title else "black")
    for rank, shard in enumerate(shards):
        for k, row in enumerate(shard["w"].tolist()):
            axis.add_patch(Rectangle((x, -0.4 * k * 1.25), 1.0, 0.5, fc="#1f5fa8" if row < 8 else "#d99a1c", ec="white", lw=1))
            axis.text(x + 0.5, -0.4 * k * 1.25 + 0.23, f"{'gate' if row < 8 else 'up'} {row % 8}", ha="center", va="center", fontsize=7, color="white")
        if len(shards) > 1:
            axis.text(x + 0.5, 0.75, f"rank {rank}", ha="center", fontsize=9)
        x += 1.25
    x += 1.1
axis.set(xlim=(-0.2, x - 0.9), ylim=(-7.8, 2.0))
axis.axis("off")
figure.savefig(HERE / "frameworks_mesh.svg", metadata={"Date": None})
