"""Reading the events of a `World` again, for judges: what really met, what was sent, and after what.

Where work is graded, events come from the trusted process that has the world (`autograder.lab.hosting`). They are held against
each other all the same: a record that can't be would be a fault of the world.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

OPS = ("all_reduce", "broadcast", "all_gather", "reduce_scatter", "barrier")
KEYS = {"event": str, "rank": int, "op": str, "number": int, "peer": int, "group": list, "tensor": Tensor,
        "shape": list}  # fmt: skip


class BadEvents(ValueError):
    """Events that no world of this size can have recorded."""


@dataclass
class Collective:
    """One collective: its payloads, flat, by rank, and the places in the record where ranks called and waited for it."""

    number: int  # among those of its group
    group: tuple[int, ...]
    op: str
    peer: int
    payloads: dict[int, Tensor] = field(default_factory=dict)
    called: dict[int, int] = field(default_factory=dict)
    waited: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """The sum of what the ranks gave, computed from the payloads."""
        return torch.stack([self.payloads[rank] for rank in sorted(self.payloads)]).sum(0)


@dataclass
class Message:
    """One message. `step` is 1 for a message that waited for none, else one more than the latest its sender had received."""

    src: int
    dst: int
    tensor: Tensor
    sent: int
    step: int
    received: bool = False


@dataclass
class Replay:
    """What a world did, as far as its record is consistent."""

    size: int
    collectives: list[Collective]
    messages: list[Message]
    marks: list[tuple[int, int, str]]  # (place in the record, rank, name)

    def of(self, op: str) -> list[Collective]:
        """The collectives of this kind, in order."""
        return [each for each in self.collectives if each.op == op]

    def sent_bytes(self, rank: int) -> int:
        """Bytes of the messages that `rank` sent (not of its collectives, whose way is not known)."""
        return sum(each.tensor.numel() * each.tensor.element_size() for each in self.messages if each.src == rank)


def replay(events: list[dict[str, Any]], size: int) -> Replay:
    """Follow the record of a world of `size` ranks. Raises `BadEvents` when it is no such record."""
    collectives: list[Collective] = []
    messages: list[Message] = []
    marks: list[tuple[int, int, str]] = []
    calls: defaultdict[tuple[int, tuple[int, ...]], int] = defaultdict(int)
    met: dict[tuple[tuple[int, ...], int], Collective] = {}
    steps = [0] * size
    mail: defaultdict[tuple[int, int], deque[Message]] = defaultdict(deque)
    for place, event in enumerate(events):
        _require(type(event) is dict and set(event) == set(KEYS), "a record has other keys")
        _require(all(isinstance(event[key], kind) for key, kind in KEYS.items()), "a record has other types")
        kind, rank, peer, tensor = event["event"], event["rank"], event["peer"], event["tensor"].flatten()
        _require(0 <= rank < size, "there is no such rank")
        group, number = tuple(event["group"]), event["number"]
        if kind == "call":
            _require(rank in group and set(group) <= set(range(size)), "a rank is in no such group")
            _require(event["op"] in OPS and number == calls[rank, group], "calls are not numbered in order")
            calls[rank, group] += 1
            if (group, number) not in met:
                met[group, number] = Collective(number, group, event["op"], peer)
                collectives.append(met[group, number])
            each = met[group, number]
            alike = all(one.shape == tensor.shape and one.dtype == tensor.dtype for one in each.payloads.values())
            _require(each.op == event["op"] and each.peer == peer and alike, "ranks met in different collectives")
            each.payloads[rank], each.called[rank] = tensor, place
        elif kind == "wait":
            _require(0 <= number < calls[rank, group], "a rank waits for what it has not called")
            each = met[group, number]
            _require(len(each.payloads) == len(group), "a wait ended before all ranks had come")
            each.waited.setdefault(rank, place)
        elif kind == "send":
            _require(0 <= peer < size, "there is no such rank")
            message = Message(rank, peer, tensor, place, steps[rank] + 1)
            messages.append(message)
            mail[rank, peer].append(message)
        elif kind == "recv":
            _require(0 <= peer < size and bool(mail[peer, rank]), "something was received that nobody had sent")
            message = mail[peer, rank].popleft()
            same = message.tensor.dtype == tensor.dtype and torch.equal(message.tensor, tensor)
            _require(same, "something else arrived than was sent")
            message.received = True
            steps[rank] = max(steps[rank], message.step)
        else:
            _require(kind == "mark", "there is no such event")
            marks.append((place, rank, event["op"]))
    _require(all(len(each.payloads) == len(each.group) for each in collectives), "not all ranks came to a collective")
    return Replay(size, collectives, messages, marks)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BadEvents(otherwise)
