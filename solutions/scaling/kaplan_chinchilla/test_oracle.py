"""scaling/kaplan_chinchilla against SciPy's minimizers, NumPy's polyfit, and numbers of the papers."""

import math

import numpy as np
import pytest
import torch
from torch import nn

BUDGETS = [1e18, 1e21, 5.76e23, 3e25]


def fits(reference):
    return [reference.HOFFMANN, reference.HOFFMANN_UNROUNDED, reference.BESIROGLU, {"E": 0.3, "A": 20.0, "B": 900.0, "alpha": 0.2, "beta": 0.5}]


@pytest.mark.parametrize("C", BUDGETS)
@pytest.mark.parametrize("which", range(4))
def test_scipy_finds_no_better_share(reference, C, which):
    optimize = pytest.importorskip("scipy.optimize")
    coef = fits(reference)[which]

    def loss(x):
        return reference.chinchilla_L(math.exp(x), C / 6 / math.exp(x), coef)

    found = optimize.minimize_scalar(loss, bounds=(0.0, math.log(C / 6)), method="bounded", options={"xatol": 1e-10})
    N, D = reference.optimal(C, coef)
    assert pytest.approx(C) == 6 * N * D
    assert reference.chinchilla_L(N, D, coef) <= found.fun + 1e-12
    assert math.log(N) == pytest.approx(found.x, abs=1e-5)


@pytest.mark.parametrize("which", range(4))
def test_slopes_are_equal_at_the_optimum(reference, which):
    """By autograd: N ∂L/∂N = D ∂L/∂D where no exchange of parameters for tokens helps."""
    coef = fits(reference)[which]
    N, D = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in reference.optimal(1e22, coef))
    reference.chinchilla_L(N, D, coef).backward()
    torch.testing.assert_close(N * N.grad, D * D.grad, rtol=1e-9, atol=0)


@pytest.mark.parametrize("seed, n", [(0, 3), (1, 5), (2, 12)])
def test_polyfit_and_curve_fit(reference, seed, n):
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(seed)
    N = 10 ** rng.uniform(7, 11, n)
    L = 2 + 0.1 * np.log(N / 10**9.2) ** 2 + 0.01 * rng.standard_normal(n)
    p, q, _ = np.polyfit(np.log(N), L, 2)
    assert reference.isoflop_min(N.tolist(), L.tolist()) == pytest.approx(math.exp(-q / 2 / p), rel=1e-6)
    (_, _, lowest), _ = optimize.curve_fit(lambda x, p, r, at: p * (x - at) ** 2 + r, np.log(N), L, p0=(0.1, 2.0, 21.0))
    assert reference.isoflop_min(N.tolist(), L.tolist()) == pytest.approx(math.exp(lowest), rel=1e-5)


@pytest.mark.parametrize("which", range(4))
def test_the_valley_of_the_law_is_its_optimum(reference, which):
    """A parabola through three close runs of one budget finds the closed form."""
    coef = fits(reference)[which]
    best, _ = reference.optimal(1e21, coef)
    N = [best * factor for factor in (0.98, 1.0, 1.03)]
    assert reference.isoflop_min(N, [reference.chinchilla_L(n, 1e21 / 6 / n, coef) for n in N]) == pytest.approx(best, rel=1e-3)


def test_numbers_of_the_papers(reference):
    assert reference.kaplan_L(D=1e10) == pytest.approx(2.26244, abs=1e-5)
    assert reference.kaplan_L(N=8.8e13) == reference.kaplan_L(D=5.4e13) == reference.kaplan_L(C=3.1e8 * 8.64e19) == pytest.approx(1)
    N, D = reference.optimal(5.76e23)
    assert pytest.approx((32.2, 2.98, 92.6), rel=2e-3) == (N / 1e9, D / 1e12, D / N)
    N, D = reference.optimal(5.76e23, reference.HOFFMANN_UNROUNDED)
    assert pytest.approx(40, rel=0.02) == N / 1e9  # "a 40 billion parameter model", section 3.4
    N, D = reference.optimal(5.76e23, reference.BESIROGLU)
    assert pytest.approx((72, 18.4), rel=5e-3) == (N / 1e9, D / N)
    for name, each in reference.HOFFMANN.items():
        assert reference.HOFFMANN_UNROUNDED[name] == pytest.approx(each, abs=0.06 if name in "AB" else 0.006)


@pytest.mark.parametrize("factor", [2.0, 10.0])
def test_joint_law_has_the_single_ones_at_its_ends(reference, factor):
    """Large D leaves a power of N, and 8 times the model wants about 5 times the data (section 4.2 of Kaplan)."""
    assert reference.kaplan_LND(1e9 * factor, math.inf) == pytest.approx(reference.kaplan_LND(1e9, math.inf) * factor**-0.076)
    assert reference.kaplan_LND(math.inf, 1e9 * factor) == pytest.approx(reference.kaplan_LND(math.inf, 1e9) * factor**-0.103)
    penalty = [reference.kaplan_LND(n, d) / reference.kaplan_LND(n, math.inf) for n, d in [(1e9, 2e10), (8e9, 8 ** (0.076 / 0.103) * 2e10)]]
    assert penalty[0] == pytest.approx(penalty[1]) and pytest.approx(5, rel=0.1) == 8 ** (0.076 / 0.103)


@pytest.mark.parametrize("n_layer, d_model", [(2, 8), (3, 16)])
def test_modules_have_as_many(reference, n_layer, d_model):
    layer = nn.TransformerEncoderLayer(d_model, 1, 4 * d_model)
    matrices = sum(p.numel() for p in layer.parameters() if p.ndim == 2)
    assert reference.params_nonembed(n_layer, d_model) == n_layer * matrices


@pytest.mark.parametrize("which", range(4))
def test_round_trip_of_tokens(reference, which):
    coef = fits(reference)[which]
    for N, D in [(1e8, 2e9), (7e9, 2e12), (4e11, 1e13)]:
        assert reference.tokens_for_loss(reference.chinchilla_L(N, D, coef), N, coef) == pytest.approx(D, rel=1e-6)
        with pytest.raises(ValueError):
            reference.tokens_for_loss(0.999 * reference.chinchilla_L(N, math.inf, coef), N, coef)
