"""align/rso against trl's own losses, scipy, the exact distribution of a small urn, and a world in which every answer can be listed."""

import ast
import importlib.util
import math
import random
import types
from pathlib import Path

import pytest
import torch

from autograder.checks import implausible
from autograder.lab.answers import AnswerWorld


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rewards_are_scipys_logit(reference):
    special = pytest.importorskip("scipy.special")
    p = torch.tensor([1e-12, 0.2, 0.5, 1 - 1e-9, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(reference.pairwise_rewards(p), torch.from_numpy(special.logit(p.numpy())), rtol=1e-9, atol=0)
    torch.testing.assert_close(torch.sigmoid(reference.pairwise_rewards(p)), p)


def shares(rewards, n, beta):
    """The probability of each list of accepted places, from the description of the algorithm and with fractions of a tree."""
    found = {}

    def look(probability, accepted, left, sweep, top):
        if len(accepted) == n or probability < 1e-12:
            found[accepted] = found.get(accepted, 0.0) + probability
            return
        if not sweep:
            look(probability, accepted, left, left, max(rewards[i] for i in left))
            return
        chance, place = math.exp((rewards[sweep[0]] - top) / beta), sweep[0]
        look(probability * chance, (*accepted, place), tuple(i for i in left if i != place), sweep[1:], top)
        if chance < 1:
            look(probability * (1 - chance), accepted, left, sweep[1:], top)

    look(1.0, (), tuple(range(len(rewards))), (), 0.0)
    return found


@pytest.mark.parametrize("rewards, n, beta", [([0.0, 1.0, 0.5], 2, 1.0), ([2.0, 0.0, 1.0, 2.0], 2, 0.7), ([0.3, 0.1], 1, 0.2)])
def test_every_list_comes_as_often_as_the_tree_says(reference, rewards, n, beta):
    want = shares(rewards, n, beta)
    lists = sorted(want)
    numbers = iter(random.Random(5).random, None)
    drawn = [tuple(reference.rejection_sample(torch.tensor(rewards), n, beta, numbers)) for _ in range(600)]
    counts = torch.tensor([drawn.count(each) for each in lists])
    assert counts.sum() == 600 and not implausible(counts, torch.tensor([want[each] for each in lists], dtype=torch.float64))


@pytest.mark.parametrize("seed, beta", [(1, 1.0), (4, 3.0)])
def test_one_at_a_time_is_the_best_policy(reference, seed, beta):
    """Answers are written one by one until one is accepted, with the largest reward of all: exactly the best policy."""
    world = AnswerWorld(seed, 1, 2, 2)
    best, rewards = world.best(beta)[0], world.rewards[0]
    top = int(rewards.argmax())
    written = world.sample(world.reference(), 3000, torch.Generator().manual_seed(seed))[0]
    pool = torch.cat([torch.tensor([top]), written])
    accepted = reference.rejection_sample(rewards[pool], 700, beta, iter(random.Random(seed).random, None))
    assert accepted[0] == 0  # the best answer, put there so that the largest reward is known
    assert not implausible(pool[accepted[1:]].bincount(minlength=len(best)), best)
    rate = reference.acceptance_rate(rewards[pool], beta)
    exact = float((world.logps(world.reference())[0].exp() * ((rewards - rewards.max()) / beta).exp()).sum())
    assert rate == pytest.approx(exact, abs=0.05)


@pytest.mark.slow  # every night only: trl comes with the extra `trainers`
@pytest.mark.parametrize("gamma", [0.05, 1.0])
@pytest.mark.parametrize("kind, theirs", [("sigmoid-norm", "sigmoid"), ("hinge-norm", "hinge")])
def test_trl_says_the_same(reference, gamma, kind, theirs):
    """trl has no function for its losses: the lines of the branch in the trainer's source are run, on the same numbers."""
    pytest.importorskip("trl")
    file = Path(importlib.util.find_spec("trl").submodule_search_locations[0], "trainer", "dpo_trainer.py")
    branch = next(
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.If) and ast.unparse(node.test) == f"loss_type == {theirs!r}"
    )
    pc, pr, rc, rr = (3 * normal(6, seed=k) - 10 for k in range(4))
    names = {"F": torch.nn.functional, "torch": torch, "delta_score": (pc - rc) - (pr - rr), "self": types.SimpleNamespace(beta=gamma)}
    exec(ast.unparse(ast.Module(branch.body, [])), names)
    torch.testing.assert_close(reference.rso_loss(pc, pr, rc, rr, gamma, kind), names["per_sequence_loss"])


def test_gradients(reference):
    pc, pr, rc, rr = (normal(5, seed=k).requires_grad_() for k in range(4))
    for kind in ("sigmoid-norm", "hinge-norm", "hinge"):
        assert torch.autograd.gradcheck(lambda a, b, kind=kind: reference.rso_loss(a, b, rc.detach(), rr.detach(), 0.3, kind), (pc, pr))


@pytest.mark.parametrize("n", [2, 3, 5, 8, 13])
def test_a_tournament_of_sure_judgements_finds_the_best(reference, n):
    ids = random.Random(n).sample(range(100), n)
    pairs = reference.rso_pairs(ids, lambda a, b: float(a > b), "tournament")
    assert len(pairs) == n - 1 and all(a > b for a, b in pairs) and pairs[-1][0] == max(ids)
    assert sorted(loser for _, loser in pairs) == sorted(set(ids) - {max(ids)})
    assert reference.rso_pairs(ids, lambda a, b: float(a > b)) == pairs[: n // 2]
