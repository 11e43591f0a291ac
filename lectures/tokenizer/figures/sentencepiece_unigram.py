"""Draw sentencepiece_unigram.svg: the lattice of a word with its posteriors, and what alpha does to them."""

import math
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch

HERE = Path(__file__).parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions/tokenizer/sentencepiece_unigram/solution.py"))

WORD = "hugs"
PROBABILITIES = {
    "h": 0.10, "u": 0.10, "g": 0.15, "s": 0.15, "hu": 0.10, "ug": 0.15, "gs": 0.05, "hug": 0.15, "ugs": 0.05,
}  # fmt: skip
LOGP = {piece: math.log(p) for piece, p in PROBABILITIES.items()}
BLUE, ORANGE, GREY = "#0b5394", "#c55a11", "#555555"


def segmentations(s):
    ends = [end for end in range(1, len(s) + 1) if s[:end] in LOGP]
    return [(s[:end], *rest) for end in ends for rest in segmentations(s[end:])] if s else [()]


def expected_counts():
    """c(v): em_step gives c(v) / Σc, and Σ_v c(v)·len(v) = len(s) gives Σc."""
    new, _ = reference["em_step"]([WORD], LOGP)
    total = len(WORD) / sum(math.exp(score) * len(piece) for piece, score in new.items())
    return {piece: total * math.exp(score) for piece, score in new.items()}


def lattice(ax):
    counts = expected_counts()
    best, _ = reference["viterbi"](WORD, LOGP)
    # How far an arc bends (up is negative) and the height of its label.
    bend = {1: (0.0, 0.075), 2: (-0.7, 0.40), 3: (0.42, -0.38)}
    for begin in range(len(WORD)):
        for end in range(begin + 1, len(WORD) + 1):
            piece = WORD[begin:end]
            if piece not in LOGP:
                continue
            rad, label = bend[len(piece)]
            colour = ORANGE if piece in best else BLUE
            arrow = FancyArrowPatch(
                (begin, 0), (end, 0), connectionstyle=f"arc3,rad={rad}", arrowstyle="-|>", mutation_scale=11,
                shrinkA=10, shrinkB=10, linewidth=0.8 + 5 * counts[piece], color=colour,
            )  # fmt: skip
            ax.add_patch(arrow)
            ax.text((begin + end) / 2, label, f"{piece}  {counts[piece]:.2f}", ha="center", va="center", fontsize=10,
                    color=colour, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    forward = [math.exp(score) for score in reference["_forward"](WORD, LOGP)]
    for i, z in enumerate(forward):
        ax.plot(i, 0, "o", markersize=17, markerfacecolor="white", markeredgecolor="black")
        ax.text(i, 0, str(i), ha="center", va="center", fontsize=10)
        ax.text(i, -0.56, f"{z:.4f}".rstrip("0").rstrip("."), ha="center", va="center", fontsize=9, color=GREY)
    ax.text(-0.3, -0.56, "forward sum", ha="right", va="center", fontsize=9, color=GREY)
    ax.set(xlim=(-1.1, 4.3), ylim=(-0.64, 0.48))
    ax.set_title(
        "The lattice of “hugs”: pieces and their expected counts\n(orange: the best segmentation)", fontsize=11
    )
    ax.axis("off")


def alphas(ax):
    scored = sorted(((math.fsum(LOGP[piece] for piece in x), x) for x in segmentations(WORD)), reverse=True)
    colours = ["#cfe2f3", "#6fa8dc", BLUE, "black"]
    values = [0.0, 0.5, 1.0, 4.0]
    height = 0.2
    for k, (alpha, colour) in enumerate(zip(values, colours, strict=True)):
        weights = [math.exp(alpha * score) for score, _ in scored]
        y = [row + (k - 1.5) * height for row in range(len(scored))]
        ax.barh(y, [w / sum(weights) for w in weights], height=height, color=colour, label=f"α = {alpha:g}")
    ax.set_yticks(range(len(scored)), [" ".join(x) for _, x in scored])
    ax.invert_yaxis()
    ax.set_xlabel("probability of a draw")
    ax.set_title("What α does to the draws", fontsize=11)
    ax.legend(frameon=False, loc="lower right")
    for side in ["top", "right"]:
        ax.spines[side].set_visible(False)


def main():
    plt.rcParams.update({"svg.hashsalt": "sentencepiece_unigram", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4), width_ratios=[1.5, 1], layout="constrained")
    lattice(left)
    alphas(right)
    figure.savefig(HERE / "sentencepiece_unigram.svg", metadata={"Date": None})
    return figure


if __name__ == "__main__":
    main()
