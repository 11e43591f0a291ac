"""Draws affine.svg: the staircase and its gradient, and the error of 4-bit weights by granularity. All from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "affine" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "affine", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#888888", "#2e8b57"

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), layout="constrained")

s, z = reference["qparams"](torch.tensor([-1.0, 2.5]), 3, False)
x = torch.linspace(-2.2, 3.6, 1161, requires_grad=True)
y = reference["fake_quant"](x, s, z, 3, False)
y.sum().backward()
left.plot(x.detach(), x.detach(), color=GREY, lw=0.8, ls=":")
left.plot(x.detach(), y.detach(), color=BLUE, label="s (q - z)")
left.fill_between(x.detach(), -2.6, -2.6 + 0.6 * x.grad, color=GREEN, alpha=0.3, lw=0, label="gradient: 1 here, else 0")
left.plot([-1, 2.5], [-1, 2.5], "o", color=RED, ms=5, label="smallest and largest x")
for code in range(8):
    value = float(reference["dequantize"](torch.tensor([code], dtype=torch.uint8), s, z))
    left.text(3.75, value, str(code), fontsize=8, va="center", color=GREY)
left.text(3.75, 3.1, "code", fontsize=8, va="center", color=GREY)
left.set(title=f"3 bits, asymmetric: s = {float(s):.1f}, z = {int(z)}", xlabel="x", ylim=(-2.7, 3.4), xlim=(-2.3, 4.2))
left.legend(frameon=False, fontsize=9, loc="upper left")

weights = torch.randn(16, 128, generator=torch.Generator().manual_seed(0))
weights[5, 77] = 12.0
ways = {"one scale": {}, "one for each row": {"axis": 0}, "groups of 32": {"group": 32}}
for (name, how), color in zip(ways.items(), (RED, BLUE, GREEN), strict=True):
    s, z = reference["qparams"](weights, 4, True, **how)
    error = reference["dequantize"](reference["quantize"](weights, s, z, 4, True), s, z) - weights
    rms = error.square().mean(1).sqrt()
    right.plot(
        range(16), rms, color=color, marker="o", ms=4, lw=1, label=f"{name}: {float(error.square().mean().sqrt()):.2f}"
    )
right.set(
    title="4 bits, symmetric, one outlier in row 5",
    xlabel="row of the weight matrix",
    ylabel="root mean square error",
    ylim=(0, 0.75),
)
right.legend(frameon=False, fontsize=9, title="over all rows", loc="upper right")
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "affine.svg", metadata={"Date": None})
