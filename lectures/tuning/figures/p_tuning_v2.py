"""Draws p_tuning_v2.svg: gradients of the prompt, layer by layer, and what learns in BERT large."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
from autograder.lab.frozen import frozen_model  # noqa: E402

reference = runpy.run_path(str(ROOT / "solutions" / "tuning" / "p_tuning_v2" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "p_tuning_v2", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"
figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.5), layout="constrained")

axis, P, L = axes[0], 4, 6
torch.manual_seed(0)
model = reference["PTuningV2"](frozen_model(seed=2, causal=False, layers=L), P, 3)
ids, labels = torch.randint(0, 29, (16, 8)), torch.randint(0, 3, (16,))
F.cross_entropy(model(ids), labels).backward()
size = model.prefix.embedding.weight.grad.view(P, L, 2, 12).abs().amax((0, 3))
for kind, (name, color) in enumerate((("keys", BLUE), ("values", RED))):
    axis.bar([n + 0.4 * kind - 0.2 for n in range(L)], size[:, kind], 0.38, color=color, label=name)
axis.set(title="largest gradient of the prompt, six layers", xlabel="layer", xticks=range(L))
axis.legend(frameon=False)

axis = axes[1]
lengths = [1, 2, 5, 10, 20, 50, 100]
deep = [reference["trainable_count"](n, 24, 1024, 2) for n in lengths]
axis.loglog(lengths, deep, color=BLUE, marker="o", ms=4, label="in every layer, and a head")
axis.loglog(lengths, [n * 1024 for n in lengths], color=GREY, marker="s", ms=4, label="at the input only")
axis.axhline(reference["trainable_count"](0, 24, 1024, 2), color=RED, lw=1, ls=":", label="the head alone")
axis.set(title="what learns in BERT large, two labels", xlabel="P", xticks=lengths, xticklabels=lengths)
axis.minorticks_off()
axis.legend(frameon=False, fontsize=9)
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "p_tuning_v2.svg", metadata={"Date": None})
