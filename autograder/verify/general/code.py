"""Mistakes in the code of the reference itself: exact types, loops that end early, `not x` for `x is None`, large numbers for
infinite ones; and what it raises."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import replace

from autograder.verify.general.arguments import MOST
from autograder.verify.general.made import General, Target, bound, parts


def exact_types(target: Target) -> Iterator[General]:
    """`type(x) is C` for `isinstance`: subclasses are refused."""
    for call in ast.walk(target.node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "isinstance" and len(call.args) == 2:
            value, kinds = (ast.unparse(each) for each in call.args)
            union = (
                f"({kinds.replace(' | ', ', ')},)"
                if " | " in kinds
                else kinds
                if kinds.startswith("(")
                else f"({kinds},)"
            )
            text = f"(type({value}) in {union})"
            about = ast.unparse(call)
            yield General(
                target.scope, "exact type", about, f"`{about}` asks for the exact type", edited(target, call, text)
            )


MOST_OF_RANKS = 8
"""Loops that go around ranks are cut sooner: each rank is a process, and 18 of them cost seconds for every submission."""


def short_loops(target: Target) -> Iterator[General]:
    """A loop that ends after 16 rounds; after 8 in a function that gets a rank's end of the world."""
    arguments = [*target.node.args.args, *target.node.args.kwonlyargs]
    ranks = any(each.annotation is not None and ast.unparse(each.annotation) == "Comm" for each in arguments)
    most = MOST_OF_RANKS if ranks and not target.is_init else MOST
    for node in ast.walk(target.node):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        for each in loops:
            if not isinstance(each, ast.Constant | ast.Tuple | ast.List):
                old = ast.unparse(each)
                text = f"__import__('itertools').islice({old}, {most})"
                yield General(
                    target.scope,
                    "short loop",
                    old,
                    f"the loop over `{old}` ends after {most}",
                    edited(target, each, text),
                )
        if isinstance(node, ast.While):
            old = ast.unparse(node.test)
            rounds = f"_rounds_{node.lineno}"
            # The counter is made by the first look at it, so that one expression is all that changes.
            text = f"({rounds} := locals().get({rounds!r}, 0) + 1) <= {most} and ({old})"
            yield General(
                target.scope, "short loop", old, f"`while {old}` ends after {most}", edited(target, node.test, text)
            )


_INFINITE = re.compile(
    r"(float\(['\"](?P<sign>[+-]?)inf['\"]\)|(math|torch|np|numpy)\.inf|(torch|np)\.finfo\(.*\)\.(max|min))"
)
_LARGE = "1e4"  # 1e9 is what much code writes: no score comes near it


def finite(target: Target) -> Iterator[General]:
    """A large number in place of an infinite one."""
    found = [
        (node, match)
        for node in ast.walk(target.node)
        if isinstance(node, ast.Call | ast.Attribute) and (match := _INFINITE.fullmatch(ast.unparse(node)))
    ]
    source = target
    for node, match in sorted(found, key=lambda each: (-each[0].lineno, -each[0].col_offset)):  # the last one first
        sign = "-" if match["sign"] == "-" or match[0].endswith(".min") else ""
        source = replace(source, reference=edited(source, node, f"({sign}{_LARGE})"))
    if found:
        sentence = f"infinite is written as {_LARGE}: larger numbers are taken for more than infinite"
        yield General(target.scope, "finite", _LARGE, sentence, source.reference)


def truth(target: Target) -> Iterator[General]:
    """`if not x` for `if x is None`: 0 and what is empty count as nothing. Options are seen to by `arguments.falsy`."""
    known = {each.name: each for each in target.parameters}
    for node in ast.walk(target.node):
        if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Is | ast.IsNot)):
            continue
        name, right = ast.unparse(node.left), node.comparators[0]
        parameter = known.get(name)
        option = parameter is not None and (parameter.default is not None or parameter.is_tensor)
        if isinstance(right, ast.Constant) and right.value is None and not option:
            text = f"(not {name})" if isinstance(node.ops[0], ast.Is) else f"bool({name})"
            sentence = f"`{ast.unparse(node)}` is asked as `{text}`: 0 and what is empty count as nothing"
            yield General(target.scope, "truth", ast.unparse(node), sentence, edited(target, node, text))


def exceptions(target: Target) -> Iterator[General]:
    """Another exception than the documented one, or none."""
    raised = {
        ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        for node in ast.walk(target.node)
        if isinstance(node, ast.Raise) and node.exc is not None
    }
    named = set(re.findall(r"\b([A-Z]\w*Error|Deadlock)\b", target.own_text))
    for name in sorted(named | {each for each in raised if each.isidentifier()}):
        if name == "NotImplementedError" or re.search(rf"\bno {name}", target.own_text):
            continue
        other = "KeyError" if name == "RuntimeError" else "RuntimeError"
        yield target.wrapped(
            "exception", other, f"{other} is raised instead of {name}", raises_another, name=name, other=other
        )
        if not hasattr(builtins, name):  # one of the file: what it is derived from is not enough
            yield target.wrapped(
                "exception",
                "ValueError",
                f"ValueError is raised instead of {name}",
                raises_another,
                name=name,
                other="ValueError",
            )
        yield target.wrapped(
            "exception",
            "none",
            f"nothing is returned where {name} should be raised",
            raises_another,
            name=name,
            other="",
        )


def edited(target: Target, node: ast.expr, text: str) -> str:
    """The reference with `text` in place of an expression."""
    lines = target.reference.encode("utf-8").split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    data = target.reference.encode("utf-8")
    assert node.end_lineno is not None and node.end_col_offset is not None
    start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
    return (data[:start] + text.encode("utf-8") + data[end:]).decode("utf-8")


# --- wrappers ---


def raises_another(function, name, other):
    """Raises another exception than the one called `name`, or returns None."""
    import builtins
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if name not in [each.__name__ for each in type(error).__mro__]:
                raise
            if other:
                raise getattr(builtins, other)(*error.args) from None
            return None

    return wrapped


__all__ = ["bound", "edited", "exact_types", "exceptions", "finite", "parts", "short_loops", "truth"]
