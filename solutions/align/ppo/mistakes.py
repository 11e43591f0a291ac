"""Wrong ways to write align/ppo, each with the sentence that a student should read."""

from autograder.checks import mistake

K = "-logr, logr**2 / 2, torch.expm1(logr) - logr"
TOKEN = "torch.where(mask, -beta * (logp - ref_logp), 0.0)"
LAST = "torch.where(mask & ~after, score[:, None], 0.0)"
DELTA = "delta = rewards[:, t] + gamma * next_value - values[:, t]"
RUNNING = "running = torch.where(mask[:, t], delta + gamma * lam * running, 0.0)"
RETURNED = "return advantages, advantages + values"
CLEAN = "rewards, values = (torch.where(mask, each.detach(), 0.0) for each in (rewards, values))"
MEAN = "mean = torch.where(mask, x, 0.0).sum() / n.clamp(min=1)"
VARIANCE = "variance = (centred**2).sum() / (n - 1).clamp(min=1)"
WHITENED = "whitened = centred / (variance + 1e-8).sqrt()"
SHIFT = "return whitened if shift_mean else torch.where(mask, whitened + mean, 0.0)"
RATIO = "log_ratio = torch.where(mask, logp - old.detach(), 0.0)"
ADV = "adv = torch.where(mask, adv.detach(), 0.0)"
LOSS = "-torch.minimum(free, clipped).sum() / tokens"
CUT = "(clipped < free).sum() / tokens"
NEAR = "torch.minimum(torch.maximum(v, v_old - clip), v_old + clip)"
VALUE = "torch.maximum((v - ret) ** 2, (near - ret) ** 2).sum() / 2 / mask.sum().clamp(min=1)"
ONCE = """    with torch.no_grad():
        old, v_old = policy(), critic()
"""
WHITE = "advantages = masked_whiten(advantages, mask)\n"
ZERO = "        optimizer.zero_grad()\n"

# --- divergences --------------------------------------------------------------------------------------------------------------

mistake("The sign of k1 is wrong: it is -log r.", edit={K: "logr, logr**2 / 2, torch.expm1(logr) - logr"})
mistake("k2 lacks the half.", edit={K: "-logr, logr**2, torch.expm1(logr) - logr"})
mistake("k3 is (r - 1) - log r. You took it of 1/r.", edit={K: "-logr, logr**2 / 2, torch.expm1(-logr) + logr"})
mistake("k3 adds log r. It is taken off.", edit={K: "-logr, logr**2 / 2, torch.expm1(logr) + logr"})
mistake("k3 lacks the -1, so that it is not 0 where both agree.", edit={K: "-logr, logr**2 / 2, torch.exp(logr) - logr"})
mistake("You return means. There is one value for each sample.", edit={K: "-logr.mean(), (logr**2 / 2).mean(), (torch.expm1(logr) - logr).mean()"})
mistake("The estimates are detached. They are differentiable.", edit={K: "-logr, (logr**2 / 2).detach(), (torch.expm1(logr) - logr).detach()"})

# --- the rewards of tokens ----------------------------------------------------------------------------------------------------

mistake("The divergence is a reward here. It costs: -β (log π - log π_ref).", edit={TOKEN: "torch.where(mask, beta * (logp - ref_logp), 0.0)"})
mistake("β is missing.", edit={TOKEN: "torch.where(mask, -(logp - ref_logp), 0.0)"})
mistake("The whole divergence is taken off at the last token. Each token pays its own part.", edit={TOKEN: "torch.where(mask & ~torch.nn.functional.pad(mask[:, 1:], (0, 1)), -beta * torch.where(mask, logp - ref_logp, 0.0).sum(1, keepdim=True), 0.0)"})
mistake("Each token gets the score. Only the last token of the answer does.", edit={LAST: "torch.where(mask, score[:, None], 0.0)"})
mistake("The score stands in the last column, which may be padding. It belongs to the last token of the answer.", edit={"after = torch.nn.functional.pad(mask[:, 1:], (0, 1))": "after = torch.arange(mask.shape[1]) < mask.shape[1] - 1"})
mistake("The number of tokens is taken for the place of the last one. With padding on the left it is another place.", edit={LAST: "torch.where(mask.any(1, keepdim=True) & (torch.arange(mask.shape[1]) == mask.sum(1, keepdim=True) - 1), score[:, None], 0.0)"})
mistake("The score stands at the first token. It belongs to the last one.", edit={"torch.nn.functional.pad(mask[:, 1:], (0, 1))": "torch.nn.functional.pad(mask[:, :-1], (1, 0))"})
mistake("The score replaces what the last token costs. It is added.", edit={"(rewards + " + LAST + ")": "torch.where(mask & ~after, score[:, None], rewards)"})
mistake("You multiply by the mask. In padding nan times 0 is nan: put 0 there with torch.where.", edit={TOKEN: "-beta * (logp - ref_logp) * mask"})
mistake("k3 is used for each token. Here it is the difference of the two logarithms.", edit={TOKEN: "torch.where(mask, -beta * (torch.expm1(ref_logp - logp) - (ref_logp - logp)), 0.0)"})
mistake("A gradient flows through the rewards. Detach them.", edit={"torch.where(mask & ~after, score[:, None], 0.0)).detach()": "torch.where(mask & ~after, score[:, None], 0.0))"})
mistake("A row without a token keeps its score at the last place. It is lost.", edit={"mask & ~after, score": "(mask | ~mask.any(1, keepdim=True)) & ~after & (mask | (torch.arange(mask.shape[1]) == mask.shape[1] - 1)), score"})

