"""Right ways to write align/reward_model, done differently."""

import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("every place is scored, then one is picked by argmax of places times mask, as Hugging Face does")
def last_token_reward(h, mask, w, b=0.0):
    kept = (mask != 0).to(torch.int64)
    if (kept.sum(1) == 0).any():
        raise ValueError("no token")
    scores = h @ w + b
    last = (torch.arange(h.shape[1]) * kept).argmax(-1)
    return scores[torch.arange(len(h)), last]


@alternative("gather, after the mask was turned round")
def last_token_reward(h, mask, w, b=0.0):
    if not bool((mask.sum(dim=1) > 0).all()):
        raise ValueError("no token")
    last = mask.shape[1] - 1 - mask.flip(1).long().argmax(1)
    picked = h.gather(1, last[:, None, None].expand(-1, 1, h.shape[2]))[:, 0]
    return (picked * w).sum(1) + b


@alternative("row by row")
def last_token_reward(h, mask, w, b=0.0):
    rewards = []
    for row, kept in zip(h, mask, strict=True):
        places = [t for t, each in enumerate(kept.tolist()) if each]
        if not places:
            raise ValueError("no token")
        rewards.append(torch.dot(row[places[-1]], w) + b)
    return torch.stack(rewards)


@alternative("one-hot weights of the places, and einsum")
def last_token_reward(h, mask, w, b=0.0):
    mask = mask.long()
    if int(mask.amax(1).amin()) == 0:
        raise ValueError("no token")
    behind = mask.flip(1).cumsum(1).flip(1)  # how many tokens stand here and behind
    weights = (mask * (behind == 1)).to(h.dtype)
    return torch.einsum("btc,bt,c->b", h, weights, w) + b


@alternative("softplus")
def bt_loss(rc, rr, margin=0.0, center_coef=0.0):
    if rc.size() != rr.size():
        raise ValueError("shapes")
    return F.softplus(rr + margin - rc) + center_coef * torch.square(rc + rr)


@alternative("cross-entropy of two classes: the chosen answer is number 0")
def bt_loss(rc, rr, margin=0.0, center_coef=0.0):
    if rc.shape != rr.shape:
        raise ValueError("shapes")
    logits = torch.stack([rc - margin, rr], 1)
    loss = F.cross_entropy(logits, torch.zeros(len(rc), dtype=torch.long), reduction="none")
    return loss if center_coef == 0 else loss + center_coef * (rc * rc + 2 * rc * rr + rr * rr)


@alternative("a loop in Python")
def pair_accuracy(rc, rr):
    if rc.shape != rr.shape:
        raise ValueError("shapes")
    won = [c > r for c, r in zip(rc.tolist(), rr.tolist(), strict=True)]
    return sum(won) / len(won)


@alternative("backward, and .grad put to zero by hand")
def train_rm(chosen, rejected, steps, lr=0.5, margin=0.0, center_coef=0.0):
    head = RewardHead(chosen[0].size(-1), chosen[0].dtype)
    losses = []
    while len(losses) < steps:
        head.zero_grad()
        loss = bt_loss(head(*chosen), head(*rejected), margin=margin, center_coef=center_coef).mean()
        loss.backward()
        for parameter in head.parameters():
            parameter.data.add_(parameter.grad, alpha=-lr)
        losses.append(float(loss.detach()))
    return head, losses


@alternative("the last hidden states are taken out once, and the gradient is written down by hand")
def train_rm(chosen, rejected, steps, lr=0.5, margin=0.0, center_coef=0.0):
    def at_the_end(h, mask):
        last = (torch.arange(mask.shape[1]) * mask).amax(1)
        return h[torch.arange(len(h)), last]

    c, r = at_the_end(*chosen), at_the_end(*rejected)
    head = RewardHead(c.shape[1], c.dtype)
    losses = []
    with torch.no_grad():
        for _ in range(steps):
            rc, rr = c @ head.w + head.b, r @ head.w + head.b
            losses.append(bt_loss(rc, rr, margin, center_coef).mean().item())
            pull = -torch.sigmoid(-(rc - rr - margin)) / len(c)
            hold = 2 * center_coef * (rc + rr) / len(c)
            head.w -= lr * (pull @ (c - r) + hold @ (c + r))
            head.b -= lr * 2 * hold.sum()
    return head, losses


@alternative("F.linear with w and b as one row of weights and one bias")
class RewardHead(torch.nn.Module):
    def __init__(self, dim, dtype=torch.float32):
        super().__init__()
        self.register_parameter("w", torch.nn.Parameter(torch.zeros(dim, dtype=dtype)))
        self.register_parameter("b", torch.nn.Parameter(torch.zeros([], dtype=dtype)))

    def forward(self, h, mask):
        last = (torch.arange(mask.shape[1]) * mask).amax(1)
        return F.linear(h[torch.arange(len(h)), last], self.w[None], self.b[None])[:, 0]
