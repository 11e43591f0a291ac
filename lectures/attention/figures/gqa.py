"""Draws gqa.svg: which key/value head serves which query heads, seen from the outputs of the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "attention" / "gqa" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gqa", "svg.fonttype": "none", "font.size": 10})
H = 8
names = {8: "G = 8, multi-head", 4: "G = 4", 2: "G = 2", 1: "G = 1, multi-query"}

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.6), width_ratios=[1.5, 1, 1], layout="constrained")

# Left: heads numbered 0 … G-1 and repeated.
axis = axes[0]
for row, G in enumerate(names):
    served = reference["repeat_kv"](torch.arange(G)[None, :, None, None], H // G).flatten().tolist()
    for h, g in enumerate(served):
        axis.add_patch(plt.Rectangle((h - 0.45, row - 0.36), 0.9, 0.72, color=plt.cm.tab10(g), alpha=0.75, lw=0))
        axis.text(h, row, str(g), ha="center", va="center", color="white", fontweight="bold")
axis.set(title="Key/value head of each query head", xlim=(-0.6, H - 0.4), ylim=(3.6, -0.6), xlabel="query head")
axis.set_xticks(range(H))
axis.set_yticks(range(4), names.values())
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Right: one value head is 1 and the others 0; the output of a query head is 1 when it listens to that one.
G = 4
q, k = torch.zeros(1, H, 1, 1), torch.zeros(1, G, 1, 1)
answers = torch.stack([reference["gqa"](q, k, one.view(1, G, 1, 1)).flatten() for one in torch.eye(G)])
tiled = torch.eye(G).repeat(1, H // G)
for axis, shown, title in ((axes[1], answers, "G = 4: neighbours (right)"), (axes[2], tiled, "G = 4: tiled (wrong)")):
    axis.imshow(shown, cmap="Blues", vmin=0, vmax=1.3)
    axis.set(title=title, xlabel="query head", xticks=range(H), yticks=range(G))
    axis.set_xticks([h - 0.5 for h in range(1, H)], minor=True)
    axis.set_yticks([g - 0.5 for g in range(1, G)], minor=True)
    axis.grid(which="minor", color="white", lw=1.5)
    axis.tick_params(which="both", length=0)
axes[1].set_ylabel("value head that is not zero")
figure.savefig(HERE / "gqa.svg", metadata={"Date": None})