# --- advantages ---------------------------------------------------------------------------------------------------------------

mistake("What the value model says in padding is the value behind the last token. Nothing follows there: it is 0.", edit={CLEAN: "rewards, values = torch.where(mask, rewards.detach(), 0.0), values.detach().nan_to_num(0.0)", RETURNED: "return advantages, torch.where(mask, advantages + values, 0.0)"})
mistake("λ is missing: that is λ = 1.", edit={"delta + gamma * lam * running": "delta + gamma * running"})
mistake("γ is missing in the sum: the factor is γ λ.", edit={"delta + gamma * lam * running": "delta + lam * running"})
mistake("γ is missing before the next value.", edit={DELTA: "delta = rewards[:, t] + next_value - values[:, t]"})
mistake("λ stands before the next value. Only γ does.", edit={DELTA: "delta = rewards[:, t] + gamma * lam * next_value - values[:, t]"})
mistake("The value of the token itself is not taken off.", edit={DELTA: "delta = rewards[:, t] + gamma * next_value"})
mistake("You go from the first token to the last one. Begin at the end.", edit={"range(rewards.shape[1] - 1, -1, -1)": "range(rewards.shape[1])"})
mistake("The first token is left out: the loop ends too early.", edit={"range(rewards.shape[1] - 1, -1, -1)": "range(rewards.shape[1] - 1, 0, -1)"})
mistake("The next value is the one of this token. It is the one of the token behind it.", edit={"next_value = running, values[:, t]": "next_value = running, values[:, t - 1]"})
mistake("These are one-step advantages. Add up what comes later, too.", edit={RUNNING: "running = torch.where(mask[:, t], delta, 0.0)"})
mistake("Advantages stand in padding, too. They are 0 there.", edit={RUNNING: "running = delta + gamma * lam * running"})
mistake("The returns are the advantages. The values are added.", edit={RETURNED: "return advantages, advantages.clone()"})
mistake("The returns are rewards plus values. They are advantages plus values.", edit={RETURNED: "return advantages, rewards + values"})
mistake("The returns are the sums of the rewards, without λ.", edit={RETURNED: "return advantages, torch.where(mask, torch.stack([sum(gamma**k * rewards[:, t + k] for k in range(rewards.shape[1] - t)) for t in range(rewards.shape[1])], 1), 0.0)"})
mistake("The advantages are whitened already. That is the task of another function.", edit={RETURNED: "return masked_whiten(advantages, mask), advantages + values"})
mistake("A gradient flows through the values. Detach them.", edit={"torch.where(mask, each.detach(), 0.0) for each": "torch.where(mask, each, 0.0) for each"})
mistake("You multiply by the mask. In padding nan times 0 is nan.", edit={CLEAN: "rewards, values = rewards.detach() * mask, values.detach() * mask"})

# --- whitening ----------------------------------------------------------------------------------------------------------------

