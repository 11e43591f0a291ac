"""Public checks of scaling/kaplan_chinchilla: run `pytest` on this file, or `autograder check scaling/kaplan_chinchilla`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
from autograder.checks import case, check, raises


TWO = {"E": 1.0, "A": 2.0, "B": 2.0, "alpha": 0.5, "beta": 0.5}


EPOCH = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def numbers(rng, low=1e6, high=1e12, n=0, values=(), **more):
    """Sizes between low and high, spread over the powers of ten, beside those that are given."""
    drawn = [10 ** rng.real(math.log10(low), math.log10(high)) for _ in range(n)]
    return {"values": [*values, *drawn]} | more


@check(points=1, inputs=numbers, lecture='three-powers', public=[case('a billion', values=[1000000000.0], sizes=[[12, 768]]), case('whole numbers, and one PF-day', values=[1000000, 86400 * 10 ** 15], sizes=[[1, 1], [2, 3]])])
def one_thing_is_scarce(student, values, sizes):
    """kaplan_L is a power of N, of D or of C in FLOPs, and N counts 12 L C² parameters."""
    return {
        "L(N)": [student.kaplan_L(N=each) for each in values],
        "L(D)": [student.kaplan_L(D=each) for each in values],
        "L(C)": [student.kaplan_L(C=each) for each in values],
        "parameters": [student.params_nonembed(*each) for each in sizes],
        "L of these": [student.kaplan_L(N=student.params_nonembed(*each)) for each in sizes if all(each)],
    }


@check(points=1, lecture='three-powers', public=[case('nothing, and two', given=[{}, {'N': 1000000000.0, 'D': 10000000000.0}, {'N': 1000000000.0}]), case('None is not given', given=[{'N': None, 'D': 10000000000.0}])])
def exactly_one_is_given(student, given):
    """ValueError where none of N, D and C is given, or more than one."""
    known = [sum(each is not None for each in one.values()) for one in given]
    good = [student.kaplan_L(**one) if count == 1 else None for one, count in zip(given, known, strict=True)]
    return {
        "good": good,
        "bad": [raises("ValueError", lambda one=one: student.kaplan_L(**one)) if count != 1 else None for one, count in zip(given, known, strict=True)],
        "always": student.kaplan_L(N=1e8),
    }


def pairs(rng, n=0, values=(), coef=None, **more):
    drawn = [[10 ** rng.real(6, 12), 10 ** rng.real(8, 14)] for _ in range(n)]
    return {"values": [*values, *drawn], "coef": coef or TWO} | more


@check(points=1, inputs=pairs, lecture='two-things-are-scarce', public=[case('a billion parameters, twenty billion tokens', values=[[1000000000.0, 20000000000.0], [20000000000.0, 1000000000.0]], coef=EPOCH), case('Chinchilla and Gopher', values=[[70000000000.0, 1400000000000.0], [280000000000.0, 300000000000.0]], coef=TWO)])
def two_things_are_scarce(student, values, coef):
    """kaplan_LND joins two powers under a third one, chinchilla_L adds them to a constant."""
    seen = {
        "kaplan": [student.kaplan_LND(*each) for each in values],
        "chinchilla": [student.chinchilla_L(*each) for each in values],
        "other coefficients": [student.chinchilla_L(*each, coef) for each in values],
        "by name": [student.chinchilla_L(*each, coef=coef) for each in values],
        "by default": [student.chinchilla_L(*each) for each in values],
    }
    return seen | {"coefficients": coef}


def budgets(rng, n=0, values=(), coefs=(TWO,), drawn=0):
    more = [
        {"E": rng.real(0.5, 2), "A": rng.real(50, 900), "B": rng.real(50, 3000), "alpha": rng.real(0.15, 0.6), "beta": rng.real(0.15, 0.6)}
        for _ in range(drawn)
    ]
    return {"values": [*values, *(10 ** rng.real(16, 26) for _ in range(n))], "coefs": [*coefs, *more]}


@check(points=2, inputs=budgets, lecture='the-best-share', public=[case('equal powers, equal factors', values=[6.0, 24.0], coefs=[TWO]), case("Chinchilla's budget, with two fits", values=[5.76e+23], coefs=[EPOCH, {'E': 1.69, 'A': 406.4, 'B': 410.7, 'alpha': 0.34, 'beta': 0.28}])])
def a_budget_is_shared_in_the_best_way(student, values, coefs):
    """optimal gives the N and D with 6 N D = C that have the smallest loss under the coefficients."""
    seen = {
        "best": [[student.optimal(C, coef) for C in values] for coef in coefs],
        "by name": [student.optimal(C, coef=coefs[-1]) for C in values],
        "by default": [student.optimal(C) for C in values],
        "once more": [student.optimal(C, coefs[0]) for C in values],
    }
    return seen | {"coefficients": coefs}


def runs(rng, N=(), L=(), C=None, coef=None, ratios=(), noise=0.0, shuffle=True):
    """Runs of the compute C with N = ratio · √C / 6, or given ones."""
    N, L = list(N), list(L)
    if C:
        law = coef or EPOCH
        for ratio in ratios:
            n = ratio * math.sqrt(C) / 6
            N.append(n)
            L.append(law["E"] + law["A"] / n ** law["alpha"] + law["B"] / (C / 6 / n) ** law["beta"] + noise * float(rng.normal(1, dtype="float64")))
    order = rng.permutation(len(N)).tolist() if shuffle else range(len(N))
    return {"N": [N[i] for i in order], "L": [L[i] for i in order]}


@check(points=2, inputs=runs, lecture='valleys', public=[case('three runs', N=[100000000.0, 1000000000.0, 10000000000.0], L=[3.1, 3.0, 3.1], shuffle=False), case('three runs, the lowest point between two of them', N=[100000000.0, 1000000000.0, 10000000000.0], L=[3.3, 3.0, 3.1], shuffle=False), case('a parabola that opens downwards', N=[100000000.0, 1000000000.0, 10000000000.0], L=[3.0, 3.1, 3.0], shuffle=False), case('two runs', N=[100000000.0, 1000000000.0], L=[3.1, 3.0], shuffle=False), case('in any order, all too small', N=[400000000.0, 100000000.0, 200000000.0, 800000000.0], L=[3.12, 3.6, 3.3, 3.02], shuffle=False)])
def runs_of_one_budget_have_a_valley(student, N, L):
    """isoflop_min is the lowest point of the least-squares parabola in ln N; ValueError where there is none."""

    def lowest(losses):
        """Of these losses, and of the same ones turned round: one of the two parabolas has no lowest point."""
        try:
            return student.isoflop_min(N, losses)
        except ValueError:
            return "ValueError"

    good = student.isoflop_min([1e3, 1e4, 1e5, 1e6], [2.0, 1.0, 1.5, 4.0])
    return {"found": lowest(L), "upside down": lowest([-each for each in L]), "moved": lowest([2 * each + 5 for each in L]), "good": good}


@check(points=1, inputs=pairs, lecture='a-models-whole-life', public=[case('a small one', values=[[1000000.0, 10000.0]], coef={'E': 1.0, 'A': 1000.0, 'B': 90.0, 'alpha': 0.5, 'beta': 0.5}, served=[0.0, 30.0]), case('Llama 3 8B', values=[[8000000000.0, 15000000000000.0]], coef=EPOCH, served=[0.0, 10000000000000.0])])
def a_model_is_trained_and_used(student, values, coef, served):
    """tokens_for_loss turns the law round, refuses what a model never reaches, and a whole life costs 6 N D + 2 N tokens."""
    seen = {"tokens": [], "refused": [], "defaults": []}
    for N, D in values:
        floor = coef["E"] + coef["A"] / N ** coef["alpha"]
        L = floor + coef["B"] / D ** coef["beta"]
        seen["tokens"].append(student.tokens_for_loss(L, N, coef))
        seen["tokens"].append(student.tokens_for_loss(L + 1.5, N, coef=coef))
        seen["refused"] += [raises("ValueError", lambda low=low, N=N: student.tokens_for_loss(low, N, coef)) for low in (0.99 * floor, 0.1 * floor)]
        seen["defaults"].append(student.tokens_for_loss(1.75 + 406.4 / N**0.34, N))
        seen["defaults"].append(student.tokens_for_loss(1.75 + 406.4 / N**0.34, N, {"E": 1.69, "A": 406.4, "B": 300.0, "alpha": 0.34, "beta": 0.28}))
    seen["exactly there"] = raises("ValueError", lambda: student.tokens_for_loss(2.0, 1.0, TWO | {"A": 1.0}))
    return seen | {"cost": [[student.overtrain_cost(N, D, tokens) for tokens in served] for N, D in values], "coefficients": coef}
