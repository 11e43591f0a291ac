"""Draws int8_outliers.svg: what one outlier does to a row's codes, the error with and without it, and what smoothing moves. From the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "int8_outliers" / "solution.py"))
quantize_rows, llm_int8_matmul, smoothquant_scales = (reference[name] for name in ("quantize_rows", "llm_int8_matmul", "smoothquant_scales"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "int8_outliers", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (codes, errors, sizes) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1, 1, 1.1], layout="constrained")

generator = torch.Generator().manual_seed(0)
C = 48
x = torch.randn(200, C, generator=generator, dtype=torch.float64).clamp(-4, 4)
W = torch.randn(32, C, generator=generator, dtype=torch.float64) / 8
outliers = torch.tensor([6, 29])
loud = x.clone()
loud[:, outliers] *= 25

for data, color, label in ((x, BLUE, "without the outlier"), (loud, RED, "with an outlier of 60")):
    row = data[0].clone()
    if data is loud:
        row[29] = 60.0
    found = quantize_rows(row)[0].float()
    regular = [k for k in range(C) if k not in outliers.tolist()]
    codes.plot(row[regular], found[regular], "o", ms=4, color=color, alpha=0.8, label=label)
codes.set(title="Codes of one row of inputs", xlabel="x, without the outlier columns", ylabel="code", ylim=(-140, 140))
codes.legend(frameon=False, fontsize=9, loc="upper left")

factors = [1, 2, 4, 8, 16, 32, 64, 128]
ways = {"all in 8 bits": [], "outlier columns apart": [], "smoothed, α = 0.5": []}
for factor in factors:
    data = x.clone()
    data[:, outliers] *= factor
    want = data @ W.T
    s = smoothquant_scales(data.abs().amax(0), W.abs().amax(0))
    got = (llm_int8_matmul(data, W, float("inf")), llm_int8_matmul(data, W, 6.0), llm_int8_matmul(data / s, W * s, float("inf")))
    for values, y in zip(ways.values(), got, strict=True):
        values.append(float((y - want).square().mean().sqrt()))
for (label, values), color in zip(ways.items(), (RED, GREEN, BLUE), strict=True):
    errors.plot(factors, values, "o-", ms=4, color=color, label=label)
errors.set(xscale="log", yscale="log", title="Error of the outputs", xlabel="two columns are larger by", ylabel="root mean square error")
errors.set_xticks(factors, [str(each) for each in factors])
errors.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
errors.minorticks_off()
errors.legend(frameon=False, fontsize=9, loc="upper left")

s = smoothquant_scales(loud.abs().amax(0), W.abs().amax(0))
places = range(C)
sizes.plot(places, loud.abs().amax(0), color=RED, lw=1.3, label="inputs, before")
sizes.plot(places, W.abs().amax(0), color=BLUE, lw=1.3, label="weights, before")
sizes.plot(places, (loud / s).abs().amax(0), "k--", lw=1.3, label="both, smoothed")  # the same numbers: α is a half
assert torch.allclose((loud / s).abs().amax(0), (W * s).abs().amax(0))
sizes.set(title="Largest value of each column", xlabel="column", yscale="log", ylim=(0.08, 4000))
sizes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
sizes.minorticks_off()
sizes.legend(frameon=False, fontsize=9, loc="upper left")
for axis in (codes, errors, sizes):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "int8_outliers.svg", metadata={"Date": None})
