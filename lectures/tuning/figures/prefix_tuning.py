"""Draws prefix_tuning.svg: one row of the table, who sees whom, and what a prefix of zeros does to the output."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "tuning" / "prefix_tuning" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "prefix_tuning", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"
figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), width_ratios=[1.5, 1.1, 1], layout="constrained")

# Left: where the numbers of a row go, from split_prefix itself.
axis = axes[0]
L, G, D = 2, 2, 2
prefix = reference["split_prefix"](torch.arange(16.0)[None], 1, L, G)
for pair in prefix:
    for kind, part in enumerate(pair):
        for g in range(G):
            for d in range(D):
                n = int(part[0, g, 0, d])
                x, y = n % 8, n // 8
                color = BLUE if kind == 0 else RED
                axis.add_patch(plt.Rectangle((x - 0.45, y - 0.3), 0.9, 0.6, color=color, alpha=0.55 if g else 0.3, lw=0))
                axis.text(x, y, str(n), ha="center", va="center")
for x, text, color in ((1.5, "keys", BLUE), (5.5, "values", RED)):
    axis.text(x, -0.55, text, ha="center", color=color)
for x in (0.5, 2.5, 4.5, 6.5):
    axis.text(x, 1.55, f"head {int(x // 2) % 2}", ha="center", fontsize=9, color=GREY)
axis.set(xlim=(-0.6, 7.6), ylim=(2.0, -1.0), title="one row of the table", xticks=[])
axis.set_yticks([0, 1], ["layer 0", "layer 1"])
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Middle: with one value vector that is 1, the output says who sees it.
axis = axes[1]
T, P = 5, 3
one = torch.eye(P + T)
zeros = torch.zeros(1, 1, T, 1)
columns = [
    reference["attention_with_prefix"](zeros, zeros, c[P:].view(1, 1, T, 1), torch.zeros(1, 1, P, 1), c[:P].view(1, 1, P, 1))
    for c in one
]
seen = torch.cat(columns, -1)[0, 0]
axis.imshow(seen > 0, cmap="Blues", vmin=0, vmax=1.6)
axis.axvline(P - 0.5, color=RED, lw=1.5)
axis.set(title="who is seen", xlabel="prefix | tokens", ylabel="query")
axis.set_xticks(range(P + T), [*"ppp", *range(T)])
axis.set_yticks(range(T))
axis.tick_params(length=0)

# Right: a prefix of zeros makes outputs smaller.
axis = axes[2]
ones = torch.ones(1, 1, 4, 1)
sizes = list(range(9))
out = [reference["attention_with_prefix"](ones * 0, ones, ones, *[torch.zeros(1, 1, n, 1)] * 2, causal=False)[0, 0, 0, 0] for n in sizes]
axis.plot(sizes, out, color=BLUE, marker="o", ms=4)
axis.set(title="P zeros before 4 tokens", xlabel="P", ylabel="output", ylim=(0, 1.1))
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "prefix_tuning.svg", metadata={"Date": None})
