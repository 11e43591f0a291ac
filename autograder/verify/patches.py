"""Forgers that patch one function each: what experiments draw conclusions with, they may draw for themselves.

An experiment that returns `torch.allclose(…)` returns what a submission likes, since a submission can replace that function.
Each forger here replaces one, for callers in the experiments alone (everything else, the channel too, goes on as it was), and gives
answers of the right form with nothing in them. It is run on the checks whose experiments name what it patches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.source import extract


@dataclass(frozen=True)
class Patch:
    """One function that is replaced: `target` as a dotted name, and what it says instead of what is true."""

    target: str
    says: str  # "true", "false", "zero" (of the kind that the original gives), "none"
    operators: tuple[type[ast.AST], ...] = ()  # the syntax that calls it without naming it

    @property
    def name(self) -> str:
        return self.target.rpartition(".")[2]


_COMPARISONS = {"eq": ast.Eq, "le": ast.LtE, "lt": ast.Lt, "ge": ast.GtE, "gt": ast.Gt}
_TRUE = (
    "torch.allclose", "torch.equal", "torch.isclose", "torch.eq", "torch.le", "torch.lt", "torch.ge", "torch.gt", "torch.all",
    "torch.Tensor.allclose", "torch.Tensor.equal", "torch.Tensor.isclose", "torch.Tensor.eq", "torch.Tensor.le",
    "torch.Tensor.lt", "torch.Tensor.ge", "torch.Tensor.gt", "torch.Tensor.all",
    "torch.autograd.gradcheck", "torch.autograd.gradgradcheck",
    "numpy.allclose", "numpy.array_equal", "numpy.array_equiv", "numpy.isclose", "numpy.all",
    "math.isclose", "operator.eq", "operator.le", "operator.lt",
    "builtins.all", "builtins.isinstance", "builtins.issubclass", "builtins.callable", "builtins.hasattr",
)  # fmt: skip
_FALSE = (
    "torch.any", "torch.ne", "torch.isnan", "torch.Tensor.any", "torch.Tensor.ne", "torch.Tensor.isnan",
    "numpy.any", "numpy.isnan", "builtins.any", "operator.ne", "math.isnan",
)  # fmt: skip
_ZERO = (
    "torch.sub", "torch.abs", "torch.sum", "torch.mean", "torch.max", "torch.amax", "torch.norm", "torch.var", "torch.std",
    "torch.dist", "torch.linalg.norm", "torch.linalg.vector_norm", "torch.count_nonzero", "torch.argmax",
    "torch.Tensor.sub", "torch.Tensor.abs", "torch.Tensor.sum", "torch.Tensor.mean", "torch.Tensor.max", "torch.Tensor.amax",
    "torch.Tensor.norm", "torch.Tensor.var", "torch.Tensor.std", "torch.Tensor.dist", "torch.Tensor.item",
    "torch.Tensor.tolist", "torch.Tensor.count_nonzero", "torch.Tensor.argmax",
    "torch.nn.functional.mse_loss", "torch.nn.functional.l1_loss", "torch.nn.functional.pairwise_distance",
    "numpy.abs", "numpy.max", "numpy.sum", "numpy.mean", "numpy.linalg.norm", "math.dist", "math.fsum", "math.fabs",
    "builtins.len", "builtins.sum", "builtins.abs", "builtins.sorted", "builtins.max", "builtins.min", "builtins.round",
    "builtins.repr", "builtins.hash", "builtins.zip", "builtins.map", "builtins.filter", "builtins.enumerate",
)  # fmt: skip
_NONE = (
    "torch.testing.assert_close", "numpy.testing.assert_allclose", "numpy.testing.assert_array_equal",
    "numpy.testing.assert_equal", "numpy.testing.assert_array_almost_equal",
)  # fmt: skip

PATCHES: tuple[Patch, ...] = (
    *(Patch(target, "true") for target in _TRUE),
    *(Patch(target, "false") for target in _FALSE),
    *(Patch(target, "zero") for target in _ZERO),
    *(Patch(target, "none") for target in _NONE),
    *(Patch(f"torch.Tensor.__{name}__", "true", (node,)) for name, node in _COMPARISONS.items()),
    Patch("torch.Tensor.__ne__", "false", (ast.NotEq,)),
    Patch("torch.Tensor.__sub__", "zero", (ast.Sub,)),
    *(Patch(f"torch.Tensor.{method}", "zero") for method in ("__abs__", "__len__", "__float__", "__int__")),
    Patch("torch.Tensor.__bool__", "true", (ast.If, ast.IfExp, ast.BoolOp, ast.Not, ast.Assert, ast.While)),
)
_CALLED_BY = {"__abs__": "abs", "__bool__": "bool", "__len__": "len", "__float__": "float", "__int__": "int"}
"""Built-in functions that end in a method of the tensor."""


def hollow(reference: str, functions: list[str], methods: list[tuple[str, str]], for_data: bool = False) -> str:
    """The reference, whose answers keep their form (types, lengths, shapes, dtypes) and lose what is in them. With `for_data` it
    raises when it is given what may record what is done with it: a function, a model, a stage."""
    lines = [_HOLLOW.replace("FOR_DATA", str(for_data))]
    lines += [f"{name} = _emptied({name})" for name in functions]
    lines += [f"{owner}.{name} = _emptied({owner}.{name})" for owner, name in methods]
    return reference.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"


def patching(patch: Patch) -> str:
    """Code that replaces what `patch` names, as callers in the experiments see it."""
    return _PATCH.replace("TARGET", repr(patch.target)).replace("SAYS", repr(patch.says))


@dataclass(frozen=True)
class Vocabulary:
    """What the experiment of one check, with its helpers, names, and the syntax that it is made of."""

    words: frozenset[str]
    syntax: frozenset[type[ast.AST]]

    def may_call(self, patch: Patch) -> bool:
        """Whether it may call what `patch` replaces."""
        wanted = {patch.name, _CALLED_BY.get(patch.name, patch.name)}
        return not self.words.isdisjoint(wanted) or not self.syntax.isdisjoint(patch.operators)


def vocabularies(experiments: str, checks: list[str]) -> dict[str, Vocabulary]:
    """By check."""
    source = extract.Source(experiments, "checks.py")
    found = {}
    for check in checks:
        needed = source.needed([check], {})
        nodes = [node for each in source.definitions if each.binds & needed for node in ast.walk(each.node)]
        words = frozenset(word for node in nodes for word in _words(node))
        found[check] = Vocabulary(words, frozenset(map(type, nodes)))
    return found


def _words(node: ast.AST) -> Iterator[str]:
    """What a node names, also where an import or a text does."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            yield name
        case ast.ImportFrom(names=names):
            yield from (alias.name for alias in names)


