"""Draws codex_pass_at_k.svg: the unbiased estimate against the plug-in formula, for one problem and on average."""

import math
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "codex_pass_at_k" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "codex_pass_at_k", "svg.fonttype": "none", "font.size": 10})
pass_at_k = reference["pass_at_k"]

figure, (one, many) = plt.subplots(1, 2, figsize=(9.6, 3.7), layout="constrained")

# Left: one problem, 3 of 10 programs are right.
n, c = 10, 3
ks = range(1, n + 1)
one.plot(ks, [pass_at_k(n, c, k) for k in ks], "o-", color="tab:blue", label="1 - C(n-c, k) / C(n, k)")
one.plot(ks, [1 - (1 - c / n) ** k for k in ks], "s--", color="tab:red", label="1 - (1 - c/n)^k")
one.set(title="3 of 10 programs are right", xlabel="k", ylabel="estimate of pass@k", xticks=list(ks), ylim=(0.2, 1.05))
one.legend(loc="lower right", frameon=False)

# Right: one program in ten is right; the mean estimate of pass@10 over all that can happen with n programs.
p, k = 0.1, 10
sizes = range(10, 101, 5)
truth = 1 - (1 - p) ** k


def average(estimate, n):
    return sum(math.comb(n, c) * p**c * (1 - p) ** (n - c) * estimate(n, c) for c in range(n + 1))


many.axhline(truth, color="black", lw=1, label="truth: 1 - 0.9^10")
many.plot(sizes, [average(lambda n, c: pass_at_k(n, c, k), n) for n in sizes], "o", color="tab:blue", label="unbiased")
many.plot(sizes, [average(lambda n, c: 1 - (1 - c / n) ** k, n) for n in sizes], "s", color="tab:red", label="with c/n put in")
many.set(title="Mean estimate of pass@10, p = 0.1", xlabel="programs written, n", ylim=(0.45, 0.7))
many.legend(loc="lower right", frameon=False)
for axis in (one, many):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "codex_pass_at_k.svg", metadata={"Date": None})
