"""Draws rope.svg: which features are partners in each layout, three planes of one vector, scores by place, and the paper's bound."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "rope" / "solution.py"))
apply_rope = reference["apply_rope"]
plt.rcParams.update({"svg.hashsalt": "rope", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

figure, axes = plt.subplot_mosaic(
    [["layouts", "layouts"], ["planes", "planes"], ["scores", "bound"]],
    figsize=(9.6, 8.0), width_ratios=[1, 1.35], height_ratios=[0.65, 0.95, 1.3], layout="constrained",
)  # fmt: skip

# Above: features that are turned into each other, found by turning one feature at a time.
axis = axes["layouts"]
D = 8
for row, style in enumerate(("half", "interleaved")):
    moved = apply_rope(torch.eye(D)[:, None, None], torch.tensor([1]), style)[:, 0, 0].abs() > 1e-6  # (from, to)
    pair = 0
    for first in range(D):
        second = next((other for other in range(first + 1, D) if moved[first, other]), None)
        if second is None:
            continue
        color = plt.cm.tab10(pair)
        for place in (first, second):
            x = place + 10 * row
            axis.add_patch(plt.Rectangle((x - 0.45, -0.4), 0.9, 0.8, color=color, alpha=0.8, lw=0))
            axis.text(x, 0, str(place), ha="center", va="center", color="white", fontweight="bold")
        a, b = first + 10 * row, second + 10 * row
        axis.annotate("", (a, 0.42), (b, 0.42), arrowprops={"arrowstyle": "-", "color": color, "lw": 1.6,
                      "connectionstyle": f"arc3,rad={0.6 if b - a == 1 else 0.28}"})  # fmt: skip
        pair += 1
    axis.text(3.5 + 10 * row, -0.9, f'"{style}"', ha="center", va="center", fontsize=11)
axis.set(title="Which two features of a head are a pair (D = 8)", xlim=(-0.7, 17.7), ylim=(-1.2, 1.2))
axis.axis("off")

# Middle: x = (1, 0, 1, 0, 1, 0) at the positions 0 … 8, a plane for each pair; base 8, so that all of them move.
axes["planes"].axis("off")
positions = torch.arange(9)
x = torch.tensor([1.0, 0.0] * 3).expand(1, 1, 9, 6)
turned = apply_rope(x, positions, "interleaved", base=8.0)[0, 0]
for i, theta in enumerate(reference["rope_freqs"](6, 8.0)):
    plane = axes["planes"].inset_axes((i / 3, 0.0, 0.31, 0.88))
    plane.add_patch(plt.Circle((0, 0), 1, fill=False, color=GREY, lw=0.8))
    for p, (a, b) in zip(positions.tolist(), turned[:, 2 * i : 2 * i + 2].tolist(), strict=True):
        plane.annotate(
            "", (a, b), (0, 0), arrowprops={"arrowstyle": "->", "color": BLUE, "alpha": 0.35 + 0.65 * (p == 1)}
        )
        plane.text(1.2 * a, 1.2 * b, str(p), ha="center", va="center", fontsize=9, color=RED if p == 0 else "black")
    plane.set(aspect="equal", xlim=(-1.4, 1.4), ylim=(-1.35, 1.35), xticks=[], yticks=[])
    plane.set_title(f"pair {i}: θ = {theta:.2f}", fontsize=10)
    plane.spines[:].set_visible(False)

# Below left: one query and one key, put at all places.
axis = axes["scores"]
generator = torch.Generator().manual_seed(2)
q, k = (torch.randn(1, 1, 1, 16, generator=generator).expand(1, 1, 24, 16) for _ in "qk")
places = torch.arange(24)
scores = (apply_rope(q, places) @ apply_rope(k, places).mT)[0, 0]
image = axis.imshow(scores, cmap="RdBu", vmin=-scores.abs().max(), vmax=scores.abs().max())
axis.set(title="Score of one query with one key", xlabel="place of the key", ylabel="place of the query")
axis.tick_params(length=0)
figure.colorbar(image, ax=axis, shrink=0.75)

# Below right: how large a score can be.
axis = axes["bound"]
for base, colour, style in ((10000.0, BLUE, "-"), (500000.0, RED, "--")):
    axis.plot(reference["decay_bound"](128, 513, base), color=colour, ls=style, label=f"base {base:.0f}")
axis.set(title="decay_bound(128, 513)", xlabel="distance", ylim=(0, 33), xlim=(0, 512))
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "rope.svg", metadata={"Date": None})
