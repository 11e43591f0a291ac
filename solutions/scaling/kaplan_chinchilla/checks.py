"""Checks of scaling/kaplan_chinchilla: Kaplan's laws, Chinchilla's law, the best share of a budget, isoFLOP parabolas, a model's whole life."""

import math

from autograder.checks import case, check, raises

TWO = {"E": 1.0, "A": 2.0, "B": 2.0, "alpha": 0.5, "beta": 0.5}
STEEP = {"E": 0.7, "A": 90.0, "B": 3000.0, "alpha": 0.3, "beta": 0.45}
FLAT = {"beta": 0.125, "A": 30.0, "alpha": 0.25, "E": 0.0, "B": 11.0}
EPOCH = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def numbers(rng, low=1e6, high=1e12, n=0, values=(), **more):
    """Sizes between low and high, spread over the powers of ten, beside those that are given."""
    drawn = [10 ** rng.real(math.log10(low), math.log10(high)) for _ in range(n)]
    return {"values": [*values, *drawn]} | more


@check(
    points=1,
    inputs=numbers,
    lecture="three-powers",
    public=[
        case("a billion", values=[1e9], sizes=[[12, 768]]),
        case("whole numbers, and one PF-day", values=[1_000_000, 86400 * 10**15], sizes=[[1, 1], [2, 3]]),
    ],
    hidden=[
        case("any numbers", n=4, sizes=[[3, 7], [7, 3], [3, 9]]),
        case("small numbers", n=3, low=1.0, high=1e3, values=[0.25], sizes=[[0, 5]]),
        case("GPT-3, in PF-days and FLOPs", values=[3640.0, 3.14e23, 175e9, 300e9], sizes=[[96, 12288]]),
        case("large numbers", n=3, low=1e14, high=1e28, sizes=[[10**6, 10**7]]),
    ],
    fresh=1,
    cites=["without embeddings biases and norms", "when one thing alone is scarce", "compute in FLOPs"],
)
def one_thing_is_scarce(student, values, sizes):
    """kaplan_L is a power of N, of D or of C in FLOPs, and N counts 12 L C² parameters."""
    return {
        "L(N)": [student.kaplan_L(N=each) for each in values],
        "L(D)": [student.kaplan_L(D=each) for each in values],
        "L(C)": [student.kaplan_L(C=each) for each in values],
        "parameters": [student.params_nonembed(*each) for each in sizes],
        "L of these": [student.kaplan_L(N=student.params_nonembed(*each)) for each in sizes if all(each)],
    }


@check(
    points=1,
    lecture="three-powers",
    public=[case("nothing, and two", given=[{}, {"N": 1e9, "D": 1e10}, {"N": 1e9}]), case("None is not given", given=[{"N": None, "D": 1e10}])],
    hidden=[
        case("other pairs", given=[{"N": 1e9, "C": 1e20}, {"D": 1e9, "C": 1e20}, {"C": 1e20}]),
        case("all three", given=[{"N": 1e9, "D": 1e10, "C": 6e19}, {"D": 2e10}]),
        case("None three times", given=[{"N": None, "D": None, "C": None}, {"N": None, "D": None, "C": 1e21}]),
        case("two of the same size", given=[{"N": 1e9, "D": 1e9}, {"C": 1e9, "D": None}]),
    ],
    cites=["Raises ValueError unless exactly one of the three is given"],
)
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


@check(
    points=1,
    inputs=pairs,
    lecture="two-things-are-scarce",
    public=[
        case("a billion parameters, twenty billion tokens", values=[[1e9, 2e10], [2e10, 1e9]], coef=EPOCH),
        case("Chinchilla and Gopher", values=[[70e9, 1.4e12], [280e9, 300e9]], coef=TWO),
    ],
    hidden=[
        case("any models", n=4, coef=STEEP),
        case("endless data", values=[[1e9, math.inf], [64, math.inf]], coef=FLAT),
        case("endless models", values=[[math.inf, 1e10], [math.inf, 100]], coef=STEEP),
        case("nothing is scarce", values=[[math.inf, math.inf], [1.0, 1.0]], coef=EPOCH),
        case("whole numbers", values=[[7_000_000_000, 2_000_000_000_000], [1, 3], [3, 1]], coef=FLAT),
    ],
    fresh=1,
    cites=["E + A / N^α + B / D^β", "may be infinite"],
)
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


