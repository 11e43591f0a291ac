"""Draws demo_selection.svg: what two searches choose in a plane, how BM25 saturates, and three rarities."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "icl" / "demo_selection" / "solution.py"))
knn_demos, mmr, bm25 = (reference[name] for name in ("knn_demos", "mmr", "bm25"))
plt.rcParams.update({"svg.hashsalt": "demo_selection", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (plane, saturation, rarity) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.15, 1, 1], layout="constrained")

g = torch.Generator().manual_seed(3)
angles = torch.cat([torch.full((12,), 0.62), torch.full((10,), 1.15), torch.full((9,), 0.12), torch.full((9,), 2.0)]) + 0.07 * torch.randn(40, generator=g)
lengths = 0.75 + 0.5 * torch.rand(40, generator=g)
pool = torch.stack([lengths * angles.cos(), lengths * angles.sin()], 1).double()
x = torch.tensor([0.62, 0.50], dtype=torch.float64)
near, diverse = knn_demos(x, pool, 5), mmr(x, pool, 5, lam=0.45)
plane.scatter(pool[:, 0], pool[:, 1], color=GREY, s=14)
plane.scatter(pool[near, 0], pool[near, 1], facecolors="none", edgecolors=BLUE, s=85, lw=1.6, label="nearest")
plane.scatter(pool[diverse, 0], pool[diverse, 1], color=RED, marker="x", s=45, label="diverse, λ = 0.45")
plane.annotate("", xy=x.tolist(), xytext=(0, 0), arrowprops={"arrowstyle": "->", "color": GREEN, "lw": 2})
plane.text(0.10, 0.01, "question", color=GREEN)
plane.set(title="Five of forty examples", aspect="equal", xlim=(-0.75, 1.35), ylim=(-0.12, 1.62))
plane.set_xticks([])
plane.set_yticks([])
plane.legend(frameon=False, loc="upper right", fontsize=9)

# A document with the word f times and other words up to its length, beside three that fix the mean length at 100.
for length, color, style in ((50, GREEN, "-"), (100, BLUE, "--"), (300, RED, ":")):
    counts, scores = range(0, 31), []
    for f in counts:
        doc = ["w"] * f + ["o"] * (length - f)
        rest = (400 - length) // 3
        others = [["o"] * rest, ["o"] * rest, ["o"] * (400 - length - 2 * rest)]
        scores.append(bm25(["w"], [doc, *others], idf="lucene")[0].item() / bm25(["w"], [["w"], ["o"], ["o"], ["o"]], idf="lucene")[0].item() if f else 0.0)
    saturation.plot(counts, scores, color=color, ls=style, label=f"{length} words")
saturation.axhline(2.5, color=GREY, lw=1)
saturation.text(30, 2.53, "k1 + 1", color=GREY, ha="right")
saturation.set(title="One word, mean length 100", xlabel="times in the document", ylabel="score / idf", ylim=(0, 2.8), xlim=(0, 30))
saturation.legend(frameon=False, loc="lower right", title="document of")

# Twenty documents: the word stands in n of them, and sixty other words in one each.
share, plain, floored, lucene = [], [], [], []
for n in range(1, 20):
    docs = [[f"r{3 * i}", f"r{3 * i + 1}", "w" if i < n else f"r{3 * i + 2}"] for i in range(20)]
    share.append(n / 20)
    plain.append(torch.tensor((20 - n + 0.5) / (n + 0.5)).log().item())
    floored.append(bm25(["w"], docs)[0].item())
    lucene.append(bm25(["w"], docs, idf="lucene")[0].item())
rarity.axhline(0, color=GREY, lw=1)
rarity.plot(share, plain, color=RED, ls=":", label="plain")
rarity.plot(share, floored, color=BLUE, label="okapi, with the floor")
rarity.plot(share, lucene, color=GREEN, ls="--", label="lucene")
rarity.set(title="idf in 20 documents", xlabel="share of documents with the word", xlim=(0, 1))
rarity.legend(frameon=False, loc="upper right", fontsize=9)
for axis in (plane, saturation, rarity):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "demo_selection.svg", metadata={"Date": None})
