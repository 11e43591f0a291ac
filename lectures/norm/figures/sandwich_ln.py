"""Draws sandwich_ln.svg: the two norms around a part, the stream when one layer is loud, and the largest number on the way to the weights."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

torch.set_num_threads(1)
HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "norm" / "sandwich_ln" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "sandwich_ln", "svg.fonttype": "none", "font.size": 10})

figure, axes = plt.subplots(1, 3, figsize=(9.6, 4.0), width_ratios=[1.1, 1, 1], layout="constrained")
COLORS = {"Pre-LN": "C0", "Sandwich-LN": "C2"}


def box(axis, x, y, text, color):
    axis.text(
        x, y, text, ha="center", va="center", bbox={"boxstyle": "round,pad=0.3", "fc": color, "ec": "0.3", "lw": 0.8}
    )


# Left: one layer of each kind, from bottom to top. The thick line is the stream.
axis = axes[0]
for x, (kind, color) in zip((0.0, 2.5), COLORS.items(), strict=True):
    axis.plot([x, x], [-0.9, 8.6], color=color, lw=3.5, zorder=0)
    for y, part in ((0.0, "attn"), (4.6, "ffn")):
        axis.annotate("", (x + 0.08, y + 3.6), (x + 0.95, y + 3.6), arrowprops={"arrowstyle": "->", "color": "0.3"})
        axis.plot([x, x + 0.95, x + 0.95], [y - 0.4, y - 0.4, y + 3.6], color="0.3", lw=1)
        box(axis, x + 0.95, y + 0.45, "norm", "#c6dbef")
        box(axis, x + 0.95, y + 1.6, part, "white")
        if kind == "Sandwich-LN":
            box(axis, x + 0.95, y + 2.75, "norm", "#c7e9c0")
        axis.text(
            x, y + 3.6, "+", ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "0.3"}
        )
    axis.text(x + 0.45, 8.9, kind, ha="center", va="bottom", color=color, fontweight="bold")
axis.set(xlim=(-0.7, 4.1), ylim=(-1.0, 9.8))
axis.axis("off")


# Middle: 16 layers with random weights; those of layer 8 are 100 times larger.
def stream(kind, L=16, C=64):
    torch.manual_seed(0)
    x = torch.randn(8, 16, C, dtype=torch.float64)
    sizes = [x.norm(dim=-1).mean().item()]
    for layer in range(1, L + 1):
        parts = [torch.nn.Linear(C, C, bias=False, dtype=torch.float64) for _ in range(2)]
        for part in parts:
            torch.nn.init.xavier_normal_(part.weight, gain=100.0 if layer == 8 else 1.0)
        block = reference["SandwichBlock"](C, *parts).double()
        if kind == "Pre-LN":
            block.norm2, block.norm4 = torch.nn.Identity(), torch.nn.Identity()
        x = block(x).detach()
        sizes.append(x.norm(dim=-1).mean().item())
    return sizes


for kind, color in COLORS.items():
    axes[1].semilogy(range(17), stream(kind), "o-", ms=3.5, color=color, label=kind)
axes[1].set(
    title="Stream, with a loud layer 8",
    xlabel="after layer",
    ylabel="length of a row",
    xticks=range(0, 17, 4),
    ylim=(5, 3000),
)
axes[1].legend(frameon=False, loc="lower right")

# Right: the largest number on the way to the weights, for queries and keys of D = 64 whose entries have this size.
torch.manual_seed(0)
q, k = torch.randn(1, 1, 256, 64), torch.randn(1, 1, 256, 64)
sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500]
plain, scaled, relaxed = [], [], []
for s in sizes:
    z = (s * q / (32 * 8)) @ (s * k).mT
    plain.append((256 * z).max().item())
    scaled.append((32 * z).max().item())
    relaxed.append(z.max().item())
axes[2].loglog(sizes, plain, "s-", ms=3.5, color="0.6", label=r"first $q k^\mathrm{T}$")
axes[2].loglog(sizes, scaled, "^-", ms=3.5, color="0.35", label="first q / √D")
axes[2].loglog(sizes, relaxed, "o-", ms=3.5, color="C2", label="first q / (α √D)")
axes[2].axhline(65504, color="C3", lw=1)
axes[2].text(1, 65504 * 1.25, "float16 ends here", color="C3", va="bottom")
axes[2].set(
    title="Largest score on the way", xlabel="size of the numbers in q and k", xlim=(0.9, 600), ylim=(0.05, 3e7)
)
axes[2].legend(frameon=False, loc="lower right")
for axis in axes[1:]:
    axis.spines[["top", "right"]].set_visible(False)
    axis.minorticks_off()
figure.savefig(HERE / "sandwich_ln.svg", metadata={"Date": None})
