"""Draws bge_m3_hybrid.svg: products of tokens with the maximum of each row, weights of shared words, and one score out of three."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "embedding" / "bge_m3_hybrid" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "bge_m3_hybrid", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), width_ratios=[1.25, 0.9, 0.95], layout="constrained")

# Left: a query of three tokens, a document of four and one place of padding.
axis = axes[0]
question, passage = ["how", "high", "K2"], ["K2", "is", "8611", "m", "padding"]
torch.manual_seed(4)
vectors = torch.randn(8, 4)
vectors[0] = vectors[5] + 0.8 * vectors[6]  # high is near to 8611 and m
d = torch.stack([vectors[2], vectors[4], vectors[5], vectors[6], torch.zeros(4)])
q = torch.stack([vectors[7], vectors[0], vectors[2]])
q, d = (x / x.norm(dim=-1, keepdim=True).clamp(min=1e-9) for x in (q, d))
real = torch.tensor([[1, 1, 1, 1, 0]])
table = q @ d.T
score = reference["maxsim"](q[None], torch.ones(1, 3), d[None], real).item()
for i in range(3):
    for j in range(5):
        best = j == table[i, :4].argmax()
        face = "0.92" if j == 4 else "#c6dbef" if best else "white"
        axis.add_patch(plt.Rectangle((j, -i), 0.95, 0.9, facecolor=face, edgecolor="C0" if best else "0.7", lw=2 if best else 0.6))
        axis.text(j + 0.48, 0.45 - i, "no part" if j == 4 else f"{table[i, j]:.2f}", ha="center", va="center", fontsize=9, color="0.4" if j == 4 else "black")
    axis.text(-0.15, 0.45 - i, question[i], ha="right", va="center", fontsize=9)
for j, word in enumerate(passage):
    axis.text(j + 0.48, 1.2, word, ha="center", va="center", fontsize=9)
axis.text(2.4, -2.6, f"mean of the three maxima: {score:.2f}", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="Each token of the query takes its best", xlim=(-0.9, 5.1), ylim=(-3, 1.6))
axis.axis("off")

# Middle: weights of words.
axis = axes[1]
a, b = {1: 0.3, 2: 1.1, 3: 1.6}, {3: 1.4, 4: 0.2, 5: 1.8, 6: 0.5}
names = {1: "how", 2: "high", 3: "K2", 4: "is", 5: "8611", 6: "m"}
for y, token in enumerate(reversed(names)):
    axis.barh(y + 0.2, a.get(token, 0.0), 0.36, color="C0", label="query" if y == 0 else None)
    axis.barh(y - 0.2, b.get(token, 0.0), 0.36, color="C1", label="document" if y == 0 else None)
axis.set(yticks=range(6), yticklabels=list(reversed(names.values())), xlabel="weight", xlim=(0, 2.9))
axis.set_title(f"Only K2 is shared: 1.6 · 1.4 = {reference['sparse_score'](a, b):.2f}")
axis.legend(loc="upper right", frameon=False)

# Right: one score out of three, for three passages.
axis = axes[2]
sd, ss, sc = torch.tensor([0.62, 0.66, 0.35]), torch.tensor([0.55, 0.05, 0.60]), torch.tensor([0.70, 0.52, 0.48])
total = reference["hybrid"](sd, ss, sc)
left = torch.zeros(3)
for name, part, color in (("dense", 0.4 * sd, "C0"), ("words", 0.2 * ss, "C1"), ("tokens", 0.4 * sc, "C2")):
    axis.barh(range(3), part, left=left, color=color, label=name, height=0.55)
    left = left + part
for y in range(3):
    axis.text(total[y] + 0.01, y, f"{total[y]:.2f}", va="center", fontsize=9)
axis.set(yticks=range(3), yticklabels=["A", "B", "C"], xlim=(0, 0.95), ylim=(2.6, -0.6), ylabel="passage", xlabel="score of all three")
axis.set_title("Weights 0.4, 0.2, 0.4")
axis.legend(loc="lower right", frameon=False, fontsize=8)
figure.savefig(HERE / "bge_m3_hybrid.svg", metadata={"Date": None})
