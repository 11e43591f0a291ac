"""scaling/fit_parametric against SciPy's optimizers, special functions and NumPy's quantiles; and what stopping early does."""

import math

import numpy as np
import pytest
import torch

LAWS = {"epoch": (1.8172, 482.01, 2085.43, 0.3478, 0.3658), "printed": (1.69, 406.4, 410.7, 0.34, 0.28), "half": (0.5, 30.0, 900.0, 0.2, 0.4)}


def runs(law, n=40, noise=0.0, off=0, seed=0):
    rng = np.random.default_rng(seed)
    E, A, B, alpha, beta = LAWS[law]
    N, D = 10 ** rng.uniform(7.6, 10.2, n), 10 ** rng.uniform(9.4, 11.6, n)
    L = (E + A / N**alpha + B / D**beta) * np.exp(noise * rng.standard_normal(n))
    L[:off] *= 1.3
    return tuple(torch.tensor(each) for each in (N, D, L))


def as_theta(fit):
    return torch.tensor([math.log(fit["A"]), math.log(fit["B"]), math.log(fit["E"]), fit["alpha"], fit["beta"]], dtype=torch.float64)


def cost_and_slope(reference, N, D, L, delta, scale=1.0):
    def call(values):
        theta = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        cost = scale * reference.objective(theta, N, D, L, delta)
        cost.backward()
        return cost.item(), theta.grad.numpy()

    return call


@pytest.mark.parametrize("delta", [1e-3, 0.1])
def test_scipy_special_functions(reference, delta):
    special = pytest.importorskip("scipy.special")
    N, D, L = runs("epoch", 7, 0.01, 2)
    theta = torch.tensor([6.0, 7.5, 0.55, 0.33, 0.37], dtype=torch.float64)
    a, b, e, alpha, beta = theta.tolist()
    want = special.logsumexp([a - alpha * np.log(N.numpy()), b - beta * np.log(D.numpy()), np.full(7, e)], axis=0)
    np.testing.assert_allclose(reference.log_loss(theta, N, D).numpy(), want, rtol=1e-12)
    assert float(reference.objective(theta, N, D, L, delta)) == pytest.approx(special.huber(delta, want - np.log(L.numpy())).sum())
    theta.requires_grad_()
    assert torch.autograd.gradcheck(lambda theta: reference.objective(theta, N, D, L, delta), (theta,), eps=1e-7)


@pytest.mark.parametrize("law, noise, off, delta", [("epoch", 0.002, 0, 1e-3), ("printed", 0.01, 3, 1e-3), ("half", 0.003, 2, 0.05), ("epoch", 0.004, 0, 1.0)])
def test_scipy_finds_nothing_better(reference, law, noise, off, delta):
    """BFGS from the fit, from the true law, and from a start of the paper's grid."""
    optimize = pytest.importorskip("scipy.optimize")
    N, D, L = runs(law, 40, noise, off, seed=off)
    fit = as_theta(reference.fit_chinchilla(N, D, L, delta))
    ours = float(reference.objective(fit, N, D, L, delta))
    E, A, B, alpha, beta = LAWS[law]
    truth = [math.log(A), math.log(B), math.log(E), alpha, beta]
    for start in (fit.tolist(), truth, [5.0, 5.0, 0.5, 0.5, 0.5]):
        found = optimize.minimize(cost_and_slope(reference, N, D, L, delta, 1e6), start, jac=True, method="BFGS", options={"maxiter": 400})
        assert ours <= found.fun / 1e6 * (1 + 1e-6)


