"""The world in which all answers can be listed: alignment exercises trust that what it says is exact."""

from __future__ import annotations

import pytest
import torch

from autograder.lab.answers import EOS, PAD, AnswerWorld

WORLDS = [dict(seed=0), dict(seed=5, prompts=3, vocab=4, length=2), dict(seed=1, prompts=1, vocab=2, length=4)]


@pytest.fixture(params=WORLDS, ids=str)
def world(request: pytest.FixtureRequest) -> AnswerWorld:
    return AnswerWorld(**request.param)


def test_each_answer_is_there_once_and_ends_where_it_ends(world: AnswerWorld) -> None:
    rows = [tuple(token for token in row if token != PAD) for row in world.answers.tolist()]
    assert len(set(rows)) == len(rows) and [len(row) for row in rows] == world.lengths.tolist()
    for row in rows:
        assert EOS not in row[:-1] and (row[-1] == EOS or len(row) == world.length)


def test_a_policy_is_a_distribution_over_answers_and_starts_as_the_reference(world: AnswerWorld) -> None:
    policy = world.policy()
    assert torch.allclose(world.logps(policy).exp().sum(-1), torch.ones(len(world.prompts), dtype=torch.float64))
    assert torch.equal(world.logps(policy), world.logps(world.reference()))
    with torch.no_grad():
        policy.logits += torch.randn(
            policy.logits.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64
        )
    assert torch.allclose(world.logps(policy).exp().sum(-1), torch.ones(len(world.prompts), dtype=torch.float64))
    assert (world.divergence(policy) > 0).all() and (world.divergence(world.reference()) == 0).all()


def test_logps_are_those_of_the_model_token_by_token(world: AnswerWorld) -> None:
    policy = world.policy()
    for prompt in range(len(world.prompts)):
        for number, row in enumerate(world.answers.tolist()):
            total, ids = 0.0, [int(world.prompts[prompt])]
            for token in row:
                if token == PAD:
                    break
                total += policy(torch.tensor([ids]))[0, -1].log_softmax(-1)[token].item()
                ids.append(token)
            assert total == pytest.approx(float(world.logps(policy)[prompt, number]), abs=1e-12)


def test_the_best_policy_is_best(world: AnswerWorld) -> None:
    """Its objective is β · log Σ π_ref · exp(r/β), and gradient descent from the reference climbs to it and no further."""
    beta = 0.4
    assert torch.allclose(world.logps(world.best_policy(beta)).exp(), world.best(beta), atol=1e-12)
    best, reference = world.best(beta), world.logps(world.reference())
    value = (best * world.rewards).sum(-1) - beta * (best * (best.log() - reference)).sum(-1)
    assert torch.allclose(value, beta * (reference + world.rewards / beta).logsumexp(-1))
    policy = world.policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.05)
    for _ in range(400):
        loss = -(world.reward(policy) - beta * world.divergence(policy)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) == pytest.approx(-float(value.sum()), abs=1e-3) and -float(loss) <= float(value.sum()) + 1e-9
    assert torch.allclose(world.logps(policy).exp(), best, atol=0.02)


def test_samples_follow_the_policy_and_the_generator() -> None:
    world = AnswerWorld(seed=3)
    drawn = world.sample(world.policy(), 20_000, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, world.sample(world.policy(), 20_000, torch.Generator().manual_seed(0)))
    for row, logps in zip(drawn, world.logps(world.policy()), strict=True):
        assert torch.allclose(row.bincount(minlength=len(logps)).double() / 20_000, logps.exp(), atol=0.02)


def test_pairs_are_what_trainers_take() -> None:
    world = AnswerWorld(seed=3)
    ids, labels = world.pair(1, 0, 4)
    assert ids.shape == labels.shape == (2, 1 + world.length) and (ids[:, 0] == world.prompts[1]).all()
    assert (labels[:, 0] == -100).all() and torch.equal((labels[:, 1:] != -100).sum(1), world.lengths[[0, 4]])
    assert torch.equal(ids[labels != -100], labels[labels != -100]) and int(ids.min()) >= 0


@pytest.mark.parametrize(
    ("ids", "said"),
    [([[0, 1]], "the first token of a row is a prompt"), ([[3, 0, 0, 0, 0]], "L from 1 to 4"), ([[5]], "from 3 to 4")],
)
def test_what_is_no_row_of_ids_is_refused_in_words(ids: list[list[int]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AnswerWorld().policy()(torch.tensor(ids))


def test_padding_behind_an_answer_changes_nothing_before_it() -> None:
    world = AnswerWorld(seed=3)
    policy = world.policy()
    short, padded = torch.tensor([[3, 1, 0]]), torch.tensor([[3, 1, 0, PAD]])
    assert torch.equal(policy(short), policy(padded)[:, :3])
