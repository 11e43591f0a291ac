"""The reference of pipeline/one_f_one_b against the recorded execution of torch's Schedule1F1B, and gradients of the whole batch."""

import json
import random
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from autograder.lab import together
from autograder.lab.pipeline import peaks, random_schedule, simulate
from autograder.lab.stages import Stages
from autograder.lab.steps import most_kept

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "executed.json").read_text("utf-8"))["orders"]


@pytest.mark.parametrize("order", RECORDED, ids=lambda order: f"p={order['p']}, m={order['m']}")
def test_what_torch_executes(reference, order):
    schedule = reference.one_f_one_b(order["p"], order["m"])
    assert [" ".join(f"{kind}{i}" for _, kind, i in ops) for ops in schedule] == order["devices"]


@pytest.mark.parametrize(("p", "m"), [(1, 1), (1, 5), (4, 8), (4, 4), (4, 2), (2, 6), (8, 16), (6, 1), (5, 4)])
@pytest.mark.parametrize(("tf", "tb"), [(1.0, 2.0), (1.0, 1.0), (2.0, 1.0)])
def test_as_short_as_gpipe_and_lighter(reference, p, m, tf, tb):
    schedule = reference.one_f_one_b(p, m)
    run = simulate(schedule, tf=tf, tb=tb)
    assert not run.standing and len(run.end) == 2 * p * m
    assert run.makespan == pytest.approx((m + p - 1) * (tf + tb))
    assert peaks(schedule) == reference.peak_activations(p, m) == [min(m, p - s) for s in range(p)]
    gpipe = [[(s, kind, i) for kind in "FB" for i in range(m)] for s in range(p)]
    want = [a / b for a, b in zip(peaks(schedule), peaks(gpipe), strict=True)]
    assert reference.memory_vs_gpipe(p, m) == pytest.approx(want)


def test_numbers_of_the_book(reference):
    assert [simulate(reference.one_f_one_b(p, m)).makespan for p, m in [(4, 8), (8, 16), (2, 6)]] == [33, 69, 21]


def model():
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(3, 5), nn.Tanh()).double(), nn.GELU(), nn.Linear(5, 4).double()]


@pytest.mark.parametrize("loss_fn", [mse_loss, cross_entropy])
@pytest.mark.parametrize(("rows", "m"), [(8, 4), (7, 3), (5, 5), (6, 1)])
def test_gradients_of_the_whole_batch(reference, rows, m, loss_fn):
    other = model()
    x = torch.randn(rows, 3, dtype=torch.float64)
    y = torch.randn(rows, 4, dtype=torch.float64) if loss_fn is mse_loss else torch.randint(0, 4, (rows,))
    for schedule in (reference.one_f_one_b(3, m), random_schedule(random.Random(rows), 3, m)):
        hosted = Stages([], [], model())
        stages = together.local("stages", hosted)
        got = reference.run_schedule(schedule, stages, x, y, loss_fn)
        nn.Sequential(*other).zero_grad()
        want = loss_fn(nn.Sequential(*other)(x), y)
        want.backward()
        torch.testing.assert_close(got, want.detach(), rtol=1e-12, atol=0)
        ran = [(event["stage"], event["event"]) for event in hosted.record()]
        for s, ops in enumerate(schedule):
            assert [kind for stage, kind in ran if stage == s and kind in "FB"] == [kind for _, kind, _ in ops]
        assert most_kept(hosted.record(), 3) == peaks(schedule)
        parameters = nn.Sequential(*other).parameters()
        for a, b in zip(nn.ModuleList(stages).parameters(), parameters, strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-14)


def test_worked_examples(reference):
    assert reference.one_f_one_b(2, 3) == [
        [(0, "F", 0), (0, "F", 1), (0, "B", 0), (0, "F", 2), (0, "B", 1), (0, "B", 2)],
        [(1, "F", 0), (1, "B", 0), (1, "F", 1), (1, "B", 1), (1, "F", 2), (1, "B", 2)],
    ]
    assert reference.peak_activations(4, 8) == [4, 3, 2, 1]
    assert reference.memory_vs_gpipe(2, 8) == [0.25, 0.125]
