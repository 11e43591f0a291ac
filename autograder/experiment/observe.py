"""Running an experiment on an implementation, and saying in plain data what came of it.

The same code runs in the jail (on a submission), in the twin (on the reference, mistakes and alternatives) and in a
student's own pytest. It makes no judgement: it returns an `Observed` message, whatever the implementation does.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import random
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from autograder.checks.modules import WrongParameters
from autograder.experiment import forbidden
from autograder.experiment.contract import WrongSignature, WrongType, held_to_annotation, same_signature
from autograder.experiment.failure import TEXT, Missing, failure
from autograder.experiment.time_limit import soft_limit
from autograder.wire.cut import encode_within
from autograder.wire.decode import decode
from autograder.wire.messages import Observed, bound
from autograder.wire.values import BadValue, Lab

_EXPLAINED = (Missing, WrongSignature, WrongType, WrongParameters, BadValue, NotImplementedError)


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
            raise Missing(name) from None
        model, names = getattr(stub, name, None), self._names()
        if isinstance(model, types.FunctionType):
            if not callable(theirs):
                raise Missing(name)
            theirs = same_signature(name, theirs, model)
            return held_to_annotation(theirs, name, model, names)
        if isinstance(model, type):
            if not isinstance(theirs, type):
                raise Missing(name)
            for method, model_method in vars(model).items():
                if isinstance(model_method, types.FunctionType):
                    their_method = inspect.getattr_static(theirs, method, None)
                    if not callable(their_method):
                        raise Missing(f"{name}.{method}")
                    if isinstance(their_method, types.FunctionType):
                        their_method = same_signature(f"{name}.{method}", their_method, model_method)
                        held = held_to_annotation(their_method, f"{name}.{method}", model_method, names)
                        setattr(theirs, method, held)
        return theirs

    def _names(self) -> dict[str, Any]:
        """What the names in the stub's annotations mean: its classes are those of this implementation."""
        module, stub = self._implementation.module, self._implementation.stub
        own = {
            name: vars(module)[name]
            for name, value in vars(stub).items()
            if isinstance(value, type)
            and value.__module__ == stub.__name__
            and isinstance(vars(module).get(name), type)
        }
        return {**vars(stub), **own}


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
        return None, Observed(kind="syntax", text=str(error.msg)[:TEXT], line=error.lineno or 0)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return None, Observed(kind="syntax", text=f"Python cannot read this file: {error}"[:TEXT])
    try:
        use = forbidden.first_use(tree, banned)
    except RecursionError:
        return None, Observed(kind="syntax", text="Python cannot read this file: an expression is nested too deep")
    if use is not None:
        return None, Observed(kind="forbidden", name=use.name[:200], line=use.line)
    # What reads a function's source again (Triton compiles it) finds it here: there is no such file in the jail.
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    # Annotations stay text: a class of the exercise in them is the student's own.
    stub_code = compile(stub, "stub", "exec", annotations.compiler_flag, dont_inherit=True)
    stub_module = load_module(stub_code, f"stub.{name}", "stub")
    reset_state(seed)
    try:
        with soft_limit(seconds, wall_seconds):
            module = load_module(code, f"submission.{name}", file)
    except BaseException as error:
        return None, failure(error, file, start)
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

    Of an answer larger than `answer_bytes` its shape is kept (`wire.cut`); 0 is no bound. `reraise` lets the implementation's
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
        return failure(error, implementation.file, start)
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
