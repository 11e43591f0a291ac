"""flash/fa1_tiled against PyTorch's own attention, FlexAttention's log-sum-exp, and Algorithm 1 counted access by access."""

import math

import pytest
import torch
from torch.nn.attention.bias import causal_lower_right


def normal(*shape, seed, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("Br, Bc", [(1, 1), (1, 7), (3, 1), (3, 3), (7, 3), (12, 40), (64, 64)])
@pytest.mark.parametrize("T, S", [(12, 12), (5, 12), (1, 9), (12, 1)])
def test_attention(reference, T, S, Br, Bc):
    q, k, v = normal(2, 3, T, 8, seed=1), normal(2, 3, S, 8, seed=2), normal(2, 3, S, 8, seed=3)
    o, m, l = reference.fa1_forward(q, k, v, Br, Bc)  # noqa: E741
    torch.testing.assert_close(o, torch.nn.functional.scaled_dot_product_attention(q, k, v))
    scores = q @ k.mT / math.sqrt(8)
    torch.testing.assert_close(m, scores.amax(-1))
    torch.testing.assert_close(m + l.log(), scores.logsumexp(-1))


@pytest.mark.parametrize("Br, Bc", [(1, 1), (3, 2), (4, 16)])
@pytest.mark.parametrize("T, S", [(9, 9), (4, 9), (1, 5)])
def test_causal(reference, T, S, Br, Bc):
    q, k, v = normal(1, 2, T, 4, seed=1), normal(1, 2, S, 4, seed=2), normal(1, 2, S, 4, seed=3)
    want = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(T, S))
    torch.testing.assert_close(reference.fa1_forward(q, k, v, Br, Bc, causal=True)[0], want)


def test_queries_before_the_first_key(reference):
    q, k, v = normal(1, 1, 6, 4, seed=1), normal(1, 1, 4, 4, seed=2), normal(1, 1, 4, 4, seed=3)
    o, m, l = reference.fa1_forward(q, k, v, 4, 3, causal=True)  # noqa: E741
    assert (o[0, 0, :2] == 0).all() and (m[0, 0, :2] == -math.inf).all() and (l[0, 0, :2] == 0).all()
    mask = torch.ones(6, 4, dtype=torch.bool).tril(-2)
    torch.testing.assert_close(o, torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def test_flex_attention_log_sum_exp(reference):
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    q, k, v = (normal(1, 2, 16, 8, seed=n, dtype=torch.float32) for n in range(3))
    try:
        want, lse = flex.flex_attention(q, k, v, return_lse=True)
    except (NotImplementedError, RuntimeError) as error:
        pytest.skip(f"eager FlexAttention does not run here: {error}")
    o, m, l = reference.fa1_forward(q, k, v, 5, 6)  # noqa: E741
    torch.testing.assert_close(o, want)
    torch.testing.assert_close(m + l.log(), lse)


@pytest.mark.parametrize("dtype, ulp", [(torch.float16, 2**-11), (torch.bfloat16, 2**-8)])
def test_half_precision_is_rounded_once(reference, dtype, ulp):
    q, k, v = (normal(1, 2, 64, 16, seed=n).to(dtype) for n in range(3))
    exact = torch.nn.functional.scaled_dot_product_attention(q.double(), k.double(), v.double())
    error = (reference.fa1_forward(q, k, v, 8, 8)[0].double() - exact).abs()
    assert (error <= 1.01 * ulp * exact.abs() + 1e-6).all()


class Memory:
    """Counts the elements that an algorithm moves."""

    def __init__(self):
        self.moved = 0

    def move(self, *shape):
        self.moved += math.prod(shape)


@pytest.mark.parametrize("T, D, M", [(8, 2, 32), (100, 16, 1000), (1, 64, 1000), (65, 16, 1024), (10, 8, 4096)])
def test_accesses(reference, T, D, M):
    std, flash = Memory(), Memory()
    for shape in [(T, D), (T, D), (T, T), (T, T), (T, T), (T, T), (T, D), (T, D)]:
        std.move(*shape)
    Br, Bc = reference.block_sizes(M, D)
    assert Bc == -(-M // (4 * D)) and Br == min(Bc, D)
    flash.move(T, D + 2)
    for j in range(0, T, Bc):
        columns = min(Bc, T - j)
        flash.move(2, columns, D)
        for i in range(0, T, Br):
            rows = min(Br, T - i)
            flash.move(rows, D)  # q
            flash.move(2, rows, D + 2)  # o, l, m: read and written
    assert reference.hbm_accesses(T, D, M, "std") == std.moved
    assert reference.hbm_accesses(T, D, M, "flash") == flash.moved


def test_the_examples_of_the_docstrings(reference):
    q, k, v = (
        torch.ones(1, 1, 1, 1),
        torch.tensor([0, math.log(3)]).view(1, 1, 2, 1),
        torch.tensor([4.0, 8]).view(1, 1, 2, 1),
    )
    o, m, l = reference.fa1_forward(q, k, v, 1, 1)  # noqa: E741
    torch.testing.assert_close(
        torch.stack([o.squeeze(), m.squeeze(), l.squeeze()]), torch.tensor([7, math.log(3), 4 / 3])
    )
    assert reference.block_sizes(1000, 64) == (4, 4) and reference.block_sizes(100_000, 64) == (64, 391)
    assert reference.hbm_accesses(8, 2, 32, "std") == 320 and reference.hbm_accesses(8, 2, 32, "flash") == 224
    # The paper's Figure 2: GPT-2 medium, T = 1024, d = 64 on an A100. Fewer accesses, by about an order of magnitude.
    assert 5 < reference.hbm_accesses(1024, 64, 98304, "std") / reference.hbm_accesses(1024, 64, 98304, "flash") < 15
