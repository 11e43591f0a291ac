"""warmup/softmax_lse against PyTorch's own softmax, logsumexp and attention."""

import math

import pytest
import torch
import torch.nn.functional as F

SHAPES = [((7,), 0), ((3, 5), 1), ((3, 5), 0), ((2, 4, 3), -2), ((2, 3, 1, 6), 3), ((4, 1), 1)]
SCALES = [1.0, 50.0, 1e4, 1e30]


def normal(*shape, seed=0, scale=1.0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * scale


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape, dim", SHAPES)
def test_values(reference, shape, dim, scale, dtype):
    for seed in range(5):
        x = normal(*shape, seed=seed, scale=scale, dtype=dtype)
        torch.testing.assert_close(reference.logsumexp(x, dim), torch.logsumexp(x, dim))
        torch.testing.assert_close(reference.softmax(x, dim), torch.softmax(x, dim))


@pytest.mark.parametrize("shape, dim", SHAPES)
def test_gradients(reference, shape, dim):
    x = normal(*shape, scale=3.0, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: reference.logsumexp(x, dim), x)
    assert torch.autograd.gradcheck(lambda x: reference.softmax(x, dim), x)
    for ours, theirs in ((reference.logsumexp, torch.logsumexp), (reference.softmax, torch.softmax)):
        weights = normal(*theirs(x, dim).shape, seed=1, dtype=torch.float64)
        want = torch.autograd.grad((theirs(x, dim) * weights).sum(), x)
        torch.testing.assert_close(torch.autograd.grad((ours(x, dim) * weights).sum(), x), want)


def test_slices_of_minus_infinity(reference):
    x = torch.tensor([[-math.inf, -math.inf], [0.0, -math.inf]])
    assert torch.equal(reference.logsumexp(x, 1), torch.logsumexp(x, 1))
    assert torch.equal(reference.softmax(x, 1), torch.tensor([[0.0, 0.0], [1.0, 0.0]]))


@pytest.mark.parametrize("mask_shape", [(2, 3, 4, 5), (2, 1, 4, 5), (4, 5), (5,), (2, 1, 4, 1), (1, 1, 1, 5)])
def test_masks_are_those_of_attention(reference, mask_shape):
    """SDPA gives 0 for a query that may attend to nothing; identity matrices make it return the weights."""
    for seed in range(10):
        scores = normal(2, 3, 4, 5, seed=seed).requires_grad_()
        mask = torch.rand(mask_shape, generator=torch.Generator().manual_seed(seed)) < 0.5
        eye = torch.eye(5).expand(2, 3, 5, 5)
        want = F.scaled_dot_product_attention(scores, eye, eye, attn_mask=mask.expand(2, 3, 4, 5), scale=1.0)
        got = reference.softmax(scores, -1, mask)
        torch.testing.assert_close(got, want)
        weights = normal(2, 3, 4, 5, seed=seed + 100)
        (want_grad,) = torch.autograd.grad((want * weights).sum(), scores)
        (got_grad,) = torch.autograd.grad((got * weights).sum(), scores)
        torch.testing.assert_close(got_grad, want_grad.nan_to_num(0.0))


def test_masked_scores_have_no_influence(reference):
    for seed in range(10):
        x = normal(6, 9, seed=seed, dtype=torch.float64)
        mask = torch.rand(6, 9, generator=torch.Generator().manual_seed(seed)) < 0.4
        loud = torch.where(mask, x, 1e30)
        want = torch.softmax(torch.where(mask, x, -math.inf), -1).nan_to_num(0.0)
        torch.testing.assert_close(reference.softmax(loud, -1, mask), want)


@pytest.mark.parametrize("scale", SCALES)
def test_every_way_to_cut_gives_the_whole(reference, scale):
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        x = normal(37, seed=seed, scale=scale, dtype=torch.float64)
        x[torch.rand(37, generator=generator) < 0.2] = -math.inf
        cuts = (torch.randperm(36, generator=generator)[: seed % 12] + 1).sort().values
        chunks = list(x.tensor_split(cuts))
        for order in (chunks, chunks[::-1]):
            m, ell = reference.online_softmax(iter(order))
            assert torch.equal(m, x.max())
            torch.testing.assert_close(m + ell.log(), torch.logsumexp(x, 0))
            torch.testing.assert_close(ell, (x - x.max()).exp().sum())


def test_nothing_but_minus_infinity(reference):
    m, ell = reference.online_softmax(iter([torch.full((2,), -math.inf), torch.full((1,), -math.inf)]))
    assert m.item() == -math.inf and ell.item() == 0.0


def test_worked_examples(reference):
    ln = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64).log()
    torch.testing.assert_close(reference.softmax(ln, 0), torch.tensor([0.125, 0.25, 0.625], dtype=torch.float64))
    assert reference.logsumexp(ln, 0).item() == pytest.approx(math.log(8))
    m, ell = reference.online_softmax(iter([torch.tensor([1.0, 2.0]).log(), torch.tensor([8.0, 4.0]).log()]))
    assert (m.item(), ell.item()) == pytest.approx((math.log(8), 1.875), rel=1e-6)