@pytest.mark.parametrize("delta", [10.0])
def test_scipy_least_squares(reference, delta):
    """With a wide δ the objective is half a sum of squares."""
    optimize = pytest.importorskip("scipy.optimize")
    N, D, L = runs("epoch", 50, 0.003)

    def residuals(theta):
        return (reference.log_loss(torch.tensor(theta), N, D) - L.log()).numpy()

    found = optimize.least_squares(residuals, [6.0, 7.5, 0.55, 0.33, 0.37], x_scale=[1, 1, 0.1, 0.1, 0.1], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    fit = as_theta(reference.fit_chinchilla(N, D, L, delta))
    assert float(reference.objective(fit, N, D, L, delta)) <= found.cost * (1 + 1e-9)
    np.testing.assert_allclose(fit.numpy(), found.x, rtol=2e-3)


@pytest.mark.parametrize("law", LAWS)
def test_the_truth_is_recovered(reference, law):
    fit = reference.fit_chinchilla(*runs(law, 30))
    assert list(fit.values()) == pytest.approx(LAWS[law], rel=1e-5)
    noisy = reference.fit_chinchilla(*runs(law, 240, 0.001, 5))
    assert noisy["E"] == pytest.approx(LAWS[law][0], abs=0.02)
    assert (noisy["alpha"], noisy["beta"]) == pytest.approx(LAWS[law][3:], abs=0.02)


def test_an_optimizer_that_stops_early_stays_where_it_began(reference):
    """As in the Chinchilla paper: a mean in place of the sum, and L-BFGS-B with its defaults. A and B are still those of the start."""
    optimize = pytest.importorskip("scipy.optimize")
    N, D, L = runs("epoch", 40, 0.002)
    found = optimize.minimize(cost_and_slope(reference, N, D, L, 1e-3, 1 / 40), [5.0, 5.0, 0.5, 0.5, 0.5], jac=True, method="L-BFGS-B")
    assert found.success and np.abs(found.x[:2] - 5.0).max() < 0.1
    fit = reference.fit_chinchilla(N, D, L)
    assert float(reference.objective(torch.tensor(found.x), N, D, L)) > 3 * float(reference.objective(as_theta(fit), N, D, L))
    assert math.log(fit["B"]) == pytest.approx(math.log(2085.43), abs=0.5)


def test_intervals_are_numpys_quantiles_of_refits(reference):
    N, D, L = runs("epoch", 30, 0.003)
    resamples = torch.randint(0, 30, (9, 30), generator=torch.Generator().manual_seed(0))
    fits = [reference.fit_chinchilla(N[row], D[row], L[row]) for row in resamples]
    for level in (0.9, 0.5):
        got = reference.bootstrap_ci(N, D, L, resamples, level)
        for name in ("E", "A", "B", "alpha", "beta"):
            want = np.quantile([fit[name] for fit in fits], [(1 - level) / 2, (1 + level) / 2])
            assert got[name] == pytest.approx(tuple(want), rel=1e-4)
        assert got["a"] == pytest.approx(tuple(np.quantile([fit["beta"] / (fit["alpha"] + fit["beta"]) for fit in fits], [(1 - level) / 2, (1 + level) / 2])), rel=1e-4)


def test_intervals_cover_the_truth_about_as_often_as_they_say(reference):
    inside, draw = 0, torch.Generator().manual_seed(1)
    for seed in range(8):
        N, D, L = runs("epoch", 60, 0.003, seed=seed)
        low, high = reference.bootstrap_ci(N, D, L, torch.randint(0, 60, (25, 60), generator=draw), 0.9, 0.1)["a"]
        inside += low <= 0.3658 / (0.3478 + 0.3658) <= high
    assert inside >= 5


@pytest.mark.parametrize("seed, noise", [(0, 0.0), (1, 0.003)])
def test_parabolas_with_polyfit(reference, seed, noise):
    rng = np.random.default_rng(seed)
    C, N, L, best = [], [], [], []
    E, A, B, alpha, beta = LAWS["epoch"]
    budgets = 10.0 ** np.array([18.5, 19.0, 20.0, 20.5])
    for budget in budgets:
        n = np.sqrt(budget / 120) * 10 ** rng.uniform(-0.6, 0.6, 7)
        loss = E + A / n**alpha + B / (budget / 6 / n) ** beta + noise * rng.standard_normal(7)
        p, q, _ = np.polyfit(np.log(n), loss, 2)
        best.append(-q / 2 / p)
        C, N, L = [*C, *[budget] * 7], [*N, *n], [*L, *loss]
    order = rng.permutation(len(C))
    a, height = np.polyfit(np.log(budgets), best, 1)
    assert reference.isoflop_parabola(*(torch.tensor(np.array(each)[order]) for each in (C, N, L))) == pytest.approx((math.exp(height), a), rel=1e-6)
    if not noise:
        assert a == pytest.approx(beta / (alpha + beta), abs=0.02)  # nearly the law's own power
