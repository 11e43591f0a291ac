"""Draws zero_memory.svg, the picture of the module: what four devices hold of a model under DP, ZeRO 1 to 3, TP and PP, and what moves."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

HERE = Path(__file__).resolve().parent
r = runpy.run_path(str(HERE.parents[2] / "solutions" / "parallel" / "zero_memory" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "zero_memory", "svg.fonttype": "none", "font.size": 10})
BLUE, ORANGE, GREEN, EMPTY = "#1f5fa8", "#d99a1c", "#2e7d4f", "#ececec"
KINDS = [("weights", BLUE), ("gradients", ORANGE), ("optimizer", GREEN)]
PIECES = DEVICES = 4
LAYERS = 5  # the embedding and four layers


def whole(device, layer, piece):
    return True


def share(device, layer, piece):  # all numbers end to end, in four equal parts, whatever they belong to
    return (layer * PIECES + piece) // LAYERS == device


def stage(device, layer, piece):
    return max(layer - 1, 0) == device


def columns(device, layer, piece):
    return piece == device


SCHEMES = [
    ("DP", "another part of the batch", (whole, whole, whole), 0, "gradients, once a step: 2 Ψ numbers"),
    ("ZeRO-1", "another part of the batch", (whole, whole, share), 1, "gradients and new weights: 2 Ψ"),
    ("ZeRO-2", "another part of the batch", (whole, share, share), 2, "gradients and new weights: 2 Ψ"),
    ("ZeRO-3", "another part of the batch", (share, share, share), 3, "weights, twice, and gradients: 3 Ψ"),
    ("TP", "the same texts", (columns, columns, columns), 3, "activations, in every layer (columns of\none matrix, rows of the next)"),
    ("PP", "the same texts, one after the other", (stage, stage, stage), 3, "activations, between neighbours\n(bytes: on average)"),
]
figure, axis = plt.subplots(figsize=(11.4, 8.2), layout="constrained")
cell, block, device_width, height = 0.19, 0.98, 3.3, 1.3
squares = {}
for k, (name, reads, held, number, moves) in enumerate(SCHEMES):
    top = -height * k
    axis.text(-0.35, top - 0.28, name, ha="right", va="center", fontsize=13, weight="bold")
    axis.text(-0.35, top - 0.62, reads.replace(", one", ",\none"), ha="right", va="center", fontsize=8.5, color="#555555")
    for device in range(DEVICES):
        for j, ((_, colour), holds) in enumerate(zip(KINDS, held, strict=True)):
            for layer in range(LAYERS):
                for piece in range(PIECES):
                    x, y = device * device_width + j * block + piece * cell, top - layer * cell
                    squares.setdefault(colour if holds(device, layer, piece) else EMPTY, []).append(Outline.unit_rectangle().transformed(Affine2D().scale(cell).translate(x, y - cell)))
    parts = r["zero_parts"](1.0, DEVICES, number)
    text = " + ".join(f"{parts[kind]:g}" for kind, _ in KINDS)
    axis.text(DEVICES * device_width + 0.15, top - 0.25, f"{text} = {sum(parts.values()):g} bytes", va="center", fontsize=10)
    axis.text(DEVICES * device_width + 0.15, top - 0.45, moves, va="top", fontsize=9, color="#555555")
    if k in (0, 3):
        axis.axhline(top - height + 0.22, color="#bbbbbb", lw=0.8)
for colour, paths in squares.items():  # one path for each colour keeps the file small
    axis.add_patch(PathPatch(Outline.make_compound_path(*paths), fc=colour, ec="white", lw=0.8))
for device in range(DEVICES):
    axis.text(device * device_width + 1.35, 0.55, f"device {device}", ha="center", weight="bold")
    for j, (kind, colour) in enumerate(KINDS):
        axis.text(device * device_width + j * block + 0.4, 0.18, kind, ha="center", fontsize=7, color=colour)
axis.text(DEVICES * device_width + 0.15, 0.4, "for each parameter, on one device;\nand what moves", fontsize=9, va="center")
axis.text(0, -height * 6 + 0.12, "Each block: the embedding and four layers from top to bottom, pieces of their matrices from left to right. Coloured: held by this device.", fontsize=9, color="#555555")
axis.set(xlim=(-3.1, DEVICES * device_width + 5.3), ylim=(-height * 6 - 0.05, 0.85))
axis.axis("off")
figure.savefig(HERE / "zero_memory.svg", metadata={"Date": None})
