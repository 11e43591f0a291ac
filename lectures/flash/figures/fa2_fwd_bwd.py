"""Draws fa2_fwd_bwd.svg: which tiles a causal window touches, what waits for the backward pass, and the work outside of products."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "flash" / "fa2_fwd_bwd" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "fa2_fwd_bwd", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")

T, Br, Bc, window = 24, 4, 4, 9
colors = {"skipped": "#f2f2f2", "with a mask": "#f6c9a8", "whole": "#a9c8ea"}
for i in range(0, T, Br):
    for j in range(0, T, Bc):
        sees = reference["visible"](i, j, Br, Bc, T, T, True, window)
        kind = "whole" if sees.all() else "with a mask" if sees.any() else "skipped"
        axes[0].add_patch(plt.Rectangle((j, i), Bc, Br, facecolor=colors[kind], edgecolor="white", lw=2))
axes[0].set(title="Causal, a window of 9: tiles", xlabel="key", ylabel="query", xlim=(0, T), ylim=(T, 0), aspect="equal")
axes[0].set_xticks(range(0, T + 1, 8))
axes[0].set_yticks(range(0, T + 1, 8))
axes[0].legend(handles=[plt.Rectangle((0, 0), 1, 1, facecolor=color, edgecolor="0.6", label=kind) for kind, color in colors.items()],
               frameon=False, loc="upper right", fontsize=9)  # fmt: skip

lengths = [2**n for n in range(9, 18)]
for name, kept, marker in (("weights, T x T", lambda n: 2 * n * n, "o"), ("q, k, v, o, lse", lambda n: 4 * 2 * n * 128 + 4 * n, "s")):
    axes[1].plot(lengths, [kept(n) / 2**20 for n in lengths], marker + "-", ms=4, label=name)
axes[1].set(title="Kept for the backward pass, one head", xlabel="tokens", ylabel="MiB (D = 128, 16 bits)", xscale="log", yscale="log")
axes[1].set_xticks(lengths[::2], [str(n) for n in lengths[::2]])
axes[1].minorticks_off()
axes[1].legend(frameon=False)

widths = [32, 64, 128, 256]
for version, marker in ((1, "o"), (2, "s")):
    counts = [reference["non_matmul_flops"](4096, 4096, width, 64, version) / 4096**2 for width in widths]
    axes[2].plot(widths, counts, marker + "-", ms=5, label=f"version {version}")
axes[2].set(title="Operations outside of products", xlabel="features of a head, D", ylabel="per score, blocks of 64 keys", ylim=(0, None))
axes[2].set_xticks(widths)
axes[2].legend(frameon=False)
figure.savefig(HERE / "fa2_fwd_bwd.svg", metadata={"Date": None})
