"""align/rlaif against scipy, torch.distributions, a tiny Llama as the judge, exact fractions, and a world whose rewards are known."""

from fractions import Fraction

import pytest
import torch

from autograder.lab.answers import AnswerWorld


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_llama_as_the_judge(reference, seed):
    """The preference is the model's distribution, cut down to two tokens by torch.distributions."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(vocab_size=29, hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).double().eval()
    with torch.no_grad():
        logits = 20 * model(torch.randint(0, 29, (5, 7))).logits[:, -1]
    lp = logits.log_softmax(-1)
    want = torch.distributions.Categorical(logits=logits[:, [11, 12]]).probs[:, 0]
    torch.testing.assert_close(reference.preference_from_logprobs(lp[:, 11], lp[:, 12]), want)
    grades = torch.distributions.Categorical(logits=logits[:, 10:20])
    mean = (grades.probs * torch.arange(1, 11)).sum(-1)
    torch.testing.assert_close(reference.direct_score(lp[:, 10:20]), (mean - 1) / 9 * 2 - 1)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_scipy_says_the_same(reference, scale):
    special = pytest.importorskip("scipy.special")
    r1, r2, p = scale * normal(9), scale * normal(9, seed=1), torch.sigmoid(normal(9, seed=2))
    want = -(p.numpy() * special.log_expit((r1 - r2).numpy()) + (1 - p).numpy() * special.log_expit((r2 - r1).numpy()))
    torch.testing.assert_close(reference.soft_label_rm_loss(r1, r2, p), torch.as_tensor(want))
    lp = scale * normal(3, 10, seed=3) - 50
    weights = torch.as_tensor(special.softmax(lp.numpy(), axis=1))
    torch.testing.assert_close(reference.direct_score(lp), weights @ torch.linspace(-1, 1, 10, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda a, b: reference.soft_label_rm_loss(a, b, p), (r1.requires_grad_(), r2.requires_grad_()))


@pytest.mark.parametrize("n", [1, 4, 8])
def test_both_orders_in_exact_fractions(reference, n):
    """All pairs of eighths: the mean, and the rate by its words."""
    shares = [Fraction(k, n) for k in range(n + 1)]
    pairs = [(x, y) for x in shares for y in shares]
    p_ab, p_ba = (torch.tensor([float(each[k]) for each in pairs], dtype=torch.float64) for k in (0, 1))
    want = [float((x + (1 - y)) / 2) for x, y in pairs]
    assert reference.debias(p_ab, p_ba).tolist() == pytest.approx(want, abs=1e-15)

    def position(share):
        return 1 if share > Fraction(1, 2) else 2 if share < Fraction(1, 2) else None

    biased = sum(position(x) == position(y) and position(x) is not None for x, y in pairs)
    assert reference.position_bias_rate(p_ab, p_ba) == pytest.approx(biased / len(pairs))


def test_limits(reference):
    r1, r2 = normal(6), normal(6, seed=1)
    ones = torch.ones(6, dtype=torch.float64)
    torch.testing.assert_close(reference.soft_label_rm_loss(r1, r2, ones), -torch.nn.functional.logsigmoid(r1 - r2))  # hard labels
    p = torch.sigmoid(r1)
    torch.testing.assert_close(reference.debias(p, 1 - p), p)  # a judge without bias
    torch.testing.assert_close(reference.debias(p, p), ones / 2)  # a judge of positions alone
    torch.testing.assert_close(reference.debias(p, r2.sigmoid()) + reference.debias(r2.sigmoid(), p), ones)


@pytest.mark.parametrize("thinks, samples", [(False, 1), (True, 1), (True, 4)])
def test_a_conversation_word_by_word(reference, thinks, samples):
    asked, thought = [], []

    def judge(text):
        asked.append(text)
        return {"1": -float(len(asked)), "2": -2.0}

    def think(text):
        thought.append(text)
        return f"<{len(thought)}>"

    found = reference.ask_judge(judge, "Q {1}/{2}", "{2}", "b", think if thinks else None, samples)
    filled = ["Q {2}/b"] * samples + ["Q b/{2}"] * samples
    assert thought == (filled if thinks else [])
    assert asked == [text + (f"<{k}>" if thinks else "") + "\nPreferred answer: " for k, text in enumerate(filled, 1)]
    each = [torch.sigmoid(torch.tensor(2.0 - k, dtype=torch.float64)).item() for k in range(1, 2 * samples + 1)]
    assert found == pytest.approx((sum(each[:samples]) / samples, sum(each[samples:]) / samples))


@pytest.mark.parametrize("seed, bias", [(0, 0.0), (1, 1.0), (2, 5.0)])
def test_what_a_biased_judge_trains(reference, seed, bias):
    """Without bias the true rewards; with it, rewards in the true order whose differences are smaller."""
    world = AnswerWorld(seed, prompts=1, vocab=2, length=2)
    true, n = world.rewards[0], len(world.answers)
    i, j = (each.flatten() for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    p_ab = reference.preference_from_logprobs(true[i] + bias, true[j])
    p_ba = reference.preference_from_logprobs(true[j] + bias, true[i])
    labels = reference.debias(p_ab, p_ba)
    table = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    for _ in range(1500):
        (down,) = torch.autograd.grad(reference.soft_label_rm_loss(table[i], table[j], labels).sum() / n, table)
        table = (table - down).detach().requires_grad_()
    found, want = table.detach() - table.detach().mean(), true - true.mean()
    assert (found.argsort() == want.argsort()).all()
    if bias:
        assert found.abs().max() < want.abs().max()
    else:
        torch.testing.assert_close(found, want, atol=1e-6, rtol=0)
