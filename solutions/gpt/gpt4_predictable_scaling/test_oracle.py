"""gpt/gpt4_predictable_scaling against SciPy's curve_fit and linregress, and the calibration error by its definition."""

import math

import numpy as np
import pytest
import torch

LAWS = [(2.0, -0.05, 1.7, -10, 0), (1.3, -0.3, 0.5, 0, 4), (4.0, -1.2, 1.0, -1, 2), (5.0, -0.1, -1.0, -6, 0), (2.0, -0.25, 0.0, 2, 6)]


def runs(a, b, c, low, high, n=12, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    C = 10 ** np.linspace(low, high, n)
    L = (a * (C / 10**low) ** b + c) * (1 + noise * rng.standard_normal(n))
    return torch.tensor(C), torch.tensor(L), 10**low


@pytest.mark.parametrize("noise", [0.0, 0.003, 0.01])
@pytest.mark.parametrize("law", LAWS)
def test_scipy_curve_fit(reference, law, noise):
    optimize = pytest.importorskip("scipy.optimize")
    C, L, unit = runs(*law, noise=noise)
    ours = reference.extrapolate(reference.fit_power_law(C, L), C).numpy()
    (a, b, c), _ = optimize.curve_fit(lambda x, a, b, c: a * x**b + c, C.numpy() / unit, L.numpy(), p0=law[:3], maxfev=20000)
    theirs = a * (C.numpy() / unit) ** b + c
    squares = [float(((fitted - L.numpy()) ** 2).sum()) for fitted in (ours, theirs)]
    assert squares[0] <= squares[1] * (1 + 1e-6) + 1e-15
    if -2 < b < -0.02:
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("law", LAWS)
def test_exact_curves_are_recovered(reference, law):
    C, L, unit = runs(*law)
    a, b, c = reference.fit_power_law(C, L)
    assert (a * unit**b, b, c) == pytest.approx(law[:3], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_thousandfold_of_compute(reference, seed):
    """With noise of 0.2 % and seven decades of small runs, the loss at 1000 times the compute is predicted within 2 %."""
    C, L, _ = runs(2.0, -0.12, 1.0, -10, -3, n=20, noise=0.002, seed=seed)
    far = reference.extrapolate(reference.fit_power_law(C, L), torch.ones(1, dtype=torch.float64))
    assert float(far) == pytest.approx(2.0 * 1e10**-0.12 + 1.0, rel=0.02)


@pytest.mark.parametrize("n, P", [(3, 1), (6, 9), (4, 4)])
def test_scipy_linregress(reference, n, P):
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(n)
    C, rates = 10 ** rng.uniform(-8, 0, n), rng.uniform(0.01, 0.99, (n, P))
    line = stats.linregress(np.log(C), np.log(-np.log(rates).mean(1)))
    got = reference.fit_mean_log_pass(torch.tensor(C), torch.tensor(rates))
    assert got == pytest.approx((math.exp(line.intercept), -line.slope))


def test_the_law_of_the_report_is_recovered(reference):
    C = torch.logspace(-7, 0, 6, dtype=torch.float64)
    rates = torch.exp(-0.3 * C**-0.1)[:, None] * torch.ones(1, 3, dtype=torch.float64)
    assert reference.fit_mean_log_pass(C, rates) == pytest.approx((0.3, 0.1))


@pytest.mark.parametrize("N, K, bins", [(50, 2, 10), (200, 5, 15), (7, 3, 4), (1, 4, 10)])
def test_ece_by_its_definition(reference, N, K, bins):
    generator = torch.Generator().manual_seed(N)
    probs = (3 * torch.randn(N, K, generator=generator, dtype=torch.float64)).softmax(-1)
    y = torch.randint(0, K, (N,), generator=generator)
    want = 0.0
    for i in range(bins):
        members = [n for n in range(N) if i / bins < float(probs[n].max()) <= (i + 1) / bins]
        if members:
            confidence = np.mean([float(probs[n].max()) for n in members])
            accuracy = np.mean([int(probs[n].argmax()) == int(y[n]) for n in members])
            want += len(members) / N * abs(confidence - accuracy)
    assert reference.ece(probs, y, bins) == pytest.approx(want)


def test_a_calibrated_model_has_a_small_error(reference):
    generator = torch.Generator().manual_seed(0)
    probs = (2 * torch.randn(20_000, 3, generator=generator, dtype=torch.float64)).softmax(-1)
    y = torch.multinomial(probs, 1, generator=generator).squeeze(-1)
    assert reference.ece(probs, y) < 0.02
    assert reference.ece(torch.tensor([[0.9, 0.1]] * 10), torch.tensor([0, 1] * 5)) == pytest.approx(0.4)


def test_rewards(reference):
    probs, rewards = torch.rand(5, 4, dtype=torch.float64) + 0.01, torch.randn(4, dtype=torch.float64)
    want = [np.average(rewards.numpy(), weights=row.numpy()) for row in probs]
    np.testing.assert_allclose(reference.rbrm_score(probs, rewards).numpy(), want)
