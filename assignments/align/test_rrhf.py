"""Public checks of align/rrhf: run `pytest` on this file, or `autograder check align/rrhf`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


@check(points=2, inputs=batch, lecture='the-score-of-an-answer', public=[case('two answers of two lengths', k=2, t=5, v=3, spans=[(1, 5), (2, 4)]), case('two prompts with three answers each', prompts=(2,), k=3, t=6, v=4, spans=[(2, 6), (3, 5), (1, 2)]), case('float32', k=3, t=4, v=5, dtype='float32'), case('large logits, and no prompt', k=2, t=4, v=3, scale=900.0, spans=[(0, 4), (0, 2)])])
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


@check(points=1, inputs=with_alpha, lecture='long-and-short-answers', public=[case('the plain sum', k=2, t=6, v=3, alpha=0.0, spans=[(1, 6), (4, 6)]), case('by the square root', k=3, t=6, v=3, alpha=0.5, spans=[(1, 5), (5, 6), (2, 4)]), case('an answer without tokens', k=2, t=5, v=4, spans=[(2, 5), (0, 0)])])
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


@check(points=1, inputs=ranked, lecture='the-rank-loss', public=[case('three answers', numbers=[[-1.0, -2.0, -4.0], [1.0, 3.0, 2.0]]), case('the order is right', numbers=[[-1.0, -2.0, -4.0], [3.0, 2.5, -7.0]]), case('two prompts', prompts=(2,), k=4)])
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


@check(points=1, inputs=ranked, lecture='the-rank-loss', public=[case('two of three tie', numbers=[[-1.0, -2.0, -4.0], [5, 5, 7]]), case('all tie', numbers=[[-1.0, -2.0], [0.5, 0.5]]), case('three levels', prompts=(2,), k=5, levels=3, whole=True), case('large rewards that differ by one', numbers=[[-1.0, -2.0], [10 ** 12, 10 ** 12 + 1]])])
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


@check(points=1, inputs=rewarded, lecture='learning-from-the-best', public=[case('the second is best', k=3, t=5, v=3, r=[0.0, 2.0, -1.0], spans=[(2, 3), (1, 4), (2, 5)]), case('two tie', k=3, t=5, v=4, r=[1.0, 2.0, 2.0], spans=[(2, 5), (1, 2), (2, 4)]), case('three prompts', prompts=(3,), k=2, t=6, v=3)])
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


@check(points=1, inputs=rewarded, lecture='the-whole-loss', public=[case('by default', k=3, t=5, v=3, r=[0.0, 2.0, 1.0], spans=[(2, 3), (1, 4), (2, 5)]), case('two prompts, a weight of 10', prompts=(2,), k=3, t=6, v=4, options={'w': 10.0}), case('the plain sums are ranked', k=3, t=6, v=3, r=[0.5, 0.1, 0.2], spans=[(1, 6), (5, 6), (2, 4)], options={'alpha': 0.0})])
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


@check(points=1, inputs=world, lecture='what-the-training-ends-at', public=[case('seven answers', seed=1)])
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
