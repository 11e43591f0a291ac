"""What a general mistake is, what it is made from, and how a wrapper gets around a function of the reference.

A wrapper is an ordinary function of this package that takes a function and gives a wrong one. Its own text is put behind the
reference: what runs in the jail is one file, which imports nothing of ours. So a wrapper names nothing but its arguments,
`bound`, `parts`, and what it imports inside itself.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.source.parsing import parse
from autograder.source.stub import make_stub

_TENSOR = re.compile(r"\b(Tensor|ndarray)\b")
_CHOICES = ("to", "algo", "method", "layout", "kind", "mode", "style", "recompute", "pattern", "entry_point")
_NAMES = ("targets", "order", "dims")  # of parts or axes
_MODULE = re.compile(r"\b(Module|Stage)\b")


@dataclass(frozen=True)
class General:
    """The reference with one mistake that the tool has thought of. `scope`, `kind` and `about` name it."""

    scope: str  # the function, qualified
    kind: str
    about: str  # the parameters or the line that it is about, or ""
    sentence: str  # what it does, in words
    source: str
    documented: list[str] = field(default_factory=list)  # exceptions that its docstrings name
    keeps: bool = False  # something, from one call to the next

    @property
    def name(self) -> tuple[str, str, str]:
        return self.scope, self.kind, self.about


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function, as the stub says it."""

    name: str
    hint: str  # its annotation, as text
    default: str | None = None  # as text

    @property
    def is_tensor(self) -> bool:
        return bool(_TENSOR.search(self.hint))

    @property
    def is_module(self) -> bool:
        return bool(_MODULE.search(self.hint))

    @property
    def is_choice(self) -> bool:
        """Whether it is the name of one of a few ways, not a text."""
        listed = self.hint.startswith("list[str]") and self.name in _NAMES
        return listed or (self.hint == "str" and (self.default is not None or self.name in (*_CHOICES, *_NAMES)))


@dataclass(frozen=True)
class Target:
    """A function or method that students write, with what its stub says about it."""

    reference: str
    node: ast.FunctionDef  # of the reference
    owner: ast.ClassDef | None = None
    module_text: str = ""  # the docstring of the file
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def scope(self) -> str:
        return f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name

    @property
    def top(self) -> str:
        """The name at the top level that it belongs to."""
        return self.owner.name if self.owner else self.node.name

    @property
    def is_init(self) -> bool:
        return self.node.name == "__init__"

    @property
    def returns(self) -> str:
        return ast.unparse(self.node.returns) if self.node.returns else ""

    @property
    def tensors(self) -> list[str]:
        """The parameters that are, or hold, tensors or arrays."""
        return [each.name for each in self.parameters if each.is_tensor]

    @property
    def options(self) -> list[Parameter]:
        return [each for each in self.parameters if each.default is not None]

    @property
    def is_module(self) -> bool:
        """Whether it is a method of an `nn.Module`."""
        return self.owner is not None and any(_MODULE.search(ast.unparse(base)) for base in self.owner.bases)

    @functools.cached_property
    def own_text(self) -> str:
        """Its docstring, with its class's."""
        return "\n".join(ast.get_docstring(each) or "" for each in (self.owner, self.node) if each is not None)

    @functools.cached_property
    def text(self) -> str:
        """All docstrings that speak of it: the file's, its class's, its own."""
        return f"{self.module_text}\n{self.own_text}"

    @functools.cached_property
    def documented(self) -> list[str]:
        """The exceptions that its docstrings name."""
        return sorted(set(re.findall(r"\b([A-Z]\w*Error|Deadlock)\b", self.text)))

    def says(self, pattern: str, own: bool = False) -> bool:
        return bool(re.search(pattern, self.own_text if own else self.text))

    def wrapped(self, kind: str, about: str, sentence: str, wrapper: Callable[..., Any], **options: object) -> General:
        """The reference with `wrapper(function, **options)` in place of this function."""
        return General(self.scope, kind, about, sentence, _appended(self.reference, self.scope, wrapper, options))


def targets(reference: str) -> list[Target]:
    """The functions and methods that students write, in order; helpers of the reference have no docstring that binds them."""
    tree, stub = parse(reference), parse(make_stub(reference))
    written = {name for name, _, node in functions(stub) if _is_unwritten(node)}
    module_text = ast.get_docstring(tree) or ""
    return [
        Target(reference, node, owner, module_text, _parameters(node, owner))
        for name, owner, node in functions(tree)
        if name in written and not _is_bound_otherwise(node)
    ]


def helpers(reference: str) -> list[Target]:
    """The functions and methods that only the reference has: no docstring binds them, but what is wrong in their code is wrong."""
    stub = {name for name, _, _ in functions(parse(make_stub(reference)))}
    return [Target(reference, node, owner) for name, owner, node in functions(parse(reference)) if name not in stub]


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.ClassDef | None, ast.FunctionDef]]:
    """The functions of a file and the methods of its classes, by qualified name, with the class."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, None, node
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    yield f"{node.name}.{method.name}", node, method


def _is_unwritten(node: ast.FunctionDef) -> bool:
    last = node.body[-1]
    return isinstance(last, ast.Raise) and "NotImplementedError" in ast.unparse(last)


def _is_bound_otherwise(node: ast.FunctionDef) -> bool:
    names = {ast.unparse(each) for each in node.decorator_list}
    return bool(names & {"property", "staticmethod", "classmethod"})


def _parameters(node: ast.FunctionDef, owner: ast.ClassDef | None) -> list[Parameter]:
    listed = [*node.args.posonlyargs, *node.args.args]
    missing: list[ast.expr | None] = [None] * (len(listed) - len(node.args.defaults))
    pairs = [*zip(listed, [*missing, *node.args.defaults], strict=True)]
    pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return [
        Parameter(
            each.arg,
            ast.unparse(each.annotation) if each.annotation else "",
            ast.unparse(default) if default is not None else None,
        )
        for each, default in pairs[1 if owner else 0 :]
    ]


def _appended(reference: str, scope: str, wrapper: Callable[..., Any], options: dict[str, object]) -> str:
    """The reference with the wrapper's text behind it, in a scope of its own: no name of the reference is touched."""
    helpers = "\n\n".join(_text(each) for each in (bound, parts, wrapper))
    keywords = "".join(f", {name}={value!r}" for name, value in options.items())
    return (
        reference.rstrip("\n")
        + "\n\n\ndef _general():\n    from typing import Any\n\n"
        + helpers
        + f"\n    return {wrapper.__name__}\n\n\n{scope} = _general()({scope}{keywords})\n"
    )


@functools.cache
def _text(function: Callable[..., Any]) -> str:
    """The text of a function of this package, as it stands in another."""
    return textwrap.indent(inspect.getsource(function), "    ")


# --- what wrappers are written with; their text goes along, and of what annotations name, `Any` alone ---


def bound(function, args, kwargs):
    """The arguments of a call by name, defaults too; `self` among them. A wrong call raises what it would raise anyway."""
    import inspect

    found = inspect.signature(function).bind(*args, **kwargs)
    found.apply_defaults()
    return found


def parts(value: Any) -> list[Any]:
    """A value, and what lists, tuples and dicts hold, all the way down."""
    waiting: list[Any] = [value]
    for each in waiting:
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, (list, tuple)):
            waiting += each
    return waiting
