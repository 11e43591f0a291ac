"""icl/prompt_calibration against a real Llama of transformers, scipy's entropy, the formulas of the papers' scripts, and a template engine."""

import itertools
import math
import string

import numpy as np
import pytest
import torch


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed, normalize", [(0, False), (1, True)])
def test_a_llama_gives_the_same(reference, seed, normalize):
    """Every continuation is one row of a batch; transformers' own loss of each row is minus the mean of its tokens' log-probabilities."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(vocab_size=128, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).double().eval()
    asked = []

    def logprob_fn(prompt, continuation):
        asked.append(continuation)
        ids = torch.tensor([[*prompt.encode(), *continuation.encode()]])
        with torch.no_grad():
            logps = model(ids).logits[0, :-1].log_softmax(-1)
        rows = torch.arange(len(prompt) - 1, ids.shape[1] - 1)
        return logps[rows, ids[0, len(prompt) :]].tolist()

    prompt = reference.build_prompt("", [("ab", "yes")], "cd", "{x}: {y}")
    words = [["yes", "right"], ["no"], ["perhaps"]]
    found = reference.label_probs(logprob_fn, prompt, words, normalize)
    weights = []
    for row in words:
        total = 0.0
        for word in row:
            ids = torch.tensor([[*prompt.encode(), *f" {word}".encode()]])
            labels = ids.masked_fill(torch.arange(ids.shape[1]) < len(prompt), -100)
            with torch.no_grad():
                loss = model(ids, labels=labels).loss.double().item()
            total += math.exp(-loss * (1 if normalize else len(word) + 1))
        weights.append(total)
    assert found.tolist() == pytest.approx([each / sum(weights) for each in weights], rel=1e-4)
    assert asked == [" yes", " right", " no", " perhaps"]


@pytest.mark.parametrize("n, k, m", [(5, 3, 1), (1, 2, 4), (7, 7, 3)])
def test_calibration_as_the_scripts_do(reference, n, k, m):
    """W is the inverse of a diagonal matrix; argmax of W p, of its softmax, and of ours are one."""
    p, p_cf = normal(n, k).softmax(-1), (2 * normal(m, k, seed=1)).softmax(-1)
    ours = reference.contextual_calibration(p, p_cf).numpy()
    mean = p_cf.numpy().mean(0)
    W = np.linalg.inv(np.identity(k) * (mean / mean.sum()))
    scores = np.stack([W @ row for row in p.numpy()])
    np.testing.assert_allclose(ours, scores / scores.sum(1, keepdims=True), rtol=1e-12)
    assert (ours.argmax(1) == scores.argmax(1)).all() and (torch.tensor(scores).softmax(1).argmax(1).numpy() == ours.argmax(1)).all()
    np.testing.assert_allclose(reference.contextual_calibration(p_cf.mean(0, keepdim=True), p_cf).numpy(), np.full((1, k), 1 / k))


@pytest.mark.parametrize("prompts, n, k", [(3, 5, 2), (1, 9, 4), (24, 8, 3)])
def test_entropies_against_scipy(reference, prompts, n, k):
    stats = pytest.importorskip("scipy.stats")
    p = (3 * normal(prompts, n, k)).softmax(-1)
    p[0, 0] = torch.eye(k, dtype=torch.float64)[-1]
    for i in range(prompts):
        counts = np.bincount(p[i].numpy().argmax(1), minlength=k)
        assert reference.global_entropy(p)[i].item() == pytest.approx(stats.entropy(counts / n), abs=1e-12)
        assert reference.local_entropy(p)[i].item() == pytest.approx(stats.entropy(p[i].numpy(), axis=1).mean(), abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_extremes_of_the_entropies(reference, k):
    always, each = torch.eye(k, dtype=torch.float64)[[0] * k], torch.eye(k, dtype=torch.float64)
    even = torch.full((k, k), 1 / k, dtype=torch.float64)
    p = torch.stack([always, each, even])
    assert reference.global_entropy(p).tolist() == pytest.approx([0.0, math.log(k), 0.0])
    assert reference.local_entropy(p).tolist() == pytest.approx([0.0, 0.0, math.log(k)])


@pytest.mark.parametrize("template", ["{x} => {y}", "Review: {x}\nMood: {y}\n###", "<{x}>  {y}!"])
def test_prompts_against_a_template_engine(reference, template):
    """string.Template with $ in the place of braces, and the last label cut off."""
    engine = string.Template(template.replace("$", "$$").replace("{x}", "${x}").replace("{y}", "${y}"))
    demos = [("a b", "good"), ("c", "bad"), ("d e f", "good")]
    filled = [engine.substitute(x=x, y=y) for x, y in demos]
    query = engine.substitute(x="query", y="\0").split("\0")[0].rstrip()
    assert reference.build_prompt("Do it.", demos, "query", template) == "\n\n".join(["Do it.", *filled, query])


@pytest.mark.parametrize("recency", [0.5, 3.0, 6.0])
def test_calibration_puts_a_biased_model_right(reference, recency):
    """The last label of the prompt is preferred; calibrated labels are right in every order of the examples, plain ones are not for a strong bias."""

    def model(prompt, continuation):
        *demos, query = prompt.split("\n\n")
        evidence = 1.0 if ("sun" in query) == (continuation == " good") and query != "Text: N/A\nMood:" else 0.0
        return [evidence + recency * (demos[-1].endswith(continuation)) - 20.0]

    texts, words = ["sun", "rain", "more sun", "sunny", "fog"], [["good"], ["bad"]]
    plain = []
    for order in itertools.permutations([("a", "good"), ("b", "bad"), ("c", "bad")]):
        labels, _ = reference.classify(model, "", list(order), texts, "Text: {x}\nMood: {y}", words, content_free=("N/A",))
        assert labels.tolist() == [0, 1, 0, 0, 1]
        plain.append(reference.classify(model, "", list(order), texts, "Text: {x}\nMood: {y}", words, content_free=())[0].tolist())
    assert all(each == [0, 1, 0, 0, 1] for each in plain) == (recency < 1.0)
