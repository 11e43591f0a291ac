"""Draws transformer_xl.svg: the shift, and how far a token is felt through layers with a memory, all from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "transformer_xl" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "transformer_xl", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), width_ratios=[5, 5, 9], layout="constrained")

# Left and middle: each column holds its distance; the shift brings each distance to its key.
T, S = 3, 5
columns = torch.arange(S - 1.0, -1, -1).expand(1, 1, T, S)
for axis, numbers, title, xlabel in (
    (axes[0], columns[0, 0], "Before: by distance", "column"),
    (axes[1], reference["rel_shift"](columns.contiguous())[0, 0], "After: by key", "key"),
):
    for t, row in enumerate(numbers.tolist()):
        for s, distance in enumerate(row):
            hidden = axis is axes[1] and s > t + S - T
            color = "#eeeeee" if hidden else plt.cm.viridis(distance / (S - 1))
            axis.add_patch(plt.Rectangle((s - 0.47, t - 0.47), 0.94, 0.94, color=color, lw=0))
            ink = "#999999" if hidden else "white" if distance < 3 else "black"
            axis.text(s, t, "?" if hidden else f"{distance:.0f}", ha="center", va="center", color=ink)
    if axis is axes[1]:
        axis.axvline(S - T - 0.5, color="black", lw=1.2)
        axis.text(0.5, -0.75, "memory", ha="center", fontsize=9)
        axis.text(3, -0.75, "new", ha="center", fontsize=9)
    axis.set(title=title, xlabel=xlabel, ylabel="query", xlim=(-0.6, S - 0.4), ylim=(T - 0.4, -1.1), aspect="equal")
    axis.set_xticks(range(S))
    axis.set_yticks(range(T))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)

# Right: four layers, segments of four tokens, a memory of four. Token 0 is changed; where does the output change?
generator = torch.Generator().manual_seed(0)
H, D, C, L, N, size = 2, 4, 8, 4, 20, 4
layers = []
for _ in range(L):
    shapes = {"q": (H * D, C), "ke": (H * D, C), "kr": (H * D, C), "v": (H * D, C), "o": (C, H * D)}
    layers.append({name: torch.randn(shape, generator=generator) / C**0.5 for name, shape in shapes.items()})


def run(x):
    """The output of each layer for all tokens, (L, N, C)."""
    mems, outs = [x[:, :0]] * L, [[] for _ in range(L)]
    for start in range(0, N, size):
        h = x[:, start : start + size]
        for n, W in enumerate(layers):
            out = h + reference["txl_attention"](h, mems[n], W, torch.zeros(H, D), torch.zeros(H, D), H)
            mems[n] = reference["update_mem"](mems[n], h, size)
            outs[n].append(out)
            h = out
    return torch.stack([torch.cat(each, 1)[0] for each in outs])


x = torch.randn(1, N, C, generator=generator)
changed = x.clone()
changed[:, 0] += 1
felt = (run(x) - run(changed)).norm(dim=-1) > 0
axis = axes[2]
for n in range(L):
    for t in range(N):
        color = "tab:blue" if felt[n, t] else "#eeeeee"
        axis.add_patch(plt.Rectangle((t - 0.44, n - 0.4), 0.88, 0.8, color=color, lw=0))
for cut in range(size, N, size):
    axis.axvline(cut - 0.5, color="black", lw=1.2)
axis.set(title="Where a change of token 0 is felt", xlabel="token, in segments of four", xlim=(-0.7, N - 0.3), ylim=(-0.7, L - 0.3))
axis.set_yticks(range(L), [f"layer {n + 1}" for n in range(L)])
axis.set_xticks(range(0, N, size))
axis.tick_params(length=0)
axis.spines[:].set_visible(False)
figure.savefig(HERE / "transformer_xl.svg", metadata={"Date": None})
