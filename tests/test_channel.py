"""Frames over a socket: bounded, held to a schema, with a deadline on every read and every write."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator

import msgspec
import pytest

from autograder.wire.channel import HEADER, MAGIC, Channel, ChannelClosed, ChannelError, ChannelTimeout
from autograder.wire.messages import Load, Observed, Reply, Request, Run


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    for each in (ours, theirs):
        with contextlib.suppress(OSError):
            each.close()


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def frame(data: bytes, request: int = 1, magic: bytes = MAGIC, size: int | None = None) -> bytes:
    return HEADER.pack(magic, request, len(data) if size is None else size) + data


def receiving(sock: socket.socket, limit: int = 2**20) -> Channel[Request, Reply]:
    return Channel(sock, Reply, limit)


def test_a_request_and_its_answer(pair: tuple[socket.socket, socket.socket]) -> None:
    grader: Channel[Request, Reply] = Channel(pair[0], Reply)
    worker: Channel[Reply, Request] = Channel(pair[1], Request)
    for number, request in enumerate([Load("m", "f.py", "x = 1", "", ""), Run("check", b"\0" * 10)], 1):
        grader.send(number, request, soon())
        assert worker.receive(soon()) == (number, request)
        worker.send(number, Observed(kind="value", value=b"\xff"), soon())
        assert grader.receive(soon()) == (number, Observed(kind="value", value=b"\xff"))


def test_a_large_message_crosses_in_pieces(pair: tuple[socket.socket, socket.socket]) -> None:
    big = Observed(kind="value", value=bytes(range(256)) * 2**13)
    worker: Channel[Reply, Request] = Channel(pair[1], Request)
    sender = threading.Thread(target=worker.send, args=(7, big, soon()))
    sender.start()
    assert receiving(pair[0], 2**22).receive(soon()) == (7, big)
    sender.join()


@pytest.mark.parametrize(
    "data",
    [
        frame(b"\x80", magic=b"HTTP"),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        frame(b"", size=2**60),
        frame(b"", size=2**64 - 1),
        frame(b"", size=2**20 + 1),
        frame(b"\xc1"),
        frame(b"\x80"),
        frame(msgspec.msgpack.encode({"type": "run", "experiment": "x", "inputs": b""})),
        frame(msgspec.msgpack.encode({"type": "observed", "kind": "passed"})),
        frame(msgspec.msgpack.encode({"type": "observed", "kind": "value", "value": "text"})),
        frame(msgspec.msgpack.encode({"type": "observed", "kind": "value", "line": "1"})),
        frame(msgspec.msgpack.encode({"type": "observed", "kind": "raised", "text": "x" * 4001})),
        frame(msgspec.msgpack.encode({"type": "observed", "kind": "raised", "name": "x" * 201})),
        frame(b"\x82\xa4type\xa8observed\xa4kind\xa2\xff\xfe"),
        frame(b"\x91" * 100_000 + b"\xc0"),
        frame(b"\x82\xa4type\xa8observed\xa4junk" + b"\x91" * 100_000 + b"\xc0"),
        frame(b"\xdd\xff\xff\xff\xff"),
        frame(b""),
        frame(msgspec.msgpack.encode({"type": "observed", "kind": "value"}) + b"\0"),
    ],
)
def test_what_is_no_answer_breaks_the_protocol(pair: tuple[socket.socket, socket.socket], data: bytes) -> None:
    sender = threading.Thread(target=pair[1].sendall, args=(data,))
    sender.start()
    tracemalloc.start()
    try:
        with pytest.raises(ChannelError) as broken:
            receiving(pair[0]).receive(soon())
        assert tracemalloc.get_traced_memory()[1] < 64 * len(data) + 2**20
    finally:
        tracemalloc.stop()
        sender.join()
    assert not isinstance(broken.value, ChannelTimeout | ChannelClosed)


@pytest.mark.parametrize(
    "data", [b"", MAGIC, frame(b"", size=100), frame(b"x" * 50, size=100)], ids=["nothing", "magic", "header", "half"]
)
def test_half_a_frame_then_silence_or_an_end(pair: tuple[socket.socket, socket.socket], data: bytes) -> None:
    pair[1].sendall(data)
    with pytest.raises(ChannelTimeout):
        receiving(pair[0]).receive(soon(0.05))
    pair[1].sendall(data)
    pair[1].close()
    with pytest.raises(ChannelClosed):
        channel = receiving(pair[0])
        while True:  # what still lay there may be one more frame
            channel.receive(soon())


def test_bytes_that_trickle_do_not_move_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    stop = threading.Event()

    def trickle() -> None:
        pair[1].sendall(struct.pack("<4sQQ", MAGIC, 1, 2**19))
        while not stop.wait(0.01):
            pair[1].sendall(b"\0")

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        with pytest.raises(ChannelTimeout):
            receiving(pair[0]).receive(soon(0.1))
    finally:
        stop.set()
        sender.join()


def test_whoever_does_not_read_runs_into_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    grader: Channel[Request, Reply] = Channel(pair[0], Reply)
    with pytest.raises(ChannelTimeout):
        grader.send(1, Run("x", bytes(2**24)), soon(0.05))


def test_sending_to_whoever_is_gone(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].close()
    with pytest.raises(ChannelClosed):
        Channel(pair[0], Reply).send(1, Run("x", bytes(2**20)), soon())


def test_what_nobody_asked_for_is_seen(pair: tuple[socket.socket, socket.socket]) -> None:
    channel = receiving(pair[0])
    assert not channel.unasked()
    pair[1].sendall(b"x")
    assert channel.unasked() and channel.unasked()  # seen, not taken


def test_request_numbers_come_back_as_they_are(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(frame(msgspec.msgpack.encode(Observed(kind="loaded")), request=2**64 - 1))
    assert receiving(pair[0]).receive(soon())[0] == 2**64 - 1
