"""Public checks of warmup/causal_lm_loss: run `pytest` on this file, or `autograder check warmup/causal_lm_loss`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from math import log
import torch
from autograder.checks import case, check


def loss_and_gradient(student, logits, labels, **options):
    """The loss, and the gradient that its backward() leaves on the logits."""
    logits = logits.clone().requires_grad_()
    loss = student.causal_lm_loss(logits, labels, **options)
    if loss.requires_grad:
        loss.sum().backward()
    return {"loss": loss.detach(), "logits.grad": logits.grad}


def table(logits, labels, dtype="float32", **options):
    return {"logits": torch.tensor(logits, dtype=getattr(torch, dtype)), "labels": torch.tensor(labels), **options}


def batch(rng, shape=(), scale=1.0, dtype="float32", **given):
    """Random logits and tokens; nothing is ignored."""
    if given:
        return table(dtype=dtype, **given)
    logits = rng.normal(*shape, scale=scale, dtype=getattr(torch, dtype))
    return {"logits": logits, "labels": rng.integers(0, shape[-1], *shape[:2])}


@check(points=1, inputs=batch, lecture='each-position-predicts-the-next-token', public=[case('8 equal logits: ln 8', logits=[[[0.0] * 8] * 3], labels=[[5, 0, 7]]), case('3/4, then 1/10', logits=[[[0.0, log(3)], [0.0, log(9)], [0.0, 0.0]]], labels=[[0, 1, 0]]), case('three tokens, float64', shape=(1, 3, 4), dtype='float64'), case('sure and wrong: 200 nats', logits=[[[0.0, 200.0], [0.0, 0.0]]], labels=[[0, 0]])])
def position_predicts_next_token(student, logits, labels):
    """The loss compares the logits at position t with the token at t + 1, and averages over those T - 1 targets."""
    view = logits.transpose(0, 1).contiguous().transpose(0, 1), labels.T.contiguous().T
    return {
        "raw": student.causal_lm_loss(logits, labels),
        **loss_and_gradient(student, logits, labels),
        "of views": student.causal_lm_loss(*view),
        "divided by 3": student.causal_lm_loss(logits, labels, num_items=3),
        "backwards": student.causal_lm_loss(logits.flip(1), labels.flip(1)),
    }


def partly_ignored(rng, shape=(), p=0.5, ignore_index=-100, lengths=None, **given):
    """Labels are ignored at random (at least one target stays), or padded to `lengths`."""
    if given:
        return {**table(**given), "ignore_index": ignore_index}
    b, t, v = shape
    logits, labels = rng.normal(*shape, scale=2.0), rng.integers(0, v, b, t)
    if ignore_index in range(v):  # the tokens that count are others
        labels = torch.where(labels == ignore_index, (ignore_index + 1) % v, labels)
    stays = rng.mask(b, t, p=p) if lengths is None else torch.arange(t) < torch.tensor(lengths)[:, None]
    stays[rng.integer(0, b), rng.integer(1, t)] |= lengths is None
    return {"logits": logits, "labels": torch.where(stays, labels, ignore_index), "ignore_index": ignore_index}


@check(points=1, inputs=partly_ignored, lecture='which-targets-count', public=[case('one of two', logits=[[[0.0, log(3)], [0.0, log(9)], [0.0, 0.0]]], labels=[[0, 1, -100]]), case('token 0 is ignored', logits=[[[0.0, log(3)], [0.0, log(9)], [0.0, 0.0]]], labels=[[1, 0, 1]], ignore_index=0), case('sequences of unequal length', logits=[[[0.0, log(3)]] * 3] * 2, labels=[[0, 1, 0], [0, 1, -100]])])
def ignored_targets_do_not_count(student, logits, labels, ignore_index):
    """Ignored targets count neither in the sum nor in the number: the mean is over all other targets of the batch."""
    return {
        "raw": student.causal_lm_loss(logits, labels, ignore_index=ignore_index),
        "divided by 1": student.causal_lm_loss(logits, labels, ignore_index=ignore_index, num_items=1),
        **loss_and_gradient(student, logits, labels, ignore_index=ignore_index),
    }


def few_targets(rng, shape, targets=0, **options):
    """Each sequence has a first token, which is no target, and `targets` more after it; the rest is ignored."""
    b, t, v = shape
    tokens = rng.integers(0, v, b, t)
    labels = torch.where(torch.arange(t) <= targets, tokens, -100)
    return {"logits": rng.normal(*shape), "labels": labels, "options": options}


@check(points=1, inputs=few_targets, lecture='a-batch-with-nothing-to-predict', public=[case('no target', shape=(1, 3, 2)), case('one target in each sequence', shape=(2, 3, 2), targets=1)])
def no_target_gives_zero(student, logits, labels, options):
    """A batch without targets has loss 0.0 and a gradient of zeros, never nan; one target is enough for a loss."""
    return loss_and_gradient(student, logits, labels, **options)


def micro_batches(rng, sizes, length, vocab, p=0.6, elsewhere=0, blank=()):
    """A batch cut into micro-batches of `sizes` sequences; `blank` sequences have no target; `elsewhere`: other ranks'."""
    b = sum(sizes)
    logits, labels = rng.normal(b, length, vocab, scale=2.0), rng.integers(0, vocab, b, length)
    labels = torch.where(rng.mask(b, length, p=p), labels, -100)
    labels[0, 1] = 0  # a target, whatever the mask says
    for i in blank:
        labels[i] = -100
    num_items = int((labels[:, 1:] != -100).sum()) + elsewhere
    return {"logits": logits, "labels": labels, "sizes": list(sizes), "num_items": num_items}


