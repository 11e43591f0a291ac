"""Draws self_attention.svg: which keys a query sees, and what the root of D does to the weights."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "attention" / "self_attention" / "solution.py"))
attention = reference["attention"]
plt.rcParams.update({"svg.hashsalt": "self_attention", "svg.fonttype": "none", "font.size": 10})
BLUE, RED = "#1f5fa8", "#c0392b"
generator = torch.Generator().manual_seed(4)


def normal(*shape):
    return torch.randn(*shape, generator=generator)


figure, axes = plt.subplot_mosaic([["all", "causal", "decode", "padded"], ["root"] * 4], figsize=(9.6, 5.2),
                                  height_ratios=[1, 1.05], layout="constrained")  # fmt: skip
q, k, v = (normal(1, 1, 6, 8) for _ in range(3))
maps = {
    "all": ("every key", {}, q),
    "causal": ("causal, T = S", {"causal": True}, q),
    "decode": ("causal, 2 new after 4 old", {"causal": True}, q[:, :, 4:]),
    "padded": ("… and key 0 is padding", {"causal": True, "mask": torch.arange(6) > 0}, q[:, :, 4:]),
}
for name, (title, options, queries) in maps.items():
    _, probs = attention(queries, k, v, **options)
    rows = probs[0, 0]
    axis = axes[name]
    axis.imshow(rows.masked_fill(rows == 0, torch.nan), cmap="Blues", vmin=0, vmax=0.7)
    axis.set_facecolor("#eeeeee")
    for (t, s), p in np.ndenumerate(rows.numpy()):
        if p:
            axis.text(s, t, f"{p:.2f}".lstrip("0"), ha="center", va="center", fontsize=7,
                      color="white" if p > 0.4 else "black")  # fmt: skip
    axis.set(title=title, xlabel="key", xticks=range(6), yticks=range(len(rows)))
    axis.set_yticklabels([f"{t + 6 - len(rows)}" for t in range(len(rows))])
    axis.tick_params(length=0)
axes["all"].set_ylabel("query (its place)")

sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]
axis = axes["root"]
for scale, label, color in ((None, "scores / √D", BLUE), (1.0, "scores as they are", RED)):
    largest = []
    for D in sizes:
        _, probs = attention(normal(1, 1, 400, D), normal(1, 1, 32, D), normal(1, 1, 32, 1), scale=scale)
        largest.append(probs.amax(-1).mean().item())
    axis.plot(sizes, largest, marker="o", ms=4, color=color, label=label)
axis.axhline(1 / 32, color="#888888", lw=0.8, ls=":")
axis.text(1, 1 / 32 + 0.02, "all 32 keys alike: 1/32", fontsize=9, color="#888888")
axis.set_xscale("log", base=2)
axis.set(title="Largest weight of a query among 32 random keys (mean of 400)", xlabel="D, features of a head",
         ylabel="weight", ylim=(0, 1), xticks=sizes, xticklabels=sizes)  # fmt: skip
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "self_attention.svg", metadata={"Date": None})
