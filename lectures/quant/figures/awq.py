"""Draws awq.svg: errors of the columns without and with scales, the loss by α, and by bits. All from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "awq" / "solution.py"))
awq_search, candidates, fake_quantize, importance = (reference[name] for name in ("awq_search", "candidates", "fake_quantize", "importance"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "awq", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (columns, search, bits) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.15, 1, 1], layout="constrained")

generator = torch.Generator().manual_seed(1)
C, G = 32, 16
x = torch.randn(500, C, generator=generator, dtype=torch.float64)
x[:, [5, 19, 20]] *= torch.tensor([30.0, 20.0, 12.0], dtype=torch.float64)  # three columns with large inputs
W = torch.randn(64, C, generator=generator, dtype=torch.float64)
a = importance([x])


def loss(W, x, s, b):
    return float((((x / s) @ fake_quantize(W * s, b, G).T) - x @ W.T).square().mean() / (x @ W.T).square().mean())


s, alpha = awq_search(W, x, 3, G)
for label, scales, color, shift in (("without", torch.ones_like(s), RED, -0.2), ("with scales", s, BLUE, 0.2)):
    part = ((fake_quantize(W * scales, 3, G) / scales - W).square().mean(0) * x.square().mean(0)).tolist()
    columns.bar([k + shift for k in range(C)], part, width=0.4, color=color, label=label)
columns.set(title="What each column adds to the error", xlabel="column of W", yscale="log")
columns.legend(frameon=False, fontsize=9, loc="upper right", ncols=2)
columns.set_ylim(3e-3, 1e2)
columns.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
columns.minorticks_off()

for b, color in ((2, RED), (3, BLUE), (4, GREEN)):
    values = [loss(W, x, row, b) for row in candidates(a, 20)]
    search.plot([k / 20 for k in range(20)], [v / values[0] for v in values], "o-", ms=3, color=color, label=f"{b} bits")
    best = min(range(20), key=values.__getitem__)
    search.plot(best / 20, values[best] / values[0], "o", ms=9, mfc="none", color=color)
search.set(title="The error by α", xlabel="α (ring: the best)", ylabel="part of the error at α = 0", ylim=(0, 1.5))
search.legend(frameon=False, fontsize=9)

for label, color, chosen in (("without", RED, lambda b: torch.ones_like(a)), ("with scales", BLUE, lambda b: awq_search(W, x, b, G)[0])):
    bits.plot((2, 3, 4, 5, 6), [loss(W, x, chosen(b), b) for b in (2, 3, 4, 5, 6)], "o-", ms=4, color=color, label=label)
bits.set(title="Error of the outputs", xlabel="bits", ylabel="share of the outputs' square", yscale="log")
bits.set_xticks([2, 3, 4, 5, 6])
bits.set_yticks([1e-4, 1e-3, 1e-2, 1e-1], ["0.01 %", "0.1 %", "1 %", "10 %"])
bits.minorticks_off()
bits.legend(frameon=False, fontsize=9)
for axis in (columns, search, bits):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "awq.svg", metadata={"Date": None})
