"""Public checks of scaling/fit_parametric: run `pytest` on this file, or `autograder check scaling/fit_parametric`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import Tolerance, case, check, difference, flags, raises, reject, with_gradients


EPOCH = (1.8172, 482.01, 2085.43, 0.3478, 0.3658)


PRINTED = (1.69, 406.4, 410.7, 0.34, 0.28)


def runs(rng, n, law=EPOCH, noise=0.0, off=0, dtype="float64", large=0.0, **more):
    """n runs on a law; noise in ln L; the first `off` runs went wrong by 20 to 40 %. large: powers of ten on top of usual sizes."""
    E, A, B, alpha, beta = law
    N, D = (10 ** (low + large + width * rng.uniform(0.0, 1.0, n).double()) for low, width in ((7.6, 2.6), (9.4, 2.2)))
    L = E + A / N**alpha + B / D**beta
    L = L * torch.exp(noise * rng.normal(n, dtype="float64"))
    L[:off] *= 1.2 + 0.2 * torch.arange(off, dtype=torch.float64) / max(off, 1)
    order = rng.permutation(n)
    return {name: each[order].to(getattr(torch, dtype)) for name, each in (("N", N), ("D", D), ("L", L))} | more


def thetas(rng, n=3, theta=None, spread=0.3, **more):
    made = runs(rng, n, **more)
    if theta is None:
        theta = [value + spread * rng.real(-1, 1) for value in (6.2, 7.6, 0.6, 0.35, 0.36)]
    return made | {"theta": torch.tensor(theta, dtype=torch.float64)}


@check(points=1, inputs=thetas, lecture='three-terms-one-logarithm', public=[case('all zeros: ln 3', theta=[0.0] * 5, n=2), case('the law of Besiroglu and others', theta=[math.log(482.01), math.log(2085.43), math.log(1.8172), 0.3478, 0.3658], n=4), case('a term of e^5000', theta=[5000.0, 0.0, 0.0, 0.1, 0.2], n=2)])
def the_law_in_logarithms(student, theta, N, D, L):
    """log_loss is logsumexp(a - α ln N, b - β ln D, e), in float64, with gradients for theta and without overflow."""
    views = [each.repeat_interleave(2)[::2] for each in (theta, N, D)]
    return {
        "logs": with_gradients(lambda theta: student.log_loss(theta, N, D), theta=theta),
        "of views": student.log_loss(*views),
        "of another law": student.log_loss(theta / 2, N, D),
        "left": flags(theta, N, D),
    }


@check(points=2, inputs=thetas, lecture='far-runs-pull-gently', public=[case('two runs, near and far', theta=[6.2, 7.6, 0.6, 0.35, 0.36], n=2, off=1, deltas=[0.001, 0.1]), case('a wide δ: squares', n=3, deltas=[10.0]), case('no run', n=0, deltas=[0.001])])
def far_runs_pull_with_a_constant_force(student, theta, N, D, L, deltas):
    """The objective is a sum of Huber losses of ln-differences: half of r² up to δ, a straight line beyond."""
    seen = [with_gradients(lambda theta, delta=delta: student.objective(theta, N, D, L, delta), theta=theta) for delta in deltas]
    return {
        "objectives": seen,
        "by name": [student.objective(theta, N, D, L, delta=delta).detach() for delta in deltas],
        "by default": with_gradients(lambda theta: student.objective(theta, N, D, L), theta=theta),
        "twice the runs": student.objective(theta, torch.cat([N, N]), torch.cat([D, D]), torch.cat([L, L])).detach(),
        "of views": student.objective(*(each.repeat_interleave(2)[::2] for each in (theta, N, D, L))).detach(),
        "left": flags(theta, N, D, L),
    }


NAMES = ("E", "A", "B", "alpha", "beta")


def cost(reference, fit, N, D, L, options):
    if not all(0 < fit[name] < math.inf for name in NAMES):
        return math.inf
    theta = torch.tensor([math.log(fit["A"]), math.log(fit["B"]), math.log(fit["E"]), fit["alpha"], fit["beta"]], dtype=torch.float64)
    return float(reference.objective(theta, N, D, L, **options))


def the_smallest_objective(seen, want, inputs, reference):
    options = inputs["options"]
    for which, part, used in (("all", slice(None), options), ("without five", slice(None, -5), options), ("with δ = 0.3", slice(None), {"delta": 0.3})):
        if which in seen:
            given = [inputs[name][part] for name in "NDL"]
            ours, best = (cost(reference, each[which], *given, used) for each in (seen, want))
            if not ours <= 1.0001 * best + 1e-8:
                return reject("Your law has an objective of {ours}; the best one has {best}.", ours=f"{ours:.6g}", best=f"{best:.6g}")
    return difference(seen["left"], want["left"])


def the_law_itself(seen, want, inputs, reference):
    for name in NAMES:
        ours, truth = seen["all"][name], want["all"][name]
        if not abs(ours - truth) <= (0.02 * truth if name in ("A", "B") else 0.002):
            return reject("Your {name} is {ours}; the runs lie on a law with {truth}.", name=name, ours=f"{ours:.6g}", truth=f"{truth:.6g}")
    for name in ("few", "five"):
        if difference(seen[name], want[name]) is not None:
            return difference(seen[name], want[name])
    return the_smallest_objective(seen, want, inputs, reference)


def exact(rng, few=(4,), options=None, **more):
    return runs(rng, **more) | {"few": list(few), "options": options or {}}


@check(points=2, inputs=exact, judge=the_law_itself, lecture='from-a-start-to-the-end', public=[case('twenty runs on the law of Besiroglu and others', n=20), case('the law as it was printed', n=20, law=PRINTED, few=[0])])
def runs_on_a_law_give_it_back(student, N, D, L, few, options):
    """From runs without noise all five numbers come back; fewer than five runs are refused."""
    return {
        "all": student.fit_chinchilla(N, D, L, **options),
        "few": [raises("ValueError", lambda k=k: student.fit_chinchilla(N[:k], D[:k], L[:k])) for k in few],
        "five": sorted(student.fit_chinchilla(N[:5], D[:5], L[:5])) if 4 in few else [],
        "left": flags(N, D, L),
    }


def noisy(rng, options=None, **more):
    return runs(rng, **more) | {"options": options or {}}


@check(points=2, inputs=noisy, judge=the_smallest_objective, lecture='it-stopped-too-early', public=[case('noise of 0.2 %', n=40, noise=0.002), case('two runs went wrong', n=30, noise=0.0005, off=2), case('another δ', n=25, noise=0.003, off=2, options={'delta': 0.02})])
def no_law_fits_better(student, N, D, L, options):
    """No other law has a smaller objective, also where some runs are far off and the objective is a tiny number."""
    few = [each[:-5].repeat_interleave(2)[::2] for each in (N, D, L)]
    return {
        "all": student.fit_chinchilla(N, D, L, **options),
        "without five": student.fit_chinchilla(*few, **options),
        "with δ = 0.3": student.fit_chinchilla(N, D, L, delta=0.3),
        "left": flags(N, D, L),
    }


def resampled(rng, n, R, size=None, level=None, options=None, **more):
    made = runs(rng, n, **more)
    return made | {"resamples": rng.integers(0, n, R, size or n), "options": ({"level": level} if level else {}) | (options or {})}


def the_intervals(seen, want):
    for which in ("intervals", "of other resamples", "one resample"):
        for name, (low, high) in want[which].items():
            near = 0.03 * (high - low) if which != "one resample" else 0.01 * abs(low)
            if not all(abs(ours - theirs) <= near for ours, theirs in zip(seen[which][name], (low, high), strict=True)):
                return reject(
                    "Your interval of {name} goes from {ours}; it goes from {theirs}.",
                    name=name,
                    ours=" to ".join(f"{each:.6g}" for each in seen[which][name]),
                    theirs=f"{low:.6g} to {high:.6g}",
                )
    return difference({name: seen[name] for name in ("refused", "left", "resamples")}, {name: want[name] for name in ("refused", "left", "resamples")})


@check(points=2, inputs=resampled, judge=the_intervals, lecture='how-sure', public=[case('six resamples', n=40, R=6, noise=0.001), case('half of them', n=30, R=5, noise=0.001, level=0.5)])
def refits_say_how_sure(student, N, D, L, resamples, options):
    """bootstrap_ci fits each resample anew, and gives the quantiles of each number and of β / (α + β)."""
    views = [each.repeat_interleave(2)[::2] for each in (N, D, L)]
    return {
        "intervals": student.bootstrap_ci(N, D, L, resamples, **options),
        "of other resamples": student.bootstrap_ci(N, D, L, (resamples[:6] + 1) % len(N), **options),
        "one resample": student.bootstrap_ci(*views, resamples[-1:].mT.contiguous().mT, **options),
        "refused": [raises("ValueError", lambda level=level: student.bootstrap_ci(N, D, L, resamples, level)) for level in (0.0, 1.0, 90.0, -0.5)],
        "left": flags(N, D, L, resamples),
        "resamples": resamples,
    }


def budgets(rng, sizes=(5, 4, 6), law=EPOCH, noise=0.0, low=19.0, step=1.0, dtype="float64", rows=None):
    """Runs of len(sizes) budgets, 10^low, 10^(low + step), …, each with its number of sizes, or given rows C, N, L."""
    if rows:
        return {name: torch.tensor(row, dtype=torch.float64) for name, row in zip("CNL", rows, strict=True)}
    E, A, B, alpha, beta = law
    C, N = [], []
    for k, count in enumerate(sizes):
        budget = 10 ** (low + step * k)
        for each in range(count):
            C.append(budget)
            N.append(math.sqrt(budget / 6 / 20) * 10 ** (-0.8 + 1.7 * (each + 0.6 * rng.real(0, 1)) / count))
    C, N = torch.tensor(C, dtype=torch.float64), torch.tensor(N, dtype=torch.float64)
    L = E + A / N**alpha + B / (C / 6 / N) ** beta + noise * rng.normal(len(C), dtype="float64")
    order = rng.permutation(len(C))
    return {name: each[order].to(getattr(torch, dtype)) for name, each in (("C", C), ("N", N), ("L", L))}


TWO = [[1.0, 1.0, 1.0, 100.0, 100.0, 100.0], [1.0, 10.0, 100.0, 10.0, 100.0, 1000.0], [3.0, 2.0, 3.0, 1.5, 1.0, 1.5]]


@check(points=1, inputs=budgets, tolerance=Tolerance(rtol=0.0001, atol=1e-12, why='the docstring asks for a relative error of 1e-4: powers of e^20 are fitted in several ways'), lecture='valleys-without-a-law', public=[case('two budgets', rows=TWO), case('three budgets, of 5, 4 and 8 runs, with noise', sizes=[5, 4, 8], noise=0.01), case('one budget', sizes=[5]), case('a hill', rows=[[1000.0] * 3 + [100000.0] * 3, [1.0, 3.0, 9.0, 2.0, 8.0, 30.0], [3.0, 2.5, 2.7, 2.0, 2.2, 2.1]])])
def valleys_lie_on_a_line(student, C, N, L):
    """isoflop_parabola finds the valley of each budget and the line through them; ValueError where one is missing."""

    def line(*given):
        try:
            return student.isoflop_parabola(*given)
        except ValueError:
            return "ValueError"

    good = [torch.tensor(row, dtype=torch.float64) for row in TWO]
    return {"line": line(C, N, L), "all losses moved": line(C, N, 3 * L + 1), "of views": line(*(each.repeat_interleave(2)[::2] for each in (C, N, L))), "good": student.isoflop_parabola(*good), "left": flags(C, N, L)}
