"""Checks of gpt/instructgpt_losses: pairs, ranks and ties, prompts, far rewards, the zero point, the objective."""

import torch

from autograder.checks import Tolerance, case, check, flags, with_gradients


def rewards(rng, shape=(), scale=1.0, dtype="float64", moved=0.0, numbers=None):
    """Rewards that stand from the best response to the worst as people ranked them; the model knows nothing of it yet."""
    r = torch.tensor(numbers) if numbers else rng.normal(*shape, scale=scale, dtype=dtype) + moved
    return {"r": r}


def losses(student, r, *ranks):
    return with_gradients(lambda r: student.rm_ranking_loss(r, *ranks), r=r)


@check(
    points=1,
    inputs=rewards,
    lecture="all-pairs-of-one-prompt",
    public=[
        case("three responses: distances 1, 2, 1", numbers=[[2.0, 1.0, 0.0]]),
        case("two prompts, in float64", shape=(2, 4)),
        case("all rewards are equal: ln 2", numbers=[[0.5, 0.5, 0.5]]),
        case("the best one has the lowest reward; two prompts", numbers=[[0.0, 1.0, 2.5, 3.0], [1.0, 2.0, 0.0, -1.0]]),
    ],
    hidden=[
        case("4 prompts, 7 responses", shape=(4, 7)),
        case("two responses", shape=(5, 2)),
        case("some rewards are equal", numbers=[[1.0, 2.0, 1.0, 1.0], [0.0, 0.0, 3.0, 3.0]]),
        case("nine responses, one prompt", shape=(1, 9), scale=2.0),
        case("twelve responses", shape=(2, 12)),
        case("as many prompts as responses", shape=(5, 5)),
        case("all rewards are near 300", shape=(3, 4), moved=300.0),
        case("float32", shape=(6, 3), dtype="float32"),
        case("as many as in a real batch", shape=(64, 9)),
        case("eight responses, some rewards are equal", numbers=[[1.0, 2.0, 1.0, 1.0, -1.0, 2.0, 0.5, 1.0]]),
    ],
    fresh=2,
    cites=["Each pair counts once", "None means that the responses", "are never compared", "Tensors may be views"],
)
def every_pair_counts_once(student, r):
    """The loss of a prompt is the mean of -log σ(better - worse) over all of its pairs, and the result is the mean over the prompts."""
    view = r.T.contiguous().T
    return {
        "loss": student.rm_ranking_loss(r),
        "with gradients": losses(student, r),
        "backwards": losses(student, r.flip(1)),
        "of a view": student.rm_ranking_loss(view),
        "of an expanded one": student.rm_ranking_loss(r[:1].expand(3, -1)),
        "once more": student.rm_ranking_loss(r),
        "left": flags(r, view),
    }


def ranked(rng, shape=(), ranks=None, r=None, scale=1.0, step=0.0, dtype="float64", levels=()):
    """Rewards (multiples of `step`) and the labelers' ranks: given, or each prompt's a new order of `levels`."""
    if levels:
        ranks = [rng.shuffled(list(levels)) for _ in range(shape[0])]
    r = torch.tensor(r, dtype=getattr(torch, dtype)) if r else rng.normal(*(shape or torch.tensor(ranks).shape), scale=scale, dtype=dtype)
    r = (r / step).round() * step if step else r  # equal or far apart: what float32 rounds is more than the tolerance in between
    return {"r": r, "ranks": torch.tensor(ranks)}


