"""Draws deepspeed_config.svg: bytes on each GPU for 7.5 billion parameters on 64 GPUs, by stage, in both conventions; from the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "framework" / "deepspeed_config" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "deepspeed_config", "svg.fonttype": "none", "font.size": 10})
estimate = reference["estimate"]
P, L, N = 7_500_000_000, 100_000_000, 64
rows = [(f"paper, stage {n}", "C0", estimate(P, L, N, n)[1]) for n in range(4)]
rows += [
    (name, "C1", estimate(P, L, N, *flags, convention="deepspeed")[1])
    for name, flags in [
        ("DeepSpeed, stage 2", (2,)),
        ("stage 2, optimizer on the CPU", (2, True)),
        ("DeepSpeed, stage 3", (3,)),
        ("stage 3, optimizer on the CPU", (3, True)),
        ("stage 3, all on the CPU", (3, True, True)),
    ]
]
figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
for y, (_name, color, size) in enumerate(rows):
    axis.barh(y, size / 1e9, color=color, alpha=0.85)
    axis.text(size / 1e9 + 1, y, f"{size / 1e9:.1f} GB", va="center", fontsize=9)
axis.set_yticks(range(len(rows)), [name for name, *_ in rows])
axis.set(xlabel="on each GPU, for 7.5 billion parameters on 64 GPUs", xlim=(0, 135), ylim=(len(rows) - 0.4, -0.6))
axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "deepspeed_config.svg", metadata={"Date": None})
