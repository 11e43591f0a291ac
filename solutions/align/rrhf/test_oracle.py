"""align/rrhf against transformers' loss, the definition in a double loop, the authors' formula without padding, and a world of listed answers."""

import itertools

import pytest
import torch

from autograder.lab.answers import AnswerWorld


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed, sizes", [(0, (2, 7, 3)), (1, (1, 9, 5)), (2, (4, 6, 1))])
def test_a_llama_says_the_same(reference, seed, sizes):
    """A model's own loss on one answer is minus its score with alpha = 1."""
    transformers = pytest.importorskip("transformers")
    k, length, prompt = sizes
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(vocab_size=29, hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).double()
    ids = torch.randint(0, 29, (k, length))
    labels = ids.masked_fill(torch.arange(length) < prompt, -100)
    labels[0, -1] = -100
    with torch.no_grad():
        scores = reference.length_norm_scores(model(ids).logits, labels)
        for row in range(k):
            want = model(ids[[row]], labels=labels[[row]]).loss
            torch.testing.assert_close(-scores[row].float(), want)  # they compute it in float32


@pytest.mark.parametrize("k, levels", [(2, 9), (5, 3), (7, 100)])
def test_the_rank_loss_pair_by_pair(reference, k, levels):
    p = normal(k, seed=k)
    r = torch.randint(0, levels, (k,), generator=torch.Generator().manual_seed(k))
    scores, rewards = p.tolist(), r.tolist()
    want = sum(max(0.0, scores[i] - scores[j]) for i, j in itertools.permutations(range(k), 2) if rewards[i] < rewards[j])
    assert reference.rank_loss(p, r).item() == pytest.approx(want, abs=1e-12)
    both = reference.rank_loss(torch.stack([p, -p]), torch.stack([r, r]))
    torch.testing.assert_close(both, torch.stack([reference.rank_loss(p, r), reference.rank_loss(-p, r)]))
    assert torch.autograd.gradcheck(lambda p: reference.rank_loss(p, r), (p.clone().requires_grad_(),))


@pytest.mark.parametrize("seed, alpha", [(0, 1.0), (1, 0.7), (2, 0.0)])
def test_the_authors_formula_without_padding(reference, seed, alpha):
    """One prompt whose answers fill the row: there the authors' in-place change of the labels changes nothing, and a mean is a scaled sum."""
    k, t, v = 4, 6, 5
    logits = normal(k, t, v, seed=seed)
    tokens = torch.randint(0, v, (k, t), generator=torch.Generator().manual_seed(seed))
    r = normal(k, seed=seed + 9)
    each = torch.stack([logits[:, i].log_softmax(-1)[torch.arange(k), tokens[:, i + 1]] for i in range(t - 1)], 1)
    scores = each.sum(-1) / (t - 1) ** alpha
    gap, rewards = scores[None, :] - scores[:, None], r[None, :] - r[:, None]
    want = -gap[(rewards > 0) & (gap < 0)].sum() - each[r.argmax()].mean() * (t - 1)
    torch.testing.assert_close(reference.rrhf_loss(logits, tokens, r, alpha), want)


@pytest.mark.parametrize("seed, prompts, alpha", [(0, 1, 1.0), (3, 2, 1.0), (5, 1, 0.0)])
def test_training_ends_at_the_best_answer_and_a_right_order(reference, seed, prompts, alpha):
    world = AnswerWorld(seed, prompts, vocab=2, length=3)
    batches = [world.pair(prompt, *range(len(world.answers))) for prompt in range(prompts)]
    labels = torch.stack([each for _, each in batches])
    policy = world.policy()
    before = world.reward(policy)
    for step in range(400):
        logits = torch.stack([policy(ids) for ids, _ in batches])
        loss = reference.rrhf_loss(logits, labels, world.rewards, alpha)
        (slope,) = torch.autograd.grad(loss.sum(), policy.parameters())
        with torch.no_grad():
            policy.logits -= 0.3 / (1 + step / 50) * slope
    found = world.logps(policy).exp()
    assert (found.argmax(1) == world.rewards.argmax(1)).all() and found.amax(1).min() > 0.8
    assert (world.reward(policy) > before).all()


def test_scale_covariance(reference):
    """Twice the scores cost twice as much, a constant for all of them nothing; the order of the answers does not matter."""
    p, r = normal(2, 5), normal(2, 5, seed=1)
    turn = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(reference.rank_loss(2 * p + 7, r), 2 * reference.rank_loss(p, r))
    torch.testing.assert_close(reference.rank_loss(p[:, turn], r[:, turn]), reference.rank_loss(p, r))
    assert not reference.rank_loss(p, p).any()
