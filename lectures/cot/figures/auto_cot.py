"""Draws auto_cot.svg: 48 questions in a plane with the examples that two ways choose, and the paper's accuracies on MultiArith."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "cot" / "auto_cot" / "solution.py"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "auto_cot", "svg.fonttype": "none", "font.size": 10})
figure, (plane, bars) = plt.subplots(1, 2, figsize=(10.5, 3.9), width_ratios=[1.2, 1], layout="constrained")

generator = torch.Generator().manual_seed(5)
places = torch.tensor([[0.0, 0.0], [7.0, 0.5], [1.5, 5.0], [7.0, 5.5]], dtype=torch.float64)
flat = places.repeat(12, 1) + torch.randn(48, 2, generator=generator, dtype=torch.float64)
items = [("q", "cut off" if i % 5 < 2 else "It is 7.", "7") for i in range(48)]
labels, centers = reference["kmeans"](flat, reference["initial_centers"](flat, 4))
picked = reference["pick_demos"](flat, labels, centers, items)
test = 5
near = [i for i in ((flat - flat[test]) ** 2).sum(1).argsort().tolist() if i != test][:4]
bad = torch.tensor([not reference["usable"](item) for item in items])
for number, color in enumerate(("#1f5fa8", "#2e7d4f", "#b07d12", "#7b4fa8")):
    mine = labels == number
    plane.scatter(*flat[mine & ~bad].T, s=30, color=color, alpha=0.8, lw=0)
    plane.scatter(*flat[mine & bad].T, s=18, color=color, alpha=0.6, marker="x", lw=1)
    plane.text(*centers[number].tolist(), "+", color=color, ha="center", va="center", fontsize=20)
plane.scatter(*flat[picked].T, s=190, facecolors="none", edgecolors="black", lw=1.8, label="one of each cluster")
plane.scatter(*flat[near].T, s=95, marker="s", facecolors="none", edgecolors="#c0392b", lw=1.4, label="the four nearest to the star")
plane.scatter(*flat[[test]].T, s=110, marker="*", color="#c0392b", lw=0)
plane.set(title="48 questions as points (small ×: not usable)", ylim=(-3, 9.6), xticks=[], yticks=[])
plane.legend(frameon=False, loc="upper center", ncols=2)

names = ["zero-shot", "nearest\nquestions", "random\nquestions", "written by\npeople", "one of each\ncluster"]
values = [78.7, 82.8, 86.2, 91.7, 92.0]
bars.bar(range(5), values, color=["#bbbbbb", "#c0392b", "#bbbbbb", "#bbbbbb", "#1f5fa8"])
for at, value in enumerate(values):
    bars.text(at, value + 0.5, f"{value:.1f}", ha="center", fontsize=9)
bars.set(title="MultiArith, accuracy in percent (the paper's)", ylim=(60, 96), xticks=range(5))
bars.set_xticklabels(names, fontsize=9)
for axis in (plane, bars):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "auto_cot.svg", metadata={"Date": None})
