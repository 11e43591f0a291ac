"""Draws gte_contrastive.svg: four tables of scores in one row of Z, and how often sources of unequal size are drawn."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "embedding" / "gte_contrastive" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "gte_contrastive", "svg.fonttype": "none", "font.size": 10})
generator = torch.Generator().manual_seed(5)
figure, (table, bars) = plt.subplots(1, 2, figsize=(9.6, 3.3), width_ratios=[2.1, 1], layout="constrained")

# Left: three pairs, a hard negative each; the sum over what is shown is held against the reference.
B = 3
q = torch.randn(B, 5, generator=generator)
d, hard = q + 0.8 * torch.randn(B, 5, generator=generator), q[:, None] + 1.2 * torch.randn(B, 1, 5, generator=generator)
q, d, hard = (x / x.norm(dim=-1, keepdim=True) for x in (q, d, hard))
everything = torch.cat([d, hard[:, 0]])
scores = torch.cat([q @ everything.T, q @ q.T, d @ q.T, d @ everything.T], 1)
own = torch.eye(B, dtype=torch.bool)
none = torch.zeros(B, B, dtype=torch.bool)
out = torch.cat([none, none, own, none, own, own], 1)
kept = scores.masked_fill(out, -torch.inf)
assert torch.allclose((kept.logsumexp(1) - scores.diagonal()).mean(), reference["gte_loss"](q, d, hard, temp=1.0), atol=1e-5)
names = [f"d{j}" for j in range(B)] + [f"x{j}" for j in range(B)]
names = names + [f"q{j}" for j in range(B)] * 2 + names
gap = 0.5  # between the tables
starts, column = [], 0.0
for width in (2 * B, B, B, 2 * B):
    starts += [column + n for n in range(width)]
    column += width + gap
for i in range(B):
    for n, at in enumerate(starts):
        right = n in (i, 3 * B + i)
        color = "tab:red" if right else "tab:blue"
        if out[i, n]:
            table.text(at, i, "–", ha="center", va="center", color="gray")
            continue
        table.add_patch(plt.Rectangle((at - 0.45, i - 0.45), 0.9, 0.9, color=color, alpha=0.75 if right else 0.3, lw=0))
        table.text(at, i, f"{scores[i, n]:.1f}".replace("-0.0", "0.0"), ha="center", va="center", fontsize=7.5)
table.set(title="Row i of Z: the right pair twice (red), no text with itself (–)", xlim=(-0.6, column - gap - 0.4), ylim=(B - 0.4, -1.25))
for text, at in (("query → document", 2.5), ("q → q", 7.5), ("d → q", 11), ("document → document", 15.5)):
    table.text(at, -0.85, text, ha="center", fontsize=8.5)
table.set_xticks(starts, names, fontsize=8)
table.set_yticks(range(B), [f"i = {i}" for i in range(B)])
table.tick_params(length=0)
table.spines[:].set_visible(False)

# Right: five sources.
sizes = [10**3, 10**4, 10**5, 10**6, 10**7]
for k, (alpha, color) in enumerate(((1.0, "tab:gray"), (0.5, "tab:blue"), (0.0, "tab:orange"))):
    probs = reference["source_probs"](sizes, alpha=alpha)
    bars.bar([n + 0.27 * (k - 1) for n in range(5)], probs, 0.25, color=color, label=f"alpha = {alpha:g}")
bars.set(title="How likely a source is drawn", ylabel="probability", xlabel="texts of the source")
bars.set_xticks(range(5), ["1 000", "10 000", "100 000", "1 million", "10 million"], fontsize=6.5)
bars.legend(frameon=False, fontsize=8, loc="upper left")
bars.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "gte_contrastive.svg", metadata={"Date": None})
