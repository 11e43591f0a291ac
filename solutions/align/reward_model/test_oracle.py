"""align/reward_model against transformers' pooling, trl's loss, sklearn's logistic regression, and a world whose rewards are known."""

import itertools
from types import SimpleNamespace

import pytest
import torch

from autograder.lab.answers import AnswerWorld


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("seed, lengths", [(0, (3, 7, 1)), (1, (5, 5)), (2, (2, 4, 6, 3))])
def test_a_llama_reads_the_same_place(reference, side, seed, lengths):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=29, hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0, num_labels=1
    )
    model = transformers.LlamaForSequenceClassification(config).double().eval()
    width = max(lengths)
    mask = torch.zeros(len(lengths), width, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    if side == "left":
        mask = mask.flip(1)
    ids = torch.randint(1, 29, mask.shape) * mask
    with torch.no_grad():
        want = model(ids, attention_mask=mask).logits
        h = model.model(ids, attention_mask=mask).last_hidden_state
        found = reference.last_token_reward(h, mask, model.score.weight[0])
    torch.testing.assert_close(found[:, None], want)


@pytest.mark.slow  # the import of trl alone takes seconds
@pytest.mark.parametrize("margin, center", [(None, None), (None, 0.01), ("each", None), ("each", 0.3)])
def test_trl_says_the_same(reference, margin, center):
    trainer = pytest.importorskip("trl.trainer.reward_trainer")
    rewards = (3 * normal(10, 1, seed=4)).requires_grad_()
    margins = normal(5, seed=5).abs()
    stub = SimpleNamespace(
        args=SimpleNamespace(center_rewards_coefficient=center),
        model=SimpleNamespace(training=False),
        accelerator=SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x),
        _metrics={"eval": {name: [] for name in ("num_tokens", "min_reward", "mean_reward", "max_reward", "accuracy", "margin")}},
        _total_train_tokens=0,
    )

    class Model:
        training = False

        def __call__(self, **inputs):
            return SimpleNamespace(logits=rewards)

    inputs = {"attention_mask": torch.ones(10, 2)} | ({"margin": margins} if margin else {})
    want = trainer.RewardTrainer.compute_loss(stub, Model(), inputs)
    rc, rr = rewards[:, 0].chunk(2)
    found = reference.bt_loss(rc, rr, margins if margin else 0.0, center or 0.0).mean()
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(*(torch.autograd.grad(each, rewards)[0] for each in (found, want)))
    assert stub._metrics["eval"]["accuracy"] == pytest.approx([reference.pair_accuracy(rc, rr)])


@pytest.mark.slow  # the import of sklearn takes seconds
@pytest.mark.parametrize("dims", [2, 4])
def test_training_ends_where_logistic_regression_does(reference, dims):
    """Without a bias, on differences of hidden states, each of which stands for class 1 and its negative for class 0."""
    linear = pytest.importorskip("sklearn.linear_model")
    liked = normal(dims, seed=7)
    a, b = normal(40, dims, seed=8), normal(40, dims, seed=9)
    wins = torch.rand(40, generator=torch.Generator().manual_seed(3), dtype=torch.float64) < torch.sigmoid((a - b) @ liked)
    c, r = torch.where(wins[:, None], a, b), torch.where(wins[:, None], b, a)
    ones = torch.ones(40, 1, dtype=torch.bool)
    head, losses = reference.train_rm((c[:, None], ones), (r[:, None], ones), steps=400, lr=2.0)
    x = torch.cat([c - r, r - c]).numpy()
    fit = linear.LogisticRegression(C=1e12, fit_intercept=False, tol=1e-14, solver="newton-cholesky").fit(x, [1] * 40 + [0] * 40)
    torch.testing.assert_close(head.w.detach(), torch.as_tensor(fit.coef_[0]), atol=1e-4, rtol=1e-4)
    assert head.b.abs() < 1e-12 and all(b <= a + 1e-12 for a, b in itertools.pairwise(losses))
    with torch.no_grad():
        rewards = head(c[:, None], ones), head(r[:, None], ones)
    assert reference.pair_accuracy(*rewards) == pytest.approx(fit.score((c - r).numpy(), [1] * 40))


@pytest.mark.parametrize("seed, prompts, beta", [(0, 1, 0.5), (3, 2, 0.3)])
def test_all_pairs_lead_to_the_true_rewards(reference, seed, prompts, beta):
    """One number for each answer to each prompt; a head on one-hot hidden states, and each pair as often as people prefer it."""
    world = AnswerWorld(seed, prompts, vocab=2, length=3)
    n = len(world.answers)
    i, j = (each.flatten() for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    table = torch.zeros_like(world.rewards, requires_grad=True)
    optimizer = torch.optim.LBFGS([table], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        preferred = torch.sigmoid(world.rewards[:, i] - world.rewards[:, j])
        loss = sum((p * reference.bt_loss(row[i], row[j])).sum() for p, row in zip(preferred, table, strict=True))
        loss.backward()
        return loss

    optimizer.step(closure)
    found = table.detach()
    torch.testing.assert_close(found - found.mean(1, keepdim=True), world.rewards - world.rewards.mean(1, keepdim=True), atol=1e-5, rtol=0)
    best = (world.logps(world.reference()) + found / beta).softmax(-1)
    torch.testing.assert_close(best, world.best(beta), atol=1e-4, rtol=0)


def test_gradients_are_opposite(reference):
    rc, rr = normal(6, seed=1).requires_grad_(), normal(6, seed=2).requires_grad_()
    up, down = torch.autograd.grad(reference.bt_loss(rc, rr, 0.5).sum(), (rc, rr))
    torch.testing.assert_close(up, -torch.sigmoid(rr - rc + 0.5))
    torch.testing.assert_close(up, -down)
    assert torch.autograd.gradcheck(lambda a, b: reference.bt_loss(a, b, 0.3, 0.2), (rc, rr))
