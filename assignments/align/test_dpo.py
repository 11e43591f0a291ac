"""Public checks of align/dpo: run `pytest` on this file, or `autograder check align/dpo`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, raises, with_gradients
from autograder.lab.answers import AnswerWorld


def batch(rng, b=1, t=2, v=2, dtype="float64", scale=1.0, spans=None, moved=0.0):
    """Logits, and labels of which those in `spans` (one for each row, from and to) are an answer; by default all but the first third."""
    tokens = rng.integers(0, v, b, t)
    labels = torch.full((b, t), -100)
    for row, (start, end) in enumerate(spans or [(t // 3, t)] * b):
        labels[row, start:end] = tokens[row, start:end]
    return {"logits": rng.normal(b, t, v, scale=scale, dtype=dtype) + moved, "labels": labels}


@check(points=1, inputs=batch, lecture='the-probability-of-an-answer', public=[case('one answer', b=1, t=5, v=3), case('two answers, with prompts of two lengths and padding', b=2, t=7, v=4, spans=[(2, 5), (4, 7)]), case('float32', b=3, t=4, v=5, dtype='float32'), case('logits in the hundreds', b=2, t=4, v=3, scale=300.0), case('an answer from place 0 on', b=1, t=3, v=2, spans=[(0, 3)])])
def answers_have_log_probabilities(student, logits, labels):
    """The log-probability of an answer is the sum over its tokens, each predicted from the place before it; the prompt and padding count nothing."""
    whole = with_gradients(lambda logits: student.sequence_logps(logits, labels), logits=logits)
    return {
        "logps": whole,
        "each alone": torch.cat([student.sequence_logps(logits[[row]], labels[[row]]) for row in range(len(labels))]),
        "of views": student.sequence_logps(logits.mT.contiguous().mT, labels.T.contiguous().T),
        "once more": student.sequence_logps(logits, labels),
        "padded on": student.sequence_logps(
            torch.cat([logits, logits[:, :2]], 1), torch.cat([labels, torch.full_like(labels[:, :2], -100)], 1)
        ),
        "left": flags(logits, labels),
        "labels": labels,
    }


@check(points=1, inputs=batch, lecture='the-probability-of-an-answer', public=[case('answers of three and of one token', b=2, t=6, v=3, spans=[(1, 4), (5, 6)]), case('a row without an answer', b=2, t=5, v=4, spans=[(2, 5), (0, 0)])])
def the_mean_is_over_the_answers_own_tokens(student, logits, labels):
    """With average=True each answer is divided by its own number of tokens; a row without any has 0 and finite gradients."""
    return {
        "means": with_gradients(lambda logits: student.sequence_logps(logits, labels, average=True), logits=logits),
        "sums": with_gradients(lambda logits: student.sequence_logps(logits, labels), logits=logits),
        "by default": student.sequence_logps(logits=logits, labels=labels),
    }


NAMES = ("pc", "pr", "rc", "rr")


def pairs(rng, b=1, dtype="float64", length=20.0, spread=3.0, numbers=None, **options):
    """Log-probabilities of `b` pairs. `options` are left to their defaults where a case has none."""
    if numbers:
        given = [torch.tensor(each) for each in numbers]
    else:
        rc, rr = (-length * rng.uniform(0.5, 2.0, b) for _ in range(2))
        pc, pr = rc + spread * rng.normal(b, dtype="float64"), rr + spread * rng.normal(b, dtype="float64")
        given = [each.to(getattr(torch, dtype)) for each in (pc, pr, rc, rr)]
    return dict(zip(NAMES, given, strict=True)) | {"options": options}


def losses(student, options, **given):
    """The losses, and the gradients that they give the four tensors."""
    return with_gradients(lambda **tensors: student.dpo_loss(**tensors, **options)[0], **given)


HAND = [[-4.0, -7.0], [-9.0, -3.0], [-6.0, -7.5], [-8.0, -4.0]]


@check(points=2, inputs=pairs, lecture='the-loss', public=[case('two pairs', numbers=HAND, beta=0.5), case('the policy is the reference: log 2', numbers=[[-3.0, -8.0], [-5.0, -1.0], [-3.0, -8.0], [-5.0, -1.0]]), case('β = 0.1, which is the default', b=3)])
def each_pair_has_its_loss(student, pc, pr, rc, rr, options):
    """The loss of a pair is -log σ(β h) with h = (pc - pr) - (rc - rr), one number for each pair."""
    given = {"pc": pc, "pr": pr, "rc": rc, "rr": rr}
    return {
        "losses": losses(student, options, **given),
        "exchanged": losses(student, options, pc=pr, pr=pc, rc=rr, rr=rc),
        "another reference": losses(student, options, pc=pc, pr=pr, rc=rc + 1.5, rr=rr - 0.5),
        "by name": student.dpo_loss(**given, **options)[0],
        "of views": student.dpo_loss(*(each.repeat_interleave(2)[::2] for each in given.values()), **options)[0],
        "left": flags(*given.values()),
    }


@check(points=1, inputs=pairs, lecture='what-moves-and-what-stays', public=[case('two pairs', numbers=HAND, beta=0.5), case('three pairs, by default', b=3)])
def rewards_are_to_look_at(student, pc, pr, rc, rr, options):
    """The rewards are β (pc - rc) and β (pr - rr), without a gradient, and nothing flows into the reference."""
    leaves = {name: each.clone().requires_grad_() for name, each in zip(NAMES, (pc, pr, rc, rr), strict=True)}
    found, chosen, rejected = student.dpo_loss(**leaves, **options)
    found.sum().backward()
    student.dpo_loss(pc + 1, pr - 2, rc, rr, **options)  # the results of the first call are the caller's
    views = [each.repeat_interleave(2)[::2] for each in (chosen, rejected)]
    reached = {name: each.grad is not None and bool(each.grad.any()) for name, each in leaves.items()}
    return {
        "losses": found.detach(),
        "chosen": chosen,
        "rejected": rejected,
        "gradients flow": [found.requires_grad, chosen.requires_grad, rejected.requires_grad],
        "reached": reached,
        "accuracy": student.implicit_reward_accuracy(chosen, rejected),
        "the other way round": student.implicit_reward_accuracy(rejected, chosen),
        "of views": student.implicit_reward_accuracy(*views),
        "with itself": student.implicit_reward_accuracy(chosen, chosen),
        "hardly larger": student.implicit_reward_accuracy(chosen.double() + 1e-9, chosen.double()),
        "of hinge": student.dpo_loss(pc, pr, rc, rr, **{**options, "loss_type": "hinge"})[1:],
        "of ipo": student.dpo_loss(pc, pr, rc, rr, **{**options, "loss_type": "ipo"})[1:],
    }


@check(points=1, inputs=pairs, tolerance=Tolerance(atol=1e-08, rtol=1e-06), lecture='far-apart', public=[case('h = 200 and -200', numbers=[[0.0, -200.0], [-200.0, 0.0], [-50.0, -50.0], [-50.0, -50.0]], beta=1.0)])
def far_pairs_stay_finite(student, pc, pr, rc, rr, options):
    """A pair that is wrong by far costs β times its whole distance, and its gradient does not vanish."""
    return losses(student, options, pc=pc, pr=pr, rc=rc, rr=rr)


@check(points=1, inputs=pairs, lecture='three-losses', public=[case('hinge', numbers=HAND, beta=0.5, loss_type='hinge'), case('ipo', numbers=HAND, beta=0.5, loss_type='ipo'), case('a tenth of the labels is wrong', numbers=HAND, beta=0.5, label_smoothing=0.1)])
def other_losses_of_the_same_margin(student, pc, pr, rc, rr, options):
    """hinge is max(0, 1 - β h), ipo is (h - 1/(2β))², and label smoothing mixes -log σ(β h) with -log σ(-β h)."""
    given = {"pc": pc, "pr": pr, "rc": rc, "rr": rr}

    def refused(**others):
        return raises("ValueError", lambda: student.dpo_loss(pc, pr, rc, rr, **others))

    return {
        "losses": losses(student, options, **given),
        "exchanged": losses(student, options, pc=pr, pr=pc, rc=rr, rr=rc),
        "refused": [
            refused(loss_type="robust"),
            refused(loss_type="Sigmoid"),
            refused(label_smoothing=0.5),
            refused(label_smoothing=-0.1),
            refused(label_smoothing=0.1, loss_type="hinge"),
            refused(label_smoothing=-0.1, loss_type="hinge"),
            refused(label_smoothing=-0.1, loss_type="ipo"),
            refused(label_smoothing=0.1, loss_type="ipo"),
        ],
    }


def listed(rng, prompts=(), n=2, beta=1.0, scale=1.0, dtype="float64", zeros=0, moved=0.0, numbers=None):
    """The reference's probabilities of all answers, and their rewards; `zeros` of the answers are never given."""
    if numbers:
        ref, reward = (torch.tensor(each) for each in numbers)
    else:
        weights = rng.normal(*prompts, n, dtype="float64").exp()
        if zeros:
            weights[..., rng.shuffled(list(range(n)))[:zeros]] = 0
        ref = weights / weights.sum(-1, keepdim=True)
        reward = scale * rng.normal(*prompts, n, dtype="float64") + moved
    return {"ref": ref.to(getattr(torch, dtype)), "reward": reward.to(getattr(torch, dtype)), "beta": beta}


