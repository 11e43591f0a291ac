"""Draws adapter.svg: where adapters stand in a layer, and how far a fresh one moves the logits for different first weights."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
from autograder.lab.frozen import frozen_model  # noqa: E402

reference = runpy.run_path(str(ROOT / "solutions" / "tuning" / "adapter" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "adapter", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, PALE = "#1f5fa8", "#c0392b", "#888888", "#e8e8e8"
figure, axes = plt.subplots(1, 4, figsize=(9.6, 3.9), width_ratios=[0.75, 0.75, 0.75, 1.2], layout="constrained")


def box(axis, x, y, text, color=PALE, ink="black", width=0.9):
    axis.add_patch(plt.Rectangle((x - width / 2, y - 0.3), width, 0.6, color=color, lw=0))
    axis.text(x, y, text, ha="center", va="center", color=ink, fontsize=9)


def arrow(axis, start, end, color="black"):
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1, "color": color})


for axis, style, places in (
    (axes[0], "Houlsby", ("attn", "mlp")),
    (axes[1], "Pfeiffer", ("mlp",)),
    (axes[2], "parallel", ()),
):
    for base, part in ((0, "attn"), (4.5, "mlp")):
        axis.plot([0, 0], [base - 0.4, base + 4.1], color="black", lw=1.4)
        axis.plot([0, 1], [base + 0.1, base + 0.1], color="black", lw=1)
        arrow(axis, (1, base + 0.1), (1, base + 0.45))
        box(axis, 1, base + 0.75, "norm")
        arrow(axis, (1, base + 1.05), (1, base + 1.55))
        box(axis, 1, base + 1.85, part)
        top = base + 3.6
        if part in places:
            arrow(axis, (1, base + 2.15), (1, base + 2.5))
            box(axis, 1, base + 2.8, "adapter", RED, "white")
            axis.plot([1, 1], [base + 3.1, top], color="black", lw=1)
        else:
            axis.plot([1, 1], [base + 2.15, top], color="black", lw=1)
        if style == "parallel" and part == "mlp":
            axis.plot([1, 2.1, 2.1], [base + 1.3, base + 1.3, base + 1.55], color=RED, lw=1)
            box(axis, 2.1, base + 1.85, "adapter", RED, "white")
            axis.plot([2.1, 2.1, 1], [base + 2.15, top, top], color=RED, lw=1)
        arrow(axis, (1, top), (0.12, top))
        axis.text(0, top, "+", ha="center", va="center", bbox={"boxstyle": "circle,pad=0.1", "fc": "white", "ec": "black"})
    axis.set(xlim=(-0.35, 2.65), ylim=(-0.5, 8.8), title=style)
    axis.axis("off")

axis = axes[3]
ids = torch.arange(24).remainder(29).view(2, 12)
scales = [10 ** (k / 4) for k in range(-16, 1)]
for style, color in (("houlsby", BLUE), ("pfeiffer", GREY), ("parallel", RED)):
    far = []
    for scale in scales:
        torch.manual_seed(0)
        model = frozen_model(seed=1)
        before = model(ids)
        reference["insert_adapters"](model, 4, style)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "adapter" in name and name.endswith("weight"):
                    parameter.mul_(scale / 1e-3)
        far.append(float((model(ids) - before).detach().abs().max()))
    axis.loglog(scales, far, color=color, label=style)
axis.axvline(1e-3, color="black", lw=0.8, ls=":")
axis.text(1.3e-3, 1.2, "init_std", fontsize=9)
axis.set(title="how far the logits move", xlabel="deviation of the first weights")
axis.legend(frameon=False, fontsize=9)
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "adapter.svg", metadata={"Date": None})
