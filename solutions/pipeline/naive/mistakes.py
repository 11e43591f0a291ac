"""Wrong implementations of pipeline/naive, and what a student should read about each."""

from autograder.checks import mistake

NAIVE = 'return [[(s, kind, i) for i in range(m) for kind in "FB"] for s in range(p)]'
START = "start[op] = max([clock[s], *arrived])"
ARRIVED = "arrived = [end[need] + (t_comm if need[0] != s else 0.0) for need in _needs(op, p)]"
B_NEEDS = 'return [(s, "F", i), *([(s + 1, "B", i)] if s < p - 1 else [])]'
ABLE = "while ops and all(need in end for need in _needs(ops[0], p)):"

mistake(
    "All forwards of a device come before its first backward: that is GPipe. Naively, micro-batch i comes back before "
    "i + 1 starts.",
    edit={NAIVE: 'return [[(s, kind, i) for kind in "FB" for i in range(m)] for s in range(p)]'},
)
mistake(
    "Your backward stands before its forward, so it waits for itself. A stage runs F of a micro-batch first, then B.",
    edit={NAIVE: 'return [[(s, kind, i) for i in range(m) for kind in "BF"] for s in range(p)]'},
)
mistake(
    "Your schedule has forwards only. Training needs a B for each F.",
    edit={NAIVE: 'return [[(s, "F", i) for i in range(m)] for s in range(p)]'},
)
mistake(
    "You number stages in the wrong direction for the backward: each device runs F and B of its *own* stage.",
    edit={
        NAIVE: 'return [[op for i in range(m) for op in ((s, "F", i), (p - 1 - s, "B", i))] for s in range(p)]',
    },
)
mistake(
    "You return one list for each micro-batch. A schedule has one list for each device.",
    edit={NAIVE: 'return [[(s, kind, i) for s in range(p) for kind in "FB"] for i in range(m)]'},
)
mistake(
    "Your micro-batches run in reverse order. Take them in the order 0, 1, …, m - 1.",
    edit={NAIVE: 'return [[(s, kind, i) for i in reversed(range(m)) for kind in "FB"] for s in range(p)]'},
)
mistake(
    "Your simulator starts an operation as soon as its inputs are there, even while its device works on another one. "
    "A device does one thing at a time.",
    edit={START: "start[op] = max([0.0, *arrived])"},
)
mistake(
    "Your simulator lets a device overtake: when the next operation of its list must wait, it runs a later one. "
    "The order of the list is fixed.",
    edit={
        ABLE: "while any(all(need in end for need in _needs(op, p)) for op in ops):",
        "op = ops.pop(0)": "op = ops.pop(next(k for k, op in enumerate(ops) if all(need in end for need in _needs(op, p))))",
    },
)
mistake(
    "Your backward waits for its own forward only. It also needs the gradient of its output: B of the stage behind it.",
    edit={B_NEEDS: 'return [(s, "F", i)]'},
)
mistake(
    "Your backward waits for B of the stage *before* it. Gradients come from the loss: from stage s + 1 to stage s.",
    edit={B_NEEDS: 'return [(s, "F", i), *([(s - 1, "B", i)] if s > 0 else [])]'},
)
mistake(
    "Your forwards wait for nothing. F of a stage needs the output of the stage before it.",
    edit={'return [(s - 1, "F", i)] if s > 0 else []': "return []"},
)
mistake(
    "You have swapped the times: a forward takes tf, a backward tb.",
    edit={'(tf if op[1] == "F" else tb)': '(tb if op[1] == "F" else tf)'},
)
mistake(
    "Your makespan is the time of device 0. The last operation may end on another device: take the latest of all.",
    edit={"max(clock)": "clock[0]"},
)
mistake(
    "Your makespan is the sum of all times. Devices work at the same time: it is when the last operation ends.",
    edit={"max(clock)": "sum(end[op] - start[op] for op in end)"},
)
mistake(
    "You add t_comm to what a stage needs of its own forward. That is on the device already: only results of other "
    "stages travel.",
    edit={ARRIVED: "arrived = [end[need] + t_comm for need in _needs(op, p)]"},
)
mistake(
    "Only your forwards travel. Gradients are sent between devices too, and take t_comm as well.",
    edit={"(t_comm if need[0] != s else 0.0)": "(t_comm if need[0] < s else 0.0)"},
)
mistake(
    "You leave t_comm out. A result reaches another device t_comm after it was computed.",
    edit={"(t_comm if need[0] != s else 0.0)": "0.0"},
)
mistake(
    "Sending keeps your devices busy for t_comm. Results travel while the device goes on.",
    edit={
        "end[op] = clock[s] = start[op] + (tf": "end[op] = start[op] + (tf",
        "moved = True\n    if": "clock[s] = end[op] + t_comm\n                moved = True\n    if",
        '"makespan": max(clock)': '"makespan": max(end.values(), default=0.0)',
    },
)
mistake(
    "Receiving keeps your devices busy for t_comm: you add it to the time at which the device is free. It is the result "
    "that comes later.",
    edit={
        START: "start[op] = max([clock[s], *[end[need] for need in _needs(op, p)]]) + (t_comm if any(n[0] != s for n in _needs(op, p)) else 0.0)",
    },
)
mistake(
    "When a schedule cannot go on, you return what ran until then. Raise `Deadlock`.",
    edit={"    if any(todo):\n": "    if any(todo) and False:\n"},
)
mistake(
    "You call it a deadlock only when nothing could run at all. Raise `Deadlock` whenever something is left that can't run.",
    edit={"    if any(todo):\n": "    if any(todo) and not end:\n"},
)
mistake(
    "You call it a deadlock only when every device is stuck. One that waits for ever is enough.",
    edit={"    if any(todo):\n": "    if all(todo):\n"},
)
mistake(
    "When a schedule cannot go on, you raise a ValueError that is no `Deadlock`. Raise `Deadlock` itself: a caller can tell it from "
    "other errors.",
    edit={"        raise Deadlock(f": "        raise ValueError(f"},
)
mistake(
    "You raise an error of another kind, such as RuntimeError, when a schedule cannot go on. Raise `Deadlock`.",
    edit={"        raise Deadlock(f": "        raise RuntimeError(f"},
)
mistake(
    "You raise `Deadlock` for schedules that are complete as well. Raise it only when something is left that cannot run.",
    edit={"    if any(todo):\n": "    if True:\n"},
    crashes=True,
)
mistake(
    "You divide the idle time of all devices by the makespan of one. All p devices have that much time: divide by "
    "p · makespan.",
    edit={'return 1 - busy / (p * timeline["makespan"])': 'return p - busy / timeline["makespan"]'},
)
mistake(
    "You return the busy share. The bubble is the idle one.",
    edit={'return 1 - busy / (p * timeline["makespan"])': 'return busy / (p * timeline["makespan"])'},
)
mistake(
    "You take (p - 1)/p whatever the schedule is. That is the naive one's bubble: compute it from the times.",
    edit={'return 1 - busy / (p * timeline["makespan"])': "return (p - 1) / p"},
)
mistake(
    "You count the forwards of a device and never take one away. After its B a micro-batch is not held any more.",
    edit={'held += 1 if kind == "F" else -1': 'held += kind == "F"'},
)
mistake(
    "You return what is held at the end. The peak is the most that was held at any time.",
    edit={"most = max(most, held)": "most = held"},
)
mistake(
    "Your count goes on from one device to the next. Each device has a memory of its own.",
    edit={
        "    for ops in schedule:\n        held, most = 0, 0\n": "    held = 0\n    for ops in schedule:\n        most = 0\n"
    },
)
mistake(
    "You give every device the highest peak. Return each one's own.",
    edit={"    return peaks\n": "    return [max(peaks, default=0)] * len(peaks)\n"},
)

