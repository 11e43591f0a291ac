"""Draws alibi.svg: how far each head looks, its bias, and which rows of the square a cached decode needs."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "alibi" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "alibi", "svg.fonttype": "none", "font.size": 10})
H, S = 8, 48

slopes, bias = reference["alibi_slopes"](H), reference["alibi_bias"](H, 1, S)[:, 0]  # the newest query's row
colours = plt.colormaps["viridis"].resampled(H + 1).colors
names = [f"1/{1 / slope:.0f}" for slope in slopes.tolist()]
figure, axes = plt.subplot_mosaic(
    [["weights", "lines"], ["whole", "decode"]], figsize=(9.6, 6.4), width_ratios=[1.35, 1], layout="constrained"
)

# Above left: with equal scores, a head's weights fall with the distance. Each row is drawn in parts of its largest weight.
axis = axes["weights"]
weights = bias.softmax(-1)
axis.imshow(weights / weights.amax(-1, keepdim=True), cmap="Blues", vmin=0, vmax=1, aspect="auto",
            extent=(-0.5, S - 0.5, H - 0.5, -0.5))  # fmt: skip
axis.set(title="Where each head looks, if all scores are equal", xlabel=f"key (the query is at {S - 1})", ylabel="slope")
axis.set_yticks(range(H), names)
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Above right: the lines that make it so.
axis = axes["lines"]
for h in range(H):
    axis.plot(range(S), bias[h], color=colours[h], lw=1.6)
    if 1 < h < 6:  # the flattest two lie on each other here
        axis.text(-0.5, bias[h, 0], names[h], color=colours[h], ha="right", va="center", fontsize=9)
for h, at in ((0, -11.0), (1, -9.5)):
    axis.text(S - 1 + at / slopes[h].item() - 1, at, names[h], color=colours[h], ha="right", va="center", fontsize=9)
axis.set(title="What is added to the scores", xlabel="key", xlim=(-6, S - 1), ylim=(-12, 0.4))
axis.spines[["top", "right"]].set_visible(False)


# Below: one head's bias for a whole sequence, and for two new tokens behind four old ones.
def square(axis, rows, first, title):
    shown = rows.masked_fill(rows.isinf(), float("nan"))
    axis.add_patch(plt.Rectangle((-0.5, first - 0.5), 6, 6 - first, color="#e4e4e4", lw=0, zorder=-1))
    axis.imshow(shown, cmap="Blues", vmin=-3.2, vmax=1.8, extent=(-0.5, 5.5, 5.5, first - 0.5), aspect="auto")
    for t in range(len(rows)):
        for s in range(6):
            text = "−∞" if rows[t, s].isinf() else f"{rows[t, s].item() + 0:g}".replace("-", "−")
            axis.text(s, t + first, text, ha="center", va="center", color="black")
    axis.set(title=title, xlabel="key", ylim=(5.5, -0.5), xticks=range(6), yticks=range(first, 6))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


square(axes["whole"], reference["alibi_bias"](8, 6, 6)[0], 0, "slope 1/2, six tokens at once")
square(axes["decode"], reference["alibi_bias"](8, 2, 6)[0], 4, "two new tokens behind four old ones")
axes["whole"].set_ylabel("query")
figure.savefig(HERE / "alibi.svg", metadata={"Date": None})
