"""Right ways to write align/orpo, done differently."""

import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("two branches, each with numbers that do it no harm")
def log1mexp(x):
    near = x > -0.6931471805599453
    a = torch.where(near, x, torch.full_like(x, -0.5))
    b = torch.where(near, torch.full_like(x, -1.0), x)
    return torch.where(near, (-a.expm1()).log(), torch.log1p(-b.exp()))


@alternative("by exp(-x) - 1, where exp(-x) is not too large; -exp(x) elsewhere")
def log1mexp(x):
    return x + torch.log(torch.expm1(-x.clamp(min=-30.0))) if bool((x > -30).all()) else torch.where(x > -30, torch.log(-torch.expm1(x)), -x.exp())


@alternative("in float64 inside, with a slope that is written down")
def log1mexp(x):
    class Log1mexp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.log(-torch.expm1(x.double())).to(x.dtype)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return (grad.double() / torch.expm1(x.double()) * x.double().exp()).to(grad.dtype)

    return Log1mexp.apply(x)


@alternative("the difference of two log odds")
def log_odds(lp_c, lp_r):
    one, other = (each - torch.log(-torch.special.expm1(each)) for each in (lp_c, lp_r))
    return one - other


@alternative("log odds as minus log(exp(-lp) - 1), where exp(-lp) is not too large")
def log_odds(lp_c, lp_r):
    def odds(lp):
        small = lp.clamp(min=-30.0)
        return torch.where(lp > -30, -torch.log(torch.expm1(-small)), lp)

    return odds(lp_c) - odds(lp_r)


@alternative("softplus")
def orpo_loss(nll, lp_c, lp_r, lam=0.1):
    gap = lp_c - lp_r + log1mexp(lp_r) - log1mexp(lp_c)
    return nll + lam * F.softplus(-gap)


@alternative("binary cross-entropy with logits, all labels 1")
def orpo_loss(nll, lp_c, lp_r, lam=0.1):
    gap = log_odds(lp_c, lp_r)
    return torch.add(nll, F.binary_cross_entropy_with_logits(gap, torch.ones_like(gap), reduction="none"), alpha=lam)


@alternative("autograd, after all")
def odds_ratio_slopes(lp_c, lp_r):
    with torch.enable_grad():
        c, r = lp_c.detach().clone().requires_grad_(), lp_r.detach().clone().requires_grad_()
        loss = F.softplus(-log_odds(c, r)).sum()
        return torch.autograd.grad(loss, (c, r))


@alternative("by exponentials of logarithms: log δ minus log(1 - P)")
def odds_ratio_slopes(lp_c, lp_r):
    with torch.no_grad():
        weight = F.logsigmoid(-log_odds(lp_c, lp_r))
        return -(weight - log1mexp(lp_c)).exp(), (weight - log1mexp(lp_r)).exp()


@alternative("pair by pair, with cross_entropy")
def orpo_from_logits(logits, labels, lam=0.1):
    b, odd = divmod(len(logits), 2)
    if odd or bool(((labels[:, 1:] >= 0).sum(1) == 0).any()):
        raise ValueError("pairs")
    losses = []
    for i in range(b):
        chosen, rejected = (F.cross_entropy(logits[row, :-1], labels[row, 1:], ignore_index=-100) for row in (i, b + i))
        losses.append(orpo_loss(chosen[None], -chosen[None], -rejected[None], lam))
    return torch.cat(losses).mean()


@alternative("the rows as (2, B)")
def orpo_from_logits(logits, labels, lam=0.1):
    if labels.shape[0] % 2 == 1:
        raise ValueError("odd")
    marks = (labels[:, 1:] != -100).to(logits.dtype)
    if (marks.sum(-1) < 1).any():
        raise ValueError("empty")
    picked = logits[:, :-1].gather(2, (labels[:, 1:] * marks.long())[..., None]).squeeze(2) - logits[:, :-1].logsumexp(2)
    means = torch.einsum("bt,bt->b", picked, marks).div(marks.sum(-1)).view(2, -1)
    return orpo_loss(-means[0], means[0], means[1], lam).sum() / means.shape[1]


@alternative("halving in float64, from a wide interval")
def odds_policy(reward):
    r = reward.double()
    low, high = torch.full_like(r[..., :1], -400.0), torch.full_like(r[..., :1], 400.0)
    for _ in range(200):
        middle = 0.5 * low + 0.5 * high
        small = r.add(middle).sigmoid().sum(-1, keepdim=True) <= 1
        low = torch.where(small, middle, low)
        high = torch.where(small, high, middle)
    return r.add(low).sigmoid().to(reward.dtype)
