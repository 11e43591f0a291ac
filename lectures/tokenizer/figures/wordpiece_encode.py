"""Draws wordpiece_encode.svg: a text on its way through the four steps, and all look-ups for one word."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "tokenizer" / "wordpiece_encode" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "wordpiece_encode", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, PALE, GREEN = "#1f5fa8", "#c0392b", "#8a8f98", "#eef2f7", "#dcebdc"

figure, (left, right) = plt.subplots(1, 2, figsize=(10.2, 4.3), width_ratios=[1.75, 1], layout="constrained")

# Left: one row for each step, one cell for each character.
text = "It’s\tan É\u200bté à 東京!"
cleaned = reference["clean"](text)
spaced = "".join(f" {c} " if reference["is_cjk"](c) else c for c in cleaned)
lowered = reference["strip_accents"](spaced.lower())
names = {"\t": "TAB", "\u200b": "ZWSP", " ": "·"}
names |= {c: f"U+\n{ord(c):04X}" for c in text if reference["is_cjk"](c)}  # a reader's font may not have them
steps = [("text", text), ("1 clean", cleaned), ("2 Chinese", spaced), ("3 lower", lowered)]
for row, (name, characters) in enumerate(steps):
    left.text(-0.5, -row, name, ha="right", va="center")
    for i, c in enumerate(characters):
        special = c in "\t\u200b"
        left.add_patch(Rectangle((i, -row - 0.32), 0.94, 0.64, fc="#f7dcd8" if special else PALE, ec=GREY, lw=0.6))
        size = 6 if len(names.get(c, c)) > 1 else 10
        left.text(
            i + 0.47, -row, names.get(c, c), ha="center", va="center", size=size, color=GREY if c == " " else "black"
        )
left.text(-0.5, -4, "4 split", ha="right", va="center")
at = 0.0
for token in reference["basic_tokenize"](text):
    left.add_patch(Rectangle((at, -4.32), len(token) * 0.94, 0.64, fc=GREEN, ec="#5b8a5b", lw=0.8))
    shown = names.get(token, token)
    left.text(at + len(token) * 0.47, -4, shown, ha="center", va="center", size=6 if shown != token else 10)
    at += len(token) * 0.94 + 0.45
left.set(xlim=(-3.6, max(len(c) for _, c in steps) + 0.2), ylim=(-4.7, 0.9))
left.set_title("basic_tokenize", loc="left")
left.axis("off")


# Right: a vocabulary that remembers what it was asked.
class Asked(set):
    def __contains__(self, piece):
        log.append((piece, set.__contains__(self, piece)))
        return log[-1][1]


log = []
word = "unaffable"
pieces = reference["wordpiece"](word, Asked({"un", "u", "##aff", "##a", "##able", "##b"}))
start = 0
for row, (piece, found) in enumerate(log):
    length = len(piece.removeprefix("##"))
    right.add_patch(
        Rectangle(
            (start, -row - 0.38),
            length - 0.06,
            0.76,
            fc=GREEN if found else "white",
            ec=BLUE if found else GREY,
            lw=0.8,
        )
    )
    for i, c in enumerate(word[start : start + length]):
        right.text(start + i + 0.47, -row, c, ha="center", va="center", size=8, color="black" if found else GREY)
    if found:
        right.text(len(word) + 0.3, -row, piece, ha="left", va="center", color=BLUE)
        start += length
assert start == len(word) and len(pieces) == 3
right.set(xlim=(-0.2, len(word) + 2.8), ylim=(-len(log) + 0.2, 0.9))
right.set_title(f"wordpiece: {len(log)} look-ups, 3 hits", loc="left")
right.axis("off")

figure.savefig(HERE / "wordpiece_encode.svg", metadata={"Date": None})
