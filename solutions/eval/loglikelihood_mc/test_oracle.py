"""eval/loglikelihood_mc against transformers (losses, greedy generation, a real tokenizer's kind of merges), the harness itself where it is installed,
and brute force over all continuations."""

import itertools
import math
import random
import types

import pytest
import torch

from autograder.lab.corpora import english
from autograder.lab.models import toy_lm


def tiny(seed):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(vocab_size=13, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
    return transformers.LlamaForCausalLM(config).double().eval()


@pytest.mark.parametrize("seed, ctx, cont", [(0, 1, 1), (1, 5, 3), (2, 2, 9)])
def test_a_llama_has_the_same_loss(reference, seed, ctx, cont):
    model = tiny(seed)
    ids = torch.randint(0, 13, (1, ctx + cont), generator=torch.Generator().manual_seed(seed))
    labels = ids.masked_fill(torch.arange(ctx + cont) < ctx, -100)
    got, _ = reference.loglikelihood(lambda x: model(x).logits, ids[0, :ctx].tolist(), ids[0, ctx:].tolist())
    assert got == pytest.approx(-cont * model(ids, labels=labels).loss.item(), rel=1e-5)  # the loss is computed in float32


@pytest.mark.parametrize("seed", [0, 1])
def test_generate_writes_what_is_greedy(reference, seed):
    model = tiny(seed)
    ctx = torch.randint(3, 13, (1, 4), generator=torch.Generator().manual_seed(seed))
    model.generation_config.eos_token_id = None
    written = model.generate(ctx, max_new_tokens=5, do_sample=False, attention_mask=torch.ones_like(ctx), pad_token_id=0)[0, 4:].tolist()
    score = lambda cont: reference.loglikelihood(lambda x: model(x).logits, ctx[0].tolist(), cont)  # noqa: E731
    assert score(written)[1]
    for i in range(5):
        assert not score([*written[:i], (written[i] + 1) % 13, *written[i + 1 :]])[1]


@pytest.mark.parametrize("seed, vocab, n", [(3, 3, 4), (4, 5, 3)])
def test_all_continuations_together_have_probability_one(reference, seed, vocab, n):
    step = toy_lm(seed, vocab)
    model = lambda ids: torch.stack([step(ids[:, : t + 1]) for t in range(ids.shape[1])], 1)  # noqa: E731
    found = [reference.loglikelihood(model, [1, 0], list(cont)) for cont in itertools.product(range(vocab), repeat=n)]
    assert sum(math.exp(score) for score, _ in found) == pytest.approx(1, abs=1e-12)
    assert sum(greedy for _, greedy in found) == 1
    texts = [reference.rolling_loglikelihood(model, list(text), 0, max_len=2) for text in itertools.product(range(vocab), repeat=n)]
    assert sum(map(math.exp, texts)) == pytest.approx(1, abs=1e-12)


@pytest.mark.slow  # every night only: lm-eval comes with the extra `trainers`
@pytest.mark.parametrize("max_len", [1, 2, 3, 7, 20])
def test_windows_of_the_harness(reference, max_len):
    utils = pytest.importorskip("lm_eval.utils")
    for length, ctx_len in itertools.product((0, 1, 2, 6, 7, 8, 33), range(1, max_len + 1)):
        tokens = list(range(length))
        theirs = map(utils.make_disjoint_window, utils.get_rolling_token_windows(tokens, -1, max_len, ctx_len))
        assert reference.rolling_windows(tokens, -1, max_len, ctx_len) == [(list(ctx), list(cont)) for ctx, cont in theirs]


@pytest.mark.parametrize("max_len", [1, 2, 5, 8])
def test_windows_place_by_place(reference, max_len):
    """For each token: who predicts it, with which tokens before it?"""
    for length, ctx_len in itertools.product((0, 1, 5, 9, 30), range(1, max_len + 1)):
        tokens = list(range(length))
        pieces = reference.rolling_windows(tokens, -1, max_len, ctx_len)
        assert [token for _, cont in pieces for token in cont] == tokens
        for number, (ctx, cont) in enumerate(pieces):
            whole = [-1, *tokens]
            at = whole.index(cont[0])
            assert ctx == whole[at - len(ctx) : at] and len(ctx) >= (ctx_len if number else 1)
            assert len(ctx) + len(cont) - 1 <= max_len and (number == 0 or len(ctx) + len(cont) - 1 == max_len)


def merges(text):
    """A BPE in miniature: the most frequent pairs of Genesis, merged from the first to the last."""
    pieces = list(text)
    for a, b in ((" ", "t"), ("h", "e"), (" t", "he"), (" ", "a"), ("n", "d"), (" a", "nd"), ("i", "n"), ("e", "r")):
        i = 0
        while i < len(pieces) - 1:
            if (pieces[i], pieces[i + 1]) == (a, b):
                pieces[i : i + 2] = [a + b]
            i += 1
    return [sum(ord(c) * 31**i for i, c in enumerate(piece)) for piece in pieces]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_the_harness(reference, seed):
    harness = pytest.importorskip("lm_eval.api.model")
    rng = random.Random(seed)
    text = english(3000)
    lm = types.SimpleNamespace(backend="causal", tok_encode=lambda text, **_: merges(text))
    for _ in range(100):
        start, cut, end = sorted(rng.sample(range(len(text)), 3))
        ctx, cont = "x" + text[start:cut][-30:], text[cut:end][:30]
        theirs = harness.TemplateLM._encode_pair(lm, ctx, cont)
        assert reference.encode_pair(merges, ctx, cont, -1) == theirs


def test_pairs_by_their_texts(reference):
    """Characters as tokens: both together are the whole text, and the context does not end with white space."""
    text = english(500)
    for cut in range(len(text)):
        ctx, cont = reference.encode_pair(list, text[:cut], text[cut : cut + 9], "∅")
        assert "".join(ctx + cont) == ("∅" if not text[:cut].strip() else "") + text[: cut + 9]
        assert not ctx[-1].isspace()


@pytest.mark.parametrize("n", [2, 7, 50])
def test_metrics_as_the_harness_computes_them(reference, n):
    stats, np = pytest.importorskip("scipy.stats"), pytest.importorskip("numpy")
    rng = random.Random(n)
    choices = [[rng.choice(["a", "bc", "déf", "上海", "ghijkl"]) for _ in range(4)] for _ in range(n)]
    lls = [[-10 * rng.random() for _ in range(4)] for _ in range(n)]
    gold = [rng.randrange(4) for _ in range(n)]
    got = reference.mc_metrics(lls, choices, gold)
    for name, size in (("acc", lambda t: 1.0), ("acc_norm", len), ("acc_bytes", lambda t: len(t.encode()))):
        hits = [float(np.argmax(np.array(s) / np.array([size(t) for t in texts])) == want) for s, texts, want in zip(lls, choices, gold, strict=True)]
        assert got[name] == pytest.approx(np.mean(hits)) and got[f"{name}_stderr"] == pytest.approx(stats.sem(hits))


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 7, 50])
def test_standard_errors_of_the_harness(reference, n):
    metrics = pytest.importorskip("lm_eval.api.metrics")
    lls = [[0.0, score] for score in torch.randn(n, generator=torch.Generator().manual_seed(n)).tolist()]
    got = reference.mc_metrics(lls, [["a", "b"]] * n, [0] * n)
    hits = [float(score <= 0) for _, score in lls]
    assert [got["acc"], got["acc_stderr"]] == pytest.approx([metrics.mean(hits), metrics.mean_stderr(hits)])


@pytest.mark.parametrize("n", [3, 8, 13])
def test_planted_copies_are_found(reference, n):
    """Every run of n words of a verse is found, and no run of n - 1 words between strange ones."""
    lines = [line for line in english(6000).split("\n") if len(line.split()) >= n]
    index = reference.ngram_index(lines, n)
    for line in lines:
        words = line.split()
        for start in range(len(words) - n + 1):
            run = words[start : start + n]
            assert reference.contaminated("xx " + " ".join(run).upper() + " yy", index, n)
            assert not reference.contaminated(" ".join(["xx", *run[1:], "yy"]), index, n)
