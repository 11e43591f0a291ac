"""Draws lora.svg: a layer with its adapter, drawn to scale, and the spectrum of a change of rank 4."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Circle, Rectangle
from torch import nn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
reference = runpy.run_path(str(ROOT / "solutions" / "tuning" / "lora" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "lora", "svg.fonttype": "none", "font.size": 10})
BLUE, GREY = "#1f5fa8", "#888888"

LIGHT, FROZEN = "#dbe7f5", "#e6e6e6"

figure, axes = plt.subplot_mosaic(
    [["layer", "spectrum"]], figsize=(9.6, 4.2), layout="constrained", width_ratios=[1.25, 1]
)

# Left: the matrices of a layer of 32 inputs and 32 outputs, drawn to scale.
SIDE, RANK = 32, 4
shown = reference["LoRALinear"](nn.Linear(SIDE, SIDE), r=RANK, alpha=4.0)
axis = axes["layer"]
axis.set(xlim=(-6, 92), ylim=(-22, 58), aspect="equal")
axis.axis("off")


def matrix(x, y, rows, columns, name, colour, edge):
    axis.add_patch(Rectangle((x, y), columns, rows, facecolor=colour, edgecolor=edge, linewidth=1.4))
    axis.text(x + columns / 2, y + rows / 2, name, ha="center", va="center", fontsize=13, color=edge)


def arrow(start, end, colour="black"):
    axis.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2})


matrix(2, 4, *shown.base.weight.shape, "W", FROZEN, "#555555")
axis.text(18, 13, "frozen", ha="center", color=GREY, fontsize=9)
matrix(50, 4, *shown.A.shape, "A", LIGHT, BLUE)
matrix(64, 16, *shown.B.shape, "B", LIGHT, BLUE)
axis.text(84, 6, f"{shown.A.shape[0]} × {shown.A.shape[1]}", va="center", fontsize=8.5, color=BLUE)
axis.text(70, 34, f"{shown.B.shape[0]} × {shown.B.shape[1]}, 0 at the start", va="center", fontsize=8.5, color=BLUE)
axis.text(42, -19, "x", ha="center", va="center", fontsize=14)
arrow((40, -17), (18, 3.5))
arrow((44, -17), (66, 3.5), BLUE)
axis.text(60, -9, "32 numbers", fontsize=8.5, color=BLUE)
arrow((66, 8.3), (66, 15.7), BLUE)
axis.text(68, 12, f"{RANK} numbers", va="center", fontsize=8.5, color=BLUE)
axis.text(42, 51, "+", ha="center", va="center", fontsize=16)
axis.add_patch(Circle((42, 51), 2.6, facecolor="none", edgecolor="black"))
arrow((18, 36.3), (39.5, 50))
arrow((66, 48.3), (44.8, 51), BLUE)
axis.text(58, 52.5, "times α/r", fontsize=9, color=BLUE)
arrow((42, 53.8), (42, 57.5))
axis.text(44, 56, "y", va="center", fontsize=14)

# Right: a layer learns a target change of full rank with A and B of rank 4.
torch.manual_seed(0)
target = torch.randn(32, 32) @ torch.diag(0.7 ** torch.arange(32.0)) @ torch.randn(32, 32) / 32
base = nn.Linear(32, 32, bias=False)
wanted = base.weight.detach() + target
layer = reference["LoRALinear"](base, r=4, alpha=4.0)
optimizer = torch.optim.Adam([layer.A, layer.B], lr=0.02)
for _ in range(1500):
    optimizer.zero_grad()
    (base.weight + layer.delta() - wanted).pow(2).sum().backward()
    optimizer.step()
axis = axes["spectrum"]
n = range(1, 13)
axis.plot(n, torch.linalg.svdvals(target)[:12], color=GREY, marker="o", ms=4, label="the change that was wanted")
axis.plot(
    n, torch.linalg.svdvals(layer.delta().detach())[:12], color=BLUE, marker="s", ms=4, label="ΔW with r = 4, trained"
)
axis.set(title="singular values", xlabel="number", xticks=n, ylim=(-0.05, None))
axis.legend(frameon=False)
axes["spectrum"].spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "lora.svg", metadata={"Date": None})
