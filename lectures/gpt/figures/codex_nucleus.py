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

figure, axes = plt.subplot_mosaic([["peaked", "flat", "size"], ["beam"] * 3], figsize=(9.6, 6.6),
                                  height_ratios=[1, 1.05], layout="constrained")  # fmt: skip

# Above left: a sure and an unsure row, the most probable token first, and what a nucleus of 0.8 keeps of them.
generator = torch.Generator().manual_seed(1)
base = torch.randn(1, 14, generator=generator)
for name, sharpness in (("peaked", 2.2), ("flat", 0.5)):
    logits = base * sharpness
    probs, order = logits.softmax(-1)[0].sort(descending=True)
    kept = (top_p(logits, 0.8)[0] > -torch.inf)[order]
    axis = axes[name]
    axis.bar(range(14), probs, color=[BLUE if each else GREY for each in kept])
    axis.step(range(14), probs.cumsum(0), where="mid", color="black", lw=1)
    axis.axhline(0.8, color=RED, lw=1, ls=":")
    axis.text(13.5, 0.77, "p = 0.8", color=RED, ha="right", va="top", fontsize=9)
    axis.set(title=f"{'sure' if name == 'peaked' else 'unsure'}: keeps {int(kept.sum())} of 14", xticks=[], ylim=(0, 1.03),
             xlabel="tokens, most probable first")  # fmt: skip
    axis.spines[["top", "right"]].set_visible(False)
axes["peaked"].set_ylabel("probability, and its sum")

# Above right: the same logits at many temperatures.
axis = axes["size"]
logits = 2 * torch.randn(1, 1000, generator=generator)
temperatures = torch.logspace(-0.7, 0.5, 60)
for p, color in ((0.95, "#0b3c72"), (0.8, BLUE), (0.5, "#8fb7e0")):
    sizes = [int((top_p(logits / t, p) > -torch.inf).sum()) for t in temperatures]
    axis.plot(temperatures, sizes, color=color, label=f"p = {p}")
axis.set(xscale="log", yscale="log", xlabel="temperature", title="tokens kept of 1000")
axis.set_xticks([0.2, 0.5, 1, 2, 3], ["0.2", "0.5", "1", "2", "3"])
axis.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
axis.minorticks_off()
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)

# Below: the trap. Tokens: 0 bos, 1 eos, 2 a, 3 b. Every extension of a round competes with all others of it.
table = torch.tensor([[0.01, 0.04, 0.55, 0.4], [0.25] * 4, [0.3, 0.35, 0.2, 0.15], [0.02, 0.95, 0.02, 0.01]])
step = markov(table.log().tolist())
[(greedy, _)] = reference["beam_search"](step, 0, 1, 1, 3, 0.0)
two = [tokens for tokens, _ in reference["beam_search"](step, 0, 1, 2, 3, 0.0)]
names = {1: "eos", 2: "a", 3: "b", 0: "bos"}
axis = axes["beam"]


def box(x, y, text, color, **more):
    axis.text(x, y, text, ha="center", va="center", color=color, bbox={"boxstyle": "round,pad=0.35", "fc": "white", "ec": color},
              **more)  # fmt: skip


box(0, 0, "bos", "black")
live = {2: 2.0, 3: -2.0}
for token, y in ((2, 2.0), (3, -2.0), (1, 0.35), (0, -0.35)):
    color = BLUE if token in live else "#999999"
    axis.plot([0.14, 0.86], [0, y], color=color if token in live else GREY, lw=1.6, zorder=0)
    box(1, y, f"{names[token]}  {table[0, token].item():.2f}", color)
for token, y in live.items():
    for other, dy in ((1, 1.2), (0, 0.4), (2, -0.4), (3, -1.2)):
        found = [token, other] in two
        share = table[0, token].item() * table[token, other].item()
        axis.plot([1.17, 1.83], [y, y + dy], color=BLUE if found else GREY, lw=1.6, zorder=0)
        box(2, y + dy, f"{names[token]} {names[other]}  {share:.2f}", BLUE if found else "#999999")
        if found:
            said = f"place {two.index([token, other]) + 1}: finished"
            said += ". Greedy search finds this one alone" if greedy == [token, other] else ""
            axis.text(2.26, y + dy, said, va="center", color=RED if greedy == [token, other] else BLUE)
for x, text in ((1, "round 1:\nthe best two go on"), (2, "round 2:\nall eight are ranked together")):
    axis.text(x, 3.95, text, ha="center", va="center", fontsize=9)
axis.set(title="A search with two beams", xlim=(-0.2, 3.75), ylim=(-3.5, 4.5))
axis.axis("off")
figure.savefig(HERE / "codex_nucleus.svg", metadata={"Date": None})
