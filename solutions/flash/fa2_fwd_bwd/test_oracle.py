"""flash/fa2_fwd_bwd against PyTorch's own attention with its gradients, gradcheck, FlexAttention's log-sum-exp, and counting."""

import math

import pytest
import torch
import torch.nn.functional as F


def normal(*shape, seed, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).requires_grad_()


def mask_of(T, S, causal, window):
    """Written from the definition, pair by pair."""
    rows = [[(not causal or j <= i + S - T) and (window is None or abs(i + S - T - j) < window) for j in range(S)] for i in range(T)]
    return torch.tensor(rows, dtype=torch.bool)


@pytest.mark.parametrize("H, G", [(2, 2), (6, 2), (4, 1)])
@pytest.mark.parametrize("Br, Bc", [(1, 1), (3, 2), (2, 5), (16, 16)])
@pytest.mark.parametrize("T, S, causal, window", [(7, 7, True, None), (5, 9, False, None), (3, 8, True, 4), (8, 8, False, 3), (6, 4, True, 2), (1, 6, True, None)])
def test_pytorch(reference, T, S, causal, window, Br, Bc, H, G):
    q, k, v = normal(2, H, T, 6, seed=1), normal(2, G, S, 6, seed=2), normal(2, G, S, 6, seed=3)
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_of(T, S, causal, window), enable_gqa=True)
    got = reference.FA2.apply(q, k, v, Br, Bc, causal, window)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(reference.fa2_forward(q, k, v, Br, Bc, causal, window)[0], want)
    do = normal(*got.shape, seed=4).detach()
    ours, theirs = (torch.autograd.grad(each, (q, k, v), do) for each in (got, want))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("T, S, causal, window", [(4, 5, True, None), (5, 5, False, 2)])
def test_gradcheck(reference, T, S, causal, window):
    q, k, v = normal(1, 2, T, 3, seed=1), normal(1, 1, S, 3, seed=2), normal(1, 1, S, 3, seed=3)
    assert torch.autograd.gradcheck(lambda q, k, v: reference.FA2.apply(q, k, v, 2, 3, causal, window), (q, k, v))


def test_flex_attention_log_sum_exp(reference):
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    q, k, v = (normal(1, 2, 16, 8, seed=n, dtype=torch.float32).detach() for n in range(3))
    try:
        want, lse = flex.flex_attention(q, k, v, return_lse=True)
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"eager FlexAttention does not run here: {error}")
    got, mine = reference.fa2_forward(q, k, v, 5, 6)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(mine, lse)


def test_it_is_what_flash_attention_keeps(reference):
    """PyTorch's own flash kernel for CPUs returns the same log-sum-exp, and its backward pass takes it."""
    q, k, v = (normal(1, 2, 9, 8, seed=n, dtype=torch.float32).detach() for n in range(3))
    want, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, True)[:2]
    got, mine = reference.fa2_forward(q, k, v, 4, 2, causal=True)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(mine, lse.reshape(mine.shape) if lse.shape[1] != 9 else lse.transpose(1, 2))
    do = torch.ones_like(q)
    theirs = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(do, q, k, v, want, lse, 0.0, True)
    torch.testing.assert_close(reference.fa2_backward(q, k, v, got, mine, do, 4, 2, causal=True), tuple(theirs), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("T, S, D, Bc", [(2, 3, 4, 2), (10, 65, 16, 64), (7, 7, 7, 7), (3, 1, 2, 8)])
def test_counts_operation_by_operation(reference, T, S, D, Bc):
    for version in (1, 2):
        count = 0
        for _ in range(T):
            for j in range(0, S, Bc):
                for _ in range(j, min(j + Bc, S)):
                    count += len(("scale", "compare", "subtract", "exp", "add"))
                count += len(("subtract", "exp", "multiply"))
                count += D if version == 2 else D + D
            count += D + len(("log", "add")) if version == 2 else 0
        assert reference.non_matmul_flops(T, S, D, Bc, version) == count


def test_the_examples_of_the_page(reference):
    one, two = (reference.non_matmul_flops(4096, 4096, 128, 64, version) for version in (1, 2))
    assert 1.2 < one / two < 1.3 and math.isclose(one / 4096**2, 5 + 259 / 64)
