"""Public checks of pipeline/naive: run `pytest` on this file, or `autograder check pipeline/naive`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check, raises, reject
from autograder.lab.pipeline import random_schedule, simulate
from autograder.lab.schedules import drawn, invalid, too_full, too_long


def one_at_a_time(seen, case):
    """Valid, micro-batches in order, and never two devices at work."""
    p, m = case["p"], case["m"]
    wrong = invalid(seen, p, m) or too_full(seen, [1] * p)
    if wrong is not None:
        return wrong
    start = simulate(seen).start
    for i in range(m - 1):
        if start[0, "F", i] > start[0, "F", i + 1]:
            return reject(
                "Micro-batch {late} comes before {early}. Take them in the order 0, 1, …",
                late=i + 1, early=i, timeline=drawn(seen),
            )  # fmt: skip
    return too_long(seen, 3.0 * p * m)


@check(points=1, judge=one_at_a_time, lecture='one-after-another', public=[case('2 devices, 1 micro-batch', p=2, m=1), case('4 devices, 3 micro-batches', p=4, m=3)])
def one_device_works_at_a_time(student, p, m):
    """The naive schedule takes each micro-batch forward and back through all stages before the next one starts."""
    return student.naive_schedule(p, m)


def orders(p, m, kind):
    """The schedules of the books, as lists."""
    lists = []
    for s in range(p):
        forward, backward = [(s, "F", i) for i in range(m)], [(s, "B", i) for i in range(m)]
        if kind == "naive":
            lists.append([op for pair in zip(forward, backward, strict=True) for op in pair])
        elif kind == "forward only":
            lists.append(forward)
        elif kind == "reversed":
            lists.append(forward + backward[::-1])
        else:
            lists.append(forward + backward)
    return lists


def to_run(rng, p=1, m=1, kind="random", lists=None, part=1.0, **times):
    """A schedule and how long things take."""
    if lists is None:
        lists = random_schedule(rng, p, m, part) if kind == "random" else orders(p, m, kind)
    for name, value in times.items():
        times[name] = rng.real(0.5, 3.0) if value == "random" else value
    return {"schedule": lists, "times": times}


@check(points=1, inputs=to_run, lecture='what-waits-for-what', public=[case('naive, 2 devices', p=2, m=1, kind='naive'), case('all forwards first, 2 devices', p=2, m=3, kind='gpipe'), case('the last micro-batch goes back first', p=2, m=2, kind='reversed', tf=1.0, tb=1.0), case('device 1 waits for its second operation although it could run its third', lists=[[(0, 'F', 0), (0, 'F', 1)], [(1, 'F', 1), (1, 'F', 0), (1, 'B', 0)]]), case('forwards take no time', p=3, m=3, kind='gpipe', tf=0.0), case('backwards take no time', p=3, m=3, kind='gpipe', tb=0.0)])
def operations_start_when_they_can(student, schedule, times):
    """`simulate` starts each operation when its device is free and what it waits for has ended, in the order of the lists."""
    return student.simulate(schedule, **times)


@check(points=1, inputs=to_run, lecture='results-travel', public=[case("the docstring's example", p=2, m=1, kind='naive', tf=1.0, tb=2.0, t_comm=0.5), case('all forwards first', p=3, m=2, kind='gpipe', tf=1.0, tb=2.0, t_comm=1.0)])
def results_arrive_later_elsewhere(student, schedule, times):
    """A result reaches another device `t_comm` after its end, in both directions, while both devices go on working."""
    late = times["t_comm"] + 1.0
    return {
        "times": student.simulate(schedule, **times),
        "times when results travel for 1 longer": student.simulate(schedule, **times | {"t_comm": late}),
    }


def stuck(rng, p=2, m=2, change="", lists=None):
    """A schedule that cannot go on, and one that can."""
    sound = random_schedule(rng, p, m)
    if lists is not None:
        return {"schedule": lists, "sound": sound}
    lists = [list(device) for device in sound]
    device = lists[rng.integer(1, p - 1)] if p > 2 else lists[-1]
    if change == "swapped":  # a device wants the gradient of a micro-batch that it has not sent on yet
        forward, backward = device.index((device[0][0], "F", m - 1)), device.index((device[0][0], "B", m - 1))
        device[forward], device[backward] = device[backward], device[forward]
    elif change == "missing F":
        device.remove((device[0][0], "F", rng.integer(0, m)))
    elif change == "missing B":
        device.remove((device[0][0], "B", rng.integer(0, m)))
    return {"schedule": lists, "sound": sound}


@check(points=1, inputs=stuck, lecture='deadlock', public=[case('B before F', lists=[[(0, 'B', 0), (0, 'F', 0)]]), case('two devices wait for each other', lists=[[(0, 'F', 0), (0, 'B', 0), (0, 'F', 1), (0, 'B', 1)], [(1, 'F', 0), (1, 'F', 1), (1, 'B', 0), (1, 'B', 1)]]), case('only the last operation is stuck', lists=[[(0, 'F', 0), (0, 'B', 0), (0, 'F', 1)], [(1, 'F', 0), (1, 'B', 0), (1, 'B', 1)]])])
def a_deadlock_is_told(student, schedule, sound):
    """A schedule that cannot go on raises `Deadlock`, which is a `ValueError`, wherever it comes to stand; another does not."""
    return {
        "it cannot go on": raises(student.Deadlock, lambda: student.simulate(schedule)),
        "caught as a ValueError": raises("ValueError", lambda: student.simulate(schedule)),
        "it can go on": student.simulate(sound),
    }


def times_of(rng, p=2, m=1, kind="random", lists=None, idle=0, apart=False):
    """A timeline as `simulate` gives it; `apart`: each operation takes a time of its own."""
    run = simulate(lists or (random_schedule(rng, p, m) if kind == "random" else orders(p, m, kind)))
    start, end = dict(run.start), dict(run.end)
    if apart:  # shorter by some part, at the end of each
        end = {op: end[op] - rng.real(0.0, 0.9) for op in end}
    return {"timeline": {"makespan": max(end.values()), "start": start, "end": end}, "p": p + idle}


@check(points=1, inputs=times_of, lecture='the-bubble', public=[case('naive, 4 devices: 3/4', p=4, m=3, kind='naive'), case('all forwards first, 2 devices, 3 micro-batches: 1/4', p=2, m=3, kind='gpipe')])
def the_bubble_is_a_share_of_all_time(student, timeline, p):
    """`bubble_fraction` is the idle time of all devices over p · makespan."""
    return {
        "idle share": student.bubble_fraction(timeline, p),
        "with one more device, which does nothing": student.bubble_fraction(timeline, p + 1),
    }


def held(rng, p=1, m=1, kind="random", lists=None, part=1.0):
    return {"schedule": to_run(rng, p, m, kind, lists, part)["schedule"]}


@check(points=1, inputs=held, lecture='what-is-held', public=[case("the docstring's example", lists=[[(0, 'F', 0), (0, 'F', 1), (0, 'B', 0), (0, 'B', 1)], [(1, 'F', 0), (1, 'B', 0), (1, 'F', 1), (1, 'B', 1)]]), case('naive', p=3, m=4, kind='naive'), case('two, then one, then two again', lists=[[(0, 'F', 0), (0, 'F', 1), (0, 'B', 1), (0, 'B', 0), (0, 'F', 2), (0, 'F', 3), (0, 'B', 3), (0, 'B', 2)]]), case('forward only: held to the end', p=3, m=4, kind='forward only')])
def activations_are_held_until_the_backward(student, schedule):
    """`peak_activations` counts, for each device, the most micro-batches whose forward ran and whose backward did not."""
    return student.peak_activations(schedule)