@check(
    points=1,
    inputs=ranked,
    lecture="ranks-and-ties",
    public=[
        case("the last is the best", ranks=[[3, 2, 1]], r=[[2.0, 1.0, 0.0]], dtype="float32"),
        case("two responses tie", ranks=[[1, 2, 1, 3]], r=[[2.0, 1.0, 0.0, 1.5]]),
    ],
    hidden=[
        case("in another order for each prompt", shape=(4, 6), levels=(1, 2, 3, 4, 5, 6)),
        case("numbers of any size", shape=(3, 4), levels=(-5, 0, 40, 7)),
        case("the best one has 0", shape=(5, 3), levels=(0, 1, 2)),
        case("the same ties in every prompt", shape=(4, 5), levels=(1, 1, 2, 3, 3)),
        case("three tie in every prompt, two are worse", shape=(3, 5), levels=(2, 2, 2, 9, 9)),
        case("two responses, float32", shape=(7, 2), levels=(1, 2), dtype="float32"),
        case("huge numbers", shape=(2, 3), levels=(2**40, 2**40 + 1, -(2**40))),
        case("the smallest and the largest int64", shape=(3, 4), levels=(2**63 - 1, 2**63 - 2, 0, -(2**63))),
        case("wrong by 12 to 17, float64", ranks=[[2, 1], [1, 2], [2, 1]], r=[[13.5, 0.5], [-3.0, 9.25], [0.0, -17.0]]),
    ],
    fresh=1,
    cites=["Smaller is better", "Equal numbers are a tie", "Ties are dropped"],
)
def ranks_say_what_was_preferred(student, r, ranks):
    """A smaller rank is preferred, wherever the response stands; responses with equal ranks are no comparison."""
    other = ranks.flip(1)
    return {
        "loss": losses(student, r, ranks),
        "by name": student.rm_ranking_loss(r=r, ranks=ranks),
        "other ranks": losses(student, r, other),
        "of views": student.rm_ranking_loss(r.T.contiguous().T, ranks.T.contiguous().T),
        "columns in another order": student.rm_ranking_loss(r.flip(1), other),
        "without ranks": student.rm_ranking_loss(r),
    }


@check(
    points=1,
    inputs=ranked,
    lecture="all-pairs-of-one-prompt",
    public=[
        case("one prompt has six pairs, one has three", ranks=[[1, 2, 3, 4], [2, 1, 1, 1]], r=[[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 1.5]], dtype="float32")
    ],
    hidden=[
        case("6, 5 and 3 pairs", ranks=[[1, 2, 3, 4], [1, 2, 2, 3], [1, 1, 1, 2]]),
        case("four pairs, and ten", ranks=[[1, 2, 3, 4, 5], [1, 1, 1, 1, 2], [2, 1, 1, 1, 1], [1, 5, 2, 4, 3]]),
        case("ties at other places", ranks=[[0, 0, 1], [0, 1, 1], [0, 1, 2], [2, 0, 1], [1, 0, 0]], dtype="float32"),
        case("far apart", ranks=[[1, 2, 2, 2, 2, 2], [1, 2, 3, 4, 5, 6]], scale=3.0),
    ],
    cites=["each prompt weighs the same", "are one element of the batch"],
)
def each_prompt_weighs_the_same(student, r, ranks):
    """A prompt with few comparisons weighs as much as one with many: first the mean over its pairs, then over the prompts."""
    return {"loss": losses(student, r, ranks), "upside down": losses(student, r.flip(0), ranks.flip(0))}


@check(
    points=1,
    inputs=ranked,
    lecture="ranks-and-ties",
    public=[
        case("all tie", ranks=[[1, 1, 1]], r=[[2.0, 1.0, 0.0]], dtype="float32"),
        case("all tie in one of two prompts", ranks=[[1, 1, 1], [1, 2, 3]], r=[[2.0, 1.0, 0.0], [1.0, 0.5, 2.0]]),
    ],
    hidden=[
        case("all tie in every prompt", ranks=[[4, 4], [0, 0], [-1, -1]]),
        case("one response", ranks=[[1], [2], [3]]),
        case("one response to one prompt, float32", ranks=[[1]], dtype="float32"),
        case("three of four prompts", ranks=[[2, 2, 2], [0, 0, 0], [3, 1, 2], [5, 5, 5]]),
        case("the first of three", ranks=[[7, 7, 7, 7], [1, 2, 4, 3], [4, 3, 2, 1]]),
    ],
    cites=["are left out of this mean", "gives r a gradient of zeros", "If there is no other prompt"],
)
def without_a_pair_nothing_is_learned(student, r, ranks):
    """A prompt without comparisons is left out of the mean; if none is left, the loss is 0 and so is its gradient, never nan."""
    return {"loss": losses(student, r, ranks), "first response alone": losses(student, r[:, :1])}


