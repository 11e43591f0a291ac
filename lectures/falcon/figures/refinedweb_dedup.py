"""Draws refinedweb_dedup.svg: a signature of two sets, cut into bands, and the chance to become candidates, as computed by the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "falcon" / "refinedweb_dedup" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "refinedweb_dedup", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")

# Left: two documents that share most of their shingles.
axis = axes[0]
P, rows = 12, 3
first = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "and", "runs", "into", "the", "dark", "forest", "near", "the", "river"]
second = [*first[:9], "but", *first[10:]]
rng = np.random.default_rng(3)
a, b = (rng.integers(1, 2**61 - 1, P, dtype=np.uint64) for _ in range(2))
sets = [reference["shingles"](text, 3) for text in (first, second)]
sigs = np.stack([reference["minhash"](np.array(sorted(each), dtype=np.uint64), a, b) for each in sets])
pairs = reference["lsh_candidates"](sigs, P // rows, rows)
alike = sigs[0] == sigs[1]
for p in range(P):
    for y in range(2):
        color = "C0" if alike[p] else f"C{1 + y}"
        axis.add_patch(plt.Rectangle((p + 0.06, 0.9 - 1.1 * y), 0.88, 0.8, color=color, alpha=0.75, lw=0))
        axis.text(p + 0.5, 1.3 - 1.1 * y, f"{int(sigs[y, p]) % 1000:03}", ha="center", va="center", fontsize=8, color="white")
for k in range(P // rows):
    whole = alike[k * rows : (k + 1) * rows].all()
    axis.add_patch(plt.Rectangle((k * rows, -0.35), rows, 2.2, fill=False, edgecolor="0.2" if whole else "0.7", lw=2.4 if whole else 1))
    axis.text((k + 0.5) * rows, -0.75, "equal" if whole else "differs", ha="center", va="center")
J = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
axis.text(-0.3, 1.3, "A", ha="right", va="center")
axis.text(-0.3, 0.2, "B", ha="right", va="center")
axis.set(title=f"{alike.sum()} of {P} places agree (similarity {J:.2f}): candidates" if pairs else "no candidates", xlim=(-1, P + 0.2), ylim=(-1.2, 2.2))
axis.axis("off")

# Right: the S-curve.
axis = axes[1]
s = np.linspace(0, 1, 2001)
for bands, rows, name in ((20, 5, "20 bands of 5"), (14, 8, "14 bands of 8"), (20, 450, "RefinedWeb: 20 bands of 450")):
    axis.plot(s, [reference["s_curve"](float(x), bands, rows) for x in s], label=name)
axis.set(title="Who becomes a candidate", xlabel="Jaccard similarity", ylabel="probability", xlim=(0, 1.01), ylim=(0, 1.02))
axis.legend(loc="upper left", frameon=False)
axis.grid(alpha=0.3)
figure.savefig(HERE / "refinedweb_dedup.svg", metadata={"Date": None})
