"""Draw bpe.svg: the words of Sennrich et al. after each merge. Everything shown comes from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).resolve().parent
bpe = runpy.run_path(str(HERE.parents[2] / "solutions" / "tokenizer" / "bpe" / "solution.py"))

plt.rcParams |= {"svg.hashsalt": "bpe", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11}
WORDS = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
STEPS = 7
CELL, GAP = 0.62, 1.0
NEW, OLD, EDGE = "#f6c177", "#eef2f7", "#5b6b7f"

merges = bpe["train_bpe"](WORDS, STEPS)
starts, x = {}, 3.8
for word in WORDS:
    starts[word] = x
    x += CELL * len(word) + GAP
width = x - GAP + 0.2

figure, axes = plt.subplots(figsize=(width * 0.62, (STEPS + 2.8) * 0.5))
axes.set(xlim=(0, width), ylim=(-STEPS - 1.2, 1.4))
axes.axis("off")
axes.text(0.1, 0.9, "merge", weight="bold")
for word, count in WORDS.items():
    center = starts[word] + CELL * len(word) / 2
    axes.text(center, 0.9, f"{word} × {count}", ha="center", weight="bold")

for step in range(STEPS + 1):
    made = "".join(merges[step - 1]) if step else None
    label = "characters" if step == 0 else f"{step}.  {merges[step - 1][0]}  +  {merges[step - 1][1]}"
    axes.text(0.1, -step, label, va="center", color="#1f2937")
    for word in WORDS:
        x = starts[word]
        for piece in bpe["encode_word"](word, merges[:step]):
            size = CELL * len(piece.removesuffix("</w>"))
            box = FancyBboxPatch(
                (x + 0.05, -step - 0.32), size - 0.1, 0.64,
                boxstyle="round,pad=0,rounding_size=0.1",
                facecolor=NEW if piece == made else OLD, edgecolor=EDGE, linewidth=0.9,
            )  # fmt: skip
            axes.add_patch(box)
            shown = piece.replace("</w>", "·")
            axes.text(x + size / 2, -step - 0.02, shown, ha="center", va="center", family="monospace")
            x += size
legend = "· stands for </w>.  Coloured: the symbol that this merge made."
axes.text(0.1, -STEPS - 1.0, legend, color="#475569", fontsize=10)
figure.savefig(HERE / "bpe.svg", metadata={"Date": None}, bbox_inches="tight", facecolor="white")
