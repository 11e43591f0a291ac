"""Draws chatglm1_2d_rope.svg: two positions of each token, the mask of a padded row, and what each half of a head says about nearness."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "glm" / "chatglm1_2d_rope" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "chatglm1_2d_rope", "svg.fonttype": "none", "font.size": 10})
names = ["pad", "pad", "how", "are", "you", "[gM]", "bos", "fine", ",", "thanks"]
ids = torch.tensor([[3, 3, 11, 12, 13, 8, 9, 14, 15, 16]])
mask, pos = reference["chatglm1_inputs"](ids, 9, [5], [2])
T = len(names)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")

axis = axes[0]
for k, (marker, label) in enumerate((("o-", "pos[0]"), ("s--", "pos[1]"))):
    axis.plot(range(2, T), pos[0, k, 2:].tolist(), marker, label=label, color=f"C{k}", ms=5)
    axis.plot(range(2), pos[0, k, :2].tolist(), marker[0], color="0.7", ms=5)
axis.axvline(5.5, color="0.5", ls=":", lw=1)
axis.text(3.5, 4.35, "context", ha="center", color="0.35")
axis.text(7.7, 4.35, "bos and answer", ha="center", color="0.35")
axis.set_xticks(range(T), names, rotation=90, fontsize=9)
axis.set(title="Two positions for each token", ylim=(-0.3, 4.8), yticks=range(5))
axis.legend(loc="center left", frameon=False, bbox_to_anchor=(0.0, 0.62))

axis = axes[1]
kind = torch.tensor([1, 1, 2, 2, 2, 2, 3, 3, 3, 3])
picture = torch.where(mask[0, 0], kind[None, :], 0)
axis.imshow(picture, cmap=matplotlib.colors.ListedColormap(["white", "0.75", "#a9cbe8", "#f2b6a0"]), vmin=-0.5, vmax=3.5)
axis.set_xticks(range(T), names, rotation=90, fontsize=8)
axis.set_yticks(range(T), names, fontsize=8)
axis.set_xticks([i - 0.5 for i in range(1, T)], minor=True)
axis.set_yticks([i - 0.5 for i in range(1, T)], minor=True)
axis.grid(which="minor", color="0.85", lw=0.8)
axis.tick_params(which="both", length=0)
axis.set(title="Row t may look at column s")

axis = axes[2]
x = torch.ones(1, 1, T, 32, dtype=torch.float64)
turned = reference["rope_2d"](x, pos)[0, 0]
parts = [(turned[-1, k] * turned[2:, k]).sum(-1) / 16 for k in (slice(0, 16), slice(16, 32))]
for k, (part, label) in enumerate(zip(parts, ("first half", "second half"), strict=True)):
    axis.plot(range(2, T), part.tolist(), "o-" if k == 0 else "s--", color=f"C{k}", label=label, ms=5)
axis.axvline(5.5, color="0.5", ls=":", lw=1)
axis.set_xticks(range(2, T), names[2:], rotation=90, fontsize=9)
axis.set(title='Share of the score that "thanks" gives', ylim=(0.45, 1.05))
axis.legend(loc="lower right", frameon=False)
figure.savefig(HERE / "chatglm1_2d_rope.svg", metadata={"Date": None})
