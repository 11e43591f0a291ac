"""align/orpo against trl's odds ratio loss, transformers' loss, Python's exact fractions and decimals, and scipy's root finder."""

import decimal
import math
from types import SimpleNamespace

import pytest
import torch

from autograder.lab.answers import AnswerWorld

decimal.getcontext().prec = 60


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact_log1mexp(x):
    return float((1 - decimal.Decimal(x).exp()).ln())


@pytest.mark.parametrize("x", [-1e-9, -3e-7, -1e-3, -0.3, -0.6931471805599453, -0.7, -2.0, -15.0, -40.0])
def test_log1mexp_in_sixty_digits(reference, x):
    given = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = reference.log1mexp(given)
    assert value.item() == pytest.approx(exact_log1mexp(x), rel=1e-12, abs=1e-12)
    (slope,) = torch.autograd.grad(value, given)
    assert slope.item() == pytest.approx(float(-1 / ((-decimal.Decimal(x)).exp() - 1)), rel=1e-9, abs=1e-12)


@pytest.mark.slow  # the import of trl alone takes seconds
@pytest.mark.parametrize("lam", [0.1, 1.0])
def test_trl_returns_the_negative(reference, lam):
    trainer = pytest.importorskip("trl.experimental.orpo.orpo_trainer")
    lp_c, lp_r = -normal(7).abs().float() - 0.01, -normal(7, seed=1).abs().float() - 0.01
    stub = SimpleNamespace(beta=lam, accelerator=SimpleNamespace(device="cpu"))
    losses, *_, log_odds = trainer.ORPOTrainer.odds_ratio_loss(stub, lp_c, lp_r)
    torch.testing.assert_close(reference.orpo_loss(torch.zeros(7), lp_c, lp_r, lam), -losses)
    torch.testing.assert_close(reference.log_odds(lp_c, lp_r).mean(), log_odds)
    torch.testing.assert_close(reference.log1mexp(lp_c), trainer.log1mexp(lp_c))


@pytest.mark.parametrize("seed, sizes", [(0, (1, 7, 3)), (1, (2, 9, 5)), (2, (3, 6, 1))])
def test_a_llama_says_the_same(reference, seed, sizes):
    """lp is minus a model's own loss on one answer."""
    transformers = pytest.importorskip("transformers")
    pairs, length, prompt = sizes
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(vocab_size=29, hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).double()
    ids = torch.randint(0, 29, (2 * pairs, length))
    labels = ids.masked_fill(torch.arange(length) < prompt, -100)
    labels[0, -1] = -100
    with torch.no_grad():
        nll = torch.stack([model(ids[[row]], labels=labels[[row]]).loss for row in range(2 * pairs)]).double()
        found = reference.orpo_from_logits(model(ids).logits, labels, 0.3)
    chosen, rejected = nll.chunk(2)
    p, q = torch.exp(-chosen), torch.exp(-rejected)
    want = chosen + 0.3 * torch.log(1 + q / (1 - q) * (1 - p) / p)
    torch.testing.assert_close(found, want.mean(), atol=1e-5, rtol=1e-5)  # they compute their loss in float32


@pytest.mark.parametrize("seed", [0, 1])
def test_the_slopes_are_autograds(reference, seed):
    lp_c, lp_r = -normal(6, seed=seed).abs().requires_grad_() - 0.05, -normal(6, seed=seed + 2).abs().requires_grad_() - 0.05
    loss = reference.orpo_loss(torch.zeros(6, dtype=torch.float64), lp_c, lp_r, 1.0).sum()
    torch.testing.assert_close(reference.odds_ratio_slopes(lp_c, lp_r), torch.autograd.grad(loss, (lp_c, lp_r)))
    c, r = lp_c.detach().requires_grad_(), lp_r.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: reference.orpo_loss(a * 0, a, b, 0.7), (c, r))
    torch.testing.assert_close(reference.log_odds(c, r), -reference.log_odds(r, c))
    assert reference.orpo_loss(c * 0, c, c, 1.0).tolist() == pytest.approx([math.log(2)] * 6)


@pytest.mark.parametrize("n, moved", [(2, 0.0), (5, 3.0), (9, -40.0)])
def test_a_root_finder_finds_the_same_policy(reference, n, moved):
    optimize = pytest.importorskip("scipy.optimize")
    r = 2 * normal(n, seed=n) + moved
    c = optimize.brentq(lambda c: torch.sigmoid(r + c).sum().item() - 1, -200, 200, xtol=1e-13)
    found = reference.odds_policy(r)
    torch.testing.assert_close(found, torch.sigmoid(r + c))
    odds = torch.log(found / (1 - found))
    torch.testing.assert_close(odds - odds[0], r - r[0])


@pytest.mark.parametrize("seed, lam", [(1, 0.0), (2, 1.0), (3, 300.0)])
def test_where_the_training_ends(reference, seed, lam):
    """Fine-tuning alone ends at the shares of won comparisons, a large λ at the odds policy."""
    world = AnswerWorld(seed, prompts=2, vocab=4, length=1)
    i, j = (each.flatten() for each in torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij"))
    preferred = torch.sigmoid(world.rewards[:, i] - world.rewards[:, j])
    policy = world.policy()
    for _ in range(600):
        lp = world.logps(policy)
        loss = sum((p * reference.orpo_loss(-row[i], row[i], row[j], lam)).sum() for p, row in zip(preferred, lp, strict=True)) / 16
        (slope,) = torch.autograd.grad(loss, policy.parameters())
        with torch.no_grad():
            policy.logits -= 4.0 / (1 + lam) * slope
    found = world.logps(policy).exp().detach()
    shares = preferred.view(2, 4, 4).sum(-1) / 8
    goal = reference.odds_policy(world.rewards)
    if lam == 0:
        torch.testing.assert_close(found, shares, atol=1e-4, rtol=0)
    elif lam > 100:
        torch.testing.assert_close(found, goal, atol=2e-2, rtol=0)
    else:
        assert (found - shares).abs().max() > 1e-3 and (found - goal).abs().max() > 1e-3


@pytest.mark.slow
def test_near_certainty_trl_has_no_slope(reference):
    """In float32 the branch of trl's torch.where that is not chosen has an infinite slope there; ours has none to choose."""
    trainer = pytest.importorskip("trl.experimental.orpo.orpo_trainer")
    for log1mexp, finite in ((trainer.log1mexp, False), (reference.log1mexp, True)):
        x = torch.tensor([-1e-8], requires_grad=True)
        log1mexp(x).sum().backward()
        assert x.grad.isfinite().all() == finite
