"""Mistakes in the code of the reference itself: exact types, loops that end early; and what it raises."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

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
                target.scope, "exact type", about, f"`{about}` asks for the exact type", _edited(target, call, text)
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
                    _edited(target, each, text),
                )
        if isinstance(node, ast.While):
            old = ast.unparse(node.test)
            rounds = f"_rounds_{node.lineno}"
            # The counter is made by the first look at it, so that one expression is all that changes.
            text = f"({rounds} := locals().get({rounds!r}, 0) + 1) <= {most} and ({old})"
            yield General(
                target.scope, "short loop", old, f"`while {old}` ends after {most}", _edited(target, node.test, text)
            )


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


def _edited(target: Target, node: ast.expr, text: str) -> str:
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


__all__ = ["bound", "exact_types", "exceptions", "parts", "short_loops"]
