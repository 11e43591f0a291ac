"""Draws lora.svg: what adapters cost in GPT-3, and the spectrum of a change of rank 4."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
reference = runpy.run_path(str(ROOT / "solutions" / "tuning" / "lora" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "lora", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

figure, axes = plt.subplot_mosaic([["cost", "spectrum"]], figsize=(9.6, 3.8), layout="constrained")

# Left: W_q and W_v of GPT-3's 96 layers.
axis = axes["cost"]
ranks = [1, 2, 4, 8, 16, 32, 64, 128, 256]
axis.loglog(ranks, [reference["lora_params"]([(12288, 12288)] * 192, r) for r in ranks], color=BLUE, marker="o", ms=4)
for count, text in ((174_604_259_328, "GPT-3: 175 billion"), (192 * 12288**2, "its W_q and W_v: 29 billion")):
    axis.axhline(count, color=GREY, lw=0.8, ls=":")
    axis.text(1, count * 1.2, text, color=GREY, fontsize=9)
axis.text(1.2, 3.3e6, "4.7 million", color=BLUE, va="top", fontsize=9)
axis.set(title="weights that learn", xlabel="rank r", ylim=(1e6, 1e12), xticks=ranks, xticklabels=ranks)
axis.minorticks_off()

# Right: a layer learns a target change of full rank with A and B of rank 4.
torch.manual_seed(0)
target = torch.randn(32, 32) @ torch.diag(0.7 ** torch.arange(32.0)) @ torch.randn(32, 32) / 32
base = nn.Linear(32, 32, bias=False)
wanted = base.weight.detach() + target
layer = reference["LoRALinear"](base, r=4, alpha=4.0)
optimizer = torch.optim.Adam([layer.A, layer.B], lr=0.02)
for _ in range(1500):
    optimizer.zero_grad()
    (base.weight + layer.delta() - wanted).pow(2).sum().backward()
    optimizer.step()
axis = axes["spectrum"]
n = range(1, 13)
axis.plot(n, torch.linalg.svdvals(target)[:12], color=GREY, marker="o", ms=4, label="the change that was wanted")
axis.plot(
    n, torch.linalg.svdvals(layer.delta().detach())[:12], color=BLUE, marker="s", ms=4, label="ΔW with r = 4, trained"
)
axis.set(title="singular values", xlabel="number", xticks=n, ylim=(-0.05, None))
axis.legend(frameon=False)
for axis in axes.values():
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "lora.svg", metadata={"Date": None})
