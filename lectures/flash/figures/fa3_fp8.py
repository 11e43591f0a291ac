"""Draws fa3_fp8.svg: an outlier before and after the rotation, the error of attention in eight bits, and two groups that take turns."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "flash" / "fa3_fp8" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "fa3_fp8", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")
generator = torch.Generator().manual_seed(0)

x = torch.randn(64, generator=generator)
x[20] = 30.0
signs = torch.randint(0, 2, (64,), generator=generator) * 2 - 1
axes[0].plot(x, "o-", ms=3, lw=0.8, label="before")
axes[0].plot(reference["hadamard_rotate"](x, signs), "s-", ms=3, lw=0.8, label="rotated")
axes[0].set(title="A key with an outlier", xlabel="feature", ylabel="value")
axes[0].legend(frameon=False)

D, T = 128, 256
kinds = {"head": (T, False), "block": (64, False), "head,\nrotated": (T, True), "block,\nrotated": (64, True)}


def drawn():
    x = torch.randn(1, 1, T, D, generator=generator)
    return x + 10 * torch.randn(1, 1, T, D, generator=generator) * (torch.rand(1, 1, T, D, generator=generator) < 0.001)


errors = {name: 0.0 for name in kinds}
for _ in range(10):
    q, k, v = drawn(), drawn(), torch.randn(1, 1, T, D, generator=generator)
    signs = torch.randint(0, 2, (D,), generator=generator) * 2 - 1
    want = (q.double() @ k.double().mT / D**0.5).softmax(-1) @ v.double()
    for name, (block, incoherent) in kinds.items():
        got = reference["fa3_fp8_attention"](q, k, v, block, incoherent, signs)
        errors[name] += float((got - want).square().mean().sqrt()) / 10
print(errors)
bars = axes[1].bar(list(errors), [1000 * each for each in errors.values()], color=["#c0392b", "#d98880", "#7fb3d5", "#1f5fa8"], width=0.65)
axes[1].bar_label(bars, fmt="%.2f", fontsize=9)
axes[1].set(title="Error of attention in eight bits", ylabel="root mean square, in thousandths", xlabel="one scale for each")
axes[1].margins(y=0.15)

axis, n, gemm, softmax, free, ready = axes[2], 3, 1.0, 2.0, 0.0, [0.0, 0.0]
rows = {"softmax 1": 0, "matrix unit": 1, "softmax 0": 2}
for turn in range(n + 1):
    for group in (0, 1):
        free = max(free, ready[group])
        for product in [*(["PV"] if turn else []), *(["S"] if turn < n else [])]:
            axis.add_patch(plt.Rectangle((free, 0.65), gemm, 0.7, facecolor=("#f6c9a8", "#a9c8ea")[group], edgecolor="white"))
            axis.text(free + gemm / 2, 1, product, ha="center", va="center", fontsize=9)
            free += gemm
        if turn < n:
            axis.add_patch(plt.Rectangle((free, 1.65 if group == 0 else -0.35), softmax, 0.7, facecolor=("#f6c9a8", "#a9c8ea")[group], edgecolor="white"))
            ready[group] = free + softmax
assert free == reference["pingpong_makespan"](n, gemm, softmax, True)
axis.set(title=f"Taking turns: {free:g} instead of {reference['pingpong_makespan'](n, gemm, softmax, False):g}", xlim=(0, free), ylim=(-0.6, 2.6), xlabel="time")
axis.set_yticks(list(rows.values()), list(rows))
figure.savefig(HERE / "fa3_fp8.svg", metadata={"Date": None})
