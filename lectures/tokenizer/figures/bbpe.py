"""Draw bbpe.svg: one text on its way to GPT-2's ids. Everything shown comes from the reference."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
from autograder.lab.gpt2 import gpt2_merges, gpt2_vocab  # noqa: E402

bbpe = runpy.run_path(str(ROOT / "solutions" / "tokenizer" / "bbpe" / "solution.py"))

plt.rcParams |= {"svg.hashsalt": "bbpe", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11}
TEXT = "I'm  naïve 你好"
COLOURS = ["#f6c177", "#a8d5ba", "#b8c8ee", "#efb8c8"]
EDGE, GREY = "#5b6b7f", "#eef2f7"

table, vocab = bbpe["bytes_to_unicode"](), gpt2_vocab()
tokenizer = bbpe["ByteBPE"](gpt2_merges(), vocab)
name = {i: token for token, i in vocab.items()}
pre_tokens = bbpe["pretokenize"](TEXT)
data = TEXT.encode("utf-8")

figure, axes = plt.subplots(figsize=(len(data) * 0.52 + 1.95, 4.3))
axes.set(xlim=(-3.7, len(data) + 0.1), ylim=(-5.6, 0.7))
axes.axis("off")


def box(row, start, size, text, colour, family="monospace", fontsize=11):
    axes.add_patch(
        FancyBboxPatch(
            (start + 0.05, -row - 0.34), size - 0.1, 0.68,
            boxstyle="round,pad=0,rounding_size=0.1", facecolor=colour, edgecolor=EDGE, linewidth=0.9,
        )
    )  # fmt: skip
    axes.text(start + size / 2, -row - 0.02, text, ha="center", va="center", family=family, fontsize=fontsize)


def shown(character):
    """A space as a dot, and what a reader's font may not have by its code point."""
    return "·" if character == " " else character if ord(character) < 0x370 else f"U+{ord(character):04X}"


for row, label in enumerate(["text", "pre-tokens", "UTF-8 bytes", "byte characters", "tokens", "ids"]):
    axes.text(-3.6, -row, label, va="center", weight="bold", color="#1f2937")

at = 0
for character in TEXT:
    size = len(character.encode("utf-8"))
    box(0, at, size, shown(character), GREY, "sans-serif")
    at += size

at = 0
for n, pre_token in enumerate(pre_tokens):
    colour, size = COLOURS[n % len(COLOURS)], len(pre_token.encode("utf-8"))
    box(1, at, size, "".join(map(shown, pre_token)), colour, "sans-serif")
    for k, byte in enumerate(pre_token.encode("utf-8")):
        box(2, at + k, 1, str(byte), GREY, fontsize=9)
        box(3, at + k, 1, table[byte], GREY)
    start = at
    for i in tokenizer.encode(pre_token):
        box(4, start, len(name[i]), name[i], colour)
        box(5, start, len(name[i]), str(i), colour, fontsize=8.5 if len(name[i]) == 1 else 11)
        start += len(name[i])
    at += size
assert [i for p in pre_tokens for i in tokenizer.encode(p)] == tokenizer.encode(TEXT)

figure.savefig(HERE / "bbpe.svg", metadata={"Date": None}, bbox_inches="tight", facecolor="white")
