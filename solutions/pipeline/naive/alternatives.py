"""Right implementations of pipeline/naive, done differently."""

import heapq
from functools import cache
from itertools import accumulate

from autograder.checks import alternative


@alternative("longest path: each operation by recursion over what it waits for, its device's previous one included")
def simulate(schedule, tf=1.0, tb=2.0, t_comm=0.0):
    p = len(schedule)
    before = {op: ops[k - 1] if k else None for ops in schedule for k, op in enumerate(ops)}
    walking = set()

    @cache
    def started(op):
        if op not in before or op in walking:
            raise Deadlock(str(op))
        walking.add(op)
        s, kind, i = op
        times = [0.0]
        if before[op] is not None:
            times.append(ended(before[op]))
        if kind == "F" and s:
            times.append(ended((s - 1, "F", i)) + t_comm)
        if kind == "B":
            times.append(ended((s, "F", i)))
            if s + 1 < p:
                times.append(ended((s + 1, "B", i)) + t_comm)
        walking.remove(op)
        return max(times)

    def ended(op):
        return started(op) + {"F": tf, "B": tb}[op[1]]

    start = {op: started(op) for op in before}
    end = {op: ended(op) for op in before}
    return {"makespan": max(end.values(), default=0), "start": start, "end": end}


@alternative("events in order of time, from a heap")
def simulate(schedule, tf=1.0, tb=2.0, t_comm=0.0):
    p = len(schedule)
    position, busy, start, end, arrived = [0] * p, [False] * p, {}, {}, set()
    events = [(0.0, n, s, "look", None) for n, s in enumerate(range(p))]
    heapq.heapify(events)
    number = p  # events at the same time keep their order

    def later(time, device, what, op):
        nonlocal number
        number += 1
        heapq.heappush(events, (time, number, device, what, op))

    while events:
        now, _, device, what, op = heapq.heappop(events)
        if what != "look":
            arrived.add((device, op))
        if what == "done":
            busy[device] = False
            other = device + 1 if op[1] == "F" else device - 1
            if 0 <= other < p:
                later(now + t_comm, other, "arrival", op)
        if busy[device] or position[device] == len(schedule[device]):
            continue
        nxt = schedule[device][position[device]]
        s, kind, i = nxt
        wanted = [(s - 1, "F", i)] if kind == "F" and s else []
        if kind == "B":
            wanted = [(s, "F", i)] + [(s + 1, "B", i)] * (s + 1 < p)
        if all((device, need) in arrived for need in wanted):
            start[nxt], end[nxt] = now, now + (tf if kind == "F" else tb)
            position[device] += 1
            busy[device] = True
            later(end[nxt], device, "done", nxt)
    if len(end) < sum(map(len, schedule)):
        raise Deadlock("deadlock")
    return {"makespan": max([0.0, *end.values()]), "start": start, "end": end}


@alternative("times settle: relax every operation until nothing changes, after sorting topologically")
def simulate(schedule, tf=1.0, tb=2.0, t_comm=0.0):
    p = len(schedule)
    took = {"F": tf, "B": tb}
    edges = {}
    for s, ops in enumerate(schedule):
        for k, op in enumerate(ops):
            waits = [(ops[k - 1], 0)] if k else []
            if op[1] == "F":
                waits += [((s - 1, "F", op[2]), t_comm)] if s else []
            else:
                waits += [((s, "F", op[2]), 0)] + ([((s + 1, "B", op[2]), t_comm)] if s < p - 1 else [])
            edges[op] = waits
    ordered, left = [], dict(edges)
    while left:
        free = [op for op, waits in left.items() if all(w in edges and w not in left for w, _ in waits)]
        if not free:
            raise Deadlock(sorted(left))
        ordered += free
        for op in free:
            del left[op]
    start, end = {}, {}
    for op in ordered:
        start[op] = max((end[w] + late for w, late in edges[op]), default=0)
        end[op] = start[op] + took[op[1]]
    return {"start": start, "end": end, "makespan": max(end.values()) if end else 0}


@alternative("loops, and sums of gaps")
def naive_schedule(p, m):
    schedule = [[] for _ in range(p)]
    for i in range(m):
        for s in range(p):
            schedule[s].append((s, "F", i))
        for s in reversed(range(p)):
            schedule[s].append((s, "B", i))
    return schedule


@alternative("loops, and sums of gaps")
def bubble_fraction(timeline, p):
    idle = 0.0
    for s in range(p):
        now = 0.0
        for op in sorted((op for op in timeline["start"] if op[0] == s), key=lambda op: timeline["end"][op]):
            idle += timeline["start"][op] - now
            now = timeline["end"][op]
        idle += timeline["makespan"] - now
    return idle / p / timeline["makespan"]


@alternative("loops, and sums of gaps")
def peak_activations(schedule):
    peaks = []
    for ops in schedule:
        alive, sizes = set(), [0]
        for op in ops:
            if op[1] == "F":
                alive.add(op[2])
            else:
                alive.discard(op[2])
            sizes.append(len(alive))
        peaks.append(max(sizes))
    return peaks


@alternative("Kahn's algorithm: operations whose waits are all counted down, the ways to each kept with it")
def simulate(schedule, tf=1.0, tb=2.0, t_comm=0.0):
    last, there = len(schedule) - 1, {op for ops in schedule for op in ops}
    waits, followers, start, end = {}, {}, {}, {}
    for s, ops in enumerate(schedule):
        for previous, op in zip([None, *ops], ops, strict=False):
            _, kind, i = op
            far = (s - 1, "F", i) if kind == "F" and s else (s + 1, "B", i) if kind == "B" and s < last else None
            own = (s, "F", i) if kind == "B" else None
            waits[op] = {near: 0.0 for near in (previous, own) if near} | ({far: t_comm} if far else {})
            for other in waits[op]:
                followers.setdefault(other, []).append(op)
    left = {op: len(waits[op]) for op in there}
    ready = [op for op in there if not left[op]]
    while ready:
        op = ready.pop()
        start[op] = max((end[other] + way for other, way in waits[op].items()), default=0.0)
        end[op] = start[op] + (tb if op[1] == "B" else tf)
        for follower in followers.get(op, []):
            left[follower] -= 1
            if not left[follower]:
                ready.append(follower)
    if len(end) < len(there):
        raise Deadlock(str(sorted(there - end.keys())))
    return {"makespan": max(end.values(), default=0.0), "start": start, "end": end}


@alternative("micro-batches that walk, cumulative sums")
def naive_schedule(p, m):
    schedule = [[] for _ in range(p)]
    for i in range(m):
        for s in [*range(p), *reversed(range(p))]:
            schedule[s].append((s, "B" if (s, "F", i) in schedule[s] else "F", i))
    return schedule


@alternative("micro-batches that walk, cumulative sums")
def peak_activations(schedule):
    return [max(accumulate((1 if op[1] == "F" else -1 for op in ops), initial=0)) for ops in schedule]
