"""Draws ddp.svg: what the reference sends around a ring of four, step by step, and what it costs for more ranks."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

from autograder.lab.replay import replay
from autograder.lab.world import World

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "parallel" / "ddp" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "ddp", "svg.fonttype": "none", "font.size": 10})
BLUES = ["#e3ecf7", "#b4cdea", "#7fabd8", "#3f7fbf"]
N = 4

# Element c of the tensor is chunk c. Rank r gives 10^r in each, so that a sum tells which ranks are in it.
world = World(N)
world.run(lambda comm: reference["ring_allreduce"](torch.full((N,), 10**comm.rank), comm))
record = replay(world.events, N)
# The chunk's number does not show in its value: a second run with other values has it.
numbered = World(N)
numbered.run(lambda comm: reference["ring_allreduce"](torch.arange(N) * 100 + 1, comm))
chunks = [
    int(each.tensor[0]) // 100 // shares
    for each, shares in zip(
        replay(numbered.events, N).messages, [str(int(m.tensor[0])).count("1") for m in record.messages], strict=True
    )
]

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), layout="constrained", width_ratios=[1.5, 1])
for message, chunk in zip(record.messages, chunks, strict=True):
    shares = str(int(message.tensor[0])).count("1")
    left.add_patch(plt.Rectangle((message.step - 0.45, message.src - 0.38), 0.9, 0.76, color=BLUES[shares - 1]))
    left.text(
        message.step,
        message.src,
        f"chunk {chunk}\n{shares} of {N}",
        ha="center",
        va="center",
        fontsize=8.5,
        color="white" if shares == N else "black",
    )
left.axvline(N - 0.5, color="#888888", lw=1, ls=":")
left.text(N / 2, -0.62, "reduce-scatter: sums grow", ha="center", fontsize=9)
left.text(1.5 * N - 1, -0.62, "all-gather: whole sums go round", ha="center", fontsize=9)
left.set(xlim=(0.4, 2 * N - 1.4), ylim=(N - 0.5, -0.85), xticks=range(1, 2 * N - 1), yticks=range(N), xlabel="step")
left.set_yticklabels([f"rank {r}" for r in range(N)])
left.set_title("What each rank sends to the next one, n = 4")

ranks = range(1, 17)
right.plot(
    ranks,
    [reference["allreduce_bytes"](n, 1) for n in ranks],
    color="#1f5fa8",
    marker="o",
    ms=4,
    label="ring, every rank",
)
right.plot(ranks, [n - 1 for n in ranks], color="#c0392b", ls="--", lw=1.3, label="all to rank 0: its link, each way")
right.axhline(2, color="#888888", lw=0.8, ls=":")
right.set(
    ylim=(0, 5),
    xticks=[1, 4, 8, 12, 16],
    xlabel="ranks n",
    ylabel="sent, in sizes V of the tensor",
    title="Bytes in the busiest rank",
)
right.legend(frameon=False, fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.8))
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "ddp.svg", metadata={"Date": None})