mistake("Padding counts in the mean and the variance.", edit={MEAN: "n, mean = torch.tensor(x.numel()), torch.where(mask, x, 0.0).mean()"})
mistake("Each row has its own mean. All tokens of the batch have one.", edit={MEAN: "mean = torch.where(mask, x, 0.0).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)"})
mistake("Each row has its own variance. All tokens of the batch have one.", edit={VARIANCE: "variance = (centred**2).sum(1, keepdim=True) / (mask.sum(1, keepdim=True) - 1).clamp(min=1)"})
mistake("You divide by N. Here the variance has N - 1, as in trl and verl.", edit={VARIANCE: "variance = (centred**2).sum() / n.clamp(min=1)"})
mistake("One token divides 0 by 0. Its variance is 0.", edit={VARIANCE: "variance = (centred**2).sum() / (n - 1)"})
mistake("You divide by the variance. Divide by its root.", edit={WHITENED: "whitened = centred / (variance + 1e-8)"})
mistake("1e-8 is added to the root. It is added to the variance.", edit={WHITENED: "whitened = centred / (variance.sqrt() + 1e-8)"})
mistake("1e-8 is missing: equal numbers give 0 / 0.", edit={WHITENED: "whitened = centred / variance.sqrt()"})
mistake("shift_mean is ignored.", edit={SHIFT: "return whitened"})
mistake("With shift_mean=False the numbers are only divided. The mean is taken off, and added again after the division.", edit={SHIFT: "return whitened if shift_mean else torch.where(mask, x / (variance + 1e-8).sqrt(), 0.0)"})
mistake("The mean is added in padding, too. Padding is 0.", edit={SHIFT: "return whitened if shift_mean else whitened + mean"})

# --- the two losses -----------------------------------------------------------------------------------------------------------

mistake("The maximum is taken where the minimum belongs: the clip then holds nothing back.", edit={LOSS: "-torch.maximum(free, clipped).sum() / tokens"})
mistake("The sign is wrong: this loss makes good answers less probable.", edit={LOSS: "torch.minimum(free, clipped).sum() / tokens"})
mistake("Only the clipped product is used. Take the smaller one of both.", edit={LOSS: "-clipped.sum() / tokens"})
mistake("Nothing is clipped.", edit={LOSS: "-free.sum() / tokens"})
mistake("The difference of the logarithms is no ratio: take exp.", edit={"ratio = log_ratio.exp()": "ratio = log_ratio"})
mistake("The ratio is upside down: the new policy stands above.", edit={"ratio = log_ratio.exp()": "ratio = (-log_ratio).exp()"})
mistake("The ratio is clipped from 1/(1 + clip) to 1 + clip. The lower bound is 1 - clip.", edit={"ratio.clamp(1 - clip, 1 + clip) * adv": "ratio.clamp(1 / (1 + clip), 1 + clip) * adv"})
mistake("The difference of the logarithms is clipped. Clip the ratio.", edit={"ratio.clamp(1 - clip, 1 + clip) * adv": "log_ratio.clamp(-clip, clip).exp() * adv"})
mistake("Only the upper bound is there. A ratio below 1 - clip is clipped, too.", edit={"ratio.clamp(1 - clip, 1 + clip) * adv": "ratio.clamp(max=1 + clip) * adv"})
mistake("Each answer has its own mean, so that tokens of short answers weigh more. All tokens weigh the same.", edit={LOSS: "-(torch.minimum(free, clipped).sum(1) / mask.sum(1).clamp(min=1)).sum() / mask.any(1).sum().clamp(min=1)"})
mistake("You divide by all places, padding included.", edit={LOSS: "-torch.minimum(free, clipped).mean()"})
mistake("The losses of the tokens are added up. Take their mean.", edit={LOSS: "-torch.minimum(free, clipped).sum()"})
mistake("A batch without a token divides 0 by 0. The loss is 0 then.", edit={"tokens = mask.sum().clamp(min=1)": "tokens = mask.sum()"})
mistake("A gradient reaches the advantages. Detach them.", edit={"torch.where(mask, adv.detach(), 0.0)": "torch.where(mask, adv, 0.0)"})
mistake("A gradient reaches the old policy. Detach it.", edit={RATIO: "log_ratio = torch.where(mask, logp - old, 0.0)"})
mistake("You multiply by the mask at the end. In padding nan times 0 is nan.", edit={RATIO: "log_ratio = logp - old.detach()", LOSS: "-(torch.minimum(free, clipped) * mask).sum() / tokens"})
mistake("All ratios beyond the clip are counted. Only those count whose gradient is cut off.", edit={CUT: "(mask & ((ratio - 1).abs() > clip)).sum() / tokens"})
mistake("The share is of all places, padding included.", edit={CUT: "(clipped < free).double().mean()"})
mistake("approx_kl is the mean of k1, which may be negative. Take k3.", edit={"kl_estimators(log_ratio)[2]": "kl_estimators(log_ratio)[0]"})
mistake("approx_kl has the two policies exchanged: the tokens were drawn from the old one.", edit={"kl_estimators(log_ratio)[2]": "kl_estimators(-log_ratio)[2]"})
mistake("The statistics are tensors. They are Python floats.", edit={"(" + CUT + ").item()": CUT})
mistake("The clip is 0.2 always.", edit={"ratio.clamp(1 - clip, 1 + clip) * adv": "ratio.clamp(0.8, 1.2) * adv"})
mistake("The advantages are whitened in the loss. They are used as they are.", edit={ADV: "adv = masked_whiten(adv.detach(), mask)"})

