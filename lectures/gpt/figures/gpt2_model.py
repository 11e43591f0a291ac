"""Draws gpt2_model.svg: how c_attn is written and kept, how the stream grows with and without the scaled first weights, and where the parameters are."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "gpt2_model" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gpt2_model", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 4.0), width_ratios=[1.0, 1.0, 1.1], layout="constrained")

# Left: c_attn in the file, (C, 3 C), and in nn.Linear, (3 C, C). Each colour has two heads of two features.
axis = axes[0]
C, D = 4, 2
for part, (name, color) in enumerate((("q", "C0"), ("k", "C1"), ("v", "C2"))):
    for feature in range(C):
        alpha = 0.85 if feature < D else 0.45
        along = part * C + feature
        axis.add_patch(plt.Rectangle((along * 0.5, 8), 0.46, 2, color=color, alpha=alpha, lw=0))
        axis.add_patch(plt.Rectangle((2.0, 6.0 - along * 0.5), 2, 0.46, color=color, alpha=alpha, lw=0))
    axis.text(part * 2 + 1, 10.25, name, ha="center", va="bottom")
    axis.text(4.2, 5.35 - part * 2, name, ha="left", va="center")
axis.text(3, 7.75, "file: C rows, 3C columns", ha="center", va="top")
axis.text(3, 0.2, "nn.Linear: 3C rows, C columns", ha="center", va="top")
axis.set(title="c_attn for two heads (dark: head 0)", xlim=(-0.3, 6.4), ylim=(-0.6, 11))
axis.set_aspect("equal")
axis.axis("off")

# Middle: the spread of the stream behind each block, in fresh models.
axis = axes[1]
Cfg, GPT2 = reference["GPT2Cfg"], reference["GPT2"]


@torch.no_grad()
def spreads(L, scaled):
    model = GPT2(Cfg(200, 64, L, 4, 64))
    reference["init_weights"](model, std=0.1, seed=0)
    if not scaled:
        for block in model.transformer.h:
            for part in (block.attn, block.mlp):
                part.c_proj.weight *= (2 * L) ** 0.5
    found = []
    hooks = [block.register_forward_hook(lambda m, i, o: found.append(o[0].std().item())) for block in model.transformer.h]
    ids = torch.randint(0, 200, (4, 64), generator=torch.Generator().manual_seed(1))
    model(ids)
    for hook in hooks:
        hook.remove()
    return found


for L, color in ((48, "C3"), (12, "C0")):
    for scaled, style in ((False, ":"), (True, "-")):
        label = f"{L} layers, " + ("1/√(2L)" if scaled else "all alike")
        axis.plot(range(1, L + 1), spreads(L, scaled), style, color=color, label=label)
axis.set(title="A fresh model's stream", xlabel="block", ylabel="standard deviation of h", ylim=(0, None))
axis.legend(frameon=False, fontsize=9)
axis.spines[["top", "right"]].set_visible(False)

# Right: where the parameters are.
axis = axes[2]
models = {"small": (12, 12, 768), "medium": (24, 16, 1024), "large": (36, 20, 1280), "xl": (48, 25, 1600)}
count = reference["param_count"]
for y, (L, H, C) in enumerate(models.values()):
    total, left = count(Cfg(50257, 1024, L, H, C)), 0.0
    for part, color in (((50257 + 1024) * C, "C4"), (L * (4 * C * C + 4 * C), "C0"), (L * (8 * C * C + 5 * C), "C3")):
        axis.barh(y, part / total, left=left, color=color, alpha=0.75, height=0.6)
        if part / total > 0.1:
            axis.text(left + part / total / 2, y, f"{100 * part / total:.0f} %", ha="center", va="center", color="white")
        left += part / total
axis.tick_params(length=0)
axis.set_yticks(range(4), [f"{name}\n{count(Cfg(50257, 1024, *size)) / 1e6:.0f} million" for name, size in models.items()])
axis.set(title="Where the parameters are", xlim=(0, 1), xticks=[])
for color, part in (("C4", "embeddings"), ("C0", "attention"), ("C3", "feed-forward")):
    axis.bar(0, 0, color=color, alpha=0.75, label=part)
axis.legend(loc="upper center", bbox_to_anchor=(0.42, -0.02), ncols=3, frameon=False, columnspacing=0.8, handlelength=1, fontsize=9)
axis.spines[:].set_visible(False)
figure.savefig(HERE / "gpt2_model.svg", metadata={"Date": None})
