"""Checks of gpt/gpt4_predictable_scaling: the fit, with and without noise, the test on held-out runs, pass rates, calibration, rewards."""

import math

import torch

from autograder.checks import Tolerance, case, check, flags, gradients, leaves, raises, reject

CLOSE = Tolerance(
    rtol=1e-3, atol=1e-6, why="the docstring asks for a relative error of 10^-3 at most: searches end at different places"
)


def curve(rng, law=None, low=0.0, high=3.0, n=7, noise=0.0, dtype="float64", rows=None, **more):
    """Runs on a curve (or given ones), in a random order. low and high: powers of ten of the compute."""
    if rows is not None:
        C, L = (torch.tensor(row, dtype=torch.float64) for row in rows)
    else:
        a, b, c = law or (rng.real(0.5, 3.0), -rng.real(0.08, 0.9), rng.real(0.5, 2.0))
        C = 10 ** torch.linspace(low, high, n, dtype=torch.float64)
        L = a * (C / 10**low) ** b + c
        L = L * (1 + noise * rng.normal(n, dtype="float64"))
        order = rng.permutation(n)
        C, L = C[order], L[order]
    return {"C": C.to(getattr(torch, dtype)), "L": L.to(getattr(torch, dtype))} | more


def fits(student, C, L):
    """The fit, the fits of the same runs in another order and of another loss, and what is left of the inputs."""
    views = [x.repeat_interleave(2)[::2] for x in (C, L)]
    return {
        "fit": student.fit_power_law(C, L),
        "of views": student.fit_power_law(*views),
        "in another order": student.fit_power_law(C.flip(0), L.flip(0)),
        "of twice the loss, less one": student.fit_power_law(C, 2 * L - 1),
        "left": flags(C, L),
    }


@check(
    points=1,
    inputs=curve,
    tolerance=CLOSE,
    lecture="three-numbers-one-search",
    public=[
        case("2 / √C + 1", rows=[[1.0, 4.0, 16.0, 64.0], [3.0, 2.0, 1.5, 1.25]]),
        case("compute as a share of the large run", law=(1.5, -0.2, 0.7), low=-10.0, high=-3.0),
    ],
    hidden=[
        case("any law", n=9),
        case("compute in FLOPs", law=(3.0, -0.35, 1.2), low=18.0, high=23.0, n=8),
        case("a steep law", law=(4.0, -1.3, 2.0), low=-1.0, high=1.5),
        case("a flat law", law=(2.5, -0.04, 1.1), low=-9.0, high=0.0, n=11),
        case("nothing is irreducible", law=(2.0, -0.25, 0.0), low=0.0, high=4.0),
        case("less than nothing is irreducible", law=(5.0, -0.1, -1.0), low=-6.0, high=0.0),
        case("a large loss that falls a little", law=(1.0, -0.3, 1e5), low=0.0, high=3.0, n=9),
        case("three runs are enough", rows=[[2.0, 1.0, 8.0], [1.5, 2.0, 1.125]]),
        case("twenty runs", law=(1.0, -0.5, 0.4), low=1.0, high=5.0, n=23),
        case("nearly as steep as it may be", law=(1.5, -1.9, 0.5), low=0.0, high=1.0),
        case("float32", law=(1.5, -0.3, 0.7), low=0.0, high=3.0, n=9, dtype="float32"),
        case("the loss grows", law=(-1.5, -0.4, 3.0), low=0.0, high=3.0, n=9),
    ],
    fresh=2,
    cites=["Data that lie on such a curve give", "in any order", "Fit L(C) = a · C^b + c", "whatever the dtype of the inputs",
           "Compute may be given in any unit", "it is fitted too", "where the loss grows with compute"],
)  # fmt: skip
def a_curve_gives_its_numbers_back(student, C, L):
    """Runs that lie on a · C^b + c give a, b and c back, in every unit of compute and in any order."""
    return fits(student, C, L)


def squares(fit, C, L):
    a, b, c = fit
    middle = float(C.double().log().mean())
    try:
        scale = a * math.exp(b * middle)
    except OverflowError:
        return math.inf
    return float((scale * torch.exp(b * (C.double().log() - middle)) + c - L.double()).square().sum())


