"""Checks of align/ppo: rewards of tokens, advantages, whitening, the clipped losses, and that their steps climb towards the best policy."""

import torch

from autograder.checks import case, check, flags, gradients, with_gradients
from autograder.lab.answers import PAD, AnswerWorld, TablePolicy

NAN = float("nan")


def spread_of(rng, spans, T, dtype="float64", fill=NAN, scale=1.0, count=1):
    """A mask with an answer in each row (from and to), and `count` tensors that are `fill` in padding."""
    mask = torch.zeros(len(spans), T, dtype=torch.bool)
    for row, (start, end) in enumerate(spans):
        mask[row, start:end] = True
    found = [scale * rng.normal(len(spans), T, dtype="float64") for _ in range(count)]
    return mask, [torch.where(mask, each, fill).to(getattr(torch, dtype)) for each in found]


def logratios(rng, shape=(), scale=0.5, dtype="float64", values=None):
    return {"logr": torch.tensor(values, dtype=getattr(torch, dtype)) if values else rng.normal(*shape, scale=scale, dtype=dtype)}


@check(
    points=1,
    inputs=logratios,
    lecture="three-ways-to-measure-a-divergence",
    public=[case("by hand", values=[0.0, 0.7, -0.7, 2.0]), case("two rows, float32", shape=(2, 3), dtype="float32")],
    hidden=[
        case("large ones", shape=(4, 2), scale=4.0),
        case("small ones", values=[1e-3, -1e-3, 3e-6]),
        case("one", values=[-1.5]),
        case("a square", shape=(3, 3)),
        case("four dimensions", shape=(2, 1, 3, 2)),
    ],
    fresh=1,
    cites=["the one that was drawn from is taken off"],
)
def three_estimates_of_a_divergence(student, logr):
    """k1 = -log r, k2 = (log r)²/2 and k3 = (r - 1) - log r, and over all tokens of a known p the means of k1 and k3 are the divergence."""
    places = torch.arange(4, dtype=torch.float64)
    p, q = (0.3 * places).softmax(0), (-0.2 * places).softmax(0)

    def estimate(i):
        return with_gradients(lambda logr: student.kl_estimators(logr)[i], logr=logr)

    return {
        "of the input": [estimate(i) for i in range(3)],
        "tuple": student.kl_estimators(logr=logr),
        "negated": student.kl_estimators(-logr),
        "means": [(p * each).sum() for each in student.kl_estimators(q.log() - p.log())],
        "of a view": student.kl_estimators(logr.repeat_interleave(2, 0)[::2]),
        "left": flags(logr),
    }


def episodes(rng, spans=((0, 3),), T=3, dtype="float64", beta=0.1, fill=NAN, scale=1.0):
    mask, (logp, ref_logp) = spread_of(rng, spans, T, dtype, fill, count=2)
    score = torch.where(mask.any(1), scale * rng.normal(len(spans), dtype=dtype), NAN)  # no answer, no score
    return {"score": score, "logp": logp, "ref_logp": ref_logp, "mask": mask, "beta": beta}


@check(
    points=2,
    inputs=episodes,
    lecture="a-reward-for-each-token",
    public=[
        case("an answer without padding", spans=[(0, 3)], beta=0.5),
        case("two lengths, padding on the right", spans=[(0, 4), (0, 2)], T=4, fill=7.0),
        case("nan in padding", spans=[(0, 2), (0, 3)], T=4),
    ],
    hidden=[
        case("padding on the left", spans=[(2, 5), (4, 5), (0, 5)], T=5),
        case("padding on both sides, float32", spans=[(1, 3), (2, 3), (0, 4)], T=6, dtype="float32"),
        case("a row without a token", spans=[(0, 3), (0, 0), (1, 2)], T=3),
        case("one token", spans=[(0, 1)], T=1, beta=2.0),
        case("β = 0", spans=[(0, 2), (1, 4)], T=4, beta=0.0),
        case("as many answers as tokens", spans=[(0, 4), (0, 3), (0, 2), (0, 1)], T=4, fill=-1e30),
        case("infinity in padding", spans=[(0, 2), (0, 4)], T=5, fill=float("-inf"), scale=30.0),
    ],
    fresh=2,
    cites=["at its last token the score is added", "The score of a row without a token is lost", "No gradient flows through the result", "even if it is nan"],
)
def tokens_have_rewards(student, score, logp, ref_logp, mask, beta):
    """Each token of an answer gets -β (log π - log π_ref), its last one the score too, and padding gets 0."""
    leaves = [each.clone().requires_grad_() for each in (score, logp, ref_logp)]
    found = student.kl_rewards(*leaves, mask, beta)
    return {
        "rewards": found.detach(),
        "requires a gradient": found.requires_grad,
        "exchanged": student.kl_rewards(score=-score, logp=ref_logp, ref_logp=logp, mask=mask, beta=2 * beta),
        "once more": student.kl_rewards(score, logp, ref_logp, mask, beta),
        "of views": student.kl_rewards(score, logp.mT.contiguous().mT, ref_logp, mask.mT.contiguous().mT, beta),
        "left": flags(score, logp, ref_logp, mask),
    }


