"""Public checks of align/orpo: run `pytest` on this file, or `autograder check align/orpo`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, raises, with_gradients
from autograder.lab.answers import AnswerWorld


def points(rng, numbers=None, shape=(3,), low=-5.0, high=-0.05, dtype="float64"):
    """Numbers, or the logarithms of sizes that are spread evenly between two powers of ten."""
    x = torch.tensor(numbers, dtype=torch.float64) if numbers else rng.uniform(low, high, *shape).double()
    return {"x": x.to(getattr(torch, dtype))}


@check(points=1, inputs=points, lecture='one-minus-a-probability', public=[case('three probabilities', numbers=[-0.1, -0.6931471805599453, -3.0]), case('near 1, float32', numbers=[-0.001, -1e-06, -1e-09], dtype='float32'), case('near 1 and near 0', numbers=[-1e-09, -1e-07, -40.0, -9000.0])])
def one_minus_a_probability_has_a_logarithm(student, x):
    """log1mexp is log(1 - exp(x)), exact where exp(x) is nearly 1 and where it is nearly 0, and so is its slope."""
    torch.manual_seed(5)
    torch.rand(1)  # from here on a seed that is set inside shows, too
    return {
        "value": with_gradients(student.log1mexp, x=x),
        "of a view": student.log1mexp(x.expand(2, *x.shape).movedim(0, -1))[..., 0],
        "left": flags(x),
        "chance": torch.rand(2),  # nothing was drawn, and nothing was seeded
    }


def pairs(rng, b=1, low=-3.0, high=-0.1, numbers=None, dtype="float64", **options):
    """log P of `b` pairs, and the loss of fine-tuning. `options` are left to their defaults where a case has none."""
    if numbers:
        lp_c, lp_r = (torch.tensor(each, dtype=torch.float64) for each in numbers)
    else:
        lp_c, lp_r = (rng.uniform(low, high, b).double() for _ in range(2))
    nll = rng.uniform(0.2, 4.0, *lp_c.shape).double()
    return {"nll": nll.to(getattr(torch, dtype)), "lp_c": lp_c.to(getattr(torch, dtype)), "lp_r": lp_r.to(getattr(torch, dtype)), "options": options}


@check(points=1, inputs=pairs, lecture='odds', public=[case('3 to 1 against 1 to 1', numbers=[[-0.2876820724517809, -1.0], [-0.6931471805599453, -2.0]]), case('nearly certain', numbers=[[-1e-09, -1e-09, -2.0], [-1e-09, -60.0, -1e-08]]), case('float32', b=3, dtype='float32')])
def odds_are_compared(student, nll, lp_c, lp_r, options):
    """The log odds ratio is log(P_c / (1 - P_c)) - log(P_r / (1 - P_r)), finite for answers that are nearly certain and for very unlikely ones."""
    torch.manual_seed(5)
    torch.rand(1)
    return {
        "log odds": with_gradients(student.log_odds, lp_c=lp_c, lp_r=lp_r),
        "exchanged": with_gradients(student.log_odds, lp_c=lp_r, lp_r=lp_c),
        "with itself": student.log_odds(lp_c, lp_c),
        "of views": student.log_odds(lp_c.repeat_interleave(2, 0)[::2], lp_r.repeat_interleave(2, 0)[::2]),
        "left": flags(lp_c, lp_r),
        "chance": torch.rand(2),
    }


@check(points=2, inputs=pairs, lecture='the-loss', public=[case('two pairs, by default', numbers=[[-0.2876820724517809, -1.0], [-0.6931471805599453, -0.2]]), case('lam of 1', b=3, lam=1.0), case('nearly certain of the wrong answer', numbers=[[-60.0, -10000.0], [-1e-09, -0.001]], lam=0.5)])
def each_pair_has_its_loss(student, nll, lp_c, lp_r, options):
    """The loss of a pair is nll - lam log σ(log odds ratio): one number for each pair, with gradients into all three."""
    torch.manual_seed(5)
    torch.rand(1)
    return {
        "losses": with_gradients(lambda **given: student.orpo_loss(**given, **options), nll=nll, lp_c=lp_c, lp_r=lp_r),
        "exchanged": student.orpo_loss(nll, lp_r, lp_c, **options),
        "by place": student.orpo_loss(nll, lp_c, lp_r, options.get("lam", 0.1)),
        "another nll": student.orpo_loss(nll * 2, lp_c, lp_r, **options),
        "of views": student.orpo_loss(*(each.repeat_interleave(2)[::2] for each in (nll, lp_c, lp_r)), **options),
        "left": flags(nll, lp_c, lp_r),
        "chance": torch.rand(2),
    }


@check(points=1, inputs=pairs, lecture='the-slopes', public=[case('two pairs', numbers=[[-0.2876820724517809, -1.0], [-0.6931471805599453, -0.2]]), case('nearly certain', numbers=[[-1e-09, -3.0, -1e-09], [-2e-09, -1e-09, -5.0]])])
def the_slopes_are_known(student, nll, lp_c, lp_r, options):
    """The slopes of L_OR are -δ / (1 - P_c) and δ / (1 - P_r), with δ = 1 / (1 + the odds ratio)."""
    torch.manual_seed(5)
    torch.rand(1)
    learned = lp_c.clone().requires_grad_(), lp_r.clone().requires_grad_()
    found = student.odds_ratio_slopes(*learned)
    return {
        "slopes": [each.detach() for each in found],
        "gradients flow": [each.requires_grad for each in found],
        "exchanged": student.odds_ratio_slopes(lp_r, lp_c),
        "by name": student.odds_ratio_slopes(lp_c=lp_c, lp_r=lp_r),
        "against itself": student.odds_ratio_slopes(lp_c, lp_c),
        "of views": student.odds_ratio_slopes(lp_c.repeat_interleave(2, 0)[::2], lp_r.repeat_interleave(2, 0)[::2]),
        "left": flags(lp_c, lp_r),
        "chance": torch.rand(2),
    }


def batch(rng, b=1, t=3, v=2, dtype="float64", scale=1.0, spans=None, **options):
    """Logits of 2 b rows, and labels of which those in `spans` (one for each row, from and to) are an answer."""
    rows = 2 * b
    tokens = rng.integers(0, v, rows, t)
    labels = torch.full((rows, t), -100)
    for row, (start, end) in enumerate(spans or [(1 + i % 2, t - (i * i) % 2) for i in range(rows)]):
        labels[row, start:end] = tokens[row, start:end]
    return {"logits": rng.normal(rows, t, v, scale=scale, dtype=dtype), "labels": labels, "options": options}


@check(points=1, inputs=batch, lecture='a-batch-of-pairs', public=[case('one pair, two lengths', b=1, t=5, v=3, spans=[(1, 5), (2, 4)], lam=0.5), case('two pairs, by default', b=2, t=6, v=4, spans=[(2, 6), (1, 3), (3, 4), (2, 5)]), case('float32', b=3, t=5, v=5, dtype='float32', lam=1.0)])
def a_batch_is_one_number(student, logits, labels, options):
    """Means over each answer's own tokens make lp and nll of each pair, chosen rows first, and the result is the mean over the pairs."""
    torch.manual_seed(5)
    torch.rand(1)
    empty, first = labels.clone(), labels.clone()
    empty[-1] = -100
    first[0, 1:] = -100
    first[0, 0] = 0
    half = len(labels) // 2
    return {
        "loss": with_gradients(lambda logits: student.orpo_from_logits(logits, labels, **options), logits=logits),
        "exchanged": student.orpo_from_logits(logits.roll(half, 0), labels.roll(half, 0), **options),
        "padded on": student.orpo_from_logits(torch.cat([logits, logits[:, :2]], 1), torch.cat([labels, torch.full_like(labels[:, :2], -100)], 1), **options),
        "of views": student.orpo_from_logits(logits.mT.contiguous().mT, labels.T.contiguous().T, **options),
        "by name": student.orpo_from_logits(logits=logits, labels=labels),
        "refused": [
            raises("ValueError", lambda: student.orpo_from_logits(logits[1:], labels[1:])),
            raises("ValueError", lambda: student.orpo_from_logits(logits, empty)),
            raises("ValueError", lambda: student.orpo_from_logits(logits, first)),
        ],
        "left": flags(logits, labels),
        "labels": labels,
        "chance": torch.rand(2),
    }


