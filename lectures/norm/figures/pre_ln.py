"""Draws pre_ln.svg: where the norms stand in Post-LN and Pre-LN, and the gradients of the last layer by depth."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

torch.set_num_threads(1)
HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "norm" / "pre_ln" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "pre_ln", "svg.fonttype": "none", "font.size": 10})

figure, axes = plt.subplots(1, 3, figsize=(9.6, 4.0), width_ratios=[1.15, 1, 1], layout="constrained")
COLORS = {"post": "C1", "pre": "C0"}


def box(axis, x, y, text, color):
    axis.text(x, y, text, ha="center", va="center", bbox={"boxstyle": "round,pad=0.3", "fc": color, "ec": "0.3", "lw": 0.8})


# Left: one layer of each kind, from bottom to top. The thick line is the stream.
axis = axes[0]
for x, kind in ((0.0, "post"), (2.5, "pre")):
    axis.plot([x, x], [-0.9, 8.0], color=COLORS[kind], lw=3.5, zorder=0)
    for y, part in ((0.0, "attn"), (4.0, "ffn")):
        out = y + (2.0 if kind == "post" else 2.9)
        axis.annotate("", (x + 0.08, out), (x + 0.95, out), arrowprops={"arrowstyle": "->", "color": "0.3"})
        axis.plot([x, x + 0.95, x + 0.95], [y - 0.4, y - 0.4, out], color="0.3", lw=1)
        box(axis, x + 0.95, y + (0.85 if kind == "post" else 1.75), part, "white")
        axis.text(x, out, "+", ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "0.3"})
        if kind == "post":
            box(axis, x, y + 3.0, "norm", "#fdd0a2")
        else:
            box(axis, x + 0.95, y + 0.5, "norm", "#c6dbef")
    axis.text(x + 0.35, 8.3, f"{kind.capitalize()}-LN", ha="center", va="bottom", color=COLORS[kind], fontweight="bold")
axis.set(xlim=(-0.7, 4.0), ylim=(-1.0, 9.2))
axis.axis("off")

# Middle: each layer of a stack of 24. Right: the last layer, by depth.
seeds = range(4)


def mean_profile(kind, L):
    return torch.tensor([reference["grad_profile"](kind, L, 32, seed) for seed in seeds]).mean(0)


depths = [1, 2, 4, 8, 16, 32]
for kind in ("post", "pre"):
    style = {"color": COLORS[kind], "label": f"{kind.capitalize()}-LN"}
    axes[1].plot(range(1, 25), mean_profile(kind, 24), "o-", ms=3.5, **style)
    last = [mean_profile(kind, L)[-1].item() for L in depths]
    axes[2].loglog(depths, last, "o", ms=5, **style)
    if kind == "pre":
        axes[2].loglog(depths, [last[1] * (2 / L) ** 0.5 for L in depths], "--", color="0.5", lw=1, label="falls as 1/√L")
    else:
        axes[2].loglog(depths, [sum(last) / len(last)] * len(depths), ":", color="0.5", lw=1, label="stays")
axes[1].set(title="Each layer of a stack of 24", xlabel="layer", ylabel="gradient of its last matrix", ylim=(0, None), xticks=[1, 8, 16, 24])
axes[2].set(title="The last layer, by depth", xlabel="number of layers L", xticks=depths, xticklabels=depths)
axes[2].set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
axes[2].minorticks_off()
axes[2].legend(frameon=False, loc="lower left")
for axis in axes[1:]:
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "pre_ln.svg", metadata={"Date": None})
