"""Public checks of pipeline/interleaved: run `pytest` on this file, or `autograder check pipeline/interleaved`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import again, case, check, difference, raises, reject
from autograder.lab.schedules import invalid, too_full, too_long


@check(points=2, lecture='chunks', public=[case(n_layers=8, p=2, v=2), case(n_layers=12, p=3, v=2)])
def layers_go_round_the_devices(student, n_layers, p, v):
    """Chunk c of device r holds the layers of stage c · p + r."""
    return again(student.place_layers, n_layers, p, v)


def short(seen, case):
    p, m, v = case["p"], case["m"], case["v"]
    steps = m + (p - 1) / v
    return invalid(seen, p, m, v) or too_long(seen, 3.0 * steps, v) or too_long(seen, 2.0 * steps, v, tf=1.0, tb=1.0)


def short_and_light(seen, case):
    p, m, v = case["p"], case["m"], case["v"]
    return short(seen, case) or too_full(seen, [min(m * v, (v - 1) * p + 2 * (p - r) - 1) for r in range(p)], v)


@check(points=3, judge=short, lecture='the-order-of-a-device', public=[case('2 devices, 2 micro-batches, 2 chunks', p=2, m=2, v=2), case('2 devices, 4 micro-batches, 2 chunks', p=2, m=4, v=2), case('4 devices, 8 micro-batches, 2 chunks', p=4, m=8, v=2)])
def the_bubble_is_a_vth(student, p, m, v):
    """The schedule is valid, comes to no deadlock, and takes (m + (p - 1) / v) · (tf + tb)."""
    return student.interleaved(p, m, v)


@check(points=3, judge=short_and_light, lecture='what-a-device-holds', public=[case('2 devices, 4 micro-batches, 2 chunks', p=2, m=4, v=2), case('4 devices, 12 micro-batches, 2 chunks', p=4, m=12, v=2)])
def a_device_holds_no_more_than_it_must(student, p, m, v):
    """Device r holds at most min(m·v, (v - 1)·p + 2·(p - r) - 1) activations, and the schedule is no longer for it."""
    return student.interleaved(p, m, v)


def refused_beside_taken(seen, want, case):
    """The exception, and beside it some schedule of as many micro-batches as a multiple has; how good that is others look at."""
    wrong = difference(seen["refused"], want["refused"])
    if wrong is not None:
        return wrong
    if len(seen["taken"]) != case["p"] or not all(seen["taken"]):
        return reject(
            "With m a multiple of p there is a schedule: a list for each device, none of them empty. A second call gives it again, whatever "
            "the caller has done with the lists of the first one."
        )
    return None


@check(points=1, judge=refused_beside_taken, lecture='the-order-of-a-device', public=[case('4 devices, 6 micro-batches', p=4, m=6, v=2)])
def micro_batches_come_in_groups_of_p(student, p, m, v):
    """`interleaved` raises ValueError when m is not a multiple of p, and only then."""
    refused = raises("ValueError", lambda: student.interleaved(p, m, v))
    return {"refused": refused, "taken": again(student.interleaved, p, -(-m // p) * p, v)}


@check(points=1, lecture='the-bubble', public=[case(p=4, m=8, v=2), case(p=2, m=4, v=1)])
def the_bubble_has_a_formula(student, p, m, v):
    """`bubble_over_ideal` is a device's idle time over its busy time."""
    return {
        "bubble": student.bubble_over_ideal(p, m, v),
        "with twice the chunks": student.bubble_over_ideal(p, m, 2 * v),
    }


@check(points=1, lecture='what-a-device-holds', public=[case(p=4, m=8, v=2), case(p=2, m=2, v=3)])
def the_peak_has_a_formula(student, p, m, v):
    """`peak_chunks` is the most that each device holds, in activations of one micro-batch in one chunk."""
    return again(student.peak_chunks, p, m, v)


@check(points=1, lecture='the-price', public=[case(p=4, m=8, v=2), case(p=2, m=2, v=1)])
def chunks_are_paid_in_transfers(student, p, m, v):
    """`transfers` counts the tensors that go from one device to another, forwards and backwards."""
    return student.transfers(p, m, v)
