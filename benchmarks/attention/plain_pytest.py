"""The same ten checks as plain pytest, as one would write them without this project: torch's own attention is the oracle.

The benchmark runs it beside `submission.py`; its ten functions are also the tests of the notebooks that otter and nbgrader grade.
"""

import torch
from submission import attention, layer, merge_heads, split_heads
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

B, H, T, D = 2, 4, 32, 16


def heads(seed, kv_heads=H, keys=T, dtype=torch.float32):
    rng = torch.Generator().manual_seed(seed)
    shapes = ((B, H, T, D), (B, kv_heads, keys, D), (B, kv_heads, keys, D))
    return tuple(torch.randn(shape, generator=rng, dtype=dtype) for shape in shapes)


def random_mask(seed, *shape):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    mask[..., 0] = True
    return mask


def below(length):
    return torch.ones(length, length, dtype=torch.bool).tril()


def with_gradients(f, *inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    output = f(*inputs)
    output.square().sum().backward()
    return [output, *(x.grad for x in inputs)]


def test_every_query_looks_at_every_key():
    q, k, v = heads(1)
    assert_close(attention(q, k, v), scaled_dot_product_attention(q, k, v))


def test_no_query_looks_ahead():
    q, k, v = heads(2)
    assert_close(attention(q, k, v, causal=True), scaled_dot_product_attention(q, k, v, is_causal=True))


def test_masked_keys_are_left_out():
    q, k, v = heads(3)
    mask = random_mask(3, B, 1, 1, T)
    assert_close(attention(q, k, v, mask=mask), scaled_dot_product_attention(q, k, v, attn_mask=mask))


def test_both_masks_hold_together():
    q, k, v = heads(4)
    mask = random_mask(4, B, H, T, T)
    want = scaled_dot_product_attention(q, k, v, attn_mask=mask & below(T))
    assert_close(attention(q, k, v, mask=mask, causal=True), want)


def test_gradients_reach_queries_keys_and_values():
    inputs = heads(5)
    want = with_gradients(scaled_dot_product_attention, *inputs)
    assert_close(with_gradients(attention, *inputs), want, atol=1e-5, rtol=1e-4)


def test_more_keys_than_queries():
    q, k, v = heads(6, keys=48, dtype=torch.float64)
    assert_close(attention(q, k, v), scaled_dot_product_attention(q, k, v))


def test_query_heads_share_keys_and_values():
    q, k, v = heads(7, kv_heads=2)
    want = scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    assert_close(attention(q, k, v, causal=True), want)


def test_heads_are_neighbouring_columns():
    x = torch.randn(B, T, H * D, generator=torch.Generator().manual_seed(8))
    assert_close(split_heads(x, H), torch.stack(x.split(D, dim=-1), dim=1))


def test_merging_undoes_splitting():
    x = torch.randn(B, H, T, D, generator=torch.Generator().manual_seed(9))
    assert_close(merge_heads(x), torch.cat(x.unbind(1), dim=-1))


def test_the_layer_learns():
    rng = torch.Generator().manual_seed(10)
    x = torch.randn(B, T, H * D, generator=rng)
    weights = [torch.randn(H * D, H * D, generator=rng) * (H * D) ** -0.5 for _ in range(4)]

    def reference(x, wq, wk, wv, wo):
        q, k, v = (torch.stack((x @ w).split(D, dim=-1), dim=1) for w in (wq, wk, wv))
        return torch.cat(scaled_dot_product_attention(q, k, v, is_causal=True).unbind(1), dim=-1) @ wo

    got = with_gradients(lambda *inputs: layer(*inputs, heads=H), x, *weights)
    assert_close(got, with_gradients(reference, x, *weights), atol=1e-5, rtol=1e-4)
