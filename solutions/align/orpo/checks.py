"""Checks of align/orpo: log(1 - exp), odds ratios, the loss, its slopes as a formula, a batch, and the policy that the odds ratio leads to."""

import torch

from autograder.checks import case, check, flags, raises, with_gradients
from autograder.lab.answers import AnswerWorld


def points(rng, numbers=None, shape=(3,), low=-5.0, high=-0.05, dtype="float64"):
    """Numbers, or the logarithms of sizes that are spread evenly between two powers of ten."""
    x = torch.tensor(numbers, dtype=torch.float64) if numbers else rng.uniform(low, high, *shape).double()
    return {"x": x.to(getattr(torch, dtype))}


@check(
    points=1,
    inputs=points,
    lecture="one-minus-a-probability",
    public=[
        case("three probabilities", numbers=[-0.1, -0.6931471805599453, -3.0]),
        case("near 1, float32", numbers=[-1e-3, -1e-6, -1e-9], dtype="float32"),
        case("near 1 and near 0", numbers=[-1e-9, -1e-7, -40.0, -9000.0]),
    ],
    hidden=[
        case("a table", shape=(2, 3)),
        case("one number", shape=()),
        case("four dimensions", shape=(2, 1, 3, 2)),
        case("near 1, in another form", numbers=[[-2e-9, -3e-4], [-5e-6, -0.02]]),
        case("near 0, float32", numbers=[-20.0, -90.0, -1e4, -17.0], dtype="float32"),
        case("twenty numbers", shape=(20,)),
        case("around log 2", shape=(2, 4), low=-0.75, high=-0.65),
    ],
    fresh=1,
    cites=["log 1 exp x element by element", "with the slope", "for x from -1e4 to -1e-9"],
)
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


@check(
    points=1,
    inputs=pairs,
    lecture="odds",
    public=[
        case("3 to 1 against 1 to 1", numbers=[[-0.2876820724517809, -1.0], [-0.6931471805599453, -2.0]]),
        case("nearly certain", numbers=[[-1e-9, -1e-9, -2.0], [-1e-9, -60.0, -1e-8]]),
        case("float32", b=3, dtype="float32"),
    ],
    hidden=[
        case("six pairs", b=6),
        case("one pair", b=1, low=-0.01, high=-0.001),
        case("nineteen pairs", b=19),
        case("nearly certain, float32", numbers=[[-1e-8, -3e-9, -1e-4], [-2e-8, -0.7, -1e-3]], dtype="float32"),
        case("not probable at all", numbers=[[-1e4, -80.0, -3000.0], [-20.0, -1e4, -3000.0]]),
        case("four dimensions", numbers=[[[[[-1.0, -0.2]], [[-3.0, -0.1]]]], [[[[-0.5, -0.3]], [[-1.0, -0.9]]]]]),
        case("a table", numbers=[[[-1.0, -0.2, -0.4], [-3.0, -0.1, -2.0]], [[-0.5, -0.3, -6.0], [-1.0, -0.9, -2.0]]]),
    ],
    fresh=2,
    cites=["Odds are p 1 p", "how much larger the odds of the chosen answer are", "results and gradients are finite everywhere in this range", "of their shape differentiable with respect to both"],
)
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


@check(
    points=2,
    inputs=pairs,
    lecture="the-loss",
    public=[
        case("two pairs, by default", numbers=[[-0.2876820724517809, -1.0], [-0.6931471805599453, -0.2]]),
        case("lam of 1", b=3, lam=1.0),
        case("nearly certain of the wrong answer", numbers=[[-60.0, -1e4], [-1e-9, -0.001]], lam=0.5),
    ],
    hidden=[
        case("one pair", b=1, lam=0.3),
        case("seven pairs, by default", b=7),
        case("eighteen pairs", b=18, lam=0.2),
        case("no preferences", b=4, lam=0.0),
        case("float32, by default", b=5, dtype="float32"),
        case("nearly certain, float32", numbers=[[-2e-8, -0.7, -1e-4], [-1e-8, -3e-9, -1e-9]], dtype="float32", lam=2.0),
        case("a large lam", b=3, lam=25.0),
    ],
    fresh=1,
    cites=["nll + lam L_OR", "the weight λ of the second term", "differentiable with respect to all three tensors", "one loss for each pair nothing is averaged", "No reference model has a part in it", "nothing is detached"],
)
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


