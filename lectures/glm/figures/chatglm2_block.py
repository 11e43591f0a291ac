"""Draws chatglm2_block.svg: which features of a head turn and how they are paired, and how scores change with the distance of two tokens."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "glm" / "chatglm2_block" / "solution.py"))
rotate = reference["rotate_half_of"]
plt.rcParams.update({"svg.hashsalt": "chatglm2_block", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")

# Left: partners, found by turning one feature at a time.
axis = axes[0]
D = 16
unit = torch.eye(D)[:, None, None, :]  # a head for each feature
turned = rotate(unit, torch.tensor([1]))[:, 0, 0]
for i in range(D):
    partner = [j for j in range(D) if j != i and turned[i, j].abs() > 1e-6]
    color = f"C{min(i, *partner) // 2}" if partner else "0.75"
    axis.add_patch(plt.Rectangle((i + 0.06, 0), 0.88, 0.8, color=color, alpha=0.8, lw=0))
    axis.text(i + 0.5, 0.4, str(i), ha="center", va="center", color="white" if partner else "black")
    for j in partner:
        if i < j:
            arc = {"arrowstyle": "-", "connectionstyle": "arc3,rad=-0.9", "color": color}
            axis.annotate("", (j + 0.5, 0.85), (i + 0.5, 0.85), arrowprops=arc)
            angle = torch.atan2(turned[i, j], turned[i, i]).item()
            axis.text((i + j + 1) / 2, 1.25, f"{angle:.3g}", ha="center", va="center", fontsize=8)
axis.text(4, 1.7, "turns: angle for each token", ha="center", va="center")
axis.text(12, 1.7, "stays", ha="center", va="center")
axis.set(title="A head of 16 features", xlim=(-0.2, D + 0.2), ylim=(-0.8, 2.3))
axis.axis("off")

# Right: what distance does to the score of two equal vectors.
axis = axes[1]
D, far = 128, 400
q = torch.ones(1, 1, 1, D)
pos = torch.arange(far)
k = rotate(q.expand(1, 1, far, D), pos)[0, 0]
at_zero = rotate(q, torch.tensor([0]))[0, 0, 0]
axis.plot(pos, (k * at_zero)[:, : D // 2].sum(-1) / D, label="the half that turns")
axis.plot(pos, (k * at_zero)[:, D // 2 :].sum(-1) / D, label="the half that stays")
axis.set(title="Two equal vectors of 128 features", xlabel="distance of the tokens", ylabel="part of the score", xlim=(0, far), ylim=(-0.1, 0.65))
axis.legend(frameon=False, loc="upper right")
axis.grid(alpha=0.3)
figure.savefig(HERE / "chatglm2_block.svg", metadata={"Date": None})
