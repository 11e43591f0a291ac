"""Can anybody tell a general mistake from the reference? Calls that the checks make are made again, changed, on both.

This runs in a worker, on the reference and on mistakes that the tool made of it. The calls of one function are taken down while
an experiment runs; each is then made again in many ways (twice, on views, on longer inputs, with another option, with what
another call passed), on a fresh copy of either module, and all that a caller could look at is compared. What is outside of the
specification does not count: where the reference raises what its docstring does not name, nothing is compared.
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import random
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from autograder.checks.results import spoil
from autograder.experiment.time_limit import TimeUp, soft_limit
from autograder.verify.general import look, vary

MOST_CALLS = 4  # of one experiment
SECONDS = 0.25  # of CPU, for one sequence of calls
ALL_SECONDS = 1.5  # for all sequences of one mistake that one experiment gives


@dataclass
class Call:
    """The arguments of one call by name, as they were before it; with `self` where it is a method."""

    named: dict[str, Any]
    signature: inspect.Signature


def shown(
    student: Any, experiment: Callable[..., Any], inputs: dict[str, Any], reference: str, sources: dict[str, list[Any]]
) -> str:
    """What a caller has to do to see that each of `sources` is not the reference, by their names, as JSON; "" where nothing
    shows it, nothing where there was no call of it. A source is its function, its kind, its text, and the exceptions that the
    docstring names."""
    module = student._implementation.module
    found: dict[str, str] = {}
    replays: dict[str, _Replay] = {}
    for name, (scope, kind, source, documented) in sources.items():
        if scope not in replays:
            student._implementation.held.clear()
            calls = taken_down(module, scope, lambda: experiment(student, **copy.deepcopy(inputs)))
            replays[scope] = _Replay(reference, scope, calls, documented)
        if replays[scope].calls:  # else this experiment does not come to it, or what it passes can't be copied
            found[name] = replays[scope].witness(source, kind)
    return json.dumps(found)


@dataclass
class _Replay:
    """The calls of one function. What the reference gives is computed once."""

    reference: str
    scope: str
    calls: list[Call]
    documented: list[str]
    known: dict[tuple[int, str, bool], list[Any] | None] = field(default_factory=dict)

    def witness(self, source: str, kind: str) -> str:
        """How the first sequence of calls that tells `source` from the reference is described, or ""."""
        began, held = time.process_time(), kind == "held"
        for number, call in enumerate(self.calls):
            for label, sequence in vary.sequences(
                kind, call.named, [each.named for each in self.calls], call.signature
            ):
                if time.process_time() - began > ALL_SECONDS:
                    return ""
                want = self._want(number, label, sequence, held)
                if want is None or (kind == "finite" and look.has_nan(want)):  # whatever is beyond numbers is right
                    continue
                try:
                    with soft_limit(SECONDS * 8):
                        seen = _sequence(source, self.scope, sequence, self.documented, held)
                except TimeUp:
                    continue
                if seen is None or not look.alike(want, seen):
                    return label
        return ""

    def _want(self, number: int, label: str, sequence: vary.Calls, held: bool) -> list[Any] | None:
        """What the reference gives; None where that is not specified, or takes too long."""
        key = number, label, held
        if key not in self.known:
            try:
                with soft_limit(SECONDS):
                    self.known[key] = _sequence(self.reference, self.scope, sequence, self.documented, held)
            except (TimeUp, Exception):  # also a variation that can't be made of these arguments
                self.known[key] = None
        return self.known[key]


def taken_down(module: types.ModuleType, scope: str, experiment: Callable[[], Any]) -> list[Call]:
    """The first calls of a function while an experiment runs. Calls whose arguments can't be copied are left out."""
    owner, _, method = scope.rpartition(".")
    holder: Any = getattr(module, owner) if owner else module
    original = vars(holder)[method]
    signature = inspect.signature(original)
    found: list[Call] = []

    @functools.wraps(original)
    def noted(*args: Any, **kwargs: Any) -> Any:
        args = tuple(vary.Once(each) if isinstance(each, types.GeneratorType) else each for each in args)
        if len(found) < MOST_CALLS:
            try:
                named = signature.bind(*args, **kwargs)
                found.append(Call(_copied(dict(named.arguments), method), signature))
            except Exception:  # a generator, a lock; or a call that is refused anyway
                pass
        return original(*(iter(each) if isinstance(each, vary.Once) else each for each in args), **kwargs)

    setattr(holder, method, noted)
    try:
        experiment()
    except Exception:  # the case is about an exception
        pass
    finally:
        setattr(holder, method, original)
    return found


def _copied(named: dict[str, Any], method: str) -> dict[str, Any]:
    if method == "__init__":  # an object that is not made yet
        named = {name: value for name, value in list(named.items())[1:]}
    return copy.deepcopy(named, {id(each): each.detach().clone().requires_grad_() for each in _inner(named)})


def _inner(named: dict[str, Any]) -> Iterator[torch.Tensor]:
    """Tensors in the middle of a graph: they can't be copied with it."""
    for value in look.parts(named):
        if isinstance(value, torch.Tensor) and value.requires_grad and not value.is_leaf:
            yield value


def _sequence(source: str, scope: str, sequence: vary.Calls, documented: list[str], held: bool) -> list[Any] | None:
    """All that can be seen of some calls, one after another; None where one raises what no docstring names."""
    module = fresh(source)
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    seen: list[Any] = []
    results: list[Any] = []
    named: dict[str, Any] = {}
    for given in sequence:
        if named and sequence.one_object:
            _change_weights(named)
        else:
            named = look.moved(copy.deepcopy(given), module)
        before = look.identities(named)
        try:
            with torch.set_grad_enabled(sequence.grad):
                results.append(_called(module, scope, named))
                graded = torch.is_grad_enabled()
        except Exception as error:
            names = [each.__name__ for each in type(error).__mro__]
            if not set(names) & set(documented):
                return None
            seen.append(("raised", [name for name in names if name in documented]))
            continue
        seen.append((look.plain(results[-1]), look.plain(named), look.identities(named) == before))
        seen.append((torch.get_default_dtype(), graded))
        if sequence.spoiled:
            spoil(results.pop())
        torch.set_default_dtype(torch.float32)
    seen.append([look.plain(result) for result in results])  # as they are in the end
    if held:  # a cache may keep what it likes, where no docstring says what is let go
        seen.append(look.let_go(results))
    return seen


def _change_weights(named: dict[str, Any]) -> None:
    with torch.no_grad():
        for value in look.parts(named):
            if isinstance(value, torch.nn.Parameter) and value.is_floating_point():
                value.add_(0.25)


def _called(module: types.ModuleType, scope: str, named: dict[str, Any]) -> Any:
    owner, _, method = scope.rpartition(".")
    if method == "__init__":
        return vary.call(getattr(module, owner), named)
    function = getattr(getattr(module, owner), method) if owner else getattr(module, method)
    result = vary.call(function, named)
    return list(_first(result)) if isinstance(result, types.GeneratorType) else result


def _first(values: Iterator[Any], most: int = 200) -> Iterator[Any]:
    for _, value in zip(range(most), values, strict=False):
        yield value


@functools.lru_cache(maxsize=4)
def _code(source: str) -> types.CodeType:
    return compile(source, "general", "exec", dont_inherit=True)


def fresh(source: str) -> types.ModuleType:
    """A module made anew: nothing is left in it from an earlier sequence."""
    module = types.ModuleType("general_replay")
    sys.modules[module.__name__] = module  # dataclasses look it up
    exec(_code(source), module.__dict__)
    return module
