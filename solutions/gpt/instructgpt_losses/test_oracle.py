"""gpt/instructgpt_losses against trl's reward trainer, PyTorch's losses, brute force, and exact KL divergences."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

SIZES = [(1, 2), (5, 2), (4, 3), (3, 4), (2, 9), (6, 6)]


def draw(shape, seed=0, scale=2.0):
    return (torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale).requires_grad_()


def brute_force(r, ranks):
    """In Python's floats, pair by pair."""
    means = []
    for rewards, places in zip(r.tolist(), ranks.tolist(), strict=True):
        items = list(zip(rewards, places, strict=True))
        costs = [math.log1p(math.exp(b[0] - a[0])) for a, b in itertools.permutations(items, 2) if a[1] < b[1]]
        means += [sum(costs) / len(costs)] if costs else []
    return sum(means) / len(means) if means else 0.0


def trl_loss(r):
    """What trl's RewardTrainer computes for pairs (chosen, rejected); its model and accelerator are stand-ins."""
    trl = pytest.importorskip("trl")
    same = SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x)
    metrics = dict.fromkeys(("num_tokens", "min_reward", "mean_reward", "max_reward", "accuracy", "margin"))
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=False), args=SimpleNamespace(center_rewards_coefficient=None), accelerator=same,
        _total_train_tokens=0, _metrics={"eval": {name: [] for name in metrics}},
    )  # fmt: skip
    logits = r.T.reshape(-1, 1)  # all chosen ones first
    return trl.RewardTrainer.compute_loss(trainer, lambda **inputs: SimpleNamespace(logits=logits), {})


@pytest.mark.parametrize("b", [1, 4, 7])
def test_two_responses(reference, b):
    """K = 2 is the loss of every reward trainer, and PyTorch's soft margin loss."""
    r, same = draw((b, 2), seed=b), draw((b, 2), seed=b)
    loss, margin = reference.rm_ranking_loss(r), nn.SoftMarginLoss()(same[:, 0] - same[:, 1], torch.ones(b))
    torch.testing.assert_close(loss, margin)
    torch.testing.assert_close(loss, -F.logsigmoid(r[:, 0] - r[:, 1]).mean())
    torch.testing.assert_close(torch.autograd.grad(loss, r), torch.autograd.grad(margin, same))


@pytest.mark.slow  # the import of trl alone takes seconds
def test_trl(reference):
    r, same = draw((5, 2)), draw((5, 2))
    loss, theirs = reference.rm_ranking_loss(r), trl_loss(same)
    torch.testing.assert_close(loss, theirs)
    torch.testing.assert_close(torch.autograd.grad(loss, r), torch.autograd.grad(theirs, same))


@pytest.mark.parametrize("b, k", SIZES)
def test_pairs_one_by_one(reference, b, k):
    r = draw((b, k), seed=k)
    assert reference.rm_ranking_loss(r).item() == pytest.approx(brute_force(r, torch.arange(k).expand(b, k)), abs=1e-12)
    for seed in range(5):
        ranks = torch.randint(0, k, (b, k), generator=torch.Generator().manual_seed(seed))
        assert reference.rm_ranking_loss(r, ranks).item() == pytest.approx(brute_force(r, ranks), abs=1e-12)


@pytest.mark.parametrize("b, k", SIZES)
def test_properties(reference, b, k):
    """Shifts change nothing, the gradients of a prompt add up to 0, each reward has the gradient that differences say, orders of columns do not matter."""
    r = draw((b, k), seed=3)
    ranks = torch.stack([torch.randperm(k, generator=torch.Generator().manual_seed(i)) for i in range(b)])
    loss = reference.rm_ranking_loss(r, ranks)
    torch.testing.assert_close(reference.rm_ranking_loss(r + torch.randn(b, 1, dtype=r.dtype), ranks), loss)
    torch.testing.assert_close(torch.autograd.grad(loss, r)[0].sum(1), torch.zeros(b, dtype=r.dtype))
    torch.testing.assert_close(reference.rm_ranking_loss(r.gather(1, ranks.argsort(1))), loss)
    assert torch.autograd.gradcheck(lambda x: reference.rm_ranking_loss(x, ranks), r)


def test_bradley_terry_is_recovered(reference):
    """Labelers who follow σ(true difference): the fitted differences are the true ones."""
    true = torch.tensor([1.2, 0.3, -0.4, -1.1], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    pairs = torch.tensor([(i, j) for i in range(4) for j in range(4) if i < j]).repeat(400, 1)
    won = torch.rand(len(pairs), generator=generator, dtype=torch.float64) < torch.sigmoid(true[pairs[:, 0]] - true[pairs[:, 1]])
    ranks = torch.stack([~won, won], 1).long()
    fitted = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    for _ in range(20):
        (grad,) = torch.autograd.grad(reference.rm_ranking_loss(fitted[pairs], ranks), fitted)
        fitted = (fitted - 8 * grad).detach().requires_grad_()
    torch.testing.assert_close(fitted - fitted.mean(), true - true.mean(), atol=0.2, rtol=0)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_plackett_luce_agrees_for_two_only(reference, k):
    r = draw((6, k), seed=1)
    plackett_luce = (r.flip(1).logcumsumexp(1).flip(1) - r)[:, :-1].sum(1).mean()
    assert torch.allclose(plackett_luce, reference.rm_ranking_loss(r)) == (k == 2)


def test_demonstrations_are_zero(reference):
    r, demo_r = draw((4, 3)), draw((11,), seed=2)
    assert reference.normalize_bias(demo_r, demo_r).mean().item() == pytest.approx(0, abs=1e-14)
    shifted = reference.normalize_bias(r, demo_r)
    torch.testing.assert_close(shifted - r, (-sum(demo_r.tolist()) / 11) * torch.ones_like(r))
    torch.testing.assert_close(reference.rm_ranking_loss(shifted), reference.rm_ranking_loss(r))


@pytest.mark.parametrize("beta, gamma", [(0.02, 27.8), (0.5, 0.0), (0.0, 1.0)])
def test_all_responses_once(reference, beta, gamma):
    """A model of four answers with probabilities in tenths: ten samples that hold each answer as often as it is probable."""
    kl = pytest.importorskip("torch.distributions").kl_divergence
    p, p_sft = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    reward = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    y = torch.repeat_interleave(torch.arange(4), torch.tensor([4, 3, 2, 1]))
    nll = torch.tensor([2.0, 3.5, 1.0], dtype=torch.float64)
    got = reference.ppo_ptx_objective(reward[y], p.log()[y], p_sft.log()[y], nll, beta, gamma)
    divergence = kl(torch.distributions.Categorical(p), torch.distributions.Categorical(p_sft))
    torch.testing.assert_close(got, (p * reward).sum() - beta * divergence - gamma * nll.mean())


def test_defaults(reference):
    """Appendix C.4 of the paper."""
    one = torch.ones(1, dtype=torch.float64)
    assert reference.ppo_ptx_objective(one, one, 0 * one, 0 * one).item() == pytest.approx(0.98)
    assert reference.ppo_ptx_objective(0 * one, one, one, one).item() == pytest.approx(-27.8)
