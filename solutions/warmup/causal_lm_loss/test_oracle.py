"""warmup/causal_lm_loss against the loss of Hugging Face's Llama, PyTorch's cross-entropy, and plain probabilities."""

import math

import pytest
import torch
import torch.nn.functional as F


def random_batch(seed, b, t, v, keep=0.6, dtype=torch.float64, ignore_index=-100):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(b, t, v, generator=generator, dtype=dtype) * 2
    labels = torch.randint(0, v, (b, t), generator=generator)
    ignored = torch.rand(b, t, generator=generator) >= keep
    ignored[0, 1] = False  # one target at least
    return logits, labels.masked_fill(ignored, ignore_index)


@pytest.mark.parametrize("num_items", [None, 40])
def test_loss_of_llama(reference, num_items):
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=31, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).eval()
    for seed in range(5):
        _, labels = random_batch(seed, 3, 9, 31)
        input_ids = labels.clamp(min=0)
        options = {} if num_items is None else {"num_items_in_batch": num_items}
        out = model(input_ids=input_ids, labels=labels, **options)
        torch.testing.assert_close(reference.causal_lm_loss(out.logits, labels, num_items=num_items), out.loss)


@pytest.mark.parametrize("ignore_index", [-100, -1, 3])
@pytest.mark.parametrize("num_items", [None, 17])
def test_loss_and_gradient_of_transformers(reference, ignore_index, num_items):
    loss_utils = pytest.importorskip("transformers.loss.loss_utils")
    for seed in range(20):
        logits, labels = random_batch(seed, 4, 11, 7, dtype=torch.float32, ignore_index=ignore_index)
        labels[0, 1] = 2
        logits.requires_grad_()
        want = loss_utils.ForCausalLMLoss(logits, labels, 7, num_items_in_batch=num_items, ignore_index=ignore_index)
        got = reference.causal_lm_loss(logits, labels, ignore_index=ignore_index, num_items=num_items)
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(torch.autograd.grad(got, logits), torch.autograd.grad(want, logits))


@pytest.mark.parametrize("shape", [(1, 2, 3), (5, 2, 9), (3, 17, 2), (2, 8, 50)])
def test_cross_entropy_in_float64(reference, shape):
    for seed in range(10):
        logits, labels = random_batch(seed, *shape)
        logits = (logits * 1e3).requires_grad_()
        want = F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])
        got = reference.causal_lm_loss(logits, labels)
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(torch.autograd.grad(got, logits), torch.autograd.grad(want, logits))


def test_micro_batches_add_up_to_the_batch(reference):
    for seed in range(10):
        logits, labels = random_batch(seed, 6, 9, 5)
        logits.requires_grad_()
        n = int((labels[:, 1:] != -100).sum())
        whole = reference.causal_lm_loss(logits, labels)
        parts = [
            reference.causal_lm_loss(x, y, num_items=n)
            for x, y in zip(logits.split([1, 3, 2]), labels.split([1, 3, 2]), strict=True)
        ]
        torch.testing.assert_close(sum(parts), whole)
        (want,) = torch.autograd.grad(whole, logits)
        torch.testing.assert_close(torch.autograd.grad(sum(parts), logits), (want,), rtol=0, atol=1e-15)


@pytest.mark.parametrize("shape", [(2, 4, 3), (3, 1, 5), (1, 1, 2)])
@pytest.mark.parametrize("num_items", [None, 9])
def test_nothing_to_predict(reference, shape, num_items):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.full(shape[:2], -100)
    labels[:, 0] = 1
    loss = reference.causal_lm_loss(logits, labels, num_items=num_items)
    assert loss.shape == () and loss.item() == 0.0
    loss.backward()
    assert torch.equal(logits.grad, torch.zeros(shape))


def test_units_by_the_probability_of_a_text(reference):
    """A model gives "héllo" (6 bytes) as 3 tokens with probabilities 1/2, 1/4, 1/64: a 512th, which is 9 bits."""
    probabilities = [1 / 2, 1 / 4, 1 / 64]
    nll_sum = -sum(math.log(p) for p in probabilities)
    assert reference.bits_per_byte(nll_sum, len("héllo".encode())) == pytest.approx(9 / 6)
    assert reference.perplexity(nll_sum, 3) == pytest.approx(math.prod(probabilities) ** (-1 / 3))
    assert reference.perplexity(1e6, 10) == math.inf


def test_worked_examples(reference):
    assert reference.causal_lm_loss(torch.zeros(1, 3, 8), torch.tensor([[5, 0, 7]])).item() == pytest.approx(
        math.log(8)
    )
    logits = torch.tensor([[[1.0, 3.0], [1.0, 9.0], [1.0, 1.0]]]).log()
    want = (math.log(4 / 3) + math.log(10)) / 2
    assert reference.causal_lm_loss(logits, torch.tensor([[0, 1, 0]])).item() == pytest.approx(want)
    assert reference.causal_lm_loss(logits, torch.tensor([[0, 1, -100]])).item() == pytest.approx(math.log(4 / 3))
    assert reference.perplexity(2 * math.log(8), 2) == pytest.approx(8)
    assert reference.bits_per_byte(2 * math.log(8), 3) == pytest.approx(2)
