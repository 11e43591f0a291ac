"""Draws rso.svg: who is accepted, what the accepted ones look like, and the two ends of β."""

import random
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "rso" / "solution.py"))
rejection_sample, acceptance_rate = reference["rejection_sample"], reference["acceptance_rate"]
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "rso", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (dots, bars, ends) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1, 1.2, 1], layout="constrained")
generator = torch.Generator().manual_seed(4)

rewards = torch.randn(64, generator=generator, dtype=torch.float64)
numbers = torch.rand(64, generator=generator, dtype=torch.float64)
below = numbers < ((rewards - rewards.max()) / 1.5).exp()
dots.scatter(rewards[~below], numbers[~below], s=18, facecolors="none", edgecolors=GREY, label="rejected")
dots.scatter(rewards[below], numbers[below], s=22, color=BLUE, label="accepted")
line = torch.linspace(float(rewards.min()), float(rewards.max()), 100, dtype=torch.float64)
dots.plot(line, ((line - rewards.max()) / 1.5).exp(), color=RED)
dots.text(1.15, 0.66, "chance", color=RED)
dots.set(title="One sweep over 64 candidates, β = 1.5", xlabel="reward", ylabel="random number", ylim=(0, 1.22))
dots.legend(frameon=False, loc="upper left", ncols=2)

sft = torch.tensor([0.30, 0.25, 0.15, 0.12, 0.09, 0.06, 0.03], dtype=torch.float64)
reward = torch.tensor([0.0, 0.5, -1.0, 1.0, 0.2, 1.5, 2.0], dtype=torch.float64)
best = (sft.log() + reward / 0.7).softmax(0)
written = torch.multinomial(sft, 20_000, replacement=True, generator=generator)
accepted = written[rejection_sample(reward[written], 1500, 0.7, iter(random.Random(1).random, None))]
shares = accepted.bincount(minlength=7) / len(accepted)
place = torch.arange(7)
for shift, values, color, label in ((-0.27, sft, GREY, "supervised model"), (0.0, shares, BLUE, "1500 accepted answers"), (0.27, best, GREEN, "best policy")):
    bars.bar(place + shift, values, width=0.25, color=color, label=label)
bars.set_xticks(place, [f"{each:g}" for each in reward.tolist()])
bars.set(title="Seven answers to one prompt, β = 0.7", xlabel="reward of the answer", ylabel="share", ylim=(0, 0.42))
bars.legend(frameon=False, loc="upper left")

betas = [10**e for e in torch.linspace(-2, 2, 17).tolist()]
many = torch.randn(60, 64, generator=generator, dtype=torch.float64)
means = []
for beta in betas:
    chosen = [row[rejection_sample(row, 8, beta, iter(random.Random(k).random, None))].mean() for k, row in enumerate(many)]
    means.append(float(torch.stack(chosen).mean()))
ends.plot(betas, means, color=BLUE, marker="o", ms=3)
ends.axhline(float(many.topk(8, dim=1).values.mean()), color=GREEN, ls="--", lw=1)
ends.axhline(float(many.mean()), color=GREY, ls="--", lw=1)
ends.text(1.2, float(many.topk(8, dim=1).values.mean()) + 0.04, "the 8 best of 64", color=GREEN)
ends.text(0.011, float(many.mean()) + 0.04, "all 64", color=GREY)
ends.set(xscale="log", title="Mean reward of 8 accepted of 64", xlabel="β", ylim=(-0.1, 1.95))
for axis in (dots, bars, ends):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "rso.svg", metadata={"Date": None})