mistake("The half is missing in the loss of the values.", edit={VALUE: VALUE.replace(" / 2 /", " /")})
mistake("The smaller one of the two errors is taken. Take the larger one.", edit={VALUE: VALUE.replace("torch.maximum(", "torch.minimum(")})
mistake("Only the clipped error is used. Take the larger one of both.", edit={VALUE: "((near - ret) ** 2).sum() / 2 / mask.sum().clamp(min=1)"})
mistake("The values are not clipped.", edit={VALUE: "((v - ret) ** 2).sum() / 2 / mask.sum().clamp(min=1)"})
mistake("The value is clamped around the return. It is clamped around the old value.", edit={NEAR: "torch.minimum(torch.maximum(v, ret - clip), ret + clip)"})
mistake("The value is clamped to ± clip. The old value is the middle.", edit={NEAR: "v.clamp(-clip, clip)"})
mistake("The old value is scaled by 1 ± clip. The clip is added.", edit={NEAR: "torch.minimum(torch.maximum(v, v_old - clip * v_old.abs()), v_old + clip * v_old.abs())"})
mistake("Padding counts in the mean of the value loss.", edit={VALUE: "torch.maximum((v - ret) ** 2, (near - ret) ** 2).mean() / 2"})
mistake("A gradient reaches the returns. Detach them.", edit={"(v, v_old.detach(), ret.detach())": "(v, v_old.detach(), ret)"})
mistake("A gradient reaches the old values. Detach them.", edit={"(v, v_old.detach(), ret.detach())": "(v, v_old, ret.detach())"})
mistake("Absolute distances are used. They are squared.", edit={VALUE: VALUE.replace("(v - ret) ** 2", "(v - ret).abs()").replace("(near - ret) ** 2", "(near - ret).abs()")})

# --- the update ---------------------------------------------------------------------------------------------------------------

