"""Draws zero_stages.svg: what a rank holds in each stage, and when stage 3 gathers the weights of which layer."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from torch import nn

from autograder.lab.world import World

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "parallel" / "zero_stages" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "zero_stages", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREEN, PALE = "#1f5fa8", "#c0392b", "#2e7d4f", "#dbe7f5"
N, WIDTH, LAYERS = 8, 8, 4


def weights():
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(WIDTH, WIDTH, generator=generator) / 3) for _ in range(LAYERS)]


def held(stage):
    """Numbers that a rank holds after a backward and a step: weights, gradients, m and v."""

    def program(comm):
        params, x = weights(), torch.ones(2, WIDTH) * (comm.rank + 1)
        if stage == 3:
            net = [reference["Zero3Layer"](lambda x, w: torch.tanh(x @ w[0]), [p], comm) for p in params]
            for layer in net:
                x = layer(x)
            x.sum().backward()
            shards = [p for layer in net for p in layer.shards]
            size = sum(p.numel() for p in shards)
            return size, sum(p.grad.numel() for p in shards), 2 * size
        kind = {1: reference["Zero1"], 2: reference["Zero2"]}[max(stage, 1)]
        optimizer = kind(params, 0.01, comm)
        for p in params:
            x = torch.tanh(x @ p)
        x.sum().backward()
        grads = sum(p.grad.numel() for p in params) if stage < 2 else sum(g.numel() for g in optimizer.grads)
        optimizer.step()
        state = sum(s[name].numel() for s in optimizer.state for name in ("m", "v"))
        size = sum(p.numel() for p in params)
        return size, grads, 2 * size if stage == 0 else state

    return [each / (LAYERS * WIDTH * WIDTH) for each in World(N).run(program)[0]]


figure, (left, right) = plt.subplots(1, 2, figsize=(11.4, 3.8), layout="constrained", width_ratios=[1, 1.5])
for stage in range(4):
    bottom = 0.0
    for value, colour, label in zip(held(stage), (BLUE, RED, GREEN), ("weights", "gradients", "Adam's m and v"), strict=True):
        left.bar(stage, value, bottom=bottom, color=colour, width=0.62, label=label if stage == 0 else None)
        bottom += value
    left.text(stage, bottom + 0.07, f"{bottom:g}", ha="center", fontsize=9)
left.set_xticks(range(4), ["data\nparallel", "stage 1", "stage 2", "stage 3"])
left.set(ylabel="numbers on a rank, in Ψ", ylim=(0, 4.6), title=f"What one of {N} ranks holds")
left.legend(frameon=False, fontsize=9, loc="upper right", bbox_to_anchor=(1.0, 1.0))


def stage_3(comm):
    net = [reference["Zero3Layer"](lambda x, w: torch.tanh(x @ w[0]), [p], comm) for p in weights()]
    x = torch.ones(2, WIDTH)
    for layer in net:
        x = layer(x)
    comm.mark("loss")
    x.sum().backward()


world = World(2)
world.run(stage_3)
events = [each for each in world.events if each["rank"] == 0 and each["event"] in ("call", "mark")]
layer, forward = 0, True
for step, event in enumerate(events):
    if event["event"] == "mark":
        forward, layer, middle = False, LAYERS - 1, step
        continue
    gather = event["op"] == "all_gather"
    place = LAYERS - 1 - layer
    if gather:
        right.add_patch(plt.Rectangle((step - 0.5, place - 0.4), 1 if forward else 2, 0.8, facecolor=PALE, edgecolor=BLUE, lw=0.8))
    right.text(step, place, "all-\ngather" if gather else "reduce-\nscatter", ha="center", va="center", fontsize=7.6, color=BLUE if gather else RED)
    if forward:
        layer += 1
    elif not gather:
        layer -= 1
right.axvline(middle, color="#888888", ls=":", lw=1)
right.text(middle - 0.3, LAYERS - 0.35, "forward", ha="right", fontsize=9)
right.text(middle + 0.3, LAYERS - 0.35, "backward", ha="left", fontsize=9)
right.set(xlim=(-0.7, len(events) - 0.3), ylim=(-0.6, LAYERS), xlabel="collectives of one step, in order", xticks=[])
right.set_yticks(range(LAYERS), [f"layer {LAYERS - index}" for index in range(LAYERS)])
right.set_title("Stage 3: whose weights are whole (shaded)")
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "zero_stages.svg", metadata={"Date": None})