@check(
    points=2,
    inputs=budgets,
    lecture="the-best-share",
    public=[
        case("equal powers, equal factors", values=[6.0, 24.0], coefs=[TWO]),
        case("Chinchilla's budget, with two fits", values=[5.76e23], coefs=[EPOCH, {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}]),
    ],
    hidden=[
        case("any fits", n=2, drawn=4, coefs=[]),
        case("unequal powers", values=[1e18, 1e21, 1e24], coefs=[STEEP, FLAT]),
        case("small budgets", values=[1.0, 600, 1e5], coefs=[TWO, STEEP]),
        case("another constant changes nothing", values=[1e20], coefs=[STEEP, STEEP | {"E": 5.0}, STEEP | {"E": 0.0}]),
        case("other factors, equal powers", values=[1e20], coefs=[TWO | {"A": 7.0}, TWO | {"B": 7.0}, TWO | {"A": 7.0, "B": 7.0}]),
    ],
    fresh=2,
    cites=["the smallest chinchilla_L(N, D, coef) among all", "6 N D is C again", "No ratio of tokens to parameters"],
)
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


@check(
    points=2,
    inputs=runs,
    lecture="valleys",
    public=[
        case("three runs", N=[1e8, 1e9, 1e10], L=[3.1, 3.0, 3.1], shuffle=False),
        case("three runs, the lowest point between two of them", N=[1e8, 1e9, 1e10], L=[3.3, 3.0, 3.1], shuffle=False),
        case("a parabola that opens downwards", N=[1e8, 1e9, 1e10], L=[3.0, 3.1, 3.0], shuffle=False),
        case("two runs", N=[1e8, 1e9], L=[3.1, 3.0], shuffle=False),
        case("in any order, all too small", N=[4e8, 1e8, 2e8, 8e8], L=[3.12, 3.6, 3.3, 3.02], shuffle=False),
    ],
    hidden=[
        case("nine runs of one budget", C=1e20, ratios=[0.1, 0.2, 0.35, 0.6, 1.0, 1.8, 3.0, 5.0, 9.0]),
        case("runs with noise", C=1e19, ratios=[0.15, 0.4, 0.7, 1.5, 2.5, 6.0], noise=0.01),
        case("all runs are too small", C=1e21, ratios=[0.02, 0.04, 0.1, 0.15]),
        case("the same size twice", N=[1e7, 1e7, 3e7, 9e7], L=[4.0, 4.2, 3.5, 3.9]),
        case("one run", N=[1e8], L=[3.0]),
        case("no run", N=[], L=[]),
        case("many runs that fall faster and faster", N=[1e6, 1e7, 1e8, 1e9, 1e10], L=[3.0, 2.9, 2.7, 2.4, 2.0]),
        case("sizes far apart", N=[1.0, 1e6, 1e14], L=[9.0, 4.0, 7.0]),
        case("a flat valley", N=[1e8, 1e9, 1e10], L=[3.00005, 3.0, 3.00008]),
        case("large sizes close to each other", N=[1e11, 1.002e11, 1.004e11], L=[2.01, 2.0, 2.012]),
        case("twenty runs", C=1e21, ratios=[0.1 * 1.3**i for i in range(20)], noise=0.005),
        case("whole numbers", N=[1000, 3000, 20000, 50000], L=[5, 3, 3, 6]),
    ],
    fresh=1,
    cites=["in any order", "x = ln N, fitted by least squares", "may lie outside of the runs", "The lists are left as they are",
           "for fewer than three runs and where the parabola has no lowest point"],
)  # fmt: skip
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


@check(
    points=1,
    inputs=pairs,
    lecture="a-models-whole-life",
    public=[
        case("a small one", values=[[1e6, 1e4]], coef={"E": 1.0, "A": 1000.0, "B": 90.0, "alpha": 0.5, "beta": 0.5}, served=[0.0, 30.0]),
        case("Llama 3 8B", values=[[8e9, 15e12]], coef=EPOCH, served=[0.0, 1e13]),
    ],
    hidden=[
        case("any models", n=4, coef=STEEP, served=[1e9, 1e12, 3e14]),
        case("unequal powers", n=3, coef=FLAT, served=[5e11]),
        case("a model that read so much that little is left to learn", values=[[1e6, 1e9], [1e8, 1e10]], coef=TWO, served=[1e12]),
        case("a model that read little", values=[[1e9, 1e7], [1e9, 20.0]], coef=EPOCH, served=[0, 7]),
        case("whole numbers", values=[[4, 9], [9, 4]], coef=TWO, served=[0, 1, 10]),
    ],
    fresh=1,
    cites=["How many tokens a model of N parameters needs", "a model of this size stays above it", "costs the forward pass alone", "may be 0"],
)
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
