"""Draws mqa.svg: who shares keys and values with whom, what is read for one new token, and what new tokens see of the cache."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
SOLUTIONS = HERE.parents[2] / "solutions" / "attention"
reference = runpy.run_path(str(SOLUTIONS / "mqa" / "solution.py"))
attention = runpy.run_path(str(SOLUTIONS / "self_attention" / "solution.py"))["attention"]
plt.rcParams.update({"svg.hashsalt": "mqa", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#888888"

figure, axes = plt.subplot_mosaic(
    [["many", "one"], ["bytes", "0"], ["bytes", "1"], ["bytes", "2"]],
    figsize=(9.6, 6.4), width_ratios=[1.15, 1], height_ratios=[1.5, 1, 1, 1], layout="constrained",
)  # fmt: skip


# Above: a line from a query head to each key head on which its output depends, found by gradients.
def served(outs, k):
    """(H, G) bool: does the output of query head h depend on key head g? `outs` (1, H, ...), `k` (1, G, S, D)."""
    return [torch.autograd.grad(out.sum(), k, retain_graph=True)[0].abs().sum((0, 2, 3)) > 0 for out in outs[0]]


def boxes(axis, rows, title):
    H, G = len(rows), len(rows[0])
    places = [(g + 0.5) * H / G - 0.5 for g in range(G)]
    for h, row in enumerate(rows):
        for g, yes in enumerate(row.tolist()):
            if yes:
                axis.plot([h, places[g]], [1, 0], color=GREY, lw=1.3, zorder=0)
        axis.text(h, 1.05, f"query {h}", ha="center", va="center", color="white",
                  bbox={"boxstyle": "round,pad=0.4", "fc": BLUE, "ec": "none"})  # fmt: skip
    for place in places:
        axis.text(place, -0.05, "key, value", ha="center", va="center", color="white",
                  bbox={"boxstyle": "round,pad=0.4", "fc": RED, "ec": "none"})  # fmt: skip
    axis.set(title=title, xlim=(-0.55, H - 0.45), ylim=(-0.35, 1.35))
    axis.axis("off")


torch.manual_seed(3)
H, S, T, D = 4, 3, 1, 2
q, k, v = torch.randn(1, H, T, D), torch.randn(1, H, S, D, requires_grad=True), torch.randn(1, H, S, D)
boxes(axes["many"], served(attention(q, k, v)[0], k), "Multi-head: H keys, H values a token")
layer = reference["MultiQueryAttention"](H * D, H)
layer.requires_grad_(False)
layer.o_proj.weight[:] = torch.eye(H * D)
k, v = torch.randn(1, 1, S, D, requires_grad=True), torch.randn(1, 1, S, D)
out, _ = layer(torch.randn(1, T, H * D), (k, v))
boxes(axes["one"], served(out.view(1, T, H, D).transpose(1, 2), k), "Multi-query: one key, one value a token")

# Left: what a step of Llama 2 7B's size reads in float16, with 4096 tokens in the cache of each sequence.
axis = axes["bytes"]
weights = 6_738_415_616 * 2 / 2**30
names = []
for place, (B, heads) in enumerate((B, heads) for B in (1, 16, 64) for heads in (32, 1)):
    cache = reference["kv_cache_bytes"](B, 4096, 32, heads, 128, 2) / 2**30
    row = place + 0.4 * (place // 2)
    axis.barh(row, weights, color="#b8b8b8", label="weights" if not place else None)
    axis.barh(row, cache, left=weights, color=RED if heads > 1 else BLUE)
    total = f"{weights + cache:.1f} GiB"
    if heads == 1:
        many = reference["kv_cache_bytes"](B, 4096, 32, 32, 128, 2) / 2**30
        total += f": {(weights + many) / (weights + cache):.1f} times less"
    axis.text(weights + cache + 2, row, total, va="center", fontsize=9)
    names.append((row, f"{B} seq., {heads} head{'s' * (heads > 1)}"))
axis.set_yticks([row for row, _ in names], [name for _, name in names])
axis.invert_yaxis()
axis.text(weights / 2, -0.62, "weights", ha="center", va="bottom", fontsize=9, color=GREY)
axis.set(title="Read for one new token of each sequence\n", xlabel="GiB", xlim=(0, 190))
axis.spines[["top", "right"]].set_visible(False)

# Right: weights of two new tokens behind four old ones. With values that name the token, the layer's output is its weights.
torch.manual_seed(3)
H, S, T, D = 3, 4, 2, 6
C = H * D
layer = reference["MultiQueryAttention"](C, H).requires_grad_(False)
layer.qkv.weight[:] = torch.randn(C + 2 * D, C)
layer.qkv.bias[:] = 0
layer.o_proj.weight[:] = torch.eye(C)
layer.o_proj.bias[:] = 0
x = 0.25 * torch.randn(1, S + T, C)
layer.qkv.weight[-D:] = torch.linalg.lstsq(x[0], torch.eye(S + T)).solution.T  # x @ W.T is the identity
_, cache = layer(x[:, :S])
out, _ = layer(x[:, S:], cache)
maps = out.view(T, H, D).transpose(0, 1)  # (H, T, S + T), since S + T = D
maps = maps.masked_fill(maps < 1e-5, 0.0)
for h in range(H):
    axis = axes[str(h)]
    axis.imshow(maps[h].masked_fill(maps[h] == 0, torch.nan), cmap="Blues", vmin=0, vmax=0.8, aspect="auto")
    axis.set_facecolor("#e4e4e4")
    for t in range(T):
        for s in range(S + T):
            if maps[h, t, s] > 0:
                p = maps[h, t, s].item()
                axis.text(s, t, f"{p:.2f}".lstrip("0"), ha="center", va="center", fontsize=8,
                          color="white" if p > 0.45 else "black")  # fmt: skip
    axis.axvline(S - 0.5, color=RED, lw=1.2)
    axis.set_xticks(range(S + T), [f"old {s}" for s in range(S)] + ["new 0", "new 1"] if h == H - 1 else [""] * (S + T))
    axis.set_yticks(range(T), ["new 0", "new 1"])
    axis.tick_params(length=0)
    axis.set_ylabel(f"query {h}", fontsize=9)
axes["0"].set_title("Three query heads, the same keys", fontsize=11)
figure.savefig(HERE / "mqa.svg", metadata={"Date": None})
