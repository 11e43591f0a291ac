"""Draws prompt_tuning.svg: what mask and labels look like with a prompt, and how a frozen toy model learns by the prompt alone."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
from autograder.lab.frozen import frozen_model  # noqa: E402

reference = runpy.run_path(str(ROOT / "solutions" / "tuning" / "prompt_tuning" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "prompt_tuning", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, PALE = "#1f5fa8", "#c0392b", "#888888", "#e8e8e8"
figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.6), width_ratios=[1.35, 1], layout="constrained")

# Left: one padded sequence, from the reference's own mask and labels.
axis = axes[0]
P, ids = 3, torch.tensor([[11, 4, 9, 0]])
mask = torch.tensor([[True, True, True, False]])
labels = ids.masked_fill(~mask, -100)
found = reference["forward_with_prompt"](frozen_model(), reference["SoftPrompt"](P, 12), ids, mask, labels)
rows = {
    "vectors": [f"p{i}" for i in range(P)] + [f"e({i})" for i in ids[0].tolist()],
    "mask": [str(int(x)) for x in found["mask"][0]],
    "labels": [str(x) for x in found["labels"][0].tolist()],
}
for y, cells in enumerate(rows.values()):
    for x, text in enumerate(cells):
        color = BLUE if x < P else PALE
        axis.add_patch(plt.Rectangle((x - 0.46, y - 0.32), 0.92, 0.64, color=color, alpha=0.25 if x < P else 1, lw=0))
        axis.text(x, y, text, ha="center", va="center", fontsize=9)
axis.annotate("", (3, 1.66), (2, 0.34), arrowprops={"arrowstyle": "->", "color": RED, "lw": 1.4})
axis.set(xlim=(-0.6, 6.6), ylim=(2.9, -0.6), title="a prompt of 3, three tokens, one padding")
axis.text(3.0, 2.62, "the prompt's last place predicts the first token", color=RED, ha="center", va="center", fontsize=9)
axis.set_yticks(range(3), rows)
axis.set_xticks([])
axis.tick_params(length=0)
axis.spines[:].set_visible(False)

# Right: a frozen model learns one answer by the prompt alone.
axis = axes[1]
data = torch.arange(24).remainder(11).view(4, 6)
for length, color in ((1, GREY), (4, BLUE), (8, RED)):
    torch.manual_seed(0)
    model, prompt = frozen_model(seed=2), reference["SoftPrompt"](length, 12)
    optimizer = torch.optim.Adam(prompt.parameters(), lr=0.1)
    losses = []
    for _ in range(150):
        loss = reference["forward_with_prompt"](model, prompt, data, labels=torch.full_like(data, 3))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    axis.plot(losses, color=color, label=f"P = {length}: {12 * length} numbers learn")
    print(length, losses[0], losses[-1])
axis.set(title="loss of a frozen toy model", xlabel="step", ylim=(0, None))
axis.legend(frameon=False, fontsize=9)
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "prompt_tuning.svg", metadata={"Date": None})
