"""align/rejection_sampling_sft against scipy's hypergeometric distribution, all choices and all draws, and what a sampler really does."""

import itertools
import math

import pytest
import torch

from autograder.checks import implausible
from autograder.lab.answers import AnswerWorld


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("n, k", [(5, 2), (7, 7), (9, 4), (6, 1)])
def test_all_choices(reference, n, k):
    scores = normal(n, seed=n)
    choices = [max(choice) for choice in itertools.combinations(scores.tolist(), k)]
    assert reference.bon_expected_max(scores, k) == pytest.approx(sum(choices) / len(choices), abs=1e-12)


@pytest.mark.parametrize("n, right, k", [(10, 3, 5), (200, 7, 100), (1000, 1, 10), (3000, 1500, 2), (8, 0, 3), (8, 8, 3)])
def test_zeros_and_ones_are_a_draw_from_an_urn(reference, n, right, k):
    stats = pytest.importorskip("scipy.stats")
    scores = torch.tensor([1.0] * right + [0.0] * (n - right))
    assert reference.bon_expected_max(scores, k) == pytest.approx(1 - stats.hypergeom.pmf(0, n, right, k), abs=1e-10)


def test_the_estimate_is_unbiased(reference):
    """Over all samples of three answers of a small model the mean estimate is the true mean of the best of two."""
    probs, rewards = [0.5, 0.3, 0.2], [0.0, 1.0, 4.0]
    mean = 0.0
    for sample in itertools.product(range(3), repeat=3):
        mean += math.prod(probs[i] for i in sample) * reference.bon_expected_max(torch.tensor([rewards[i] for i in sample]), 2)
    best = reference.best_of_n_policy(torch.tensor(probs), torch.tensor(rewards), 2)
    assert mean == pytest.approx(float(best @ torch.tensor(rewards)), abs=1e-6)


@pytest.mark.parametrize("rewards, n", [([0.0, 1.0, 2.0, 3.0], 3), ([1.0, 1.0, 0.0, 1.0], 4), ([2.0, 2.0, 2.0, 2.0], 2)])
def test_all_draws(reference, rewards, n):
    probs = normal(4, seed=n).softmax(0)
    want = torch.zeros(4, dtype=torch.float64)
    for draws in itertools.product(range(4), repeat=n):
        best = max(draws, key=lambda i: rewards[i])
        want[best] += torch.stack([probs[i] for i in draws]).prod()
    torch.testing.assert_close(reference.best_of_n_policy(probs, torch.tensor(rewards, dtype=torch.float64), n), want)


@pytest.mark.parametrize("seed, n", [(1, 2), (2, 5)])
def test_the_sampler_follows_the_policy(reference, seed, n):
    world = AnswerWorld(seed, 1, 2, 2)
    model = world.logps(world.reference()).exp().detach()
    drawn = world.sample(world.reference(), 3000 * n, torch.Generator().manual_seed(seed))[0].view(3000, n).tolist()
    rows = iter(drawn)
    best = reference.best_of_n([str(i) for i in range(3000)], lambda _, __: [str(i) for i in next(rows)], lambda _, i: world.rewards[0, int(i)].item(), n)
    counts = torch.tensor([int(answer) for _, answer, _ in best]).bincount(minlength=model.shape[1])
    assert not implausible(counts, reference.best_of_n_policy(model, world.rewards, n)[0])


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_the_bound_is_nearly_reached_by_many_small_answers(reference, n):
    stats = pytest.importorskip("scipy.stats")
    many = torch.full((2000,), 1 / 2000, dtype=torch.float64)
    best = reference.best_of_n_policy(many, normal(2000), n)
    divergence = stats.entropy(best.numpy(), many.numpy())
    assert reference.bon_kl_bound(n) - 0.02 < divergence <= reference.bon_kl_bound(n) + 1e-12
    few = reference.best_of_n_policy(normal(4, seed=n).softmax(0), normal(4, seed=n + 1), n)
    assert stats.entropy(few.numpy(), normal(4, seed=n).softmax(0).numpy()) <= reference.bon_kl_bound(n) + 1e-12


@pytest.mark.parametrize("a, b", [(2, 3), (5, 1), (4, 4)])
def test_rounds_multiply(reference, a, b):
    probs, rewards = normal(3, 6).softmax(-1), normal(3, 6, seed=1).round()
    twice = reference.best_of_n_policy(reference.best_of_n_policy(probs, rewards, a), rewards, b)
    torch.testing.assert_close(twice, reference.best_of_n_policy(probs, rewards, a * b))


def test_training_climbs(reference):
    """A policy that is trained on its best answers gets a better mean reward in each of four rounds."""
    world = AnswerWorld(5, 2, 3, 2)
    names, policy, generator = ["a", "b"], world.policy(), torch.Generator().manual_seed(0)
    rewards = [world.reward(policy).sum().item()]

    def sample(prompt, n):
        return [str(i) for i in torch.multinomial(world.logps(policy)[names.index(prompt)].exp().detach(), n, True, generator=generator).tolist()]

    def fit(pairs):
        optimizer = torch.optim.SGD(policy.parameters(), lr=0.5)
        for _ in range(5):
            optimizer.zero_grad()
            (-sum(world.logps(policy)[names.index(prompt), int(answer)] for prompt, answer in pairs)).backward()
            optimizer.step()
        rewards.append(world.reward(policy).sum().item())

    means = reference.rft_loop(names, sample, lambda p, a: world.rewards[names.index(p), int(a)].item(), fit, rounds=4, n=16)
    assert len(means) == 4 and rewards == sorted(rewards) and rewards[-1] > rewards[0] + 1