def runs(rng, spans=((0, 3),), T=3, dtype="float64", gamma=0.9, lam=0.8, fill=NAN, scale=1.0):
    mask, (rewards, values) = spread_of(rng, spans, T, dtype, fill, scale, count=2)
    return {"rewards": rewards, "values": values, "mask": mask, "gamma": gamma, "lam": lam}


@check(
    points=3,
    inputs=runs,
    lecture="better-than-expected",
    public=[
        case("one answer", spans=[(0, 4)], T=4),
        case("two lengths: nothing follows the last token", spans=[(0, 4), (0, 2)], T=4, fill=5.0),
        case("nan in padding", spans=[(0, 3), (0, 1)], T=4, gamma=1.0, lam=0.95),
        case("λ = 1: all that comes, less the value", spans=[(0, 4), (0, 3)], T=4, gamma=0.5, lam=1.0),
        case("λ = 0: one step", spans=[(0, 4), (0, 3)], T=4, gamma=0.5, lam=0.0),
    ],
    hidden=[
        case("padding on the left", spans=[(2, 5), (4, 5), (0, 5)], T=5),
        case("padding on both sides, float32", spans=[(1, 3), (2, 3), (0, 4)], T=6, dtype="float32"),
        case("a row without a token", spans=[(0, 3), (0, 0), (1, 2)], T=3),
        case("γ = 0", spans=[(0, 3), (1, 4)], T=4, gamma=0.0),
        case("one token", spans=[(0, 1)], T=1),
        case("as many answers as tokens", spans=[(0, 4), (0, 3), (0, 2), (0, 1)], T=4, fill=1e30),
        case("forty tokens", spans=[(0, 40), (5, 33)], T=40, gamma=0.99, lam=0.97, scale=10.0),
        case("two hundred tokens, float32", spans=[(0, 200)], T=200, dtype="float32", gamma=1.0, lam=0.5),
        case("no token", spans=[(0, 0), (0, 0)], T=3),
        case("γ = λ = 1", spans=[(0, 6), (2, 5)], T=7, gamma=1.0, lam=1.0, fill=float("inf")),
    ],
    fresh=3,
    cites=["δ_t r_t gamma V_", "Behind the last token of an answer the value is 0", "The returns are advantages values", "No gradient flows"],
)
def advantages_sum_what_was_unexpected(student, rewards, values, mask, gamma, lam):
    """A_t is the sum of (γλ)^k δ_{t+k} up to the answer's last token, behind which the value is 0, and the returns are A + V."""
    leaves = [each.clone().requires_grad_() for each in (rewards, values)]
    advantages, returns = student.gae(*leaves, mask, gamma, lam)
    kept = {"advantages": advantages.detach(), "returns": returns.detach(), "require gradients": [advantages.requires_grad, returns.requires_grad]}
    return kept | {
        "of others": student.gae(rewards=values, values=rewards, mask=mask, gamma=gamma, lam=lam),
        "other factors": student.gae(rewards, values, mask, (1 + gamma) / 2, lam / 2),
        "of views": student.gae(rewards.mT.contiguous().mT, values, mask.mT.contiguous().mT, gamma, lam),
        "left": flags(rewards, values, mask),
    }


def numbers(rng, spans=((0, 3),), T=3, dtype="float64", fill=NAN, scale=1.0, moved=0.0, constant=False):
    mask, (x,) = spread_of(rng, spans, T, dtype, fill, 0.0 if constant else scale)
    return {"x": x + moved, "mask": mask}


