"""flash/flash_decoding against PyTorch's attention, FlexAttention's log-sum-exp, and the loop of FlashAttention's own rule for splits."""

import math

import pytest
import torch
import torch.nn.functional as F


def normal(*shape, seed, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bounds", [[0, 24], [0, 5, 24], [0, 0, 3, 3, 20, 24], list(range(25))])
@pytest.mark.parametrize("loud", [1.0, 40.0])
def test_attention(reference, bounds, loud, dtype):
    q, k, v = normal(2, 3, 1, 8, seed=1, dtype=dtype) * loud, normal(2, 3, 24, 8, seed=2, dtype=dtype), normal(2, 3, 24, 8, seed=3, dtype=dtype)
    parts = reference.split_kv_attention(q, k, v, bounds)
    for p in range(len(bounds) - 1):
        some = slice(bounds[p], bounds[p + 1])
        if bounds[p] < bounds[p + 1]:
            torch.testing.assert_close(parts[0][p], F.scaled_dot_product_attention(q, k[:, :, some], v[:, :, some]), atol=1e-5, rtol=1e-4)
    want, lse = F.scaled_dot_product_attention(q, k, v), (q @ k.mT / math.sqrt(8)).logsumexp(-1)
    for merged in (reference.combine(*parts), reference.tree_combine(*parts)[:2]):
        torch.testing.assert_close(merged, (want, lse), atol=1e-5, rtol=1e-4)
    assert reference.tree_combine(*parts)[2] == (len(bounds) - 2).bit_length()


def test_flex_attention_log_sum_exp(reference):
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    q, k, v = (normal(1, 2, length, 8, seed=length, dtype=torch.float32) for length in (1, 16, 16))
    try:
        want, lse = flex.flex_attention(q, k, v, return_lse=True)
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"eager FlexAttention does not run here: {error}")
    got, mine = reference.combine(*reference.split_kv_attention(q, k, v, [0, 5, 6, 16]))
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(mine, lse)


def test_a_mean_of_parts_is_far_off(reference):
    """What the merge is for: merged parts are exact to the last digits, and their mean is not."""
    q, k, v = (normal(1, 8, length, 64, seed=length, dtype=torch.float32) for length in (1, 1000, 1000))
    o, lse = reference.split_kv_attention(q, k, v, [0, 100, 1000])
    want = F.scaled_dot_product_attention(q, k, v)
    assert (reference.combine(o, lse)[0] - want).abs().max() < 1e-6
    assert (o.mean(0) - want).abs().max() > 0.05


def rule(heads, n_sm, blocks, most):
    """As `num_splits_heuristic` of flash-attention counts: efficiencies in a list, then the first that is good enough."""
    if heads >= 0.8 * n_sm:
        return 1
    most = min(most, n_sm, blocks)
    efficiencies = []
    for n in range(1, most + 1):
        if n > 1 and -(-blocks // n) == -(-blocks // (n - 1)):
            efficiencies.append(0.0)
            continue
        waves = heads * n / n_sm
        efficiencies.append(waves / math.ceil(waves))
    for n, each in enumerate(efficiencies, 1):
        if each >= 0.85 * max(efficiencies):
            return n
    return 1


@pytest.mark.parametrize("n_sm", [1, 7, 108, 132])
@pytest.mark.parametrize("S", [1, 128, 129, 1000, 8192, 131072])
def test_splits(reference, n_sm, S):
    for B in (1, 2, 5):
        for H in (1, 8, 20, 32, 40):
            assert reference.choose_splits(B, H, n_sm, S) == rule(B * H, n_sm, -(-S // 128), 128)
    assert reference.choose_splits(1, 48, 108, 8192) == 2  # the example in the comments of flash-attention


def test_the_numbers_of_the_page(reference):
    assert [reference.choose_splits(1, 8, 108, S) for S in (100, 1000, 8192, 131072)] == [1, 8, 13, 12]
