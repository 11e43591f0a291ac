"""Draws collator.svg: the tokens of two chats in a batch, and which of them are trained."""

import re
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "sft" / "collator" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "collator", "svg.fonttype": "none", "font.size": 10})
words = ["<end>"]


def encode(text):
    pieces = re.findall(r"<\w+>|[\w+]+|[?.!]", text)
    words.extend(piece for piece in pieces if piece not in words)
    return [words.index(piece) for piece in pieces]


template = {role: (f"<{role}>", "<end>") for role in ("user", "assistant")}
chats = [
    [("user", "2 + 2 ?"), ("assistant", "It is 4 ."), ("user", "Sure ?"), ("assistant", "Yes !")],
    [("user", "Hi !"), ("assistant", "Hello !")],
]
examples = [reference["build_example"]([{"role": r, "content": c} for r, c in chat], encode, template) for chat in chats]
batch = reference["collate"](examples, pad=0)

figure, axis = plt.subplots(figsize=(11, 2.9), layout="constrained")
for b, (ids, labels, mask) in enumerate(zip(*(batch[name].tolist() for name in ("input_ids", "labels", "attention_mask")), strict=True)):
    for t, (i, label, seen) in enumerate(zip(ids, labels, mask, strict=True)):
        color = "#2a7f62" if label != -100 else ("0.85" if seen else "white")
        axis.add_patch(plt.Rectangle((t + 0.04, 2.6 * b), 0.92, 0.9, facecolor=color, edgecolor="0.6", lw=0.7))
        name = words[i].replace("assistant", "asst")
        axis.text(t + 0.5, 2.6 * b + 0.45, name, ha="center", va="center", fontsize=7.5, color="white" if label != -100 else ("0.2" if seen else "0.6"))
        axis.text(t + 0.5, 2.6 * b + 1.3, str(label), ha="center", va="center", fontsize=9, color="#2a7f62" if label != -100 else "0.5")
    axis.text(-0.15, 2.6 * b + 0.45, "token", ha="right", va="center")
    axis.text(-0.15, 2.6 * b + 1.3, "label", ha="right", va="center")
T = batch["input_ids"].shape[1]
axis.text(T / 2, 4.75, "green: trained   ·   grey: read only   ·   white: filled up, with the id of <end>, label -100, mask 0", ha="center", va="center", fontsize=10)
axis.set(xlim=(-1.1, T + 0.1), ylim=(5.1, -0.2))
axis.axis("off")
figure.savefig(HERE / "collator.svg", metadata={"Date": None})
