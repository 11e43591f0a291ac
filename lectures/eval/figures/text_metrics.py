"""Draws text_metrics.svg: what four kinds of damage cost in three metrics, and Elo in three orders beside Bradley-Terry."""

import random
import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))
from autograder.lab.corpora import english  # noqa: E402

reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "eval" / "text_metrics" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "text_metrics", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (bars, way) = plt.subplots(1, 2, figsize=(11, 3.9), width_ratios=[1.1, 1], layout="constrained")

rng = random.Random(0)
refs = [line for line in english(12000).split("\n") if len(line.split()) > 12][:60]


def shuffled(words):
    return rng.sample(words, len(words))


damages = {
    "one “not”\nput in": lambda words: [*words[: len(words) // 2], "not", *words[len(words) // 2 :]],
    "second half\nmissing": lambda words: words[: len(words) // 2],
    "halves\nexchanged": lambda words: words[len(words) // 2 :] + words[: len(words) // 2],
    "all words\nshuffled": shuffled,
}
for at, damage in enumerate(damages.values()):
    hyps = [" ".join(damage(ref.split())) for ref in refs]
    values = [
        reference["corpus_bleu"](hyps, [[ref] for ref in refs]) / 100,
        sum(reference["rouge_l"](hyp, ref)[2] for hyp, ref in zip(hyps, refs, strict=True)) / len(refs),
        sum(reference["squad_em_f1"](hyp, [ref])[1] for hyp, ref in zip(hyps, refs, strict=True)) / len(refs),
    ]
    for shift, value, color, name in zip((-0.27, 0, 0.27), values, (BLUE, GREEN, GREY), ("BLEU / 100", "ROUGE-L, F1", "F1 of words"), strict=True):
        bars.bar(at + shift, value, width=0.25, color=color, label=None if at else name)
        bars.text(at + shift, value + 0.02, f"{value:.2f}", ha="center", fontsize=8)
bars.set_xticks(range(len(damages)), list(damages))
bars.set(title="60 verses, damaged in four ways", ylim=(0, 1.3), yticks=[0, 0.5, 1])
bars.legend(frameon=False, ncols=3, loc="upper center", fontsize=9)

strengths = [0.0, 120.0, 240.0]
matches = []
for a, b in ((0, 1), (1, 2), (0, 2)):
    for _ in range(100):
        matches.append((a, b, float(rng.random() < 1 / (1 + 10 ** ((strengths[b] - strengths[a]) / 400)))))
rated = reference["bradley_terry"](matches, 3)
for order, style in zip(range(3), ("-", "--", ":"), strict=True):
    order_rng = random.Random(order)
    shuffled_matches = order_rng.sample(matches, len(matches))
    counts = range(0, len(matches) + 1, 5)
    paths = list(zip(*(reference["elo"](shuffled_matches[:count], 3, k=24.0) for count in counts), strict=True))
    for path, color in zip(paths, (RED, GREEN, BLUE), strict=True):
        way.plot(counts, path, color=color, ls=style, lw=1)
for rating, color, name in zip(rated, (RED, GREEN, BLUE), "ABC", strict=True):
    way.plot([0, 300], [rating, rating], color=color, lw=2.5, alpha=0.45)
    way.text(304, rating, f"{name}: {rating:.0f}", color=color, va="center")
way.set(title="The same 300 matches in three orders: Elo, k = 24\n(thick: Bradley-Terry)", xlabel="matches", ylabel="rating", xlim=(0, 345))
for axis in (bars, way):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "text_metrics.svg", metadata={"Date": None})
