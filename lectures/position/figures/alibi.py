"""Draws alibi.svg: a line for each head, and what is left of equal scores after the softmax."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "alibi" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "alibi", "svg.fonttype": "none", "font.size": 10})
H, S = 8, 64

slopes, bias = reference["alibi_slopes"](H), reference["alibi_bias"](H, 1, S)[:, 0]  # the newest query's row
colours = plt.colormaps["viridis"].resampled(H + 1).colors
figure, axes = plt.subplot_mosaic([["lines", "weights", "square"]], figsize=(10.4, 3.7), layout="constrained")
for name, rows, title in (
    ("lines", bias, "bias of each head"),
    ("weights", bias.softmax(-1), "weights of equal scores"),
):
    for h in range(H):
        axes[name].plot(range(S), rows[h], color=colours[h], label=f"1/{1 / slopes[h]:.0f}")
    axes[name].set(title=title, xlabel="key's position (the query is at 63)", xlim=(0, S - 1))
    axes[name].spines[["top", "right"]].set_visible(False)
axes["lines"].set(ylim=(-16, 0.5))
axes["weights"].legend(title="slope", frameon=False, loc="upper left", fontsize=9)

axis = axes["square"]
square = reference["alibi_bias"](H, 6, 6)[0]
axis.imshow(square.masked_fill(square.isinf(), float("nan")), cmap="viridis", vmin=-4, vmax=1)
for t in range(6):
    for s in range(6):
        text = "-∞" if s > t else f"{square[t, s] + 0:g}"
        axis.text(s, t, text, ha="center", va="center", fontsize=9, color="white" if s <= t and t - s > 2 else "black")
axis.set(title="alibi_bias(8, 6, 6)[0]: slope 1/2", xlabel="key s", ylabel="query t", xticks=range(6), yticks=range(6))
figure.savefig(HERE / "alibi.svg", metadata={"Date": None})
