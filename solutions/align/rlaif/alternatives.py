"""Right ways to write align/rlaif, done differently."""

import math

import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("softmax over a stack")
def preference_from_logprobs(lp1, lp2):
    return torch.stack([lp1, lp2], -1).softmax(-1)[..., 0]


@alternative("the larger one is taken out first")
def preference_from_logprobs(lp1, lp2):
    top = torch.maximum(lp1, lp2)
    one, two = torch.exp(lp1 - top), torch.exp(lp2 - top)
    return one / (one + two)


@alternative("a half, and half of the difference")
def debias(p_ab, p_ba):
    return 0.5 + 0.5 * (p_ab - p_ba)


@alternative("mean of a stack")
def debias(p_ab, p_ba):
    return torch.stack([p_ab, torch.ones_like(p_ba) - p_ba]).mean(0)


@alternative("signs of the distances from 1/2")
def position_bias_rate(p_ab, p_ba):
    return (torch.sign(p_ab - 0.5) * torch.sign(p_ba - 0.5) > 0).sum().item() / p_ab.numel()


@alternative("a loop in Python")
def position_bias_rate(p_ab, p_ba):
    biased = 0
    for x, y in zip(p_ab.tolist(), p_ba.tolist(), strict=True):
        biased += (x > 0.5 and y > 0.5) or (x < 0.5 and y < 0.5)
    return biased / len(p_ab)


@alternative("partition, a helper for one order, and math")
def ask_judge(judge, template, a, b, think=None, samples=1):
    if template.count("{1}") != 1 or template.count("{2}") != 1 or template.index("{1}") > template.index("{2}"):
        raise ValueError("template")
    if samples < 1 or (not think and samples > 1):
        raise ValueError("samples")
    head, _, rest = template.partition("{1}")
    middle, _, tail = rest.partition("{2}")

    def one(first, second):
        filled = f"{head}{first}{middle}{second}{tail}"
        total = 0.0
        for _ in range(samples):
            seen = judge(filled + (think(filled) if think is not None else "") + "\nPreferred answer: ")
            x, y = seen.get("1", -math.inf), seen.get("2", -math.inf)
            top = max(x, y)
            if top == -math.inf:
                raise ValueError("no verdict")
            total += math.exp(x - top) / (math.exp(x - top) + math.exp(y - top))
        return total / samples

    return one(a, b), one(b, a)


@alternative("all rationales first, then all verdicts")
def ask_judge(judge, template, a, b, think=None, samples=1):
    parts = template.replace("{2}", "{1}").split("{1}")
    if len(parts) != 3 or template != "{1}".join(parts[:2]) + "{2}" + parts[2]:
        raise ValueError("template")
    if not samples >= 1 or (samples != 1 and think is None):
        raise ValueError("samples")
    texts = [parts[0] + x + parts[1] + y + parts[2] for x, y in ((a, b), (b, a)) for _ in range(samples)]
    texts = [text + think(text) for text in texts] if think is not None else texts
    verdicts = [judge(text + ENDING) for text in texts]
    lp = torch.tensor([[v.get("1", -math.inf), v.get("2", -math.inf)] for v in verdicts], dtype=torch.float64)
    if (lp.amax(1) == -math.inf).any():
        raise ValueError("no verdict")
    p_ab, p_ba = lp.softmax(1)[:, 0].view(2, samples).mean(1).tolist()
    return p_ab, p_ba


@alternative("binary cross-entropy with logits")
def soft_label_rm_loss(r1, r2, p):
    if bool(p.isnan().any()) or p.min().item() < 0 or p.max().item() > 1:
        raise ValueError("p")
    return F.binary_cross_entropy_with_logits(r1 - r2, p.detach(), reduction="none")


@alternative("softplus, and the part of the label that is a straight line")
def soft_label_rm_loss(r1, r2, p):
    inside = torch.logical_and(p >= 0, p <= 1)
    if not bool(inside.all()):
        raise ValueError("p")
    with torch.no_grad():
        other = 1 - p
    return F.softplus(r2 - r1) + other * (r1 - r2)


@alternative("cross-entropy of two classes with probabilities as targets")
def soft_label_rm_loss(r1, r2, p):
    p = p.clone().detach()
    if any(not 0 <= each <= 1 for each in p.tolist()):
        raise ValueError("p")
    return F.cross_entropy(torch.stack([r1, r2], 1), torch.stack([p, 1 - p], 1), reduction="none")


@alternative("scaled grades, and a matrix product")
def direct_score(lp):
    return lp.softmax(-1) @ torch.linspace(-1, 1, 10, dtype=lp.dtype)


@alternative("logsumexp, and einsum")
def direct_score(lp):
    weights = torch.exp(lp - lp.logsumexp(-1, keepdim=True))
    return 2 * (torch.einsum("...g,g->...", weights, torch.arange(10.0).to(lp)) / 9) - 1
