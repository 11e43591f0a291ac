"""A worker as the grader holds it: it is asked things with a deadline, measured from outside, and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.jail import usage
from autograder.jail import zygote as protocol
from autograder.wire.channel import MAX_MESSAGE, Channel, ChannelClosed, ChannelError, ChannelTimeout
from autograder.wire.messages import Reply, Request


@dataclass(eq=False)  # not frozen: whoever handles an exception writes its traceback into it
class Lost(Exception):
    """A worker did not give an answer that can be used."""

    why: str  # "timeout", "died", "protocol"
    status: int = 0  # of os.waitpid, when it died
    detail: str = ""


class Worker:
    """One worker process, as the grader holds it."""

    def __init__(
        self,
        end: Callable[[int], protocol.Ended],
        pid: int,
        sock: socket.socket,
        folder: str,
        output: int,
        layers: Sequence[str] = (),
        pages: usage.Pages | None = None,
    ) -> None:
        self.pid = pid
        self.layers = list(layers)  # that it is behind, by name
        self.folder = folder
        self._end = end  # of the zygote that forked it
        self._sock = sock
        self._output = output
        self._number = 0
        self._read = 0
        self._ended: protocol.Ended | None = None
        self._pages = pages  # of one whose memory is measured
        self._start = usage.start(pid, self._pages)
        self._last = usage.Spent()

    @property
    def is_held(self) -> bool:
        """Whether nobody has ended it, so that its number is its own."""
        return self._ended is None

    def ask(self, request: Request, seconds: float, size: int = MAX_MESSAGE) -> Reply:
        """Send `request` and wait at most `seconds` for an answer of at most `size` bytes. Raises `Lost`, and then the worker
        is ended."""
        return self.exchange(request, seconds, Reply, size)

    def exchange(self, request: Any, seconds: float, answer: Any, size: int = MAX_MESSAGE) -> Any:
        """`ask` for any pair of message types."""
        deadline = time.monotonic() + seconds
        self.begin(request, deadline)
        return self.hear(deadline, answer, size)

    def begin(self, request: Any, deadline: float) -> None:
        """Send `request`, by `deadline` (of `time.monotonic`). What comes of it is to be heard (`hear`)."""
        self._number += 1
        with self._losing():
            if Channel(self._sock, Reply).unasked():
                raise ChannelError("it sent a message that nobody asked for")
        self.tell(request, deadline)

    def hear(self, deadline: float, answer: Any, size: int = MAX_MESSAGE) -> Any:
        """The next message on the request that was begun, of at most `size` bytes."""
        channel: Channel[Any, Any] = Channel(self._sock, answer, size)
        with self._losing():
            number, message = channel.receive(deadline)
            if number != self._number:
                raise ChannelError("it answered a request that nobody made")
            return message

    def tell(self, message: Any, deadline: float) -> None:
        """Send one more message on the request that was begun: what the worker asked in the middle of it."""
        with self._losing():
            Channel(self._sock, Reply).send(self._number, message, deadline)

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        """Ends the worker when it did not answer in time, died or broke the protocol, and raises `Lost`."""
        if self._ended is not None:
            raise Lost("died", self._ended.status)
        try:
            yield
        except ChannelTimeout as error:
            self._end_measured()
            raise Lost("timeout") from error
        except ChannelClosed as error:
            raise Lost("died", self._end_measured().status) from error
        except ChannelError as error:
            self._end_measured()
            raise Lost("protocol", detail=str(error)) from error

    def _end_measured(self) -> protocol.Ended:
        self._last = self.spent()
        return self.end()

    def spent(self) -> usage.Spent:
        """What it has run and waited for a processor so far; after its end, as far as it was seen before."""
        return usage.spent(self.pid) if self._ended is None else self._last

    def output(self, cap: int = 64 * 2**10) -> str:
        """What was printed since the last call."""
        size = os.fstat(self._output).st_size
        data = os.pread(self._output, min(cap, max(size - self._read, 0)), self._read)
        self._read = size
        return data.decode("utf-8", "replace")

    @property
    def can_be_measured(self) -> bool:
        """Whether the kernel tells what it uses."""
        return self._start is not None

    def used(self) -> usage.Usage | None:
        """What it has used since it was forked; None when it has ended, or where the kernel does not tell."""
        used = usage.usage(self.pid, self._pages) if self._ended is None else None
        return None if used is None or self._start is None else used.beyond(self._start)

    def end(self) -> protocol.Ended:
        """Kill the process and all that it started, and remove its folder. May be called again."""
        if self._ended is None:
            self._sock.close()
            if self._pages is not None:
                self._pages.close()
            self._ended = self._end(self.pid)
            shutil.rmtree(self.folder, ignore_errors=True)
        return self._ended

    def close(self) -> None:
        self.end()
        if self._output >= 0:
            os.close(self._output)
            self._output = -1

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
