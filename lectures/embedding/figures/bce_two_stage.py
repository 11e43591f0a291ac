"""Draws bce_two_stage.svg: windows over a passage, two orders of five passages, and four measures of both orders."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "embedding" / "bce_two_stage" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "bce_two_stage", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), width_ratios=[1.1, 1, 0.95], layout="constrained")

# Left: 30 tokens in windows of 12.
axis = axes[0]
windows = reference["split_passage"](list(range(30)), 12, 3)
logits = torch.tensor([-1.2, 1.1, -0.4])[: len(windows)]
score = reference["rerank"]([([0], windows)], lambda batch: logits)[0][1]
axis.add_patch(plt.Rectangle((0, 0), 30, 0.6, facecolor="0.88", edgecolor="0.6"))
axis.text(15, 0.3, "30 tokens", ha="center", va="center", fontsize=9)
for y, (window, value) in enumerate(zip(windows, logits.sigmoid().tolist(), strict=True), 1):
    best = abs(value - score) < 1e-6
    axis.add_patch(plt.Rectangle((window[0], -y), len(window), 0.6, facecolor="#c6dbef" if best else "white", edgecolor="C0" if best else "0.6", lw=2 if best else 1))
    axis.text(window[0] + len(window) / 2, 0.3 - y, f"score {value:.2f}", ha="center", va="center", fontsize=9)
axis.text(15, -4, f"score of the passage: {score:.2f}", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="Windows of 12, overlap 3", xlim=(-0.5, 30.5), ylim=(-4.4, 1))
axis.axis("off")

# Middle: five passages in both stages.
axis = axes[1]
names = ["A", "B", "C", "D", "E"]
first = torch.tensor([0.71, 0.66, 0.62, 0.58, 0.55])
logits = torch.tensor([-0.9, 0.1, 0.9, -0.2, -1.4])
second = reference["rerank"]([([0], [[i]]) for i in range(5)], lambda batch: logits, threshold=0.0)
relevance = [0, 1, 2, 0, 0]
for rank, (i, value) in enumerate(second):
    kept = value >= 0.35
    axis.plot([0, 1], [i, rank], color="C0" if relevance[i] else "0.75", lw=2)
    axis.text(-0.06, i, f"{names[i]}  {first[i]:.2f}", ha="right", va="center", fontsize=9)
    axis.text(1.06, rank, f"{value:.2f}  {names[i]}", ha="left", va="center", fontsize=9, color="black" if kept else "0.6")
kept = sum(value >= 0.35 for _, value in second)
axis.plot([0.85, 1.5], [kept - 0.5] * 2, color="C3", ls="--", lw=1)
axis.text(1.52, kept - 0.5, "0.35", color="C3", va="center", fontsize=9)
axis.text(-0.1, -0.8, "cosine", ha="right", fontsize=9, color="0.3")
axis.text(1.06, -0.8, "score", ha="left", fontsize=9, color="0.3")
axis.set(title="First and second stage (blue: relevant)", xlim=(-0.55, 1.8), ylim=(4.6, -1.2))
axis.axis("off")

# Right: the measures of both orders.
axis = axes[2]
rel = torch.tensor([relevance])
labels = ["MRR", "recall of 2", "average\nprecision", "NDCG of 5"]
for shift, name, scores, color in ((-0.19, "first", first[None], "0.7"), (0.19, "second", logits.sigmoid()[None], "C0")):
    values = [
        reference["mrr_at_k"](rel, scores, 5),
        reference["recall_at_k"](rel, scores, 2),
        reference["average_precision"](rel, scores),
        reference["ndcg_at_k"](rel, scores, 5),
    ]
    axis.barh([y + shift for y in range(4)], values, 0.36, color=color, label=name)
    for y, value in enumerate(values):
        axis.text(value + 0.02, y + shift, f"{value:.2f}", va="center", fontsize=8)
axis.set(yticks=range(4), yticklabels=labels, xlim=(0, 1.2), ylim=(4.4, -0.6), title="What the second stage brings")
axis.legend(loc="lower right", frameon=False, fontsize=8, ncols=2)
figure.savefig(HERE / "bce_two_stage.svg", metadata={"Date": None})
