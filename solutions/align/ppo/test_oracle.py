"""align/ppo against trl's PPOTrainer (recorded), scipy's filter, a matrix, torch.distributions, derivatives by hand, and a world whose best policy is known."""

import json
import math
from pathlib import Path

import pytest
import torch

from autograder.lab.answers import PAD, AnswerWorld, TablePolicy

RECORDED = json.loads(Path(__file__).with_name("trl_ppo.json").read_text())["cases"]


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spans(*rows, T):
    mask = torch.zeros(len(rows), T, dtype=torch.bool)
    for row, (start, end) in enumerate(rows):
        mask[row, start:end] = True
    return mask


MASKS = [spans((0, 5), (0, 3), T=5), spans((2, 6), (5, 6), (0, 6), T=7), spans((0, 0), (1, 9), T=9)]


@pytest.mark.parametrize("case", RECORDED)
def test_trl_says_the_same(reference, case):
    """Rewards, advantages, both losses and their gradients, from the PPOTrainer of trl 0.11.4. (Its approximate divergence is k2, ours is k3.)"""
    settings, mask = case["settings"], torch.tensor(case["mask"]) == 1
    score, old, ref_logp, v_old, logp, v = (torch.tensor(case[key], dtype=torch.float64) for key in ("score", "old", "ref_logp", "v_old", "logp", "v"))
    logp.requires_grad_(), v.requires_grad_()
    got = {"rewards": reference.kl_rewards(score, old, ref_logp, mask, settings["beta"])}
    rewards = reference.masked_whiten(got["rewards"], mask, shift_mean=False) if settings["whiten_rewards"] else got["rewards"]
    got["advantages"], got["returns"] = reference.gae(rewards, v_old, mask, settings["gamma"], settings["lam"])
    got["whitened"] = reference.masked_whiten(got["advantages"], mask)
    got["policy_loss"], statistics = reference.ppo_loss(logp, old, got["whitened"], mask, settings["clip"])
    got["value_loss"] = reference.value_loss(v, v_old, got["returns"], mask, settings["value_clip"])
    got["logp_grad"], got["v_grad"] = torch.autograd.grad(got["policy_loss"] + got["value_loss"], (logp, v))
    got["half_square"] = reference.kl_estimators(logp - old)[1][mask].mean()
    for key, tensor in got.items():
        torch.testing.assert_close(tensor.detach(), torch.tensor(case[key], dtype=torch.float64), msg=lambda text, key=key: f"{key}: {text}")
    assert statistics["clip_fraction"] == pytest.approx(case["clip_fraction"])


@pytest.mark.parametrize("mask", MASKS, ids=["right", "left", "an empty row"])
@pytest.mark.parametrize("gamma, lam", [(1.0, 0.95), (0.9, 0.5), (0.99, 1.0), (0.7, 0.0)])
def test_gae_is_a_filter_that_runs_backwards(reference, mask, gamma, lam):
    signal = pytest.importorskip("scipy.signal")
    rewards, values = normal(*mask.shape), normal(*mask.shape, seed=1)
    advantages, returns = reference.gae(rewards, values, mask, gamma, lam)
    for row, there in enumerate(mask):
        r, v = rewards[row, there].numpy(), values[row, there]
        delta = r + gamma * torch.cat([v, torch.zeros(1, dtype=v.dtype)])[1:].numpy() - v.numpy()
        want = signal.lfilter([1.0], [1.0, -gamma * lam], delta[::-1])[::-1]
        torch.testing.assert_close(advantages[row, there], torch.tensor(want.copy(), dtype=torch.float64))
        torch.testing.assert_close(returns[row, there], torch.tensor(want.copy(), dtype=torch.float64) + v)
    assert not advantages[~mask].any() and not returns[~mask].any()


@pytest.mark.parametrize("gamma, lam", [(0.9, 0.8), (1.0, 1.0)])
def test_gae_is_the_inverse_of_a_matrix(reference, gamma, lam):
    """A = δ + γλ S A with the shift S, so A = (1 - γλ S)^-1 δ; for λ = 1 the returns do not depend on the values."""
    n = 6
    rewards, values, mask = normal(2, n), normal(2, n, seed=1), torch.ones(2, n, dtype=torch.bool)
    shift = torch.diag(torch.ones(n - 1, dtype=torch.float64), 1)
    eye = torch.eye(n, dtype=torch.float64)
    delta = rewards + gamma * values @ shift.T - values
    advantages = reference.gae(rewards, values, mask, gamma, lam)[0]
    torch.testing.assert_close(advantages, torch.linalg.solve(eye - gamma * lam * shift, delta.T).T)
    others = reference.gae(rewards, 5 * values - 3, mask, gamma, 1.0)[1]
    torch.testing.assert_close(others, torch.linalg.solve(eye - gamma * shift, rewards.T).T)