@check(
    points=1,
    inputs=numbers,
    lecture="whitening",
    public=[
        case("three tokens and padding", spans=[(0, 2), (0, 1)], T=2, fill=100.0),
        case("nan in padding", spans=[(0, 4), (1, 3)], T=5, scale=3.0, moved=2.0),
    ],
    hidden=[
        case("one token", spans=[(1, 2)], T=3, moved=4.0),
        case("two tokens", spans=[(1, 2), (0, 1)], T=3, scale=2.0),
        case("no token", spans=[(0, 0), (0, 0)], T=2),
        case("all are equal", spans=[(0, 3), (1, 3)], T=3, constant=True, moved=0.5),
        case("tiny ones, where 1e-8 counts", spans=[(0, 4), (0, 2)], T=4, scale=1e-4),
        case("large ones", spans=[(0, 3), (0, 5)], T=5, scale=1e3, moved=-1e4),
        case("around 100,000", spans=[(0, 4), (1, 3)], T=4, moved=1e5),
        case("float32", spans=[(2, 4), (0, 4), (3, 4)], T=4, dtype="float32", scale=2.0),
        case("a square", spans=[(0, 3), (0, 2), (0, 1)], T=3, fill=-1e30),
        case("infinity in padding", spans=[(0, 3), (0, 2)], T=4, fill=float("inf")),
    ],
    fresh=1,
    cites=["over all answers tokens of the whole batch together", "divided by N - 1", "False adds the mean again", "If N is 1 the variance is 0"],
)
def whitened_over_all_tokens(student, x, mask):
    """All answers' tokens together get mean 0 and variance 1, with N - 1 and 1e-8; padding is left out and stays 0."""
    leaf = x.clone().requires_grad_()
    whitened = student.masked_whiten(leaf, mask)
    grad = gradients((whitened * torch.arange(x.numel()).view_as(x)).sum(), {"x": leaf})["x"] if mask.any() else None
    return {
        "whitened": whitened.detach(),
        "gradient of x": grad,
        "with its mean": student.masked_whiten(x, mask, shift_mean=False),
        "by name": student.masked_whiten(x=2 * x, mask=mask, shift_mean=True),
        "of a view": student.masked_whiten(x.mT.contiguous().mT, mask.mT.contiguous().mT),
        "left": flags(x, mask),
    }


def step(rng, spans=((0, 3),), T=3, dtype="float64", fill=NAN, scale=0.4, options=None, hand=False, jumps=None):
    mask, (old, moved, adv) = spread_of(rng, spans, T, "float64", fill, count=3)
    if hand:
        moved = torch.tensor([[0.5, 0.5, -0.5, -0.5], [0.1, -0.1, 0.1, -0.1]], dtype=torch.float64) / scale
        adv = torch.tensor([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]], dtype=torch.float64)
    if jumps:
        moved = torch.tensor(jumps, dtype=torch.float64) / scale
    old = old - 2
    logp = torch.where(mask, old + scale * moved, fill)
    return {name: each.to(getattr(torch, dtype)) for name, each in (("logp", logp), ("old", old), ("adv", adv))} | {"mask": mask, "options": options or {}}


def no_more_exact(found, dtype):
    """The same with its Python floats in `dtype`, where that is float32: what was computed in it has no more digits."""
    if dtype == torch.float64:
        return found
    if isinstance(found, dict):
        return {name: no_more_exact(each, dtype) for name, each in found.items()}
    if isinstance(found, tuple):
        return tuple(no_more_exact(each, dtype) for each in found)
    return torch.tensor(found, dtype=dtype) if isinstance(found, float) else found


