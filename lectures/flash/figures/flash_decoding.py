"""Draws flash_decoding.svg: parts that are merged in a tree, how many parts a GPU gets, and what a wrong merge costs."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "flash" / "flash_decoding" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "flash_decoding", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")

# Left: five parts and their rounds, as tree_combine merges them.
axis, nodes, level = axes[0], [float(p) for p in range(5)], 0
rounds = reference["tree_combine"](torch.zeros(5, 1), torch.zeros(5))[2]
for x in nodes:
    axis.text(x, 0, f"part {int(x)}", ha="center", va="center", fontsize=9, bbox={"facecolor": "#cfe0f3", "edgecolor": "none"})
while len(nodes) > 1:
    above = []
    for p in range(0, len(nodes), 2):
        pair = nodes[p : p + 2]
        x = sum(pair) / len(pair)
        for each in pair:
            axis.plot([each, x], [level + 0.14, level + 0.86], color="0.6", lw=1.2)
        axis.text(x, level + 1, "merge" if len(pair) == 2 else "waits", ha="center", va="center", fontsize=9,
                  bbox={"facecolor": "#f6c9a8" if len(pair) == 2 else "#f2f2f2", "edgecolor": "none"})  # fmt: skip
        above.append(x)
    nodes, level = above, level + 1
assert level == rounds
axis.set(title="Five parts, three rounds", xlim=(-0.6, 4.6), ylim=(-0.4, 3.4), ylabel="round", xticks=[], yticks=range(4))

lengths = [2**n for n in range(7, 18)]
for heads, marker in ((8, "o"), (32, "s"), (96, "^")):
    axes[1].plot(lengths, [reference["choose_splits"](1, heads, 108, S) for S in lengths], marker + "-", ms=4, label=f"{heads} heads")
axes[1].set(title="Parts on 108 multiprocessors", xlabel="keys", ylabel="parts for each head", xscale="log", ylim=(0, 19))
axes[1].set_xticks(lengths[::2], [str(n) for n in lengths[::2]], fontsize=8.5)
axes[1].minorticks_off()
axes[1].legend(frameon=False, loc="upper left")

generator = torch.Generator().manual_seed(0)
q, k, v = (torch.randn(1, 8, n, 64, generator=generator) for n in (1, 1000, 1000))
o, lse = reference["split_kv_attention"](q, k, v, [0, 50, 300, 1000])
want = reference["split_kv_attention"](q.double(), k.double(), v.double(), [0, 1000])[0][0]
share = torch.tensor([50.0, 250.0, 700.0]) / 1000
kinds = {"mean": o.mean(0), "by length": (share.view(3, 1, 1, 1, 1) * o).sum(0), "by exp(lse)": reference["combine"](o, lse)[0]}
errors = [float((each - want).abs().max()) for each in kinds.values()]
axes[2].bar(list(kinds), errors, color=["#c0392b", "#c0392b", "#1f5fa8"], width=0.6)
for x, error in enumerate(errors):
    axes[2].text(x, error * 1.4, f"{error:.1g}", ha="center", fontsize=9)
axes[2].set(title="Largest error after merging", yscale="log", ylim=(1e-8, 5))
figure.savefig(HERE / "flash_decoding.svg", metadata={"Date": None})