@check(
    points=1,
    inputs=ranked,
    tolerance=Tolerance(atol=1e-8, rtol=1e-6),
    lecture="far-apart",
    public=[
        case("200 apart, right and wrong", ranks=[[1, 2], [2, 1]], r=[[200.0, 0.0], [200.0, 0.0]], dtype="float32"),
    ],
    hidden=[
        case("10,000 and -10,000", ranks=[[1, 2, 3], [3, 2, 1]], r=[[1e4, 0.0, -1e4], [1e4, 0.0, -1e4]]),
        case("float64", shape=(3, 5), levels=(1, 2, 3, 4, 5), scale=3e3),
        case("float32", shape=(2, 4), levels=(1, 2, 3, 4), scale=100.0, step=32.0, dtype="float32"),
        case("ties are far apart too", ranks=[[1, 1, 2]], r=[[-9e3, 9e3, 0.0]]),
        case("around 100", ranks=[[2, 1], [2, 1], [2, 1]], r=[[88.0, 0.0], [90.0, 0.0], [104.0, 0.0]], dtype="float32"),
        case("right by far", ranks=[[1, 2], [1, 2], [1, 2]], r=[[15.0, 0.0], [30.0, 0.0], [700.0, 0.0]]),
    ],
    cites=["give a finite loss", "costs its whole distance"],
)
def far_rewards_stay_finite(student, r, ranks):
    """A pair in the wrong order costs its whole distance, however large, and its gradient does not vanish."""
    return losses(student, r, ranks)


def demonstrations(rng, shape=(), demos=(), dtype="float64", scale=1.0, numbers=None):
    if numbers:
        return dict(zip(("r", "demo_r"), map(torch.tensor, numbers), strict=True))
    return {"r": rng.normal(*shape, dtype=dtype), "demo_r": rng.normal(*demos, scale=scale, dtype=dtype) + 0.75}


@check(
    points=1,
    inputs=demonstrations,
    lecture="where-is-zero",
    public=[
        case("three demonstrations", numbers=[[5.0, 2.0], [1.0, 2.0, 6.0]]),
        case("equal ones", numbers=[[5.0, 2.0], [1.0, 1.0, 1.0, 5.0]]),
        case("three responses to each of two prompts", numbers=[[[5.0, 2.0, 1.0], [0.0, -1.0, 3.0]], [-2.0, 4.0, 1.0, 3.0]]),
    ],
    hidden=[
        case("one reward", shape=(1,), demos=(6,)),
        case("a bias of 0", numbers=[[5.0, -2.0, 0.5], [1.0, -3.0, 2.0]]),
        case("one demonstration", shape=(3, 5), demos=(1,)),
        case("demonstrations in a table", shape=(4, 3), demos=(2, 3)),
        case("as many as rewards", shape=(5,), demos=(5,)),
        case("a single number", shape=(), demos=(4,)),
        case("three dimensions, float32", shape=(2, 3, 4), demos=(7,), dtype="float32"),
        case("loud demonstrations", shape=(2, 6), demos=(3, 2, 5), scale=40.0),
        case("two thousand demonstrations", shape=(4,), demos=(2, 1000)),
    ],
    fresh=1,
    cites=["shifted by one bias", "All of them have the same weight", "nothing is scaled", "Returns a new tensor"],
)
def demonstrations_have_a_mean_of_zero(student, r, demo_r):
    """All rewards are shifted by one number, the mean of the demonstrations' rewards, and nothing is scaled."""
    shifted = with_gradients(lambda r: student.normalize_bias(r, demo_r), r=r)
    given = r.clone()
    first = student.normalize_bias(given, demo_r)
    first += 1  # the caller's own now
    return {
        "shifted": shifted,
        "the demonstrations themselves": student.normalize_bias(demo_r, demo_r),
        "by others": student.normalize_bias(r, demo_r * demo_r),
        "by a small bias": student.normalize_bias(r, demo_r - demo_r.mean() + 3e-7),
        "of views": student.normalize_bias(r.movedim(0, -1) if r.ndim else r, demo_r.movedim(0, -1)),
        "what was given": given,
        "left": flags(r, demo_r),
    }


def rollouts(rng, b=1, m=1, dtype="float64", numbers=None, length=20, **options):
    """Responses with their rewards, and pretraining texts. `options` are left to their defaults where a case has none."""
    if numbers:
        reward, logp, logp_sft, lm_nll = (torch.tensor(each) for each in numbers)
    else:
        reward, logp = rng.normal(b, dtype=dtype), -length * rng.uniform(0.5, 3.0, b).to(getattr(torch, dtype))
        logp_sft, lm_nll = logp + rng.normal(b, scale=3.0, dtype=dtype), rng.uniform(1.0, 4.0, m).to(getattr(torch, dtype))
    return {"reward": reward, "logp": logp, "logp_sft": logp_sft, "lm_nll": lm_nll, "options": options}


