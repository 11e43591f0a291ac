"""Right ways to write align/rso, done differently."""

import math

import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("torch.logit")
def pairwise_rewards(wins):
    return torch.logit(wins)


@alternative("the logarithm of the odds")
def pairwise_rewards(wins):
    return torch.log(wins / (1 - wins))


@alternative("a loop in Python's floats")
def acceptance_rate(rewards, beta):
    each = rewards.tolist()
    best = max(each)
    return math.fsum(math.exp((r - best) / beta) for r in each) / len(each)


@alternative("the paper's dict, by place, and what is accepted is taken out at the end of the sweep")
def rejection_sample(rewards, n, beta, uniforms):
    if n < 0 or n > rewards.numel() or not beta > 0:
        raise ValueError("n or beta")
    left = dict(enumerate(rewards.tolist()))
    source = iter(uniforms)
    accepted = []
    while len(accepted) < n:
        best, gone = max(left.values()), []
        for place, reward in left.items():
            try:
                u = next(source)
            except StopIteration:
                raise ValueError("no more numbers") from None
            if u >= math.exp((reward - best) / beta):
                continue
            gone.append(place)
            accepted.append(place)
            if len(accepted) == n:
                break
        for place in gone:
            del left[place]
    return accepted


@alternative("one loop over a queue that goes round, with logarithms")
def rejection_sample(rewards, n, beta, uniforms):
    if n not in range(len(rewards) + 1) or not beta > 0:
        raise ValueError("n or beta")
    reward, free, accepted = rewards.double().tolist(), [True] * len(rewards), []

    def looks():
        while True:
            top = max(r for r, f in zip(reward, free, strict=True) if f)
            for place in [p for p, f in enumerate(free) if f]:
                yield place, top

    if n == 0:
        return accepted
    looked = looks()
    for u in uniforms:
        place, top = next(looked)
        if u == 0 or math.log(u) < (reward[place] - top) / beta:
            free[place] = False
            accepted.append(place)
            if len(accepted) == n:
                return accepted
    raise ValueError("the numbers end")


@alternative("recursion over rounds")
def rso_pairs(ids, rm, kind="first-round"):
    if kind not in {"first-round", "tournament"}:
        raise ValueError(kind)
    if len(ids) < 2:
        return []
    pairs, further = [], []
    for i in range(0, len(ids) - 1, 2):
        a, b = ids[i : i + 2]
        better, worse = (b, a) if rm(a, b) < 0.5 else (a, b)
        pairs.append((better, worse))
        further.append(better)
    if len(ids) % 2:
        further.append(ids[-1])
    return pairs if kind == "first-round" else pairs + rso_pairs(further, rm, kind)


@alternative("batched pairs")
def rso_pairs(ids, rm, kind="first-round"):
    rounds = {"first-round": 1, "tournament": len(ids)}
    if kind not in rounds:
        raise ValueError(kind)
    pairs, players = [], ids
    for _ in range(rounds[kind]):
        winners = []
        for game in [players[i : i + 2] for i in range(0, len(players), 2)]:
            if len(game) == 2:
                won = 0 if rm(*game) >= 0.5 else 1
                pairs.append((game[won], game[1 - won]))
                winners.append(game[won])
            else:
                winners.append(game[0])
        players = winners
    return pairs


@alternative("the margin of DPO, softplus and clamp")
def rso_loss(pc, pr, rc, rr, gamma=0.05, kind="sigmoid-norm"):
    with torch.no_grad():
        reference = {"sigmoid-norm": rc - rr, "hinge-norm": rc - rr, "hinge": torch.zeros_like(rc)}.get(kind)
    if reference is None:
        raise ValueError(kind)
    logit = gamma * (pc - pr - reference)
    return F.softplus(-logit) if kind.startswith("sigmoid") else torch.clamp(1 - logit, min=0.0)


@alternative("torch's margin ranking loss and binary cross entropy")
def rso_loss(pc, pr, rc, rr, gamma=0.05, kind="sigmoid-norm"):
    one = torch.ones_like(pc)
    if kind == "sigmoid-norm":
        return F.binary_cross_entropy_with_logits(gamma * (pc - rc.detach() - pr + rr.detach()), one, reduction="none")
    if kind == "hinge-norm":
        return F.margin_ranking_loss(gamma * (pc - rc.detach()), gamma * (pr - rr.detach()), one, margin=1.0, reduction="none")
    if kind == "hinge":
        return F.margin_ranking_loss(gamma * pc, gamma * pr, one, margin=1.0, reduction="none")
    raise ValueError(kind)
