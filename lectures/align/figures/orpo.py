"""Draws orpo.svg: odds and probabilities, the loss by both log probabilities, and where the training ends."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "orpo" / "solution.py"))
log_odds, orpo_loss, slopes, odds_policy = (reference[name] for name in ("log_odds", "orpo_loss", "odds_ratio_slopes", "odds_policy"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "orpo", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (odds, slope, end) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1, 1, 1.15], layout="constrained")

p = torch.linspace(0.005, 0.995, 199, dtype=torch.float64)
half = torch.full_like(p, 0.5).log()
odds.plot(p, log_odds(p.log(), half), color=BLUE)
odds.plot(p, p.log() - half, color=GREY, ls="--")
odds.text(0.49, 2.4, "odds ratio", color=BLUE)
odds.text(0.5, -1.0, "probability ratio", color=GREY)
odds.axhline(0, color=GREY, lw=0.8)
odds.set(title="Against an answer with P = 1/2", xlabel="P of the chosen answer", ylabel="logarithm of the ratio", xlim=(0, 1))

for other, color, style in ((0.1, GREEN, "--"), (0.5, BLUE, "-"), (0.9, RED, ":")):
    down = slopes(torch.full_like(p, other).log(), p.log())[1]
    slope.plot(p, down, color=color, ls=style, label=f"chosen P = {other:g}")
slope.set(title="How hard the rejected answer is pushed", xlabel="P of the rejected answer", ylabel="slope of the loss", xlim=(0, 1), ylim=(0, 8))
slope.legend(frameon=False, loc="upper left")

r = torch.tensor([2.5, 1.5, 0.5, 0.0, -1.0, -2.0], dtype=torch.float64)
n = len(r)
i, j = (each.flatten() for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
preferred = torch.sigmoid(r[i] - r[j])


def trained(lam):
    logits = torch.zeros(n, dtype=torch.float64)
    for _ in range(4000):
        logits.requires_grad_()
        lp = logits.log_softmax(0)
        (down,) = torch.autograd.grad((preferred * orpo_loss(-lp[i], lp[i], lp[j], lam)).sum() / n**2, logits)
        logits = (logits - 3 / (1 + lam) * down).detach()
    return logits.softmax(0)


bars = ((-0.3, trained(0.0), GREY, "λ = 0"), (-0.1, trained(0.1), GREEN, "λ = 0.1"), (0.1, trained(1.0), BLUE, "λ = 1"), (0.3, odds_policy(r), RED, "odds policy"))
for shift, values, color, label in bars:
    end.bar(torch.arange(n) + shift, values, width=0.19, color=color, label=label)
end.set_xticks(range(n), [f"{each:g}" for each in r.tolist()])
end.set(title="Where the training ends", xlabel="true reward of the answer", ylabel="probability")
end.legend(frameon=False, loc="upper right")
for axis in (odds, slope, end):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "orpo.svg", metadata={"Date": None})
