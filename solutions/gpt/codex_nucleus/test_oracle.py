"""gpt/codex_nucleus against transformers' warpers and `generate`, and against every sequence there is."""

import itertools
import math

import pytest
import torch

from autograder.lab.models import markov, toy_lm


@pytest.fixture(scope="module")
def warpers():
    return pytest.importorskip("transformers.generation.logits_process")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("p", [0.03, 0.3, 0.5, 0.77, 0.93, 0.999])
def test_nucleus(reference, warpers, p, dtype):
    logits = 3 * torch.randn(50, 40, generator=torch.Generator().manual_seed(0), dtype=dtype)
    got = reference.top_p_filter(logits, p)
    assert torch.equal(got, warpers.TopPLogitsWarper(p)(None, logits))
    kept = got > -torch.inf
    probs = logits.softmax(-1)
    mass = (probs * kept).sum(-1)
    least = probs.masked_fill(~kept, 2.0).amin(-1)
    assert (mass >= p - 1e-6).all() and ((mass - least < p) | (kept.sum(-1) == 1)).all()


def test_the_papers_example(reference):
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    sizes = [int((reference.top_p_filter(logits, p) > -torch.inf).sum()) for p in (0.0, 0.4, 0.7, 0.79, 0.81, 0.9, 1.0)]
    assert sizes == [1, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize("k", [1, 2, 7, 40, 100])
def test_top_k(reference, warpers, k):
    logits = torch.randn(20, 40, generator=torch.Generator().manual_seed(1))
    assert torch.equal(reference.top_k_filter(logits, k), warpers.TopKLogitsWarper(k)(None, logits))


def test_the_vocabularys_order_does_not_matter(reference):
    logits, order = torch.randn(5, 12), torch.randperm(12)
    for keep in (lambda x: reference.top_p_filter(x, 0.6), lambda x: reference.top_k_filter(x, 4)):
        assert torch.equal(keep(logits[:, order]), keep(logits)[:, order])


@pytest.mark.parametrize("temperature, top_p, top_k", [(1.0, 1.0, 0), (0.7, 0.8, 0), (1.5, 0.9, 6), (2.0, 1.0, 3)])
def test_draws_have_the_probabilities_of_the_warpers(reference, warpers, temperature, top_p, top_k):
    stats = pytest.importorskip("scipy.stats")
    logits = torch.randn(1, 10, generator=torch.Generator().manual_seed(2))
    warped = warpers.TemperatureLogitsWarper(temperature)(None, logits)
    if top_k:
        warped = warpers.TopKLogitsWarper(top_k)(None, warped)
    probs = warpers.TopPLogitsWarper(top_p)(None, warped).double().softmax(-1)[0]
    gen = torch.Generator().manual_seed(3)
    draws = reference.sample(logits.expand(20_000, -1), gen, temperature, top_p, top_k)
    counts = draws.bincount(minlength=10)
    assert not counts[probs == 0].any()
    some = probs > 0
    assert stats.chisquare(counts[some], 20_000 * probs[some]).pvalue > 1e-4


@pytest.fixture(scope="module")
def gpt2():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=9, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=1, pad_token_id=1
    )
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(12)
    return model


@pytest.mark.parametrize(
    "beams, max_len, penalty", [(2, 6, 1.0), (3, 8, 1.0), (3, 8, 0.0), (4, 10, 2.0), (5, 5, 0.6), (3, 1, 1.0)]
)
@pytest.mark.parametrize("start", [2, 5])
def test_generate(reference, gpt2, beams, max_len, penalty, start):
    """Beam search of transformers with early_stopping=True, begun with any token."""
    with torch.no_grad():
        got = reference.beam_search(lambda x: gpt2(x).logits[:, -1], start, 1, beams, max_len, penalty)
        want = gpt2.generate(
            torch.tensor([[start]]), num_beams=beams, num_return_sequences=beams, max_new_tokens=max_len,
            length_penalty=penalty, early_stopping=True, do_sample=False, return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
    for (tokens, score), row, theirs in zip(got, want.sequences.tolist(), want.sequences_scores.tolist(), strict=True):
        assert row[1 : 1 + len(tokens)] == tokens and set(row[1 + len(tokens) :]) <= {1}
        assert score == pytest.approx(theirs, rel=1e-5)


def test_one_beam_is_greedy_generation(reference, gpt2):
    for start in range(2, 8):
        with torch.no_grad():
            [(tokens, _)] = reference.beam_search(lambda x: gpt2(x).logits[:, -1], start, 1, 1, 10)
            want = gpt2.generate(torch.tensor([[start]]), max_new_tokens=10, do_sample=False)[0].tolist()
        assert want[1:] == tokens


@pytest.mark.parametrize("vocab, length, penalty", [(3, 3, 1.0), (4, 3, 0.5), (2, 5, 1.0), (5, 2, 2.0)])
def test_enough_beams_find_every_sequence(reference, vocab, length, penalty):
    """Written out: all sequences that end in eos, and all of `length` tokens that never do."""
    step = toy_lm(seed=7, vocab=vocab)
    want = []
    for n in range(1, length + 1):
        for tokens in itertools.product(range(vocab), repeat=n):
            if 1 in tokens[:-1] or (n < length and tokens[-1] != 1):
                continue
            log_prob = sum(
                step(torch.tensor([[0, *tokens[:i]]])).log_softmax(-1)[0, tokens[i]].item() for i in range(n)
            )
            want.append((list(tokens), log_prob / n**penalty))
    want.sort(key=lambda each: -each[1])
    got = reference.beam_search(step, 0, 1, vocab**length, length, penalty)
    assert [tokens for tokens, _ in got] == [tokens for tokens, _ in want]
    assert [score for _, score in got] == pytest.approx([score for _, score in want])


def test_worked_examples(reference):
    step = markov([[math.log(0.1), math.log(0.6), math.log(0.3)]] * 3)
    [(tokens, score)] = reference.beam_search(step, 1, 0, beams=1, max_len=2)
    assert tokens == [1, 1] and score == pytest.approx(math.log(0.36) / 2)
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    assert reference.top_p_filter(logits, 0.7).tolist() == [[-math.inf, 3.0, 2.0]]
    assert reference.top_k_filter(logits, 2).tolist() == [[-math.inf, 3.0, 2.0]]
