"""attention/gqa against PyTorch's grouped attention, transformers' Llama, and multi-head attention."""

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention.bias import causal_lower_right

SIZES = [(2, 8, 1), (1, 8, 2), (2, 8, 4), (1, 8, 8), (2, 6, 3), (3, 9, 3)]  # B, H, G


def qkv(B, H, G, T, S, D=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(B + H + G)
    shapes = ((B, H, T, D), (B, G, S, D), (B, G, S, D))
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("T, S, causal", [(4, 4, True), (2, 7, True), (5, 3, False)])
@pytest.mark.parametrize("B, H, G", SIZES)
def test_pytorch(reference, B, H, G, T, S, causal, dtype):
    tensors = qkv(B, H, G, T, S, dtype=dtype)
    bias = torch.ones(T, S, dtype=torch.bool).tril(S - T) if causal else None
    want = F.scaled_dot_product_attention(*tensors, attn_mask=bias, enable_gqa=True)
    out = reference.gqa(*tensors, causal=causal)
    torch.testing.assert_close(out, want)
    ours, theirs = (torch.autograd.grad(each.sin().sum(), tensors) for each in (out, want))
    torch.testing.assert_close(ours, theirs)


def test_the_triangle_is_pytorchs_lower_right_one(reference):
    q, k, v = qkv(1, 2, 2, 3, 6)
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(3, 6))
    torch.testing.assert_close(reference.gqa(q, k, v, causal=True), want)


@pytest.mark.parametrize("n_rep", [1, 2, 5])
def test_transformers_repeat(reference, n_rep):
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(reference.repeat_kv(x, n_rep), llama.repeat_kv(x, n_rep))
    assert torch.equal(reference.repeat_kv(x, n_rep), x.repeat_interleave(n_rep, dim=1))


def test_llama_with_two_key_heads(reference):
    """Llama's attention at position 0 throughout, where rotary positions turn nothing."""
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = llama.LlamaConfig(
        hidden_size=24, num_attention_heads=6, num_key_value_heads=2, num_hidden_layers=1, vocab_size=11,
        intermediate_size=8, attn_implementation="eager", bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    model = llama.LlamaModel(config).double().eval()
    layer = model.layers[0].self_attn
    seen = {}
    layer.q_proj.register_forward_hook(lambda module, args, out: seen.update(x=args[0]))
    layer.o_proj.register_forward_hook(lambda module, args, out: seen.update(heads=args[0]))
    ids = torch.tensor([[1, 5, 2, 9, 3], [0, 4, 4, 10, 7]])
    with torch.no_grad():
        for parameter in layer.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        # The mask says that each row is one sequence: from positions alone, Llama takes every 0 for the start of another.
        model(ids, attention_mask=torch.ones_like(ids), position_ids=torch.zeros_like(ids), use_cache=False)
        q, k, v = (
            proj(seen["x"]).unflatten(-1, (-1, 4)).transpose(1, 2)
            for proj in (layer.q_proj, layer.k_proj, layer.v_proj)
        )
    got = reference.gqa(q, k, v, causal=True).transpose(1, 2).flatten(2)
    torch.testing.assert_close(got, seen["heads"], atol=1e-5, rtol=1e-5)  # their softmax is float32


@pytest.mark.parametrize("B, H, G", SIZES)
def test_pooling_equal_heads_loses_nothing(reference, B, H, G):
    D, C = 3, 4
    heads = torch.randn(G, D, C, dtype=torch.float64)
    wide = heads.repeat_interleave(H // G, 0).flatten(0, 1)  # (H·D, C), equal within each group
    pooled = reference.mha_to_gqa(wide, H, G)
    torch.testing.assert_close(pooled, heads.flatten(0, 1))
    x = torch.randn(B, 5, C, dtype=torch.float64)
    q = torch.randn(B, H, 5, D, dtype=torch.float64)
    k, kg = ((x @ w.T).unflatten(-1, (-1, D)).transpose(1, 2) for w in (wide, pooled))
    torch.testing.assert_close(reference.gqa(q, kg, kg), F.scaled_dot_product_attention(q, k, k))


def test_query_heads_of_a_group_may_be_permuted(reference):
    q, k, v = qkv(1, 6, 2, 3, 3)
    order = torch.tensor([2, 0, 1, 4, 5, 3])
    torch.testing.assert_close(reference.gqa(q[:, order], k, v), reference.gqa(q, k, v)[:, order])


def test_worked_examples(reference):
    v = torch.tensor([5.0, 7.0])[None, :, None, None]
    out = reference.gqa(torch.zeros(1, 4, 1, 1), torch.ones(1, 2, 1, 1), v)
    assert out.flatten().tolist() == [5.0, 5.0, 7.0, 7.0]
    w = torch.tensor([[1.0], [3.0], [10.0], [20.0]])
    assert reference.mha_to_gqa(w, 4, 2).tolist() == [[2.0], [15.0]]
