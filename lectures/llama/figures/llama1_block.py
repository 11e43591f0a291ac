"""Draws llama1_block.svg: one block and its exchangeable parts, how Meta's rows move, and where the parameters of real models are."""

import itertools
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "llama" / "llama1_block" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "llama1_block", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 4.6), width_ratios=[1.15, 0.75, 1.1], layout="constrained")

# Left: a block, from below. Coloured boxes are the parts that can be given.
axis = axes[0]
PART = {"norm": "C2", "rotate": "C1", "attend": "C0"}


def box(x, y, w, text, color="0.85"):
    axis.add_patch(plt.Rectangle((x - w / 2, y - 0.35), w, 0.7, facecolor=color, edgecolor="0.4", alpha=0.6))
    axis.text(x, y, text, ha="center", va="center")


def arrow(points):
    for start, end in itertools.pairwise(points):
        last = end == points[-1]
        style = {"arrowstyle": "-|>" if last else "-", "color": "0.3", "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", end, start, arrowprops=style)


arrow([(1, -0.7), (1, 10.9)])
for low, high in ((0, 4.8), (6, 9.8)):
    arrow([(1, low), (4, low), (4, low + 0.55)])
    arrow([(4, high - 0.5), (4, high), (1.25, high)])
    axis.text(1, high, "+", ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "0.4"})
box(4, 0.9, 1.8, "norm", PART["norm"])
box(2.75, 2.0, 1.0, "q_proj")
box(4, 2.0, 1.0, "k_proj")
box(5.25, 2.0, 1.0, "v_proj")
box(3.37, 2.95, 2.25, "rotate", PART["rotate"])
box(4, 3.9, 3.5, "attend", PART["attend"])
axis.text(4.15, 4.5, "o_proj", ha="left", va="center", color="0.3")
box(4, 6.9, 1.8, "norm", PART["norm"])
box(3.2, 7.95, 1.7, "silu(gate)")
box(5.0, 7.95, 1.4, "up")
box(4, 8.95, 2.2, "times, down")
axis.text(1, -1.0, "h", ha="center", va="center")
axis.set(title="One block: three parts can be exchanged", xlim=(0.4, 7), ylim=(-1.3, 11))
axis.axis("off")

# Middle: the rows of one head, in Meta's file and in Hugging Face's. A colour is a pair that is turned together.
axis = axes[1]
D = 8
name = "layers.0.attention.wq.weight"
rows = torch.arange(float(D))[:, None]
moved = next(iter(reference["meta_to_hf"]({name: rows}, 1, 1).values())).flatten().int().tolist()
for x, order in ((0, list(range(D))), (2, moved)):
    for y, row in enumerate(order):
        axis.add_patch(plt.Rectangle((x - 0.4, y - 0.42), 0.8, 0.84, color=plt.cm.tab10(row // 2), alpha=0.8, lw=0))
        axis.text(x, y, str(row), ha="center", va="center", color="white", fontweight="bold")
for row in range(D):
    axis.plot([0.45, 1.55], [row, moved.index(row)], color=plt.cm.tab10(row // 2), lw=1)
axis.set(title="Rows of a query head", xlim=(-0.7, 2.7), ylim=(D - 0.4, -0.6))
axis.set_xticks([0, 2], ["Meta:\nneighbours", "Hugging Face:\nhalves"])
axis.set_yticks([])
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Right: where the parameters are.
axis = axes[2]
Cfg, count = reference["LlamaCfg"], reference["n_params"]
models = {
    "SmolLM 135M": Cfg(49152, 576, 30, 9, 3, 1536, tied=True),
    "Llama 3 8B": Cfg(128256, 4096, 32, 32, 8, 14336),
    "Llama 7B": Cfg(32000, 4096, 32, 32, 32, 11008),
    "Llama 2 70B": Cfg(32000, 8192, 80, 64, 8, 28672),
}
for y, cfg in enumerate(models.values()):
    total, left = count(cfg), 0.0
    ffn = 3 * cfg.dim * cfg.ffn_dim * cfg.n_layers
    table = cfg.vocab * cfg.dim * (1 if cfg.tied else 2)
    for part, color in ((table, "C4"), (total - ffn - table, "C0"), (ffn, "C3")):
        axis.barh(y, part / total, left=left, color=color, alpha=0.75, height=0.6)
        if part / total > 0.06:
            axis.text(left + part / total / 2, y, f"{100 * part / total:.0f} %", ha="center", va="center", color="white")
        left += part / total
axis.set_yticks(range(len(models)), [f"{name}\n{count(cfg) / 1e9:.2f} billion" for name, cfg in models.items()])
axis.set(title="Where the parameters are", xlim=(0, 1), xticks=[])
for color, part in (("C4", "embedding, output"), ("C0", "attention, norms"), ("C3", "feed-forward")):
    axis.bar(0, 0, color=color, alpha=0.75, label=part)
axis.legend(loc="upper center", bbox_to_anchor=(0.42, -0.02), ncols=3, frameon=False, columnspacing=0.8, handlelength=1, fontsize=9)
axis.spines[:].set_visible(False)
figure.savefig(HERE / "llama1_block.svg", metadata={"Date": None})
