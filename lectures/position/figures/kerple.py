"""Draws kerple.svg: biases by distance, the weights that they give at equal scores, and which powers are kernels, from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "position" / "kerple" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "kerple", "svg.fonttype": "none", "font.size": 10})


def bias(kind, r1, r2, S):
    layer = reference[kind](1)
    with torch.no_grad():
        layer.r1.fill_(r1)
        layer.r2.fill_(r2)
        return layer(1, S)[0, 0].flip(0)  # by distance


figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), layout="constrained")
S = 200
curves = [
    ("power, exponent 1 (ALiBi)", bias("KerplePower", 0.05, 1.0, S), "tab:orange"),
    ("power, exponent 0.5", bias("KerplePower", 0.4, 0.5, S), "tab:green"),
    ("logarithm", bias("KerpleLog", 1.3, 1.0, S), "tab:blue"),
]
for name, values, color in curves:
    axes[0].plot(values, color=color, label=name)
    axes[1].plot(values.softmax(0), color=color)
axes[0].set(title="Bias", xlabel="distance", ylim=(-10.5, 4.5))
axes[0].legend(loc="upper right", frameon=False, fontsize=9)
axes[1].set(title="Weight at equal scores", xlabel="distance", yscale="log", ylim=(1e-6, 1))
exponents = torch.linspace(0.1, 3, 59)
d = (torch.arange(12.0)[:, None] - torch.arange(12.0)).abs().double()
P = torch.eye(12, dtype=torch.float64) - 1 / 12
lowest = []
for exponent in exponents.tolist():
    K = -(d**exponent)
    lowest.append(torch.linalg.eigvalsh(P @ K @ P).min().item())
    assert reference["is_cpd_matrix"](K) == (exponent <= 2.0001)
axes[2].plot(exponents, lowest, color="tab:purple")
axes[2].axvline(2, color="gray", lw=0.8, ls=":")
axes[2].set(title="Smallest value of the form", xlabel="exponent of the power", ylim=(-60, 10))
axes[2].annotate("kernels", (0.75, 3), color="gray")
axes[2].annotate("no kernels", (2.08, 3), color="gray")
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "kerple.svg", metadata={"Date": None})
