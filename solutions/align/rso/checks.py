"""Checks of align/rso: rewards from wins, who is accepted, that the accepted ones follow the best policy, pairs, losses."""

import random

import torch

from autograder.checks import case, check, flags, implausible, raises, reject, with_gradients
from autograder.lab.answers import AnswerWorld


def wins(rng, shape=(), n=3, dtype="float64", beta=1.0, scale=1.0, moved=0.0, probabilities=None):
    found = probabilities or torch.sigmoid(2 * rng.normal(*shape, n, dtype="float64")).to(getattr(torch, dtype))
    rewards = scale * rng.normal(n, dtype="float64") + moved
    return {"wins": found, "rewards": rewards.to(getattr(torch, dtype)), "beta": beta}


@check(
    points=1,
    inputs=wins,
    lecture="a-reward-from-comparisons",
    public=[
        case("three answers", probabilities=[0.5, 0.8, 0.05], beta=0.5),
        case("float32, two rows", shape=(2,), n=4, dtype="float32"),
    ],
    hidden=[
        case("nearly never, nearly always", probabilities=[1e-12, 1 - 1e-9, 0.3, 1e-20], n=5, beta=2.0),
        case("never and always", probabilities=[0.0, 1.0, 0.5]),
        case("one answer", n=1, beta=0.1),
        case("wins without a dimension, rewards that hardly differ", probabilities=0.3, n=6, scale=1e-4, beta=1e-4),
        case("thirty rewards, four dimensions of wins", shape=(2, 1, 2), n=30, beta=0.6),
        case("rewards around a million", n=6, beta=0.7, moved=1e6),
        case("rewards around minus a million, float32", n=6, beta=20.0, scale=30.0, moved=-1e6, dtype="float32"),
        case("a tiny β", n=7, beta=1e-3),
        case("a huge β, two dimensions", shape=(3, 2), n=5, beta=1e6),
    ],
    fresh=1,
    cites=["the reward is r log p 1 p", "A probability of 0 gives -inf", "It is the mean of exp"],
)
def rewards_come_from_wins(student, wins, rewards, beta):
    """A reward is the logit of how often the answer beats the baseline; the acceptance rate is the mean of exp((r - max) / β)."""
    wins = torch.tensor(wins, dtype=torch.float64) if isinstance(wins, list | float) else wins
    return {
        "rewards": student.pairwise_rewards(wins),
        "once more": student.pairwise_rewards(1 - wins),
        "of a view": student.pairwise_rewards(wins[..., None].repeat_interleave(2, -1)[..., 0]),
        "acceptance": student.acceptance_rate(rewards, beta),
        "of others": student.acceptance_rate(-rewards, beta=beta),
        "in reverse": student.acceptance_rate(rewards.flip(0), beta),
        "another β": student.acceptance_rate(rewards.repeat_interleave(2)[::2], 3 * beta),
        "left": flags(wins, rewards),
    }


def candidates(rng, N=3, n=1, beta=1.0, dtype="float64", scale=1.0, moved=0.0, rewards=None, numbers=None, distinct=0):
    """Rewards of candidates, and more random numbers than are needed."""
    if rewards is None:
        rewards = (scale * rng.normal(N, dtype="float64")).tolist()
        if distinct:
            rewards = [rewards[rng.integer(0, distinct)] for _ in rewards]
    more = [rng.real(0.0, 1.0) for _ in range(N * (n + 1) + 3)] if numbers is None else numbers
    return {"rewards": torch.tensor(rewards, dtype=getattr(torch, dtype)) + moved, "n": n, "beta": beta, "numbers": more}


