"""align/dpo against trl's DPOTrainer, transformers' own loss, scipy's optimizers, torch.distributions, and a world in which every answer can be listed."""

import math
from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from autograder.lab.answers import AnswerWorld


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed, sizes", [(0, (2, 7, 3)), (1, (1, 9, 5)), (2, (4, 6, 1))])
def test_a_llama_says_the_same(reference, seed, sizes):
    """transformers' loss is the mean over the tokens that have a label: minus the sum of our sums, divided by their number."""
    transformers = pytest.importorskip("transformers")
    batch, length, prompt = sizes
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(vocab_size=29, hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).double()
    ids = torch.randint(0, 29, (batch, length))
    labels = ids.masked_fill(torch.arange(length) < prompt, -100)
    labels[0, -1] = -100
    output = model(ids, labels=labels)
    logps = reference.sequence_logps(output.logits, labels)
    torch.testing.assert_close((-logps.sum() / (labels[:, 1:] != -100).sum()).float(), output.loss)  # they compute it in float32
    means = reference.sequence_logps(output.logits, labels, average=True)
    torch.testing.assert_close(means * (labels[:, 1:] != -100).sum(1), logps)


PAIRS = [
    {"prompt_ids": [1, 2, 3], "chosen_ids": [4, 5], "rejected_ids": [6]},
    {"prompt_ids": [7, 8], "chosen_ids": [9], "rejected_ids": [10, 11, 2, 2]},
    {"prompt_ids": [5], "chosen_ids": [3, 1, 4, 1, 5], "rejected_ids": [2, 7]},
]


def llama(seed):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=13, hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, initializer_range=0.5
    )
    return transformers.LlamaForCausalLM(config)


