"""Draws tensor_parallel.svg: which parts of an MLP a rank holds, where something is sent, and what it costs."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

from autograder.lab.world import World

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "parallel" / "tensor_parallel" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "tensor_parallel", "svg.fonttype": "none", "font.size": 10})
COLOURS = ["#1f5fa8", "#2e7d4f", "#c9822b", "#8e4a9e"]
GREY = "#cfcfcf"
N, C, HIDDEN, T = 4, 4, 8, 3


def program(comm):
    """Shapes of what a rank holds, and how many all-reduces it makes."""
    generator = torch.Generator().manual_seed(0)
    up, down = torch.randn(HIDDEN, C, generator=generator), torch.randn(C, HIDDEN, generator=generator)
    mlp = reference["ParallelMLP"](up, torch.zeros(HIDDEN), down, torch.zeros(C), comm)
    mlp(torch.randn(1, T, C, generator=generator).requires_grad_()).sum().backward()
    return mlp.up.weight.shape, mlp.down.weight.shape


world = World(N)
((part_up, part_down), *_) = world.run(program)
assert len([each for each in world.events if each["event"] == "call"]) == 2 * N  # one forward and one backward on each rank

figure, (left, right) = plt.subplots(1, 2, figsize=(11.4, 3.8), layout="constrained", width_ratios=[2.2, 1])
UNIT = 0.34


def table(x, rows, columns, label, split=None):
    """A matrix with its top left corner at x; `split` says along which side ranks share it."""
    top = rows * UNIT / 2
    for row in range(rows):
        for column in range(columns):
            index = {"columns": column * N // columns, "rows": row * N // rows}.get(split)
            colour = GREY if index is None else COLOURS[index]
            left.add_patch(plt.Rectangle((x + column * UNIT, top - (row + 1) * UNIT), UNIT, UNIT, facecolor=colour, edgecolor="white", lw=1))
    left.text(x + columns * UNIT / 2, -1.75, label, ha="center", va="top", fontsize=9)
    return x + columns * UNIT


end = table(0, T, C, "x\neverybody has it")
left.text(end + 0.24, 0, "f", ha="center", va="center", fontsize=13, style="italic")
end = table(end + 0.48, part_up[1], part_up[0] * N, "first matrix\nshared by columns", "columns")
left.text(end + 0.2, 0, "=", ha="center", va="center", fontsize=13)
end = table(end + 0.4, T, HIDDEN, "gelu(x A)\nside by side", "columns")
left.text(end + 0.2, 0, "·", ha="center", va="center", fontsize=16)
end = table(end + 0.4, part_down[1] * N, part_down[0], "second matrix\nshared by rows", "rows")
left.text(end + 0.2, 0, "=", ha="center", va="center", fontsize=13)
for index in range(N):
    top = (N * (T * 0.17 + 0.12)) / 2 - index * (T * 0.17 + 0.12)
    for row in range(T):
        for column in range(C):
            left.add_patch(plt.Rectangle((end + 0.75 + column * 0.17, top - (row + 1) * 0.17), 0.17, 0.17, facecolor=COLOURS[index], edgecolor="white", lw=0.6))
left.text(end + 0.75 + 2 * 0.17, -1.75, "four parts\nof a sum", ha="center", va="top", fontsize=9)
end += 0.75 + C * 0.17
left.text(end + 0.36, 0, "g", ha="center", va="center", fontsize=13, style="italic")
end = table(end + 0.72, T, C, "y\neverybody has it")
left.text(0, 1.95, "f: backward sums the gradients over ranks", fontsize=9, ha="left")
left.text(end, 1.95, "g: forward sums over ranks", fontsize=9, ha="right")
left.set(xlim=(-0.15, end + 0.15), ylim=(-2.6, 2.2), aspect="equal")
left.axis("off")
left.set_title("One MLP on four ranks: a colour is what one rank holds")

ranks = [1, 2, 4, 8, 16]
right.plot(ranks, [1 / n for n in ranks], color=COLOURS[0], marker="o", ms=4, label="matrices that a rank holds")
right.plot(ranks, [(n - 1) / n for n in ranks], color="#c0392b", marker="s", ms=4, ls="--", label="numbers sent, of at most 8 C a token")
right.set(xscale="log", xlabel="ranks n", ylabel="share", ylim=(0, 1.25), title="What more ranks save, and cost")
right.set_xticks(ranks, [str(n) for n in ranks])
right.minorticks_off()
right.legend(frameon=False, fontsize=8.5, loc="upper center")
right.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "tensor_parallel.svg", metadata={"Date": None})
