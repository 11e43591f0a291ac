"""What the grader asks a worker, and what a worker answers. A worker's answers are untrusted: they are decoded by these types.

The texts are bounded where they are made and again where they are read (`Annotated[..., max_length]`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

ShortText = Annotated[str, msgspec.Meta(max_length=4000)]
Name = Annotated[str, msgspec.Meta(max_length=200)]

LEAST = 64 * 2**10
"""Bytes that any answer may have: a wrong one is told in full where that costs nothing."""
TIMES = 4
"""How many times the size of the expected answer is kept. Where lengths may vary, right ones stay far below."""
TEXTS = 64 * 2**10
"""Bytes that suffice for all that an answer to a request holds beside values."""


def bound(size: int) -> int:
    """How many bytes of an answer are kept, where the expected one has `size`."""
    return max(LEAST, TIMES * size)


MAX_NOTICED = 16
MAX_FRAMES = 6


class Noticed(msgspec.Struct):
    """Something that a person should look at: a name of the exercise's `forbid`, or the word that shows a trick."""

    kind: Literal[
        "call",  # a forbidden function was called while the code ran
        "import",  # a forbidden package was asked for while the code ran
        "computed-name", "run-text", "namespace", "insides", "private-torch", "worker", "machine",  # experiment.suspicious.Trick
    ]  # fmt: skip
    name: Name
    line: int = 0  # of the student's file, 0 when it is not known


class Frame(msgspec.Struct):
    """A line of the student's file from which a function was called."""

    line: int
    function: Name


class Inspect(msgspec.Struct, tag="inspect"):
    """Look at a source before any of it runs. Asked of a worker that has run nothing, so that its answer can be believed."""

    source: str
    forbidden: list[str] = []
    stub: str = ""  # what the student was given


class Inspected(msgspec.Struct, tag="inspected"):
    noticed: Annotated[list[Noticed], msgspec.Meta(max_length=MAX_NOTICED)] = []


class Load(msgspec.Struct, tag="load"):
    """Make the student's module, the stub that it is held to, and the experiments."""

    module: str  # unique name: "submission.tokenizer.bpe"
    file: str  # as the student knows it, for their tracebacks
    source: str
    stub: str
    experiments: str
    seconds: float = 0.0  # soft limits on the module's own code: CPU time,
    wall_seconds: float = 0.0  # and time by the clock
    forbidden: list[str] = []
    torch_seed: int = 0
    output_bytes: int = 64 * 2**10  # of what each case may print


class Run(msgspec.Struct, tag="run"):
    """Run one experiment on one case's inputs."""

    experiment: str
    inputs: bytes
    seconds: float = 0.0
    wall_seconds: float = 0.0
    answer_bytes: int = 0  # how much of its value is wanted; of a larger one its shape is sent. 0: all of it
    device: str = "cpu"
    torch_seed: int = 0


class Warm(msgspec.Struct, tag="warm"):
    """Get the device ready before anything is measured: making its context takes seconds, and is no submission's doing."""

    device: str


class Warmed(msgspec.Struct, tag="warmed"):
    problem: ShortText = ""  # why there is no device to run on


Request = Inspect | Load | Run | Warm

Kind = Literal[
    "value",
    "loaded",
    "syntax",  # the source does not compile
    "raised",
    "not-written",  # NotImplementedError from the stub
    "missing-function",
    "wrong-signature",
    "wrong-type",
    "wrong-parameters",  # of an nn.Module
    "too-big",  # the answer can't be sent
    "memory",
    "timeout",
    "forbidden",
]


class Observed(msgspec.Struct, tag="observed"):
    """What came of a `Load` or a `Run`."""

    kind: Kind
    value: bytes = b""  # a blob of wire.values: the observation
    changed: bytes = b""  # the inputs after the run, where their bytes are not what was sent
    name: Name = ""  # of the exception's type, of the function
    builtin: bool = False  # whether that is a built-in exception
    text: ShortText = ""  # theirs: the exception's text, the type found
    want: ShortText = ""
    line: int = 0  # of the student's file, 0 when there is none
    function: Name = ""
    frames: Annotated[list[Frame], msgspec.Meta(max_length=MAX_FRAMES)] = []  # that led to it, outermost first
    seconds: float = 0.0  # CPU time
    noticed: Annotated[list[Noticed], msgspec.Meta(max_length=MAX_NOTICED)] = []  # since the last message


Reply = Observed


# --- hosted values: what an implementation asks of the trusted process that has them (`autograder.lab.hosting`) ---


class Ask(msgspec.Struct, tag="ask"):
    """From a worker, in the middle of a run: do this with the hosted value. Untrusted."""

    method: Name
    arguments: bytes  # a blob of wire.values: a list


class Answer(msgspec.Struct, tag="answer"):
    """To the worker."""

    value: bytes = b""
    error: str = ""  # the type of what it is to raise
    text: str = ""
    waits: bool = False  # there is no answer yet
    ready: list[int] = []  # other ranks that can have theirs now


class Begin(msgspec.Struct, tag="begin"):
    """To the host: make the value that these inputs name."""

    inputs: bytes


class Begun(msgspec.Struct, tag="begun"):
    inputs: list[bytes]  # for each rank


class Step(msgspec.Struct, tag="step"):
    """To the host: a rank asks; without `ask` it comes for the answer that it waited for, and with `stuck` all of them wait."""

    rank: int
    ask: Ask | None = None
    stuck: bool = False


class Finish(msgspec.Struct, tag="finish"):
    """To the host: all ranks have ended with these values (and inputs, where they have changed)."""

    values: list[bytes]
    changed: list[bytes]


class Finished(msgspec.Struct, tag="finished"):
    value: bytes = b""  # of a dict: "value", or of several ranks the list of their values, and the "record"
    changed: bytes = b""
    error: str = ""
    text: str = ""


HostRequest = Begin | Step | Finish
HostReply = Begun | Answer | Finished
