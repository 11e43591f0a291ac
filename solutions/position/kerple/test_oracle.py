"""position/kerple against the paper's own code (recorded), this course's ALiBi, and the definition of a kernel by random vectors."""

import json
import math
import runpy
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "official_code.json").read_text())["cases"]


def layer_with(reference, kind, r1, r2):
    layer = getattr(reference, kind)(len(r1)).double()
    with torch.no_grad():
        layer.r1.copy_(torch.tensor(r1, dtype=torch.float64))
        layer.r2.copy_(torch.tensor(r2, dtype=torch.float64))
    return layer


@pytest.mark.parametrize("case", RECORDED)
def test_the_papers_code(reference, case):
    """Bias, gradients and parameters afterwards. Their bias is 0 for later keys, which they hide anyway."""
    T, S = case["T"], case["S"]
    layer = layer_with(reference, case["kind"], **case["start"])
    bias = layer(T, S)
    seen = torch.ones(T, S, dtype=torch.float64).tril(S - T)
    want = torch.tensor(case["bias"], dtype=torch.float64)
    torch.testing.assert_close(bias * seen, want * seen)
    for key in ("r1", "r2"):
        parameter = getattr(layer, key)
        torch.testing.assert_close(parameter.detach(), torch.tensor(case["after"][key], dtype=torch.float64))
        (gradient,) = torch.autograd.grad((bias * seen).square().sum(), parameter, retain_graph=True)
        torch.testing.assert_close(gradient, torch.tensor(case["gradients"][key], dtype=torch.float64))


@pytest.mark.parametrize("H, T, S", [(4, 6, 6), (3, 2, 5), (8, 1, 9)])
def test_the_power_1_with_alibis_slopes_is_alibi(reference, H, T, S):
    alibi = runpy.run_path(str(HERE.parent / "alibi" / "solution.py"))
    slopes = alibi["alibi_slopes"](H)
    layer = layer_with(reference, "KerplePower", slopes.tolist(), [1.0] * H)
    with torch.no_grad():
        layer.r1.copy_(slopes.clamp(min=0.01))  # the bound of the kernel is above the mildest slopes
    ours = layer(T, S).float()
    theirs = alibi["alibi_bias"](H, T, S)
    seen = theirs.isfinite() & (slopes >= 0.01)[:, None, None]
    assert seen.any()
    torch.testing.assert_close(ours[seen], theirs[seen])


@pytest.mark.parametrize("T, S", [(4, 4), (2, 6), (5, 3)])
def test_entry_by_entry(reference, T, S):
    log, power = (
        layer_with(reference, "KerpleLog", [0.5, 2.0], [0.3, 4.0]),
        layer_with(reference, "KerplePower", [0.5, 2.0], [0.3, 1.7]),
    )
    for h, r1, log_r2, power_r2 in ((0, 0.5, 0.3, 0.3), (1, 2.0, 4.0, 1.7)):
        for t in range(T):
            for s in range(S):
                d = abs(t + S - T - s)
                assert log(T, S)[h, t, s].item() == pytest.approx(-r1 * math.log(1 + log_r2 * d))
                assert power(T, S)[h, t, s].item() == pytest.approx(-r1 * d**power_r2)


@pytest.mark.parametrize("kind, top", [("KerpleLog", 5.0), ("KerplePower", 2.0)])
def test_both_are_kernels(reference, kind, top):
    """Section 3: conditionally positive definite for every r1, r2 in range; 20 random parameters, 500 random vectors each."""
    generator = torch.Generator().manual_seed(0)
    r1, r2 = 3 * torch.rand(20, generator=generator) + 0.01, top * torch.rand(20, generator=generator).clamp(min=0.01)
    layer = layer_with(reference, kind, r1.tolist(), r2.tolist())
    for K in layer(12, 12).detach():
        assert reference.is_cpd_matrix(K)
        c = torch.randn(12, 500, dtype=torch.float64, generator=generator)
        c -= c.mean(0)
        assert ((c * (K @ c)).sum(0) >= -1e-8).all()
        shifted = K - K.min() * 12  # section 4: with a large enough constant added, a kernel is positive definite
        assert torch.linalg.eigvalsh(shifted).min() > -1e-8


@pytest.mark.parametrize("exponent, kernel", [(0.5, True), (1.0, True), (2.0, True), (2.2, False), (3.0, False)])
def test_powers_beyond_2_are_no_kernels(reference, exponent, kernel):
    d = (torch.arange(9.0)[:, None] - torch.arange(9.0)).abs().double()
    assert reference.is_cpd_matrix(-(d**exponent)) is kernel


@pytest.mark.parametrize("kind", ["KerpleLog", "KerplePower"])
def test_anomaly_detection_finds_nothing(reference, kind):
    with torch.autograd.detect_anomaly(check_nan=True):
        layer = layer_with(reference, kind, [0.5, 1.0], [0.01, 1.5])
        layer(4, 6).exp().sum().backward()
    assert layer.r1.grad.isfinite().all() and layer.r2.grad.isfinite().all()
