"""Right implementations of warmup/causal_lm_loss, done differently."""

import math

import torch
import torch.nn.functional as F

from autograder.checks import alternative


@alternative("F.cross_entropy, summed")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    logits, targets = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    if num_items is None:
        num_items = (targets != ignore_index).sum().clamp(min=1)
    return F.cross_entropy(logits, targets, ignore_index=ignore_index, reduction="sum") / num_items


@alternative("F.cross_entropy on shifted labels, with the last position ignored")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    targets = F.pad(labels, (0, 1), value=ignore_index)[:, 1:].contiguous()
    reduction = "mean" if num_items is None else "sum"
    if (targets == ignore_index).all():
        return (logits * 0).sum()
    loss = F.cross_entropy(
        logits.reshape(-1, logits.size(-1)), targets.reshape(-1), ignore_index=ignore_index, reduction=reduction
    )
    return loss if num_items is None else loss / num_items


@alternative("gather on log_softmax, ignored positions multiplied by 0")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    log_p = F.log_softmax(logits[:, :-1], dim=-1)
    targets = labels[:, 1:]
    keep = targets.ne(ignore_index)
    safe = torch.where(keep, targets, torch.zeros_like(targets))
    nll = -log_p.gather(2, safe[..., None])[..., 0] * keep
    return nll.sum() / (keep.sum().clamp(min=1) if num_items is None else num_items)


@alternative("logsumexp minus the target's logit")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    b, t = torch.nonzero(labels[:, 1:] != ignore_index, as_tuple=True)
    scores = logits[b, t]
    nll = scores.logsumexp(-1) - scores[torch.arange(len(b)), labels[b, t + 1]]
    return nll.sum() / (num_items if num_items is not None else max(1, b.numel()))


@alternative("a loop over positions")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    total, n = 0.0 * logits.sum(), 0
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1] - 1):
            target = labels[b, t + 1].item()
            if target != ignore_index:
                total = total - torch.log_softmax(logits[b, t], 0)[target]
                n += 1
    return total / (num_items or max(n, 1))


@alternative("one-hot targets")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    targets = labels[:, 1:, None]
    hot = ((torch.arange(logits.shape[-1]) == targets) & (targets != ignore_index)).to(logits.dtype)
    nll = -(hot * logits[:, :-1].log_softmax(-1)).sum()
    return nll / max(float(hot.sum()), 1.0) if num_items is None else nll / num_items


@alternative("the mean, scaled by the share of this batch")
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    keep = labels[:, 1:] != ignore_index
    n = int(keep.sum())
    if n == 0:
        return logits.sum() * 0.0
    mean = F.cross_entropy(logits[:, :-1][keep], labels[:, 1:][keep])
    return mean if num_items is None else mean * (n / num_items)


@alternative("torch for the units, in float64")
def perplexity(nll_sum, n_tokens):
    return torch.tensor(nll_sum / n_tokens, dtype=torch.float64).exp().item()


@alternative("torch for the units, in float64")
def bits_per_byte(nll_sum, n_bytes):
    return (nll_sum / n_bytes) * math.log2(math.e)


@alternative("a power of e, and a test before it")
def perplexity(nll_sum, n_tokens):
    nats = nll_sum / n_tokens
    return math.e**nats if nats < 709.7 else float("inf")