@check(
    points=2,
    inputs=step,
    lecture="a-step-that-is-not-too-large",
    public=[
        case("each of the eight cases once", spans=[(0, 4), (0, 4)], T=4, hand=True),
        case("two lengths", spans=[(0, 4), (0, 2)], T=4, fill=3.0),
        case("nan in padding, a clip of 0.1", spans=[(0, 3), (1, 2)], T=4, options={"clip": 0.1}),
    ],
    hidden=[
        case("nothing has moved yet", spans=[(0, 3), (0, 2)], T=3, scale=0.0),
        case("far away", spans=[(0, 5), (0, 4), (2, 5)], T=5, scale=8.0),
        case("very far away", spans=[(0, 2), (0, 2)], T=2, jumps=[[45.0, -45.0], [30.0, -25.0]]),
        case("float32, padding on both sides", spans=[(1, 3), (2, 3), (0, 4)], T=6, dtype="float32"),
        case("a row without a token", spans=[(0, 3), (0, 0), (1, 2)], T=3, options={"clip": 0.5}),
        case("no token at all", spans=[(0, 0), (0, 0)], T=2),
        case("one token", spans=[(0, 1)], T=1, scale=2.0),
        case("as many answers as tokens", spans=[(0, 4), (0, 3), (0, 2), (0, 1)], T=4),
        case("infinity in padding", spans=[(0, 2), (0, 3)], T=4, fill=float("-inf"), options={"clip": 0.3}),
    ],
    fresh=2,
    cites=["min ρ A clamp ρ 1 - clip 1 clip A", "the mean over all answers tokens of the batch", "Only logp gets a gradient"],
)
def the_policys_loss_is_clipped(student, logp, old, adv, mask, options):
    """The loss is the mean over all tokens of -min(ρ A, clamp(ρ) A), and where the clamp is the smaller one no gradient flows."""
    leaves = [each.clone().requires_grad_() for each in (logp, old, adv)]
    loss, statistics = student.ppo_loss(*leaves, mask, **options)
    loss.backward()
    found = {
        "loss": loss.detach(),
        "statistics": statistics,
        "gradient": leaves[0].grad,
        "reached": [leaf.grad is not None and bool(leaf.grad.any()) for leaf in leaves[1:]],
        "the other way": student.ppo_loss(logp=logp, old=old, adv=-adv, mask=mask, **options),
        "no advantages": student.ppo_loss(logp, old, torch.where(mask, 0.0, adv), mask, **options),
        "twice the advantages": student.ppo_loss(logp, old, 2 * adv, mask, **options),
        "of views": student.ppo_loss(logp.mT.contiguous().mT, old, adv, mask.mT.contiguous().mT, **options),
        "left": flags(logp, old, adv, mask),
    }
    return no_more_exact(found, logp.dtype)


def critics(rng, spans=((0, 3),), T=3, dtype="float64", fill=NAN, scale=0.5, options=None, surprising=1.0):
    mask, (v_old, moved, surprise) = spread_of(rng, spans, T, "float64", fill, count=3)
    v = torch.where(mask, v_old + scale * moved, fill)
    ret = torch.where(mask, v_old + surprising * surprise, fill)
    return {name: each.to(getattr(torch, dtype)) for name, each in (("v", v), ("v_old", v_old), ("ret", ret))} | {"mask": mask, "options": options or {}}


@check(
    points=1,
    inputs=critics,
    lecture="the-value-model",
    public=[
        case("two lengths", spans=[(0, 4), (0, 2)], T=4, fill=3.0),
        case("nan in padding, a clip of 0.5", spans=[(0, 3), (1, 2)], T=4, options={"clip": 0.5}),
    ],
    hidden=[
        case("nothing has moved yet", spans=[(0, 3), (0, 2)], T=3, scale=0.0),
        case("far away", spans=[(0, 5), (0, 4), (2, 5)], T=5, scale=20.0),
        case("float32, padding on both sides", spans=[(1, 3), (2, 3), (0, 4)], T=6, dtype="float32"),
        case("a row without a token, a clip larger than 1", spans=[(0, 3), (0, 0), (1, 2)], T=3, scale=3.0, options={"clip": 1.5}),
        case("large steps towards far returns, a clip of 2", spans=[(0, 6), (0, 5)], T=6, scale=6.0, surprising=30.0, options={"clip": 2.0}),
        case("no token at all", spans=[(0, 0), (0, 0)], T=2),
        case("one token", spans=[(1, 2), (0, 0)], T=2, scale=2.0),
        case("infinity in padding", spans=[(0, 2), (0, 3)], T=4, fill=float("inf")),
    ],
    fresh=1,
    cites=["1/2 max v - ret ² v - ret ²", "clamped to v_old - clip v_old clip", "without any token it is 0", "Only v gets a gradient"],
)
def the_values_loss_is_clipped(student, v, v_old, ret, mask, options):
    """The loss of the values is half the mean of the larger squared distance, of v and of v clamped to v_old ± clip."""
    leaves = [each.clone().requires_grad_() for each in (v, v_old, ret)]
    loss = student.value_loss(*leaves, mask, **options)
    loss.backward()
    return {
        "loss": loss.detach(),
        "gradient": leaves[0].grad,
        "reached": [leaf.grad is not None and bool(leaf.grad.any()) for leaf in leaves[1:]],
        "by name": student.value_loss(v=v, v_old=v_old, ret=-ret, mask=mask, **options),
        "of views": student.value_loss(v.mT.contiguous().mT, v_old, ret, mask.mT.contiguous().mT, **options),
        "left": flags(v, v_old, ret, mask),
    }