mistake("The old log-probabilities are computed anew in each epoch, so that the ratio is always 1. They are those of the beginning.", edit={"loss, statistics = ppo_loss(policy(), old": "loss, statistics = ppo_loss(now := policy(), now.detach()"})
mistake("The ratio is taken to the reference. It is taken to the policy that wrote the answers.", edit={"ppo_loss(policy(), old, advantages": "ppo_loss(policy(), ref_logp, advantages"})
mistake("The divergence from the reference is forgotten: the policy itself is passed as the reference.", edit={"kl_rewards(score, old, ref_logp": "kl_rewards(score, old, old"})
mistake("The advantages are not whitened.", edit={"    " + WHITE: ""})
mistake("The returns are computed from whitened advantages.", edit={"    " + WHITE: "    advantages = masked_whiten(advantages, mask)\n    returns = advantages + torch.where(mask, v_old, 0.0)\n"})
mistake("Only the spread of the advantages is whitened. Their mean is taken off, too.", edit={WHITE: "advantages = masked_whiten(advantages, mask, shift_mean=False)\n"})
mistake("Gradients add up over the epochs. Call zero_grad before each step.", edit={ZERO: ""})
mistake("Gradients of before are cleared once only, and then add up.", edit={ZERO: "        optimizer.zero_grad() if not found else None\n"})
mistake("zero_grad stands behind the step, so that gradients that were there at the beginning count.", edit={ZERO: "", "        optimizer.step()\n": "        optimizer.step()\n        optimizer.zero_grad()\n"})
mistake("The value model is not trained.", edit={"(loss + value_weight * loss_of_values).backward()": "loss.backward()"})
mistake("value_weight is ignored.", edit={"(loss + value_weight * loss_of_values).backward()": "(loss + loss_of_values).backward()"})
mistake("The value loss is taken off. It is added.", edit={"(loss + value_weight * loss_of_values).backward()": "(loss - value_weight * loss_of_values).backward()"})
mistake("The step is missing.", edit={"        optimizer.step()\n": ""})
mistake("All epochs share one step at the end. Each epoch has its own.", edit={"        optimizer.step()\n": "        optimizer.step() if len(found) == epochs - 1 else None\n"})
mistake("One epoch too many is made.", edit={"for _ in range(epochs):": "for _ in range(epochs + 1):"})
mistake("The policy is asked once more after the last step. It is called epochs + 1 times.", edit={"    return found\n    # END": "    policy()\n    return found\n    # END"})
mistake("clip is ignored by the update.", edit={"ppo_loss(policy(), old, advantages, mask, clip)": "ppo_loss(policy(), old, advantages, mask)"})
mistake("value_clip is ignored by the update.", edit={"value_loss(critic(), v_old, returns, mask, value_clip)": "value_loss(critic(), v_old, returns, mask)"})
mistake("The value loss has the clip of the policy.", edit={"value_loss(critic(), v_old, returns, mask, value_clip)": "value_loss(critic(), v_old, returns, mask, clip)"})
mistake("gamma and lam are exchanged.", edit={"v_old, mask, gamma, lam)": "v_old, mask, lam, gamma)"})
mistake("The default of β is not 0.05.", edit={"beta: float = 0.05": "beta: float = 0.1"})
mistake("The statistics are those after the step.", edit={"        found.append({": "        loss, statistics = ppo_loss(policy().detach(), old, advantages, mask, clip)\n        found.append({"})
mistake("The value loss is told with its weight. It is told as it is.", edit={'"value_loss": loss_of_values.item()': '"value_loss": value_weight * loss_of_values.item()'})
mistake("The gradients are cut to a norm. Many trainers do that, but here nothing else is done to them.", edit={"        optimizer.step()\n": "        for group in optimizer.param_groups:\n            norm = sum(p.grad.square().sum() for p in group['params'] if p.grad is not None).sqrt()\n            for p in group['params']:\n                if p.grad is not None:\n                    p.grad /= norm.clamp(min=1e-9) / 0.01\n        optimizer.step()\n"})
mistake("The rewards are whitened before the advantages are computed. Here they are used as they are.", edit={"gae(kl_rewards(score, old, ref_logp, mask, beta), v_old": "gae(masked_whiten(kl_rewards(score, old, ref_logp, mask, beta), mask, shift_mean=False), v_old"})
mistake("The scores are compared with their mean first. They are used as they are.", edit={"gae(kl_rewards(score, old": "gae(kl_rewards(score - score.mean(), old"})
mistake("The advantages are computed anew in each epoch, with the new values. They are computed once.", edit={"        loss, statistics = ppo_loss(policy()": "        with torch.no_grad():\n            now = critic()\n        advantages = masked_whiten(gae(kl_rewards(score, old, ref_logp, mask, beta), now, mask, gamma, lam)[0], mask)\n        loss, statistics = ppo_loss(policy()", "loss_of_values = value_loss(critic(), v_old": "loss_of_values = value_loss(critic() if not found else critic(), v_old"})
mistake("Only the last epoch is told. There is one dict for each epoch.", edit={"    return found\n    # END": "    return found[-1:]\n    # END"})
mistake("The updates stop when the policy has moved far. All epochs are made.", edit={"        found.append({": "        if statistics[\"approx_kl\"] > 0.001:\n            break\n        found.append({"})

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("The score is multiplied by where it belongs. nan times 0 is nan: put it there with torch.where.", edit={LAST: "(mask & ~after) * score[:, None]"})
mistake("A batch without a token is returned with what stands in its padding. There are 0.", edit={RETURNED: "return advantages, advantages + values if mask.any() else advantages + given * 0", CLEAN: "given = values\n    " + CLEAN})
mistake("The variance is the mean of the squares less the square of the mean, which loses all digits of large numbers. Take distances from the mean.", edit={VARIANCE: "variance = ((torch.where(mask, x, 0.0) ** 2).sum() - n * mean**2).clamp(min=0) / (n - 1).clamp(min=1)"})
mistake("The difference of the logarithms is held within ± 20. It may be 50 in size.", edit={"ratio = log_ratio.exp()": "ratio = log_ratio.clamp(-20, 20).exp()"})
mistake("The clip of the values is at most 1. Values have another scale than ratios: any positive clip is right.", edit={NEAR: "torch.minimum(torch.maximum(v, v_old - min(clip, 1.0)), v_old + min(clip, 1.0))"})
mistake("`beta or 0.05` takes a β of 0 for none. 0 is a number like others.", edit={"kl_rewards(score, old, ref_logp, mask, beta), v_old": "kl_rewards(score, old, ref_logp, mask, beta or 0.05), v_old"})
mistake("`gamma or 1.0` takes a γ of 0 for none.", edit={"v_old, mask, gamma, lam)": "v_old, mask, gamma or 1.0, lam)"})
mistake("`lam or 0.95` takes a λ of 0 for none.", edit={"v_old, mask, gamma, lam)": "v_old, mask, gamma, lam or 0.95)"})
mistake("Large gradients are cut to a norm of 10. Nothing is done to them here.", edit={"        optimizer.step()\n": "        torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group[\"params\"]], 10.0)\n        optimizer.step()\n"})
mistake("The updates stop when approx_kl is large. All epochs are made.", edit={"        optimizer.step()\n": "        optimizer.step()\n        if statistics[\"approx_kl\"] > 1.5:\n            return [*found, {\"policy_loss\": loss.item(), \"value_loss\": loss_of_values.item()} | statistics]\n"})
mistake("Whitened advantages are held within ± 5. Nothing is done to them after the whitening.", edit={WHITE: "advantages = masked_whiten(advantages, mask).clamp(-5, 5)\n"})
mistake("Scores are held within ± 10. They are used as they are.", edit={"gae(kl_rewards(score, old": "gae(kl_rewards(score.clamp(-10, 10), old"})
mistake("A batch without a token makes no step. Each epoch is one step of the optimizer.", edit={"        optimizer.step()\n": "        optimizer.step() if mask.any() else None\n"})
mistake("A single token is not whitened. Its variance is 0, and its advantage becomes 0.", edit={WHITE: "advantages = masked_whiten(advantages, mask) if mask.sum() > 1 else advantages\n"})
mistake("Padding of the reference's tensor is overwritten. Nothing that is passed in is changed.", edit={"    found = []\n    for _ in range(epochs)": "    ref_logp.masked_fill_(~mask, 0.0)\n    found = []\n    for _ in range(epochs)"})
mistake("A random number is drawn. Nothing here is random.", edit={"    found = []\n    for _ in range(epochs)": "    torch.rand(1)\n    found = []\n    for _ in range(epochs)"})

