"""Draws sinusoidal.svg: the table as a heat map, and how alike two rows are, by their distance."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "sinusoidal" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "sinusoidal", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"
N, C = 100, 64

figure, axes = plt.subplot_mosaic([["table", "alike"]], figsize=(9.6, 4.0), width_ratios=[1.1, 1], layout="constrained")

# Left: the concat layout shows the frequencies best: sines on the left half, cosines on the right.
axis = axes["table"]
image = axis.imshow(
    reference["sinusoidal"](N, C, "concat"), aspect="auto", cmap="RdBu", vmin=-1, vmax=1, rasterized=True
)
axis.axvline(C / 2 - 0.5, color="black", lw=0.8)
axis.set(title="sinusoidal(100, 64, “concat”)", xlabel="feature: sines | cosines", ylabel="position t")
figure.colorbar(image, ax=axis, shrink=0.8, ticks=[-1, 0, 1])

# Right: PE(0)·PE(k), which is PE(t)·PE(t+k) for every t, divided by its value at distance 0.
axis = axes["alike"]
for base, colour, style in ((10000.0, BLUE, "-"), (100.0, RED, "--")):
    table = reference["sinusoidal"](N, C, base=base)
    axis.plot(range(N), table @ table[0] / (C / 2), color=colour, ls=style, label=f"base {base:.0f}")
axis.axhline(0, color=GREY, lw=0.6)
axis.set(title="PE(t) · PE(t+k), as a part of C/2", xlabel="distance k", ylim=(-0.25, 1.05), xlim=(0, N - 1))
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "sinusoidal.svg", metadata={"Date": None}, dpi=100)
