"""glm/glm130b_block against a layer recorded from SwissArmyTransformer, transformers' rotation, and a stack of Post-LN layers."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

RECORDED = json.loads((Path(__file__).parent / "official_code.json").read_text())["cases"]


class Network(nn.Module):
    def __init__(self, reference, C, width):
        super().__init__()
        self.geglu, self.up, self.down = reference.geglu, nn.Linear(C, 2 * width), nn.Linear(width, C)

    def forward(self, x):
        return self.down(self.geglu(self.up(x)))


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"N={case['n_layers']}")
def test_a_layer_of_swiss_army_transformer(reference, case):
    x = torch.tensor(case["x"], dtype=torch.float64, requires_grad=True)
    weights = {name: torch.tensor(weight, dtype=torch.float64) for name, weight in case["weights"].items()}
    C, width = x.shape[-1], weights["mlp.down.weight"].shape[1]
    attn, mlp = reference.GLM130BAttention(C, case["heads"]), Network(reference, C, width)
    layer = reference.GLM130BLayer(C, case["n_layers"], attn, mlp).double()
    layer.load_state_dict(weights)
    out = layer(x, torch.tensor(case["pos"]), torch.tensor(case["mask"]))
    torch.testing.assert_close(out, torch.tensor(case["out"], dtype=torch.float64), atol=1e-6, rtol=1e-6)  # their angles are float32
    out.sin().sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor(case["gradient"], dtype=torch.float64), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("N", [1, 3, 6])
def test_a_stack_is_post_ln_with_one_norm_before(reference, N):
    """GLM's layers and one norm behind them are a first norm and Post-LN layers: the norm has only moved over the cut between layers."""
    torch.manual_seed(N)
    C, (alpha, _) = 6, reference.glm130b_constants(N)

    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(C, C)

        def forward(self, x, *more):
            return self.out(x.cumsum(-2)).tanh()

    layers = [reference.GLM130BLayer(C, N, Part(), Part()) for _ in range(N)]
    norms = [norm for layer in layers for norm in (layer.input_layernorm, layer.post_attention_layernorm)] + [nn.LayerNorm(C)]
    for norm in norms:
        nn.init.normal_(norm.weight, 1.0, 0.3)
    x = torch.randn(2, 4, C)
    y = x
    for layer in layers:
        y = layer(y)
    y = norms[-1](y)
    z = norms[0](x)
    for part, norm in zip([part for layer in layers for part in (layer.attn, layer.mlp)], norms[1:], strict=True):
        z = norm(alpha * z + part(z))
    torch.testing.assert_close(y, z)


@pytest.mark.slow
def test_rotation_of_transformers(reference):
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    transformers = pytest.importorskip("transformers")
    C, H, T = 24, 3, 7
    torch.manual_seed(0)
    layer = reference.GLM130BAttention(C, H)
    x, pos = torch.randn(2, T, C), torch.randint(0, 50, (2, T))
    config = transformers.LlamaConfig(hidden_size=C, num_attention_heads=H, rope_parameters={"rope_type": "default", "rope_theta": 1e4})
    cos, sin = llama.LlamaRotaryEmbedding(config)(x, pos)
    mixed = layer.query_key_value(x).view(2, T, H, 3, C // H)
    q, k, v = (mixed[..., i, :].transpose(1, 2) for i in range(3))
    q, k = llama.apply_rotary_pos_emb(q, k, cos, sin)
    want = layer.dense(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(2, T, C))
    torch.testing.assert_close(layer(x, pos, torch.ones(T, T).tril().bool()), want, atol=1e-5, rtol=1e-4)


def test_geglu_of_t5(reference):
    """T5 1.1 has the same gate with the halves exchanged, and gelu by tanh; with the exact one it is ours."""
    x = torch.randn(4, 3, 10)
    wi_0, wi_1 = x[..., 5:], x[..., :5]
    torch.testing.assert_close(reference.geglu(x), nn.GELU()(wi_0) * wi_1)


@pytest.mark.parametrize("a", [0.1, 1.0, 0.0, -2.0])
def test_a_step_with_a_smaller_gradient(reference, a):
    """One step on an embedding through the function is a step of a-th length without it."""
    torch.manual_seed(0)
    table, head, ids = torch.randn(9, 4), torch.randn(4, 9), torch.randint(0, 9, (12,))
    grads = []
    for through in (lambda e: reference.embedding_gradient_shrink(e, a), lambda e: e):
        leaf = table.clone().requires_grad_()
        loss = F.cross_entropy(through(F.embedding(ids, leaf)) @ head, ids)
        grads += [loss.detach(), *torch.autograd.grad(loss, leaf)]
    torch.testing.assert_close(grads[0], grads[2])
    torch.testing.assert_close(grads[1], a * grads[3])


def test_the_size_of_glm_130b(reference):
    """With the published configuration a layer has 1 812 111 360 parameters; 70 of them and the embedding are about 130 billion."""
    C, width = 12288, 32768
    with torch.device("meta"):
        layer = reference.GLM130BLayer(C, 70, reference.GLM130BAttention(C, 96), Network(reference, C, width))
    n = sum(p.numel() for p in layer.parameters())
    assert n == 4 * C * C + 4 * C + 3 * C * width + 2 * width + C + 4 * C
    assert 70 * n + 150528 * C + 2 * C == 128_697_794_560
