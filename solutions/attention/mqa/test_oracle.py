"""attention/mqa against GPT-BigCode's and Falcon's attention, PyTorch's grouped attention, and multi-head attention."""

import pytest
import torch
import torch.nn.functional as F


def layer(reference, C, H, seed=0):
    torch.manual_seed(seed)
    made = reference.MultiQueryAttention(C, H).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


@pytest.mark.parametrize("C, H", [(8, 2), (12, 3), (5, 1), (6, 6)])
def test_pytorch_with_one_key_head(reference, C, H):
    ours = layer(reference, C, H)
    B, T, D = 2, 5, C // H
    x = torch.randn(B, T, C, dtype=torch.float64)
    q, k, v = ours.qkv(x).split([C, D, D], -1)
    q = q.view(B, T, H, D).transpose(1, 2)
    want = F.scaled_dot_product_attention(q, k[:, None], v[:, None], is_causal=True, enable_gqa=True)
    torch.testing.assert_close(ours(x)[0], ours.o_proj(want.transpose(1, 2).flatten(2)))


def test_gpt_bigcode(reference):
    """transformers' GPTBigCodeAttention has the same fused layout: queries, key, value."""
    modeling = pytest.importorskip("transformers.models.gpt_bigcode.modeling_gpt_bigcode")
    config = modeling.GPTBigCodeConfig(
        n_embd=12, n_head=3, n_layer=1, n_positions=16, vocab_size=11, multi_query=True, attn_pdrop=0.0,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    model = modeling.GPTBigCodeModel(config).double().eval()
    theirs = model.h[0].attn
    seen = {}
    theirs.c_attn.register_forward_hook(lambda module, args, out: seen.update(x=args[0]))
    theirs.c_proj.register_forward_hook(lambda module, args, out: seen.update(out=out))
    with torch.no_grad():
        for parameter in theirs.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        model(torch.tensor([[1, 5, 2, 9, 3], [0, 4, 4, 10, 7]]), use_cache=False)
    ours = reference.MultiQueryAttention(12, 3).double()
    ours.qkv.load_state_dict(theirs.c_attn.state_dict())
    ours.o_proj.load_state_dict(theirs.c_proj.state_dict())
    torch.testing.assert_close(ours(seen["x"])[0], seen["out"], atol=1e-5, rtol=1e-5)  # their softmax is float32


def test_falcon(reference):
    """Falcon 7B's layout, before rotary positions turn queries and keys: a sequence at position 0 throughout."""
    modeling = pytest.importorskip("transformers.models.falcon.modeling_falcon")
    config = modeling.FalconConfig(
        hidden_size=12, num_attention_heads=3, num_hidden_layers=1, vocab_size=11, multi_query=True, bias=True,
        new_decoder_architecture=False, alibi=False, parallel_attn=True, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    model = modeling.FalconModel(config).double().eval()
    theirs = model.h[0].self_attention
    seen = {}
    theirs.query_key_value.register_forward_hook(lambda module, args, out: seen.update(x=args[0]))
    theirs.dense.register_forward_hook(lambda module, args, out: seen.update(out=out))
    with torch.no_grad():
        for parameter in theirs.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        ids = torch.tensor([[1, 5, 2, 9, 3], [0, 4, 4, 10, 7]])
        model(ids, position_ids=torch.zeros_like(ids), use_cache=False)
    ours = reference.MultiQueryAttention(12, 3).double()
    ours.qkv.load_state_dict(theirs.query_key_value.state_dict())
    ours.o_proj.load_state_dict(theirs.dense.state_dict())
    torch.testing.assert_close(ours(seen["x"])[0], seen["out"])


def test_multi_head_attention_whose_heads_are_alike(reference):
    """If all key heads of a multi-head layer are equal, and all value heads, pooling them loses nothing."""
    B, T, C, H = 2, 6, 12, 4
    D = C // H
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(C, H, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(theirs.in_proj_bias[:C])
    one_k, one_v = torch.randn(2, D, C, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight[C : 2 * C] = one_k.repeat(H, 1)
        theirs.in_proj_weight[2 * C :] = one_v.repeat(H, 1)
        theirs.in_proj_bias[C:] = 0.0
    wq, wk, wv = theirs.in_proj_weight.chunk(3)
    k, v = reference.mqa_from_mha(wk, wv, H)
    torch.testing.assert_close((k, v), (one_k, one_v))
    ours = reference.MultiQueryAttention(C, H).double()
    ours.load_state_dict({
        "qkv.weight": torch.cat([wq, k, v]),
        "qkv.bias": torch.cat([theirs.in_proj_bias[:C], torch.zeros(2 * D, dtype=torch.float64)]),
        "o_proj.weight": theirs.out_proj.weight,
        "o_proj.bias": theirs.out_proj.bias,
    })  # fmt: skip
    x = torch.randn(B, T, C, dtype=torch.float64)
    want, _ = theirs(x, x, x, attn_mask=torch.ones(T, T, dtype=torch.bool).triu(1), need_weights=False)
    torch.testing.assert_close(ours(x)[0], want)


@pytest.mark.parametrize("cuts", [[1, 2, 3, 4, 5, 6, 7], [3, 7], [2, 4, 7], [7]])
def test_pieces(reference, cuts):
    ours = layer(reference, 8, 4)
    x = torch.randn(2, 7, 8, dtype=torch.float64)
    cache, start, outs = None, 0, []
    for end in cuts:
        out, cache = ours(x[:, start:end], cache)
        outs.append(out)
        start = end
    whole, (k, v) = ours(x)
    torch.testing.assert_close(torch.cat(outs, 1), whole)
    torch.testing.assert_close(cache, (k, v))
    assert k.shape == v.shape == (2, 1, 7, 2)


def test_bytes_are_those_of_real_tensors(reference):
    B, S, L, Hkv, D = 2, 5, 3, 4, 6
    for dtype in (torch.float16, torch.float32, torch.float64):
        caches = [torch.empty(B, Hkv, S, D, dtype=dtype) for _ in range(L) for _ in "kv"]
        want = sum(each.untyped_storage().nbytes() for each in caches)
        assert reference.kv_cache_bytes(B, S, L, Hkv, D, dtype.itemsize) == want
    assert reference.kv_cache_bytes(1, 1, 32, 32, 128, 2) == 524_288
    assert reference.kv_cache_bytes(1, 1, 32, 1, 128, 2) == 16_384
