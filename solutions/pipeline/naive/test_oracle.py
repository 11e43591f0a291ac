"""The reference of pipeline/naive against torch's own validation of schedules, a clock that ticks, and closed forms."""

import random

import pytest

from autograder.lab import pipeline as lab


def random_case(seed):
    rng = random.Random(seed)
    p, m = rng.randint(1, 5), rng.randint(1, 6)
    return lab.random_schedule(rng, p, m), rng


def ticking(schedule, tf, tb, t_comm):
    """Brute force: time goes on by 1; at each tick every device looks whether the next operation of its list can start."""
    p = len(schedule)
    start, end, arrival = {}, {}, {}
    todo = [list(ops) for ops in schedule]
    busy_until = [0] * p
    for now in range(10_000):
        for s in range(p):
            if not todo[s] or busy_until[s] > now:
                continue
            _, kind, i = op = todo[s][0]
            wanted = {("F", s - 1)} - {("F", -1)} if kind == "F" else {("F", s), ("B", s + 1)} - {("B", p)}
            if all(arrival.get((k, of, i, s), now + 1) <= now for k, of in wanted):
                todo[s].pop(0)
                start[op], end[op] = now, now + (tf if kind == "F" else tb)
                busy_until[s] = end[op]
                for other in range(p):
                    arrival[kind, s, i, other] = end[op] + (t_comm if other != s else 0)
    return start, end, bool(any(todo))


@pytest.mark.parametrize("seed", range(30))
def test_a_clock_that_ticks(reference, seed):
    schedule, rng = random_case(seed)
    tf, tb, t_comm = rng.randint(1, 4), rng.randint(1, 5), rng.randint(0, 4)
    start, end, _ = ticking(schedule, tf, tb, t_comm)
    got = reference.simulate(schedule, tf, tb, t_comm)
    assert got == {"makespan": max(end.values()), "start": start, "end": end}
    run = lab.simulate(schedule, 1, tf, tb, t_comm)
    assert (run.start, run.end, run.makespan, run.standing) == (start, end, got["makespan"], {})


@pytest.mark.parametrize("seed", range(40))
def test_deadlocks_of_shuffled_schedules(reference, seed):
    schedule, rng = random_case(seed)
    for ops in schedule:
        if len(ops) > 1:
            a, b = sorted(rng.sample(range(len(ops)), 2))
            ops[a], ops[b] = ops[b], ops[a]
    stuck = ticking(schedule, 1, 1, 0)[2]
    assert bool(lab.simulate(schedule).standing) == stuck
    if stuck:
        with pytest.raises(reference.Deadlock):
            reference.simulate(schedule)
    else:
        assert len(reference.simulate(schedule)["end"]) == sum(map(len, schedule))


def as_actions(schedule):
    schedules = pytest.importorskip("torch.distributed.pipelining.schedules")
    kinds = {"F": schedules._ComputationType.FORWARD, "B": schedules._ComputationType.FULL_BACKWARD}
    actions = {s: [schedules._Action(s, kinds[kind], i) for s, kind, i in ops] for s, ops in enumerate(schedule)}
    return schedules, actions


@pytest.mark.parametrize(("p", "m"), [(1, 1), (2, 1), (4, 3), (3, 6)])
def test_torch_accepts_the_naive_schedule(reference, p, m):
    schedules, actions = as_actions(reference.naive_schedule(p, m))
    schedules._validate_schedule(actions, p, p, m)
    with_transfers = schedules._add_send_recv(actions, stage_to_rank=lambda s: s, num_stages=p)
    played = schedules._simulate_comms_compute(with_transfers, stage_to_rank=lambda s: s, num_stages=p)
    assert len(played) == p  # it raises where a stage would wait for ever


@pytest.mark.parametrize(("p", "m"), [(1, 1), (2, 1), (4, 3), (3, 6)])
def test_closed_forms(reference, p, m):
    naive = reference.naive_schedule(p, m)
    times = reference.simulate(naive, tf=1.5, tb=2.5)
    assert times["makespan"] == pytest.approx(4 * p * m)
    assert reference.bubble_fraction(times, p) == pytest.approx((p - 1) / p)
    assert reference.peak_activations(naive) == [1] * p == lab.peaks(naive)
    gpipe = [[(s, kind, i) for kind in "FB" for i in range(m)] for s in range(p)]
    assert reference.bubble_fraction(reference.simulate(gpipe), p) == pytest.approx((p - 1) / (p - 1 + m))


def test_numbers_of_the_book(reference):
    gpipe = [[(s, kind, i) for kind in "FB" for i in range(8)] for s in range(4)]
    assert reference.simulate(gpipe)["makespan"] == 33


def test_worked_examples(reference):
    two = [[(0, "F", 0), (0, "B", 0)], [(1, "F", 0), (1, "B", 0)]]
    assert reference.naive_schedule(2, 1) == two
    assert reference.simulate(two, tf=1, tb=2, t_comm=0.5) == {
        "makespan": 7.0,
        "start": {(0, "F", 0): 0, (1, "F", 0): 1.5, (1, "B", 0): 2.5, (0, "B", 0): 5.0},
        "end": {(0, "F", 0): 1, (1, "F", 0): 2.5, (1, "B", 0): 4.5, (0, "B", 0): 7.0},
    }
    assert reference.simulate([[], []]) == {"makespan": 0.0, "start": {}, "end": {}}
    with pytest.raises(reference.Deadlock):
        reference.simulate([[(0, "B", 0), (0, "F", 0)]])
