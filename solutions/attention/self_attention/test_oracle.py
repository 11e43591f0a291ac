"""attention/self_attention against PyTorch's own attention function, its causal bias, and nn.MultiheadAttention."""

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.bias import causal_lower_right

SHAPES = [(2, 3, 5, 5, 4, 4), (1, 2, 1, 7, 8, 3), (2, 1, 4, 6, 5, 5), (1, 4, 7, 3, 2, 6)]  # B, H, T, S, D, Dv


def qkv(B, H, T, S, D, Dv, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sizes = ((T, D), (S, D), (S, Dv))
    return [torch.randn(B, H, *size, generator=generator, dtype=dtype).requires_grad_() for size in sizes]


def same(reference, tensors, theirs, **options):
    """Values and gradients of the output agree with those of a function of q, k, v."""
    out, probs = reference.attention(*tensors, **options)
    want = theirs(*tensors)
    torch.testing.assert_close(out, want)
    weights = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
    ours = torch.autograd.grad((out * weights).sum(), tensors)
    torch.testing.assert_close(ours, torch.autograd.grad((want * weights).sum(), tensors))
    return probs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [None, 0.3, 0.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_and_values(reference, shape, scale, dtype):
    tensors = qkv(*shape, dtype=dtype)
    probs = same(reference, tensors, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=scale), scale=scale)
    torch.testing.assert_close(probs.sum(-1), torch.ones(shape[0], shape[1], shape[2], dtype=dtype))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("where", ["row", "head", "all", "keys"])
def test_masks_with_empty_rows(reference, where, seed):
    B, H, T, S = 2, 3, 4, 5
    shape = {"row": (T, S), "head": (1, H, T, S), "all": (B, H, T, S), "keys": (B, 1, 1, S)}[where]
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    tensors = qkv(B, H, T, S, 6, 6, seed=seed)
    out, probs = reference.attention(*tensors, mask=mask)
    torch.testing.assert_close(out, F.scaled_dot_product_attention(*tensors, attn_mask=mask))
    assert not probs[~mask.expand_as(probs)].any()
    for grad in torch.autograd.grad(out.square().sum(), tensors):
        assert grad.isfinite().all()


@pytest.mark.parametrize("T, S", [(5, 5), (1, 6), (4, 9)])
def test_the_triangle_is_the_lower_right_one(reference, T, S):
    tensors = qkv(2, 2, T, S, 4, 4)
    bias = causal_lower_right(T, S)
    same(reference, tensors, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=bias), causal=True)


def test_more_queries_than_keys(reference):
    """Written out: queries that stand before the first key see nothing."""
    tensors = qkv(1, 2, 5, 2, 3, 3)
    rows = torch.tensor([[False, False], [False, False], [False, False], [True, False], [True, True]])
    out, probs = reference.attention(*tensors, causal=True)
    torch.testing.assert_close(out, F.scaled_dot_product_attention(*tensors, attn_mask=rows))
    assert torch.equal(probs > 0, rows.expand_as(probs))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_the_layer_is_nn_multiheadattention(reference, bias, causal, padded):
    B, T, C, H = 3, 6, 12, 4
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(C, H, bias=bias, batch_first=True, dtype=torch.float64)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter)
    ours = reference.MultiHeadAttention(C, H, bias=bias).double()
    packed = dict(zip("qkv", theirs.in_proj_weight.chunk(3), strict=True))  # in the order q, k, v
    state = {f"{name}_proj.weight": weight for name, weight in packed.items()}
    state |= {"o_proj.weight": theirs.out_proj.weight}
    if bias:
        state |= {f"{name}_proj.bias": b for name, b in zip("qkv", theirs.in_proj_bias.chunk(3), strict=True)}
        state |= {"o_proj.bias": theirs.out_proj.bias}
    ours.load_state_dict(state)
    x = torch.randn(B, T, C, dtype=torch.float64)
    keep = torch.arange(T) < torch.tensor([6, 2, 4])[:, None] if padded else None
    want, _ = theirs(
        x, x, x,
        key_padding_mask=None if keep is None else ~keep,  # True = masked there
        attn_mask=torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None,
        need_weights=False,
    )  # fmt: skip
    torch.testing.assert_close(ours(x, keep, causal), want)


def test_without_positions_the_order_of_tokens_does_not_matter(reference):
    layer = reference.MultiHeadAttention(8, 2).double()
    x = torch.randn(2, 7, 8, dtype=torch.float64)
    order = torch.randperm(7)
    torch.testing.assert_close(layer(x)[:, order], layer(x[:, order]))


def test_gradients_are_those_of_finite_differences(reference):
    tensors = qkv(1, 2, 3, 4, 2, 2)
    mask = torch.tensor([[True, False, True, True], [False] * 4, [True] * 4])
    assert torch.autograd.gradcheck(lambda q, k, v: reference.attention(q, k, v, mask, causal=True), tensors)


def test_no_nan_is_made_on_the_way(reference):
    """Not even one that is repaired later: autograd would find it."""
    tensors = qkv(2, 2, 4, 3, 4, 4)
    mask = torch.tensor([[False] * 3, [True, False, True], [False] * 3, [True] * 3])
    with torch.autograd.detect_anomaly(check_nan=True):
        for options in ({"mask": mask}, {"mask": mask, "causal": True}, {"causal": True}):
            out, probs = reference.attention(*tensors, **options)
            (out.square().sum() + probs.square().sum()).backward()
    assert all(each.grad.isfinite().all() for each in tensors)


def test_worked_example(reference):
    q = torch.tensor([[[[2 * torch.tensor(3.0).log(), 0, 0, 0]]]])
    k = torch.eye(4)[None, None, :2]
    out, probs = reference.attention(q, k, torch.tensor([[[[4.0], [8.0]]]]))
    torch.testing.assert_close(probs, torch.tensor([[[[0.75, 0.25]]]]))
    torch.testing.assert_close(out, torch.tensor([[[[5.0]]]]))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("causal", [True, False])
def test_flash_attention_in_bfloat16(reference, causal):
    q, k, v = (each.detach().bfloat16().cuda() for each in qkv(2, 4, 128, 128, 64, 64))
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        want = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    exact, _ = reference.attention(q.double(), k.double(), v.double(), causal=causal)
    torch.testing.assert_close(want.double(), exact, atol=2e-2, rtol=2e-2)
