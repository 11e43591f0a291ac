"""Draws causal_lm_loss.svg: which logits meet which label, and what micro-batches of unequal size do to the mean."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "warmup" / "causal_lm_loss" / "solution.py"))
causal_lm_loss = reference["causal_lm_loss"]
plt.rcParams.update({"svg.hashsalt": "causal_lm_loss", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, PALE = "#1f5fa8", "#c0392b", "#999999", "#d7dde5"

figure, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.9), width_ratios=[1.65, 1], layout="constrained")

# Left: a prompt of three tokens, an answer of three, one of padding. Each loss is asked of the reference alone.
words = ["Q:", "2+2?", "A:", "It", "is", "4", "<pad>"]
labels = torch.tensor([[-100, -100, -100, 3, 4, 5, -100]])
logits = torch.randn(1, len(words), 7, generator=torch.Generator().manual_seed(4)) * 1.2
for t, word in enumerate(words):
    counts = labels[0, t] >= 0
    left.text(t, 1.0, word, ha="center", va="center", bbox={"boxstyle": "round", "fc": PALE, "ec": GREY})
    left.text(
        t,
        0.0,
        word if counts else "-100",
        ha="center",
        va="center",
        color="black" if counts else GREY,
        bbox={"boxstyle": "round", "fc": "#dcebdc" if counts else "white", "ec": GREY},
    )
for t in range(len(words) - 1):
    target = int(labels[0, t + 1])
    style = {
        "arrowstyle": "-|>",
        "color": BLUE if target >= 0 else GREY,
        "lw": 1.6 if target >= 0 else 0.8,
        "ls": "-" if target >= 0 else ":",
    }
    left.annotate("", (t + 0.95, 0.1), (t + 0.05, 0.9), arrowprops=style)
    if target >= 0:
        alone = torch.full_like(labels, -100)
        alone[0, t + 1] = target
        loss = causal_lm_loss(logits, alone).item()
        left.text(t + 1, -0.36, f"{loss:.2f}", ha="center", va="center", color=BLUE)
left.text(6, 0.72, "no target", ha="center", color=GREY, fontsize=9)
left.text(-0.75, 1.0, "logits at", ha="right", va="center")
left.text(-0.75, 0.0, "labels", ha="right", va="center")
left.text(-0.75, -0.36, "loss", ha="right", va="center", color=BLUE)
left.text(
    3, -0.66, f"mean of the three that count: {causal_lm_loss(logits, labels).item():.2f}", ha="center", color=BLUE
)
left.set(xlim=(-1.9, 6.6), ylim=(-0.8, 1.3), title="Position t predicts the token at t + 1")
left.axis("off")

# Right: two micro-batches, one with 12 targets, one with 2 that the model finds hard.
easy = torch.zeros(1, 13, 4)
easy[..., 0] = 3.0
hard = torch.zeros(1, 3, 4)
hard[..., 0] = -2.0
y_easy, y_hard = torch.zeros(1, 13, dtype=torch.int64), torch.zeros(1, 3, dtype=torch.int64)
n = 14
means = [causal_lm_loss(easy, y_easy).item(), causal_lm_loss(hard, y_hard).item()]
shares = [causal_lm_loss(easy, y_easy, num_items=n).item(), causal_lm_loss(hard, y_hard, num_items=n).item()]
bars = [
    ("12 easy\ntargets", means[0], PALE),
    ("2 hard\ntargets", means[1], PALE),
    ("mean of\nthe means", sum(means) / 2, RED),
    ("num_items\n= 14, added", sum(shares), BLUE),
]
for i, (_, height, color) in enumerate(bars):
    right.bar(i, height, color=color, width=0.65)
    right.text(i, height + 0.05, f"{height:.2f}", ha="center")
right.set_xticks(range(4), [name for name, _, _ in bars], fontsize=9)
right.set(title="Two micro-batches, one step", ylabel="loss (nats for each token)", ylim=(0, 3.5))
right.spines[["top", "right"]].set_visible(False)

figure.savefig(HERE / "causal_lm_loss.svg", metadata={"Date": None})
