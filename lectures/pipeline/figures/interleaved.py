"""Draws interleaved.svg: where the stages live and how a micro-batch walks, and the timelines of one and two chunks."""

import runpy
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
from autograder.lab.pipeline import simulate  # noqa: E402

reference = runpy.run_path(str(ROOT / "solutions" / "pipeline" / "interleaved" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "interleaved", "svg.fonttype": "none", "font.size": 10})
FORWARD, BACKWARD, RED, GREY = ("#b4cdea", "#5b8fcf"), ("#f6c9a8", "#e08c45"), "#c0392b", "#888888"
P, M, LAYERS = 4, 4, 8

figure = plt.figure(figsize=(11, 8.2), layout="constrained")
grid = figure.add_gridspec(3, 2, height_ratios=[1.05, 1, 1])

# Top: layers from left to right in the model's depth; a row for each device; the way of a micro-batch.
for column, v in enumerate((1, 2)):
    axis = figure.add_subplot(grid[0, column])
    way = []
    for device, chunks in enumerate(reference["place_layers"](LAYERS, P, v)):
        for chunk, layers in enumerate(chunks):
            x, width = layers[0], len(layers)
            axis.add_patch(
                plt.Rectangle((x + 0.05, device + 0.12), width - 0.1, 0.76, facecolor=FORWARD[chunk], edgecolor="none")
            )
            name = f"layers {layers[0]}, {layers[-1]}" if width > 1 else f"layer {layers[0]}"
            axis.text(x + width / 2, device + 0.5, name, ha="center", va="center", fontsize=9 if width > 1 else 7.5)
            way.append((x, x + width, device))
    way.sort()
    for (_, right, device), (left, _, other) in pairwise(way):
        down = other > device
        start, end = (right - 0.3, device + (0.88 if down else 0.12)), (left + 0.3, other + (0.12 if down else 0.88))
        axis.annotate(
            "", end, start, arrowprops={"arrowstyle": "-|>", "color": RED, "lw": 1.4, "shrinkA": 0, "shrinkB": 0}
        )
    sent = reference["transfers"](P, 1, v) // 2
    axis.set(
        title=f"{v} chunk{'s' * (v > 1)} on a device: {sent} transfers on the way forward",
        xlim=(0, LAYERS),
        ylim=(P, 0),
    )
    axis.set_yticks([n + 0.5 for n in range(P)], [f"device {n}" for n in range(P)])
    axis.set(xticks=[], xlabel="depth of the model")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)

# Below: the timelines, to one scale; the first micro-batch is outlined.
longest = simulate(reference["interleaved"](P, M, 1), 1).makespan
for row, v in enumerate((1, 2), 1):
    axis = figure.add_subplot(grid[row, :])
    schedule = reference["interleaved"](P, M, v)
    run = simulate(schedule, v)
    for device, ops in enumerate(schedule):
        axis.add_patch(plt.Rectangle((0, device + 0.08), run.makespan, 0.84, facecolor="#ececec", edgecolor="none"))
        for op in ops:
            stage, kind, i = op
            start, end = run.start[op], run.end[op]
            colors = FORWARD if kind == "F" else BACKWARD
            box = {"edgecolor": RED, "lw": 1.8, "zorder": 3} if i == 0 else {"edgecolor": "white", "lw": 0.8}
            axis.add_patch(
                plt.Rectangle(
                    (start + 0.02, device + 0.1), end - start - 0.04, 0.8, facecolor=colors[stage // P], **box
                )
            )
            axis.text((start + end) / 2, device + 0.5, str(i), ha="center", va="center", fontsize=9, zorder=4)
    idle = reference["bubble_over_ideal"](P, M, v)
    axis.set_title(
        f"{v} chunk{'s' * (v > 1)}: {run.makespan:g} units, of which each device is idle for {idle * M * 3:g} (grey)"
    )
    axis.set(xlim=(0, longest), ylim=(P, 0), xlabel="time" if row == 2 else "")
    axis.set_yticks([n + 0.5 for n in range(P)], [f"device {n}" for n in range(P)])
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
    if row == 1:
        names = [
            ("forward", FORWARD[0]),
            ("backward", BACKWARD[0]),
            ("forward, chunk 1", FORWARD[1]),
            ("backward, chunk 1", BACKWARD[1]),
        ]
        handles = [plt.Rectangle((0, 0), 1, 1, facecolor=color, label=name) for name, color in names]
        handles.append(plt.Rectangle((0, 0), 1, 1, facecolor="none", edgecolor=RED, lw=1.8, label="micro-batch 0"))
        axis.legend(
            handles=handles, ncols=5, frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12)
        )
figure.savefig(HERE / "interleaved.svg", metadata={"Date": None})
