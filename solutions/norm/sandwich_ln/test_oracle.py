"""norm/sandwich_ln against the layers of Gemma 2 and GLM-4, LayoutLMv3's attention, and PyTorch's softmax."""

import pytest
import torch
from torch import nn


class Attend(nn.Module):
    """A model's attention as a function of x alone, at the positions 0, 1, …"""

    def __init__(self, inner, turn):
        super().__init__()
        self.inner, self.turn = inner, turn

    def forward(self, x):
        return self.inner(hidden_states=x, position_embeddings=self.turn, attention_mask=None)[0]


def gemma2():
    module = pytest.importorskip("transformers.models.gemma2.modeling_gemma2")
    config = module.Gemma2Config(
        hidden_size=24, num_attention_heads=3, num_key_value_heads=1, head_dim=8, num_hidden_layers=2, intermediate_size=20,
        vocab_size=11, attn_implementation="eager", query_pre_attn_scalar=8,
    )  # fmt: skip
    rotary, layer = module.Gemma2RotaryEmbedding(config), module.Gemma2DecoderLayer(config, 1)
    norms = ["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"]
    return rotary, layer, norms


def glm4():
    module = pytest.importorskip("transformers.models.glm4.modeling_glm4")
    config = module.Glm4Config(
        hidden_size=24, num_attention_heads=3, num_key_value_heads=1, head_dim=8, num_hidden_layers=2, intermediate_size=20,
        vocab_size=11, attn_implementation="eager", pad_token_id=None,
    )  # fmt: skip
    rotary, layer = module.Glm4RotaryEmbedding(config), module.Glm4DecoderLayer(config, 1)
    norms = ["input_layernorm", "post_self_attn_layernorm", "post_attention_layernorm", "post_mlp_layernorm"]
    return rotary, layer, norms


@pytest.mark.parametrize("model", [gemma2, glm4])
def test_models(reference, model):
    """The same four places. Their norms (RMS norms) take those of ours."""
    torch.manual_seed(0)
    rotary, layer, norms = model()
    layer = layer.eval()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.4)
    x = torch.randn(2, 5, 24, requires_grad=True)
    turn = rotary(x, torch.arange(5)[None])
    block = reference.SandwichBlock(24, Attend(layer.self_attn, turn), layer.mlp)
    for place, name in zip(("norm1", "norm2", "norm3", "norm4"), norms, strict=True):
        setattr(block, place, getattr(layer, name))
    theirs = layer(x, position_embeddings=turn, attention_mask=None)
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    ours = block(x)
    torch.testing.assert_close(ours, theirs)
    wanted = [x, getattr(layer, norms[1]).weight, layer.self_attn.q_proj.weight]
    one, two = (torch.autograd.grad(out.sin().sum(), wanted, retain_graph=True) for out in (ours, theirs))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("B, H, T, S, D, alpha", [(2, 3, 4, 5, 7, 32.0), (1, 1, 1, 6, 2, 1.0), (1, 2, 5, 3, 16, 500.0)])
def test_softmax(reference, B, H, T, S, D, alpha, dtype):
    torch.manual_seed(B + T)
    q, k = (torch.randn(B, H, n, D, dtype=dtype, requires_grad=True) for n in (T, S))
    want = torch.softmax(q @ k.transpose(-1, -2) / D**0.5, -1)
    got = reference.pb_relax_softmax(q, k, alpha)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)
    one, two = (torch.autograd.grad(each.sin().sum(), (q, k)) for each in (got, want))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_pytorchs_attention(reference):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 4, 8, dtype=torch.float64) for _ in range(3))
    want = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(reference.pb_relax_softmax(q, k) @ v, want)


@pytest.mark.parametrize("alpha", [32.0, 7.0])
def test_layoutlmv3(reference, alpha):
    """It divides by alpha after the product, so this is for scores that do not overflow."""
    module = pytest.importorskip("transformers.models.layoutlmv3.modeling_layoutlmv3")
    config = module.LayoutLMv3Config(hidden_size=24, num_attention_heads=3, has_relative_attention_bias=False)
    attention = module.LayoutLMv3SelfAttention(config)
    torch.manual_seed(0)
    q, k = (torch.randn(2, 3, n, 8, dtype=torch.float64) * 5 for n in (4, 6))
    theirs = attention.cogview_attention(q / 8**0.5 @ k.mT, alpha)
    torch.testing.assert_close(reference.pb_relax_softmax(q, k, alpha), theirs)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e5, 1e6])
def test_float16(reference, size):
    """q kᵀ up to 1e6. The weights of float64 are right; one differs only where float16 can't tell two scores apart."""
    torch.manual_seed(0)
    q, k = (torch.randn(1, 2, 6, 16) for _ in range(2))
    scale = (size / (q @ k.mT).max()) ** 0.5
    q, k = (q * scale).half(), (k * scale).half()
    got = reference.pb_relax_softmax(q, k)
    assert got.dtype == torch.float16 and bool(got.isfinite().all())
    exact = torch.softmax(q.double() @ k.double().mT / 4, -1)
    assert torch.equal(got.argmax(-1), exact.argmax(-1))
    plain = torch.softmax(q @ k.mT / 4, -1)
    assert bool(plain.isnan().any()) == (size > 65504)


def test_a_part_adds_rows_of_length_root_c(reference):
    torch.manual_seed(0)
    C, L = 16, 8
    x = first = torch.randn(2, 3, C, dtype=torch.float64)
    for _ in range(L):
        parts = [nn.Sequential(nn.Linear(C, C), nn.Tanh(), nn.Linear(C, C)) for _ in range(2)]
        for part in parts:
            for parameter in part.parameters():
                nn.init.normal_(parameter, std=100.0)
        before = x
        block = reference.SandwichBlock(C, *parts).double()
        x = block(x).detach()
        middle = before + block.norm2(block.attn(block.norm1(before)))
        for a, b in ((before, middle), (middle, x)):
            torch.testing.assert_close((b - a).norm(dim=-1), torch.full((2, 3), C**0.5, dtype=torch.float64), rtol=1e-6, atol=0)
    assert bool((x.norm(dim=-1) <= first.norm(dim=-1) + 2 * L * C**0.5).all())
