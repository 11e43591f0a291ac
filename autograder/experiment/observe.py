"""Running an experiment on an implementation, and saying in plain data what came of it.

The same code runs in the jail (on a submission), in the twin (on the reference, mistakes and alternatives) and in a
student's own pytest. It makes no judgement: it returns an `Observed` message, whatever the implementation does.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import linecache
import opcode
import random
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from autograder.checks.modules import WrongParameters
from autograder.experiment import forbidden
from autograder.experiment.contract import WrongSignature, WrongType, held_to_annotation, same_signature
from autograder.wire.cut import encode_within
from autograder.wire.messages import Observed, bound
from autograder.wire.values import BadValue, Lab, decode

_TEXT = 2000


class TimeUp(BaseException):
    """The soft limit of a run has passed. Not an `Exception`, so that `except Exception` does not swallow it."""


class _Missing(Exception):
    """The implementation does not define a function or class that the stub has."""


_EXPLAINED = (_Missing, WrongSignature, WrongType, WrongParameters, BadValue, NotImplementedError)


# --- loading ---------------------------------------------------------------------------------------------------------


def load_module(source: str | types.CodeType, name: str, file: str) -> types.ModuleType:
    """Execute `source` as a module called `name`, with `file` in its tracebacks. Nothing is put on `sys.path`."""
    code = compile(source, file, "exec", dont_inherit=True) if isinstance(source, str) else source
    module = types.ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module  # dataclasses and pickling look their module up
    try:
        exec(code, module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


@dataclass
class Implementation:
    """A loaded implementation with the stub that it is held to."""

    module: types.ModuleType
    stub: types.ModuleType
    file: str
    held: dict[str, Any] = field(default_factory=dict)  # what experiments have asked for, held to the stub once

    def student(self) -> Student:
        return Student(self)


class Student:
    """What an experiment knows as `student`: the functions and classes of the stub, as this implementation has them.

    What they return is held to the stub's annotations, so that an experiment never goes on with a wrong type.
    """

    def __init__(self, implementation: Implementation) -> None:
        self._implementation = implementation

    def __getattr__(self, name: str) -> Any:
        held = self._implementation.held
        if name not in held:
            held[name] = self._hold(name)
        return held[name]

    def _hold(self, name: str) -> Any:
        module, stub = self._implementation.module, self._implementation.stub
        try:
            theirs = vars(module)[name]
        except KeyError:
            raise _Missing(name) from None
        model = getattr(stub, name, None)
        if isinstance(model, types.FunctionType):
            if not callable(theirs):
                raise _Missing(name)
            same_signature(name, theirs, model)
            return held_to_annotation(theirs, name, model, stub)
        if isinstance(model, type):
            if not isinstance(theirs, type):
                raise _Missing(name)
            for method, model_method in vars(model).items():
                if isinstance(model_method, types.FunctionType):
                    their_method = inspect.getattr_static(theirs, method, None)
                    if not callable(their_method):
                        raise _Missing(f"{name}.{method}")
                    if isinstance(their_method, types.FunctionType):
                        same_signature(f"{name}.{method}", their_method, model_method)
                        held = held_to_annotation(their_method, f"{name}.{method}", model_method, stub)
                        setattr(theirs, method, held)
        return theirs


# --- running ---------------------------------------------------------------------------------------------------------


def load(
    source: str,
    stub: str,
    name: str,
    file: str,
    banned: list[str],
    *,
    seconds: float = 0.0,
    wall_seconds: float = 0.0,
    seed: int = 0,
) -> tuple[Implementation | None, Observed]:
    """Make an implementation from its source: what the source names is looked at before any of it runs."""
    start = time.process_time()
    try:
        tree = ast.parse(source, file)
        code = compile(tree, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        return None, Observed(kind="syntax", text=str(error.msg)[:_TEXT], line=error.lineno or 0)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return None, Observed(kind="syntax", text=f"Python cannot read this file: {error}"[:_TEXT])
    try:
        use = forbidden.first_use(tree, banned)
    except RecursionError:
        return None, Observed(kind="syntax", text="Python cannot read this file: an expression is nested too deep")
    if use is not None:
        return None, Observed(kind="forbidden", name=use.name[:200], line=use.line)
    # What reads a function's source again (Triton compiles it) finds it here: there is no such file in the jail.
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    stub_module = load_module(stub, f"stub.{name}", "stub")
    reset_state(seed)
    try:
        with soft_limit(seconds, wall_seconds):
            module = load_module(code, f"submission.{name}", file)
    except BaseException as error:
        return None, _failure(error, file, start)
    implementation = Implementation(module, stub_module, file)
    return implementation, Observed(kind="loaded", seconds=time.process_time() - start)


def run(
    implementation: Implementation,
    experiment: Callable[..., Any],
    inputs: bytes,
    *,
    seconds: float = 0.0,
    wall_seconds: float = 0.0,
    device: str = "cpu",
    seed: int = 0,
    answer_bytes: int = 0,
    reraise: bool = False,
) -> Observed:
    """Run `experiment(student, **inputs)` and return what it gave, encoded at once: nothing can change it later.

    Of an answer larger than `answer_bytes` its shape is kept (`jail.cut`); 0 is no bound. `reraise` lets the implementation's
    own exceptions out, for a debugger.
    """
    given: dict[str, Any] = decode(inputs)
    reset_state(seed)
    start = time.process_time()
    try:
        with soft_limit(seconds, wall_seconds):
            arguments = {key: _prepare(value, device) for key, value in given.items()}
            value = encode_within(experiment(implementation.student(), **arguments), answer_bytes)
            # Inputs as they are after the run: what the lab made or a device copied is not the caller's any more.
            kept = {key: given[key] if isinstance(given[key], Lab) else arguments[key] for key in given}
            after = encode_within(kept, bound(len(inputs)))
    except BaseException as error:
        if reraise and not isinstance(error, _EXPLAINED):
            raise
        return _failure(error, implementation.file, start)
    changed = after if after != inputs else b""
    return Observed(kind="value", value=value, changed=changed, seconds=time.process_time() - start)


def _prepare(value: Any, device: str) -> Any:
    if type(value) is Lab:
        from autograder.lab import resolve

        return resolve(value)
    if device == "cpu":
        return value
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _prepare(item, device) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_prepare(item, device) for item in value)
    return value


def reset_state(seed: int) -> None:
    """Undo what an earlier run may have left behind, and start every run from the same state."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(
        seed
    )  # `torch.manual_seed` costs 0.1 ms: it queues a call for each kind of device
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)