mistake(
    "The score keeps its gradient. None flows through the rewards.",
    edit={"return (rewards + " + LAST + ").detach()": "return rewards.detach() + " + LAST},
)
mistake(
    "A token whose advantage is 0 counts as clipped when ρ has left the range. Neither of the two products is smaller then.",
    edit={CUT: "(torch.where(adv >= 0, ratio > 1 + clip, ratio < 1 - clip) & mask).sum() / tokens"},
)
mistake(
    "You leave a batch alone when the probabilities have grown tenfold. Nothing else is done to the losses.",
    edit={
        "loss, statistics = ppo_loss(policy(), old, advantages, mask, clip)": (
            "logp = policy()\n        loss, statistics = ppo_loss(logp, old, advantages, mask, clip)\n"
            "        loss = loss * (torch.where(mask, logp.detach() - old, 0.0).exp().mean() <= 10.0)"
        )
    },
)
mistake(
    "All advantages come from one sum from the end, divided by (γλ)^t. That is 0 after some dozens of tokens, and 0 / 0.",
    edit={
        RETURNED: (
            "deltas = torch.where(mask, rewards + gamma * torch.nn.functional.pad(values[:, 1:], (0, 1)) - values, 0.0)\n"
            "    if gamma * lam:\n"
            "        powers = (gamma * lam) ** torch.arange(rewards.shape[1], dtype=rewards.dtype)\n"
            "        advantages = torch.where(mask, (deltas * powers).flip(1).cumsum(1).flip(1) / powers, 0.0)\n"
            "    " + RETURNED
        )
    },
)
mistake(
    "Padding is taken out after the division: where it is nan, the gradients of all tokens are.",
    edit={WHITENED: "whitened = torch.where(mask, (x - mean) / (variance + 1e-8).sqrt(), 0.0)"},
)