@check(points=1, inputs=listed, lecture='the-best-policy', public=[case('two answers', numbers=[[0.5, 0.5], [1.0, 0.0]], beta=0.5), case('two prompts, three answers', numbers=[[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], [[1.0, 0.0, -1.0], [2.0, 2.0, 0.0]]]), case('an answer that is never given', numbers=[[0.5, 0.0, 0.5], [0.0, 9.0, 1.0]])])
def the_best_policy_is_known(student, ref, reward, beta):
    """π(y|x) = π_ref(y|x) exp(r/β) / Z(x), each prompt by itself: finite for large rewards, and 0 where the reference is."""
    per_prompt = torch.arange(ref[..., 0].numel(), dtype=ref.dtype).view(ref.shape[:-1])[..., None]
    best = student.optimal_policy(ref, reward, beta)
    return {
        "of other rewards": student.optimal_policy(ref, -reward, beta),
        "best": best,
        "another constant for each prompt": student.optimal_policy(ref, reward + per_prompt, beta),
        "of a view": student.optimal_policy(ref.movedim(-1, 0).contiguous().movedim(0, -1), reward, beta),
        "left": flags(ref, reward),
        "ref": ref,
    }


def world(rng, seed=0, prompts=2, vocab=3, length=2, beta=0.5, steps=0):
    return {"seed": seed, "prompts": prompts, "vocab": vocab, "length": length, "beta": beta, "steps": steps}


