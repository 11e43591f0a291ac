"""Draws mqa.svg: what the cache takes, and what new tokens see of it."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "attention" / "mqa" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "mqa", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREEN, GREY = "#1f5fa8", "#c0392b", "#2e8b57", "#888888"

figure, axes = plt.subplot_mosaic([["bytes", "0"], ["bytes", "1"], ["bytes", "2"]], figsize=(9.6, 4.4),
                                  width_ratios=[1.25, 1], layout="constrained")  # fmt: skip

# Left: a 7B model (32 layers, heads of 128, float16), one sequence.
lengths = [2**n for n in range(9, 18)]
axis = axes["bytes"]
for heads, color in ((32, RED), (8, GREEN), (1, BLUE)):
    gib = [reference["kv_cache_bytes"](1, S, 32, heads, 128, 2) / 2**30 for S in lengths]
    axis.plot(lengths, gib, color=color, marker="o", ms=3)
    axis.text(
        lengths[-1] * 1.1, gib[-1], f"{heads} head{'s' if heads > 1 else ''}", color=color, va="center", fontsize=9
    )
axis.axhline(6_738_415_616 * 2 / 2**30, color=GREY, ls=":", lw=1)
axis.text(lengths[0], 6_738_415_616 * 2 / 2**30 * 1.12, "the weights of Llama 2 7B", color=GREY, fontsize=9)
axis.set_xscale("log", base=2)
axis.set_yscale("log", base=2)
axis.set(title="Keys and values of one sequence, float16", xlabel="tokens", ylabel="GiB", xlim=(400, 400_000))
axis.set_xticks(lengths[::2], [f"{n // 1024}k" if n >= 1024 else str(n) for n in lengths[::2]])
axis.set_yticks([2.0**n for n in range(-6, 7, 2)], ["1/64", "1/16", "1/4", "1", "4", "16", "64"])
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
    axis.imshow(maps[h].masked_fill(maps[h] == 0, torch.nan), cmap="Blues", vmin=0, vmax=0.8)
    axis.set_facecolor("#eeeeee")
    for t in range(T):
        for s in range(S + T):
            if maps[h, t, s] > 0:
                p = maps[h, t, s].item()
                axis.text(s, t, f"{p:.2f}".lstrip("0"), ha="center", va="center", fontsize=8,
                          color="white" if p > 0.45 else "black")  # fmt: skip
    axis.axvline(S - 0.5, color=RED, lw=1.2)
    axis.set_xticks(range(S + T), ["old"] * S + ["new 0", "new 1"] if h == H - 1 else [""] * (S + T))
    axis.set_yticks(range(T), ["new 0", "new 1"])
    axis.tick_params(length=0)
    axis.set_ylabel(f"query {h}", fontsize=9)
axes["0"].set_title("Three query heads, the same keys", fontsize=11)
figure.savefig(HERE / "mqa.svg", metadata={"Date": None})
