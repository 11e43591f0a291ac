"""Draws post_ln.svg: rows before and after layer norm and RMS norm, and how large numbers get with and without the block's norms."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "norm" / "post_ln" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "post_ln", "svg.fonttype": "none", "font.size": 10})

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.9), width_ratios=[1.05, 1.05, 1], layout="constrained")

# Left and middle: four tokens of eight features, each row with a mean and a spread of its own.
torch.manual_seed(3)
x = torch.randn(4, 8) * torch.tensor([[0.5], [1.0], [3.0], [1.0]]) + torch.tensor([[0.0], [5.0], [-2.0], [-6.0]])
one = torch.ones(8)
shown = {"x": x, "layer_norm": reference["layer_norm"](x, one, None), "rms_norm": reference["rms_norm"](x, one)}
for axis, names in ((axes[0], ["x"]), (axes[1], ["layer_norm", "rms_norm"])):
    for k, name in enumerate(names):
        for token, row in enumerate(shown[name]):
            shift = (k - 0.5) * 0.34 if len(names) > 1 else 0.0
            style = {"color": f"C{k}"} if len(names) > 1 else {"color": "0.45"}
            axis.plot(row, [token + shift] * 8, "o", ms=5, alpha=0.65, lw=0, label=name if token == 0 else None, **style)
            axis.plot([row.mean()] * 2, [token + shift - 0.13, token + shift + 0.13], lw=2, **style)
    axis.set(ylim=(3.7, -0.6), xlabel="value of a feature")
    axis.set_yticks(range(4), [f"token {t}" for t in range(4)])
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
axes[0].set(title="Four rows (bar: their mean)")
axes[1].set(title="The same rows, normalised", xlim=(-3.2, 3.2))
axes[1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False, handletextpad=0.1)


# Right: blocks of a matrix for attn and one for ffn. Without norms the numbers double; with them their size stays 1.
def sizes(normalised, L=12, C=64):
    torch.manual_seed(0)
    x = torch.randn(32, 16, C)
    seen = [x.square().mean().sqrt().item()]
    for _ in range(L):
        attn, ffn = (torch.nn.Linear(C, C, bias=False) for _ in range(2))
        for part in (attn, ffn):
            torch.nn.init.xavier_normal_(part.weight)
        if normalised:
            x = reference["PostLNBlock"](C, attn, ffn)(x)
        else:
            x = x + attn(x)
            x = x + ffn(x)
        seen.append(x.square().mean().sqrt().item())
    return seen


with torch.no_grad():
    axes[2].semilogy(sizes(False), "s-", ms=4, color="0.45", label="sums alone")
    axes[2].semilogy(sizes(True), "o-", ms=4, color="C0", label="PostLNBlock")
axes[2].set(title="Size of the numbers", xlabel="after this many blocks", xticks=range(0, 13, 3), ylim=(0.5, None))
axes[2].spines[["top", "right"]].set_visible(False)
axes[2].legend(loc="upper left", frameon=False)
figure.savefig(HERE / "post_ln.svg", metadata={"Date": None})
