"""Draws vlm_merge.svg: where features go, and the three positions of every token."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "multimodal" / "vlm_merge" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "vlm_merge", "svg.fonttype": "none", "font.size": 10})
figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 5), height_ratios=[1, 1], layout="constrained")
IMAGE = 9


def box(axis, x, y, text, color):
    axis.add_patch(plt.Rectangle((x + 0.05, y + 0.05), 0.9, 0.9, facecolor=color, edgecolor="0.5", lw=0.8))
    axis.text(x + 0.5, y + 0.5, text, ha="center", va="center")


# Above: two sequences; the reference says which feature stands where (embeddings are -1, features their number).
rows = [reference["expand_image_tokens"]([1, IMAGE, 2, 3, 4], IMAGE, [3]), reference["expand_image_tokens"]([1, 2, IMAGE, 3, IMAGE], IMAGE, [2, 2])]
ids = torch.tensor(rows)
feats = torch.arange(float((ids == IMAGE).sum()))[:, None]
merged = reference["merge"](torch.full((*ids.shape, 1), -1.0), ids, IMAGE, feats)[..., 0]
for b, row in enumerate(merged.tolist()):
    top.text(-0.2, 1.75 - 1.25 * b, f"sequence {b}", ha="right", va="center")
    for t, value in enumerate(row):
        box(top, t, 1.25 - 1.25 * b, "text" if value < 0 else f"F[{value:g}]", "0.93" if value < 0 else "#f9c58d")
top.set(title="Features F[0] to F[6] stand at image tokens, row by row", xlim=(-1.6, 8.2), ylim=(-0.1, 2.4))

# Below: positions of a text with an image of 2 x 3 features.
ids = [1, 1, *[IMAGE] * 6]
positions = reference["mrope_positions"]([*ids, 1, 1][:10], IMAGE, [(1, 4, 6)])
for d, name in enumerate(("time", "height", "width")):
    bottom.text(-0.2, 2.5 - d, name, ha="right", va="center")
    for t, value in enumerate(positions[d].tolist()):
        box(bottom, t * 0.8, 2 - d, "", "#f9c58d" if 2 <= t < 8 else "0.93")
        bottom.texts[-1].set_position((t * 0.8 + 0.4, 2.5 - d))
        bottom.texts[-1].set_text(str(value))
bottom.set(title="Two tokens of text, an image of 2 x 3 features, two tokens of text", xlim=(-1.6, 8.2), ylim=(-0.1, 3.1))
for patch in bottom.patches:
    patch.set_width(0.72)
for axis in (top, bottom):
    axis.axis("off")
figure.savefig(HERE / "vlm_merge.svg", metadata={"Date": None})