TIMES = "    p = len(schedule)\n    start: dict"

mistake(
    "You take a time of 0 for one that was not given: `tf or 1.0` is 1.0 when tf is 0. Use the parameters as they come.",
    edit={TIMES: "    tf, tb = tf or 1.0, tb or 2.0\n" + TIMES},
)
mistake(
    "You take a backward's time of 0 for one that was not given: `tb or 2.0` is 2.0 when tb is 0. Use the parameter as it comes.",
    edit={TIMES: "    tb = tb or 2.0\n" + TIMES},
)
mistake(
    "Your makespan is the time of the last device. The last operation may end on another device: take the latest of all.",
    edit={"max(clock)": "clock[-1]"},
)
mistake(
    "You add t_comm to the makespan. It is when the last operation ends; nothing has to arrive after that.",
    edit={"max(clock)": "max(clock) + (t_comm if end else 0.0)"},
)
mistake(
    "You call a schedule that is not complete a deadlock. Without some of its backwards, or with devices that have nothing to do, it can "
    "go on to its end.",
    edit={
        "    if any(todo):\n": "    if any(todo) or any(sum(op[1] == 'F' for op in ops) * 2 != len(ops) for ops in schedule):\n"
    },
    crashes=True,
)
mistake(
    "You count only the devices that have something to do. The idle time of the others counts as well: divide by p.",
    edit={"(p * timeline": "(len({op[0] for op in timeline['start']}) * timeline"},
)
mistake(
    "You leave out how long a device waits before its first operation and after its last one. It is idle then, too.",
    edit={
        'busy = sum(timeline["end"][op] - timeline["start"][op] for op in timeline["start"])': ""
        "starts, ends = timeline['start'], timeline['end']\n"
        "    own = [[op for op in starts if op[0] == s] for s in range(p)]\n"
        "    span = sum(max(map(ends.get, ops)) - min(map(starts.get, ops)) for ops in own if ops)\n"
        "    busy = p * timeline['makespan'] - span + sum(ends[op] - starts[op] for op in starts)",
    },
)
mistake(
    "You take it that micro-batches come back in the order of their numbers. Count what is held: one more with each F, one less with each B.",
    edit={
        "held, most = 0, 0": "held, most, back = 0, 0, 0",
        "for _, kind, _ in ops": "for _, kind, i in ops",
        'held += 1 if kind == "F" else -1': "back = i + 1 if kind == 'B' else back\n            held = i + 1 - back if kind == 'F' else held",
    },
)
