"""Names that an exercise forbids: found in the syntax tree of a submission, before any of it runs.

A pattern is a dotted name: a package (`tokenizers`), a function (`torch.softmax`), or a method of any object
(`Tensor.softmax`, matched by its last part on whatever is not a module). This finds honest and lazy uses. Names that are
made at run time are refused in the worker (`jail.guard`); that neither proves anything stands in `SECURITY.md`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """The first use of a forbidden name."""

    name: str
    line: int


def first_use(tree: ast.AST, patterns: list[str]) -> Use | None:
    """The first forbidden name that `tree` uses, in the order of lines."""
    if not patterns:
        return None
    uses = [use for use in _uses(tree) if is_forbidden(use.name, patterns)]
    return min(uses, key=lambda use: use.line, default=None)


_OTHER_NAMES = {
    "torch._C._VariableFunctions.": "torch.",
    "torch._VF.": "torch.",
    "torch._C.TensorBase.": "torch.Tensor.",
}
"""Where torch has the same functions once more."""


def is_forbidden(name: str, patterns: Sequence[str]) -> bool:
    """Whether a dotted name (`?.name` or `Tensor.name` for a method of anything) is what some pattern forbids."""
    for private, public in _OTHER_NAMES.items():
        if name.startswith(private):
            name = public + name.removeprefix(private)
    for pattern in patterns:
        if name == pattern or name.startswith(pattern + "."):
            return True
        owner, _, method = pattern.rpartition(".")
        if owner.rpartition(".")[2] == "Tensor" and name in (
            f"?.{method}",
            f"Tensor.{method}",
            f"torch.Tensor.{method}",
        ):
            return True
    return False


def _uses(tree: ast.AST) -> Iterator[Use]:
    """Dotted names as they resolve through imports and simple aliases; `?.name` for attributes of other objects."""
    names: dict[str, str] = {}
    stars: list[str] = []  # modules of which every name was imported
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Use(alias.name, node.lineno)
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if alias.name == "*":
                    stars.append(node.module)
                yield Use(node.module if alias.name == "*" else f"{node.module}.{alias.name}", node.lineno)
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in nodes:  # F = torch.nn.functional
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            resolved = _resolve(node.value, names)
            if resolved is not None and not resolved.startswith("?"):
                names.setdefault(node.targets[0].id, resolved)
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            resolved = _resolve(node, names)
            if resolved is not None:
                yield Use(resolved, node.lineno)
            elif isinstance(node, ast.Name):
                yield from (Use(f"{module}.{node.id}", node.lineno) for module in stars)
        elif isinstance(node, ast.Call):
            yield from _by_string(node, names)


def _resolve(node: ast.AST, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, names)
        return f"{owner}.{node.attr}" if owner and not owner.startswith("?") else f"?.{node.attr}"
    return None


def _by_string(call: ast.Call, names: dict[str, str]) -> Iterator[Use]:
    """`getattr(torch, "softmax")`, `importlib.import_module("tokenizers")`, `__import__("tokenizers")`."""
    strings = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if not strings:
        return
    function = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if function == "getattr" and len(call.args) >= 2 and isinstance(call.args[1], ast.Constant):
        owner = _resolve(call.args[0], names)
        yield Use(f"{owner}.{strings[0]}" if owner and not owner.startswith("?") else f"?.{strings[0]}", call.lineno)
    elif function in ("import_module", "__import__"):
        yield Use(strings[0], call.lineno)