@contextlib.contextmanager
def soft_limit(cpu_seconds: float, wall_seconds: float = 0.0) -> Iterator[None]:
    """Raise `TimeUp` in the code that runs when it has used `cpu_seconds`, or `wall_seconds` have passed: that tells the
    student's line. Code that swallows it is ended from outside, at the hard limit. 0 is no limit."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    running = []
    limit = _Limit()
    if usable:
        for timer, number, seconds in (
            (signal.ITIMER_PROF, signal.SIGPROF, cpu_seconds),
            (signal.ITIMER_REAL, signal.SIGALRM, wall_seconds),
        ):
            if seconds > 0:
                _listen(number)
                running.append(timer)
                signal.setitimer(timer, seconds)
    if running:
        _limits.append(limit)
    try:
        yield
    finally:
        # An alarm that went off a moment ago is told to Python later, maybe between these lines, and the clock and the CPU may
        # run out together: from here on nothing is raised, or it would end the worker that has its answer to send.
        limit.over = True
        for timer in running:
            signal.setitimer(timer, 0)
        if limit in _limits:
            _limits.remove(limit)


@dataclass(eq=False)
class _Limit:
    """One run's limit: `over` when it has been told, or nothing is to be stopped any more."""

    over: bool = False


_limits: list[_Limit] = []
_listening: set[int] = set()


def _listen(number: int) -> None:
    """Install the handler once: a worker is there for this alone, and installing it costs more than a small run."""

    def on_alarm(signum: int, frame: types.FrameType | None) -> None:
        if not _limits or _limits[-1].over:
            return
        _limits[-1].over = signum == signal.SIGALRM  # the clock has the last word; CPU time may be told before it
        raise TimeUp

    if number not in _listening:
        signal.signal(number, on_alarm)
        _listening.add(number)


def _failure(error: BaseException, file: str, start: float) -> Observed:
    _limits.clear()  # one that was left in the middle of its end
    line, function = _place(error, file)
    seconds = time.process_time() - start
    if isinstance(error, _Missing):
        return Observed(kind="missing-function", name=str(error)[:200], seconds=seconds)
    if isinstance(error, WrongSignature):
        return Observed(
            kind="wrong-signature", name=error.name, want=error.want, text=error.got[:_TEXT], seconds=seconds
        )
    if isinstance(error, WrongType):
        return Observed(
            kind="wrong-type", name=error.function, want=error.want[:_TEXT], text=error.got[:_TEXT], seconds=seconds
        )
    if isinstance(error, WrongParameters):
        return Observed(kind="wrong-parameters", name=error.module[:200], text=error.found[:_TEXT], seconds=seconds)
    if isinstance(error, BadValue):
        return Observed(kind="too-big", text=str(error)[:_TEXT], seconds=seconds)
    if isinstance(error, TimeUp):
        return Observed(kind="timeout", line=line, function=function, seconds=seconds)
    text = _text(error)
    if isinstance(error, torch.OutOfMemoryError):  # of a device
        return Observed(kind="memory", name="device", line=line, function=function, seconds=seconds)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in text):
        return Observed(kind="memory", line=line, function=function, seconds=seconds)
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
            return str(error)[:_TEXT].encode("utf-8", "backslashreplace").decode()
    except BaseException:
        return ""


def _place(error: BaseException, file: str) -> tuple[int, str]:
    """The last line of the student's own file in the traceback."""
    line, function = 0, ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line, function = trace.tb_lineno, trace.tb_frame.f_code.co_qualname
        trace = trace.tb_next
    return line, function[:200]
