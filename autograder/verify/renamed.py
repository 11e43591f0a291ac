"""The reference with other names for its parameters: a right answer, whose author had other words.

A student may call a positional parameter what they like. Only what a check, an example or the reference itself passes by name is
held to its name.
"""

from __future__ import annotations

import ast
import re

from autograder.source.parsing import parse
from autograder.verify.general.made import functions, targets


def renamed(reference: str, experiments: str) -> str:
    """`reference` with each parameter of what students write renamed, where nothing passes it by name."""
    tree = parse(reference)
    calls = _Calls(reference, experiments)
    written = {target.scope for target in targets(reference)}
    for scope, owner, function in functions(tree):
        if scope in written:
            positional = [each.arg for each in [*function.args.posonlyargs, *function.args.args]]
            names = {each for each in positional[1 if owner else 0 :] if not calls.pass_by_name(scope, each)}
            _Rename({name: f"{name}_" for name in names}).visit(function)
    return ast.unparse(tree)


class _Calls:
    """What the reference, the experiments and the examples in docstrings pass by name, and to what."""

    def __init__(self, reference: str, experiments: str) -> None:
        self.examples = "\n".join(line for line in reference.splitlines() if line.lstrip().startswith((">>>", "...")))
        self.trees = [parse(reference), parse(experiments)]

    def pass_by_name(self, scope: str, name: str) -> bool:
        """Whether `name` is, or may be, a keyword of a call of the function `scope`."""
        function = scope.removesuffix(".__init__")
        return bool(re.search(rf"\b{name}=", self.examples)) or any(
            self._may_pass(tree, function, name) for tree in self.trees
        )

    def _may_pass(self, tree: ast.Module, function: str, name: str) -> bool:
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ("." in function or function in _named(call)):
                keywords = {each.arg for each in call.keywords}
                if name in keywords or None in keywords:  # `**options` may hold any name
                    return True
        return False


def _named(call: ast.Call) -> set[str]:
    """The names that a call is of, or hands on: `f` of `f(x)`, of `student.f(x)` and of `with_gradients(student.f, x=x)`."""
    nodes = (call.func, *call.args)
    return {
        each.attr if isinstance(each, ast.Attribute) else each.id
        for each in nodes
        if isinstance(each, ast.Attribute | ast.Name)
    }


class _Rename(ast.NodeTransformer):
    """Other names for some variables of a function, in functions inside it too."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.names.get(node.arg, node.arg)
        return node