def population_loss(student, world, policy, beta):
    """The mean DPO loss over all pairs of answers, each preferred as often as Bradley and Terry say by the true rewards."""
    n = len(world.answers)
    i, j = (each.reshape(-1) for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    total = 0.0
    for prompt in range(len(world.prompts)):
        ids, labels = world.pair(prompt, *range(n))
        mine, theirs = (student.sequence_logps(model(ids), labels) for model in (policy, world.reference()))
        found = student.dpo_loss(mine[i], mine[j], theirs[i], theirs[j], beta=beta)[0]
        preferred = torch.sigmoid(world.rewards[prompt, i] - world.rewards[prompt, j])
        total = total + (preferred * found).sum() / n**2
    return total


@check(points=2, inputs=world, lecture='why-it-works', public=[case('twelve pairs of answers', seed=1, prompts=1, vocab=2, length=2, beta=0.5)])
def dpo_leads_to_the_best_policy(student, seed, prompts, vocab, length, beta, steps):
    """Over all pairs of a small world the loss is stationary at the best policy, and steps from the reference lead towards it."""
    small = AnswerWorld(seed, prompts, vocab, length)
    best = small.best_policy(beta)
    at_best = population_loss(student, small, best, beta)
    (flat,) = torch.autograd.grad(at_best, best.parameters())
    policy, values, distance = small.policy(), [], []
    for _ in range(4):
        value = population_loss(student, small, policy, beta)
        (slope,) = torch.autograd.grad(value, policy.parameters())
        with torch.no_grad():
            policy.logits -= 4.0 / beta * slope
        values.append(value.item())
        distance.append((small.logps(policy).exp() - small.best(beta)).abs().sum(-1).mean().item())
    ref = small.logps(small.reference()).exp().detach()
    return {
        "at the best policy": at_best.item(),
        "its slope is 0": bool(flat.abs().max() < 1e-9),
        "on the way": values,
        "how far the best one is": distance,
        "the best one": student.optimal_policy(ref, small.rewards, beta),
    }