def objective(student, options, **tensors):
    """The objective and its gradients; one that does not arrive, as where a term with the factor 0 is left out, is one of zeros."""
    seen = with_gradients(lambda **given: student.ppo_ptx_objective(**given, **options), **tensors)
    arrived = seen["gradients"].items()
    return seen | {"gradients": {name: torch.zeros_like(tensors[name]) if grad is None else grad for name, grad in arrived}}


NUMBERS = [[3.0, 1.0], [-4.0, -9.0], [-6.0, -8.0], [2.0]]


@check(
    points=1,
    inputs=rollouts,
    lecture="a-price-for-leaving",
    public=[
        case("two responses", numbers=NUMBERS, beta=0.5, gamma=0.0),
        case("the paper's β", numbers=[[1.0], [-5.0], [-55.0], [2.0, 3.0]], gamma=0.0),
    ],
    hidden=[
        case("five responses", b=5, m=3, gamma=0.0),
        case("a large β", b=4, m=6, beta=2.0, gamma=0.0),
        case("β = 0", b=3, m=2, beta=0.0, gamma=0.0),
        case("one response, float32", b=1, m=5, beta=0.3, gamma=0.0, dtype="float32"),
        case("long responses", b=6, m=2, length=400, beta=0.1, gamma=0.0),
        case("both parts", b=4, m=3, beta=0.7, gamma=1.5),
        case("a reward of 0", numbers=[[0.0, 2.0, 0.0], [-4.0, -3.0, -5.0], [-3.0, -5.0, -9.0], [1.0, 2.0]], beta=0.5, gamma=0.0),
        case("less likely than before", numbers=[[0.5, 2.0, 1.0], [-40.0, -30.0, -25.0], [-10.0, -29.0, -7.0], [1.0]], beta=0.25, gamma=0.0),
    ],
    fresh=1,
    cites=["for a single response it may be negative", "Nothing is clipped, detached or squared", "taken off", "0 is the paper s plain PPO", "may be left out of the sum"],
)
def leaving_the_supervised_model_has_a_price(student, reward, logp, logp_sft, lm_nll, options):
    """The first part is the mean of reward - β (logp - logp_sft), also where a response is less likely than before."""
    return {
        "objective": objective(student, options, reward=reward, logp=logp, logp_sft=logp_sft, lm_nll=lm_nll),
        "one after the other": student.ppo_ptx_objective(reward, logp, logp_sft, lm_nll, **options),
        "exchanged": student.ppo_ptx_objective(reward, logp_sft, logp, lm_nll, **options),
        "another price": student.ppo_ptx_objective(reward, logp, logp_sft, lm_nll, beta=1.25, gamma=0.0),
        "unchanged model": student.ppo_ptx_objective(reward, logp, logp, lm_nll, **options),
    }


@check(
    points=1,
    inputs=rollouts,
    lecture="not-to-forget",
    public=[
        case("two responses, one text", numbers=NUMBERS, beta=0.0, gamma=0.25),
        case("two responses, three texts", numbers=[*NUMBERS[:3], [2.0, 3.0, 1.0]], beta=0.0, gamma=2.0),
    ],
    hidden=[
        case("the paper's γ", b=3, m=5, beta=0.0),
        case("eight texts for each response", b=2, m=16, beta=0.0),
        case("one text", b=6, m=1, beta=0.0, gamma=0.5),
        case("as many texts as responses", b=4, m=4, beta=0.0, gamma=3.0),
        case("float32", b=3, m=7, beta=0.0, gamma=1.0, dtype="float32"),
        case("perfectly known texts", numbers=[*NUMBERS[:3], [0.0, 0.0, 0.0]], beta=0.0),
    ],
    fresh=1,
    cites=["to be maximised", "has nothing to do with B"],
)
def pretraining_is_not_forgotten(student, reward, logp, logp_sft, lm_nll, options):
    """γ times the mean log-likelihood of the pretraining texts is added, and the result is what is maximised."""
    tensors = {"reward": reward, "logp": logp, "logp_sft": logp_sft, "lm_nll": lm_nll}
    wide = {name: each.repeat_interleave(2)[::2] for name, each in tensors.items()}
    return {
        "objective": objective(student, options, **tensors),
        "of views": student.ppo_ptx_objective(**wide, **options),
        "other texts": student.ppo_ptx_objective(reward, logp, logp_sft, 2 * lm_nll, **options),
        "left": flags(*tensors.values()),
    }
