"""Public checks of align/rejection_sampling_sft: run `pytest` on this file, or `autograder check align/rejection_sampling_sft`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, raises
from autograder.lab.answers import AnswerWorld


def written(rng, prompts=2, n=3, scores=None):
    """Answers to each prompt with their rewards, some of which are equal; texts may repeat."""
    names = [f" Prompt {i}\n" for i in rng.sample(range(50), prompts)]  # given on as they are
    scores = scores or [[rng.choice([-2.0, -1.0, 0.5, 1.0, 3.0]) for _ in range(n)] for _ in names]
    return {"prompts": names, "answers": [[rng.word("ab", 1, 2) + str(j % 5) for j in range(len(row))] for row in scores], "scores": scores}


@check(points=1, inputs=written, lecture='the-best-of-n', public=[case('two prompts, three answers', scores=[[0.0, 2.0, 1.0], [-3.0, -1.0, -2.0]]), case('equal rewards: the first one', scores=[[1.0, 4.0, 4.0]], prompts=1)])
def the_best_answer_of_each_prompt(student, prompts, answers, scores):
    """For each prompt all n answers are asked for at once, each is judged once, and the first one with the largest reward is kept."""
    torch.manual_seed(5)
    asked = []

    def found(wanted=prompts, **options):
        asked.append([])
        place = dict.fromkeys(prompts, 0)

        def sample(prompt, n):
            asked[-1].append([prompt, n])
            return list(answers[prompts.index(prompt)])

        def rm(prompt, answer):
            asked[-1].append([prompt, answer])
            place[prompt] += 1
            row = scores[prompts.index(prompt)]
            return row[(place[prompt] - 1) % len(row)]

        return student.best_of_n(wanted, sample, rm, **options)

    n = len(scores[0]) if scores else 2
    best = found(n=n)
    return {
        "best": best,
        "once more": found(n=n),
        "prompts that come again": found(wanted=[*prompts, *prompts[::-1]], n=n),
        "asked": asked,
        "none": raises("ValueError", lambda: found(n=0)),
        "negative": raises("ValueError", lambda: found(n=-1)),
        "chance": torch.rand(2),  # nothing was drawn, and nothing was seeded
    }


def scored(rng, n=4, k=2, dtype="float64", values=None, ones=None, moved=0.0, scale=1.0):
    if ones is not None:
        scores = torch.tensor(rng.shuffled([1.0] * ones + [0.0] * (n - ones)))
    else:
        scores = torch.tensor(values, dtype=torch.float64) if values else scale * rng.normal(n, dtype="float64") + moved
    return {"scores": scores.to(getattr(torch, dtype)), "k": k}


@check(points=2, inputs=scored, tolerance=Tolerance(atol=1e-09, rtol=1e-09), lecture='an-honest-estimate', public=[case('four answers, the best of two', values=[4.0, 0.0, 1.0, 7.0], k=2), case('rewards 0 and 1: pass@k', n=10, ones=3, k=5), case('all of them: the largest', n=5, k=5), case('one: the mean', n=5, k=1)])
def the_estimate_is_over_all_choices(student, scores, k):
    """The estimate is the mean of the largest reward over all choices of k answers, each answer at most once."""
    return {
        "expected": student.bon_expected_max(scores, k),
        "negated": student.bon_expected_max(-scores, k=k),
        "in reverse": student.bon_expected_max(scores.flip(0), k),
        "of a view": student.bon_expected_max(scores.repeat_interleave(2)[::2], k),
        "too many": raises("ValueError", lambda: student.bon_expected_max(scores, len(scores) + 1)),
        "none": raises("ValueError", lambda: student.bon_expected_max(scores, 0)),
        "left": flags(scores),
    }


def listed(rng, prompts=(), N=3, n=2, dtype="float64", distinct=None, zeros=0, numbers=None, seed=0, uniform=False):
    if numbers:
        probs, rewards = (torch.tensor(each, dtype=torch.float64) for each in numbers)
    else:
        weights = torch.ones(*prompts, N, dtype=torch.float64) if uniform else rng.normal(*prompts, N, dtype="float64").exp()
        if zeros:
            weights[..., rng.shuffled(list(range(N)))[:zeros]] = 0
        probs = weights / weights.sum(-1, keepdim=True)
        rewards = rng.integers(-distinct, distinct, *prompts, N).double() if distinct else rng.normal(*prompts, N, dtype="float64")
    return {"probs": probs.to(getattr(torch, dtype)), "rewards": rewards.to(getattr(torch, dtype)), "n": n, "seed": seed}


@check(points=2, inputs=listed, lecture='what-it-does-to-the-policy', public=[case('three answers, the best of two', numbers=[[0.5, 0.3, 0.2], [0.0, 1.0, 2.0]]), case('two of them have the same reward', numbers=[[0.5, 0.375, 0.125], [0.0, 7.0, 7.0]], n=3), case('two prompts', prompts=(2,), N=4, n=5, seed=1)])
def the_best_of_n_is_a_policy(student, probs, rewards, n, seed):
    """The best of n has the probabilities F(r)^n - F(just below r)^n, and its divergence from the model stays below log n - (n - 1)/n."""
    world = AnswerWorld(seed, 2, 2, 3)
    model = world.logps(world.reference()).exp().detach()
    seen = []
    for many in (1, 2, n + 2, 30):
        best = student.best_of_n_policy(model, world.rewards, many)
        divergence = (best * (best / model).log().nan_to_num(neginf=0.0)).sum(-1)
        seen.append({"reward": (best * world.rewards).sum(-1), "divergence": divergence, "bound": student.bon_kl_bound(many)})
    return {
        "best": student.best_of_n_policy(probs, rewards, n),
        "worst": student.best_of_n_policy(probs, -rewards, n=n),
        "twice": student.best_of_n_policy(student.best_of_n_policy(probs, rewards, n), rewards, 2),
        "of a view": student.best_of_n_policy(probs.movedim(-1, 0).contiguous().movedim(0, -1), rewards, n),
        "bound": student.bon_kl_bound(n),
        "no bound": [raises("ValueError", lambda: student.bon_kl_bound(0)), raises("ValueError", lambda: student.bon_kl_bound(-3))],
        "in a small world": seen,
        "left": flags(probs, rewards),
    }


def paths(rng, texts=None, many=4):
    if texts is None:
        lines = [f"{a}+{b}={a + b}" for a, b in ((1, 2), (2, 1), (3, 4))]
        texts = []
        for i in range(many):
            steps = [rng.choice(lines) for _ in range(rng.integer(0, 3))]
            texts.append(" ".join([f"Step {i}:", *(f"so <<{step.replace('+', rng.choice(['+', ' + ', '+ ']))}>>" for step in steps), rng.choice(["", "."])]))
    return {"texts": texts}


@check(points=1, inputs=paths, lecture='distinct-paths', public=[case('other words, the same calculation', texts=['He has <<3*4=12>>12.', 'So it is <<3 * 4 = 12>>12!', '<<4*3=12>>12']), case('the order of two steps', texts=['<<1+1=2>> <<2*3=6>>', '<<2*3=6>> <<1+1=2>>', 'a <<1+1=2>> b <<2*3=6>> c']), case('a step twice, and a step before the last', texts=['<<1+1=2>>', '<<1+1=2>><<1+1=2>>', '<<0+2=2>> <<1+1=2>>']), case('no calculation', texts=['It is 4.', '<<2+2=4>>4', 'Obviously 4.'])])
def paths_differ_by_their_calculations(student, texts):
    """Of paths with the same list of calculations the first one is kept, unchanged and in order."""
    kept = student.distinct_paths(texts)
    return {"kept": kept, "in reverse": student.distinct_paths(texts[::-1]), "kept again": student.distinct_paths(kept), "given": texts}


def buffers(rng, rounds=2, prompts=3, missing=0.0, given=None):
    if given is None:
        given = [
            [(f"p{i}", f"{r}-{i}", rng.choice([-1.0, 0.0, 1.0, 2.0])) for i in rng.shuffled(list(range(prompts))) if rng.real(0, 1) >= missing]
            for r in range(rounds)
        ]
    return {"rounds": given}


@check(points=1, inputs=buffers, lecture='what-to-keep', public=[case('a good answer of the first round stays', given=[[('p', 'old', 2.0), ('q', 'old', 0.0)], [('p', 'new', 1.0), ('q', 'new', 1.0)]]), case('equal rewards: the oldest', given=[[('p', 'first', 1.0)], [('p', 'second', 1.0)], [('p', 'third', 1.0)]])])
def good_answers_of_old_rounds_stay(student, rounds):
    """With keep="all" each prompt has its best answer of all rounds, with "last" only the last round counts."""
    last = student.training_set(rounds, keep="last")
    last.append(("changed", "by the caller", 0.0))
    return {
        "all": student.training_set(rounds),
        "by name": student.training_set(rounds=rounds, keep="all"),
        "last": student.training_set(rounds, "last"),
        "refused": [raises("ValueError", lambda: student.training_set(rounds, keep="best")), raises("ValueError", lambda: student.training_set(rounds, "All"))],
        "rounds": rounds,
    }


def world(rng, seed=0, prompts=2, rounds=2, n=4, options=None, vandal=False):
    return {"seed": seed, "prompts": prompts, "rounds": rounds, "n": n, "options": options or {}, "vandal": vandal}


@check(points=1, inputs=world, lecture='rounds', public=[case('two rounds', seed=1), case('three rounds, only the last one counts', seed=2, prompts=3, rounds=3, options={'keep': 'last'}), case('three rounds of few answers', seed=8, prompts=3, rounds=3, n=2)])
def rounds_make_the_policy_better(student, seed, prompts, rounds, n, options, vandal):
    """Each round takes the best of n, trains on the training set of all rounds so far, and tells the mean reward of what it took."""
    torch.manual_seed(5)
    small = AnswerWorld(seed, prompts, 2, 3)
    names = [f" Prompt {p}\n" for p in range(prompts)]
    policy, generator, events, true, held = small.policy(), torch.Generator().manual_seed(seed), [], [], []

    def sample(prompt, many):
        events.append(["sample", prompt, many])
        probabilities = small.logps(policy).detach().exp()[names.index(prompt)]
        return [str(i) for i in torch.multinomial(probabilities, many, replacement=True, generator=generator).tolist()]

    def rm(prompt, answer):
        return small.rewards[names.index(prompt), int(answer)].item()

    def fit(pairs):
        events.append(["fit", [tuple(pair) for pair in pairs]])
        held.append(pairs)
        for _ in range(4):
            logps = small.logps(policy)
            nll = -sum((logps[names.index(pair[0]), int(pair[1])] for pair in pairs), logps.sum() * 0) / max(len(pairs), 1)
            (slope,) = torch.autograd.grad(nll, policy.parameters())
            with torch.no_grad():
                policy.logits -= slope
        true.append(small.reward(policy).detach())
        if vandal:
            pairs.clear()

    means = student.rft_loop(names, sample, rm, fit, rounds, n, **options)
    other = "all" if options.get("keep") == "last" else "last"
    # Goes on with the policy as it is. Where all rounds count, a prompt may come again.
    again = student.rft_loop([*names, names[0]] if other == "all" else names, sample, rm, fit, min(rounds, 2), n, keep=other)
    lists = [[tuple(pair) for pair in pairs] for pairs in held]  # those of earlier rounds are still what they were
    return {"means": means, "with the other set": again, "events": events, "lists": lists, "true reward": true, "prompts": names, "chance": torch.rand(2)}
