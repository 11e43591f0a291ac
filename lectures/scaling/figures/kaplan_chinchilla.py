"""Draws kaplan_chinchilla.svg: valleys of equal compute, the best size by the budget under three fits, and what a model's use changes."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent
r = runpy.run_path(str(HERE.parents[2] / "solutions" / "scaling" / "kaplan_chinchilla" / "solution.py"))
loss, optimal, tokens, cost = r["chinchilla_L"], r["optimal"], r["tokens_for_loss"], r["overtrain_cost"]
plt.rcParams.update({"svg.hashsalt": "kaplan_chinchilla", "svg.fonttype": "none", "font.size": 10})
figure, (valleys, best, life) = plt.subplots(1, 3, figsize=(11.4, 3.7), layout="constrained")
fit = r["BESIROGLU"]

for C, shade in [(1e19, 0.35), (1e20, 0.5), (1e21, 0.65), (1e22, 0.8), (1e23, 0.95)]:
    at, _ = optimal(C, fit)
    N = at * np.logspace(-1.1, 1.1, 80)
    colour = plt.cm.Blues(shade)
    valleys.plot(N, [loss(n, C / 6 / n, fit) for n in N], color=colour)
    valleys.plot(at, loss(at, C / 6 / at, fit), "o", color="#c0392b", ms=5)
    valleys.annotate(f"$10^{{{round(np.log10(C))}}}$", (N[0], loss(N[0], C / 6 / N[0], fit)), color=colour, ha="right", va="center")
valleys.set(title="Equal compute, other sizes", xscale="log", xlabel="parameters N", ylabel="loss", xlim=(5e6, 3e11))

C = np.logspace(18, 25.3, 30)
for name, label, style in [("HOFFMANN", "as printed", "--"), ("HOFFMANN_UNROUNDED", "all digits", "-."), ("BESIROGLU", "fitted anew", "-")]:
    best.plot(C, [optimal(c, r[name])[0] for c in C], style, color="#1f5fa8", label=label)
for name, N, D, up in [("Chinchilla", 70e9, 1.4e12, -1), ("Gopher", 280e9, 300e9, 1), ("GPT-3", 175e9, 300e9, 1), ("Llama 3 8B", 8e9, 15e12, -1)]:
    best.plot(6 * N * D, N, "o", color="#c0392b", ms=5)
    best.annotate(name, (6 * N * D, N), textcoords="offset points", xytext=(-5 if up > 0 else 5, 7 * up), ha="right" if up > 0 else "left", va="center", fontsize=9, bbox={"fc": "white", "ec": "none", "pad": 0.5})
best.set(title="The best size for a budget", xscale="log", yscale="log", xlabel="compute C in FLOPs", ylabel="parameters N", xlim=(1e20, 3e26), ylim=(1e8, 2e12))
best.legend(frameon=False, loc="lower right")

goal, (start, _) = loss(*optimal(1e22, fit), fit), optimal(1e22, fit)
N = start * np.logspace(-0.62, 0.45, 60)
for used, colour in [(0, "#999999"), (1e12, "#1f5fa8"), (1e13, "#2e7d4f")]:
    paid = np.array([cost(n, tokens(goal, n, fit), used) for n in N])
    life.plot(N / 1e9, paid / 1e22, color=colour, label=f"{used / 1e12:g} trillion" if used else "never used")
    life.plot(N[paid.argmin()] / 1e9, paid.min() / 1e22, "o", color="#c0392b", ms=5)
life.set(title=f"All of this reaches a loss of {goal:.2f}", xscale="log", yscale="log", xlabel="parameters N, billions", ylabel="compute of a whole life, 10^22 FLOPs")
life.set_xticks([2, 3, 5, 9, 20], ["2", "3", "5", "9", "20"])
life.set_yticks([1, 2, 5, 10, 30], ["1", "2", "5", "10", "30"])
life.minorticks_off()
life.legend(frameon=False, title="tokens in use", loc="upper left")
for axis in (valleys, best, life):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "kaplan_chinchilla.svg", metadata={"Date": None})
