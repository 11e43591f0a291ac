"""Draws float_formats.svg: the numbers of four formats on one line, their relative error, and a sum in bf16. All from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "float_formats" / "solution.py"))
decode, encode, FORMATS = (reference[name] for name in ("decode", "encode_rne", "FORMATS"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "float_formats", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (lines, errors, sums) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.15, 1, 1], layout="constrained")

rows = (("fp4_e2m1", "E2M1", RED), ("fp6_e2m3", "E2M3", GREEN), ("fp6_e3m2", "E3M2", GREY), ("fp8_e4m3", "E4M3", BLUE))
for height, (name, label, color) in enumerate(reversed(rows)):
    f = FORMATS[name]
    values = [decode(code, f) for code in range(2 ** (f.e + f.m))]
    normal = [v for code, v in enumerate(values) if code >> f.m and v <= 8]
    small = [v for code, v in enumerate(values) if not code >> f.m]
    lines.plot(normal, [height] * len(normal), "|", color=color, ms=18, mew=1)
    lines.plot(small, [height] * len(small), "|", color=color, ms=9, mew=1)
    lines.text(-0.35, height, label, color=color, ha="right", va="center")
lines.set(title="All numbers from 0 to 8", xlim=(-0.2, 8.2), ylim=(-0.6, 3.6), xlabel="short marks: zero and subnormal numbers")
lines.set_yticks([])

x = np.exp2(np.linspace(-15, 12, 2501))
for name, label, color in (("fp4_e2m1", "E2M1", RED), ("fp8_e4m3", "E4M3", BLUE), ("fp8_e5m2", "E5M2", GREEN)):
    f = FORMATS[name]
    relative = [abs(decode(encode(float(v), f), f) - v) / v for v in x]
    envelope = [max(relative[max(0, i - 50) : i + 50]) for i in range(len(x))]
    errors.plot(x, envelope, color=color, label=label)
errors.set(xscale="log", yscale="log", title="Largest relative error near x", xlabel="x", ylim=(0.02, 2), xlim=(2**-14, 2**11))
errors.set_xticks([2.0**k for k in (-12, -6, 0, 6)], ["0.0002", "0.016", "1", "64"])
errors.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["5 %", "10 %", "20 %", "50 %", "100 %"])
errors.minorticks_off()
errors.legend(frameon=False, loc="lower left", fontsize=9)

steps, gen = 1000, torch.Generator().manual_seed(0)
nearest, chance, seen = torch.tensor(1.0), torch.ones(8), []
for _ in range(steps):
    nearest = (nearest + 0.001).bfloat16().float()
    chance = reference["stochastic_round_bf16"](chance + 0.001, gen).float()
    seen.append((float(nearest), chance.tolist()))
sums.plot(range(steps), [1 + 0.001 * (i + 1) for i in range(steps)], color=GREY, lw=1, ls="--", label="exact")
sums.plot(range(steps), [each[1] for each in seen], color=BLUE, lw=0.7, alpha=0.7, label=["by chance, eight times"] + [None] * 7)
sums.plot(range(steps), [each[0] for each in seen], color=RED, label="to the nearest")
sums.set(title="1 and a thousand times 0.001", xlabel="additions, each rounded to bf16", xlim=(0, steps))
sums.legend(frameon=False, loc="upper left", fontsize=9)
for axis in (lines, errors, sums):
    axis.spines[["top", "right"]].set_visible(False)
lines.spines["left"].set_visible(False)
figure.savefig(HERE / "float_formats.svg", metadata={"Date": None})
