"""Draws deepnorm.svg: the two constants by depth, one layer, and how far one step of training moves the outputs of a fresh model."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from torch import nn

torch.set_num_threads(1)
HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "norm" / "deepnorm" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "deepnorm", "svg.fonttype": "none", "font.size": 10})

figure, axes = plt.subplots(1, 3, figsize=(9.6, 4.0), width_ratios=[0.75, 1, 1], layout="constrained")


def box(axis, x, y, text, color):
    axis.text(x, y, text, ha="center", va="center", bbox={"boxstyle": "round,pad=0.3", "fc": color, "ec": "0.3", "lw": 0.8})


# Left: one layer, from bottom to top.
axis = axes[0]
axis.plot([0, 0], [-0.9, 9.0], color="C4", lw=3.5, zorder=0)
for y, part, matrices in ((0.0, "attn", "values and\noutput: β"), (4.8, "ffn", "all: β")):
    axis.annotate("", (0.08, y + 2.6), (1.0, y + 2.6), arrowprops={"arrowstyle": "->", "color": "0.3"})
    axis.plot([0, 1.0, 1.0], [y - 0.4, y - 0.4, y + 2.6], color="0.3", lw=1)
    box(axis, 1.0, y + 1.0, part, "white")
    axis.text(1.5, y + 1.0, matrices, va="center", color="0.3", fontsize=9)
    box(axis, 0, y + 1.0, "× α", "#dadaeb")
    axis.text(0, y + 2.6, "+", ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "0.3"})
    box(axis, 0, y + 3.7, "norm", "#fdd0a2")
axis.text(0.6, 9.3, "DeepNorm", ha="center", va="bottom", color="C4", fontweight="bold")
axis.set(xlim=(-0.7, 3.0), ylim=(-1.0, 10.2))
axis.axis("off")

# Middle: the constants of a single stack.
depths = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
pairs = [reference["deepnorm_constants"](0, n)["decoder"] for n in depths]
axes[1].loglog(depths, [alpha for alpha, _ in pairs], "o-", ms=4, color="C4", label="α, of the stream")
axes[1].loglog(depths, [beta for _, beta in pairs], "s-", ms=4, color="C2", label="β, of the first weights")
axes[1].axhline(1, color="0.6", lw=0.8, ls=":")
axes[1].set(title="Constants of one stack", xlabel="layers", xticks=[1, 10, 100, 1000], xticklabels=["1", "10", "100", "1000"])
axes[1].set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
axes[1].legend(frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.62))


# Right: one step of Adam, which is a step of the sign of the gradient.
class Attend(nn.Module):
    def __init__(self, C):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(C, C, bias=False) for _ in range(4))

    def forward(self, x):
        q, k, v = (proj(x)[:, None] for proj in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)[:, 0])


def change(L, deep, seed, C=32):
    torch.manual_seed(seed)
    layers = nn.ModuleList()
    for _ in range(L):
        ffn = nn.Sequential(nn.Linear(C, 4 * C, bias=False), nn.ReLU(), nn.Linear(4 * C, C, bias=False))
        layers.append(nn.ModuleDict({"attn": Attend(C), "ffn": ffn, "norm1": nn.LayerNorm(C), "norm2": nn.LayerNorm(C)}))
    layers.double()
    alpha, beta = reference["deepnorm_constants"](0, L)["decoder"] if deep else (1.0, 1.0)
    reference["deepnorm_init_"](layers, beta)
    x, r = torch.randn(2, 2, 8, C, dtype=torch.float64)

    def run():
        h = x
        for layer in layers:
            h = reference["deepnorm_residual"](h, layer["attn"](h), layer["norm1"], alpha)
            h = reference["deepnorm_residual"](h, layer["ffn"](h), layer["norm2"], alpha)
        return h

    before = run()
    parameters = [p for p in layers.parameters() if p.ndim == 2]
    gradients = torch.autograd.grad((before * r).sum(-1).mean(), parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= 1e-4 * gradient.sign()
        return (run() - before).square().mean().sqrt().item()


steps = [2, 4, 8, 16, 32, 64]
for deep, name, color in ((False, "Post-LN", "C1"), (True, "DeepNorm", "C4")):
    axes[2].loglog(steps, [sum(change(L, deep, s) for s in range(4)) / 4 for L in steps], "o-", ms=4, color=color, label=name)
axes[2].set(title="Change by the first step", xlabel="layers", xticks=steps, xticklabels=steps, ylim=(0.002, 2))
axes[2].set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
axes[2].legend(frameon=False, loc="upper left")
for axis in axes[1:]:
    axis.spines[["top", "right"]].set_visible(False)
    axis.minorticks_off()
figure.savefig(HERE / "deepnorm.svg", metadata={"Date": None})
