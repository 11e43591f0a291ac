"""Draws vllm_paged_attention.svg: two tables before and after copy on write, and what is wasted."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "framework" / "vllm_paged_attention" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "vllm_paged_attention", "svg.fonttype": "none", "font.size": 10})
BS, N = 4, 6
COLORS = {"A and B": "#8a8a8a", "A": "#4878a8", "B": "#c46a2f"}


def draw(axis, tables, lengths, title):
    """The cache as a column of blocks, a table on either side, and lines from the entries to the blocks."""
    users = {b: [name for name, table in tables.items() if b in table] for b in range(N)}
    for b in range(N):
        for i in range(BS):
            holds = [n for n in users[b] if tables[n].index(b) * BS + i < lengths[n]]
            color = COLORS[" and ".join(holds)] if holds else "#f1f1f1"
            axis.add_patch(plt.Rectangle((3 + i * 0.8, b + 0.1), 0.72, 0.8, color=color, lw=0))
        axis.text(2.8, b + 0.5, str(b), ha="right", va="center", color="#555555", fontsize=9)
    for name, x, side, edge in (("A", 0.3, 1, 2.4), ("B", 8.3, -1, 6.35)):
        axis.text(x + 0.4, 0.55, f"table {name}", ha="center", color=COLORS[name], fontweight="bold")
        for row, b in enumerate(tables[name]):
            axis.add_patch(plt.Rectangle((x, 1.0 + row), 0.8, 0.8, fill=False, ec=COLORS[name], lw=1.5))
            axis.text(x + 0.4, 1.4 + row, str(b), ha="center", va="center")
            start = x + 0.8 if side > 0 else x
            axis.annotate("", (edge, b + 0.5), (start, 1.4 + row), arrowprops={"arrowstyle": "->", "color": COLORS[name], "lw": 1})
    axis.set(xlim=(-0.2, 9.6), ylim=(N + 0.1, -0.2), title=title)
    axis.axis("off")


allocator = reference["BlockAllocator"](N)
taken = [allocator.alloc() for _ in range(N)]
order = [taken[i] for i in (2, 5, 0)]  # let the table not be sorted
for block in taken:
    if block not in order[:2]:
        allocator.free(block)
a = order[:2]
b = allocator.fork(a)
figure, axes = plt.subplots(1, 3, figsize=(9.8, 3.5), width_ratios=[1, 1, 1], layout="constrained")
figure.get_layout_engine().set(w_pad=0.2)
draw(axes[0], {"A": a, "B": b}, {"A": 6, "B": 6}, "after fork: 6 tokens, shared")
last, copied = allocator.cow(b[-1])
assert copied
b[-1] = last
draw(axes[1], {"A": a, "B": b}, {"A": 6, "B": 7}, "B wrote token 6: copy on write")

lengths = torch.empty(400).exponential_(1 / 300, generator=torch.Generator().manual_seed(0)).clamp(1, 4096).long().tolist()
sizes = [256, 64, 16, 4, 1]
shares = [sum(lengths) / (4096 * len(lengths))] + [sum(lengths) / (sum(lengths) + reference["waste"](lengths, s)) for s in sizes]
labels = ["reserved", *(f"bs {s}" for s in sizes)]
bars = axes[2].barh(labels, [100 * s for s in shares], color=["#bbbbbb"] + ["#4878a8"] * len(sizes))
axes[2].bar_label(bars, [f"{100 * s:.0f} %" for s in shares], padding=3)
axes[2].invert_yaxis()
axes[2].set(title="memory that holds tokens", xlim=(0, 118))
axes[2].set_xticks([])
axes[2].spines[["top", "right", "bottom"]].set_visible(False)
figure.savefig(HERE / "vllm_paged_attention.svg", metadata={"Date": None})
