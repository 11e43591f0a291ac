"""Submissions that know nothing and try anyway, made from an exercise's stub: every check must reject all of them."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable
from dataclasses import dataclass

from autograder.plan import Plan
from autograder.source.parsing import parse
from autograder.verify.patches import PATCHES, hollow, patching, vocabularies


@dataclass(frozen=True)
class Forger:
    """A forged implementation: what it does, in words, its source, and the checks that it is for (None: all).

    One that patches is held against the `control`, the same without its patch: what that earns, it earns without a forgery (an
    experiment may look at what a call does, not at what it returns).
    """

    name: str
    source: str
    checks: frozenset[str] | None = None
    kind: str = "forger"


def forgers(stub: str, reference: str, plan: Plan) -> list[Forger]:
    """All forgers of one exercise."""
    callables = _callables(stub)
    made = [
        Forger("returns empty and zero values", _bodies(stub, _empty)),
        Forger("returns ones", _bodies(stub, _ones)),
        Forger("returns its first argument", _bodies(stub, _first_argument)),
        Forger("returns zeros like its first tensor", _bodies(stub, _zeros_like)),
        Forger("returns None", _bodies(stub, lambda function: "None")),
        Forger("returns an object that equals everything", _EQUALS_ALL + _bodies(stub, _equals_all)),
        Forger("knows the public cases only", reference + _public_only(stub, plan)),
        Forger("returns zeros of the right form", hollow(reference, *callables, for_data=True)),
    ]
    made += [
        Forger(f"raises {name}, whatever it is given", _raising(stub, name))
        for name in exceptions(reference, plan.experiments)
    ]
    return made + _patchers(plan, hollow(reference, *callables))


def _patchers(plan: Plan, emptied: str) -> list[Forger]:
    known = vocabularies(plan.experiments, [check.name for check in plan.checks])
    made = [
        Forger(
            f"returns zeros of the right form and patches {patch.target}", emptied + patching(patch), checks, "patcher"
        )
        for patch in PATCHES
        if (checks := frozenset(name for name, vocabulary in known.items() if vocabulary.may_call(patch)))
    ]
    patched = frozenset().union(*(each.checks or () for each in made))
    return (
        [Forger("returns zeros of the right form, and patches nothing", emptied, patched, "control"), *made]
        if made
        else []
    )


def exceptions(reference: str, experiments: str) -> list[str]:
    """The built-in exceptions that an exercise's files name: in docstrings and code of the reference, and in experiments."""
    found = set(re.findall(r"\b[A-Z]\w+\b", reference + experiments))
    kinds = {name: getattr(builtins, name) for name in found if hasattr(builtins, name)}
    return sorted(
        name
        for name, kind in kinds.items()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not NotImplementedError
    )


def _raising(stub: str, exception: str) -> str:
    """The stub whose functions and methods raise `exception`: for those that want arguments, any that the class would take."""
    made = {"UnicodeDecodeError": "('utf-8', b'', 0, 1, '')", "UnicodeEncodeError": "('utf-8', '', 0, 1, '')"}
    tree = parse(stub)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            node.body = [parse(f"raise {exception}{made.get(exception, '()')}").body[0]]
    return ast.unparse(tree) + "\n"


def _callables(stub: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The functions of a stub, and the methods of its classes but for constructors."""
    tree = parse(stub)
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    methods = [
        (node.name, method.name)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name != "__init__"
    ]
    return functions, methods


def _bodies(stub: str, result: Callable[[ast.FunctionDef], str]) -> str:
    """The stub with every function's body replaced by `return <result>`; constructors keep their arguments."""
    tree = parse(stub)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if node.name == "__init__":
                body = "pass"
                if any(isinstance(n, ast.ClassDef) and n.bases and node in n.body for n in ast.walk(tree)):
                    body = "super().__init__()"
            else:
                body = f"return {result(node)}"
            node.body = parse(f"def f():\n    {body}").body[0].body  # type: ignore[attr-defined]
    return "import torch\n" + ast.unparse(tree) + "\n" if "__future__" not in stub else _after_future(ast.unparse(tree))


def _after_future(source: str) -> str:
    lines = source.splitlines()
    last = max(i for i, line in enumerate(lines) if line.startswith("from __future__"))
    return "\n".join([*lines[: last + 1], "import torch", *lines[last + 1 :]]) + "\n"


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument for argument in arguments if argument.arg not in ("self", "cls")]