@pytest.mark.slow  # the import of trl alone takes seconds
@pytest.mark.parametrize("beta", [0.1, 0.7])
@pytest.mark.parametrize(
    "pairs, loss_type, theirs, smoothing",
    [(PAIRS, "sigmoid", "sigmoid", 0.0), (PAIRS, "hinge", "hinge", 0.0), (PAIRS, "ipo", "ipo", 0.0), *((PAIRS[i : i + 1], "sigmoid", "aot", 0.2) for i in range(3))],
)
def test_trl_says_the_same(reference, pairs, loss_type, theirs, smoothing, beta):
    """The trainer's loss of a small Llama, the gradient of each of its parameters, and the rewards; for ipo trl takes means over tokens.

    trl's "sigmoid" has no smoothing of labels. Its "aot" has, and sorts the pairs of a batch first: a single pair shows the smoothing alone.
    """
    trainer = pytest.importorskip("trl.trainer.dpo_trainer")
    inputs = trainer.DataCollatorForPreference(pad_token_id=0)(pairs)
    policy, frozen = llama(0), llama(1)
    ids, attention = inputs["input_ids"], inputs["attention_mask"]
    labels = ids.masked_fill(inputs["completion_mask"] == 0, -100)
    with torch.no_grad():
        logits = frozen(ids, attention_mask=attention).logits
        sums = reference.sequence_logps(logits, labels)
    inputs["ref_chosen_logps"], inputs["ref_rejected_logps"] = sums.chunk(2)
    average = loss_type == "ipo"
    pc, pr = reference.sequence_logps(policy(ids, attention_mask=attention).logits, labels, average).chunk(2)
    rc, rr = reference.sequence_logps(logits, labels, average).chunk(2)
    losses, chosen, rejected = reference.dpo_loss(pc, pr, rc, rr, beta, smoothing, loss_type)
    gradients = torch.autograd.grad(losses.mean(), list(policy.parameters()))

    stub = SimpleNamespace(
        beta=beta, label_smoothing=smoothing, loss_types=[theirs], loss_weights=[1.0], f_divergence_type="reverse_kl", ld_alpha=None,
        precompute_ref_logps=True, aux_loss_enabled=False, use_weighting=False, model=policy.eval(), _total_train_tokens=0, _metrics={"eval": defaultdict(list)},
        accelerator=SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x),
    )  # fmt: skip
    trainer.add_fused_lm_head(policy, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    want = trainer.DPOTrainer._compute_loss(stub, policy, inputs, return_outputs=False)
    torch.testing.assert_close(losses.mean(), want)
    wanted = torch.autograd.grad(want, list(policy.parameters()))
    torch.testing.assert_close(gradients, wanted, atol=1e-4, rtol=1e-5)  # trl computes in float32, whatever the model has
    if not average:
        seen = stub._metrics["eval"]
        assert [chosen.mean().item(), rejected.mean().item()] == pytest.approx([*seen["rewards/chosen"], *seen["rewards/rejected"]], abs=1e-5)
        assert [reference.implicit_reward_accuracy(chosen, rejected)] == pytest.approx(seen["rewards/accuracies"])


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
def test_losses_one_by_one(reference, beta):
    """In Python's floats, from the formulas of the papers."""
    pc, pr, rc, rr = (3 * normal(6, seed=k) - 10 for k in range(4))
    gaps = [(a - b) - (c - d) for a, b, c, d in zip(*(each.tolist() for each in (pc, pr, rc, rr)), strict=True)]
    wanted = {
        "sigmoid": [math.log1p(math.exp(-beta * h)) for h in gaps],
        "hinge": [max(0.0, 1 - beta * h) for h in gaps],
        "ipo": [(h - 1 / (2 * beta)) ** 2 for h in gaps],
    }
    for loss_type, want in wanted.items():
        assert reference.dpo_loss(pc, pr, rc, rr, beta, 0.0, loss_type)[0].tolist() == pytest.approx(want, abs=1e-12)
    smoothed = [0.8 * math.log1p(math.exp(-beta * h)) + 0.2 * math.log1p(math.exp(beta * h)) for h in gaps]
    assert reference.dpo_loss(pc, pr, rc, rr, beta, 0.2)[0].tolist() == pytest.approx(smoothed, abs=1e-12)


def test_the_gradient_is_weighed_by_how_wrong_the_order_is(reference):
    """Section 4 of the paper: β σ(r_l - r_w), up for the chosen answer and down for the rejected one."""
    pc, pr, rc, rr = (3 * normal(5, seed=k) for k in range(4))
    pc.requires_grad_(), pr.requires_grad_()
    losses, chosen, rejected = reference.dpo_loss(pc, pr, rc, rr, 0.3)
    up, down = torch.autograd.grad(losses.sum(), (pc, pr))
    torch.testing.assert_close(up, -0.3 * torch.sigmoid(rejected - chosen))
    torch.testing.assert_close(down, -up)
    assert torch.autograd.gradcheck(lambda a, b: reference.dpo_loss(a, b, rc, rr, 0.3, 0.1)[0], (pc, pr))


@pytest.mark.parametrize("n, beta", [(2, 0.5), (4, 0.2), (6, 3.0)])
def test_no_optimizer_finds_a_better_policy(reference, n, beta):
    optimize = pytest.importorskip("scipy.optimize")
    ref, reward = normal(n).softmax(0), normal(n, seed=1)

    def cost(logits):
        policy = torch.distributions.Categorical(logits=torch.as_tensor(logits))
        divergence = torch.distributions.kl_divergence(policy, torch.distributions.Categorical(ref))
        return float(beta * divergence - policy.probs @ reward)

    found = optimize.minimize(cost, ref.log().numpy(), tol=1e-12)
    best = reference.optimal_policy(ref, reward, beta)
    assert torch.allclose(torch.as_tensor(found.x).softmax(0), best, atol=1e-4)
    assert cost(best.log().numpy()) <= found.fun + 1e-9


@pytest.mark.parametrize("seed, prompts, beta", [(0, 1, 0.5), (3, 2, 0.3)])
def test_training_ends_at_the_best_policy(reference, seed, prompts, beta):
    """DPO on all pairs, preferred as the true rewards say, from the reference to π_ref · exp(r / β)."""
    world = AnswerWorld(seed, prompts, vocab=2, length=3)
    n = len(world.answers)
    i, j = (each.flatten() for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    policy = world.policy()
    batches = [world.pair(prompt, *range(n)) for prompt in range(prompts)]
    references = [reference.sequence_logps(world.reference()(ids), labels) for ids, labels in batches]
    optimizer = torch.optim.LBFGS(policy.parameters(), max_iter=150, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = 0.0
        for (ids, labels), theirs, rewards in zip(batches, references, world.rewards, strict=True):
            mine = reference.sequence_logps(policy(ids), labels)
            preferred = torch.sigmoid(rewards[i] - rewards[j])
            loss = loss + (preferred * reference.dpo_loss(mine[i], mine[j], theirs[i], theirs[j], beta)[0]).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    best = reference.optimal_policy(world.logps(world.reference()).exp(), world.rewards, beta)
    torch.testing.assert_close(world.logps(policy).exp(), best, atol=1e-4, rtol=0)
    torch.testing.assert_close(best, world.best(beta))


def test_log_two_at_the_start(reference):
    same = normal(4) - 9
    losses, chosen, rejected = reference.dpo_loss(same, same - 1, same, same - 1)
    assert losses.tolist() == pytest.approx([math.log(2)] * 4) and not chosen.any() and not rejected.any()
    assert reference.implicit_reward_accuracy(chosen, rejected) == 0.0


def test_soft_margin_loss_is_the_same_function(reference):
    pc, pr, rc, rr = (normal(5, seed=k) for k in range(4))
    want = nn.SoftMarginLoss(reduction="none")(0.7 * ((pc - pr) - (rc - rr)), torch.ones(5))
    torch.testing.assert_close(reference.dpo_loss(pc, pr, rc, rr, 0.7)[0], want)
