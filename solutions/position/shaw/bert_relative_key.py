"""Made bert_relative_key.json, once: BERT's self-attention with "relative_key", which newer releases of transformers no longer have.

Versions: transformers 4.57.6, torch 2.13.0. Run it in an environment of its own with these. test_oracle.py reads the result.
"""

import json
from pathlib import Path

import torch
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertSelfAttention

cases = []
for H, D, T, M in [(2, 3, 5, 6), (3, 2, 4, 4), (1, 4, 2, 5)]:  # heads, features of one, tokens, positions of the table
    torch.manual_seed(T)
    C = H * D
    config = BertConfig(hidden_size=C, num_attention_heads=H, max_position_embeddings=M, attn_implementation="eager",
                        position_embedding_type="relative_key")  # fmt: skip
    layer = BertSelfAttention(config, position_embedding_type="relative_key").double().eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    x = torch.randn(2, T, C, dtype=torch.float64)
    with torch.no_grad():
        q, k, v = (f(x).view(2, T, H, D).transpose(1, 2) for f in (layer.query, layer.key, layer.value))
        out = layer(x)[0].view(2, T, H, D).transpose(1, 2)
    table = layer.distance_embedding.weight.detach()  # row M - 1 + query - key
    cases.append({name: value.tolist() for name, value in dict(q=q, k=k, v=v, table=table, out=out).items()})
rounded = json.loads(json.dumps(cases), parse_float=lambda text: round(float(text), 12))
versions = {"transformers": "4.57.6", "torch": "2.13.0"}
Path(__file__).with_suffix(".json").write_text(json.dumps({"versions": versions, "cases": rounded}) + "\n")
