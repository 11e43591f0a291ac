"""Draws wordpiece_train.svg: how often each pair of a corpus occurs (for BPE), and its score (for WordPiece)."""

import re
import runpy
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from autograder.lab.corpora import english

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "tokenizer" / "wordpiece_train" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "wordpiece_train", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#8a8f98"


def pairs_of(word_counts):
    """(pair, count, score) of every pair, before the first merge; and the pairs that BPE and WordPiece merge."""
    splits = {word: reference["initial_tokens"](word) for word in word_counts}
    tokens, pairs = reference["count"](splits, word_counts)
    rows = [(pair, n, n / (tokens[pair[0]] * tokens[pair[1]])) for pair, n in pairs.items()]
    return rows, max(pairs, key=pairs.get), reference["train_wordpiece"](word_counts, 1)[0][0]


def draw(axes, rows, bpe, wordpiece):
    others = [(n, score) for pair, n, score in rows if pair not in (bpe, wordpiece)]
    axes.plot(*zip(*others, strict=True), "o", ms=4, color=GREY, alpha=0.5, mew=0, zorder=3)
    for pair, n, score in rows:
        if pair in (bpe, wordpiece):
            axes.plot(n, score, "o", ms=8, color=RED if pair == bpe else BLUE, mew=0, zorder=4)
    axes.set_xlabel("count(ab)")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


figure, (left, right) = plt.subplots(1, 2, figsize=(9.8, 3.9), layout="constrained")

rows, bpe, wordpiece = pairs_of({"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5})
draw(left, rows, bpe, wordpiece)
for pair, n, score in rows:
    if pair == wordpiece:
        name = " ".join(pair) + "  WordPiece"
        left.annotate(name, (n, score), xytext=(9, -4), textcoords="offset points", color=BLUE)
    else:
        colour = RED if pair == bpe else "#444444"
        name = " ".join(pair)
        left.annotate(name, (n, score), xytext=(-4, 8), textcoords="offset points", rotation=60, color=colour)
left.annotate("BPE", (20, 1 / 36), xytext=(0, -18), textcoords="offset points", ha="center", color=RED)
left.set(
    xlim=(1.5, 23), ylim=(0.02, 0.056), ylabel="count(ab) / (count(a) · count(b))", title="hug, pug, pun, bun, hugs"
)
left.set_xticks(range(0, 21, 5))
left.set_yticks([1 / 36, 1 / 20], ["1/36", "1/20"])

words = Counter(re.findall(r"[a-z]+", english().lower()))
rows, bpe, wordpiece = pairs_of(dict(words))
draw(right, rows, bpe, wordpiece)
right.set(xscale="log", yscale="log", xlim=(0.7, 12000), ylim=(2e-8, 6e-3), title="Genesis, King James Version")
labelled = {
    bpe: (RED, (-6, 9), "right"),
    wordpiece: (BLUE, (8, 4), "left"),
    ("e", "##x"): ("#444444", (8, 3), "left"),
    ("o", "##f"): ("#444444", (6, 4), "left"),
}
for pair, n, score in rows:
    if pair in labelled:
        colour, offset, side = labelled[pair]
        name = " ".join(pair) + {bpe: "  BPE", wordpiece: "  WordPiece"}.get(pair, "")
        right.annotate(name, (n, score), xytext=offset, textcoords="offset points", ha=side, color=colour, zorder=4)

figure.savefig(HERE / "wordpiece_train.svg", metadata={"Date": None})
