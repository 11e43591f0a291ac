"""Draws self_consistency.svg: when a vote helps, what its agreement says, and what weights do to long texts."""

import random
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "cot" / "self_consistency" / "solution.py"))
majority, weighted_vote, self_consistency = (reference[name] for name in ("majority", "weighted_vote", "self_consistency"))
plt.rcParams.update({"svg.hashsalt": "self_consistency", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (curve, sure, weigh) = plt.subplots(1, 3, figsize=(11.4, 3.7), layout="constrained")
rng = random.Random(0)

RIGHT = "18"
worlds = [
    ("right in 60 %", [0.6, 0.2, 0.1, 0.1], GREEN, "-"),
    ("right in 35 %, wrong answers spread", [0.35, 0.2, 0.15, 0.15, 0.15], BLUE, "-"),
    ("right in 35 %, one wrong answer in 45 %", [0.35, 0.45, 0.1, 0.1], RED, "--"),
]
counts = [1, 2, 3, 5, 8, 12, 20, 30, 40]
for label, shares, color, style in worlds:
    names = [RIGHT, *(str(7 + i) for i in range(len(shares) - 1))]
    found = [sum(majority(rng.choices(names, shares, k=m)) == RIGHT for _ in range(1500)) / 1500 for m in counts]
    curve.plot(counts, found, color=color, ls=style, marker="o", ms=3, label=label)
curve.set(title="How often the vote is right", xlabel="texts", ylim=(0, 1.32), xlim=(0, 41))
curve.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
curve.legend(frameon=False, loc="upper left", fontsize=9)

# Questions of all difficulties: the right answer has a share between 5 and 95 %, three wrong ones share the rest.
bins = [[] for _ in range(5)]
for _ in range(4000):
    p = rng.uniform(0.05, 0.95)
    texts = [f"The answer is {each}." for each in rng.choices([RIGHT, "7", "8", "9"], [p, *([(1 - p) / 3] * 3)], k=10)]
    answer, agreement = self_consistency(texts, "phrase")
    bins[min(4, int(agreement * 5 - 1e-9))].append(answer == RIGHT)
labels = [f"{i * 20}-{i * 20 + 20} %" for i in range(5)]
sure.bar(range(1, 5), [sum(each) / len(each) for each in bins[1:]], color=BLUE, width=0.7)
sure.set_xticks(range(1, 5), labels[1:])
sure.set(title="Right, by the agreement of 10 texts", xlabel="agreement", ylim=(0, 1.05))
sure.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])

lengths = [20, 60, 80, 100, 120]
logps = [[-0.55] * 20, [-0.4] * 60, [-0.4] * 80, [-0.45] * 100, [-0.5] * 120]
for shift, normalize, color, label in ((-0.19, True, BLUE, "mean"), (0.19, False, RED, "sum")):
    rows = []
    for i in range(5):
        names = ["this" if j == i else "others" for j in range(5)]
        best, share = weighted_vote(names, logps, normalize)
        rows.append(share if best == "this" else 1 - share)
    weigh.bar([i + shift for i in range(5)], rows, width=0.36, color=color, label=label)
weigh.set_xticks(range(5), [f"{n}" for n in lengths])
weigh.set(title="Share of each text's weight", xlabel="tokens of the text", ylim=(0, 1.1))
weigh.legend(frameon=False, title="log-probabilities", loc="upper right")
for axis in (curve, sure, weigh):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "self_consistency.svg", metadata={"Date": None})