@check(
    points=2,
    inputs=candidates,
    lecture="accept-or-reject",
    public=[
        case("three candidates by hand", rewards=[0.0, 1.5, 1.0], n=2, numbers=[0.5, 0.9, 0.7, 0.3, 0.99, 0.123, 0.456]),
        case("five of eight, β = 0.5", N=8, n=5, beta=0.5),
        case("a large β takes nearly everybody at once", N=6, n=4, beta=50.0),
        case("equal rewards", rewards=[1.0, 3.0, 3.0, -1.0, 3.0], n=4, beta=2.0),
    ],
    hidden=[
        case("all of them", N=7, n=7, beta=0.7),
        case("float32", N=9, n=4, beta=1.5, dtype="float32"),
        case("one of one", N=1, n=1, beta=3.0),
        case("rewards around 100,000", N=6, n=3, beta=0.4, moved=1e5),
        case("rewards around a million that hardly differ", N=20, n=6, beta=0.005, scale=0.02, moved=1e6),
        case("a small β for small rewards", N=9, n=4, beta=1e-4, scale=1e-4),
        case("many of one reward", N=20, n=12, beta=0.6, distinct=3),
        case("64 candidates, 8 of them", N=64, n=8, beta=0.5),
        case("the best one comes last", rewards=[0.0, 0.5, 1.0, 1.5, 9.0], n=3, beta=1.0),
        case("all rewards are negative", rewards=[-8.0, -6.5, -9.0, -6.0], n=3, beta=2.0),
        case("numbers that are 0", rewards=[1.0, 3.0, -2.0], n=3, beta=0.5, numbers=[0.0, 0.75, 0.0, 0.0, 0.5, 0.0, 0.25] * 4),
    ],
    fresh=3,
    cites=["m stays the same until the sweep ends", "by growing place", "Nothing is accepted twice", "No number is taken that is not used"],
)
def candidates_are_accepted_in_sweeps(student, rewards, n, beta, numbers):
    """A candidate is accepted if its number is below exp((r - m)/β), where m is the largest reward that is left when the sweep begins."""
    rest = iter(numbers)
    accepted = student.rejection_sample(rewards, n, beta, rest)
    return {
        "accepted": accepted,
        "the next number": next(rest),
        "from a list": student.rejection_sample(rewards, n=n, beta=beta, uniforms=numbers),
        "one more point for everybody": student.rejection_sample(rewards + 1, n, beta, tuple(numbers)),
        "of a view": student.rejection_sample(rewards.repeat_interleave(2)[::2], n, beta, numbers),
        "another β": student.rejection_sample(rewards, min(n, 2), 3 * beta, numbers),
        "negated": student.rejection_sample(-rewards, n, beta, numbers),
        "left": flags(rewards),
    }


@check(
    points=1,
    inputs=candidates,
    lecture="two-ends-of-β",
    public=[
        case("a tiny β: the best first", rewards=[0.5, 2.0, -1.0, 1.0], n=3, beta=1e-3, numbers=[0.5] * 20),
        case("none at all", rewards=[0.5, 2.0], n=0, beta=1.0, numbers=[0.25, 0.75, 0.5, 0.125]),
    ],
    hidden=[
        case("a tiny β, all", rewards=[3.0, -2.0, 9.0, 4.0, 0.0], n=5, beta=1e-3, numbers=[0.4, 0.9] * 20),
        case("a huge β: the first ones", rewards=[3.0, -2.0, 9.0, 4.0, 0.0], n=3, beta=1e8, numbers=[0.4, 0.9, 0.99] * 20),
        case("a million, and a tiny β", rewards=[1e6, -1e6, 1e6 - 5, 0.0], n=4, beta=1e-3, numbers=[0.1, 0.9] * 20),
        case("all are equal", rewards=[2.0, 2.0, 2.0, 2.0], n=2, beta=0.3, numbers=[0.999] * 20),
        case("twenty, one in each sweep", rewards=[float((7 * i) % 20) for i in range(20)], n=20, beta=1e-3, numbers=[0.3, 0.8] * 120),
        case("a tiny chance, and a smaller number than most", rewards=[0.0, 40.0, 1.0], n=2, numbers=[1e-14, 0.5, 1e-14, 0.9, 0.3, 0.6] * 4),
        case("none of one", rewards=[2.0], n=0, beta=0.3, numbers=[0.5] * 20),
    ],
    cites=["Raises ValueError if n is negative", "takes no number"],
)
def a_tiny_beta_takes_the_best(student, rewards, n, beta, numbers):
    """A tiny β accepts the best ones, a huge β the first ones; what cannot be done raises ValueError."""
    rest = iter(numbers)
    return {
        "accepted": student.rejection_sample(rewards, n, beta, rest),
        "the next number": next(rest),
        "too many": raises("ValueError", lambda: student.rejection_sample(rewards, len(rewards) + 1, beta, numbers)),
        "negative": raises("ValueError", lambda: student.rejection_sample(rewards, -1, beta, numbers)),
        "beta 0": raises("ValueError", lambda: student.rejection_sample(rewards, n, 0.0, numbers)),
        "beta negative": raises("ValueError", lambda: student.rejection_sample(rewards, n, -beta, numbers)),
        "beta nan": raises("ValueError", lambda: student.rejection_sample(rewards, n, float("nan"), numbers)),
        "no number": raises("ValueError", lambda: student.rejection_sample(rewards, 1, beta, [])),
        "numbers end": raises("ValueError", lambda: student.rejection_sample(rewards, len(rewards), 1e-3, numbers[: len(rewards) - 1])),
    }


