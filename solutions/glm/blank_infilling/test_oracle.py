"""glm/blank_infilling against examples recorded from GLM's own code, T5-like reconstruction, and a tiny model that must not see the answers."""

import json
import random
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

RECORDED = json.loads((Path(__file__).parent / "official_code.json").read_text())["cases"]
MASK, SOP, EOP, GMASK = 1, 2, 3, 9


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['task']}-{len(case['tokens'])}")
def test_the_official_code(reference, case):
    tokens, spans, order = case["tokens"], [tuple(span) for span in case["spans"]], case["order"]
    if case["task"] == "generation":
        made = reference.gmask_example(tokens, spans[0][0], GMASK, SOP, EOP)
    else:
        made = reference.make_blocks(tokens, spans, order, MASK, SOP, EOP)
    want = case["made"]
    for name in ("tokens", "targets", "loss_mask"):
        assert made[name].tolist() == want[name], name
    assert [made["pos1"].tolist(), made["pos2"].tolist()] == want["positions"]
    assert made["sep"] == want["sep"]


@pytest.mark.parametrize("seed", range(6))
def test_the_text_comes_back(reference, seed):
    """From part A and the targets, by pos1 alone, the text can be written again."""
    rng = random.Random(seed)
    n = rng.randrange(5, 80)
    tokens = [rng.randrange(10, 30) for _ in range(n)]
    spans = reference.sample_spans(n, rng, 0.4, 2.0)
    order = rng.sample(range(len(spans)), len(spans))
    made = reference.make_blocks(tokens, spans, order, MASK, SOP, EOP)
    sep = made["sep"]
    pieces: dict[int, list[int]] = {}
    for place, target in zip(made["pos1"][sep:].tolist(), made["targets"][sep:].tolist(), strict=True):
        pieces.setdefault(place, []).append(target)
    written = []
    for place, token in enumerate(made["tokens"][:sep].tolist()):
        written += pieces.pop(place)[:-1] if token == MASK else [token]
    assert written == tokens
    assert not pieces
    assert len(made["tokens"]) == n + 2 * len(spans)


@pytest.mark.parametrize("sep, N", [(0, 7), (3, 7), (7, 7), (11, 30)])
def test_the_mask_has_as_many_entries_as_it_should(reference, sep, N):
    mask = reference.glm_mask(sep, N)
    b = N - sep
    assert int(mask.sum()) == sep * sep + b * sep + b * (b + 1) // 2
    assert torch.equal(mask[sep:], torch.ones(b, N).tril(sep).bool())  # causal, aligned with the last token


def test_no_token_sees_its_target(reference):
    """Through attention with this mask: a token of part B may depend on what it reads up to itself, and part A on part A."""
    torch.manual_seed(0)
    made = reference.make_blocks(list(range(10, 24)), [(2, 4), (5, 9), (12, 14)], [2, 0, 1], MASK, SOP, EOP)
    N, sep = len(made["tokens"]), made["sep"]
    weights = torch.randn(2, 3, 8, 8)

    def model(x):
        for q, k, v in weights:
            x = x + F.scaled_dot_product_attention(x @ q, x @ k, x @ v, attn_mask=reference.glm_mask(sep, N))
        return x

    x = torch.randn(N, 8)
    jacobian = torch.autograd.functional.jacobian(lambda x: model(x).sum(-1), x).abs().sum(-1) > 0
    assert torch.equal(jacobian, reference.glm_mask(sep, N))


@pytest.mark.parametrize("lam", [1.0, 3.0, 6.0])
def test_lengths(reference, lam):
    """One span a text: its length has the mean λ / (1 - e^-λ) and the probabilities of scipy's Poisson without 0."""
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(1)
    lengths = [end - start for _ in range(3000) for start, end in reference.sample_spans(50, rng, 0.02, lam)]
    seen = torch.bincount(torch.tensor(lengths), minlength=40)[1:10] / len(lengths)
    want = torch.tensor(stats.poisson.pmf(range(1, 10), lam) / (1 - stats.poisson.pmf(0, lam)))
    torch.testing.assert_close(seen.double(), want, atol=0.03, rtol=0)
