"""Draws training_loop.svg: the schedule, Adam's first steps with and without the correction, and clipping together or apart."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "warmup" / "training_loop" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "training_loop", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(10.4, 3.4), layout="constrained")

axis = axes[0]
for floor, style in ((0.0, "-"), (0.1, "--")):
    factors = [reference["cosine_with_warmup"](i, 20, 100, floor) for i in range(101)]
    axis.plot(factors, style, label=f"floor {floor:g}")
axis.axvline(20, color="0.7", lw=1, zorder=0)
axis.text(22, 0.08, "warm-up ends", color="0.4")
axis.set(title="Factor of the learning rate", xlabel="step", ylim=(0, 1.05), xlim=(0, 100))
axis.legend(loc="upper right", frameon=False)

axis = axes[1]
one = torch.ones(1, dtype=torch.float64)
p, m, v, moved, raw = 0 * one, 0 * one, 0 * one, [], []
for t in range(1, 31):
    new, m, v = reference["adamw_update"](p, one, m, v, t, 1.0, weight_decay=0.0)
    moved.append((p - new).item())
    raw.append((m / v.sqrt()).item())
    p = new
axis.plot(range(1, 31), moved, label="corrected")
axis.plot(range(1, 31), raw, "--", label="not corrected")
axis.set(title="Adam's steps, gradient always 1", xlabel="step t", ylabel="step / learning rate", ylim=(0, 9))
axis.legend(loc="upper right", frameon=False)

axis = axes[2]
grads = [torch.tensor([3.0]), torch.tensor([0.8])]


def clipped(together):
    params = [torch.zeros(1, requires_grad=True) for _ in grads]
    for q, g in zip(params, grads, strict=True):
        q.grad = g.clone()
    for group in [params] if together else [[q] for q in params]:
        reference["clip_grad_norm"](group, 1.0)
    return [q.grad.item() for q in params]


arrows = [([3.0, 0.8], "0.6", "gradient"), (clipped(True), "C0", "together"), (clipped(False), "C3", "one by one")]
for (x, y), color, name in arrows:
    axis.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0})
    axis.plot([], [], color=color, lw=2, label=name)
axis.set(title="Two gradients, clipped to 1", xlabel="first parameter", ylabel="second", xlim=(0, 3.3), ylim=(0, 1.7))
axis.legend(loc="upper right", frameon=False)
figure.savefig(HERE / "training_loop.svg", metadata={"Date": None})
