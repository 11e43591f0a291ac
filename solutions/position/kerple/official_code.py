"""Made official_code.json, once: biases of the classes in KERPLE's own code. test_oracle.py reads the result.

Takes the path of a clone of https://github.com/chijames/KERPLE (commit 73f1ee2d24722cdbe277d473899321218f5cbd00). Its two classes are
read from megatron/mpu/layers.py and run with one model-parallel rank on the CPU; versions: torch 2.13.0.
"""

import ast
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn.parameter import Parameter

show = ["git", "-C", sys.argv[1], "show", "73f1ee2d24722cdbe277d473899321218f5cbd00:megatron/mpu/layers.py"]
source = subprocess.run(show, capture_output=True, text=True, check=True).stdout
wanted = ("ParallelKerpleLog", "ParallelKerplePower")
tree = ast.parse(source)
tree.body = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in wanted]
cpu = SimpleNamespace(**{name: getattr(torch, name) for name in ("ones", "rand", "tril", "arange", "log", "float32")})
cpu.nn, cpu.cuda = torch.nn, SimpleNamespace(current_device=lambda: "cpu")
names = {"torch": cpu, "Parameter": Parameter, "math": math,
         "get_model_parallel_world_size": lambda: 1, "get_model_parallel_rank": lambda: 0}  # fmt: skip
exec(compile(tree, "layers.py", "exec"), names)

cases = []
for kind, name, pos_emb in (("KerpleLog", wanted[0], "kerple_log"), ("KerplePower", wanted[1], "kerple_power_ap_")):
    for H, T, S, seed in [(3, 5, 5, 0), (2, 1, 6, 1), (4, 7, 7, 2)]:
        torch.manual_seed(seed)
        layer = names[name](
            SimpleNamespace(num_attention_heads=H, pos_emb=pos_emb, params_dtype=torch.float32)
        ).double()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.mul_(4).sub_(1)  # some out of range
        start = {key: parameter.flatten().tolist() for key, parameter in layer.named_parameters()}
        bias = layer(torch.zeros(1, H, T, S, dtype=torch.float64))[0]
        bias.square().sum().backward()
        after = {key: parameter.flatten().tolist() for key, parameter in layer.named_parameters()}
        grads = {key: parameter.grad.flatten().tolist() for key, parameter in layer.named_parameters()}
        # The factor of the bias is r1 here; p and a change places between the two classes.
        order = ("bias_p", "bias_a") if kind == "KerpleLog" else ("bias_a", "bias_p")
        renamed = {part: {r: values[key] for r, key in zip(("r1", "r2"), order, strict=True)}
                   for part, values in (("start", start), ("after", after), ("gradients", grads))}  # fmt: skip
        cases.append({"kind": kind, "T": T, "S": S, **renamed, "bias": bias.tolist()})
Path(__file__).with_suffix(".json").write_text(json.dumps({"torch": torch.__version__, "cases": cases}) + "\n")
