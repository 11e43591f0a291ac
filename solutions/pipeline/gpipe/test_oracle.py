"""The reference of pipeline/gpipe against torch's ScheduleGPipe, gradients of the whole batch, and closed forms."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from autograder.lab import together
from autograder.lab.pipeline import peaks, simulate
from autograder.lab.stages import Stages
from autograder.lab.steps import most_kept


def order_of_torch(rank, p, m):
    """The order of ScheduleGPipe on a device, built on the fake process group."""
    dist = pytest.importorskip("torch.distributed")
    pipelining = pytest.importorskip("torch.distributed.pipelining")
    fake = pytest.importorskip("torch.testing._internal.distributed.fake_pg")
    dist.init_process_group("fake", store=fake.FakeStore(), rank=rank, world_size=p)
    try:
        stage = pipelining.PipelineStage(nn.Linear(2, 2), rank, p, torch.device("cpu"))
        schedule = pipelining.ScheduleGPipe(stage, n_microbatches=m, loss_fn=mse_loss)
        actions = schedule._get_pipeline_order()[rank]
    finally:
        dist.destroy_process_group()
    kinds = {"FORWARD": "F", "FULL_BACKWARD": "B"}
    named = [(a.stage_index, a.computation_type.name, a.microbatch_index) for a in actions if a is not None]
    return [(s, kinds[name], i) for s, name, i in named if name in kinds]


@pytest.mark.parametrize(("p", "m"), [(4, 8), (3, 3)])
def test_the_order_of_torch(reference, p, m):
    for rank in range(p):
        assert order_of_torch(rank, p, m) == reference.gpipe_schedule(p, m)[rank]


@pytest.mark.parametrize(("p", "m"), [(1, 1), (4, 8), (2, 6), (8, 16), (5, 2)])
@pytest.mark.parametrize(("tf", "tb"), [(1.0, 2.0), (3.0, 1.0)])
def test_makespan_bubble_and_peak(reference, p, m, tf, tb):
    schedule = reference.gpipe_schedule(p, m)
    run = simulate(schedule, tf=tf, tb=tb)
    assert run.makespan == pytest.approx((m + p - 1) * (tf + tb))
    assert reference.bubble(p, m) == pytest.approx(1 - m * (tf + tb) / run.makespan)
    assert peaks(schedule) == [m] * p


def test_numbers_of_the_book(reference):
    assert [simulate(reference.gpipe_schedule(p, m)).makespan for p, m in [(4, 8), (8, 16), (2, 6)]] == [33, 69, 21]


def model(dtype=torch.float64):
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(3, 5), nn.Tanh()).to(dtype), nn.GELU(), nn.Linear(5, 4).to(dtype)]


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(("rows", "m"), [(8, 4), (7, 3), (5, 5), (6, 1)])
@pytest.mark.parametrize("loss_fn", [mse_loss, cross_entropy])
def test_gradients_of_the_whole_batch(reference, recompute, rows, m, loss_fn):
    stages, other = model(), model()
    x = torch.randn(rows, 3, dtype=torch.float64)
    y = torch.randn(rows, 4, dtype=torch.float64) if loss_fn is mse_loss else torch.randint(0, 4, (rows,))
    for _ in range(2):  # gradients add up over calls
        got = reference.run_gpipe(stages, x, y, loss_fn, m, recompute=recompute)
        want = loss_fn(nn.Sequential(*other)(x), y)
        want.backward()
        torch.testing.assert_close(got, want.detach(), rtol=1e-12, atol=0)
    for a, b in zip(nn.Sequential(*stages).parameters(), nn.Sequential(*other).parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-10, atol=1e-14)
        assert torch.equal(a, b)


def test_batch_norm_sees_micro_batches(reference):
    """What run_gpipe computes for a stage with statistics of its batch: those of each micro-batch (GPipe, section 2.2)."""
    stages = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double(), nn.Linear(4, 2).double()]
    other = copy.deepcopy(stages)
    x, y = torch.randn(9, 3, dtype=torch.float64), torch.randn(9, 2, dtype=torch.float64)
    reference.run_gpipe(stages, x, y, mse_loss, 2)
    for a, b in zip(x.split([5, 4]), y.split([5, 4]), strict=True):
        (mse_loss(nn.Sequential(*other)(a), b) * len(a) / 9).backward()
    for a, b in zip(nn.Sequential(*stages).parameters(), nn.Sequential(*other).parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    assert torch.equal(stages[0][1].running_mean, other[0][1].running_mean)


@pytest.mark.parametrize(("recompute", "kept"), [(False, 3), (True, 1)])
def test_what_is_kept(reference, recompute, kept):
    hosted = Stages([], [], model())
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    reference.run_gpipe(together.local("stages", hosted), x, y, mse_loss, 3, recompute=recompute)
    assert most_kept(hosted.record(), 3) == [kept] * 3


def test_worked_examples(reference):
    assert reference.gpipe_schedule(2, 2)[1] == [(1, "F", 0), (1, "F", 1), (1, "B", 0), (1, "B", 1)]
    assert reference.bubble(4, 8) == pytest.approx(3 / 11)
    assert (reference.peak_bytes(8, 10, 100, False), reference.peak_bytes(8, 10, 100, True)) == (880, 180)
    lin = nn.Linear(1, 1)
    nn.init.constant_(lin.weight, 2.0)
    nn.init.zeros_(lin.bias)
    loss = reference.run_gpipe([lin], torch.tensor([[1.0], [2.0], [3.0]]), torch.zeros(3, 1), mse_loss, 2)
    assert loss.item() == pytest.approx(56 / 3) and lin.weight.grad.item() == pytest.approx(56 / 3)
