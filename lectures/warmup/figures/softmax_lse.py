"""Draws softmax_lse.svg: where exp overflows, and the two running numbers of the online form."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "warmup" / "softmax_lse" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "softmax_lse", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

figure, axes = plt.subplot_mosaic([["range", "scores"], ["range", "sums"]], figsize=(9.6, 4.4), layout="constrained")

# Left: log Σ exp of a row of three equal scores c, in float32.
c = torch.linspace(-150, 150, 601)
rows = c[:, None].expand(-1, 3)
naive = rows.exp().sum(-1).log()
axis = axes["range"]
axis.plot(c, reference["logsumexp"](rows, dim=1), color=BLUE, lw=5, alpha=0.35, label="maximum taken out")
axis.plot(c[naive.isfinite()], naive[naive.isfinite()], color=RED, lw=1.6, label="exp, sum, log as written")
first, last = c[naive.isfinite()][[0, -1]].tolist()
for edge, text, x, y in ((first, "← exp(c) is 0:\nlog gives -inf", -98, -135), (last, "exp(c) is inf →", 94, -135)):
    axis.axvline(edge, ymax=0.85, color=RED, lw=0.8, ls=":")
    axis.text(x, y, text, color=RED, ha="left", va="center", fontsize=9)
axis.set(title="log-sum-exp of [c, c, c] in float32", xlabel="score c", ylabel="log Σ exp", xlim=(-160, 170))
axis.legend(frameon=False, loc="upper left")

# Right: ten scores arrive one at a time.
x = torch.tensor([0.5, -1.0, 0.0, 2.0, 1.0, -0.5, 3.5, 3.0, 1.0, 2.5])
steps = range(1, len(x) + 1)
running = [reference["online_softmax"](x[:n].split(1)) for n in steps]
m, ell = torch.stack([each[0] for each in running]), torch.stack([each[1] for each in running])
axis = axes["scores"]
axis.bar(steps, x, color="#d7dde5", label="score")
axis.step(steps, m, where="mid", color=BLUE, label="m, maximum so far")
axis.axhline(0, color=GREY, lw=0.6)
axis.set(title="One pass, two running numbers", ylabel="score", xticks=steps, ylim=(-1.4, 5.6), xlim=(0.4, 10.6))
axis.legend(frameon=False, loc="upper left", ncols=2, fontsize=9)
axis = axes["sums"]
axis.plot(steps, (x - m).exp().cumsum(0), color=RED, marker="x", ls="--", lw=1.2, label="never rescaled: wrong")
axis.plot(steps, ell, color=BLUE, marker="o", ms=4, label="l, rescaled as m moves")
for n in range(1, len(x)):
    if m[n] > m[n - 1]:
        axis.axvline(n + 1, ymax=0.78, color=BLUE, lw=0.8, ls=":")
axis.set(xlabel="scores seen", ylabel="sum", xticks=steps, ylim=(0, 8.4), xlim=(0.4, 10.6))
axis.legend(frameon=False, loc="upper left", ncols=2, fontsize=9)

for axis in axes.values():
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "softmax_lse.svg", metadata={"Date": None})
