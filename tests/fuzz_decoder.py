"""A long fuzzing of what a worker may send, run by hand: `python tests/fuzz_decoder.py [folder of inputs] -max_total_time=600`.

It needs `pip install atheris` (the extra `fuzz`), which comes for Linux and some versions of Python. Coverage leads the fuzzer
through the decoder of values and through that of messages. Whatever the bytes are, the one gives a value or `BadValue`, the other
a message or `ChannelError`; what was decoded is sent again as bytes that decode to the same. The figures of the last
run are in `docs/wire-format.md`. The suite itself fuzzes with Hypothesis (`tests/test_values.py`, `tests/test_channel.py`).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

import atheris
import msgspec
import numpy as np
import torch

with atheris.instrument_imports(
    include=[f"autograder.wire.{name}" for name in ("channel", "decode", "encode", "messages", "tree", "values")]
):
    from autograder.wire import channel, messages, values
    from autograder.wire.decode import decode
    from autograder.wire.encode import encode
    from autograder.wire.tree import HEADER, MAGIC

SAMPLES = [
    None, True, 7, -(2**70), 1.5, float("nan"), "text", "\ud800", b"bytes", [1, [2, [3]]], (1, "a"), {"k": [1], 2: None}, {1, "x"}, frozenset({3}),
    torch.arange(6.0).reshape(2, 3), torch.zeros(0, 3, dtype=torch.bfloat16), torch.tensor([True, False]), torch.tensor(1 + 2j),
    np.arange(4, dtype="int8"), np.float32(1.5), values.Raised("ValueError"), values.Unsupported("Foo"), values.Drawn([1]), values.Lab("gpt2", {"a": 1}),
]  # fmt: skip


def a_value(data: bytes) -> None:
    try:
        value = decode(data)
    except values.BadValue:
        return
    again = encode(value)
    assert encode(decode(again)) == again


def a_message(data: bytes) -> None:
    """A frame with a right length, and the raw bytes as a frame."""
    framed = channel.HEADER.pack(channel.MAGIC, 1, len(data)) + data
    for sent in (framed, data):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                theirs.send(sent)
            theirs.shutdown(socket.SHUT_WR)
            with contextlib.suppress(channel.ChannelError):
                receiving: channel.Channel[object, messages.Reply] = channel.Channel(ours, messages.Reply)
                _, observed = receiving.receive(time.monotonic() + 5)
                assert isinstance(observed, messages.Observed)
                a_value(observed.value)


def a_tree(data: bytes) -> None:
    """A value whose header is right, so that the fuzzer gets behind it: the tree's length, the tree, the raw bytes."""
    if len(data) >= 2:
        tree, raw = data[2:][: int.from_bytes(data[:2], "big")], data[2:][int.from_bytes(data[:2], "big") :]
        a_value(HEADER.pack(MAGIC, len(tree), len(raw)) + tree + raw)


def one_input(data: bytes) -> None:
    {b"m": a_message, b"t": a_tree}.get(data[:1], a_value)(data[1:])


def seeds(folder: Path) -> None:
    """Honest inputs to start from, and headers that announce more than there is."""
    blobs = [encode(sample) for sample in SAMPLES]
    observed = [messages.Observed(kind="value", value=blob, name="f", text="t", line=3) for blob in blobs]
    inputs = [b"v" + blob for blob in blobs] + [b"m" + msgspec.msgpack.encode(each) for each in observed]
    for blob in blobs:
        _, tree, _ = HEADER.unpack(blob[: HEADER.size])
        inputs.append(b"t" + tree.to_bytes(2, "big") + blob[HEADER.size :])
    inputs += [b"m" + struct.pack("<4sQQ", b"LLF1", 1, 2**60), b"v" + HEADER.pack(MAGIC, 2**31, 2**40)]
    for number, data in enumerate(inputs):
        (folder / f"seed-{number}").write_bytes(data)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        atheris.Setup([*sys.argv, folder, "-max_len=4096"], one_input)
        atheris.Fuzz()