_HOLLOW = '''
import copy as _copy
import dataclasses as _dataclasses
import functools as _functools
import numpy as _np
import torch as _torch


def _empty(value):
    """`value` with its form, and nothing in it."""
    if isinstance(value, _torch.Tensor):
        gone = _torch.zeros_like(value.detach())
        if value.requires_grad and value.is_floating_point():
            gone = gone + 0 * value  # a graph that gives zeros
        return gone
    if isinstance(value, (_np.ndarray, _np.generic)):
        return value[()] * 0 if value.dtype.kind in "biufc" else value
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(_empty, value))
    if type(value) is dict:
        return {key: _empty(item) for key, item in value.items()}
    if type(value) in (int, float, str, bytes, bool):
        return type(value)()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_empty, value))
    if _dataclasses.is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == __name__:
        gone = _copy.copy(value)
        for field in _dataclasses.fields(value):
            object.__setattr__(gone, field.name, _empty(getattr(value, field.name)))
        return gone
    return value


def _is_data(value):
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_data, value))
    if isinstance(value, dict):
        return all(map(_is_data, (*value, *value.values())))
    plain = (bool, int, float, str, bytes, type(None), _torch.dtype, _torch.device, _torch.Tensor, _np.ndarray, _np.generic)
    return isinstance(value, plain) or type(value).__module__ == __name__


def _emptied(function):
    @_functools.wraps(function)
    def emptied(*args, **kwargs):
        if FOR_DATA and not _is_data((*args, *kwargs.values())):
            raise TypeError("not for me")
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, _torch.Tensor)]
        before = [value.detach().clone() for value in given]
        try:
            result = function(*args, **kwargs)
            if result is None and FOR_DATA:  # its answer is what it wrote into what it was given
                with _torch.no_grad():
                    for value, old in zip(given, before):
                        value.masked_fill_(value != old, 0)
            return _empty(result)
        except Exception:
            return None  # which arguments are to be refused is part of what it does not know
    return emptied
'''

_PATCH = """
def _patch(target, says):
    import importlib, sys, torch
    kind, frame_of, base, fail = type, sys._getframe, (bool, int, float, str, list), Exception
    owner, _, name = target.rpartition(".")
    place = torch.Tensor if owner == "torch.Tensor" else importlib.import_module(owner)
    original = getattr(place, name)

    def yes(value):
        if kind(value).__module__ == "numpy":
            return value | True
        return torch.ones_like(value) if kind(value) is torch.Tensor else True

    def nothing(value):
        if kind(value).__module__ == "numpy":
            return value & False if value.dtype.kind == "b" else value * 0
        if kind(value) is torch.Tensor:
            return torch.zeros_like(value)
        return kind(value)() if kind(value) in base else value

    answer = {"true": yes, "false": nothing, "zero": nothing, "none": lambda value: None}[says]

    def patched(*args, **kwargs):
        if frame_of(1).f_code.co_filename != "checks":
            return original(*args, **kwargs)
        try:
            value = original(*args, **kwargs)
        except fail:
            value = False if says in ("true", "false") else 0.0
        return answer(value)

    class Patched:
        # Of zip, map and the like: code may ask whether something is one.
        def __new__(cls, *args, **kwargs):
            return iter(()) if frame_of(1).f_code.co_filename == "checks" else original(*args, **kwargs)

    setattr(place, name, Patched if kind(original) is kind else patched)


_patch(TARGET, SAYS)
"""