def the_least_squares(seen, want, inputs):
    """The sum of squares of the student's three numbers, against the smallest one."""
    for name, (C, L) in {"fit": ("C", "L"), "of the upper half": ("C2", "L2")}.items():
        ours, best = squares(seen[name], inputs[C], inputs[L]), squares(want[name], inputs[C], inputs[L])
        if not ours <= 1.0001 * best:
            return reject("Your curve has a sum of squares of {ours}; the best one has {best}.", ours=f"{ours:.6g}", best=f"{best:.6g}")
    return None


def noisy(rng, **more):
    made = curve(rng, **more)
    order = made["C"].argsort()[2:]
    return made | {"C2": made["C"][order], "L2": made["L"][order]}


@check(
    points=1,
    inputs=noisy,
    judge=the_least_squares,
    lecture="three-numbers-one-search",
    public=[case("four runs that lie on no curve", rows=[[1.0, 10.0, 100.0, 1000.0, 1e4, 1e5], [4.0, 2.9, 2.2, 1.9, 1.75, 1.6]])],
    hidden=[
        case("noise of 1 %", law=(1.5, -0.2, 0.7), low=-10.0, high=-3.0, n=15, noise=0.01),
        case("noise of 3 %, a steep law", law=(4.0, -0.6, 1.0), low=0.0, high=3.0, n=25, noise=0.03),
        case("compute in FLOPs", law=(3.0, -0.35, 1.2), low=18.0, high=23.0, n=12, noise=0.005),
        case("no curve is flat enough", rows=[[1.0, 10.0, 100.0, 1000.0, 1e4, 1e5], [4.0, 3.5, 3.8, 3.1, 3.4, 2.5]]),
        case("no curve is steep enough", rows=[[1.0, 2.0, 4.0, 8.0, 16.0], [9.0, 2.0, 1.15, 1.02, 1.0]]),
        case("one run went wrong", rows=[[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0], [3.0, 2.5, 2.1, 2.6, 1.6, 1.45, 1.3]]),
    ],
    cites=["the smallest sum of squared differences", "near enough", "Each run counts the same"],
)
def noise_is_met_by_least_squares(student, C, L, C2, L2):
    """For noisy runs, no other curve has a smaller sum of squared differences of the losses themselves."""
    return {"fit": student.fit_power_law(C, L), "of the upper half": student.fit_power_law(C2, L2)}


