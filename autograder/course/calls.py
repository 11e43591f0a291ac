"""What both sides of bounded calls know: the bounds, and how calls and answers travel."""

from __future__ import annotations

import io
import pickle
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SECONDS = 60.0
CPU_SECONDS = 30
MEMORY_MB = 1024  # of address space, of which the interpreter has some 100


@dataclass(frozen=True)
class Bounds:
    """What one call may take."""

    seconds: float = SECONDS  # by the clock
    cpu_seconds: int = CPU_SECONDS
    memory_mb: int = MEMORY_MB


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def frame(stream: socket.socket) -> bytes:
    """One frame, "" where the stream ends before. Raises `OSError`."""
    size = _exactly(stream, 8)
    return _exactly(stream, int.from_bytes(size, "big")) if size else b""


def _exactly(stream: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = stream.recv(min(size - len(data), 2**20))
        if not part:
            return b""
        data += part
    return bytes(data)


def pickled(job: object, shared: Sequence[object]) -> bytes:
    """`job`, in which those of `shared` are only named."""
    data = io.BytesIO()
    pickler = pickle.Pickler(data)
    places = {id(each): place for place, each in enumerate(shared)}
    pickler.persistent_id = lambda obj: places.get(id(obj))  # pyright: ignore[reportAttributeAccessIssue]
    pickler.dump(job)
    return data.getvalue()


def unpickled(data: bytes, shared: Sequence[object]) -> Any:
    unpickler = pickle.Unpickler(io.BytesIO(data))
    unpickler.persistent_load = shared.__getitem__  # pyright: ignore[reportAttributeAccessIssue]
    return unpickler.load()
