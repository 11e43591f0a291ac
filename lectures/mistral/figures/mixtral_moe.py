"""Draws mixtral_moe.svg: which tokens go to which experts, the load of the experts and its loss, and what is stored and what is used."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "mistral" / "mixtral_moe" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "mixtral_moe", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), width_ratios=[1.2, 0.9, 1], layout="constrained")

# Left: six tokens, eight experts, two for each token.
axis = axes[0]
torch.manual_seed(3)
weights, idx = reference["route"](torch.randn(6, 5), torch.randn(8, 5), 2)
for token in range(6):
    for expert in range(8):
        axis.add_patch(plt.Rectangle((expert, -token), 0.94, 0.9, facecolor="white", edgecolor="0.8", lw=0.6))
    for weight, expert in zip(weights[token].tolist(), idx[token].tolist(), strict=True):
        axis.add_patch(plt.Rectangle((expert, -token), 0.94, 0.9, facecolor="C0", alpha=0.25 + 0.6 * weight, lw=0))
        axis.text(expert + 0.47, 0.45 - token, f"{weight:.2f}", ha="center", va="center", fontsize=8)
    axis.text(-0.2, 0.45 - token, f"token {token}", ha="right", va="center", fontsize=9)
for expert in range(8):
    axis.text(expert + 0.47, 1.2, str(expert), ha="center", va="center", fontsize=9)
axis.text(4, 1.8, "expert", ha="center", va="center", fontsize=9)
axis.text(4, -5.7, "each row has two weights, which add up to 1", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="The router", xlim=(-1.8, 8.1), ylim=(-6.1, 2.2))
axis.axis("off")

# Middle: the loss while the router prefers one expert more and more.
axis = axes[1]
torch.manual_seed(0)
logits = torch.randn(2000, 8)
shift = torch.linspace(0, 6, 25)
for k, color in ((1, "C1"), (2, "C0")):
    losses = [reference["aux_loss"](logits + s * (torch.arange(8) == 3), k) for s in shift]
    axis.plot(shift, losses, color=color, label=f"k = {k}")
axis.set(title="Loss for an uneven load", xlabel="what is added to one expert's logit", xlim=(0, 6), ylim=(0, 9))
axis.legend(loc="upper left", frameon=False)

# Right: billions of parameters.
axis = axes[2]
cfg = reference["MoECfg"]()
one = cfg.L * 3 * cfg.C * cfg.F
rest = reference["total_params"](cfg) - cfg.E * one
for y, experts in enumerate((cfg.E, cfg.k)):
    axis.barh(y, rest / 1e9, color="C2", height=0.5)
    for e in range(experts):
        axis.barh(y, one / 1e9, left=(rest + e * one) / 1e9, color="C0", edgecolor="white", height=0.5)
    axis.text((rest + experts * one) / 1e9, y - 0.42, f"{(rest + experts * one) / 1e9:.1f} billion", ha="right", va="center", fontsize=9)
axis.set(yticks=[0, 1], yticklabels=["in memory", "for one token"], ylim=(1.6, -0.7), xlim=(0, 50), xlabel="billions of parameters")
axis.set_title("Green: shared, blue: experts")
figure.savefig(HERE / "mixtral_moe.svg", metadata={"Date": None})
