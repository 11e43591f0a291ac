"""Draws mixed_precision.svg: gradients and float16's range, a scale that finds its size, and updates of a weight in 16 bits."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "mixed_precision" / "solution.py"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "mixed_precision", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (range_, scales, updates) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.15, 1, 1], layout="constrained")

generator = torch.Generator().manual_seed(0)
gradients = 10 ** (-6.6 + 1.0 * torch.randn(4000, generator=generator))
best, lost = reference["best_scale"]([gradients]), reference["lost_share"]
bins = torch.arange(-40, 18).double()
for scale, color, label in ((1.0, RED, f"as they are: {lost([gradients]):.0%} become 0"), (256.0, BLUE, f"times 256: {lost([gradients], 256.0):.0%}")):
    range_.hist((gradients * scale).log2().numpy(), bins=bins.numpy(), color=color, alpha=0.65, label=label)
range_.axvspan(-40, -25, color=GREY, alpha=0.25, lw=0)
range_.axvspan(16, 20, color=GREY, alpha=0.25, lw=0)
range_.text(-39.3, 520, "0 in\nfloat16", color="#555555", va="top")
range_.text(15.6, 340, "inf", color="#555555", ha="right")
range_.set(title="Gradients and float16", xlabel="log2 of the size", ylabel="gradients", xlim=(-40, 18), ylim=(0, 560))
range_.legend(frameon=False, loc="upper right", fontsize=8.5, bbox_to_anchor=(1.0, 1.0))

scaler = reference["LossScaler"](init=2.0**15, interval=12)
seen, bad = [], []
w = torch.zeros(1)
for step in range(120):
    largest = 3.0 * (1 + 0.8 * torch.rand(1, generator=generator).item()) * (6.0 if 60 <= step < 90 else 1.0)
    seen.append(scaler.value)
    w.grad = (torch.tensor([largest]) * scaler.value).half().float()
    if scaler.unscale_([w]):
        bad.append((step, scaler.value))
    scaler.update()
scales.step(range(len(seen)), seen, where="post", color=BLUE)
scales.plot(*zip(*bad, strict=True), "x", color=RED, label="overflow: no step")
scales.set_yscale("log", base=2)
scales.set(title="The scale finds its size (interval 12)", xlabel="round", ylabel="scale", xlim=(0, 120), ylim=(2**8.5, 2**16.5))
scales.text(75, 2**8.9, "larger gradients", color="#555555", ha="center")
scales.axvspan(60, 90, color=GREY, alpha=0.25, lw=0)
scales.legend(frameon=False, loc="upper right")

step = 0.001
low, kahan, excess, full = torch.ones(1).bfloat16(), torch.ones(1).bfloat16(), torch.zeros(1).bfloat16(), torch.ones(1)
ways = {"float32": [], "bfloat16 with memory": [], "bfloat16": []}
for _ in range(60):
    for values, each in zip(ways.values(), (full, kahan, low), strict=True):
        values.append(each.item())
    x = torch.full((1,), step).bfloat16()
    low, full = low + x, full + step
    kahan, excess = reference["kahan_add"](kahan, excess, x)
for (name, values), color, style in zip(ways.items(), (GREY, GREEN, RED), ("-", "-", "--"), strict=True):
    updates.step(range(60), values, where="post", color=color, ls=style, label=name, lw=3 if name == "float32" else 1.5, alpha=0.6 if name == "float32" else 1)
updates.set(title="A weight of 1, and updates of 0.001", xlabel="step", ylabel="weight", xlim=(0, 60))
updates.legend(frameon=False, loc="upper left")
for axis in (range_, scales, updates):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "mixed_precision.svg", metadata={"Date": None})