DRAWN = 4_000


def pool(rng, seed=0, vocab=2, length=2, beta=1.0, n=500):
    """A small world, and a seed of the candidates; `n` is far below what one sweep accepts."""
    return {"seed": seed, "vocab": vocab, "length": length, "beta": beta, "n": n, "drawn": rng.integer(0, 2**31)}


def follow_the_best_policy(seen, inputs):
    best = AnswerWorld(inputs["seed"], 1, inputs["vocab"], inputs["length"]).best(inputs["beta"])[0]
    if seen.ndim != 1 or len(seen) != inputs["n"] or not bool(((seen >= 0) & (seen < len(best))).all()):
        return reject("{n} candidates should be accepted; yours are {many}.", n=inputs["n"], many=seen.numel())
    counts = seen.bincount(minlength=len(best))
    if implausible(counts, best):
        return reject(
            "The accepted answers come with the shares {shares}; under the best policy they come with {best}.",
            shares=[round(x, 3) for x in (counts / counts.sum()).tolist()],
            best=[round(x, 3) for x in best.tolist()],
        )
    return None


@check(
    points=2,
    inputs=pool,
    judge=follow_the_best_policy,
    shapes="any",
    lecture="why-the-accepted-ones-follow-the-best-policy",
    public=[case("three answers", seed=1, beta=1.0, n=600)],
    hidden=[
        case("seven answers", seed=2, vocab=3, beta=1.0, n=500),
        case("a β of 2", seed=3, vocab=3, beta=2.0, n=1200),
        case("answers of three tokens", seed=5, length=3, beta=0.8, n=700),
    ],
    fresh=1,
    cites=["so that they look as if the best policy had written them", "as in the best policy"],
)
def accepted_answers_follow_the_best_policy(student, seed, vocab, length, beta, n, drawn):
    """Of 4,000 answers of the supervised model those are accepted that look as if the best policy had written them."""
    world = AnswerWorld(seed, 1, vocab, length)
    written = world.sample(world.reference(), DRAWN, torch.Generator().manual_seed(drawn))[0]
    numbers = iter(random.Random(drawn).random, None)
    accepted = student.rejection_sample(world.rewards[0][written], n, beta, numbers)
    return written[torch.tensor(accepted, dtype=torch.int64)]


def players(rng, n=4, odds=None, ids=None, kind="first-round"):
    ids = rng.sample(range(100), n) if ids is None else ids
    if odds is None:
        odds = [[rng.choice([0.1, 0.3, 0.45, 0.55, 0.8, 0.95]) for _ in ids] for _ in ids]
    return {"ids": ids, "odds": odds, "kind": kind}


@check(
    points=1,
    inputs=players,
    lecture="pairs",
    public=[
        case("the first round of four", ids=[5, 3, 8, 1], odds=[[0.5, 0.2, 0.5, 0.5], [0.5] * 4, [0.5, 0.5, 0.5, 0.9], [0.5] * 4]),
        case("a tournament of five", n=5, kind="tournament"),
        case("as probable as not", ids=[2, 9], odds=[[0.5, 0.5], [0.5, 0.5]], kind="tournament"),
    ],
    hidden=[
        case("the first round of seven", n=7),
        case("a tournament of eight", n=8, kind="tournament"),
        case("a tournament of seven", n=7, kind="tournament"),
        case("a tournament of eleven", n=11, kind="tournament"),
        case("a tournament of three", n=3, kind="tournament"),
        case("a tournament of forty-five", n=45, kind="tournament"),
        case("a little less than one half", ids=[2, 9], odds=[[0.5, 0.4999999], [0.4999999, 0.5]]),
        case("one answer", n=1, kind="tournament"),
        case("nobody", n=0, kind="tournament"),
    ],
    fresh=2,
    cites=["goes into the next round without a game behind the winners"],
)
def pairs_are_judged_once(student, ids, odds, kind):
    """The first round makes n // 2 pairs, a tournament n - 1; each pair is judged once, the better answer stands first."""
    asked = []

    def rm(a, b):
        asked.append([a, b])
        return odds[ids.index(a)][ids.index(b)]

    def judged(*arguments, **options):
        del asked[:]
        return {"pairs": student.rso_pairs(*arguments, **options), "asked": list(asked)}

    return {
        "pairs": judged(ids, rm, kind),
        "by default": judged(ids, rm),
        "by name": judged(ids=ids[::-1], rm=rm, kind="tournament"),
        "another kind": [raises("ValueError", lambda kind=kind: student.rso_pairs(ids, rm, kind=kind)) for kind in ("league", "first_round", "Tournament", "")],
        "ids": ids,
    }


