"""Draws loglikelihood_mc.svg: a text in pieces with little and with much context, and three accuracies of a small model."""

import random
import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))
from autograder.lab.corpora import english  # noqa: E402

reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "eval" / "loglikelihood_mc" / "solution.py"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "loglikelihood_mc", "svg.fonttype": "none", "font.size": 10})
BLUE, GREY = "#1f5fa8", "#cccccc"
figure, axes = plt.subplots(1, 3, figsize=(11.4, 3.5), width_ratios=[1.15, 1.15, 0.9], layout="constrained")

tokens = list(range(1, 21))
for axis, ctx_len in zip(axes, (1, 5), strict=False):
    for row, (ctx, cont) in enumerate(reference["rolling_windows"](tokens, 0, 8, ctx_len)):
        for token in ctx:
            axis.add_patch(plt.Rectangle((token, -row - 0.8), 0.9, 0.75, facecolor=GREY))
        for token in cont:
            axis.add_patch(plt.Rectangle((token, -row - 0.8), 0.9, 0.75, facecolor=BLUE))
    axis.set(title=f"20 tokens, max_len 8, ctx_len {ctx_len}", xlim=(-0.2, 21.2), ylim=(-4.7, 0.2), yticks=[], xticks=[0, 5, 10, 15, 20], xlabel="place (0: the prefix)")
    axis.spines[["top", "right", "left"]].set_visible(False)
axes[0].text(0, -3.7, "blue: scored here\ngrey: read before it", ha="left", va="center")

text = english()
letters = sorted(set(text))
ids = torch.tensor([letters.index(letter) for letter in text])
V, cut = len(letters), 150_000
counts = torch.full((V * V * V,), 0.02, dtype=torch.float64)
counts += torch.bincount(ids[: cut - 2] * V * V + ids[1 : cut - 1] * V + ids[2:cut], minlength=V**3)
logits = counts.view(V, V, V).log()


def model(read):
    return logits[torch.cat([read[:, :1], read[:, :-1]], 1), read]


rng = random.Random(0)
lls, choices = [], []
for _ in range(400):
    at = rng.randrange(cut, len(text) - 100)
    texts = [text[start : start + rng.randrange(6, 30)] for start in (at, *(rng.randrange(cut, len(text) - 100) for _ in range(3)))]
    ctx = ids[at - 40 : at].tolist()
    lls.append([reference["loglikelihood"](model, ctx, [letters.index(letter) for letter in each])[0] for each in texts])
    choices.append(texts)
found = reference["mc_metrics"](lls, choices, [0] * 400)
axis = axes[2]
names = ["acc", "acc_norm"]
axis.bar(range(2), [found[name] for name in names], width=0.6, color=[GREY, BLUE], yerr=[2 * found[f"{name}_stderr"] for name in names], capsize=6)
for x, name in enumerate(names):
    axis.text(x + 0.06, found[name] + 0.01, f"{found[name]:.3f}", fontsize=9)
axis.axhline(0.25, color="#c0392b", ls="--", lw=1)
axis.text(0.5, 0.27, "chance", color="#c0392b", ha="center", fontsize=9)
axis.set(title="400 questions, ± 2 standard errors", xticks=range(2), xticklabels=names, ylim=(0, 0.7), xlim=(-0.5, 1.5))
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "loglikelihood_mc.svg", metadata={"Date": None})