@check(
    points=1,
    lecture="the-curve",
    public=[case("2 / √C + 1", fits=[[2.0, -0.5, 1.0], [1.0, -1.0, 0.0]], C=[[4.0, 100.0, 10000.0]])],
    hidden=[
        case("shares of a large run", fits=[[0.5, -0.1, 1.5], [3.0, -0.01, -0.5]], C=[[1e-10], [1e-3], [1.0]]),
        case("FLOPs", fits=[[900.0, -0.15, 1.7], [1e9, -0.4, 0.0]], C=[1e18, 3e21, 2e25]),
        case("a table", fits=[[2.0, -2.0, 1e5]], C=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        case("a number", fits=[[1.0, -0.3, 2.0], [2.0, -0.3, 1.0]], C=7.0),
        case("a is negative, or 0", fits=[[-1.5, -0.4, 3.0], [0.0, -1.0, 2.5]], C=[1.0, 10.0, 1000.0]),
    ],
    cites=["a float64 tensor of C's shape", "a and c may be any numbers"],
)
def the_curve_goes_on(student, fits, C):
    """extrapolate gives a · C^b + c in float64, in C's shape."""
    exact, single = torch.tensor(C, dtype=torch.float64), torch.tensor(C)
    view = torch.stack([exact, exact], -1)[..., 0].mT if exact.ndim > 1 else torch.stack([exact, exact], -1)[..., 0]
    seen = [student.extrapolate(tuple(fit), x) for fit in fits for x in (exact, 2 * exact, single, view)]
    return {"predicted": seen, "left": flags(exact, single, view)}


def split(rng, limit=10.0, off=1.0, dtype="float64", **more):
    """Runs on a curve; the loss of the largest one is changed by a factor `off`. Lists, so that no run crosses the limit by rounding."""
    made = curve(rng, **more)
    L = made["L"].clone()
    L[made["C"].argmax()] *= off
    return {"C": made["C"].tolist(), "L": L.tolist(), "limit": limit, "dtype": dtype}


@check(
    points=1,
    inputs=split,
    tolerance=Tolerance(rtol=1e-3, atol=1e-9, why="what the docstring asks of the fit"),
    lecture="the-test-before-the-trust",
    public=[
        case("the large run is better than predicted", rows=[[1.0, 4.0, 16.0, 64.0], [3.0, 2.0, 1.5, 1.25]], limit=16.0, off=0.8),
        case("and worse", rows=[[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0], [3.0, 2.0, 1.5, 1.25, 1.125, 1.0625]], limit=20.0, off=1.5),
        case("a run at the limit is small", rows=[[1.0, 4.0, 16.0, 64.0, 256.0], [3.0, 2.0, 1.5, 1.25, 1.125]], limit=64.0, off=1.1),
    ],
    hidden=[
        case("a thousandfold of compute", law=(1.5, -0.2, 0.7), low=-7.0, high=0.0, n=8, limit=2e-3, off=1.02),
        case("the smaller of two errors is the last one", rows=[[1.0, 4.0, 16.0, 64.0, 256.0], [3.0, 2.0, 1.5, 1.0, 1.1]], limit=16.0),
        case("three small runs, twenty large ones", law=(2.0, -0.4, 0.9), low=0.0, high=4.4, n=23, limit=3.0, off=0.7),
        case("float32", law=(2.0, -0.4, 0.9), low=0.0, high=3.0, n=9, limit=40.0, off=1.3, dtype="float32"),
        case("a large loss that falls a little", law=(1.0, -0.3, 1e5), low=0.0, high=4.0, n=9, limit=500.0, off=1.00001),
        case("a run a little above the limit is large", rows=[[1.0, 4.0, 16.0, 64.000001, 256.0], [3.0, 2.0, 1.5, 1.3, 1.125]], limit=64.0),
    ],
    cites=["is fitted to the runs with C ≤ limit", "C in float64 is compared in float64", "the largest predicted - L / L", "if there are fewer than three small runs",
           "Raises ValueError if there are fewer than three runs"],
)  # fmt: skip
def small_runs_alone_predict(student, C, L, limit, dtype):
    """Only runs up to the limit are fitted, and the result is the largest relative error of the others."""
    ordered = sorted(C)
    C, L = torch.tensor(C, dtype=getattr(torch, dtype)), torch.tensor(L, dtype=getattr(torch, dtype))
    views = [x.repeat_interleave(2)[::2] for x in (C, L)]
    return {
        "error": student.backtest(C, L, limit),
        "of views": student.backtest(*views, limit),
        "of another loss": student.backtest(C, 3 * L - 2, limit),
        "nothing to predict": raises("ValueError", lambda: student.backtest(C, L, 2 * ordered[-1])),
        "two small runs": raises("ValueError", lambda: student.backtest(C, L, ordered[1] * 1.0001)),
        "a fit of two": raises("ValueError", lambda: student.fit_power_law(C[:2], L[:2])),
        "left": flags(C, L),
    }


def solved(rng, rates=None, C=None, n=4, P=3, low=-8.0, high=-2.0):
    if rates is None:
        C = 10 ** torch.linspace(low, high, n, dtype=torch.float64)
        rates = rng.uniform(0.01, 0.9, n, P).double() ** (0.2 + (C / C[-1]).log().abs()[:, None] / 20)
        order = rng.permutation(n)
        return {"C": C[order].tolist(), "rates": rates[order].tolist()}
    return {"C": C, "rates": rates}


EXACT = Tolerance(rtol=1e-6, atol=1e-9)


@check(
    points=1,
    inputs=solved,
    tolerance=EXACT,
    lecture="from-losses-to-abilities",
    public=[
        case("two models, two problems", C=[1.0, 100.0], rates=[[0.01, 1.0], [0.1, 1.0]]),
        case("three models", C=[1.0, 10.0, 100.0], rates=[[0.1, 0.4, 0.2], [0.3, 0.5, 0.4], [0.5, 0.9, 0.6]]),
    ],
    hidden=[
        case("random rates", n=6, P=5),
        case("many problems", n=3, P=40, low=18.0, high=24.0),
        case("one problem", n=5, P=1),
        case("as many models as problems", n=4, P=4),
        case("larger models are worse", C=[1.0, 10.0], rates=[[0.9, 0.5], [0.4, 0.3]]),
        case("one problem is hardly ever solved", C=[1.0, 10.0, 1000.0], rates=[[1e-6, 0.5], [1e-4, 0.6], [0.01, 0.9]]),
    ],
    fresh=1,
    cites=["the straight line of least squares", "The logarithm of each rate is taken first", "if some rate is not in 0 1", "nothing but rates of 1"],
)
def the_mean_of_logarithms_follows_a_law(student, C, rates):
    """α and k come from the line through ln C and ln of the mean of -ln(pass rate), and impossible rates are refused."""
    C, rates = torch.tensor(C, dtype=torch.float64), torch.tensor(rates, dtype=torch.float64)
    view = rates.T.contiguous().T
    never, more, perfect, negative, unknown = (rates.clone() for _ in range(5))
    never[0, 0], more[-1, -1], perfect[0], negative[0, -1], unknown[-1, 0] = 0.0, 1.25, 1.0, -0.5, math.nan
    bad = {"never solved": never, "more than always": more, "all solved": perfect, "negative": negative, "nan": unknown}
    refused = {name: raises("ValueError", lambda r=r: student.fit_mean_log_pass(C, r)) for name, r in bad.items()}
    given = [(C, rates), (C, rates**2), (3 * C, rates), (C.repeat_interleave(2)[::2], view), (C.float(), rates.half())]
    return refused | {"fits": [student.fit_mean_log_pass(*each) for each in given], "left": flags(C, rates, view)}


def asked(rng, N=20, K=4, confidence=None, right=None, dtype="float32", **options):
    """Questions whose confidences lie away from the edges of every number of bins in use, or given ones."""
    y = rng.integers(0, K, N if confidence is None else len(confidence))
    if confidence is None:
        low = 21 if K > 4 else 26 if K == 4 else 51
        confidence = [rng.integer(low, 100) / 100 + 0.003 for _ in range(N)]
        right = [rng.real(0, 1) < 0.7 for _ in range(N)]
    probs = torch.zeros(len(y), K, dtype=torch.float64)
    for i, (p, hit) in enumerate(zip(confidence, right, strict=True)):
        answer = int(y[i]) if hit else (int(y[i]) + 1) % K
        probs[i] = (1 - p) / (K - 1)
        probs[i, answer] = p
    return {"probs": probs.tolist(), "y": y, "dtype": dtype, "options": options}


CALIBRATED = Tolerance(atol=1e-6, rtol=1e-5)


@check(
    points=1,
    inputs=asked,
    tolerance=CALIBRATED,
    lecture="does-it-know-what-it-knows",
    public=[
        case("sure in half, right in half", confidence=[0.93, 0.93, 0.93, 0.93], right=[True, False, True, False], K=3),
        case("three bins of different size", confidence=[0.95, 0.93, 0.94, 0.65, 0.62, 0.45], right=[True, True, False, True, False, False], K=3),
    ],
    hidden=[
        case("100 questions", N=100, K=5, dtype="float64"),
        case("five bins", N=40, K=4, bins=5),
        case("one bin", N=17, K=3, bins=1),
        case("twenty bins", N=60, K=5, bins=20),
        case("one question, right", confidence=[0.73], right=[True], K=2),
        case("one question, wrong", confidence=[0.73], right=[False], K=6),
        case("errors of one bin cancel", confidence=[0.84, 0.86, 0.84, 0.86, 0.85], right=[True, True, False, True, True], K=4, bins=10),
        case("errors of different bins do not", confidence=[0.72, 0.73, 0.92, 0.93], right=[True, True, False, True], K=4),
        case("many answers", N=30, K=30, dtype="float64"),
        case("all are sure", confidence=[1.0, 1.0, 1.0], right=[True, True, False], K=3),
    ],
    fresh=1,
    cites=["The confidence in a question is", "For each bin take mean confidence", "each weighted by the share", "An empty bin has no weight"],
)
def bins_are_weighted_by_their_questions(student, probs, y, dtype, options):
    """The calibration error is the gap between confidence and accuracy of each bin, weighted by its questions."""
    probs = torch.tensor(probs, dtype=getattr(torch, dtype))
    view = probs.T.contiguous().T
    first = student.ece(probs, y, **options)
    turned = student.ece(probs.flip(-1), probs.shape[1] - 1 - y, **options)
    others = [student.ece(view, y, **options), student.ece(probs, y, bins=7), student.ece(probs, (y + 1) % probs.shape[1], **options)]
    return {"ece": first, "answers turned round": turned, "a view, seven bins, other answers": others, "left": flags(view)}


@check(
    points=1,
    inputs=asked,
    tolerance=CALIBRATED,
    lecture="does-it-know-what-it-knows",
    public=[case("at an edge, and a little above", confidence=[0.75, 0.7578125, 0.875], right=[False, True, True], K=2, bins=4)],
    hidden=[
        case("all at one edge", confidence=[0.5, 0.75, 0.5, 0.8125], right=[True, False, False, True], K=3, bins=4, dtype="float64"),
        case("eight bins", confidence=[0.625, 0.875, 0.65625, 0.96875], right=[True, False, False, True], K=3, bins=8),
        case("edges and 1", confidence=[1.0, 0.75, 0.8125, 0.53125], right=[False, True, False, True], K=2, bins=4),
        case("two bins", confidence=[0.5, 0.5, 0.75], right=[True, True, False], K=5, bins=2, dtype="float64"),
    ],
    cites=["its upper edge included", "bin i holds those in"],
)
def an_edge_belongs_to_the_bin_below(student, probs, y, dtype, options):
    """A confidence of exactly i/bins is in the bin that ends there."""
    return student.ece(torch.tensor(probs, dtype=getattr(torch, dtype)), y, **options)


def judged(rng, N=3, K=4, dtype="float64", rows=None, rewards=None, scale=1.0):
    if rows is not None:
        return {"probs": torch.tensor(rows), "rewards": torch.tensor(rewards)}
    probs = rng.uniform(0.01, 0.5, N, K).to(getattr(torch, dtype)) * scale
    return {"probs": probs, "rewards": rng.normal(K, dtype=dtype)}


@check(
    points=1,
    inputs=judged,
    lecture="a-reward-from-rules",
    public=[
        case("three classes", rows=[[0.3, 0.1, 0.0], [0.0, 0.2, 0.2]], rewards=[1.0, -1.0, 0.0]),
        case("the rest of the probability is elsewhere", rows=[[0.1, 0.1], [0.01, 0.03]], rewards=[1.0, 0.0]),
    ],
    hidden=[
        case("more classes than answers", N=2, K=7),
        case("more answers than classes", N=9, K=3, dtype="float32"),
        case("as many", N=4, K=4),
        case("tiny probabilities", N=5, K=3, scale=1e-6),
        case("one class", N=3, K=1),
        case("one answer", N=1, K=5, dtype="float32"),
        case("many classes", N=2, K=40),
    ],
    fresh=1,
    cites=["it is divided by its sum first", "the expected reward of each answer", "The expectation uses all classes", "gradients flow back to both",
           "The inputs are left as they are"],
)  # fmt: skip
def the_reward_is_expected(student, probs, rewards):
    """The reward is the mean of the classes' rewards, weighted by their probabilities, which are made to sum to 1."""
    probs, rewards = leaves(probs, rewards)
    view = probs.detach().T.contiguous().T
    out = student.rbrm_score(probs, rewards)
    others = [student.rbrm_score(view, -rewards.detach()), student.rbrm_score(3 * view, rewards.detach())]
    return {"out": out, "gradients": gradients(out, {"probs": probs, "rewards": rewards}), "others": others, "left": flags(view)}