@check(points=1, inputs=micro_batches, lecture='adding-up-micro-batches', public=[case('two sequences, one at a time', sizes=(1, 1), length=4, vocab=3), case('two sequences at once', sizes=(2,), length=4, vocab=3)])
def micro_batches_add_up(student, logits, labels, sizes, num_items):
    """With num_items, the losses of micro-batches and their gradients add up to those of the whole batch."""
    logits = logits.clone().requires_grad_()
    parts = zip(logits.split(sizes), labels.split(sizes), strict=True)
    losses = [student.causal_lm_loss(x, y, num_items=num_items) for x, y in parts]
    total = sum(losses)
    if total.requires_grad:
        total.sum().backward()
    return {"losses": [loss.detach() for loss in losses], "logits.grad": logits.grad}


def amounts(rng, nll_sum=None, n_tokens=None, n_bytes=None, most=2000):
    """The given amounts, or those of a random text."""
    if nll_sum is None:
        n_tokens = rng.integer(2, most)
        nll_sum, n_bytes = n_tokens * rng.real(1.0, 6.0), n_tokens * rng.integer(2, 6) + 1
    return {"nll_sum": nll_sum, "n_tokens": n_tokens, "n_bytes": n_bytes}


@check(points=1, inputs=amounts, lecture='perplexity-and-bits-per-byte', public=[case('two tokens among 8, three bytes', nll_sum=2 * log(8), n_tokens=2, n_bytes=3), case('certain', nll_sum=0.0, n_tokens=5, n_bytes=9), case('a diverged run', nll_sum=900000.0, n_tokens=12, n_bytes=40)])
def units_are_converted(student, nll_sum, n_tokens, n_bytes):
    """Perplexity is e to the nats for each token; bits per byte are the bits of all tokens over the bytes of the text."""
    return {
        "perplexity": student.perplexity(nll_sum, n_tokens),
        "bits per byte": student.bits_per_byte(nll_sum, n_bytes),
        "of twice as many": [student.perplexity(nll_sum, 2 * n_tokens), student.bits_per_byte(nll_sum, 2 * n_bytes)],
    }
