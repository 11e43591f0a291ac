"""Draws memory_static.svg: where the bytes of a 7B model go, in training and in serving."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
SOLUTIONS = HERE.parents[2] / "solutions" / "quant"
reference = runpy.run_path(str(SOLUTIONS / "memory_static" / "solution.py"))
layer = runpy.run_path(str(SOLUTIONS / "memory_activation" / "solution.py"))["activation_bytes_per_layer"]
plt.rcParams.update({"svg.hashsalt": "memory_static", "svg.fonttype": "none", "font.size": 10})
COLORS = {
    "weights": "#1f5fa8",
    "gradients": "#d98e2b",
    "master copy": "#7fb0dd",
    "optimizer": "#c0392b",
    "activations": "#2e7d4f",
    "KV cache": "#8e6bb0",
}

shapes = {"embed.weight": (32000, 4096), "norm.weight": (4096,), "head.weight": (32000, 4096)}
for i in range(32):
    shapes |= {f"layers.{i}.{name}.weight": (4096, 4096) for name in "qkvo"}
    shapes |= {f"layers.{i}.{name}.weight": (11008, 4096) for name in ("gate", "up")}
    shapes |= {f"layers.{i}.down.weight": (4096, 11008), f"layers.{i}.norm1.weight": (4096,), f"layers.{i}.norm2.weight": (4096,)}
every = list(shapes.values())
activations = 32 * layer(4096, 1, 4096, 32, recompute="selective")


def full(optimizer, precision):
    kept = reference["training_state_bytes"](every, optimizer, precision)
    return {**kept, "master copy": kept["master"], "activations": activations}


def lora(**base):
    targets = ["q", "k", "v", "o", "gate", "up", "down"]
    kept = reference["lora_training_bytes"](shapes, targets, r=16, **base)
    return {**kept, "weights": kept["base"] + kept["weights"], "activations": activations}


def serve(batch, kv_heads=32, **stored):
    config = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": kv_heads, "hidden_size": 4096}
    return {"weights": reference["weights_bytes"](every, **stored), "KV cache": reference["kv_cache_bytes"](config, batch, 4096)}


panels = {
    "Training, one sequence of 4096 tokens": {
        "AdamW, mixed": full("adamw", "mixed"),
        "AdamW of 8 bits, mixed": full("adamw8bit", "mixed"),
        "AdamW, bfloat16 alone": full("adamw", "bfloat16"),
        "Adafactor, bfloat16 alone": full("adafactor", "bfloat16"),
        "LoRA, r = 16": lora(),
        "LoRA on 4 bits": lora(bits=4, group=64, scale_bits=32),
    },
    "Serving, sequences of 4096 tokens": {
        "1 sequence": serve(1),
        "16 sequences": serve(16),
        "32 sequences": serve(32),
        "32, with 8 heads of keys": serve(32, kv_heads=8),
        "32, and weights of 4 bits": serve(32, kv_heads=8, bits=4, group=128, zero_bits=4),
        "1, and weights of 4 bits": serve(1, bits=4, group=128, zero_bits=4),
    },
}
figure, axes = plt.subplots(1, 2, figsize=(11.4, 3.6), layout="constrained")
for axis, (title, bars) in zip(axes, panels.items(), strict=True):
    for row, parts in enumerate(bars.values()):
        left = 0.0
        for name, color in COLORS.items():
            width = parts.get(name, 0) / 1e9
            axis.barh(row, width, left=left, color=color, height=0.66)
            left += width
        axis.text(left + 1.2, row, f"{left:.0f}" if left >= 10 else f"{left:.1f}", va="center", fontsize=9)
    axis.set_yticks(range(len(bars)), list(bars))
    axis.invert_yaxis()
    axis.axvline(80, color="#555555", ls=":", lw=1)
    axis.text(80.8, len(bars) - 0.62, "one GPU: 80 GB", fontsize=8.5, color="#555555", va="center")
    axis.set(title=title, xlabel="GB", xlim=(0, 139 if axis is axes[0] else 100), ylim=(len(bars) - 0.3, -0.6))
    axis.spines[["top", "right"]].set_visible(False)
handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in COLORS.values()]
figure.legend(handles, list(COLORS), loc="outside lower center", ncols=6, frameon=False)
figure.savefig(HERE / "memory_static.svg", metadata={"Date": None})
