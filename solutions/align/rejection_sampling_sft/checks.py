"""Checks of align/rejection_sampling_sft: the best of n and what it does to a policy, the estimate, distinct paths, rounds of training."""

import torch

from autograder.checks import Tolerance, case, check, flags, raises
from autograder.lab.answers import AnswerWorld


def written(rng, prompts=2, n=3, scores=None):
    """Answers to each prompt with their rewards, some of which are equal; texts may repeat."""
    names = [f" Prompt {i}\n" for i in rng.sample(range(50), prompts)]  # given on as they are
    scores = scores or [[rng.choice([-2.0, -1.0, 0.5, 1.0, 3.0]) for _ in range(n)] for _ in names]
    return {"prompts": names, "answers": [[rng.word("ab", 1, 2) + str(j % 5) for j in range(len(row))] for row in scores], "scores": scores}


@check(
    points=1,
    inputs=written,
    lecture="the-best-of-n",
    public=[
        case("two prompts, three answers", scores=[[0.0, 2.0, 1.0], [-3.0, -1.0, -2.0]]),
        case("equal rewards: the first one", scores=[[1.0, 4.0, 4.0]], prompts=1),
    ],
    hidden=[
        case("many", prompts=6, n=9),
        case("one answer each", prompts=3, n=1),
        case("no prompt", prompts=0),
        case("all are equal", scores=[[2.0] * 4, [0.0] * 4], prompts=2),
        case("minus infinity", scores=[[float("-inf")] * 3, [float("-inf"), -1e9, float("-inf")]], prompts=2),
        case("as many prompts as answers", prompts=4, n=4),
        case("twenty prompts, nineteen answers", prompts=20, n=19),
    ],
    fresh=1,
    cites=["in order the best of n answers", "sample is called once for each prompt", "the first one is taken", "Raises ValueError if n 1"],
)
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


@check(
    points=2,
    inputs=scored,
    tolerance=Tolerance(atol=1e-9, rtol=1e-9),
    lecture="an-honest-estimate",
    public=[
        case("four answers, the best of two", values=[4.0, 0.0, 1.0, 7.0], k=2),
        case("rewards 0 and 1: pass@k", n=10, ones=3, k=5),
        case("all of them: the largest", n=5, k=5),
        case("one: the mean", n=5, k=1),
    ],
    hidden=[
        case("seven, the best of three", n=7, k=3),
        case("equal rewards", values=[2.0, 5.0, 2.0, 5.0, 5.0, -1.0], k=3),
        case("one answer", n=1, k=1),
        case("float32", n=9, k=4, dtype="float32"),
        case("2,000 answers", n=2000, k=700),
        case("5,000 answers, the best of 2", n=5000, k=2),
        case("3,000 answers, all but one", n=3000, k=2999),
        case("a million is added", n=8, k=3, moved=1e6),
        case("negative rewards", n=6, k=4, moved=-50.0),
        case("200 programs, two are right", n=200, ones=2, k=100),
    ],
    fresh=2,
    cites=["the mean over all choices of k of the n answers", "It is right for n up to 5 000", "Raises ValueError unless 1 k n"],
)
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


@check(
    points=2,
    inputs=listed,
    lecture="what-it-does-to-the-policy",
    public=[
        case("three answers, the best of two", numbers=[[0.5, 0.3, 0.2], [0.0, 1.0, 2.0]]),
        case("two of them have the same reward", numbers=[[0.5, 0.375, 0.125], [0.0, 7.0, 7.0]], n=3),
        case("two prompts", prompts=(2,), N=4, n=5, seed=1),
    ],
    hidden=[
        case("the best of one is the model", prompts=(3,), N=5, n=1, seed=2),
        case("many equal rewards", prompts=(3,), N=9, n=4, distinct=2, seed=3),
        case("some are never written", prompts=(2,), N=7, n=3, zeros=3, seed=4),
        case("some are never written, and rewards are equal", prompts=(4,), N=6, n=2, zeros=2, distinct=2, seed=5),
        case("a group that is never written", numbers=[[0.0, 0.4, 0.0, 0.6], [5.0, 1.0, 5.0, 0.0]], n=2, seed=6),
        case("float32, two dimensions of prompts", prompts=(2, 3), N=4, n=6, dtype="float32", seed=7),
        case("as many prompts as answers", prompts=(4,), N=4, n=3, seed=8),
        case("all rewards are equal", numbers=[[0.2, 0.5, 0.3], [1.0, 1.0, 1.0]], n=7, seed=9),
        case("a hundred answers, the best of 64", N=100, n=64, uniform=True, seed=10),
        case("rewards that hardly differ", numbers=[[0.5, 0.3, 0.2], [1.0, 1.0 + 1e-10, 1.0 - 1e-10]], n=3, seed=12),
        case("one answer", prompts=(2,), N=1, n=4, seed=11),
        case("two that are hardly ever written", numbers=[[0.5, 0.5 - 4e-7, 3e-7, 1e-7], [1.0, 0.0, 3.0, 3.0]], n=8, seed=13),
    ],
    fresh=1,
    cites=["rows sum to 1", "an answer with probability 0 keeps it", "An upper bound in nats", "share this as they share the probability"],
)
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


