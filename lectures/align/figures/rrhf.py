"""Draws rrhf.svg: pairs in the wrong order, what the length does, and a training."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "rrhf" / "solution.py"))
length_norm_scores, rank_loss = reference["length_norm_scores"], reference["rank_loss"]
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "rrhf", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (pairs, length, way) = plt.subplots(1, 3, figsize=(11.4, 3.7), layout="constrained")

p, r = torch.tensor([-1.0, -2.0, -3.1, -1.6]), torch.tensor([1, 4, 2, 3])
order = r.argsort()
pairs.plot(r[order], p[order], "o", color=BLUE, ms=9)
for i in range(4):
    for j in range(4):
        if r[i] < r[j]:
            cost = rank_loss(p[[i, j]], r[[i, j]]).item()
            pairs.plot([r[i], r[j]], [p[i], p[j]], color=RED if cost else GREY, lw=1.6 if cost else 0.8, ls="-" if cost else ":", zorder=0)
            if cost:
                pairs.text((r[i] + r[j]) / 2 + 0.05, (p[i] + p[j]) / 2 + 0.1, f"{cost:.1f}", color=RED)
pairs.set(title=f"Falling pairs cost: {rank_loss(p, r).item():.1f} in all", xlabel="rank by reward (4 is best)", ylabel="score p", xlim=(0.6, 4.4), ylim=(-3.5, -0.6))
pairs.set_xticks([1, 2, 3, 4])

counts = list(range(1, 41))
for alpha, color, style in ((0.0, RED, ":"), (0.5, GREY, "-."), (1.0, BLUE, "-"), (1.5, GREEN, "--")):
    values = []
    for n in counts:
        logits = torch.zeros(1, n + 1, 3)
        values.append(length_norm_scores(logits, torch.tensor([[-100] + [1] * n]), alpha).item())
    length.plot(counts, values, color=color, ls=style, label=f"alpha = {alpha:g}")
length.set(title="Score, all tokens with p = 1/3", xlabel="tokens of the answer", ylim=(-14, 0), xlim=(1, 40))
length.legend(frameon=False, loc="lower right")

n, reward = torch.tensor([3.0, 6.0, 2.0, 5.0]), torch.tensor([3.0, 4.0, 1.0, 2.0])
logits = torch.tensor([1.0, -1.0, 2.0, 0.5, 1.0], requires_grad=True)  # the last one stands for all other answers
seen = []
for _ in range(80):
    logp = logits.log_softmax(0)
    scores = logp[:4] / n
    seen.append(scores.tolist())
    loss = rank_loss(scores, reward) - logp[1]
    (slope,) = torch.autograd.grad(loss, logits)
    logits = (logits - 0.1 * slope).detach().requires_grad_()
for k, (color, style) in enumerate(((GREEN, "--"), (BLUE, "-"), (RED, ":"), (GREY, "-."))):
    way.plot([each[k] for each in seen], color=color, ls=style, label=f"reward {reward[k]:g}")
way.set(title="Training sorts the scores", xlabel="step", ylabel="score p", xlim=(0, 80))
way.legend(frameon=False, loc="lower left")
for axis in (pairs, length, way):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "rrhf.svg", metadata={"Date": None})
