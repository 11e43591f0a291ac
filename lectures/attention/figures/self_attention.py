"""Draws self_attention.svg: whose value goes where, which keys a query sees, and what the root of D does to the weights."""

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


figure, axes = plt.subplot_mosaic([["flow"] * 3, ["causal", "decode", "padded"], ["root"] * 3], figsize=(9.6, 8.6),
                                  height_ratios=[0.85, 1, 0.8], layout="constrained")  # fmt: skip

# Above: whose value goes where. The head looks for the word before which the present word stood last.
words = ["the", "cat", "sat", "on", "a", "mat", ".", "then", "the", "cat", "sat", "on", "a"]
names = sorted(set(words))
one_hot = torch.eye(len(names))[[names.index(word) for word in words]][None, None]
before = torch.cat([torch.zeros_like(one_hot[:, :, :1]), one_hot[:, :, :-1]], 2)
_, probs = attention(one_hot, before, one_hot, causal=True, scale=8.0)
axis = axes["flow"]
for t, color in ((5, "#888888"), (8, RED), (12, BLUE)):
    for s, p in enumerate(probs[0, 0, t].tolist()):
        if p > 0.01:
            axis.plot([s, t], [0.13, 0.87], color=color, lw=7 * p, alpha=0.75, solid_capstyle="butt")
for t, word in enumerate(words):
    axis.text(t, 0, word, ha="center", va="center")
    axis.text(t, 1, word, ha="center", va="center", fontweight="bold" if t in (5, 8, 12) else "normal",
              color={5: "#888888", 8: RED, 12: BLUE}.get(t, "#bbbbbb"))  # fmt: skip
axis.set(title="Whose value three of the tokens take: the line is as wide as the weight", xlim=(-0.9, 12.6), ylim=(-0.2, 1.2))
axis.set_yticks([0, 1], ["keys, values", "queries"])
axis.set_xticks([])
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

q, k, v = (normal(1, 1, 6, 8) for _ in range(3))
maps = {
    "causal": ("causal, six tokens at once", {"causal": True}, q),
    "decode": ("causal, 2 new after 4 old", {"causal": True}, q[:, :, 4:]),
    "padded": ("… and key 0 is padding", {"causal": True, "mask": torch.arange(6) > 0}, q[:, :, 4:]),
}
for name, (title, options, queries) in maps.items():
    _, probs = attention(queries, k, v, **options)
    rows, first = probs[0, 0], 6 - len(queries[0, 0])
    axis = axes[name]
    axis.set_facecolor("white")
    axis.add_patch(plt.Rectangle((-0.5, first - 0.5), 6, 6 - first, color="#e4e4e4", lw=0, zorder=-1))
    shown = torch.full((6, 6), torch.nan)
    shown[first:] = rows.masked_fill(rows == 0, torch.nan)
    axis.imshow(shown, cmap="Blues", vmin=0, vmax=0.7)
    for (t, s), p in np.ndenumerate(rows.numpy()):
        if p:
            axis.text(s, t + first, f"{p:.2f}".lstrip("0"), ha="center", va="center", fontsize=8,
                      color="white" if p > 0.4 else "black")  # fmt: skip
    axis.set(title=title, xlabel="key", xticks=range(6), yticks=range(first, 6))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
axes["causal"].set_ylabel("query (its place)")

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
