"""Draws prompt_calibration.svg: orders of examples before and after calibration, the moved threshold, and what GlobalE says."""

import random
import runpy
from itertools import permutations
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "icl" / "prompt_calibration" / "solution.py"))
classify, global_entropy = reference["classify"], reference["global_entropy"]
plt.rcParams.update({"svg.hashsalt": "prompt_calibration", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (bars, moved, scatter) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.25, 1, 1], layout="constrained")

rng = random.Random(1)
texts = {f"t{i:02}": rng.gauss(0.6 if i % 2 else -0.6, 0.7) for i in range(60)}
truth = [0 if i % 2 else 1 for i in range(60)]
weight = {f"d{i}": rng.uniform(0.6, 1.4) for i in range(4)}


def model(prompt, continuation):
    """Recency, a different weight for each example, and a mood of the text with some noise."""
    *demos, query = prompt.split("\n\n")
    mood = texts.get(query.split("\n")[0].removeprefix("Text: "), 0.0)
    recent = sum(weight[demo[6:8]] * 0.55**i for i, demo in enumerate(reversed(demos)) if demo.endswith(continuation))
    return [1.6 * recent + (mood if continuation == " good" else -mood) - 9]


def asked(order, free):
    labels, p = classify(model, "", order, list(texts), "Text: {x}\nMood: {y}", [["good"], ["bad"]], free)
    return sum(a == b for a, b in zip(labels.tolist(), truth, strict=True)) / 60, p


demos = [("d0", "good"), ("d1", "bad"), ("d2", "bad"), ("d3", "good")]
orders = [list(order) for order in permutations(demos)]
plain, calibrated = [asked(order, ()) for order in orders], [asked(order, ("N/A", "[MASK]", "")) for order in orders]
rank = sorted(range(24), key=lambda i: plain[i][0])
for place, i in enumerate(rank):
    last = orders[i][-1][1]
    bars.bar(place, plain[i][0], width=0.75, color=BLUE if last == "good" else RED)
bars.plot(range(24), [calibrated[i][0] for i in rank], color=GREEN, marker="o", ms=4, lw=1, label="calibrated")
bars.bar([-5], [0], color=BLUE, label="plain, last label good")
bars.bar([-5], [0], color=RED, label="plain, last label bad")
bars.set(title="24 orders of four examples", xlabel="order, from the worst to the best", ylim=(0.4, 1.16), xlim=(-0.8, 23.8))
bars.set_yticks([0.4, 0.6, 0.8, 1.0], ["40 %", "60 %", "80 %", "100 %"])
bars.legend(frameon=False, loc="upper left", fontsize=9, ncols=2)

i = rank[0]
before, after = plain[i][1][:, 0].tolist(), calibrated[i][1][:, 0].tolist()
for label, color, name in ((0, BLUE, "good"), (1, RED, "bad")):
    chosen = [j for j in range(60) if truth[j] == label]
    moved.scatter([before[j] for j in chosen], [after[j] for j in chosen], color=color, s=14, label=f"texts that are {name}")
moved.axhline(0.5, color=GREY, lw=1, ls=":")
moved.axvline(0.5, color=GREY, lw=1, ls=":")
moved.set(title="The worst order: P(good)", xlabel="plain", ylabel="calibrated", xlim=(0, 1), ylim=(0, 1.3))
moved.set_yticks([0, 0.5, 1])
moved.legend(frameon=False, loc="upper left", fontsize=9)

scatter.scatter([global_entropy(p[None]).item() for _, p in plain], [right for right, _ in plain], color=BLUE, s=18)
scatter.set(title="Without calibration", xlabel="GlobalE", ylabel="accuracy", ylim=(0.4, 1))
scatter.set_yticks([0.4, 0.6, 0.8, 1.0], ["40 %", "60 %", "80 %", "100 %"])
for axis in (bars, moved, scatter):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "prompt_calibration.svg", metadata={"Date": None})
