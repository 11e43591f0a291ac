"""Draws blank_infilling.svg: a text, its two parts with positions and targets, and the mask."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "glm" / "blank_infilling" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "blank_infilling", "svg.fonttype": "none", "font.size": 10})
words = ["the", "old", "cat", "sat", "down", "here"]
names = dict(enumerate(words, 10)) | {1: "[M]", 2: "sop", 3: "eop"}
spans, order = [(2, 3), (4, 6)], [1, 0]
made = reference["make_blocks"]([*range(10, 16)], spans, order, MASK=1, SOP=2, EOP=3)
sep, N = made["sep"], len(made["tokens"])
colors = ["0.9", "#f2b6a0", "#a9cbe8"]  # part A, the first piece, the second piece
piece = [0] * sep + [1 + int(place != made["pos1"][sep]) for place in made["pos1"][sep:]]
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=[1.75, 1], layout="constrained")

axis = axes[0]


def box(x, y, text, color, weight="normal"):
    axis.add_patch(plt.Rectangle((x - 0.46, y - 0.38), 0.92, 0.76, facecolor=color, edgecolor="0.4", lw=0.7))
    axis.text(x, y, text, ha="center", va="center", fontsize=9, weight=weight)


for i, word in enumerate(words):
    number = next((k for k, (start, end) in enumerate(spans) if start <= i < end), None)
    box(i + 1.5, 0, word, colors[0] if number is None else colors[1 + order.index(number)])
axis.text(-0.7, 0, "text", ha="right", va="center")
rows = [("tokens", 2.0), ("targets", 3.0), ("pos1", 4.2), ("pos2", 5.2)]
for name, y in rows:
    axis.text(-0.7, y, name, ha="right", va="center", family="monospace")
    for x, value in enumerate(made[name].tolist()):
        if name == "targets" and x < sep:
            axis.text(x, y, "·", ha="center", va="center", color="0.6")
        else:
            text = names[value] if name in ("tokens", "targets") else str(value)
            box(x, y, text, colors[piece[x]] if name != "targets" else "white")
axis.text((sep - 1) / 2, 1.25, "part A", ha="center", va="center", color="0.35")
axis.text(sep + (N - sep - 1) / 2, 1.25, "part B", ha="center", va="center", color="0.35")
axis.plot([sep - 0.5, sep - 0.5], [1.0, 5.7], color="0.3", lw=1, ls=":")
axis.set(xlim=(-2.3, N - 0.4), ylim=(5.8, -0.6), title="One text, cut twice")
axis.axis("off")

axis = axes[1]
mask = reference["glm_mask"](sep, N)
picture = [[1 + piece[s] if mask[t, s] else 0 for s in range(N)] for t in range(N)]
axis.imshow(picture, cmap=matplotlib.colors.ListedColormap(["white", "0.8", *colors[1:]]), vmin=-0.5, vmax=3.5)
labels = [names[token] for token in made["tokens"].tolist()]
axis.set_xticks(range(N), labels, fontsize=8, rotation=90)
axis.set_yticks(range(N), labels, fontsize=8)
axis.set_xticks([i - 0.5 for i in range(1, N)], minor=True)
axis.set_yticks([i - 0.5 for i in range(1, N)], minor=True)
axis.grid(which="minor", color="0.85", lw=0.8)
axis.tick_params(which="both", length=0)
axis.axhline(sep - 0.5, color="0.3", lw=1, ls=":")
axis.axvline(sep - 0.5, color="0.3", lw=1, ls=":")
axis.set(title="Row t may look at column s")
figure.savefig(HERE / "blank_infilling.svg", metadata={"Date": None})
