"""Draws dp.svg: who sends what to whom in one step on four ranks, and what goes over the busiest link for more ranks."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from torch import nn

from autograder.lab.replay import replay
from autograder.lab.world import World

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "parallel" / "dp" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "dp", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREEN, ORANGE, GREY = "#1f5fa8", "#c0392b", "#2e7d4f", "#c9822b", "#888888"
N = 4


def program(comm):
    torch.manual_seed(0)
    net = nn.Linear(3, 2, bias=False)
    dp = reference["DataParallelSim"](net, comm)
    y = dp.forward(torch.randn(8, 3) if comm.rank == 0 else None)
    if comm.rank == 0:
        y.square().sum().backward()
    dp.backward(y.grad if comm.rank == 0 else None)


world = World(N)
world.run(program)
record = replay(world.events, N)
out, back = ([each for each in record.messages if (each.dst if toward else each.src) == 0] for toward in (False, True))
phases = [
    ("weights", BLUE, [(0, rank) for rank in range(1, N)]),
    ("rows", GREEN, [(each.src, each.dst) for each in out[: N - 1]]),
    ("outputs", ORANGE, [(each.src, each.dst) for each in back[: N - 1]]),
    ("gradients\nof outputs", GREY, [(each.src, each.dst) for each in out[N - 1 :]]),
    ("gradients\nof weights", RED, [(each.src, each.dst) for each in back[N - 1 :]]),
]
assert len(record.messages) == 4 * (N - 1) and len(record.of("broadcast")) == 1

figure, (left, right) = plt.subplots(1, 2, figsize=(11.4, 3.8), layout="constrained", width_ratios=[1.5, 1])
for rank in range(N):
    left.plot([-0.3, 4.9], [rank, rank], color="#cccccc", lw=1)
for place, (name, colour, pairs) in enumerate(phases):
    for src, dst in pairs:
        other = max(src, dst)
        x = place + 0.22 * (other - 1)
        left.annotate("", (x, dst), (x, src), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8})
    left.text(place + 0.22, -0.55, name, color=colour, ha="center", va="center", fontsize=9.5)
left.axvline(2.72, color=GREY, ls=":", lw=1)
left.text(2.72, 3.3, "loss, on rank 0", ha="center", va="center", fontsize=9, backgroundcolor="white")
left.set(xlim=(-0.4, 5.0), ylim=(3.5, -0.9), xticks=[])
left.set_yticks(range(N), ["rank 0,\nmaster", *(f"rank {rank}" for rank in range(1, N))])
left.set_title("One step: every arrow begins or ends at the master")

ranks = range(1, 17)
right.plot(ranks, [reference["dp_traffic"](1000, 0, 0, n, n)["received"] / 1000 for n in ranks], color=RED, marker="o", ms=4, label="master: gradients in")
right.plot(ranks, [2 * (n - 1) / n for n in ranks], color=BLUE, marker="s", ms=4, label="ring: every rank")
right.set(xticks=[1, 4, 8, 12, 16], xlabel="ranks n", ylabel="in sizes of the model", title="Over the busiest link, each way")
right.legend(frameon=False, fontsize=9, loc="upper left")
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
left.spines["bottom"].set_visible(False)
figure.savefig(HERE / "dp.svg", metadata={"Date": None})
