"""A case of a check as a few lines of Python that run: its inputs written out, what the check does, what is expected."""

from __future__ import annotations

import ast
import re
import textwrap
from typing import Any

import numpy as np
import torch

from autograder.lab import is_hosted
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.wire.decode import decode
from autograder.wire.values import Drawn, Lab, Raised, Unsupported

MOST = 4000
"""Characters of one value: a longer one is read from the recorded case."""
HEAD = '''"""Cases of your own for {exercise}. `autograder check`, `autograder watch` and pytest run every function here that is called test_…

They are yours: nothing is graded by them, and an update of the course leaves them as they are.
"""

import torch
from torch import tensor

from autograder.checks import *  # noqa: F403
from autograder.local.own import exercise, recorded, same

student = exercise(__file__)  # your file: student.<function>
'''


class CanNotCopy(Exception):
    """The case can't be written down; the text says why."""


def test_of(plan: Plan, check: PlannedCheck, case: PlannedCase, judged: bool, taken: str) -> tuple[str, str]:
    """(the name, the text) of a test function that does what `check` does in `case`. `taken` is the file that it goes into.

    A `judged` check has no one answer, so that what must hold is left to whoever reads it.
    """
    if is_hosted(case.lab):
        raise CanNotCopy("its stages or ranks run in processes of their own")
    name = _free_name(f"test_{check.name}_{case.title}", taken)
    lines = [f'"""{_line(check.claim)}"""'] if '"""' not in check.claim else []
    lines += _definitions(plan.experiments, check.name).split("\n")
    for key, value in decode(case.inputs).items():
        text = _text(value)
        lines.append(f"{key} = " + (text or f"recorded(__file__, {check.name!r}, {case.title!r})[{key!r}]"))
    arguments = ", ".join(f"{key}={key}" for key in decode(case.inputs))
    lines.append(f"seen = {check.name}(student, {arguments})")
    if judged:
        lines += ["print(seen)  # more than one answer is right: write here what must hold of it, as in: assert …"]
    else:
        want = _text(decode(case.want)) or f"recorded(__file__, {check.name!r}, {case.title!r}, 'want')"
        lines += [f"want = {want}", "same(seen, want)"]
    return name, f"def {name}():\n" + textwrap.indent("\n".join(lines), "    ") + "\n"


def _free_name(wanted: str, taken: str) -> str:
    base = re.sub(r"[^A-Za-z0-9]+", "_", wanted).strip("_").lower()[:90]
    name, number = base, 1
    while re.search(rf"^def {name}\(", taken, re.MULTILINE):
        number += 1
        name = f"{base}_{number}"
    return name


def _line(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\")


def _definitions(experiments: str, check: str) -> str:
    """The experiment with what it names of its module, in the order in which they stand there; without its docstring."""
    tree = ast.parse(experiments)
    bound = {name: node for node in tree.body for name in _binds(node)}
    needed: set[ast.stmt] = set()
    waiting = [check]
    while waiting:
        node = bound.get(waiting.pop())
        if node is not None and node not in needed:
            needed.add(node)
            waiting += [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    kept = []
    for node in tree.body:
        if node not in needed or _is_known(node):
            continue
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            if ast.get_docstring(node) is not None and len(node.body) > 1:
                node.body = node.body[1:]
        kept.append(ast.unparse(node))
    return "\n".join(kept)


def _binds(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _is_known(node: ast.stmt) -> bool:
    """An import that the head of the file has."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "autograder.checks"
    return isinstance(node, ast.Import) and all(alias.name == "torch" for alias in node.names)


def _text(value: Any) -> str:
    """Python that gives `value` again; "" where that would be too long, or there is none."""
    try:
        text = _written(value)
    except CanNotCopy:
        return ""
    return text if len(text) <= MOST else ""


def _written(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, dict):
        items = [f"{_written(k)}: {_written(v)}".replace("\n", "\n    ") for k, v in value.items()]
        return "{" + ", ".join(items) + "}" if len(items) < 2 else "{\n    " + ",\n    ".join(items) + ",\n}"
    if type(value) is list:
        return "[" + ", ".join(map(_written, value)) + "]"
    if type(value) is tuple:
        return "(" + ", ".join(map(_written, value)) + ("," if len(value) == 1 else "") + ")"
    if value is None or type(value) in (bool, int, str, bytes):
        return repr(value)
    if type(value) is float:
        return repr(value) if np.isfinite(value) else f"float({str(value)!r})"
    raise CanNotCopy(type(value).__name__ if not isinstance(value, Drawn | Lab | Raised | Unsupported) else "")


def _tensor(value: torch.Tensor) -> str:
    dtype = str(value.dtype)
    if value.numel() > MOST or value.is_complex():
        raise CanNotCopy("a large tensor")
    if not value.numel():
        return f"torch.empty({tuple(value.shape)}, dtype={dtype})"
    if not value.is_floating_point():
        return f"tensor({value.tolist()}, dtype={dtype})"
    if not bool(value.double().isfinite().all()):
        items = ", ".join(
            f"float({str(each)!r})" if not np.isfinite(each) else repr(each) for each in value.flatten().tolist()
        )
        return f"tensor([{items}], dtype={dtype}).view({tuple(value.shape)})"
    exact = value.double() if value.dtype == torch.float64 else value.float()
    return f"tensor({_numbers(exact.numpy())}, dtype={dtype})"


def _numbers(array: np.ndarray) -> str:
    """Nested lists of the shortest numbers that are read back as the same."""
    if array.ndim:
        return "[" + ", ".join(map(_numbers, array)) + "]"
    return np.format_float_positional(array[()], unique=True, trim="0") if 1e-4 < abs(array) < 1e6 else repr(float(array))
