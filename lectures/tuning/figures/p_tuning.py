"""Draws p_tuning.svg: a template, and how far one learned vector moves the others with each kind of network."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "tuning" / "p_tuning" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "p_tuning", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, PALE = "#1f5fa8", "#c0392b", "#e8e8e8"
figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), width_ratios=[1.7, 1, 1], layout="constrained")

# Left: a template, its items as vectors, with the places that the reference gives.
axis = axes[0]
template = ["P", "P", "x", 5, "P", 9]
labels = {5: "is", 9: "[MASK]"}
embeds, places = reference["fill_template"](template, nn.Embedding(12, 2), torch.zeros(3, 2), torch.tensor([[1, 2]]))
names = []
for item in template:
    names += ["Bonn", "city"] if item == "x" else [labels.get(item, item)]
count = 0
for n, name in enumerate(names):
    learned = n in places
    axis.add_patch(plt.Rectangle((n - 0.46, -0.35), 0.92, 0.7, color=BLUE if learned else PALE, alpha=0.35 if learned else 1, lw=0))
    axis.text(n, 0, f"p{count}" if learned else name, ha="center", va="center", fontsize=8)
    axis.text(n, 0.62, str(n), ha="center", va="center", fontsize=8, color="#888888")
    count += learned
x = [places[0], places[1], places[2]]
axis.add_patch(plt.Rectangle((0.4, -2.35), 3.8, 0.7, color=RED, alpha=0.25, lw=0))
axis.text(2.3, -2.0, "LSTM and MLP", ha="center", va="center")
for n in x:
    axis.annotate("", (n, -0.4), (min(max(n, 0.9), 3.7), -1.62), arrowprops={"arrowstyle": "->", "color": RED})
axis.set(xlim=(-0.6, len(names) - 0.4), ylim=(1.1, -2.8), title="a template")
axis.axis("off")

# Right: move one vector of the table, and see which vectors of the prompt move.
P = 8
for axis, kind, title in ((axes[1], "mlp", "moved by the MLP"), (axes[2], "lstm", "moved by the LSTM")):
    torch.manual_seed(0)
    encoder = reference["PromptEncoder"](P, 6, 8, kind)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.5)
    before, moved = reference["bake"](encoder), []
    for i in range(P):
        with torch.no_grad():
            kept = encoder.embedding.weight[i].clone()
            encoder.embedding.weight[i] += 1
        moved.append((reference["bake"](encoder) - before).norm(dim=1))
        with torch.no_grad():
            encoder.embedding.weight[i] = kept
    axis.imshow(torch.stack(moved), cmap="Blues", vmin=0)
    axis.set(title=title, xlabel="vector of the prompt", ylabel="vector that learns", xticks=range(P), yticks=range(P))
    axis.tick_params(length=0)
figure.savefig(HERE / "p_tuning.svg", metadata={"Date": None})
