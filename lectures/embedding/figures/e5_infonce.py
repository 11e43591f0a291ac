"""Draws e5_infonce.svg: the table of cosines, where the gradient goes at three temperatures, and what the filter keeps."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "embedding" / "e5_infonce" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "e5_infonce", "svg.fonttype": "none", "font.size": 10})
generator = torch.Generator().manual_seed(7)


def normal(*shape):
    return torch.randn(*shape, generator=generator)


figure, (table, pull, keep) = plt.subplots(1, 3, figsize=(9.6, 3.5), width_ratios=[1.5, 1, 1], layout="constrained")

# Left: four queries against four passages and a hard negative for each.
B, C = 4, 6
q = normal(B, C)
p, hard = q + 0.6 * normal(B, C), q + 1.3 * normal(B, C)
cosines = reference["unit"](q) @ reference["unit"](torch.cat([p, hard])).T
table.imshow(cosines, cmap="Blues", vmin=-0.6, vmax=1.4)
for i in range(B):
    for j in range(2 * B):
        table.text(j, i, f"{cosines[i, j]:.1f}".replace("-0.0", "0.0"), ha="center", va="center", fontsize=8)
    table.add_patch(plt.Rectangle((i - 0.46, i - 0.46), 0.92, 0.92, fill=False, ec="tab:red", lw=1.8))
table.axvline(B - 0.5, color="black", lw=1)
table.set_xticks(range(2 * B), [f"p{i}" for i in range(B)] + [f"n{i}" for i in range(B)])
table.set_yticks(range(B), [f"q{i}" for i in range(B)])
table.set(title="Cosines: queries and candidates", xlabel="passages | hard negatives")
table.tick_params(length=0)
table.spines[:].set_visible(False)

# Middle: one query, its passage at cosine 0.9, wrong ones at 0.8 … 0; how much of the gradient each wrong one gets.
wrong = torch.linspace(0.8, 0.0, 9)
angles = torch.arccos(torch.cat([torch.tensor([0.9]), wrong]))
places = torch.stack([angles.cos(), angles.sin()], -1)[:, None]  # a passage each, for one query
for temp, mark in ((1.0, "o-"), (0.1, "s-"), (0.01, "^-")):
    one, negatives = places[:1, 0].clone().requires_grad_(), places[None, 1:, 0].clone().requires_grad_()
    loss = reference["info_nce"](torch.tensor([[1.0, 0.0]]), one, negatives, temp=temp)
    (gradient,) = torch.autograd.grad(loss, negatives)
    force = gradient[0].norm(dim=-1) / negatives[0].detach()[:, 1].abs()  # without the sine that the angle brings in
    pull.plot(wrong, force / force.sum(), mark, ms=4, label=f"temperature {temp:g}")
pull.set(title="Who gets the gradient", xlabel="cosine of a wrong passage", ylabel="share", ylim=(0, 1.12))
pull.legend(frameon=False, fontsize=8, loc="upper left")

# Right: 400 good pairs and 400 wrong ones against 1000 passages.
N, C = 400, 12
q = normal(N, C)
good, bad, pool = q + 0.75 * normal(N, C), normal(N, C), normal(1000, C)
ks = [1, 2, 5, 10, 30, 100, 300, 1000]
for passages, name, color in ((good, "good pairs", "tab:blue"), (bad, "wrong pairs", "tab:red")):
    share = [reference["consistency_filter"](q, passages, pool, top_k=k).float().mean() for k in ks]
    keep.plot(ks, share, "o-", ms=4, color=color, label=name)
keep.axvline(2, color="gray", lw=1, ls=":")
keep.set(title="What the filter keeps", xscale="log", xlabel="top_k (of 1000)", ylabel="share kept", ylim=(-0.03, 1.05))
keep.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(0.02, 0.5))
for axis in (pull, keep):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "e5_infonce.svg", metadata={"Date": None})
