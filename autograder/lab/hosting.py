"""Hosted values: what lives on the trusted side while an implementation uses it, so that nobody can rewrite what happened to it.

A check's inputs name one, `stages=lab("stages", …)` or `comm=lab("world", size=4)`. The value itself, and the record of all that is
done with it, is in a trusted process (`Host`); the implementation gets an *end* of it, which asks for each step. Where a value has
several ranks, each of them runs the experiment in a process of its own, with the inputs of its rank (`lab("each_rank", values=[…])`
is another one for each), and meets the others through the value alone. Only one rank runs at a time: it keeps the turn until it
has to wait for another. So everything happens in the same order each time.

This is the trusted side. `ends` has an implementation's, and `together` has both in one process, for pytest.
"""

from __future__ import annotations

import socket
from typing import Any

from autograder.lab import EACH_RANK, HOSTED_END
from autograder.lab.hosted import Hosted, Refused, Waits, loaded
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Answer, Ask, Begin, Begun, Finish, Finished, HostReply, HostRequest, Step
from autograder.wire.values import Lab

PLACES = {
    "exam": "autograder.lab.exam:Exam",
    "stages": "autograder.lab.stages:Stages",
    "world": "autograder.lab.world:World",
}
"""Values that are hosted, by the name that inputs give them."""

MAX_CALLS = 20_000
MAX_BYTES = 16 * 2**20
"""What one run may ask for, and send with it, before it is refused: far beyond what any exercise needs."""


def parts(blob: bytes) -> tuple[Any, Any]:
    """The value and the record of a run with a hosted value (`Finished.value`)."""
    both = decode(blob)
    return both["value"], both["record"]


class Host:
    """One run's hosted value, and who waits for what."""

    def __init__(self, inputs: bytes, value: Hosted | None = None) -> None:
        self._given: dict[str, Any] = decode(inputs)
        name, lab = next((name, each) for name, each in self._given.items() if _names(each, PLACES))
        self._name, self._kind = name, lab.name
        self.value: Hosted = loaded(PLACES[lab.name])(**lab.arguments) if value is None else value
        self._ends = self.value.ends()
        self._waits: dict[int, Waits] = {}
        self._calls = self._bytes = 0

    @classmethod
    def of(cls, kind: str, value: Hosted) -> Host:
        """The host of a value that is here already."""
        return cls(encode({kind: Lab(kind)}), value)

    @property
    def ranks(self) -> int:
        return len(self._ends)

    def inputs(self) -> list[bytes]:
        """What each rank's experiment gets: its own end, its own part of what differs between ranks."""
        return [
            encode({name: self._of(rank, name, value) for name, value in self._given.items()})
            for rank in range(self.ranks)
        ]

    def _of(self, rank: int, name: str, value: Any) -> Any:
        if name == self._name:
            return Lab(HOSTED_END, {"kind": self._kind, **self._ends[rank]})
        return value.arguments["values"][rank] if _names(value, (EACH_RANK,)) else value

    def step(self, step: Step) -> Answer:
        """Answer a rank. Never raises for what it asks."""
        rank = step.rank
        try:
            if step.stuck:
                self._waits.pop(rank)
                raise self.value.stuck()
            if step.ask is None:
                found: Any = self._waits.pop(rank)
            else:
                found = self._called(rank, step.ask)
            if isinstance(found, Waits):
                if not found.ready():
                    self._waits[rank] = found
                    return Answer(waits=True, ready=self._ready())
                found = found.result()
            return Answer(encode(found), ready=self._ready())
        except Exception as error:
            return Answer(error=type(error).__name__, text=str(error)[:4000], ready=self._ready())

    def _called(self, rank: int, ask: Ask) -> Any:
        self._calls += 1
        self._bytes += len(ask.arguments)
        if self._calls > MAX_CALLS or self._bytes > MAX_BYTES:
            raise Refused(f"more than {MAX_CALLS:,} calls or {MAX_BYTES // 2**20} MB in one run")
        return self.value.call(rank, ask.method, decode(ask.arguments))

    def _ready(self) -> list[int]:
        return [rank for rank, waits in self._waits.items() if waits.ready()]

    def finish(self, finish: Finish) -> Finished:
        try:
            self.value.finish()
        except Exception as error:
            return Finished(error=type(error).__name__, text=str(error)[:4000])
        values = [decode(value) for value in finish.values]
        value = values[0] if self.ranks == 1 and self._kind != "world" else values
        changed = b"" if not any(finish.changed) else self._changed(finish.changed)
        return Finished(encode({"value": value, "record": self.value.record()}), changed)

    def _changed(self, changed: list[bytes]) -> bytes:
        """The inputs as they were given, but for what some rank has changed."""
        after = dict(self._given)
        for blob, before in zip(changed, self.inputs(), strict=True):
            if blob:
                was = decode(before)
                after |= {k: v for k, v in decode(blob).items() if k in was and encode(v) != encode(was[k])}
        return encode(after)


def answer(host: Host | None, request: HostRequest) -> tuple[Host, HostReply]:
    """What a process that hosts answers, and the host from then on: each `Begin` makes a new one."""
    if isinstance(request, Begin):
        host = Host(request.inputs)
        return host, Begun(host.inputs())
    assert host is not None, "a step before the beginning"
    return host, host.step(request) if isinstance(request, Step) else host.finish(request)


def serve(sock: socket.socket) -> None:
    """Be the process that hosts: answer requests until the channel closes."""
    channel: Channel[HostReply, HostRequest] = Channel(sock, HostRequest)
    host: Host | None = None
    while True:
        try:
            number, request = channel.receive()
            host, said = answer(host, request)
            channel.send(number, said)
        except ChannelError:
            return


def _names(value: Any, names: Any) -> bool:
    return isinstance(value, Lab) and value.name in names
