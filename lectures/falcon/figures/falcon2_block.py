"""Draws falcon2_block.svg: the rows of a fused weight, whole groups on each GPU, and what a cut into thirds would give them."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "falcon" / "falcon2_block" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "falcon2_block", "svg.fonttype": "none", "font.size": 10})
figure, axis = plt.subplots(figsize=(10, 4.3), layout="constrained")

H, Hkv, world = 8, 4, 2
rows = torch.arange(float(H + 2 * Hkv))
names = {}
for letter, part in zip("qkv", reference["unpack_grouped_qkv"](rows, H, Hkv, 1), strict=True):
    for h, row in enumerate(part.int().tolist()):
        names[row] = (letter, h, h // (len(part) // Hkv))
SHADE = {"q": 0.35, "k": 0.7, "v": 1.0}


def draw(x, y, row):
    letter, h, group = names[row]
    axis.add_patch(plt.Rectangle((x + 0.05, y), 0.9, 0.7, color=f"C{group}", alpha=SHADE[letter], lw=0))
    axis.text(x + 0.5, y + 0.35, f"{letter}{h}", ha="center", va="center", color="black" if letter == "q" else "white")


for x in range(len(rows)):
    draw(x, 3, x)
axis.text(-0.3, 3.35, "fused weight", ha="right", va="center")
for rank in range(world):
    shard = reference["shard_for_tp"](rows, Hkv, rank, world).int().tolist()
    for x, row in enumerate(shard):
        draw(x + rank * 8.0, 1.6, row)
    axis.text(rank * 8 + 4, 2.5, f"GPU {rank}: whole groups", ha="center", va="center")
axis.text(-0.3, 1.95, "shard_for_tp", ha="right", va="center")
flat = [int(row) for part in reference["unpack_grouped_qkv"](rows, H, Hkv, 1) for row in part]
for rank in range(world):
    for x, row in enumerate(flat[rank * 8 : rank * 8 + 8]):
        draw(x + rank * 8.0, 0.2, row)
    axis.text(rank * 8 + 4, 1.1, ("GPU 0: queries without keys", "GPU 1: keys without queries")[rank], ha="center", va="center")
axis.text(-0.3, 0.55, "thirds, cut in two", ha="right", va="center")
axis.plot([8, 8], [0, 3.85], color="0.2", lw=1.5, ls="--")
axis.set(xlim=(-3.3, 16.2), ylim=(0, 4))
axis.axis("off")
figure.savefig(HERE / "falcon2_block.svg", metadata={"Date": None})
