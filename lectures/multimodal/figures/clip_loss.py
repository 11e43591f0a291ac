"""Draws clip_loss.svg: an image in patches, the table in which each chooses the other, and the bias with which SigLIP begins."""

import math
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "multimodal" / "clip_loss" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "clip_loss", "svg.fonttype": "none", "font.size": 10})
generator = torch.Generator().manual_seed(3)


def normal(*shape):
    return torch.randn(*shape, generator=generator)


figure = plt.figure(figsize=(9.6, 3.8), layout="constrained")
cut, choose, start = figure.subfigures(1, 3, width_ratios=[1.25, 1, 1.15])

# Left: an image of a ball, and its four patches as rows.
above, below = cut.subplots(2, 1, height_ratios=[2.2, 1])
y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
image = torch.exp(-((x - 4.6) ** 2 + (y - 2.8) ** 2) / 9)
above.imshow(image, cmap="viridis", vmin=0, vmax=1.1)
for n, (row, column) in enumerate(((0, 0), (0, 4), (4, 0), (4, 4))):
    above.add_patch(plt.Rectangle((column - 0.45, row - 0.45), 3.9, 3.9, fill=False, ec="white", lw=2))
    above.text(column - 0.2, row + 0.1, str(n), color="white", fontweight="bold", va="center")
above.set(title="Four patches of 4 × 4 pixels …", xticks=[], yticks=[])
below.imshow(reference["patchify"](image[None, None], 4)[0], cmap="viridis", vmin=0, vmax=1.1)
below.set(title="… are four rows of 16 numbers", xticks=[], yticks=range(4))
for axis in (above, below):
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)

# Middle: the table of cosines; image 1 chooses in its row, text 3 in its column.
axis = choose.subplots()
images = normal(5, 7)
table = reference["cosines"](images, images + 0.7 * normal(5, 7))
axis.imshow(table, cmap="Blues", vmin=-0.8, vmax=1.4)
for i in range(5):
    for j in range(5):
        weight = "bold" if i == j else "normal"
        axis.text(j, i, f"{table[i, j]:.1f}".replace("-0.0", "0.0"), ha="center", va="center", fontsize=9, fontweight=weight)
axis.add_patch(plt.Rectangle((-0.46, 0.54), 4.92, 0.92, fill=False, ec="tab:red", lw=2))
axis.add_patch(plt.Rectangle((2.54, -0.46), 0.92, 4.92, fill=False, ec="tab:green", lw=2))
axis.set_xticks(range(5), [f"text {j}" for j in range(5)], fontsize=8)
axis.set_yticks(range(5), [f"img {i}" for i in range(5)], fontsize=8)
axis.set_title("Cosines: an image chooses\n(red), a text chooses (green)", fontsize=10)
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Right: the loss of SigLIP before anything is learned.
axis = start.subplots()
biases = torch.arange(-16.0, 1.0)
for B in (16, 128, 1024):
    x, y = normal(B, 64), normal(B, 64)
    losses = [reference["siglip_loss"](x, y, torch.tensor(math.log(10)), bias) for bias in biases]
    axis.plot(biases, losses, "o-", ms=3, label=f"{B} pairs")
axis.axvline(-10, color="gray", lw=1, ls=":")
axis.set(title="SigLIP before training", xlabel="bias b (it begins at -10)", ylabel="loss of random vectors", yscale="log", xlim=(-19, 0.8))
axis.set_yticks([2, 5, 10, 20, 50, 100, 200, 500], ["2", "5", "10", "20", "50", "100", "200", "500"])
axis.minorticks_off()
axis.legend(frameon=False, fontsize=8, loc="upper left")
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "clip_loss.svg", metadata={"Date": None})
