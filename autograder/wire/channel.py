"""Frames over a socket: a fixed header (magic, request id, length), then one msgpack message held to a schema.

Both ends are bounded: a length is checked before anything is read, memory grows only as bytes arrive, and every read
has a deadline. What a worker sends may be hostile.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Generic, TypeVar

import msgspec

MAGIC = b"LLF1"
HEADER = struct.Struct("<4sQQ")  # magic, request id, bytes of the message
MAX_MESSAGE = 576 * 2**20
CHUNK = 2**18

Out = TypeVar("Out")
In = TypeVar("In")


class ChannelError(Exception):
    """The other side broke the protocol."""


class ChannelClosed(ChannelError):
    """The other side is gone."""


class ChannelTimeout(ChannelError):
    """The other side did not answer in time."""


class Channel(Generic[Out, In]):
    """One end of a connection that sends `Out` messages and receives `In` messages."""

    def __init__(self, sock: socket.socket, receives: type[In] | object, limit: int = MAX_MESSAGE) -> None:
        self.sock = sock
        self.limit = limit
        self._decoder: msgspec.msgpack.Decoder[In] = msgspec.msgpack.Decoder(receives)  # type: ignore[arg-type]
        self._encoder = msgspec.msgpack.Encoder()

    def send(self, request: int, message: Out, deadline: float | None = None) -> None:
        """Send `message` under the number `request`; `deadline` is a time of `time.monotonic`."""
        data = self._encoder.encode(message)
        try:
            self.sock.settimeout(_remaining(deadline))
            self.sock.sendall(HEADER.pack(MAGIC, request, len(data)) + data)
        except TimeoutError as error:
            raise ChannelTimeout("it does not read what it is sent") from error
        except OSError as error:
            raise ChannelClosed("it is gone") from error

    def receive(self, deadline: float | None = None) -> tuple[int, In]:
        """The next message and the number of the request that it answers."""
        magic, request, size = HEADER.unpack(self._read(HEADER.size, deadline))
        if magic != MAGIC:
            raise ChannelError("it sent something that is not a message")
        if size > self.limit:
            raise ChannelError(f"it announced a message of {size:,} bytes")
        try:
            return request, self._decoder.decode(self._read(size, deadline))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise ChannelError("it sent a message that does not decode") from error

    def unasked(self) -> bool:
        """Whether bytes lie there that nobody asked for (or the other side has gone)."""
        self.sock.settimeout(None)
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        except OSError:
            return False  # the next send says that it is gone

    def _read(self, size: int, deadline: float | None) -> bytearray:
        data = bytearray()
        while len(data) < size:
            try:
                self.sock.settimeout(_remaining(deadline))
                chunk = self.sock.recv(min(CHUNK, size - len(data)))
            except TimeoutError as error:
                raise ChannelTimeout("it did not answer in time") from error
            except OSError as error:
                raise ChannelClosed("it is gone") from error
            if not chunk:
                raise ChannelClosed("it is gone")
            data += chunk
        return data


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    return max(deadline - time.monotonic(), 0.001)
