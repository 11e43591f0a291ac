"""Draws glm130b_block.svg: where the residual leaves the stream, how large it stays with depth, and what shrinking does to the embedding."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "glm" / "glm130b_block" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "glm130b_block", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), width_ratios=[1.1, 1, 1], layout="constrained")

# Left: half a layer of each kind.
axis = axes[0]


def box(x, y, text, color="0.92"):
    axis.add_patch(plt.Rectangle((x - 0.62, y - 0.3), 1.24, 0.6, facecolor=color, edgecolor="0.35", lw=0.8))
    axis.text(x, y, text, ha="center", va="center", fontsize=9)


def arrow(x, y0, y1):
    axis.annotate("", (x, y1), (x, y0), arrowprops={"arrowstyle": "->", "color": "0.3", "lw": 1})


for x, title, leaves, text in ((1.0, "Pre-LN", 0.55, "× 1"), (3.9, "GLM-130B", 1.85, "× α")):
    arrow(x, 0.0, 0.9)
    box(x, 1.2, "LN", "#cfe2f3")
    arrow(x, 1.5, 2.3)
    box(x, 2.6, "part", "#fce5cd")
    arrow(x, 2.9, 3.5)
    axis.plot([x, x + 1.05, x + 1.05], [leaves, leaves, 3.7], color="C3", lw=1.6)
    axis.annotate("", (x + 0.2, 3.7), (x + 1.07, 3.7), arrowprops={"arrowstyle": "->", "color": "C3", "lw": 1.6})
    axis.text(x + 1.15, 2.7, text, color="C3", ha="left", va="center")
    axis.add_patch(plt.Circle((x, 3.7), 0.18, facecolor="white", edgecolor="0.35"))
    axis.text(x, 3.7, "+", ha="center", va="center")
    arrow(x, 3.9, 4.5)
    axis.text(x, -0.15, "x", ha="center", va="top")
    axis.text(x, 4.95, title, ha="center", va="center")
axis.set(xlim=(0, 6), ylim=(-0.6, 5.2), aspect="equal")
axis.axis("off")

# Middle: the size of the stream with depth, at random weights.
axis = axes[1]
C, N = 64, 70


class Part(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.w = torch.randn(C, C, generator=torch.Generator().manual_seed(seed)) / C**0.5

    def forward(self, x, *more):
        return 2 * x @ self.w


x = torch.randn(200, C, generator=torch.Generator().manual_seed(0))
glm, pre, sizes = x, x, {"Pre-LN": [], "GLM-130B": []}
with torch.no_grad():
    for i in range(N):
        attn, mlp = Part(2 * i), Part(2 * i + 1)
        glm = reference["GLM130BLayer"](C, N, attn, mlp)(glm)
        for part in (attn, mlp):
            pre = pre + part(nn.functional.layer_norm(pre, (C,)))
        sizes["GLM-130B"].append(float(glm.std()))
        sizes["Pre-LN"].append(float(pre.std()))
for name, marker in (("Pre-LN", "C0"), ("GLM-130B", "C3")):
    axis.plot(range(1, N + 1), sizes[name], marker, label=name)
axis.set(title="Size of the stream, random weights", xlabel="layer", ylabel="standard deviation", ylim=(0, None))
axis.legend(loc="lower right", frameon=False)

# Right: gradient norms with and without shrinking.
axis = axes[2]
torch.manual_seed(0)
table, ids, head = torch.randn(50, 16), torch.randint(0, 50, (200,)), torch.randn(16, 50) / 4
factors = [1.0, 0.5, 0.25, 0.1]
norms, values = [], []
for a in factors:
    leaf = table.clone().requires_grad_()
    out = reference["embedding_gradient_shrink"](leaf[ids], a) @ head
    loss = nn.functional.cross_entropy(out, ids)
    norms.append(float(torch.autograd.grad(loss, leaf)[0].norm()))
    values.append(float(loss.detach()))
bars = axis.bar(range(len(factors)), [norm / norms[0] for norm in norms], color="0.7", edgecolor="0.4")
bars[-1].set_facecolor("C3")
for i, value in enumerate(values):
    axis.text(i, norms[i] / norms[0] + 0.03, f"loss {value:.3f}", ha="center", va="bottom", fontsize=9)
axis.set(title="Gradient of the embedding", xlabel="factor a", ylabel="norm, in parts of that with a = 1", ylim=(0, 1.15))
axis.set_xticks(range(len(factors)), [f"{a:g}" for a in factors])
figure.savefig(HERE / "glm130b_block.svg", metadata={"Date": None})
