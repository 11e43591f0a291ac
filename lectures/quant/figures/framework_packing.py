"""Draws framework_packing.svg: which codes share a word in GPTQ and in AWQ, and where they lie in it."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "framework_packing" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "framework_packing", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#999999"
figure, (table, words) = plt.subplots(1, 2, figsize=(11.4, 4.0), width_ratios=[1, 1.35], layout="constrained")

outputs, inputs = 8, 16
for o in range(outputs):
    for c in range(inputs):
        gptq, awq = o == 2 and c < 8, c == 12
        color = BLUE if gptq else RED if awq else "#eeeeee"
        table.add_patch(plt.Rectangle((c, o), 0.94, 0.94, color=color, alpha=0.85 if gptq or awq else 1, lw=0))
        if gptq or awq:
            table.text(c + 0.47, o + 0.5, str(c if gptq else o), ha="center", va="center", color="white", fontsize=9)
table.set(xlim=(-0.2, inputs), ylim=(outputs + 0.1, -0.2), xlabel="inputs c", ylabel="outputs o", title="Codes q (O, C) of one word each")
table.set_xticks([])
table.set_yticks([])
table.text(0.0, 1.75, "GPTQ: 8 inputs of one output", color=BLUE, va="bottom")
table.text(11.7, 7.0, "AWQ: 8 outputs\nof one input", color=RED, ha="right", va="center")
table.spines[:].set_visible(False)

# which code lies in which place: packed are the numbers 0 to 7, read again without an order
numbers = torch.arange(8)
rows = {
    "GPTQ, codes": (reference["unpack_int32"](reference["pack_int32"](numbers)).tolist(), BLUE),
    "AWQ, codes": (reference["unpack_int32"](reference["pack_int32"](numbers, order=reference["AWQ_ORDER"])).tolist(), RED),
}
zeros = torch.full((1, 8), 8)
q = torch.zeros(8, 8, dtype=torch.int64)
stored = {
    "GPTQ, zeros of 8": (reference["unpack_int32"](reference["pack_gptq"](q, zeros)[1])[0].tolist(), BLUE),
    "AWQ, zeros of 8": (reference["unpack_int32"](reference["pack_awq"](q, zeros)[1])[0].tolist(), RED),
}
y = 0.0
for label, (places, color) in (rows | stored).items():
    for i, number in enumerate(places):
        words.add_patch(plt.Rectangle((7 - i, y), 0.94, 0.8, color=color, alpha=0.85, lw=0))
        words.text(7 - i + 0.47, y + 0.42, str(number), ha="center", va="center", color="white")
    words.text(-0.2, y + 0.42, label, ha="right", va="center", color=color)
    y += 1.15 if label != "AWQ, codes" else 1.9
words.text(0.0, -0.22, "bit 31", fontsize=8.5, color="#555555")
words.text(7.94, -0.22, "bit 0", fontsize=8.5, color="#555555", ha="right")
words.text(4.0, 2.75, "what is stored: 0x77777777 and 0x88888888", fontsize=9, color="#555555", ha="center")
words.set(xlim=(-3.3, 8.1), ylim=(5.2, -0.6), title="32 bits of a word, highest left")
words.axis("off")
figure.savefig(HERE / "framework_packing.svg", metadata={"Date": None})
