"""Checks of align/rrhf: scores, the rank loss, the best answer's loss, the whole, and what training with it leads to."""

import torch

from autograder.checks import case, check, flags, with_gradients
from autograder.lab.answers import AnswerWorld


def batch(rng, prompts=(), k=1, t=3, v=2, dtype="float64", scale=1.0, spans=None, moved=0.0, extreme=False):
    """Logits, and labels of which those in `spans` (one for each answer, from and to) are an answer; by default all but the first third."""
    tokens = rng.integers(0, v, *prompts, k, t)
    labels = torch.full((*prompts, k, t), -100)
    for row, (start, end) in enumerate(spans or [(t // 3 + i % 2, t - (i * i) % 3) for i in range(k)]):
        labels[..., row, start:end] = tokens[..., row, start:end]
    logits = rng.normal(*prompts, k, t, v, scale=scale, dtype=dtype) + moved
    return {"logits": 1e4 * logits.sign() if extreme else logits, "labels": labels}


def with_alpha(rng, alpha=None, **sizes):
    return batch(rng, **sizes) | {"options": {} if alpha is None else {"alpha": alpha}}


@check(
    points=2,
    inputs=batch,
    lecture="the-score-of-an-answer",
    public=[
        case("two answers of two lengths", k=2, t=5, v=3, spans=[(1, 5), (2, 4)]),
        case("two prompts with three answers each", prompts=(2,), k=3, t=6, v=4, spans=[(2, 6), (3, 5), (1, 2)]),
        case("float32", k=3, t=4, v=5, dtype="float32"),
        case("large logits, and no prompt", k=2, t=4, v=3, scale=900.0, spans=[(0, 4), (0, 2)]),
    ],
    hidden=[
        case("padding on the left", k=2, t=8, v=3, spans=[(5, 8), (3, 8)]),
        case("answers of one token", k=4, t=6, v=7, spans=[(1, 2), (5, 6), (3, 4), (2, 3)]),
        case("no prompt at all", k=3, t=5, v=3, spans=[(0, 5), (0, 4), (0, 2)]),
        case("large logits", k=2, t=5, v=3, scale=3000.0, moved=5000.0),
        case("logits of 1e4 and -1e4", k=7, t=9, v=4, extreme=True),
        case("many answers, long rows, many tokens", k=18, t=19, v=20, spans=[(i // 3, 19 - i // 4) for i in range(18)]),
        case("as many answers as places and tokens", k=5, t=5, v=5),
        case("two dimensions of prompts", prompts=(3, 2), k=2, t=5, v=4, spans=[(2, 5), (1, 3)]),
        case("two places", k=5, t=2, v=6, spans=[(1, 2)] * 5),
        case("one of everything, and a vocabulary of one token", prompts=(1,), k=1, t=2, v=1, spans=[(1, 2)]),
    ],
    fresh=2,
    cites=["the sum of its tokens log probabilities", "A token of the answer is predicted from the place before it", "and is not counted", "logits[..., t, :] are about the token at t + 1", "-100 in the prompt and in padding", "there may be none, one or several", "Logits in size up to 1e4"],
)
def a_score_is_a_mean_log_probability(student, logits, labels):
    """The score is the mean log-probability of the answer's own tokens, each predicted from the place before it; prompt and padding count nothing."""
    torch.manual_seed(5)
    torch.rand(1)  # from here on a seed that is set inside shows, too
    return {
        "scores": with_gradients(lambda logits: student.length_norm_scores(logits, labels), logits=logits),
        "padded on": student.length_norm_scores(
            torch.cat([logits, logits[..., :2, :]], -2), torch.cat([labels, torch.full_like(labels[..., :2], -100)], -1)
        ),
        "of views": student.length_norm_scores(logits.mT.contiguous().mT, labels.mT.contiguous().mT),
        "each answer alone": torch.stack([student.length_norm_scores(logits[..., i, :, :], labels[..., i, :]) for i in range(labels.shape[-2])]),
        "left": flags(logits, labels),
        "labels": labels,
        "chance": torch.rand(2),  # nothing was drawn, and nothing was seeded
    }


@check(
    points=1,
    inputs=with_alpha,
    lecture="long-and-short-answers",
    public=[
        case("the plain sum", k=2, t=6, v=3, alpha=0.0, spans=[(1, 6), (4, 6)]),
        case("by the square root", k=3, t=6, v=3, alpha=0.5, spans=[(1, 5), (5, 6), (2, 4)]),
        case("an answer without tokens", k=2, t=5, v=4, spans=[(2, 5), (0, 0)]),
    ],
    hidden=[
        case("alpha above 1", k=3, t=7, v=4, alpha=1.6, spans=[(1, 7), (3, 4), (2, 5)]),
        case("a very large alpha", k=3, t=4, v=4, alpha=18.0, spans=[(1, 3), (3, 4), (2, 4)]),
        case("alpha of 2, float32", k=3, t=7, v=4, alpha=2.0, dtype="float32", spans=[(1, 7), (3, 4), (2, 5)]),
        case("only the first place has a label", k=3, t=5, v=3, spans=[(0, 1), (0, 3), (1, 5)]),
        case("no answer has a token, alpha of 0", k=2, t=4, v=3, alpha=0.0, spans=[(0, 0), (0, 1)]),
        case("large logits, and an answer without tokens", k=3, t=6, v=3, alpha=0.7, scale=2000.0, spans=[(1, 6), (0, 0), (4, 6)]),
    ],
    fresh=1,
    cites=["to the power alpha", "An answer without any token has the score 0", "0 the plain sum"],
)
def length_counts_to_the_power_alpha(student, logits, labels, options):
    """The sum is divided by the answer's number of tokens to the power alpha; without tokens the score is 0, with finite gradients."""
    return {
        "scores": with_gradients(lambda logits: student.length_norm_scores(logits, labels, **options), logits=logits),
        "sums": student.length_norm_scores(logits, labels, 0.0),
        "by default": student.length_norm_scores(logits=logits, labels=labels),
    }


def ranked(rng, prompts=(), k=2, dtype="float64", numbers=None, whole=False, levels=None, scale=1.0, agree=False, exact=False):
    """Scores, and rewards: all different, or of a few `levels`, so that some tie."""
    if numbers:
        p, r = torch.tensor(numbers[0], dtype=torch.float64), torch.tensor(numbers[1], dtype=torch.float64 if exact else None)
    else:
        p = -scale * rng.uniform(0.1, 3.0, *prompts, k)
        if levels:
            r = rng.integers(-1, levels - 1, *prompts, k)
        else:
            flat = torch.stack([rng.permutation(k) for _ in range(max(p[..., 0].numel(), 1))])
            r = flat.reshape(p.shape) - 1
        if agree:
            r = p.argsort(-1).argsort(-1)
        r = r if whole else 0.37 * r.double()
    return {"p": p.to(getattr(torch, dtype)), "r": r}


@check(
    points=1,
    inputs=ranked,
    lecture="the-rank-loss",
    public=[
        case("three answers", numbers=[[-1.0, -2.0, -4.0], [1.0, 3.0, 2.0]]),
        case("the order is right", numbers=[[-1.0, -2.0, -4.0], [3.0, 2.5, -7.0]]),
        case("two prompts", prompts=(2,), k=4),
    ],
    hidden=[
        case("six answers", k=6),
        case("nineteen answers", k=19),
        case("scores that are nearly equal", numbers=[[-1.0, -1.00000005, -1.00000009], [0.0, 1.0, 2.0]]),
        case("one answer", k=1),
        case("five answers in the right order", k=5, agree=True),
        case("as many prompts as answers, float32", prompts=(3,), k=3, dtype="float32"),
        case("two dimensions of prompts", prompts=(2, 3), k=4),
        case("three dimensions of prompts", prompts=(2, 1, 2), k=3),
        case("large scores", k=5, scale=400.0),
        case("one prompt, in a dimension of its own", prompts=(1,), k=3),
        case("all the wrong way round", numbers=[[-0.1, -0.4, -1.6, -2.5], [1.0, 2.0, 3.0, 9.0]]),
    ],
    fresh=2,
    cites=["Each pair counts once", "nothing is divided by the number of pairs", "There is no margin", "The sum is 0 if there is no such pair", "The result is differentiable with respect to p"],
)
def a_wrong_pair_costs_its_distance(student, p, r):
    """Each pair of answers with r_i < r_j costs max(0, p_i - p_j): a sum for each prompt, without a margin or a mean."""
    torch.manual_seed(5)
    torch.rand(1)
    turn = list(range(p.shape[-1]))[::-1]
    return {
        "loss": with_gradients(lambda p: student.rank_loss(p, r), p=p),
        "the rewards turned round": with_gradients(lambda p: student.rank_loss(p, -r), p=p),
        "in another order": student.rank_loss(p[..., turn], r[..., turn]),
        "of halves": student.rank_loss(p / 2, r),
        "of views": student.rank_loss(p.repeat_interleave(2, -1)[..., ::2], r.repeat_interleave(2, -1)[..., ::2]),
        "left": flags(p, r),
        "chance": torch.rand(2),
    }


@check(
    points=1,
    inputs=ranked,
    lecture="the-rank-loss",
    public=[
        case("two of three tie", numbers=[[-1.0, -2.0, -4.0], [5, 5, 7]]),
        case("all tie", numbers=[[-1.0, -2.0], [0.5, 0.5]]),
        case("three levels", prompts=(2,), k=5, levels=3, whole=True),
        case("large rewards that differ by one", numbers=[[-1.0, -2.0], [10**12, 10**12 + 1]]),
    ],
    hidden=[
        case("two levels", k=6, levels=2, whole=True),
        case("ties and float32 scores", prompts=(3,), k=4, levels=3, dtype="float32"),
        case("ties of large rewards", numbers=[[-3.0, -1.0, -2.0, -0.5], [10**15 + 1, 10**15 + 1, 10**15 + 2, 10**15]], dtype="float32"),
        case("four levels", prompts=(2,), k=7, levels=4),
        case("whole rewards beyond what float64 tells apart", numbers=[[-1.0, -2.0, -1.5], [2**53, 2**53 + 1, 2**53]]),
        case("rewards that are nearly equal", numbers=[[-1.0, -2.0, -2.5], [0.25, 0.25 + 1e-12, 0.25]], exact=True),
    ],
    fresh=1,
    cites=["Only their order counts", "equal rewards say nothing about a pair", "floating point of any dtype or int64"],
)
def only_the_order_of_rewards_counts(student, p, r):
    """Answers with equal rewards are no pair, and another scale of the rewards, or whole numbers, change nothing."""
    return {
        "loss": with_gradients(lambda p: student.rank_loss(p, r), p=p),
        "of rewards between 0 and 1": student.rank_loss(p, torch.sigmoid((r - r.double().mean()) / 3).double()),
        "of ranks": student.rank_loss(p=p, r=(r[..., None] > r[..., None, :]).sum(-1)),
        "of rewards in bfloat16": student.rank_loss(p, r.bfloat16()),
        "of negative ranks": student.rank_loss(p, -(r[..., None] > r[..., None, :]).sum(-1)),
    }


def rewarded(rng, r=None, levels=None, options=None, **sizes):
    made = batch(rng, **sizes)
    shape = made["labels"].shape[:-1]
    made["r"] = torch.tensor(r, dtype=torch.float64 if isinstance(r[0], float) else None) if r else rng.normal(*shape, dtype="float64")
    if levels:
        made["r"] = rng.integers(-levels, 0, *shape)
    return made | {"options": options or {}}


@check(
    points=1,
    inputs=rewarded,
    lecture="learning-from-the-best",
    public=[
        case("the second is best", k=3, t=5, v=3, r=[0.0, 2.0, -1.0], spans=[(2, 3), (1, 4), (2, 5)]),
        case("two tie", k=3, t=5, v=4, r=[1.0, 2.0, 2.0], spans=[(2, 5), (1, 2), (2, 4)]),
        case("three prompts", prompts=(3,), k=2, t=6, v=3),
    ],
    hidden=[
        case("all tie", k=4, t=5, v=3, r=[1, 1, 1, 1], spans=[(3, 5), (1, 5), (1, 2), (2, 5)]),
        case("one answer", k=1, t=6, v=4),
        case("seven bad answers, and 57 that tie", k=64, t=3, v=2, r=[0.0] * 7 + [1.0] * 57, spans=[(1, 2 + i % 2) for i in range(64)]),
        case("the best has no token", k=3, t=5, v=3, r=[0.0, 2.0, 1.0], spans=[(2, 4), (0, 0), (1, 5)]),
        case("nearly a tie, float32 logits", k=3, t=5, v=3, r=[1.0, 1.0 + 1e-9, 1.0], spans=[(3, 5), (1, 5), (1, 2)], dtype="float32"),
        case("large whole rewards, float32 logits", k=3, t=5, v=3, r=[2**24, 2**24 + 1, 2**24], spans=[(3, 5), (1, 5), (1, 2)], dtype="float32"),
        case("long rows, many tokens", k=2, t=20, v=18),
        case("nearly a tie", k=3, t=5, v=3, r=[1.0, 1.0 + 1e-12, 1.0], spans=[(3, 5), (1, 5), (1, 2)]),
        case("ties of whole negative rewards", prompts=(2, 2), k=4, t=5, v=3, levels=2),
        case("the best is the least probable, float32", k=3, t=4, v=3, r=[0.1, 0.2, 9.0], scale=5.0, dtype="float32"),
        case("as many prompts as answers", prompts=(4,), k=4, t=4, v=4),
        case("huge whole rewards", k=3, t=5, v=3, r=[2**53, 2**53 + 1, 2**53], spans=[(3, 5), (1, 5), (1, 2)]),
        case("much padding", k=2, t=9, v=3, r=[3.0, 1.0], spans=[(1, 3), (1, 9)]),
        case("one prompt, in a dimension of its own", prompts=(1,), k=3, t=5, v=4),
        case("one answer to each of two prompts, two places", prompts=(2, 1), k=1, t=2, v=3, spans=[(1, 2)]),
    ],
    fresh=1,
    cites=["Of equal rewards the first answer is taken", "the other answers logits have the gradient 0", "It is a sum whatever the answer s length"],
)
def the_best_answer_is_imitated(student, logits, labels, r, options):
    """The answer with the largest reward, the first of equal ones, costs minus the sum of its log-probabilities; the others cost nothing."""
    torch.manual_seed(5)
    torch.rand(1)
    return {
        "loss": with_gradients(lambda logits: student.sft_on_best(logits, labels, r), logits=logits),
        "of the worst": student.sft_on_best(logits, labels, -r),
        "padded on": student.sft_on_best(
            torch.cat([logits, logits[..., :3, :]], -2), torch.cat([labels, torch.full_like(labels[..., :1], -100).expand(*labels.shape[:-1], 3)], -1), r
        )
        if labels.shape[-1] > 2
        else None,
        "by name": student.sft_on_best(logits=logits, labels=labels, r=r),
        "of rewards in bfloat16": student.sft_on_best(logits, labels, r.bfloat16()),
        "of views": student.sft_on_best(logits.mT.contiguous().mT, labels.mT.contiguous().mT, r.repeat_interleave(2, -1)[..., ::2]),
        "left": flags(logits, labels, r),
        "chance": torch.rand(2),
    }


@check(
    points=1,
    inputs=rewarded,
    lecture="the-whole-loss",
    public=[
        case("by default", k=3, t=5, v=3, r=[0.0, 2.0, 1.0], spans=[(2, 3), (1, 4), (2, 5)]),
        case("two prompts, a weight of 10", prompts=(2,), k=3, t=6, v=4, options={"w": 10.0}),
        case("the plain sums are ranked", k=3, t=6, v=3, r=[0.5, 0.1, 0.2], spans=[(1, 6), (5, 6), (2, 4)], options={"alpha": 0.0}),
    ],
    hidden=[
        case("both options", prompts=(3,), k=4, t=6, v=3, options={"alpha": 1.5, "w": 0.3}),
        case("no rank loss", k=3, t=5, v=4, options={"w": 0.0}),
        case("a large weight", k=4, t=6, v=3, options={"w": 60.0}),
        case("ties", prompts=(2,), k=5, t=5, v=3, levels=2, options={"w": 2.0}),
        case("one answer, by default", k=1, t=4, v=3),
        case("many answers, long rows", k=18, t=18, v=3, options={"w": 0.5}),
        case("float32, by default", prompts=(2,), k=3, t=4, v=5, dtype="float32"),
        case("one prompt, in a dimension of its own", prompts=(1,), k=3, t=5, v=4),
    ],
    fresh=1,
    cites=["w times rank_loss of the scores with this alpha", "one loss for each prompt"],
)
def the_loss_is_rank_and_imitation(student, logits, labels, r, options):
    """The loss is w times the rank loss of the scores, plus the loss of the best answer: one number for each prompt."""
    torch.manual_seed(5)
    torch.rand(1)
    return {
        "loss": with_gradients(lambda logits: student.rrhf_loss(logits, labels, r, **options), logits=logits),
        "turned round": student.rrhf_loss(logits, labels, -r, **options),
        "with other options": student.rrhf_loss(logits, labels, r, alpha=0.5, w=3.0),
        "by place": student.rrhf_loss(logits, labels, r, options.get("alpha", 1.0), options.get("w", 1.0)),
        "of views": student.rrhf_loss(logits.mT.contiguous().mT, labels.mT.contiguous().mT, r.repeat_interleave(2, -1)[..., ::2], **options),
        "left": flags(logits, labels, r),
        "chance": torch.rand(2),
    }


def world(rng, seed=0, prompts=1, vocab=2, length=3, alpha=1.0, w=1.0):
    return {"seed": seed, "prompts": prompts, "vocab": vocab, "length": length, "alpha": alpha, "w": w}


@check(
    points=1,
    inputs=world,
    lecture="what-the-training-ends-at",
    public=[case("seven answers", seed=1)],
    hidden=[
        case("two prompts", seed=2, prompts=2, vocab=3, length=2),
        case("ranked by the sum", seed=3, alpha=0.0, vocab=3, length=2),
        case("a large weight", seed=4, w=5.0, prompts=2),
    ],
    cites=["the order of the rewards"],
)
def training_brings_the_best_answer_up(student, seed, prompts, vocab, length, alpha, w):
    """Over all answers of a small world, steps along the loss bring the scores into the order of the rewards, and the mean reward up."""
    small = AnswerWorld(seed, prompts, vocab, length)
    batches = [small.pair(prompt, *range(len(small.answers))) for prompt in range(prompts)]
    labels = torch.stack([each for _, each in batches])
    policy, seen = small.policy(), []
    for _ in range(4):
        logits = torch.stack([policy(ids) for ids, _ in batches])
        loss = student.rrhf_loss(logits, labels, small.rewards, alpha=alpha, w=w)
        (slope,) = torch.autograd.grad(loss.sum(), policy.parameters())
        scores = student.length_norm_scores(logits, labels, alpha).detach()
        seen.append({"loss": loss.detach(), "rank": student.rank_loss(scores, small.rewards), "reward": small.reward(policy).detach()})
        with torch.no_grad():
            policy.logits -= 0.2 / max(w, 1) * slope
    return {"on the way": seen, "scores": scores, "at the end": small.logps(policy).exp().detach()}
