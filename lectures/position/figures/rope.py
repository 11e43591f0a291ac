"""Draws rope.svg: three rotation planes of one vector, scores by distance, and the paper's bound."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "rope" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "rope", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

figure, axes = plt.subplot_mosaic(
    [["planes", "bound"]], figsize=(10.0, 3.9), width_ratios=[1.5, 1], layout="constrained"
)
axes["planes"].axis("off")

# Left: x = (1, 0, 1, 0, 1, 0) at the positions 0 … 8, a plane for each pair; base 8, so that all of them move.
positions = torch.arange(9)
x = torch.tensor([1.0, 0.0] * 3).expand(1, 1, 9, 6)
turned = reference["apply_rope"](x, positions, "interleaved", base=8.0)[0, 0]
for i, theta in enumerate(reference["rope_freqs"](6, 8.0)):
    plane = axes["planes"].inset_axes((i / 3, 0.05, 0.31, 0.85))
    plane.add_patch(plt.Circle((0, 0), 1, fill=False, color=GREY, lw=0.8))
    for p, (a, b) in zip(positions.tolist(), turned[:, 2 * i : 2 * i + 2].tolist(), strict=True):
        plane.annotate(
            "", (a, b), (0, 0), arrowprops={"arrowstyle": "->", "color": BLUE, "alpha": 0.35 + 0.65 * (p == 1)}
        )
        plane.text(1.17 * a, 1.17 * b, str(p), ha="center", va="center", fontsize=9, color=RED if p == 0 else "black")
    plane.set(aspect="equal", xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), xticks=[], yticks=[])
    plane.set_title(f"features {2 * i}, {2 * i + 1}: θ = {theta:.2f}", fontsize=10)
    plane.spines[:].set_visible(False)

# Right: how large a score can be.
axis = axes["bound"]
for base, colour, style in ((10000.0, BLUE, "-"), (500000.0, RED, "--")):
    axis.plot(reference["decay_bound"](128, 513, base), color=colour, ls=style, label=f"base {base:.0f}")
axis.set(title="decay_bound(128, 513)", xlabel="distance", ylim=(0, 33), xlim=(0, 512))
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "rope.svg", metadata={"Date": None})