def listed(rng, prompts=(), n=2, scale=1.0, moved=0.0, dtype="float64", numbers=None):
    reward = torch.tensor(numbers, dtype=torch.float64) if numbers else scale * rng.normal(*prompts, n, dtype="float64") + moved
    return {"reward": reward.to(getattr(torch, dtype))}


@check(points=1, inputs=listed, lecture='what-the-odds-ratio-leads-to', public=[case('two answers', numbers=[1.0, 0.0]), case('two prompts, three answers', numbers=[[20.0, 20.0, 20.0], [2.0, -1.0, 0.5]]), case('float32', prompts=(2,), n=5, dtype='float32')])
def log_odds_take_over_the_rewards(student, reward):
    """The probabilities are σ(r + c), with the c of each prompt at which they sum to 1."""
    torch.manual_seed(5)
    torch.rand(1)
    return {
        "policy": student.odds_policy(reward),
        "of other rewards": student.odds_policy(-reward / 2),
        "moved": student.odds_policy(reward + 3),
        "of a view": student.odds_policy(reward.movedim(-1, 0).contiguous().movedim(0, -1)),
        "left": flags(reward),
        "chance": torch.rand(2),
    }


def world(rng, seed=0, prompts=1, vocab=4, lam=1.0):
    return {"seed": seed, "prompts": prompts, "vocab": vocab, "lam": lam}


@check(points=1, inputs=world, lecture='what-the-odds-ratio-leads-to', public=[case('four answers of one token', seed=1)])
def the_odds_ratio_is_flat_at_its_policy(student, seed, prompts, vocab, lam):
    """Over all pairs of a small world L_OR is flat at σ(r + c), and steps along the whole loss go between fine-tuning's end and that policy."""
    small = AnswerWorld(seed, prompts, vocab, length=1)
    n = len(small.answers)
    i, j = (each.reshape(-1) for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    preferred = torch.sigmoid(small.rewards[:, i] - small.rewards[:, j])

    def loss(lp, weight, tuned):
        each = torch.stack([student.orpo_loss(-tuned * row[i], row[i], row[j], weight) for row in lp])
        return (preferred * each).sum() / n

    goal = student.odds_policy(small.rewards)
    at_goal = goal.log().requires_grad_()
    (flat,) = torch.autograd.grad(loss(at_goal, 1.0, 0.0), at_goal)
    policy, seen = small.policy(), []
    for _ in range(5):
        value = loss(small.logps(policy), lam, 1.0)
        (slope,) = torch.autograd.grad(value, policy.parameters())
        with torch.no_grad():
            policy.logits -= 0.5 * slope
        seen.append(value.item())
    return {"goal": goal, "its slope": flat, "on the way": seen, "at the end": small.logps(policy).exp().detach()}