@check(
    points=1,
    inputs=paths,
    lecture="distinct-paths",
    public=[
        case("other words, the same calculation", texts=["He has <<3*4=12>>12.", "So it is <<3 * 4 = 12>>12!", "<<4*3=12>>12"]),
        case("the order of two steps", texts=["<<1+1=2>> <<2*3=6>>", "<<2*3=6>> <<1+1=2>>", "a <<1+1=2>> b <<2*3=6>> c"]),
        case("a step twice, and a step before the last", texts=["<<1+1=2>>", "<<1+1=2>><<1+1=2>>", "<<0+2=2>> <<1+1=2>>"]),
        case("no calculation", texts=["It is 4.", "<<2+2=4>>4", "Obviously 4."]),
    ],
    hidden=[
        case("one step more", texts=["<<1+1=2>>", "<<1+1=2>><<2+0=2>>", "<<1+1=2>><<1+1=2>>", "<<1+1=2>>"]),
        case("two calculations are not one", texts=["<<1+2=3>><<4+5=9>>", "<<1+2=34+5=9>>", "<<1+2=3>> <<4+5=9>>"]),
        case("the same text twice", texts=["x <<1+1=2>>", "x <<1+1=2>>", "y"]),
        case("numbers between words", texts=["first 7 <<6+1=7>> then 8", "first 8 <<6+1=7>> then 9", "7"]),
        case("nothing", texts=[]),
        case("empty texts", texts=["", " ", "<<>>", "<< >>"]),
        case("signs inside of calculations", texts=["<<2>1=1>>", "<<3>1=1>>", "none", "<<1<4=1>>", "<<2 > 1=1>>"]),
        case("a line break inside of a calculation", texts=["none", "a <<1+\n2=3>>", "b"]),
        case("twenty", many=20),
        case("eighteen steps", texts=["<<1+1=2>>" * 17 + "<<2+2=4>>", "<<1+1=2>>" * 18]),
    ],
    cites=["where spaces do not count", "The words around them do not matter", "the first path is kept"],
)
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


@check(
    points=1,
    inputs=buffers,
    lecture="what-to-keep",
    public=[
        case("a good answer of the first round stays", given=[[("p", "old", 2.0), ("q", "old", 0.0)], [("p", "new", 1.0), ("q", "new", 1.0)]]),
        case("equal rewards: the oldest", given=[[("p", "first", 1.0)], [("p", "second", 1.0)], [("p", "third", 1.0)]]),
    ],
    hidden=[
        case("five rounds", rounds=5, prompts=4),
        case("twenty rounds, twenty prompts", rounds=20, prompts=20),
        case("some prompts are missing", rounds=4, prompts=5, missing=0.4),
        case("one round", rounds=1, prompts=3),
        case("no round", given=[]),
        case("an empty last round", given=[[("p", "a", 1.0)], []]),
        case("negative rewards", given=[[("p", "a", -3.0)], [("p", "b", -2.0), ("q", "c", -9.0)]]),
        case("minus infinity", given=[[("p", "a", float("-inf"))], [("q", "b", float("-inf")), ("p", "c", float("-inf"))]]),
        case("it falls and rises", given=[[("p", "a", 1.0)], [("p", "b", 3.0)], [("p", "c", 2.0)], [("p", "d", 3.0)]]),
    ],
    fresh=2,
    cites=["for each prompt the best answer of all rounds", "Of equal rewards the one of the oldest round", "what the last round gave", "Returns a new list"],
)
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


@check(
    points=1,
    inputs=world,
    lecture="rounds",
    public=[
        case("two rounds", seed=1),
        case("three rounds, only the last one counts", seed=2, prompts=3, rounds=3, options={"keep": "last"}),
        case("three rounds of few answers", seed=8, prompts=3, rounds=3, n=2),
    ],
    hidden=[
        case("five rounds", seed=3, prompts=4, rounds=5, n=3),
        case("no round", seed=4, rounds=0),
        case("eighteen rounds of one prompt", seed=12, prompts=1, rounds=18, n=20),
        case("eighteen prompts", seed=13, prompts=18, rounds=1, n=2),
        case("one answer each", seed=5, prompts=3, rounds=2, n=1, options={"keep": "all"}),
        case("fit takes its list apart", seed=6, prompts=3, rounds=3, n=2, vandal=True),
        case("fit takes its list apart, last", seed=7, prompts=2, rounds=3, n=2, vandal=True, options={"keep": "last"}),
    ],
    cites=["It is called once in each round after all prompts", "the training set of all rounds so far", "the mean reward of the answers"],
)
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
