"""Draws codex_nucleus.svg: two nuclei, their size against temperature, and a search with two beams."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

from autograder.lab.models import markov

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "codex_nucleus" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "codex_nucleus", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#cfd6de"
top_p = reference["top_p_filter"]

figure, axes = plt.subplot_mosaic([["peaked", "size", "beam"], ["flat", "size", "beam"]], figsize=(9.6, 4.2),
                                  width_ratios=[1, 1.1, 1.35], layout="constrained")  # fmt: skip

# Left: a sure and an unsure row, and what a nucleus of 0.8 keeps of them.
generator = torch.Generator().manual_seed(1)
base = torch.randn(1, 14, generator=generator)
for name, sharpness in (("peaked", 2.2), ("flat", 0.5)):
    logits = base * sharpness
    kept = top_p(logits, 0.8)[0] > -torch.inf
    axis = axes[name]
    axis.bar(range(14), logits.softmax(-1)[0], color=[BLUE if each else GREY for each in kept])
    axis.set(title=f"p = 0.8 keeps {int(kept.sum())} of 14", xticks=[], ylabel="probability")
    axis.spines[["top", "right"]].set_visible(False)
axes["flat"].set_xlabel("token")

# Middle: the same logits at many temperatures.
axis = axes["size"]
logits = 2 * torch.randn(1, 1000, generator=generator)
temperatures = torch.logspace(-0.7, 0.5, 60)
for p, color in ((0.95, "#0b3c72"), (0.8, BLUE), (0.5, "#8fb7e0")):
    sizes = [int((top_p(logits / t, p) > -torch.inf).sum()) for t in temperatures]
    axis.plot(temperatures, sizes, color=color, label=f"p = {p}")
axis.set(
    xscale="log",
    yscale="log",
    xlabel="temperature",
    ylabel="tokens in the nucleus",
    title="Size of the nucleus, V = 1000",
)
axis.set_xticks([0.2, 0.5, 1, 2, 3], ["0.2", "0.5", "1", "2", "3"])
axis.minorticks_off()
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)

# Right: the trap. Tokens: 0 bos, 1 eos, 2 a, 3 b.
table = torch.tensor([[0.01, 0.04, 0.55, 0.4], [0.25] * 4, [0.3, 0.35, 0.2, 0.15], [0.02, 0.95, 0.02, 0.01]])
step = markov(table.log().tolist())
greedy = reference["beam_search"](step, 0, 1, 1, 3, 0.0)
two = reference["beam_search"](step, 0, 1, 2, 3, 0.0)
names = {1: "eos", 2: "a", 3: "b", 0: "bos"}
axis = axes["beam"]
first = {2: 2.4, 3: 0.6}
axis.text(0, 1.5, "bos", ha="center", va="center", bbox={"boxstyle": "round", "fc": "white"})
for token, y in first.items():
    axis.plot([0.18, 0.85], [1.5, y], color=BLUE)
    axis.text(
        0.42, (1.5 + y) / 2 + 0.14, f".{round(100 * table[0, token].item())}", color=BLUE, fontsize=9, ha="center"
    )
    axis.text(1, y, names[token], ha="center", va="center", bbox={"boxstyle": "round", "fc": "white", "ec": BLUE})
    for other, dy in ((1, 0.45), (0, -0.15), (2, -0.5)):
        share = table[token, other].item()
        known = any(tokens == [token, other] for tokens, _ in two)
        axis.plot([1.12, 1.85], [y, y + dy], color=BLUE if known else GREY)
        axis.text(2, y + dy, f"{names[other]}  {table[0, token].item() * share:.2f}", va="center",
                  color=BLUE if known else "#888888", fontsize=9)  # fmt: skip
    found = next(i for i, (tokens, _) in enumerate(two) if tokens == [token, 1])
    label = ["1st of two beams", "2nd of two beams, all that greedy finds"][found]
    assert (greedy[0][0] == [token, 1]) == (found == 1)
    axis.text(2, y + 0.68, label, fontsize=8, color=RED if found else BLUE)
axis.set(title="Two beams, two rounds", xlim=(-0.2, 3.9), ylim=(-0.2, 3.4))
axis.axis("off")
figure.savefig(HERE / "codex_nucleus.svg", metadata={"Date": None})