def _first_argument(function: ast.FunctionDef) -> str:
    arguments = _arguments(function)
    return arguments[0].arg if arguments else "None"


def _first_tensor(function: ast.FunctionDef) -> str | None:
    for argument in _arguments(function):
        if argument.annotation is not None and "Tensor" in ast.unparse(argument.annotation):
            return argument.arg
    return None


def _zeros_like(function: ast.FunctionDef) -> str:
    tensor = _first_tensor(function)
    hint = ast.unparse(function.returns) if function.returns else ""
    return f"torch.zeros_like({tensor})" if tensor and hint == "Tensor" else _constant(function.returns, "0")


def _empty(function: ast.FunctionDef) -> str:
    return _constant(function.returns, "0")


def _ones(function: ast.FunctionDef) -> str:
    return _constant(function.returns, "1")


def _equals_all(function: ast.FunctionDef) -> str:
    return "Everything()"


def _constant(hint: ast.expr | None, number: str) -> str:
    """An expression of the annotated type: zero or empty, or one and with one element."""
    if hint is None:
        return number
    name = ast.unparse(hint.value if isinstance(hint, ast.Subscript) else hint).rpartition(".")[2]
    parts: list[ast.expr] = []
    if isinstance(hint, ast.Subscript):
        parts = hint.slice.elts if isinstance(hint.slice, ast.Tuple) else [hint.slice]
    some = number == "1"
    if name in ("Tensor",):
        return f"torch.full((), {number}.0)"
    if name in ("list", "set"):
        inner = _constant(parts[0], number) if parts and some else ""
        return f"[{inner}]" if name == "list" else f"set([{inner}])"
    if name == "dict":
        inner = f"{_constant(parts[0], number)}: {_constant(parts[1], number)}" if len(parts) == 2 and some else ""
        return "{" + inner + "}"
    if name == "tuple":
        return "(" + "".join(f"{_constant(part, number)}, " for part in parts) + ")"
    return {"int": number, "float": f"{number}.0", "bool": str(some), "str": "'a'" if some else "''"}.get(name, "None")


_EQUALS_ALL = '''
class Everything(list):
    """Claims to equal everything, to be of any length, and to contain anything."""
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __len__(self): return 1
    def __hash__(self): return 0
    def __contains__(self, item): return True
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return True

'''


def _public_only(stub: str, plan: Plan) -> str:
    """Code after the reference: its functions answer when all arguments are values of public inputs, else with nothing."""
    blobs = [case.inputs for _, case in plan.cases() if case.public]
    tree = parse(stub)
    functions = [(node.name, _constant(node.returns, "0")) for node in tree.body if isinstance(node, ast.FunctionDef)]
    methods = [
        (node.name, method.name, _constant(method.returns, "0"))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name != "__init__"
    ]
    lines = [_GATE.replace("PUBLIC_INPUTS", repr(blobs))]
    lines += [f"{name} = _gated({name}, lambda: {empty})" for name, empty in functions]
    lines += [f"{owner}.{name} = _gated({owner}.{name}, lambda: {empty})" for owner, name, empty in methods]
    return "\n" + "\n".join(lines) + "\n"


_GATE = """
import functools as _functools, hashlib as _hashlib
import torch
from autograder.wire.decode import decode as _decode
from autograder.wire.encode import encode as _encode
from autograder.wire.values import Lab as _Lab

def _digest(value):
    return _hashlib.sha256(_encode(value)).hexdigest()

def _parts(value, depth=3):
    yield value
    if depth and isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _parts(item, depth - 1)

def _value(given):
    from autograder.lab import VALUES, resolve
    # What lives on the trusted side isn't here: of a world its ranks' own values are known, of an exam nothing that it draws.
    return (resolve(given) if given.name in VALUES else given.arguments) if isinstance(given, _Lab) else given

def _digests():
    inputs = (value for blob in PUBLIC_INPUTS for value in _decode(blob).values())
    return {_digest(part) for value in inputs for part in _parts(_value(value))}

_known = _digests()

def _gated(function, empty):
    @_functools.wraps(function)
    def gated(*args, **kwargs):
        mine = [arg for arg in (*args, *kwargs.values()) if type(arg).__module__ != __name__]
        # Without an argument there is one answer, and writing it down is no forgery: such a function stays empty here.
        return function(*args, **kwargs) if mine and all(_digest(arg) in _known for arg in mine) else empty()
    return gated
"""
