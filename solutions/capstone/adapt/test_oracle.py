"""capstone/adapt against PEFT (adapters, merging), torch's own quantized tensors, DPO by brute force, and what theory says of the base."""

import copy
import math

import pytest
import torch
from torch import nn

from autograder.checks.rng import Rng
from autograder.lab.exam import Language
from autograder.lab.solved import solved


def language_pair(seed, vocab=12, lag=3, pairs=3):
    """A language, and the one in which pairs of tokens have exchanged what follows them."""
    rng = Rng(seed)
    old = Language.drawn(rng, vocab, lag)
    sigma, tokens = list(old.sigma), rng.sample(range(vocab), 2 * pairs)
    for a, b in zip(tokens[::2], tokens[1::2], strict=True):
        sigma[a], sigma[b] = sigma[b], sigma[a]
    return rng, old, Language(sigma, lag)


def mean_excess(model, language, text):
    """Nats above the language's own loss on the places of `text` that have a whole context."""
    pieces = torch.tensor(text).unfold(0, 17, 1)
    with torch.no_grad():
        logp = model(pieces[:, :-1])[:, -1].log_softmax(-1).gather(-1, pieces[:, -1:])
    return -logp.mean().item() - language.loss(text, 16)


@pytest.mark.parametrize("pairs", [1, 3, 4])
def test_a_change_of_the_output_layer_of_that_rank_is_enough(pairs):
    _, old, new = language_pair(pairs, pairs=pairs)
    model, other = (solved(each.sigma, each.lag, 5) for each in (old, new))
    change = (other.lm_head.weight - model.lm_head.weight).detach().double()
    assert int((torch.linalg.svdvals(change) > 1e-3).sum()) == pairs
    with torch.no_grad():
        model.lm_head.weight += change.float()
    ids = torch.randint(12, (2, 16))
    torch.testing.assert_close(model(ids), other(ids), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("seed", [0, 4])
def test_adapting_and_merging_are_pefts(reference, seed):
    peft = pytest.importorskip("peft")
    rng, old, new = language_pair(seed)
    base, ids = solved(old.sigma, old.lag, seed), torch.tensor(new.text(rng, 600))
    ours = reference.adapt(base, ids, 30, seed)
    config = peft.LoraConfig(r=4, lora_alpha=4, target_modules=["lm_head"])
    theirs = peft.get_peft_model(copy.deepcopy(base), config).eval()
    layer = theirs.base_model.model.lm_head
    with torch.no_grad():
        layer.lora_A["default"].weight.copy_(ours.lm_head.A)
        layer.lora_B["default"].weight.copy_(ours.lm_head.B)
    some = ids[:32].view(2, 16)
    torch.testing.assert_close(ours(some), theirs(some), atol=1e-4, rtol=1e-4)
    learning = sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    assert learning == sum(p.numel() for p in ours.parameters() if p.requires_grad)
    merged, plain = reference.merge(ours), theirs.merge_and_unload()
    torch.testing.assert_close(merged.state_dict(), plain.state_dict(), atol=1e-5, rtol=1e-5)


def test_adapters_of_peft_learn_as_much(reference):
    """Another library's adapters, trained by another loop, end where the reference ends."""
    peft = pytest.importorskip("peft")
    rng, old, new = language_pair(7)
    base, ids, held_out = solved(old.sigma, old.lag, 1), torch.tensor(new.text(rng, 1500)), new.text(rng, 400)
    torch.manual_seed(0)
    theirs = peft.get_peft_model(copy.deepcopy(base), peft.LoraConfig(r=4, lora_alpha=4, target_modules=["lm_head"]))
    optimizer = torch.optim.Adam([p for p in theirs.parameters() if p.requires_grad], lr=0.05)
    for _ in range(100):
        pieces = ids[torch.randint(0, len(ids) - 16, (16, 1)) + torch.arange(17)]
        loss = nn.functional.cross_entropy(theirs(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert mean_excess(base, new, held_out) > 1.5
    assert mean_excess(theirs, new, held_out) < 0.3
    assert mean_excess(reference.merge(reference.adapt(base, ids, 150, 0)), new, held_out) < 0.3


@pytest.mark.parametrize("beta", [0.1, 0.5, 3.0])
def test_the_loss_of_pairs_by_brute_force(reference, beta):
    gen = torch.Generator().manual_seed(2)
    model, ref = solved([2, 0, 3, 1, 4, 5], 2, 1), solved([0, 2, 3, 1, 5, 4], 2, 3)
    prompts, liked, disliked = (torch.randint(6, (3, n), generator=gen) for n in (4, 3, 5))
    total = 0.0
    for prompt, yes, no in zip(prompts.tolist(), liked.tolist(), disliked.tolist(), strict=True):
        h = 0.0
        for sign, answer in ((1, yes), (-1, no)):
            for which, by in ((model, sign), (ref, -sign)):
                for t, token in enumerate(answer):
                    probabilities = which(torch.tensor([prompt + answer[:t]]))[0, -1].double().softmax(0)
                    h += by * math.log(probabilities[token].item())
        total += math.log1p(math.exp(-beta * h)) / 3
    loss = reference.preference_loss(model, ref, prompts, liked, disliked, beta)
    assert loss.item() == pytest.approx(total, rel=1e-4)


def test_the_gradient_is_beta_times_how_wrong_the_model_is(reference):
    """Equation 7's gradient: -β σ(-β h) (∇ log π(liked) - ∇ log π(disliked))."""
    table, ref = nn.Embedding(4, 4), nn.Embedding(4, 4)
    prompts, liked, disliked = torch.tensor([[1, 0]]), torch.tensor([[2, 3]]), torch.tensor([[3]])
    (got,) = torch.autograd.grad(reference.preference_loss(table, ref, prompts, liked, disliked, 0.7), table.weight)
    rows, before = table.weight.log_softmax(-1), ref.weight.log_softmax(-1).detach()
    gain = rows[0, 2] + rows[2, 3] - rows[0, 3]
    h = (gain - (before[0, 2] + before[2, 3] - before[0, 3])).item()
    (slope,) = torch.autograd.grad(gain, table.weight)
    torch.testing.assert_close(got, -0.7 / (1 + math.exp(0.7 * h)) * slope)


@pytest.mark.parametrize("shape", [(3, 5), (12, 40), (1, 7), (9, 1)])
def test_the_codes_are_torchs(reference, shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(shape[1])) * torch.logspace(-2, 2, shape[0])[:, None]
    packed = reference.quantize(nn.Embedding.from_pretrained(weight))
    scale, zero = packed["weight.scale"].double(), torch.zeros(shape[0], dtype=torch.int64)
    theirs = torch.quantize_per_channel(weight, scale, zero, 0, torch.qint8)
    assert (packed["weight"].int() - theirs.int_repr().int()).abs().max() <= 1  # 1 / s is rounded there
    assert (packed["weight"] != theirs.int_repr()).double().mean() < 0.01
    back = reference.dequantize(packed)["weight"]
    torch.testing.assert_close(back, packed["weight"] * packed["weight.scale"][:, None])
    assert bool(((back - weight).abs() <= 0.5001 * packed["weight.scale"][:, None]).all())


@pytest.mark.parametrize("seed", range(3))
def test_preferences_grow_and_the_language_stays(reference, seed):
    """On a table of all next tokens: the log-ratio of two tokens grows as far as the loss asks for, and no further than it must."""
    rng, old, _ = language_pair(seed, vocab=8, lag=2)
    model = solved(old.sigma, old.lag, seed)
    prompts = torch.tensor([old.text(rng, 6) for _ in range(16)])
    liked, disliked = torch.full((16, 1), 1), torch.full((16, 1), 6)
    policy = reference.prefer(model, prompts, liked, disliked, 0.5, 40)
    with torch.no_grad():
        gained = policy(prompts)[:, -1].log_softmax(-1) - model(prompts)[:, -1].log_softmax(-1)
    assert (gained[:, 1] - gained[:, 6]).min() > 0.3
    assert mean_excess(policy, old, old.text(rng, 400)) < 0.2
