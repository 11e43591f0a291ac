"""Draws hf_generate.svg: a batch that is continued by the reference, and what the model is fed in each call."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "framework" / "hf_generate" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "hf_generate", "svg.fonttype": "none", "font.size": 10})
T, V, EOS, PAD, NEW = 6, 9, 1, 0, 6
gen = torch.Generator().manual_seed(14)
mask = torch.arange(T) >= torch.tensor([[0], [4], [2]])
ids = torch.randint(2, V, (3, T), generator=gen).masked_fill(~mask, -1)
table = torch.randn(32, V, V, generator=gen)
table[..., EOS] += 0.6
table[..., PAD] = -9
calls = []


def model(new, positions, mask, cache):
    calls.append((new.shape[1], positions))
    return table[positions, new.clamp_min(0)], ()


out = reference["generate"](model, ids, mask, NEW, eos=EOS, pad=PAD)
fed = [n for n, _ in calls]
count = len(calls)
calls.clear()
reference["generate"](model, ids, mask, NEW, eos=EOS, pad=PAD, use_cache=False)
all_fed = [n for n, _ in calls]

figure, (grid, bars) = plt.subplots(1, 2, figsize=(9.6, 3.3), width_ratios=[2.1, 1], layout="constrained")
colors = {"no token": "#eeeeee", "prompt": "#4878a8", "new": "#c46a2f", "pad behind the end": "#d9c9a5"}
for b in range(3):
    ended = False
    for j in range(out.shape[1]):
        kind = "new" if j >= T else "prompt" if mask[b, j] else "no token"
        kind = "pad behind the end" if ended else kind
        grid.add_patch(plt.Rectangle((j - 0.46, b - 0.4), 0.92, 0.8, color=colors[kind], lw=0))
        if kind in ("prompt", "new"):
            token = int(out[b, j])
            ended = j >= T and token == EOS
            position = int(mask[b, : j + 1].sum()) - 1 if j < T else int(mask[b].sum()) + j - T
            grid.text(j, b - 0.1, "eos" if ended else str(token), ha="center", va="center", color="white", fontweight="bold")
            grid.text(j, b + 0.25, f"pos {position}", ha="center", va="center", color="white", fontsize=7.5)
        elif kind == "pad behind the end":
            grid.text(j, b - 0.1, "pad", ha="center", va="center", color="#555555")
grid.axvline(T - 0.5, color="black", lw=1, ls=":")
grid.set(title="Three rows, with the position of each token", xlim=(-0.6, out.shape[1] - 0.4), ylim=(2.5, -0.5), xlabel="column")
grid.set_xticks(range(out.shape[1]))
grid.set_yticks(range(3), [f"row {b}" for b in range(3)])
grid.tick_params(length=0)
grid.spines[:].set_visible(False)
handles = [plt.Rectangle((0, 0), 1, 1, color=color, lw=0) for color in colors.values()]
figure.legend(handles, list(colors), loc="outside lower left", ncols=4, frameon=False, fontsize=9)

x = torch.arange(1, count + 1)
bars.bar(x - 0.2, all_fed, 0.4, color="#bbbbbb", label=f"without cache: {sum(all_fed)}")
bars.bar(x + 0.2, fed, 0.4, color="#c46a2f", label=f"with cache: {sum(fed)}")
bars.set(title="Columns fed in each call", xlabel="call of the model", ylim=(0, 16))
bars.set_xticks(x.tolist())
bars.legend(frameon=False, loc="upper left", fontsize=9)
bars.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "hf_generate.svg", metadata={"Date": None})
