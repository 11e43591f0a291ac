"""Draws rlaif.svg: two orders of each pair, what averaging does to a biased judge, and the rewards that its labels train."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "rlaif" / "solution.py"))
prefer, debias, rate, loss = (reference[name] for name in ("preference_from_logprobs", "debias", "position_bias_rate", "soft_label_rm_loss"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "rlaif", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (both, curve, trained) = plt.subplots(1, 3, figsize=(11.4, 3.7), layout="constrained")

gaps = 1.4 * torch.randn(40, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
noise = 0.3 * torch.randn(2, 40, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
zero = torch.zeros_like(gaps)
p_ab, p_ba = prefer(gaps + 1.0 + noise[0], zero), prefer(-gaps + 1.0 + noise[1], zero)
both.add_patch(plt.Rectangle((0.5, 0.5), 0.5, 0.5, facecolor="#f6d9d5"))
both.add_patch(plt.Rectangle((0, 0), 0.5, 0.5, facecolor="#f6d9d5"))
both.plot([0, 1], [1, 0], color=GREY, lw=0.8)
both.plot(p_ab, p_ba, "o", color=BLUE, ms=4)
both.text(0.52, 0.93, "position 1 twice", color=RED)
both.text(0.03, 0.04, "position 2 twice", color=RED)
both.set(title=f"40 pairs, bias in {100 * rate(p_ab, p_ba):.0f} % of them", xlabel="p, A shown first", ylabel="p, B shown first", xlim=(0, 1), ylim=(0, 1))

d = torch.linspace(-6, 6, 121, dtype=torch.float64)
flat = torch.zeros_like(d)
curve.plot(d, prefer(d, flat), color=GREY, label="no bias")
curve.plot(d, prefer(d + 2, flat), color=RED, ls=":", label="A first, bias 2")
curve.plot(d, 1 - prefer(-d + 2, flat), color=GREEN, ls="-.", label="B first, bias 2")
curve.plot(d, debias(prefer(d + 2, flat), prefer(-d + 2, flat)), color=BLUE, lw=2, label="mean of both")
curve.set(title="Preference for A", xlabel="true reward of A - true reward of B", xlim=(-6, 6))
curve.legend(frameon=False, loc="upper left", fontsize=8.5)

true = torch.tensor([1.0, -0.5, 1.6, -1.2, 0.4, -0.9, 0.7], dtype=torch.float64)
n = len(true)
i, j = torch.triu_indices(n, n, offset=1)
first, second = prefer(true[i] + 2, true[j]), prefer(true[j] + 2, true[i])
for labels, color, shape, name in ((first, RED, "s", "earlier answer always first"), (debias(first, second), BLUE, "o", "both orders")):
    r = torch.zeros(n, dtype=torch.float64)
    for _ in range(3000):
        r.requires_grad_()
        (down,) = torch.autograd.grad(loss(r[i], r[j], labels).sum() / n, r)
        r = (r - down).detach()
    trained.plot(true - true.mean(), r - r.mean(), shape, color=color, label=name)
trained.plot([-1.6, 1.8], [-1.6, 1.8], color=GREY, lw=0.8)
trained.set(title="Rewards from a judge with bias 2", xlabel="true reward", ylabel="learned reward", ylim=(-3.6, 5.2))
trained.legend(frameon=False, loc="upper left")
for axis in (both, curve, trained):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "rlaif.svg", metadata={"Date": None})
