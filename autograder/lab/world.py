"""A world of ranks: what `torch.distributed` does between machines, without any.

    world = World(2)
    sums = world.run(lambda comm: comm.all_reduce(torch.tensor([1.0 + comm.rank])))   # [tensor([3.]), tensor([3.])]
    world.events                                                                      # what was sent, and when

The world is a *hosted* value (`autograder.lab.hosting`): when work is graded, each rank is a process of its own, and the world with
its record is in a trusted one. `World.run` has the ranks as threads of this process. Only one rank runs at a time: it keeps the turn
until it has to wait for another rank. So the order of everything is the same in every run, and a wait that can never end is seen at
once and raises `Deadlock`.

Every call is recorded with what was sent in it, as plain data. Nothing is counted here: `replay` does that.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from autograder.lab.ends import end
from autograder.lab.hosted import Deadlock, Mismatch, Waits
from autograder.lab.hosting import Host
from autograder.lab.together import together

T = TypeVar("T")
Event = dict[str, Any]
Reduction = Literal["sum", "max"]
Group = tuple[int, ...]


# --- a rank's side ---------------------------------------------------------------------------------------------------


class Handle:
    """A collective that was started with `async_op=True`."""

    def __init__(self, wait: Callable[[], Tensor]) -> None:
        self._wait = wait
        self._result: Tensor | None = None

    def wait(self) -> Tensor:
        """Wait for the other ranks, write the result into the tensor that was given, and return it.

        Before that, the tensor holds what it held. A second call does nothing.
        """
        if self._result is None:
            self._result = self._wait()
        return self._result


class Comm:
    """One rank's end of a world: its number, how many there are, and the calls that all ranks make together.

    Collectives are matched by their order: the k-th collective of one rank meets the k-th of every other, and they must be
    the same call on tensors of the same shape and dtype (else `Mismatch`). Nothing here is differentiable.
    """

    def __init__(self, ask: Callable[..., Any], rank: int, size: int, members: Sequence[int] | None = None) -> None:
        self._ask = ask
        self._members = list(range(size)) if members is None else list(members)  # ranks of the world, in order
        self.rank = rank
        self.size = size

    def group(self, ranks: Sequence[int]) -> Comm:
        """This rank's end of the group of these ranks (of this comm): numbered from 0 in the order given, with collectives of
        their own. Every rank of the group calls it with the same ranks. Raises ValueError where this rank is not among them."""
        for rank in ranks:
            self._peer(rank)
        if len(set(ranks)) != len(ranks) or self.rank not in ranks:
            raise ValueError(f"rank {self.rank} is not one of a group's ranks {list(ranks)}, each named once")
        members = [self._members[rank] for rank in ranks]
        return Comm(self._ask, list(ranks).index(self.rank), len(members), members)

    def all_reduce(self, x: Tensor, op: Reduction = "sum", async_op: bool = False) -> Any:
        """Replace x, on every rank, by the sum (or maximum) of all ranks' x, and return it.

        With `async_op=True` it returns a `Handle` at once, and x changes when you call its `wait()`: leave x alone till then.
        """
        return self._collective("all_reduce", x, x, op, async_op)

    def broadcast(self, x: Tensor, src: int, async_op: bool = False) -> Any:
        """Replace x on every rank by rank `src`'s x, and return it (with `async_op=True`, a `Handle`)."""
        self._peer(src)
        return self._collective("broadcast", x, x, self._members[src], async_op)

    def all_gather(self, x: Tensor) -> list[Tensor]:
        """The x of every rank, in the order of ranks."""
        return list(self._collective("all_gather", x, x.new_empty(self.size, *x.shape), None, False))

    def reduce_scatter(self, x: Tensor) -> Tensor:
        """Rank r's share of the sum of all ranks' x: the r-th of `size` equal parts along the first dimension."""
        if x.ndim == 0 or len(x) % self.size:
            raise ValueError(f"reduce_scatter cuts {tuple(x.shape)} into {self.size} equal parts along dimension 0")
        return self._collective("reduce_scatter", x, torch.empty_like(x[: len(x) // self.size]), None, False)

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self._collective("barrier", torch.empty(0), torch.empty(0), None, False)

    def send(self, x: Tensor, dst: int) -> None:
        """Send a copy of x to rank `dst`. Does not wait: it arrives when `dst` asks for it."""
        self._peer(dst)
        self._ask("send", self._members[dst], x.detach())

    def recv(self, src: int) -> Tensor:
        """The next tensor that rank `src` sent to this one, in the order of sending; waits for it."""
        self._peer(src)
        return self._ask("recv", self._members[src])

    def mark(self, name: str) -> None:
        """Write a note of your own between the events, such as "backward begins"."""
        self._ask("mark", name)

    def _peer(self, rank: int) -> None:
        if not (type(rank) is int and 0 <= rank < self.size):
            raise ValueError(f"there is no rank {rank}: ranks are 0 to {self.size - 1}")

    def _collective(self, op: str, x: Tensor, out: Tensor, option: Any, async_op: bool) -> Any:
        found = self._ask("collective", op, x.detach(), option, self._members, not async_op)

        def filled(result: Tensor) -> Tensor:
            with torch.no_grad():
                return out.copy_(result)

        return Handle(lambda: filled(self._ask("wait", found))) if async_op else filled(found)


# --- the trusted side ------------------------------------------------------------------------------------------------


@dataclass
class _Meeting:
    """One collective of a group: who has come with what."""

    number: int  # among those of its group
    group: Group
    signature: tuple[Any, ...]
    text: str
    payloads: dict[int, Tensor] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.payloads) == len(self.group)

    def result(self, rank: int) -> Tensor:
        op, option = self.signature[0], self.signature[-1]
        parts = [self.payloads[each] for each in self.group]
        if op == "all_reduce":
            return _reduce(parts, option)
        if op == "broadcast":
            return self.payloads[option]
        if op == "all_gather":
            return torch.stack(parts)
        if op == "reduce_scatter":
            return _reduce(parts, "sum").chunk(len(parts))[self.group.index(rank)]
        return torch.empty(0)


class World:
    """`size` ranks that run one program, and the record of what they said to each other.

    `events` is a list of dicts with the same keys each: `event` ("call" and "wait" of a collective, "send", "recv",
    "mark"), `rank`, `op` (the collective, or the mark's name), `number` (of the collective in its group, from 0), `peer`
    (destination, source or broadcasting rank, else -1), `group` (the ranks that meet, [] where none do), `tensor` (what was given or
    received, flattened) and its `shape`. Ranks are those of the world.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.events: list[Event] = []
        self._mail: defaultdict[tuple[int, int], deque[Tensor]] = defaultdict(deque)
        self._meetings: defaultdict[Group, list[_Meeting]] = defaultdict(list)
        self._joined: defaultdict[tuple[int, Group], int] = defaultdict(
            int
        )  # how many collectives each rank has called
        self._tickets: dict[tuple[int, int], _Meeting] = {}  # what a rank started and has not waited for, by number
        self._waits: dict[int, tuple[str, _Meeting | None]] = {}

    def run(self, program: Callable[[Comm], T]) -> list[T]:
        """Run `program(comm)` on every rank; the results in the order of ranks. A world runs once.

        Raises what a rank raised (the first one to do so); `Deadlock` when ranks wait and nobody can go on, also at the
        end, for a collective that not all ranks have called.
        """
        host = Host.of("world", self)
        programs = [lambda given=given: program(end("world", **given)) for given in self.ends()]
        results = together(host, programs)
        self.finish()
        return results

    def ends(self) -> list[dict[str, Any]]:
        return [{"rank": rank, "size": self.size} for rank in range(self.size)]

    def record(self) -> list[Event]:
        return self.events

    def call(self, rank: int, method: str, arguments: Sequence[Any]) -> Any:
        self._waits.pop(rank, None)
        match method, arguments:
            case "send", [int(dst), Tensor() as x] if 0 <= dst < self.size:
                self._record("send", rank, peer=dst, tensor=x)
                return self._mail[rank, dst].append(x)
            case "recv", [int(src)] if 0 <= src < self.size:
                return self._received(rank, src)
            case "mark", [str(name)]:
                return self._record("mark", rank, op=name[:200])
            case "collective", [str(op), Tensor() as x, option, list(members), bool(waits)]:
                return self._join(rank, op, x, option, self._group(rank, members), waits)
            case "wait", [int(ticket)] if (rank, ticket) in self._tickets:
                return self._waited(rank, self._tickets.pop((rank, ticket)))
        raise ValueError(f"{method} is not called like this")

    def _group(self, rank: int, members: list[Any]) -> Group:
        ranks = tuple(each for each in members if type(each) is int and 0 <= each < self.size)
        if len(set(ranks)) != len(members) or rank not in ranks:
            raise ValueError(f"rank {rank} can't meet the ranks {members}")
        return ranks

    def _received(self, rank: int, src: int) -> Waits:
        mail = self._mail[src, rank]

        def taken() -> Tensor:
            payload = mail.popleft()
            self._record("recv", rank, peer=src, tensor=payload)
            return payload

        self._waits[rank] = f"for a message from rank {src}", None
        return Waits(lambda: bool(mail), taken)

    def _join(self, rank: int, op: str, x: Tensor, option: Any, group: Group, waits: bool) -> Any:
        _valid(op, option, group)
        if op == "reduce_scatter" and (x.ndim == 0 or len(x) % len(group)):
            raise ValueError(f"reduce_scatter cuts {tuple(x.shape)} into {len(group)} equal parts along dimension 0")
        text = f"{op} of {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
        meeting = self._meet(rank, group, (op, x.dtype, tuple(x.shape), option), text)
        meeting.payloads[rank] = x
        peer = option if op == "broadcast" else -1
        self._record("call", rank, op=op, number=meeting.number, peer=peer, tensor=x, group=group)
        if waits:
            return self._waited(rank, meeting)
        ticket = len(self.events)
        self._tickets[rank, ticket] = meeting
        return ticket

    def _waited(self, rank: int, meeting: _Meeting) -> Waits:
        def result() -> Tensor:
            self._record("wait", rank, op=meeting.signature[0], number=meeting.number, group=meeting.group)
            return meeting.result(rank)

        self._waits[rank] = f"in collective {meeting.number}, {meeting.text}", meeting
        return Waits(lambda: meeting.complete, result)

    def _meet(self, rank: int, group: Group, signature: tuple[Any, ...], text: str) -> _Meeting:
        number = self._joined[rank, group]
        self._joined[rank, group] += 1
        meetings = self._meetings[group]
        if number == len(meetings):
            meetings.append(_Meeting(number, group, signature, text))
        meeting = meetings[number]
        if meeting.signature != signature:
            first = next(iter(meeting.payloads))
            raise Mismatch(
                f"collective {number}: rank {first} called {meeting.text}, but rank {rank} called {text}. "
                "All ranks must make the same calls in the same order."
            )
        return meeting

    def finish(self) -> None:
        """Raises `Deadlock` for a collective that not all of its ranks have called."""
        lonely = [each for meetings in self._meetings.values() for each in meetings if not each.complete]
        if lonely:
            raise Deadlock(f"the program ended, but {self._missing(lonely[0])}")

    def stuck(self) -> Deadlock:
        texts = []
        for rank, (text, meeting) in sorted(self._waits.items()):
            texts.append(f"rank {rank} waits {text}" + (f" ({self._missing(meeting)})" if meeting else ""))
        return Deadlock("; ".join(texts))

    def _missing(self, meeting: _Meeting) -> str:
        missing = [str(rank) for rank in meeting.group if rank not in meeting.payloads]
        ranks = f"rank{'s' * (len(missing) > 1)} {', '.join(missing)}"
        return f"{ranks} never called collective {meeting.number}, {meeting.text}"

    def _record(
        self,
        event: str,
        rank: int,
        op: str = "",
        number: int = -1,
        peer: int = -1,
        tensor: Tensor | None = None,
        group: Group = (),
    ) -> None:
        tensor = torch.empty(0) if tensor is None else tensor
        self.events.append(
            {
                "event": event,
                "rank": rank,
                "op": op or event,
                "number": number,
                "peer": peer,
                "group": list(group),
                "tensor": tensor.flatten(),
                "shape": list(tensor.shape),
            }
        )


def _valid(op: str, option: Any, group: Group) -> None:
    if op not in ("all_reduce", "broadcast", "all_gather", "reduce_scatter", "barrier"):
        raise ValueError(f"there is no collective {op}")
    if op == "all_reduce" and option not in ("sum", "max"):
        raise ValueError(f'op is "sum" or "max", not {option!r}')
    if op == "broadcast" and option not in group:
        raise ValueError(f"rank {option} is not in the group that meets")


def _reduce(parts: list[Tensor], op: str) -> Tensor:
    stacked = torch.stack(parts)
    return stacked.sum(0, dtype=stacked.dtype) if op == "sum" else stacked.amax(0)
