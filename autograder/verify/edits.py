"""What can be changed in a source, so that it means something else: the spans of its nodes, and what can stand there.

libcst knows the exact span of each node. What can't matter is left alone: docstrings, annotations, what an exception says, assertions, imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, CodeSpan, MetadataWrapper, PositionProvider

_BINARY: dict[type[cst.BaseBinaryOp], str] = {
    cst.Add: "-", cst.Subtract: "+", cst.Multiply: "/", cst.Divide: "*", cst.FloorDivide: "/", cst.Modulo: "//",
    cst.Power: "*", cst.LeftShift: ">>", cst.RightShift: "<<", cst.BitAnd: "|", cst.BitOr: "&", cst.BitXor: "|",
}  # fmt: skip
_AUGMENTED: dict[type[cst.BaseAugOp], str] = {
    cst.AddAssign: "-=", cst.SubtractAssign: "+=", cst.MultiplyAssign: "/=", cst.DivideAssign: "*=",
    cst.FloorDivideAssign: "/=", cst.ModuloAssign: "//=", cst.LeftShiftAssign: ">>=", cst.RightShiftAssign: "<<=",
    cst.BitAndAssign: "|=", cst.BitOrAssign: "&=",
}  # fmt: skip
_COMPARED: dict[type[cst.BaseCompOp], tuple[str, ...]] = {
    cst.LessThan: ("<=", ">="), cst.LessThanEqual: ("<", ">"), cst.GreaterThan: (">=", "<="),
    cst.GreaterThanEqual: (">", "<"), cst.Equal: ("!=",), cst.NotEqual: ("==",), cst.In: ("not in",),
    cst.NotIn: ("in",), cst.Is: ("is not",), cst.IsNot: ("is",),
}  # fmt: skip
_BOTH_SIDES = (cst.Add, cst.Multiply, cst.BitAnd, cst.BitOr, cst.BitXor)  # either operand alone is a mutant
_SWAPPED = (cst.Subtract, cst.Divide, cst.MatrixMultiply, cst.FloorDivide)
_OPPOSITES = (
    ("min", "max"), ("amin", "amax"), ("argmin", "argmax"), ("minimum", "maximum"), ("any", "all"), ("floor", "ceil"),
    ("zeros", "ones"), ("zeros_like", "ones_like"), ("tril", "triu"), ("sum", "mean"), ("sin", "cos"),
    ("startswith", "endswith"), ("lower", "upper"), ("keys", "values"), ("cumsum", "cumprod"),
    ("float32", "float64"), ("float16", "bfloat16"), ("int8", "uint8"), ("unsqueeze", "squeeze"),
    ("repeat_interleave", "repeat"), ("tile", "repeat_interleave"), ("round", "floor"),
)  # fmt: skip
_OPPOSITE = {a: b for one, other in _OPPOSITES for a, b in ((other, one), (one, other))}
_SYMMETRIC = frozenset(("min", "max", "minimum", "maximum", "add", "mul", "equal", "gcd", "logical_and", "logical_or"))
_INFINITE = ("inf",)
_VIEWS = ("T", "mT", "H", "mH")
_ATOMS = (
    cst.Name,
    cst.Attribute,
    cst.Call,
    cst.Subscript,
    cst.Integer,
    cst.Float,
    cst.SimpleString,
    cst.List,
    cst.Dict,
)
_SKIPPED = (cst.Annotation, cst.Assert, cst.Import, cst.ImportFrom, cst.FormattedString, cst.ConcatenatedString)


@dataclass(frozen=True)
class Edit:
    start: int  # in bytes
    end: int
    text: str
    scope: str


class Finder(cst.CSTVisitor):
    """Collects edits. What a node can become is decided by its kind alone; nothing is tried."""

    def __init__(self, wrapper: MetadataWrapper, data: bytes, regions: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.edits: list[Edit] = []
        self._module = wrapper.module
        self._data = data
        self._regions = regions
        self._spans = wrapper.resolve(ByteSpanPositionProvider)
        self._lines = wrapper.resolve(PositionProvider)
        self._scopes: list[str] = []
        self._assigned: list[dict[str, int]] = [{}]  # name → how often, of each function around
        self._imported: set[str] = set()
        for statement in self._module.body:
            for part in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
                if isinstance(part, cst.Import | cst.ImportFrom) and not isinstance(part.names, cst.ImportStar):
                    self._imported |= {str(each.evaluated_alias or each.evaluated_name) for each in part.names}

    # --- walking ---

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, _SKIPPED):
            return False
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            self._scopes.append(node.name.value)
            self._assigned.append(_assigned_in(node) if isinstance(node, cst.FunctionDef) else {})
        if self._inside(node):
            for start, end, text in self._changes(node):
                self.edits.append(Edit(start, end, text, ".".join(self._scopes)))
        return not (isinstance(node, cst.Raise) or _is_docstring(node) or _is_negative_number(node))

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.ClassDef | cst.FunctionDef):
            self._scopes.pop()
            self._assigned.pop()

    def _inside(self, node: cst.CSTNode) -> bool:
        where = self._lines.get(node)
        if where is None or node not in self._spans:
            return False
        return any(first < where.start.line and where.end.line < last for first, last in self._regions)

    # --- texts and spans ---

    def _text(self, node: cst.CSTNode) -> str:
        return self._module.code_for_node(node).strip()

    def _atom(self, node: cst.BaseExpression) -> str:
        """The text of `node`, fit to stand anywhere."""
        text = self._text(node)
        return text if isinstance(node, _ATOMS) or node.lpar else f"({text})"

    def _span(self, node: cst.CSTNode) -> tuple[int, int]:
        span: CodeSpan = self._spans[node]
        return span.start, span.start + span.length

    def _become(self, node: cst.CSTNode, *texts: str) -> Iterator[tuple[int, int, str]]:
        for text in texts:
            yield (*self._span(node), text)

    # --- what each kind of node can become ---

    def _changes(self, node: cst.CSTNode) -> Iterator[tuple[int, int, str]]:
        match node:
            case cst.BinaryOperation():
                yield from self._binary(node)
            case cst.BooleanOperation():
                yield from self._become(node.operator, "or" if isinstance(node.operator, cst.And) else "and")
                yield from self._become(node, self._atom(node.left), self._atom(node.right))
            case cst.UnaryOperation():
                yield from self._unary(node)
            case cst.ComparisonTarget():
                yield from self._become(node.operator, *_COMPARED.get(type(node.operator), ()))
            case cst.Integer():
                value = int(node.value, 0)
                yield from self._become(node, str(value + 1), f"({value - 1})" if value == 0 else str(value - 1))
            case cst.Float():
                value = float(node.value)
                yield from self._become(node, *((repr(2 * value), "0.0") if value else ("1.0",)))
            case cst.SimpleString():
                yield from self._become(node, _other_string(node))
            case cst.Name():
                yield from self._name(node)
            case cst.Attribute():
                yield from self._attribute(node)
            case cst.Call():
                yield from self._call(node)
            case cst.If() | cst.IfExp():
                yield from self._become(node.test, "True", "False")
            case cst.While():
                yield from self._become(node.test, "False")
            case cst.CompIf():
                yield from self._become(node.test, "True")
            case cst.Slice():
                yield from self._slice(node)
            case cst.With():
                yield from self._without_context(node)
            case cst.Decorator():
                yield from self._become(node, "")
            case cst.Return(value=cst.Tuple(elements=(first, second))):
                yield from self._swap(first.value, second.value)
            case cst.BaseSmallStatement():
                yield from self._statement(node)

    def _binary(self, node: cst.BinaryOperation) -> Iterator[tuple[int, int, str]]:
        kind = type(node.operator)
        if kind in _BINARY:
            yield from self._become(node.operator, _BINARY[kind])
        yield from self._become(node, self._atom(node.left))
        if kind in _BOTH_SIDES:
            yield from self._become(node, self._atom(node.right))
        if kind in _SWAPPED:
            yield from self._become(
                node, f"{self._atom(node.right)} {self._text(node.operator)} {self._atom(node.left)}"
            )

    def _unary(self, node: cst.UnaryOperation) -> Iterator[tuple[int, int, str]]:
        if _is_negative_number(node) and isinstance(node.expression, cst.Integer):
            value = -int(node.expression.value, 0)
            yield from self._become(node, str(value + 1), str(value - 1))
        elif _is_negative_number(node) and isinstance(node.expression, cst.Float):
            yield from self._become(node, repr(-2 * float(node.expression.value)))
        else:
            yield from self._become(node, self._atom(node.expression))

    def _name(self, node: cst.Name) -> Iterator[tuple[int, int, str]]:
        if node.value in ("True", "False"):
            yield from self._become(node, "False" if node.value == "True" else "True")

    def _attribute(self, node: cst.Attribute) -> Iterator[tuple[int, int, str]]:
        name = node.attr.value
        if name in _INFINITE:
            yield from self._become(node, "1e4")
        elif name in _VIEWS:
            yield from self._become(node, self._atom(node.value))
        elif name in ("float32", "float64", "float16", "bfloat16", "int8", "uint8"):
            yield from self._become(node.attr, _OPPOSITE[name])

    def _call(self, node: cst.Call) -> Iterator[tuple[int, int, str]]:
        name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        if isinstance(name, cst.Name) and name.value in _OPPOSITE:
            yield from self._become(name, _OPPOSITE[name.value])
        positional = [arg for arg in node.args if arg.keyword is None and not arg.star]
        if len(positional) >= 2 and not (isinstance(name, cst.Name) and name.value in _SYMMETRIC):
            yield from self._swap(positional[0].value, positional[1].value)
        for arg in node.args:
            last = positional and arg is positional[-1] and arg is node.args[-1]
            if _is_default(arg.value):
                continue
            if (arg.keyword is not None or last) and (len(node.args) > 1 or isinstance(node.func, cst.Attribute)):
                rest = [self._text(each).rstrip(", \n") for each in node.args if each is not arg]
                yield from self._become(node, f"{self._text(node.func)}({', '.join(rest)})")
        # The call left out: what it is called on, or else its first argument.
        if isinstance(node.func, cst.Attribute) and not self._is_module(node.func.value):
            yield from self._become(node, self._atom(node.func.value))
        elif positional and not (isinstance(node.func, cst.Name) and node.func.value[:1].isupper()):
            yield from self._become(node, self._atom(positional[0].value))
        if isinstance(node.func, cst.Name) and node.func.value == "range":
            for arg in positional:
                yield from self._off_by_one(arg.value)

    def _is_module(self, node: cst.BaseExpression) -> bool:
        while isinstance(node, cst.Attribute):
            node = node.value
        return isinstance(node, cst.Name) and (node.value in self._imported or node.value == "super")

    def _slice(self, node: cst.Slice) -> Iterator[tuple[int, int, str]]:
        for bound in (node.lower, node.upper, node.step):
            if bound is None:
                continue
            start, end = self._whole(bound)
            yield start, end, ""
            if bound is not node.step:
                yield from self._off_by_one(bound)

    def _off_by_one(self, node: cst.BaseExpression) -> Iterator[tuple[int, int, str]]:
        if not (isinstance(node, cst.Integer) or _is_negative_number(node)):  # those have their own mutants
            start, end = self._whole(node)
            yield start, end, f"{self._atom(node)} + 1"
            yield start, end, f"{self._atom(node)} - 1"

    def _whole(self, node: cst.BaseExpression) -> tuple[int, int]:
        """The span of `node` with the parentheses around it."""
        start, end = self._span(node)
        for _ in node.lpar:
            start = self._data.rindex(b"(", 0, start)
            end = self._data.index(b")", end) + 1
        return start, end

    def _swap(self, first: cst.BaseExpression, second: cst.BaseExpression) -> Iterator[tuple[int, int, str]]:
        (start, middle), (then, end) = self._whole(first), self._whole(second)
        between = self._data[middle:then].decode("utf-8")
        yield start, end, self._text(second) + between + self._text(first)

    def _without_context(self, node: cst.With) -> Iterator[tuple[int, int, str]]:
        if all(item.asname is None for item in node.items):
            start = self._span(node)[0]
            yield start, self._span(node.items[-1])[1], "if True"

    def _statement(self, node: cst.BaseSmallStatement) -> Iterator[tuple[int, int, str]]:
        match node:
            case cst.Break() | cst.Continue():
                yield from self._become(node, "continue" if isinstance(node, cst.Break) else "break", "pass")
            case cst.AugAssign():
                if type(node.operator) in _AUGMENTED:
                    yield from self._become(node.operator, _AUGMENTED[type(node.operator)])
                yield from self._become(node.operator, "=")
                yield from self._become(node, "pass")
            case cst.Assign() if all(self._has_value_without(target.target) for target in node.targets):
                yield from self._become(node, "pass")
            case cst.Expr(value=cst.Yield()) | cst.Pass():
                pass
            case cst.Expr() if not _is_docstring(node):
                yield from self._become(node, "pass")
            case cst.Raise() | cst.Del():
                yield from self._become(node, "pass")

    def _has_value_without(self, target: cst.BaseExpression) -> bool:
        """Whether what is assigned to has a value all the same: to leave a first assignment out is no mutant, but a crash."""
        if isinstance(target, cst.Name):
            return self._assigned[-1].get(target.value, 0) > 1
        if isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name) and target.value.value == "self":
            return self._scopes[-1:] != ["__init__"]
        if isinstance(target, cst.Tuple):
            return all(self._has_value_without(element.value) for element in target.elements)
        return True


def _is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString | cst.ConcatenatedString)


def _is_negative_number(node: cst.CSTNode) -> bool:
    return (
        isinstance(node, cst.UnaryOperation)
        and isinstance(node.operator, cst.Minus)
        and isinstance(node.expression, cst.Integer | cst.Float)
    )


def _is_default(node: cst.BaseExpression) -> bool:
    """Whether it is what `encode` and `decode` take anyway."""
    return isinstance(node, cst.SimpleString) and node.evaluated_value in ("utf-8", "utf8")


def _other_string(node: cst.SimpleString) -> str:
    """The empty string, or "x" instead of the empty one."""
    return f"{node.prefix}{node.quote}{'' if node.raw_value else 'x'}{node.quote}"


def _assigned_in(function: cst.FunctionDef) -> dict[str, int]:
    """How often each name is given a value in a function, parameters included."""
    counter = _Assigned()
    function.visit(counter)
    return counter.counts


class _Assigned(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}

    def _count(self, node: cst.CSTNode) -> None:
        if isinstance(node, cst.Name):
            self.counts[node.value] = self.counts.get(node.value, 0) + 1
        elif isinstance(node, cst.Tuple | cst.List):
            for element in node.elements:
                self._count(element.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._count(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._count(node.target)

    def visit_For(self, node: cst.For) -> None:
        self._count(node.target)

    def visit_Param(self, node: cst.Param) -> None:
        self._count(node.name)
