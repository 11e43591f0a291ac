"""Draws learned.svg: the positions of a padded batch, and a table made longer in two ways, all from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "learned" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "learned", "svg.fonttype": "none", "font.size": 10})

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), width_ratios=[1.15, 1, 1], layout="constrained")

# Left: positions of three sequences, padded to six tokens.
mask = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 0, 1, 1, 1]])
positions = reference["position_ids_from_mask"](mask)
axis = axes[0]
for b, (row, real) in enumerate(zip(positions.tolist(), mask.tolist(), strict=True)):
    for t, (p, is_real) in enumerate(zip(row, real, strict=True)):
        color = plt.cm.Blues(0.3 + 0.12 * p) if is_real else "#eeeeee"
        axis.add_patch(plt.Rectangle((t - 0.45, b - 0.38), 0.9, 0.76, color=color, lw=0))
        ink = ("white" if p > 2 else "black") if is_real else "#999999"
        axis.text(t, b, str(p) if is_real else "pad", ha="center", va="center", color=ink)
axis.set(title="Positions of a padded batch", xlim=(-0.6, 5.6), ylim=(2.6, -0.6), xlabel="place in the row")
axis.set_xticks(range(6))
axis.set_yticks(range(3), ["left", "right", "between"])
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Right: one feature of a table of eight rows, made longer to 24.
old = torch.tensor([0.0, 0.9, 1.3, 0.8, 0.3, 0.6, 1.5, 2.2])[:, None]
for axis, mode in zip(axes[1:], ("linear", "hier"), strict=True):
    new = reference["extend_positions"](old, 24, mode)
    axis.plot(new, "o-", ms=4, lw=0.8, color="tab:blue", label="24 new rows")
    axis.plot(old, "s", ms=7, mfc="none", color="tab:orange", label="8 old rows")
    axis.set(title=f'mode "{mode}"', xlabel="row", ylim=(-0.3, 4.6), xticks=range(0, 24, 4))
    axis.spines[["top", "right"]].set_visible(False)
axes[1].set_ylabel("one feature of the table")
axes[1].legend(loc="upper left", frameon=False)
figure.savefig(HERE / "learned.svg", metadata={"Date": None})
