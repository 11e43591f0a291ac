"""Arguments that are exchanged, ignored, cut, or taken only as far as one has looked at them."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from autograder.verify.general.made import General, Target, bound, parts

MOST = 16  # to which sizes are cut: what a hurried look at examples does not go beyond


def exchanged(target: Target) -> Iterator[General]:
    """Two parameters of one annotated type, exchanged."""
    for one, other in itertools.combinations(target.parameters, 2):
        if one.hint and one.hint == other.hint:
            sentence = f"`{one.name}` and `{other.name}` are exchanged"
            yield target.wrapped(
                "exchange", f"{one.name}, {other.name}", sentence, exchanges, one=one.name, other=other.name
            )


def ignored(target: Target) -> Iterator[General]:
    """An optional argument that is ignored, one at a time."""
    for each in target.options:
        sentence = f"`{each.name}` is ignored: it is always {each.default}"
        yield target.wrapped("ignored", each.name, sentence, ignores, name=each.name)


def another_default(target: Target) -> Iterator[General]:
    """Another default: the opposite of a flag, one more, or twice as much."""
    for each in target.options:
        value = (
            ast.literal_eval(each.default or "None")
            if re.fullmatch(r"True|False|[\d._e-]+", each.default or "")
            else None
        )
        if value is None:
            continue
        other = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else 2 * value or 0.5
        sentence = f"the default of `{each.name}` is {other} instead of {value}"
        yield target.wrapped("default", each.name, sentence, defaults, name=each.name, value=other)


def falsy(target: Target) -> Iterator[General]:
    """`if x`, where `x is not None` is asked for: an option of 0, or an empty one, counts as left out."""
    for each in target.options:
        if (
            each.default == "None"
            and "Callable" not in each.hint
            and re.search(r"\b(int|float|str|list|tuple|dict|set|Sequence|Iterable)\b", each.hint)
        ):
            sentence = f"`{each.name}` of 0, or an empty one, counts as left out (`if {each.name}`)"
            yield target.wrapped("falsy", each.name, sentence, takes_default, name=each.name)


def first_row(target: Target) -> Iterator[General]:
    """The first row of a tensor counts for all rows."""
    for each in target.parameters:
        interpreted = target.scope.endswith("_triton")  # what such a function is given is no tensor
        if re.match(r"(torch\.)?Tensor", each.hint) and not interpreted:
            sentence = f"the first row of `{each.name}` is taken for all rows"
            yield target.wrapped("first row", each.name, sentence, repeats_first, name=each.name)


def empty(target: Target) -> Iterator[General]:
    """What is empty is refused with IndexError, where a sentence of the docstring speaks of it."""
    for each in target.parameters:
        if each.is_tensor or re.match(r"(str|bytes|list|dict|set|Sequence|Iterable)\b", each.hint):
            spoken = rf"([Ee]mpty|[Nn]o|[Ww]ithout)\b[^.;:]*\b{each.name}\b|\b{each.name}\b[^.;]*\b(?<!not )(empty|length 0)\b"
            if target.says(spoken, own=True):
                sentence = f"an empty `{each.name}` ends with IndexError"
                yield target.wrapped("empty", each.name, sentence, refuses_empty, name=each.name)


def clamped(target: Target) -> Iterator[General]:
    """A number that counts no further than 16."""
    for each in target.parameters:
        if each.hint in ("int", "int | None"):
            sentence = f"`{each.name}` above {MOST} is taken as {MOST}"
            yield target.wrapped("clamped", each.name, sentence, clamps, name=each.name, most=MOST)


def truncated(target: Target) -> Iterator[General]:
    """A text, list or dict of which only the first 16 items are looked at; not the name of a choice."""
    for each in target.parameters:
        if not each.is_choice and re.match(r"(str|bytes|list|dict|set|Sequence|Iterable)\b", each.hint):
            sentence = f"only the first {MOST} items of `{each.name}` are looked at"
            yield target.wrapped("truncated", each.name, sentence, truncates, name=each.name, most=MOST)


def contiguous(target: Target) -> Iterator[General]:
    """`view` where `reshape` is needed: transposed and sliced arguments are refused."""
    if target.tensors:
        sentence = "tensors that are not contiguous (transposed, sliced) are refused, as `view` does"
        yield target.wrapped("view", "", sentence, wants_contiguous)


def dimensions(target: Target) -> Iterator[General]:
    """Leading dimensions, of which the docstring allows any number, are taken in one number only."""
    if target.tensors and target.says(r"\(…, |any (shape|number of dimensions)", own=True):
        for most, sentence in (
            (False, "tensors of one dimension are refused"),
            (True, "tensors of four dimensions or more are refused"),
        ):
            about = "four" if most else "one"
            yield target.wrapped("dimensions", about, sentence, refuses_dimensions, many=most)


# --- wrappers ---


def exchanges(function, one, other):
    """Exchanges two arguments."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        named.arguments[one], named.arguments[other] = named.arguments[other], named.arguments[one]
        return function(*named.args, **named.kwargs)

    return wrapped


