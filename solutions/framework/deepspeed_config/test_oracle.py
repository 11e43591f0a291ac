"""framework/deepspeed_config against what DeepSpeed 0.19.8 says (fixture.json, written by make_fixture.py), and the ZeRO paper's figure 1."""

import json
from pathlib import Path

import pytest

FIXTURE = json.loads(Path(__file__).with_name("fixture.json").read_text())


@pytest.mark.parametrize(("config", "want"), FIXTURE["batches, one GPU"])
def test_batches(reference, config, want):
    if want is None:
        with pytest.raises(ValueError):
            reference.resolve_batch(config, 1)
    else:
        assert list(reference.resolve_batch(config, 1)) == want


@pytest.mark.parametrize("row", FIXTURE["stage 2"])
def test_stage_2(reference, row):
    P, N, offload, cpu, gpu = row
    assert reference.estimate(P, 1, N, 2, offload, convention="deepspeed") == pytest.approx((cpu, gpu), rel=1e-12)


@pytest.mark.parametrize("row", FIXTURE["stage 3"])
def test_stage_3(reference, row):
    P, L, N, offload, parameters, cpu, gpu = row
    assert reference.estimate(P, L, N, 3, offload, parameters, "deepspeed") == pytest.approx((cpu, gpu), rel=1e-12)


@pytest.mark.parametrize(("fp16", "want"), FIXTURE["loss scales"])
def test_loss_scales(reference, fp16, want):
    got = reference.loss_scale({"fp16": fp16})
    if not want["enabled"]:
        assert got is None
    elif want["loss_scale"]:
        assert got == {"dynamic": False, "scale": want["loss_scale"]}
    else:
        assert got == {
            "dynamic": True, "scale": 2 ** want["initial_scale_power"], "window": want["loss_scale_window"],
            "hysteresis": want["hysteresis"], "min": want["min_loss_scale"],
        }  # fmt: skip


def test_the_papers_figure(reference):
    """Figure 1: 7.5 billion parameters on 64 GPUs need 120, 31.4, 16.6 and 1.9 GB."""
    gpu = [reference.estimate(7_500_000_000, 1, 64, stage)[1] for stage in range(4)]
    assert [round(n / 1e9, 1) for n in gpu] == [120.0, 31.4, 16.6, 1.9]
