"""The reference of pipeline/interleaved against torch's ScheduleInterleaved1F1B and its validation, and closed forms."""

import pytest
import torch
from torch import nn

from autograder.lab.pipeline import peaks, simulate

GRID = [(2, 2, 2), (2, 6, 1), (4, 8, 2), (4, 8, 4), (4, 4, 2), (8, 16, 2), (3, 9, 3), (2, 8, 4)]


def order_of_torch(p, m, v):
    """The order that torch builds on the fake process group (nothing runs)."""
    dist = pytest.importorskip("torch.distributed")
    pipelining = pytest.importorskip("torch.distributed.pipelining")
    fake = pytest.importorskip("torch.testing._internal.distributed.fake_pg")
    dist.init_process_group("fake", store=fake.FakeStore(), rank=0, world_size=p)
    try:
        stages = [pipelining.PipelineStage(nn.Linear(2, 2), p * c, p * v, torch.device("cpu")) for c in range(v)]
        schedule = pipelining.ScheduleInterleaved1F1B(stages, n_microbatches=m, loss_fn=nn.functional.mse_loss)
        kinds = {"FORWARD": "F", "FULL_BACKWARD": "B"}
        return [
            [(a.stage_index, kinds[a.computation_type.name], a.microbatch_index) for a in actions if a is not None]
            for _, actions in sorted(schedule.pipeline_order.items())
        ]
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(("p", "m", "v"), GRID)
def test_the_order_of_torch(reference, p, m, v):
    assert reference.interleaved(p, m, v) == order_of_torch(p, m, v)


@pytest.mark.parametrize(("p", "m", "v"), [*GRID, (1, 5, 3), (1, 1, 1)])
@pytest.mark.parametrize(("tf", "tb"), [(1.0, 2.0), (1.0, 1.0)])
def test_makespan_bubble_and_peaks(reference, p, m, v, tf, tb):
    schedule = reference.interleaved(p, m, v)
    run = simulate(schedule, v, tf, tb)
    ideal = m * (tf + tb)
    assert not run.standing and len(run.end) == 2 * p * v * m
    assert run.makespan / ideal - 1 == pytest.approx(reference.bubble_over_ideal(p, m, v))
    assert peaks(schedule) == reference.peak_chunks(p, m, v)


def test_numbers_of_the_book(reference):
    spans = [simulate(reference.interleaved(p, m, v), v).makespan for p, m in [(4, 8), (8, 16), (2, 6)] for v in (2, 4)]
    assert spans == [28.5, 26.25, 58.5, 53.25, 19.5, 18.75]
    assert [reference.peak_chunks(4, 8, v) for v in (2, 4)] == [[11, 9, 7, 5], [19, 17, 15, 13]]


@pytest.mark.parametrize(("p", "m", "v"), GRID)
def test_torch_accepts_it(reference, p, m, v):
    schedules = pytest.importorskip("torch.distributed.pipelining.schedules")
    kinds = {"F": schedules._ComputationType.FORWARD, "B": schedules._ComputationType.FULL_BACKWARD}
    actions = {
        r: [schedules._Action(s, kinds[kind], i) for s, kind, i in ops]
        for r, ops in enumerate(reference.interleaved(p, m, v))
    }
    schedules._validate_schedule(actions, p, p * v, m)
    sent = schedules._add_send_recv(actions, stage_to_rank=lambda s: s % p, num_stages=p * v)
    names = [a.computation_type.name for ops in sent.values() for a in ops if a is not None]
    assert sum(name.startswith("SEND") for name in names) == reference.transfers(p, m, v)


def test_layers_pass_the_devices_in_turn(reference):
    for n, p, v in [(8, 2, 2), (24, 4, 3), (5, 1, 5), (12, 3, 1)]:
        placed = reference.place_layers(n, p, v)
        assert sorted(layer for device in placed for chunk in device for layer in chunk) == list(range(n))
        home = {layer: r for r, device in enumerate(placed) for chunk in device for layer in chunk}
        size = n // (p * v)
        assert [home[layer] for layer in range(n)] == [layer // size % p for layer in range(n)]
    assert reference.place_layers(8, 2, 2) == [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]


def test_worked_examples(reference):
    assert reference.interleaved(1, 1, 2) == [[(0, "F", 0), (1, "F", 0), (1, "B", 0), (0, "B", 0)]]
    assert reference.interleaved(2, 2, 2)[1] == [
        (1, "F", 0), (1, "F", 1), (3, "F", 0), (3, "B", 0), (3, "F", 1), (3, "B", 1), (1, "B", 0), (1, "B", 1),
    ]  # fmt: skip
    assert reference.bubble_over_ideal(4, 8, 2) == pytest.approx(4.5 / 24)
    assert reference.transfers(4, 8, 2) == 112
    with pytest.raises(ValueError):
        reference.interleaved(4, 6, 2)


@pytest.mark.parametrize(("p", "m", "v"), [(2, 4, 2), (3, 3, 2), (1, 2, 3)])
def test_stages_that_run_it_get_the_gradients_of_the_whole_batch(reference, p, m, v):
    """The order of the schedule, on real modules with chunks: what runs is possible, and gives what one process gives."""
    torch = pytest.importorskip("torch")
    draw = torch.Generator().manual_seed(0)
    layers = [torch.nn.Linear(3, 3, dtype=torch.float64) for _ in range(p * v)]
    x, y = (torch.randn(2 * m, 3, dtype=torch.float64, generator=draw) for _ in range(2))
    received = {(0, i): part for i, part in enumerate(x.chunk(m))}  # at a stage, for its F
    arrived = {(p * v - 1, i): None for i in range(m)}  # gradients at a stage, for its B
    outputs = {}
    todo = [list(ops) for ops in reference.interleaved(p, m, v)]
    while any(todo):
        ops = next(ops for ops in todo if ops and ops[0][::2] in (received if ops[0][1] == "F" else arrived))
        s, kind, i = ops.pop(0)
        if kind == "F":
            outputs[s, i] = layers[s](received[s, i])
            if s + 1 < len(layers):
                received[s + 1, i] = outputs[s, i].detach().requires_grad_()
            else:
                outputs[s, i] = (outputs[s, i] - y.chunk(m)[i]).pow(2).mean() / m
        else:
            outputs.pop((s, i)).backward(arrived[s, i])
            arrived[s - 1, i] = received[s, i].grad
    got = [p.grad.clone() for layer in layers for p in layer.parameters()]
    for layer in layers:
        layer.zero_grad()
    (torch.nn.Sequential(*layers)(x) - y).pow(2).mean().backward()
    torch.testing.assert_close(got, [p.grad for layer in layers for p in layer.parameters()])