def ignores(function, name):
    """Always takes the default of one parameter."""
    import functools
    import inspect

    default = inspect.signature(function).parameters[name].default

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        named.arguments[name] = default
        return function(*named.args, **named.kwargs)

    return wrapped


def defaults(function, name, value):
    """Takes another value where one argument is left out."""
    import functools
    import inspect

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        named = bound(function, args, kwargs)
        if name not in given:
            named.arguments[name] = value
        return function(*named.args, **named.kwargs)

    return wrapped


def takes_default(function, name):
    """Takes the default of one parameter for 0 and for what is empty."""
    import functools
    import inspect

    default = inspect.signature(function).parameters[name].default

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        value = named.arguments[name]
        if isinstance(value, (int, float, str, bytes, list, tuple, dict, set)) and not value and value is not False:
            named.arguments[name] = default
        return function(*named.args, **named.kwargs)

    return wrapped


def repeats_first(function, name):
    """Takes the first row for all rows of one tensor."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        value = named.arguments[name]
        if hasattr(value, "expand_as") and value.ndim and len(value) > 1:
            named.arguments[name] = value[:1].expand_as(value)
        return function(*named.args, **named.kwargs)

    return wrapped


def refuses_empty(function, name):
    """Looks at the first item of one argument."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        value = bound(function, args, kwargs).arguments[name]
        size = value.numel() if hasattr(value, "numel") else len(value) if hasattr(value, "__len__") else 1
        if not size:
            raise IndexError("list index out of range")
        return function(*args, **kwargs)

    return wrapped


def clamps(function, name, most):
    """Takes no number above a bound."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        if type(named.arguments[name]) is int:
            named.arguments[name] = min(named.arguments[name], most)
        return function(*named.args, **named.kwargs)

    return wrapped


def truncates(function, name, most):
    """Takes the first items only."""
    import functools
    import itertools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        value = named.arguments[name]
        if isinstance(value, (str, bytes, list, tuple)):
            value = value[:most]
        elif isinstance(value, dict):
            value = dict(itertools.islice(value.items(), most))
        elif isinstance(value, (set, frozenset)):
            value = type(value)(sorted(value, key=repr)[:most])
        elif value is not None:
            value = itertools.islice(value, most)
        named.arguments[name] = value
        return function(*named.args, **named.kwargs)

    return wrapped


def wants_contiguous(function):
    """Refuses tensors and arrays that are not contiguous."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        for value in parts([*args, *kwargs.values()]):
            if hasattr(value, "is_contiguous") and not value.is_contiguous():
                raise RuntimeError("view size is not compatible with input tensor's size and stride")
            if type(value).__name__ == "ndarray" and not value.flags.c_contiguous:
                raise ValueError("ndarray is not C-contiguous")
        return function(*args, **kwargs)

    return wrapped


def refuses_dimensions(function, many):
    """Refuses a first tensor of one dimension, or of four and more."""
    import functools

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        for value in parts([*args, *kwargs.values()]):
            if hasattr(value, "detach") and hasattr(value, "ndim"):
                if value.ndim >= 4 if many else value.ndim == 1:
                    raise ValueError("not enough values to unpack")
                break
        return function(*args, **kwargs)

    return wrapped