@check(
    points=1,
    inputs=pairs,
    lecture="the-slopes",
    public=[
        case("two pairs", numbers=[[-0.2876820724517809, -1.0], [-0.6931471805599453, -0.2]]),
        case("nearly certain", numbers=[[-1e-9, -3.0, -1e-9], [-2e-9, -1e-9, -5.0]]),
    ],
    hidden=[
        case("six pairs", b=6),
        case("twenty pairs", b=20),
        case("float32", b=4, dtype="float32", high=-0.001),
        case("not probable at all", numbers=[[-1e4, -80.0, -20.0], [-20.0, -1e4, -20.0]]),
        case("four dimensions", numbers=[[[[[-1.0, -0.2]], [[-3.0, -0.1]]]], [[[[-0.5, -0.3]], [[-1.0, -0.9]]]]]),
        case("nearly certain, float32", numbers=[[-1e-8, -3e-9], [-2e-8, -0.7]], dtype="float32"),
        case("a table", numbers=[[[-1.0, -0.2, -0.4], [-3.0, -0.1, -2.0]], [[-0.5, -0.3, -6.0], [-1.0, -0.9, -2.0]]]),
    ],
    fresh=1,
    cites=["they are -δ / (1 - P_c) and δ / (1 - P_r)", "The slopes of L_OR, element by element", "carry no gradient"],
)
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


@check(
    points=1,
    inputs=batch,
    lecture="a-batch-of-pairs",
    public=[
        case("one pair, two lengths", b=1, t=5, v=3, spans=[(1, 5), (2, 4)], lam=0.5),
        case("two pairs, by default", b=2, t=6, v=4, spans=[(2, 6), (1, 3), (3, 4), (2, 5)]),
        case("float32", b=3, t=5, v=5, dtype="float32", lam=1.0),
    ],
    hidden=[
        case("three pairs, padding on the left", b=3, t=7, v=3, spans=[(4, 7), (1, 7), (6, 7), (5, 7), (3, 7), (2, 7)], lam=2.0),
        case("no prompt at all", b=2, t=5, v=3, spans=[(0, 5), (0, 4), (0, 2), (0, 3)]),
        case("two places", b=4, t=2, v=6, spans=[(1, 2)] * 8, lam=0.7),
        case("as many rows as places and tokens", b=2, t=4, v=4, lam=0.4),
        case("loud logits", b=2, t=9, v=5, scale=200.0, lam=0.3, spans=[(1, 9), (1, 8), (2, 9), (1, 9)]),
        case("very loud logits", b=2, t=7, v=4, scale=3000.0, lam=0.3, spans=[(1, 7), (2, 7), (1, 6), (2, 7)]),
        case("lam of 0", b=2, t=5, v=3, lam=0.0),
        case("many pairs, many tokens", b=9, t=4, v=18),
        case("a large lam, long rows", b=2, t=20, v=3, lam=40.0),
    ],
    fresh=1,
    cites=["the mean over its own tokens", "the prompt counts in neither", "row B i is the answer that was rejected for row i", "Raises ValueError if the number of rows is odd", "The label at place 0 is ignored", "the mean of orpo_loss over the B pairs", "-100 in the prompt and in padding", "A token is predicted from the place before it"],
)
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


@check(
    points=1,
    inputs=listed,
    lecture="what-the-odds-ratio-leads-to",
    public=[
        case("two answers", numbers=[1.0, 0.0]),
        case("two prompts, three answers", numbers=[[20.0, 20.0, 20.0], [2.0, -1.0, 0.5]]),
        case("float32", prompts=(2,), n=5, dtype="float32"),
    ],
    hidden=[
        case("nine answers", n=9, scale=2.0),
        case("two dimensions of prompts", prompts=(2, 3), n=4),
        case("three dimensions of prompts", prompts=(2, 1, 2), n=3),
        case("twenty answers", n=20),
        case("eighteen prompts", prompts=(18,), n=3),
        case("as many prompts as answers", prompts=(4,), n=4, moved=30.0),
        case("one answer is far ahead", numbers=[[40.0, 0.0, -3.0], [-60.0, -99.0, -61.0]]),
        case("two tie far ahead", numbers=[[90.0, 90.0, -90.0, 0.0]]),
        case("far below zero", prompts=(3,), n=6, moved=-95.0),
        case("as large as rewards get", numbers=[[97.0, 97.0, 97.0, 97.0], [97.0, 96.5, 96.0, 97.0]]),
    ],
    fresh=1,
    cites=["So the probabilities are σ(r_i + c)", "which sums to 1 over the last dimension"],
)
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


@check(
    points=1,
    inputs=world,
    lecture="what-the-odds-ratio-leads-to",
    public=[case("four answers of one token", seed=1)],
    hidden=[
        case("two prompts, five answers", seed=2, prompts=2, vocab=5, lam=0.5),
        case("three answers, the usual weight", seed=3, prompts=3, vocab=3, lam=0.1),
        case("fine-tuning alone", seed=4, prompts=2, vocab=4, lam=0.0),
    ],
    cites=["The policy at which L_OR is smallest", "every log odds ratio equals the difference of the rewards"],
)
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