def world(rng, seed=0, prompts=2, vocab=2, length=2, beta=0.5, lam=1.0, rounds=3, many=16, options=None, lr=0.5, first_score=None, tokens=1000):
    return {"seed": seed, "prompts": prompts, "vocab": vocab, "length": length, "beta": beta, "lam": lam, "rounds": rounds, "many": many, "options": options or {}, "lr": lr, "first_score": first_score, "tokens": tokens}


def all_answers(small, chosen=None):
    """ids and mask of all answers to all prompts, or of the `chosen` ones of each prompt."""
    pairs = [small.pair(p, *(range(len(small.answers)) if chosen is None else chosen[p].tolist())) for p in range(len(small.prompts))]
    ids, labels = (torch.cat(each) for each in zip(*pairs, strict=True))
    return ids, labels[:, 1:] != PAD


def token_logps(model, ids):
    return model(ids)[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]


class Descent:
    """Plain gradient descent, with the two methods of torch's optimizers that an update needs. (torch's own imports its compiler first.)"""

    def __init__(self, parameters, lr):
        self.steps = 0
        self.param_groups = [{"params": list(parameters), "lr": lr}]

    def zero_grad(self, set_to_none=True):
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None if set_to_none else torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for parameter in self.param_groups[0]["params"]:
            if parameter.grad is not None:
                parameter -= self.param_groups[0]["lr"] * parameter.grad


def state_of(small, policy, beta):
    """The objective, and how far the policy is from the best one, each for all prompts."""
    objective = small.reward(policy) - beta * small.divergence(policy)
    distance = (small.logps(policy).exp() - small.best(beta)).abs().sum(-1)
    return {"objective": objective.detach(), "from the best policy": distance.detach()}


@check(
    points=2,
    inputs=world,
    lecture="where-the-steps-lead",
    public=[case("two prompts, three answers each", seed=1)],
    hidden=[
        case("answers of three tokens", seed=2, length=3, beta=1.0),
        case("λ = 0.9", seed=3, vocab=3, prompts=1, beta=0.3, lam=0.9),
        case("a small β", seed=4, prompts=3, beta=0.1),
    ],
    cites=["the reward of each token", "generalized advantage estimation", "The clipped loss of the policy"],
)
def steps_lead_to_the_best_policy(student, seed, prompts, vocab, length, beta, lam, rounds, many, options, lr, first_score, tokens):
    """Over all answers of a small world, weighed by their probability, the loss is stationary at the best policy, and steps climb towards it."""
    small = AnswerWorld(seed, prompts, vocab, length)
    ids, mask = all_answers(small)
    reference, score = token_logps(small.reference(), ids), small.rewards.flatten()
    critic = TablePolicy(torch.zeros(*small.reference().logits.shape[:2], 1, dtype=torch.float64), vocab, length)

    def slope(policy, old, values, lam):
        rewards = student.kl_rewards(score, old, reference, mask, beta)
        advantages, returns = student.gae(rewards, values, mask, 1.0, lam)
        weight = torch.where(mask, old, 0.0).sum(1, keepdim=True).exp()  # how often the policy gives the answer
        loss, statistics = student.ppo_loss(token_logps(policy, ids), old, advantages * weight, mask)
        return torch.autograd.grad(loss, policy.parameters())[0], returns, statistics

    best = small.best_policy(beta)
    flat = slope(best, token_logps(best, ids).detach(), critic(ids)[:, :-1, 0].detach(), 1.0)[0]
    policy, seen = small.policy(), [state_of(small, small.policy(), beta)]
    for _ in range(rounds):
        old, values = token_logps(policy, ids).detach(), critic(ids)[:, :-1, 0].detach()
        for _ in range(3):
            gradient, returns, statistics = slope(policy, old, values, lam)
            with torch.no_grad():
                policy.logits -= 4.0 * gradient
        for _ in range(3):
            error = student.value_loss(critic(ids)[:, :-1, 0], values, returns, mask, clip=1.0)
            (down,) = torch.autograd.grad(error, critic.parameters())
            with torch.no_grad():
                critic.logits -= down
        seen.append(state_of(small, policy, beta) | statistics)
    return {"slope at the best policy": flat, "on the way": seen, "at the best policy": state_of(small, best, beta)["objective"]}


