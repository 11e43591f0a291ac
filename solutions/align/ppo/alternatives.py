"""Right ways to write align/ppo, done differently."""

import torch

from autograder.checks import alternative


@alternative("exp and 1 - exp as they stand")
def kl_estimators(logr):
    k1 = 0.0 - logr
    return k1, 0.5 * logr.square(), (logr.exp() - 1.0) + k1


@alternative("row by row, with indices")
def kl_rewards(score, logp, ref_logp, mask, beta):
    with torch.no_grad():
        found = torch.zeros_like(logp)
        for row in range(len(logp)):
            places = mask[row].nonzero()[:, 0]
            if len(places):
                found[row, places] = beta * (ref_logp[row, places] - logp[row, places])
                found[row, places[-1]] += score[row]
        return found


@alternative("the last token by argmax of a running count, scatter")
def kl_rewards(score, logp, ref_logp, mask, beta):
    found = ((ref_logp - logp) * beta).masked_fill(~mask, 0.0).detach()
    last = mask.cumsum(1).argmax(1, keepdim=True)
    return found.scatter_add(1, last, score.masked_fill(~mask.any(1), 0.0).detach()[:, None].to(found.dtype))


@alternative("the definition: sums of (γλ)^k δ")
def gae(rewards, values, mask, gamma, lam):
    r, v = rewards.detach().masked_fill(~mask, 0), values.detach().masked_fill(~mask, 0)
    following = torch.cat([v[:, 1:], torch.zeros_like(v[:, :1])], 1)
    delta = (r + gamma * following - v).masked_fill(~mask, 0)
    advantages = torch.stack([sum(((gamma * lam) ** k * delta[:, t + k] for k in range(delta.shape[1] - t)), 0 * delta[:, t]) for t in range(delta.shape[1])], 1)
    advantages = advantages.masked_fill(~mask, 0)
    return advantages, advantages + v


@alternative("a matrix of (γλ)^(s - t)")
def gae(rewards, values, mask, gamma, lam):
    with torch.no_grad():
        r, v = torch.where(mask, rewards, 0), torch.where(mask, values, 0)
        delta = torch.where(mask, r - v, 0)
        delta[:, :-1] += gamma * torch.where(mask[:, :-1], v[:, 1:], 0)
        T = r.shape[1]
        distance = torch.arange(T)[None, :] - torch.arange(T)[:, None]
        weights = torch.where(distance >= 0, torch.full((), gamma * lam, dtype=torch.float64) ** distance.clamp(min=0), 0.0).to(r.dtype)
        advantages = torch.where(mask, delta @ weights.T, 0)
        return advantages, torch.where(mask, advantages + v, 0)


@alternative("λ-returns first, in Python's floats")
def gae(rewards, values, mask, gamma, lam):
    advantages, returns = torch.zeros_like(rewards), torch.zeros_like(rewards)
    for row, there in enumerate(mask.tolist()):
        r, v = rewards[row].tolist(), values[row].tolist()
        target = follows = 0.0
        for t in reversed(range(len(there))):
            if there[t]:
                target = r[t] + gamma * ((1 - lam) * follows + lam * target)
                follows = v[t]
                returns[row, t], advantages[row, t] = target, target - v[t]
    return advantages.detach(), returns.detach()


@alternative("torch.var of the chosen tokens")
def masked_whiten(x, mask, shift_mean=True):
    found = torch.zeros_like(x)
    if mask.any():
        chosen = x[mask]
        variance = chosen.var() if chosen.numel() > 1 else torch.zeros_like(chosen[0])
        whitened = (chosen - chosen.mean()) * torch.rsqrt(variance + 1e-8)
        found[mask] = whitened if shift_mean else whitened + chosen.mean()
    return found


@alternative("the larger of two losses, over the chosen tokens only")
def ppo_loss(logp, old, adv, mask, clip=0.2):
    difference, a = logp[mask] - old.detach()[mask], adv.detach()[mask]
    n = max(int(mask.sum()), 1)
    ratio = difference.exp()
    first, second = -a * ratio, -a * torch.clamp(ratio, min=1 - clip, max=1 + clip)
    with torch.no_grad():
        approx = ((ratio - 1) - difference).sum().item() / n
    return torch.max(first, second).sum() / n, {"clip_fraction": int((second > first).sum()) / n, "approx_kl": approx}


@alternative("by the sign of the advantage")
def ppo_loss(logp, old, adv, mask, clip=0.2):
    n = mask.sum().clamp(min=1)
    log_ratio = (logp - old.detach()).masked_fill(~mask, 0.0)
    a = adv.detach().masked_fill(~mask, 0.0)
    ratio = log_ratio.exp()
    bound = torch.where(a >= 0, ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip))
    cut = ((a > 0) & (ratio > 1 + clip)) | ((a < 0) & (ratio < 1 - clip))
    k3 = (log_ratio.detach().exp() - 1 - log_ratio.detach()).sum() / n
    return -(bound * a).sum() / n, {"clip_fraction": float(cut.sum()) / float(n), "approx_kl": float(k3)}


@alternative("v_old plus a clamped difference")
def value_loss(v, v_old, ret, mask, clip=0.2):
    v, v_old, ret = v[mask], v_old.detach()[mask], ret.detach()[mask]
    near = v_old + (v - v_old).clamp(-clip, clip)
    return 0.5 * torch.max((v - ret).square(), (near - ret).square()).sum() / max(len(v), 1)


@alternative("detached old values, gradients by autograd.grad")
def ppo_update(
    policy, critic, optimizer, score, ref_logp, mask, beta=0.05, gamma=1.0, lam=0.95, clip=0.2, value_clip=0.2, value_weight=0.1, epochs=4
):
    old, v_old = policy().detach().clone(), critic().detach().clone()
    rewards = kl_rewards(score, old, ref_logp, mask, beta)
    advantages, returns = gae(rewards, v_old, mask, gamma, lam)
    advantages = masked_whiten(advantages, mask)
    found = []
    for _ in range(epochs):
        now, values = policy(), critic()
        optimizer.zero_grad(set_to_none=False)
        loss, seen = ppo_loss(now, old, advantages, mask, clip=clip)
        errors = value_loss(values, v_old, returns, mask, clip=value_clip)
        loss.backward()
        (value_weight * errors).backward()
        optimizer.step()
        found.append(dict(policy_loss=loss.item(), value_loss=errors.item(), clip_fraction=seen["clip_fraction"], approx_kl=seen["approx_kl"]))
    return found
