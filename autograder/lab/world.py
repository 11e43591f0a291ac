"""A world of ranks in one process: what `torch.distributed` does between machines, without any.

    world = World(2)
    sums = world.run(lambda comm: comm.all_reduce(torch.tensor([1.0 + comm.rank])))   # [tensor([3.]), tensor([3.])]
    world.events                                                                      # what was sent, and when

Each rank is a thread, but only one runs at a time: it keeps the turn until it has to wait for another rank. So the order
of everything is the same in every run, and a wait that can never end is seen at once and raises `Deadlock`.

Every call is recorded with what was sent in it, as plain data. Nothing is counted here: `replay` does that.
"""

from __future__ import annotations

import ctypes
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Event = dict[str, Any]
Reduction = Literal["sum", "max"]
POLL_SECONDS = 0.05  # a signal can arrive while the main thread waits, and is seen when it wakes


class Deadlock(RuntimeError):
    """Every rank that has not finished waits for another one."""


class Mismatch(RuntimeError):
    """Ranks met in different collectives: the k-th call of one rank meets the k-th call of every other."""


class _Stopped(BaseException):
    """Ends the thread of a rank after another rank has failed. Not an `Exception`: nobody should catch it."""


@dataclass
class _Meeting:
    """One collective: who has come with what."""

    number: int
    signature: tuple[Any, ...]
    text: str
    payloads: dict[int, Tensor] = field(default_factory=dict)


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

    def __init__(self, world: World, rank: int) -> None:
        self.rank = rank
        self.size = world.size
        self._world = world

    def all_reduce(self, x: Tensor, op: Reduction = "sum", async_op: bool = False) -> Any:
        """Replace x, on every rank, by the sum (or maximum) of all ranks' x, and return it.

        With `async_op=True` it returns a `Handle` at once, and x changes when you call its `wait()`: leave x alone till then.
        """
        return self._collective("all_reduce", x, x, (op,), lambda parts: _reduce(parts, op), async_op)

    def broadcast(self, x: Tensor, src: int, async_op: bool = False) -> Any:
        """Replace x on every rank by rank `src`'s x, and return it (with `async_op=True`, a `Handle`)."""
        return self._collective("broadcast", x, x, (src,), lambda parts: parts[src], async_op)

    def all_gather(self, x: Tensor) -> list[Tensor]:
        """The x of every rank, in the order of ranks."""
        out = x.new_empty(self.size, *x.shape)
        return list(self._collective("all_gather", x, out, (), torch.stack, False))

    def reduce_scatter(self, x: Tensor) -> Tensor:
        """Rank r's share of the sum of all ranks' x: the r-th of `size` equal parts along the first dimension."""
        if x.ndim == 0 or len(x) % self.size:
            raise ValueError(f"reduce_scatter cuts {tuple(x.shape)} into {self.size} equal parts along dimension 0")
        share = slice(self.rank * len(x) // self.size, (self.rank + 1) * len(x) // self.size)
        out = torch.empty_like(x[share])
        return self._collective("reduce_scatter", x, out, (), lambda parts: _reduce(parts, "sum")[share], False)

    def barrier(self) -> None:
        """Wait until every rank is here."""
        nothing = torch.empty(0)
        self._collective("barrier", nothing, nothing, (), lambda parts: nothing, False)

    def send(self, x: Tensor, dst: int) -> None:
        """Send a copy of x to rank `dst`. Does not wait: it arrives when `dst` asks for it."""
        self._peer(dst)
        payload = x.detach().clone()
        self._world._record("send", self.rank, peer=dst, tensor=payload)
        self._world._mail[self.rank, dst].append(payload)

    def recv(self, src: int) -> Tensor:
        """The next tensor that rank `src` sent to this one, in the order of sending; waits for it."""
        self._peer(src)
        mail = self._world._mail[src, self.rank]
        self._world._block(self.rank, lambda: bool(mail), f"for a message from rank {src}")
        payload = mail.popleft()
        self._world._record("recv", self.rank, peer=src, tensor=payload)
        return payload.clone()

    def mark(self, name: str) -> None:
        """Write a note of your own between the events, such as "backward begins"."""
        self._world._record("mark", self.rank, op=name)

    def _peer(self, rank: int) -> None:
        if not (type(rank) is int and 0 <= rank < self.size):
            raise ValueError(f"there is no rank {rank}: ranks are 0 to {self.size - 1}")

    def _collective(
        self,
        op: str,
        x: Tensor,
        out: Tensor,
        options: tuple[Any, ...],
        result: Callable[[list[Tensor]], Tensor],
        async_op: bool,
    ) -> Any:
        world, rank = self._world, self.rank
        if op == "broadcast":
            self._peer(options[0])
        text = f"{op} of {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
        meeting = world._meet(rank, (op, x.dtype, tuple(x.shape), options), text)
        meeting.payloads[rank] = x.detach().clone()
        peer = options[0] if op == "broadcast" else -1
        world._record("call", rank, op=op, number=meeting.number, peer=peer, tensor=meeting.payloads[rank])

        def wait() -> Tensor:
            world._block(
                rank, lambda: len(meeting.payloads) == self.size, f"in collective {meeting.number}, {text}", meeting
            )
            world._record("wait", rank, op=op, number=meeting.number)
            with torch.no_grad():
                return out.copy_(result([meeting.payloads[each] for each in range(self.size)]))

        handle = Handle(wait)
        return handle if async_op else handle.wait()


class World:
    """`size` ranks that run one program, and the record of what they said to each other.

    `events` is a list of dicts with the same keys each: `event` ("call" and "wait" of a collective, "send", "recv",
    "mark"), `rank`, `op` (the collective, or the mark's name), `number` (of the collective, from 0), `peer` (destination,
    source or broadcasting rank, else -1), `tensor` (what was given or received, flattened) and its `shape`.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.events: list[Event] = []
        self._mail: defaultdict[tuple[int, int], deque[Tensor]] = defaultdict(deque)
        self._meetings: list[_Meeting] = []
        self._joined = [0] * size  # how many collectives each rank has called
        self._turn = [threading.Lock() for _ in range(size)]
        self._back = threading.Lock()
        self._waits: dict[int, tuple[Callable[[], bool], str, _Meeting | None]] = {}
        self._results: dict[int, Any] = {}
        self._errors: list[BaseException] = []
        self._deadlock: Deadlock | None = None

    def run(self, program: Callable[[Comm], T]) -> list[T]:
        """Run `program(comm)` on every rank; the results in the order of ranks. A world runs once.

        Raises what a rank raised (the first one to do so); `Deadlock` when ranks wait and nobody can go on, also at the
        end, for a collective that not all ranks have called.
        """
        for lock in (*self._turn, self._back):
            lock.acquire()
        threads = [threading.Thread(target=self._rank, args=(rank, program), daemon=True) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        alive = list(range(self.size))
        while alive:
            rank = next((rank for rank in alive if self._can_run(rank)), None)
            if rank is None:
                self._deadlock = Deadlock(self._why())
                rank = alive[0]
            self._give_turn(rank, threads[rank])
            # A rank keeps the turn until it waits; then the next one has it, in a circle.
            alive = [each for each in (*alive[alive.index(rank) + 1 :], *alive[: alive.index(rank) + 1])]
            alive = [each for each in alive if each not in self._results]
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        lonely = next((each for each in self._meetings if len(each.payloads) < self.size), None)
        if lonely is not None:
            raise Deadlock(f"the program ended, but {self._missing(lonely)}")
        return [self._results[rank] for rank in range(self.size)]

    def _rank(self, rank: int, program: Callable[[Comm], Any]) -> None:
        self._turn[rank].acquire()
        result = None
        try:
            if not self._errors:
                result = program(Comm(self, rank))
        except _Stopped:
            pass
        except BaseException as error:
            self._errors.append(error)
        self._results[rank] = result
        self._back.release()

    def _give_turn(self, rank: int, thread: threading.Thread) -> None:
        self._turn[rank].release()
        try:
            while not self._back.acquire(timeout=POLL_SECONDS):
                pass
        except BaseException as interruption:  # the time is up, or Ctrl-C: it belongs to the rank that has the turn
            assert thread.ident is not None
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(type(interruption))
            )
            thread.join(timeout=1.0)
            raise (self._errors[-1] if self._errors else interruption) from None

    def _can_run(self, rank: int) -> bool:
        return bool(self._errors) or rank not in self._waits or self._waits[rank][0]()

    def _block(self, rank: int, ready: Callable[[], bool], text: str, meeting: _Meeting | None = None) -> None:
        """Let others run until `ready()`."""
        while not ready():
            self._waits[rank] = (ready, text, meeting)
            self._back.release()
            self._turn[rank].acquire()
            del self._waits[rank]
            if self._errors:
                raise _Stopped
            if self._deadlock is not None:
                raise self._deadlock

    def _meet(self, rank: int, signature: tuple[Any, ...], text: str) -> _Meeting:
        number = self._joined[rank]
        self._joined[rank] += 1
        if number == len(self._meetings):
            self._meetings.append(_Meeting(number, signature, text))
        meeting = self._meetings[number]
        if meeting.signature != signature:
            first = next(iter(meeting.payloads))
            raise Mismatch(
                f"collective {number}: rank {first} called {meeting.text}, but rank {rank} called {text}. "
                "All ranks must make the same calls in the same order."
            )
        return meeting

    def _why(self) -> str:
        texts = []
        for rank, (_, text, meeting) in sorted(self._waits.items()):
            texts.append(f"rank {rank} waits {text}" + (f" ({self._missing(meeting)})" if meeting else ""))
        return "; ".join(texts)

    def _missing(self, meeting: _Meeting) -> str:
        missing = [str(rank) for rank in range(self.size) if rank not in meeting.payloads]
        ranks = f"rank{'s' * (len(missing) > 1)} {', '.join(missing)}"
        return f"{ranks} never called collective {meeting.number}, {meeting.text}"

    def _record(
        self, event: str, rank: int, op: str = "", number: int = -1, peer: int = -1, tensor: Tensor | None = None
    ) -> None:
        tensor = torch.empty(0) if tensor is None else tensor
        self.events.append(
            {
                "event": event,
                "rank": rank,
                "op": op or event,
                "number": number,
                "peer": peer,
                "tensor": tensor.flatten(),
                "shape": list(tensor.shape),
            }
        )


def _reduce(parts: list[Tensor], op: Reduction) -> Tensor:
    if op not in ("sum", "max"):
        raise ValueError(f'op is "sum" or "max", not {op!r}')
    stacked = torch.stack(parts)
    return stacked.sum(0, dtype=stacked.dtype) if op == "sum" else stacked.amax(0)