def far_steps(student):
    """Updates that make the two tokens of one answer many times as probable: its log-probabilities are parameters themselves."""
    p, v = (torch.zeros(1, 2, dtype=torch.float64, requires_grad=True) for _ in "pv")
    zeros, mask = torch.zeros(1, 2, dtype=torch.float64), torch.ones(1, 2, dtype=torch.bool)
    optimizer = Descent([p, v], lr=50.0)
    return student.ppo_update(lambda: p * 1, lambda: v * 1, optimizer, zeros[0, :1] + 1, zeros, mask, lam=0.5, epochs=3)


@check(
    points=2,
    inputs=world,
    lecture="one-update",
    public=[
        case("two updates, by default", seed=5, rounds=2),
        case("options by name", seed=6, rounds=2, options={"beta": 0.3, "gamma": 0.9, "lam": 0.7, "clip": 0.05, "value_clip": 0.1, "value_weight": 2.0, "epochs": 3}),
    ],
    hidden=[
        case("five updates", seed=7, rounds=5, vocab=3, many=30),
        case("one epoch, γ = 0", seed=8, options={"epochs": 1, "gamma": 0.0}),
        case("no epoch", seed=9, rounds=2, options={"epochs": 0}),
        case("eighteen epochs, and values that move far", seed=12, rounds=1, options={"epochs": 18, "value_weight": 3.0}),
        case("many epochs, β = 0", seed=10, length=3, rounds=2, options={"epochs": 7, "beta": 0.0}),
        case("one prompt, λ = 0", seed=11, prompts=1, many=5, rounds=3, options={"value_weight": 0.0, "lam": 0.0}),
        case("one score is very large", seed=13, many=40, rounds=1, first_score=1000.0, options={"value_weight": 3.0}),
        case("large steps", seed=14, rounds=1, lr=60.0, options={"epochs": 6}),
        case("no token", seed=15, rounds=1, many=2, tokens=0),
        case("one token", seed=16, rounds=2, many=2, tokens=1),
    ],
    cites=["Gradients that are there at the beginning don t count", "The returns are not whitened", "policy and critic are called epochs 1 times", "changes no parameter"],
)
def updates_from_samples_climb(student, seed, prompts, vocab, length, beta, lam, rounds, many, options, lr, first_score, tokens):
    """Each update takes what it needs from the policy that wrote the answers once, and then makes one step in each epoch."""
    torch.manual_seed(5)
    small, generator, calls, seen = AnswerWorld(seed, prompts, vocab, length), torch.Generator().manual_seed(seed), [], []
    policy = small.policy()
    critic = TablePolicy(torch.zeros(*policy.logits.shape[:2], 1, dtype=torch.float64), vocab, length)
    optimizer = Descent([*policy.parameters(), *critic.parameters()], lr=lr)
    for parameter in (policy.logits, critic.logits):
        parameter.grad = torch.ones_like(parameter)
    for _ in range(rounds):
        chosen = small.sample(policy, many, generator)
        ids, mask = all_answers(small, chosen)
        mask &= mask.flatten().cumsum(0).view_as(mask) <= tokens
        score = small.rewards.gather(1, chosen).flatten()
        if first_score is not None:
            score[0] = first_score

        def logps(ids=ids, mask=mask):
            calls.append("policy")
            return torch.where(mask, token_logps(policy, ids), NAN)

        def values(ids=ids):
            calls.append("critic")
            return critic(ids)[:, :-1, 0]

        with torch.no_grad():
            reference = torch.where(mask, token_logps(small.reference(), ids), 7.0)
        given = [score, reference.mT.contiguous().mT, mask.mT.contiguous().mT]
        found = student.ppo_update(logps, values, optimizer, *given, **options)
        seen.append({"left": flags(*given), "given": [each.clone() for each in given], "statistics": found, "policy": policy.logits.detach().clone(), "critic": critic.logits.detach().clone()} | state_of(small, policy, 0.05))
    again = student.ppo_update(logps, values, optimizer, *given, beta=0.7, epochs=1)  # the last batch once more, with other options
    return {"updates": seen, "again": again, "calls": [calls.count("policy"), calls.count("critic")], "steps": optimizer.steps, "far": far_steps(student), "chance": torch.rand(2)}
