"""Draws rejection_sampling_sft.svg: what the best of n does to a model, how far it moves it, and what two ways to estimate it say."""

import math
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "rejection_sampling_sft" / "solution.py"))
best_of_n_policy, bon_kl_bound, bon_expected_max = (reference[name] for name in ("best_of_n_policy", "bon_kl_bound", "bon_expected_max"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "rejection_sampling_sft", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (bars, bound, estimate) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.2, 1, 1], layout="constrained")

model = torch.tensor([0.30, 0.25, 0.15, 0.12, 0.09, 0.06, 0.03], dtype=torch.float64)
reward = torch.tensor([0.0, 0.5, -1.0, 1.0, 0.2, 1.5, 2.0], dtype=torch.float64)
place = torch.arange(7)
for shift, n, color in ((-0.3, 1, GREY), (-0.1, 2, "#9dbfe3"), (0.1, 4, BLUE), (0.3, 16, GREEN)):
    bars.bar(place + shift, best_of_n_policy(model, reward, n), width=0.19, color=color, label="the model" if n == 1 else f"best of {n}")
bars.set_xticks(place, [f"{each:g}" for each in reward.tolist()])
bars.set(title="Seven answers to one prompt", xlabel="reward of the answer", ylabel="probability", ylim=(0, 0.72))
bars.legend(frameon=False, loc="upper left")

ns = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]


def divergence(probs, n):
    best = best_of_n_policy(probs, torch.arange(len(probs)), n)
    return float(torch.xlogy(best, best / probs).sum())


bound.plot(ns, [math.log(n) for n in ns], color=GREY, ls=":", label="log n")
bound.plot(ns, [bon_kl_bound(n) for n in ns], color=RED, label="log n - (n - 1)/n")
for many, style in ((1000, "-"), (20, "--"), (4, "-.")):
    probs = torch.full((many,), 1 / many, dtype=torch.float64)
    bound.plot(ns, [divergence(probs, n) for n in ns], color=BLUE, ls=style, label=f"{many} equally probable answers")
bound.set(title="How far the best of n is from the model", xlabel="n", ylabel="divergence (nats)", xscale="log", ylim=(0, 6.6))
bound.legend(frameon=False, loc="upper left", fontsize=9)

generator = torch.Generator().manual_seed(3)
samples = torch.randn(300, 16, generator=generator, dtype=torch.float64)
ks = list(range(1, 17))
honest = [sum(bon_expected_max(row, k) for row in samples) / 300 for k in ks]
rank = torch.arange(17, dtype=torch.float64) / 16
plugged = [float((samples.sort().values @ (rank**k).diff()).mean()) for k in ks]
truth = [float(torch.randn(4000, k, generator=generator, dtype=torch.float64).amax(1).mean()) for k in ks]
estimate.plot(ks, truth, color=GREY, lw=4, alpha=0.6, label="true")
estimate.plot(ks, honest, color=BLUE, label="over all choices")
estimate.plot(ks, plugged, color=RED, ls="--", label="with replacement")
estimate.set(title="The best of k, from 16 answers", xlabel="k", ylabel="mean largest reward")
estimate.legend(frameon=False, loc="lower right")
for axis in (bars, bound, estimate):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "rejection_sampling_sft.svg", metadata={"Date": None})
