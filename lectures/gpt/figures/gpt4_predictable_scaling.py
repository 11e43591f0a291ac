"""Draws gpt4_predictable_scaling.svg: a loss predicted with and without an irreducible part, and the calibration of a model."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "gpt4_predictable_scaling" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gpt4_predictable_scaling", "svg.fonttype": "none", "font.size": 10})

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), width_ratios=[1.5, 1], layout="constrained")

# Left: runs on a curve with a little noise; a straight line in logarithms through the same runs.
generator = torch.Generator().manual_seed(3)
truth = (0.5, -0.1, 1.5)
C = torch.logspace(-10, -3, 9, dtype=torch.float64)
L = reference["extrapolate"](truth, C) * (1 + 0.004 * torch.randn(9, generator=generator, dtype=torch.float64))
fit = reference["fit_power_law"](C, L)
x, y = C.log(), L.log()
slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
wide = torch.logspace(-10.3, 0.6, 100, dtype=torch.float64)
large = torch.ones(1, dtype=torch.float64)
left.plot(wide, reference["extrapolate"](fit, wide), color="tab:blue", label="a C^b + c, fitted")
left.plot(wide, torch.exp(y.mean() + slope * (wide.log() - x.mean())), "--", color="tab:red", label="a C^b, fitted")
left.plot(C, L, "o", color="black", ms=5, label="small runs")
left.plot(large, reference["extrapolate"](truth, large), "*", color="tab:green", ms=14, label="the large run")
left.set(xscale="log", title="Predicted from a thousandth", xlabel="compute, as a share of the large run", ylabel="loss")
left.legend(frameon=False)

# Right: a model that is a little too sure of itself.
logits = 2.0 * torch.randn(4000, 4, generator=generator, dtype=torch.float64)
y = torch.multinomial((0.7 * logits).softmax(-1), 1, generator=generator).squeeze(-1)
probs = logits.softmax(-1)
confidence, answer = probs.max(-1)
index = (confidence * 10).ceil().long() - 1
for i in range(10):
    inside = index == i
    if inside.any():
        accuracy = float((answer == y)[inside].double().mean())
        right.bar(i / 10 + 0.05, accuracy, width=0.094, color="tab:blue", alpha=0.8)
right.plot([0, 1], [0, 1], "--", color="black", lw=1)
right.set(title=f"Too sure: ECE = {reference['ece'](probs, y):.2f}", xlabel="confidence", ylabel="share of right answers", xlim=(0, 1))
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "gpt4_predictable_scaling.svg", metadata={"Date": None})
