"""Made official_code.json, once: a layer, attention and a gate of SwissArmyTransformer's GLM-130B. test_oracle.py reads the result.

Takes the path of a clone of https://github.com/THUDM/SwissArmyTransformer (commit 63dc23aeb40b5b4ee580de00a8961a324a103abf). Classes and
functions are read from sat/model/official/glm130B_model.py and sat/model/position_embedding/rotary_embeddings.py, and run on the CPU with
stubs for what holds the weights. Their attention's scores need a GPU, so the attention function is a plain one. Versions: torch 2.13.0.
"""

import ast
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

COMMIT = "63dc23aeb40b5b4ee580de00a8961a324a103abf"


def definitions(path, wanted, names):
    show = ["git", "-C", sys.argv[1], "show", f"{COMMIT}:{path}"]
    tree = ast.parse(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
    tree.body = [node for node in tree.body if getattr(node, "name", None) in wanted]
    for node in tree.body:
        node.decorator_list = []
    exec(compile(tree, path, "exec"), names)
    return names


rotary = definitions(
    "sat/model/position_embedding/rotary_embeddings.py",
    ("RotaryEmbedding", "rotate_half", "apply_rotary_pos_emb_index"),
    {"torch": torch, "F": F},
)
names = definitions(
    "sat/model/official/glm130B_model.py",
    ("RotaryEmbeddingMixin", "DeepNormWithGLUMixin", "GEGLU"),
    {
        "torch": torch, "F": F, "math": math, "BaseMixin": nn.Module, "standard_attention": None,
        "apply_rotary_pos_emb_index": rotary["apply_rotary_pos_emb_index"],
        "split_tensor_along_last_dim": lambda x, n: x.split(x.shape[-1] // n, dim=-1),
    },
)  # fmt: skip


def attention_fn(q, k, v, mask, dropout, **more):
    """On (T, B, H, D), as theirs; True in the mask is 1 there."""
    scores = torch.einsum("tbhd,sbhd->bhts", q, k) / math.sqrt(q.shape[-1])
    scores = scores * mask - 10000.0 * (1 - mask)
    return torch.einsum("bhts,sbhd->tbhd", scores.softmax(-1), v).flatten(2)


cases = []
for N, B, T, H, D, width, seed in [(70, 2, 5, 3, 4, 8, 0), (3, 1, 4, 1, 6, 5, 1), (24, 3, 3, 2, 2, 9, 2)]:
    torch.manual_seed(seed)
    C = H * D
    attn = nn.Module()
    attn.query_key_value, attn.dense = nn.Linear(C, 3 * C).double(), nn.Linear(C, C).double()
    attn.hooks = {"attention_fn": attention_fn}
    attn.eval()
    up, down = nn.Linear(C, 2 * width).double(), nn.Linear(width, C).double()
    layer = SimpleNamespace(input_layernorm=nn.LayerNorm(C).double(), post_attention_layernorm=nn.LayerNorm(C).double())
    for norm in (layer.input_layernorm, layer.post_attention_layernorm):
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias)
    transformer = SimpleNamespace(layers=[SimpleNamespace(attention=attn)])
    pos = torch.randint(0, 30, (B, T))
    mixin = SimpleNamespace(
        transformer=transformer, position_encoding_2d=False, num_attention_heads_per_partition=H, hidden_size_per_attention_head=D,
        rotary_emb=rotary["RotaryEmbedding"](D),
    )  # fmt: skip

    def attention(x, mask, mixin=mixin, pos=pos, **more):  # theirs works on (T, B, C)
        forward = names["RotaryEmbeddingMixin"].attention_forward
        return forward(mixin, x.transpose(0, 1), mask, layer_id=0, position_ids=pos).transpose(0, 1)

    gate = names["GEGLU"]()
    layer.attention, layer.mlp, layer.is_decoder = attention, lambda x, gate=gate, up=up, down=down, **more: down(gate(up(x))), False
    stack = SimpleNamespace(num_layers=N, transformer=SimpleNamespace(layers=[layer]))
    x, mask = torch.randn(B, T, C).double().requires_grad_(), (torch.rand(T, T) > 0.4) | torch.eye(T).bool()
    out = names["DeepNormWithGLUMixin"].layer_forward(stack, x, mask.double(), layer_id=0)
    out.sin().sum().backward()
    modules = {
        "input_layernorm": layer.input_layernorm, "post_attention_layernorm": layer.post_attention_layernorm,
        "attn.query_key_value": attn.query_key_value, "attn.dense": attn.dense, "mlp.up": up, "mlp.down": down,
    }  # fmt: skip
    weights = {f"{name}.{key}": p.tolist() for name, module in modules.items() for key, p in module.named_parameters()}
    cases.append({"n_layers": N, "heads": H, "weights": weights, "x": x.tolist(), "pos": pos.tolist(), "mask": mask.tolist(),
                  "out": out.tolist(), "gradient": x.grad.tolist()})  # fmt: skip
Path(__file__).with_suffix(".json").write_text(json.dumps({"torch": torch.__version__, "commit": COMMIT, "cases": cases}) + "\n")
