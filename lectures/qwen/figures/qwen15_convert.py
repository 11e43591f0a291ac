"""Draws qwen15_convert.svg: where each tensor of a layer goes, found by following its values through the reference."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "qwen" / "qwen15_convert" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "qwen15_convert", "svg.fonttype": "none", "font.size": 10})

C = 2
rows = {"ln_1.weight": C, "attn.c_attn.weight": 3 * C, "attn.c_attn.bias": 3 * C, "attn.c_proj.weight": C,
        "ln_2.weight": C, "mlp.w1.weight": C, "mlp.w2.weight": C, "mlp.c_proj.weight": C}  # fmt: skip
others = {"transformer.wte.weight": C, "transformer.ln_f.weight": C, "lm_head.weight": C}
count = 0
sd = {}
for name, n in (others | {f"transformer.h.0.{name}": n for name, n in rows.items()}).items():
    sd[name] = torch.arange(count, count + n)  # a tensor is the numbers of its rows
    count += n
found = reference["convert_qwen1_to_qwen2"](sd, 1)
old = [name for name in rows if not name.endswith("bias")]
parts = ["input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
         "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]  # fmt: skip
new = [f"model.layers.0.{part}.weight" for part in parts]

figure, axis = plt.subplots(figsize=(9, 4.4), layout="constrained")
left = {name: 8 * (i + 0.5) / len(old) for i, name in enumerate(old)}
right = {name: 8 * (i + 0.5) / len(new) for i, name in enumerate(new)}
for name, y in left.items():
    axis.text(0, y, name.removesuffix(".weight"), ha="right", va="center")
    for target, z in right.items():
        if set(found[target].tolist()) & set(sd[f"transformer.h.0.{name}"].tolist()):
            special = "C1" if "c_attn" in name else "C3" if name in ("mlp.w1.weight", "mlp.w2.weight") else "0.6"
            axis.annotate("", (2.9, z), (0.1, y), arrowprops={"arrowstyle": "->", "color": special, "lw": 1.6})
for name, z in right.items():
    axis.text(3, z, name.removeprefix("model.layers.0.").removesuffix(".weight"), ha="left", va="center")
axis.text(0, -0.5, "Qwen 1", ha="right", weight="bold")
axis.text(3, -0.5, "Qwen 1.5", ha="left", weight="bold")
axis.set(xlim=(-1.4, 5), ylim=(8, -0.9))
axis.axis("off")
figure.savefig(HERE / "qwen15_convert.svg", metadata={"Date": None})
