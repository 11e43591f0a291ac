"""Draws gptq.svg: two weights and their loss, the outputs' error by bits, and who waits for whom. The first two from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "gptq" / "solution.py"))
gptq, dequantize, hessian, proxy_loss = (reference[name] for name in ("gptq", "dequantize", "hessian", "proxy_loss"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "gptq", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (plane, bits, blocks) = plt.subplots(1, 3, figsize=(11.4, 3.8), width_ratios=[1, 1, 1.1], layout="constrained")

W = torch.tensor([[1.4, 1.35, 3.0]], dtype=torch.float64)
H = torch.tensor([[2.0, 1.6, 0.0], [1.6, 2.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
found = {name: dequantize(*gptq(W, matrix, 2)) for name, matrix in (("gptq", H), ("nearest", torch.eye(3, dtype=torch.float64)))}
a, b = torch.meshgrid(torch.linspace(0.4, 2.6, 111, dtype=torch.float64), torch.linspace(0.4, 2.6, 111, dtype=torch.float64), indexing="ij")
E = torch.stack([a - W[0, 0], b - W[0, 1]], -1)
plane.contour(a, b, ((E @ H[:2, :2]) * E).sum(-1) / 2, levels=[0.05, 0.15, 0.4, 0.8, 1.4], colors=GREY, linewidths=0.8)
plane.plot(*torch.cartesian_prod(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])).T, "+", color="black", ms=9, label="what codes can say")
plane.plot(W[0, 0], W[0, 1], "o", color="black", ms=5)
plane.text(float(W[0, 0]) + 0.06, float(W[0, 1]) + 0.05, "W")
moved = float(W[0, 1] + (W[0, 0] - 1) * H[0, 1] / H[1, 1])
plane.annotate("", (1.0, moved), (float(W[0, 0]), float(W[0, 1])), arrowprops={"arrowstyle": "->", "color": BLUE})
plane.annotate("", (1.0, 1.98), (1.0, moved), arrowprops={"arrowstyle": "->", "color": BLUE})
for name, color, label in (("nearest", RED, "nearest"), ("gptq", BLUE, "GPTQ")):
    point = found[name][0, :2]
    plane.plot(*point, "o", color=color, ms=9, mfc="none", mew=2, label=f"{label}: {proxy_loss(W, found[name], H):.2f}")
plane.set(title="Two weights: lines of equal loss", xlabel="first weight", ylabel="second weight", xlim=(0.4, 2.6), ylim=(0.4, 2.6))
plane.legend(framealpha=0.9, edgecolor="none", fontsize=9, loc="lower left")

generator = torch.Generator().manual_seed(0)
C = 64
x = torch.randn(400, C, generator=generator, dtype=torch.float64) @ torch.randn(C, C, generator=generator, dtype=torch.float64)
x = x * torch.logspace(-0.4, 0.4, C, dtype=torch.float64)[torch.randperm(C, generator=generator)]
W = torch.randn(32, C, generator=generator, dtype=torch.float64)
H, eye = hessian([x]), torch.eye(C, dtype=torch.float64)
size = (x @ W.T).square().sum(1).mean()
ways = (("nearest", RED, eye, False), ("GPTQ", BLUE, H, False), ("GPTQ, large columns first", GREEN, H, True))
for label, color, matrix, act_order in ways:
    share = []
    for b in (2, 3, 4, 5, 6):
        back = dequantize(*gptq(W, matrix, b, 16, act_order=act_order), 16)
        share.append(float((x @ (W - back).T).square().sum(1).mean() / size))
    bits.plot((2, 3, 4, 5, 6), share, "o-", ms=4, color=color, label=label)
bits.set(yscale="log", title="Error of the outputs, groups of 16", xlabel="bits", ylabel="share of the outputs' square")
bits.set_xticks([2, 3, 4, 5, 6])
bits.set_yticks([1e-4, 1e-3, 1e-2, 1e-1], ["0.01 %", "0.1 %", "1 %", "10 %"])
bits.minorticks_off()
bits.legend(frameon=False, fontsize=9)

for k in range(12):
    color = GREY if k < 4 else (BLUE if k == 5 else GREEN if k in (6, 7) else "#dddddd" if k > 7 else GREY)
    blocks.add_patch(Rectangle((k, 0), 0.9, 3, color=color, lw=0))
for start in (0, 4, 8):
    blocks.add_patch(Rectangle((start - 0.08, -0.15), 4.04, 3.3, fill=False, ec="black", lw=1))
blocks.annotate("", (7.4, 3.5), (5.45, 3.5), arrowprops={"arrowstyle": "->", "color": GREEN})
blocks.text(6.4, 3.7, "at once", color=GREEN, ha="center")
blocks.annotate("", (11.5, -0.55), (6.0, -0.55), arrowprops={"arrowstyle": "->", "color": "black"})
blocks.text(8.8, -1.15, "when the block is done, in one product", ha="center", fontsize=9)
blocks.text(2.0, 3.7, "has its codes", color="#777777", ha="center")
blocks.text(5.45, 1.5, "now", color="white", ha="center", va="center", rotation=90)
blocks.text(9.95, 1.5, "waits", ha="center", va="center")
blocks.set(title="Columns, in blocks of four", xlim=(-0.4, 12.4), ylim=(-1.5, 4.3))
blocks.axis("off")
for axis in (plane, bits):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "gptq.svg", metadata={"Date": None})
