"""Draws memory_activation.svg: what a layer of GPT-3 keeps on one of 8 GPUs, and memory over the time of one training step."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "quant" / "memory_activation" / "solution.py"))
of, best = reference["activation_bytes_per_layer"], reference["optimal_checkpoint"]
plt.rcParams.update({"svg.hashsalt": "memory_activation", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (bars, way) = plt.subplots(1, 2, figsize=(11.4, 3.9), width_ratios=[1, 1.1], layout="constrained")

s, b, h, a, t = 2048, 1, 12288, 96, 8
sbh = s * b * h
rows = {
    "one GPU": (1, False, "none"),
    "8 GPUs": (t, False, "none"),
    "8 GPUs, sp": (t, True, "none"),
    "8 GPUs, selective": (t, False, "selective"),
    "8 GPUs, sp, selective": (t, True, "selective"),
    "8 GPUs, full": (t, False, "full"),
}
for row, (gpus, sp, recompute) in enumerate(rows.values()):
    total = of(s, b, h, a, gpus, sp, recompute)
    selective = total if recompute == "full" else of(s, b, h, a, gpus, sp, "selective")
    whole = total if recompute == "full" else 10 * sbh / (gpus if sp else 1)
    left = 0.0
    for size, color in ((whole, GREY), (selective - whole, BLUE), (total - selective, RED)):
        bars.barh(row, size / 1e9, left=left / 1e9, color=color, height=0.66)
        left += size
    bars.text(left / 1e9 + 0.04, row, f"{left / 1e9:.2f}", va="center", fontsize=9)
bars.set_yticks(range(len(rows)), list(rows))
bars.invert_yaxis()
bars.set(title="A layer of GPT-3: GB on each GPU", xlabel="GB", xlim=(0, 3.3))
bars.text(1.35, 3.0, "tables of scores", color=RED)
bars.text(1.35, 3.7, "inside of attention and MLP", color=BLUE)
bars.text(1.35, 4.4, "norms, inputs, masks", color="#666666")


def over_time(n, k, boundary, layer):
    """Memory after each layer's work; k = 0: nothing is computed again."""
    times, live = [0], [0]

    def step(change):
        times.append(times[-1] + 1)
        live.append(live[-1] + change)

    if k == 0:
        for _ in range(n):
            step(layer)
        for _ in range(n):
            step(0)
            step(-layer)
        return times, live
    for i in range(n):
        step(boundary if i % k == 0 else 0)
    for first in reversed(range(0, n, k)):
        layers = min(k, n - first)
        for _ in range(layers):
            step(layer)
        for i in range(layers):
            step(0)
            step(-layer - (boundary if i == layers - 1 else 0))
    return times, live


n, boundary, layer = 24, 2, 34
k = best(n, boundary, layer)
root = 5
for segment, color, style, label in ((0, RED, "-", "keep everything"), (root, BLUE, "--", f"segments of {root}"), (1, GREEN, "-", "segments of 1")):
    times, live = over_time(n, segment, boundary, layer)
    way.step(times, live, where="post", color=color, ls=style, label=f"{label}: at most {max(live)}")
assert k == 1
way.set(title="One step of 24 layers, 34 sbh each", xlabel="time (a backward pass of a layer takes 2)", ylabel="activations in sbh", ylim=(0, 900), xlim=(0, 100))
way.legend(frameon=False, loc="upper right")
for axis in (bars, way):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "memory_activation.svg", metadata={"Date": None})
