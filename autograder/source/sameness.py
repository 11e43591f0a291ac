"""Whether two sources do the same by the look of them: an alternative that is the reference with other names shows nothing."""

from __future__ import annotations

import ast

from autograder.source.parsing import parse


def meaning(source: str) -> dict[str, str]:
    """What each name at the top level of a module stands for, as a text that is the same for the same code, whatever its comments,
    annotations, names of variables, and operations that change nothing (`x * 1`). A later definition wins, imports do not count.

    >>> meaning("def f(x):\\n    return x + 1") == meaning("def f(y: int):\\n    'More.'\\n    return 0 + (y + 1)")
    True
    >>> meaning("def f(x):\\n    return x + 1") == meaning("def f(x):\\n    return 1 + x")
    False
    """
    found: dict[str, str] = {}
    others = []
    for node in parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
            continue
        names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
        if isinstance(node, ast.Assign):
            names = [each.id for each in node.targets if isinstance(each, ast.Name)]
        text = ast.dump(_Plain(node).visit(node))
        if names:
            found[names[0]] = text
        else:
            others.append(text)
    return found | {"": "\n".join(others)}


class _Plain(ast.NodeTransformer):
    """A definition without what does not matter: variables are numbered in the order in which they come up."""

    def __init__(self, node: ast.stmt) -> None:
        inside = list(ast.walk(node)) if isinstance(node, ast.FunctionDef) else []
        bound = {each.id for each in inside if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        bound |= {each.arg for each in inside if isinstance(each, ast.arg)}
        free = {name for each in inside if isinstance(each, ast.Global | ast.Nonlocal) for name in each.names}
        self._numbers: dict[str, int | None] = dict.fromkeys(bound - free)

    def _name(self, name: str) -> str:
        if name not in self._numbers:
            return name
        if self._numbers[name] is None:
            self._numbers[name] = sum(number is not None for number in self._numbers.values())
        return f"variable {self._numbers[name]}"

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._name(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self._name(node.arg))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return ast.Assign([self.visit(node.target)], self.visit(node.value))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        arguments = self.visit(node.args)
        decorators = [self.visit(each) for each in node.decorator_list]
        return ast.FunctionDef(node.name, arguments, self._body(node.body), decorators)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        bases, decorators = (
            [self.visit(each) for each in node.bases],
            [self.visit(each) for each in node.decorator_list],
        )
        return ast.ClassDef(node.name, bases, node.keywords, self._body(node.body), decorators)

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self.visit(each) for each in body if not _is_text(each) and not isinstance(each, ast.Pass)]

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        left, right = self.visit(node.left), self.visit(node.right)
        if _is(right, 1) and isinstance(node.op, ast.Mult | ast.Div | ast.Pow):
            return left
        if _is(right, 0) and isinstance(node.op, ast.Add | ast.Sub):
            return left
        if (_is(left, 1) and isinstance(node.op, ast.Mult)) or (_is(left, 0) and isinstance(node.op, ast.Add)):
            return right
        return ast.BinOp(left, node.op, right)


def _is(node: ast.AST, number: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value == number


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