NAMES = ("pc", "pr", "rc", "rr")
HAND = [[-4.0, -7.0], [-9.0, -3.0], [-6.0, -7.5], [-8.0, -4.0]]


def pairs(rng, b=1, dtype="float64", spread=3.0, numbers=None, **options):
    """Log-probabilities of `b` pairs. `options` are left to their defaults where a case has none."""
    if numbers:
        given = [torch.tensor(each) for each in numbers]
    else:
        rc, rr = (-20.0 * rng.uniform(0.5, 2.0, b) for _ in range(2))
        pc, pr = rc + spread * rng.normal(b, dtype="float64"), rr + spread * rng.normal(b, dtype="float64")
        given = [each.to(getattr(torch, dtype)) for each in (pc, pr, rc, rr)]
    return dict(zip(NAMES, given, strict=True)) | {"options": options}


@check(
    points=1,
    inputs=pairs,
    lecture="three-losses",
    public=[
        case("two pairs, sigmoid-norm by default", numbers=HAND, gamma=0.5),
        case("hinge-norm", numbers=HAND, gamma=0.25, kind="hinge-norm"),
        case("hinge", numbers=HAND, gamma=0.125, kind="hinge"),
    ],
    hidden=[
        case("γ = 0.05, which is the default", b=6, spread=9.0),
        case("one pair", b=1, gamma=2.0),
        case("float32", b=5, dtype="float32", gamma=0.3),
        case("hinge-norm, many pairs", b=9, gamma=0.4, kind="hinge-norm"),
        case("hinge, by default", b=7, spread=12.0, kind="hinge"),
        case("hinge, a large γ", b=5, gamma=3.0, kind="hinge"),
        case("far apart", numbers=[[0.0, -5000.0], [-5000.0, 0.0], [-50.0, -50.0], [-50.0, -50.0]], gamma=2.0),
        case("far apart, hinge-norm", numbers=[[0.0, -5000.0], [-5000.0, 0.0], [-50.0, -50.0], [-50.0, -50.0]], gamma=2.0, kind="hinge-norm"),
    ],
    fresh=1,
    cites=["no gradient reaches rc and rr", "log σ γ h", "the loss of SLiC", "gives finite losses and gradients"],
)
def three_losses_of_a_pair(student, pc, pr, rc, rr, options):
    """sigmoid-norm is -log σ(γ h), hinge-norm is max(0, 1 - γ h), and hinge does not know the supervised model."""
    torch.manual_seed(5)
    given = {"pc": pc, "pr": pr, "rc": rc, "rr": rr}
    leaves = {name: each.clone().requires_grad_() for name, each in given.items()}
    student.rso_loss(*leaves.values(), **options).sum().backward()
    return {
        "losses": student.rso_loss(**given, **options),
        "gradients": [leaves[name].grad for name in ("pc", "pr")],
        "reached": [bool(leaves[name].grad is not None and leaves[name].grad.any()) for name in ("rc", "rr")],
        "exchanged": with_gradients(lambda pc, pr: student.rso_loss(pr, pc, rr, rc, **options), pc=pc, pr=pr),
        "another reference": student.rso_loss(pc, pr, rc + 1.5, rr - 0.5, **options),
        "of views": student.rso_loss(*(each.repeat_interleave(2)[::2] for each in given.values()), **options),
        "another kind": [raises("ValueError", lambda kind=kind: student.rso_loss(pc, pr, rc, rr, kind=kind)) for kind in ("sigmoid", "hinge-nrom", "sigmoid-norm-x")],
        "left": flags(*given.values()),
        "chance": torch.rand(2),  # nothing was drawn, and nothing was seeded
    }
