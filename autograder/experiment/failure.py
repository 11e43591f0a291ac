"""What an exception says, in plain data: its kind, its text, and the last line of the student's own file."""

from __future__ import annotations

import builtins
import opcode
import time

import torch

from autograder.checks.modules import WrongParameters
from autograder.checks.values import Misfit
from autograder.experiment.contract import WrongSignature, WrongType
from autograder.experiment.time_limit import TimeUp, soft_limit, told
from autograder.wire.messages import MAX_FRAMES, Frame, Observed
from autograder.wire.values import BadValue

TEXT = 2000


class Missing(Misfit):
    """The implementation does not define a function or class that the stub has."""


def failure(error: BaseException, file: str, start: float) -> Observed:
    """What ended a run, as far as the student's own `file` tells; `start` is a `time.process_time`."""
    told()
    frames = _frames(error, file)
    line, function = (frames[-1].line, frames[-1].function) if frames else (0, "")
    led = _ends(frames[:-1])
    seconds = time.process_time() - start
    if isinstance(error, Missing):
        return Observed(kind="missing-function", name=str(error)[:200], seconds=seconds)
    if isinstance(error, WrongSignature):
        return Observed(
            kind="wrong-signature", name=error.name, want=error.want, text=error.got[:TEXT], seconds=seconds
        )
    if isinstance(error, WrongType):
        return Observed(
            kind="wrong-type", name=error.function, want=error.want[:TEXT], text=error.got[:TEXT], seconds=seconds
        )
    if isinstance(error, WrongParameters):
        return Observed(kind="wrong-parameters", name=error.module[:200], text=error.found[:TEXT], seconds=seconds)
    if isinstance(error, BadValue):
        return Observed(kind="too-big", text=str(error)[:TEXT], seconds=seconds)
    if isinstance(error, TimeUp):
        return Observed(kind="timeout", line=line, function=function, frames=led, seconds=seconds)
    text = _text(error)
    if isinstance(error, torch.OutOfMemoryError):  # of a device
        return Observed(kind="memory", name="device", line=line, function=function, frames=led, seconds=seconds)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in text):
        return Observed(kind="memory", line=line, function=function, frames=led, seconds=seconds)
    kind = type(error)
    builtin = getattr(builtins, kind.__name__, None) is kind
    written = not (kind is NotImplementedError and _is_a_raise(error, file))
    return Observed(
        kind="raised" if written else "not-written",
        name=kind.__name__[:200] if isinstance(kind.__name__, str) else "Exception",
        builtin=builtin,
        text=text,
        line=line,
        function=function,
        frames=led,
        seconds=seconds,
    )


def _is_a_raise(error: BaseException, file: str) -> bool:
    """Whether a `raise` of the student's own file made it: torch raises NotImplementedError too, for a dtype that a kernel lacks."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_filename != file:
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == opcode.opmap["RAISE_VARARGS"]


def _text(error: BaseException) -> str:
    """The exception's text; an exception whose `__str__` raises or loops gives none."""
    try:
        with soft_limit(1.0):
            return str(error)[:TEXT].encode("utf-8", "backslashreplace").decode()
    except BaseException:
        return ""


def _frames(error: BaseException, file: str) -> list[Frame]:
    """The lines of the student's own file in the traceback, outermost first."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found.append(Frame(trace.tb_lineno, trace.tb_frame.f_code.co_qualname[:200]))
        trace = trace.tb_next
    return found


def _ends(frames: list[Frame]) -> list[Frame]:
    """The first and the last of many: an endless recursion has a thousand that are all the same."""
    half = MAX_FRAMES // 2
    return frames if len(frames) <= MAX_FRAMES else frames[:half] + frames[-half:]