def test_divergences(reference):
    p, q = (torch.distributions.Categorical(normal(50, seed=k).softmax(0)) for k in (1, 2))
    k1, k2, k3 = reference.kl_estimators(q.logits - p.logits)
    exact = torch.distributions.kl_divergence(p, q)
    torch.testing.assert_close((p.probs * k1).sum(), exact)
    torch.testing.assert_close((p.probs * k3).sum(), exact)
    near = torch.distributions.Categorical(logits=p.logits + 0.01 * normal(50, seed=3))
    k1, k2, _ = reference.kl_estimators(near.logits - p.logits)
    assert (p.probs * k2).sum().item() == pytest.approx(torch.distributions.kl_divergence(p, near).item(), rel=0.02)
    assert (k3 >= 0).all() and (k2 >= 0).all() and (k1 < 0).any()


@pytest.mark.parametrize("mask", MASKS)
def test_whitening_is_torchs_own(reference, mask):
    x = 3 * normal(*mask.shape) + 2
    whitened = reference.masked_whiten(x, mask)
    torch.testing.assert_close(whitened[mask], (x[mask] - x[mask].mean()) / (x[mask].var() + 1e-8).sqrt())
    with_mean = reference.masked_whiten(x, mask, shift_mean=False)
    assert with_mean[mask].mean().item() == pytest.approx(x[mask].mean().item()) and with_mean[mask].var().item() == pytest.approx(1)


@pytest.mark.parametrize("clip", [0.1, 0.2, 0.5])
def test_the_clip_one_token_at_a_time(reference, clip):
    mask = torch.ones(1, 1, dtype=torch.bool)
    for ratio in (0.3, 0.75, 0.97, 1.0, 1.04, 1.3, 2.5):
        for advantage in (-2.0, -0.5, 0.5, 2.0):
            logp = torch.tensor([[math.log(ratio)]], dtype=torch.float64, requires_grad=True)
            zero = torch.zeros(1, 1, dtype=torch.float64)
            loss, seen = reference.ppo_loss(logp, zero, zero + advantage, mask, clip)
            loss.backward()
            held = (advantage > 0 and ratio > 1 + clip) or (advantage < 0 and ratio < 1 - clip)
            bound = min(max(ratio, 1 - clip), 1 + clip)
            assert loss.item() == pytest.approx(-advantage * (bound if held else ratio))
            assert logp.grad.item() == pytest.approx(0.0 if held else -advantage * ratio)
            assert seen == {"clip_fraction": float(held), "approx_kl": pytest.approx(ratio - 1 - math.log(ratio))}


@pytest.mark.parametrize("mask", MASKS)
def test_gradients_and_padding(reference, mask):
    logp, old, adv, ret = (normal(*mask.shape, seed=k) for k in range(4))
    logp.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: reference.ppo_loss(x, old, adv, mask)[0], logp)
    assert torch.autograd.gradcheck(lambda x: reference.value_loss(x, old, ret, mask), logp)
    with torch.autograd.detect_anomaly():
        bad = [torch.where(mask, each, math.nan) for each in (logp, old, adv, ret)]
        loss = reference.ppo_loss(*bad[:3], mask)[0] + reference.value_loss(bad[0], bad[1], bad[3], mask)
        (gradient,) = torch.autograd.grad(loss, logp)
    assert gradient.isfinite().all() and not gradient[~mask].any()


def test_the_value_loss_one_by_one(reference):
    v, v_old, ret = (normal(1, 8, seed=k) for k in range(3))
    want = 0.0
    for a, b, c in zip(v[0].tolist(), v_old[0].tolist(), ret[0].tolist(), strict=True):
        near = b + max(-0.3, min(0.3, a - b))
        want += 0.5 * max((a - c) ** 2, (near - c) ** 2) / 8
    assert reference.value_loss(v, v_old, ret, torch.ones(1, 8, dtype=torch.bool), 0.3).item() == pytest.approx(want)


def token_logps(model, ids):
    return model(ids)[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]


@pytest.mark.parametrize("seed, beta", [(1, 0.5), (4, 0.2)])
def test_updates_come_near_the_best_policy(reference, seed, beta):
    """From 200 answers to each prompt in each of 30 rounds most of what can be won is won, and the divergence is what it costs."""
    world = AnswerWorld(seed, 2, 2, 2)
    policy = world.policy()
    critic = TablePolicy(torch.zeros(*policy.logits.shape[:2], 1, dtype=torch.float64), 2, 2)
    optimizer = torch.optim.SGD([*policy.parameters(), *critic.parameters()], lr=0.3)
    generator = torch.Generator().manual_seed(seed)

    def objective(model):
        return (world.reward(model) - beta * world.divergence(model)).sum().item()

    start, best = objective(policy), objective(world.best_policy(beta))
    for _ in range(30):
        chosen = world.sample(policy, 200, generator)
        pairs = [world.pair(p, *row.tolist()) for p, row in enumerate(chosen)]
        ids, labels = (torch.cat(each) for each in zip(*pairs, strict=True))
        score = world.rewards.gather(1, chosen).flatten()
        with torch.no_grad():
            ref_logp = token_logps(world.reference(), ids)
        reference.ppo_update(
            lambda ids=ids: token_logps(policy, ids), lambda ids=ids: critic(ids)[:, :-1, 0], optimizer, score, ref_logp, labels[:, 1:] != PAD, beta=beta
        )
    assert start < objective(policy) <= best + 1e-9
    assert best - objective(policy) < 0.1 * (best - start)
