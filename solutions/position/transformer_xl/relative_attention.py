"""Made relative_attention.json, once: Transformer-XL's attention of transformers 4.57.6, which newer releases no longer have.

Versions: transformers 4.57.6, torch 2.13.0. Run it in an environment of its own with these. test_oracle.py reads the result.
"""

import json
from pathlib import Path

import torch
from transformers.models.deprecated.transfo_xl.modeling_transfo_xl import (
    PositionalEmbedding,
    RelPartialLearnableMultiHeadAttn,
)

cases = []
for B, T, M, C, H, D in [(2, 3, 2, 4, 2, 3), (1, 4, 0, 6, 3, 2), (2, 1, 5, 4, 1, 5)]:
    torch.manual_seed(T)
    layer = RelPartialLearnableMultiHeadAttn(H, C, D, dropout=0.0).eval()
    layer.layer_norm = torch.nn.Identity()  # post-norm and residual are not part of the exercise
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    h, mem = torch.randn(T, B, C), torch.randn(M, B, C)
    S = M + T
    distances = torch.arange(S - 1, -1, -1.0)
    embedding = PositionalEmbedding(C)
    mask = torch.triu(torch.ones(T, S, dtype=torch.uint8), diagonal=1 + M)[:, :, None]
    if not mask.any():
        mask = None
    out = layer(h, embedding(distances), attn_mask=mask, mems=mem)[0] - h
    (out * torch.arange(out.numel()).view(out.shape).cos()).sum().backward()
    q, ke, v = layer.qkv_net.weight.chunk(3)
    gq, gke, gv = layer.qkv_net.weight.grad.chunk(3)
    cases.append({
        "h": h.transpose(0, 1).tolist(), "mem": mem.transpose(0, 1).tolist(), "H": H,
        "W": {"q": q.tolist(), "ke": ke.tolist(), "kr": layer.r_net.weight.tolist(), "v": v.tolist(), "o": layer.o_net.weight.tolist()},
        "u": layer.r_w_bias.tolist(), "v": layer.r_r_bias.tolist(), "out": out.transpose(0, 1).tolist(),
        "gradients": {"u": layer.r_w_bias.grad.tolist(), "v": layer.r_r_bias.grad.tolist(), "q": gq.tolist(), "ke": gke.tolist(),
                      "kr": layer.r_net.weight.grad.tolist(), "v_weight": gv.tolist(), "o": layer.o_net.weight.grad.tolist()},
    })  # fmt: skip
rounded = json.loads(json.dumps(cases), parse_float=lambda text: round(float(text), 10))
versions = {"transformers": "4.57.6", "torch": "2.13.0"}
Path(__file__).with_suffix(".json").write_text(json.dumps({"versions": versions, "cases": rounded}) + "\n")
