"""Draws qwen1_ntk_logn.svg: which pairs NTK slows down, and how sharp attention stays with LogN."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "qwen" / "qwen1_ntk_logn" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "qwen1_ntk_logn", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")

D, trained = 128, 2048
exponents = -torch.arange(0, D, 2, dtype=torch.float64) / D
for times, marker in ((2, "o"), (4, "^"), (8, "s")):
    alpha = reference["ntk_alpha"](times * trained, trained)
    slower = 10000.0**exponents / reference["ntk_base"](10000.0, alpha, D) ** exponents
    axes[0].plot(slower, marker, ms=3.5, label=f"{times} times as long: alpha = {alpha:g}")
axes[0].set(title="How many times slower a pair turns", xlabel="pair (0 is the fastest)", ylabel="old angle / new angle")
axes[0].legend(frameon=False)

generator = torch.Generator().manual_seed(0)
lengths, rows = [64, 128, 256, 512, 1024, 2048, 4096], {"without LogN": [], "with LogN": []}
for n in lengths:
    q, k = 2 * torch.randn(400, 64, generator=generator), torch.randn(n, 64, generator=generator)
    factor = float(reference["logn_scale"](torch.tensor([n - 1]), 256))
    for name, scale in (("without LogN", 1.0), ("with LogN", factor)):
        logp = (scale * q @ k.T / 8).log_softmax(-1)
        rows[name].append(float(-(logp.exp() * logp).sum(-1).mean()))
for (name, values), marker in zip(rows.items(), "o^", strict=True):
    axes[1].plot(lengths, values, marker + "-", ms=5, label=name)
axes[1].axvline(256, color="0.6", lw=1, zorder=0)
axes[1].text(270, 2.7, "trained on 256 keys", color="0.4", fontsize=9)
axes[1].set(title="Entropy of attention over random keys", xlabel="number of keys", xscale="log")
axes[1].set_xticks(lengths, [str(n) for n in lengths])
axes[1].minorticks_off()
axes[1].legend(frameon=False, loc="upper left")
figure.savefig(HERE / "qwen1_ntk_logn.svg", metadata={"Date": None})
