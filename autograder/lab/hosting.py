"""Hosted values: what lives on the trusted side while an implementation uses it, so that nobody can rewrite what happened to it.

A check's inputs name one, `stages=lab("stages", …)` or `comm=lab("world", size=4)`. The value itself, and the record of all that is
done with it, is in a trusted process (`Host`); the implementation gets an *end* of it, which asks for each step. Where a value has
several ranks, each of them runs the experiment in a process of its own, with the inputs of its rank (`lab("each_rank", values=[…])`
is another one for each), and meets the others through the value alone. Only one rank runs at a time: it keeps the turn until it
has to wait for another. So everything happens in the same order each time.

In pytest, ranks are threads and the host is an object: `together`. The rest is the same code.
"""

from __future__ import annotations

import importlib
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from autograder.lab import EACH_RANK, HOSTED_END
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.converse import converse
from autograder.wire.messages import Answer, Ask, Begin, Begun, Finish, Finished, HostReply, HostRequest, Step
from autograder.wire.values import Lab, decode, encode

T = TypeVar("T")

PLACES = {"stages": "autograder.lab.stages:Stages", "world": "autograder.lab.world:World"}
"""Values that are hosted, by the name that inputs give them."""

ENDS = {"stages": "autograder.lab.stages:ends", "world": "autograder.lab.world:Comm"}
"""What makes an implementation's end of them: called with `ask` and what `Hosted.ends` says of the rank."""

MAX_CALLS = 20_000
MAX_BYTES = 16 * 2**20
"""What one run may ask for, and send with it, before it is refused: far beyond what any exercise needs."""

POLL_SECONDS = 0.05  # a signal can arrive while the main thread waits, and is seen when it wakes


class Hosted(Protocol):
    """What a hosted value can do."""

    def ends(self) -> list[dict[str, Any]]:
        """For each rank, what its end is made from."""
        ...

    def call(self, rank: int, method: str, arguments: Sequence[Any]) -> Any:
        """Do what a rank asks for: the answer, or a `Waits`. Raises what the rank is to see."""
        ...

    def stuck(self) -> Exception:
        """What a rank is to see when all wait and none can go on."""
        ...

    def finish(self) -> None:
        """All ranks have ended. Raises when they left something undone."""
        ...

    def record(self) -> list[dict[str, Any]]:
        """All that happened, in order, as plain data."""
        ...


@dataclass
class Waits:
    """An answer that depends on other ranks."""

    ready: Callable[[], bool]
    result: Callable[[], Any]


class Refused(RuntimeError):
    """More was asked for than one run may."""


# --- the trusted side ------------------------------------------------------------------------------------------------


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
        self.value: Hosted = _loaded(PLACES[lab.name])(**lab.arguments) if value is None else value
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


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


# --- an implementation's side ----------------------------------------------------------------------------------------

Asker = Callable[[Ask], Answer]
_here = threading.local()


def connect(asker: Asker | None) -> None:
    """From now on, the ends that are made in this thread ask `asker`."""
    _here.asker = asker


def end(kind: str, **description: Any) -> Any:
    """The end of a hosted value, for the experiment."""
    asker: Asker | None = getattr(_here, "asker", None)
    if asker is None:
        raise RuntimeError("nothing hosts this value here")

    def ask(method: str, *arguments: Any) -> Any:
        answer = asker(Ask(method, encode(list(arguments))))
        if answer.error:
            raise _error(answer)
        return decode(answer.value)

    return _loaded(ENDS[kind])(ask, **description)


def _error(answer: Answer) -> Exception:
    from autograder.lab.world import Deadlock, Mismatch

    known = {each.__name__: each for each in (Deadlock, Mismatch, Refused, ValueError, TypeError, IndexError)}
    return known.get(answer.error, RuntimeError)(answer.text)


# --- in one process --------------------------------------------------------------------------------------------------


def local(kind: str, value: Hosted) -> Any:
    """An end of a value of one rank that is hosted in this process: for tests, and to play with."""
    host = Host.of(kind, value)
    connect(lambda ask: _answered_alone(host, ask))
    try:
        return end(kind, **value.ends()[0])
    finally:
        connect(None)


class _Stopped(BaseException):
    """Ends the thread of a rank after another rank has failed. Not an `Exception`: nobody should catch it."""


class _Thread:
    """A rank that is a thread of this process."""

    def __init__(self, program: Callable[[], Any]) -> None:
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._said: Any = None
        self._answer: Answer | None = None
        self._stopped = False
        self._program = program
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def resume(self, answer: Answer | None) -> Any:
        self._answer = answer
        self._turn.release()
        try:
            while not self._back.acquire(timeout=POLL_SECONDS):
                pass
        except BaseException as interruption:  # the time is up, or Ctrl-C: it belongs to the rank that has the turn
            _raise_in(self.thread, interruption)
            self.thread.join(timeout=1.0)
            raise
        return self._said

    def stop(self) -> None:
        self._stopped = True
        self._turn.release()
        self.thread.join(timeout=1.0)

    def _run(self) -> None:
        connect(self._ask)
        self._turn.acquire()
        try:
            if not self._stopped:
                self._said = _Result(self._program())
        except _Stopped:
            pass
        except BaseException as error:
            self._said = _Result(error=error)
        self._back.release()

    def _ask(self, ask: Ask) -> Answer:
        self._said = ask
        self._back.release()
        self._turn.acquire()
        if self._stopped:
            raise _Stopped
        assert self._answer is not None
        return self._answer


@dataclass
class _Result:
    value: Any = None
    error: BaseException | None = None


def together(
    host: Host, programs: Sequence[Callable[[], T]], failed: Callable[[T], bool] = lambda value: False
) -> list[T]:
    """Run a program for each rank of `host` in this process; what they returned, in the order of ranks.

    A program makes its end with `lab.resolve`, or `end`. Raises what the first program raised. The first that
    returns what `failed` says ends them all: it alone is returned.
    """
    if len(programs) == 1:  # in this very thread: a debugger, and the alarm that ends a run, are at home here
        before = getattr(_here, "asker", None)
        connect(lambda ask: _answered_alone(host, ask))
        try:
            return [programs[0]()]
        finally:
            connect(before)
    threads = [_Thread(program) for program in programs]
    try:
        ended = converse(threads, host.step, lambda each: each.error is not None or failed(each.value))
    finally:
        for each in threads:
            each.stop()
    for each in ended.values():
        if each.error is not None:
            raise each.error
    bad = [each.value for each in ended.values() if failed(each.value)]
    return bad or [ended[rank].value for rank in range(len(programs))]


def _answered_alone(host: Host, ask: Ask) -> Answer:
    answer = host.step(Step(0, ask))
    return host.step(Step(0, stuck=True)) if answer.waits else answer


def _raise_in(thread: threading.Thread, error: BaseException) -> None:
    import ctypes

    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(type(error)))
