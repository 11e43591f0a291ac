"""Results that are remembered under less than what they depend on, and state that outlives a call."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from autograder.verify.general.made import General, Target, bound, parts

_CACHE = re.compile(r"cache|past|state|memory")
# What `functools.lru_cache` takes, and what a caller can change.
_KEY = re.compile(r"(int|float|str|bool|bytes|tuple\[[^]]*\]|\w*Cfg|\w*Config)( \| None)?")
_CHANGEABLE = re.compile(r"(list|dict|set|torch\.Tensor|Tensor|np\.ndarray|tuple\[(Tensor|list|dict))\b")


def remembered(target: Target) -> Iterator[General]:
    """A result is looked up by the shapes of tensors, by the arguments without options, or by the first argument alone."""
    if target.is_init or target.returns in ("", "None"):
        return
    names = [each.name for each in target.parameters]
    if target.tensors:
        sentence = "results are remembered by the shapes of tensors (and the other arguments)"
        yield target.wrapped("memo", "shapes", sentence, remembers, shapes=True, keys=names)
    options = {each.name for each in target.options}
    required = [name for name in names if name not in options]
    if options and required:
        sentence = "results are remembered by the arguments without a default: an option of the first call stays"
        yield target.wrapped("memo", "options", sentence, remembers, shapes=False, keys=required)
    elif len(names) > 1:
        sentence = f"results are remembered by `{names[0]}` alone"
        yield target.wrapped("memo", names[0], sentence, remembers, shapes=False, keys=names[:1])


def given_out(target: Target) -> Iterator[General]:
    """`functools.lru_cache`: what a caller does to a result, the next caller sees."""
    if (
        not target.owner
        and _CHANGEABLE.match(target.returns)
        and all(_KEY.fullmatch(p.hint) for p in target.parameters)
    ):
        sentence = "results are remembered and given out again (`lru_cache`): whoever changes one changes the next one"
        yield target.wrapped("given out", "", sentence, gives_out)


def first_options(target: Target) -> Iterator[General]:
    """The options of the first call hold for all later ones."""
    if target.options and not target.is_init:
        names = [each.name for each in target.options]
        sentence = "the options of the first call are kept for all later ones"
        yield target.wrapped("first options", "", sentence, keeps_options, names=names)


def accumulated(target: Target) -> Iterator[General]:
    """A list, dict or set at the top of the file that is filled further by each call."""
    if not target.is_init and re.match(r"(list|dict|set|tuple\[list|tuple\[dict|Schedule)", target.returns):
        sentence = "what earlier calls gave is still in the list, dict or set that is returned"
        yield target.wrapped("accumulates", "", sentence, accumulates)


def own_cache(target: Target) -> Iterator[General]:
    """A cache that is kept inside, where one is passed."""
    for each in target.options:
        if _CACHE.search(each.name) and each.default == "None":
            sentence = f"its own last result is used in place of the `{each.name}` that is passed"
            yield target.wrapped("own cache", each.name, sentence, keeps_cache, name=each.name)


def one_buffer(target: Target) -> Iterator[General]:
    """One buffer for the results of all calls: a result changes when the next one is made. Nobody does it with lists."""
    if not target.is_init and re.search(r"Tensor|ndarray", target.returns):
        sentence = "all calls return one object: an earlier result changes with the next call"
        yield target.wrapped("one result", "", sentence, reuses)


def shared_by_class(target: Target) -> Iterator[General]:
    """What an object keeps is kept in its class."""
    if target.is_init:
        sentence = "what an object keeps is shared by all objects of its class: the latest one's counts"
        yield target.wrapped("class state", "", sentence, shares)


# --- wrappers ---


def remembers(function, shapes, keys):
    """Gives an earlier result when the arguments called `keys` are the same, tensors by value or by shape."""
    import functools

    known = {}

    def key_of(value):
        if hasattr(value, "detach") and hasattr(value, "shape"):
            small = value.numel() < 100_000
            return str(value.dtype), tuple(value.shape), str(value.tolist()) if small and not shapes else ""
        if type(value).__name__ == "ndarray":
            return str(value.dtype), value.shape, "" if shapes else value.tobytes()
        if isinstance(value, (list, tuple)):
            return tuple(key_of(item) for item in value)
        if isinstance(value, (dict, set, frozenset, str, bytes, int, float, type(None))):
            return type(value).__name__, repr(value)
        return "object", id(value)

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs).arguments
        key = str([key_of(value) for name, value in named.items() if name in keys or name == "self"])
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return wrapped


def gives_out(function):
    """Remembers results by all arguments, and gives out the same object each time."""
    import functools

    known = {}

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        key = repr(sorted(bound(function, args, kwargs).arguments.items()))
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return wrapped


def keeps_options(function, names):
    """Calls with the options of the first call."""
    import functools

    kept = {}

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        for name in names:
            named.arguments[name] = kept.setdefault(name, named.arguments[name])
        return function(*named.args, **named.kwargs)

    return wrapped


def accumulates(function):
    """Adds what earlier calls gave to a list, a dict or a set that is returned, alone or in a tuple."""
    import functools

    kept = {}

    def more(place, value):
        if isinstance(value, list):
            kept[place] = [*kept.get(place, []), *value]
        elif isinstance(value, (dict, set)):
            kept[place] = kept.get(place, type(value)()) | value
        else:
            return value
        return type(value)(kept[place])

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        if type(result) is tuple:
            return tuple(more(place, value) for place, value in enumerate(result))
        return more(0, result)

    return wrapped


def keeps_cache(function, name):
    """Takes the last item of its own last result, where a cache is passed."""
    import functools

    kept = {}

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        if named.arguments[name] is not None and "last" in kept:
            named.arguments[name] = kept["last"]
        result = function(*named.args, **named.kwargs)
        kept["last"] = result[-1] if isinstance(result, tuple) else result
        return result

    return wrapped


def reuses(function):
    """Writes each result into the object that the last call returned, where it fits."""
    import functools

    kept = {}

    def written(old: Any, new: Any) -> Any:  # a tuple of results item by item
        if type(old) is not type(new):
            return new
        if isinstance(new, tuple):
            return tuple(map(written, old, new)) if len(old) == len(new) else new
        if isinstance(new, list):
            old[:] = new
            return old
        if isinstance(new, (dict, set)):
            items = type(new)(new)
            old.clear()
            old.update(items)
            return old
        if hasattr(new, "detach") and old.shape == new.shape and old.dtype == new.dtype and not new.requires_grad:
            return old.detach().copy_(new) if not old.requires_grad else new
        if type(new).__name__ == "ndarray" and old.shape == new.shape and old.dtype == new.dtype:
            old[...] = new
            return old
        return new

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        result = function(*args, **kwargs)
        kept["last"] = written(kept["last"], result) if "last" in kept else result
        return kept["last"]

    return wrapped


def shares(function):
    """Gives all objects of a class the attributes of the latest one."""
    import functools

    made = []

    @functools.wraps(function)
    def wrapped(self, *args, **kwargs):
        function(self, *args, **kwargs)
        made.append(self)
        for other in made[:-1]:
            other.__dict__.update(self.__dict__)

    return wrapped


__all__ = [
    "accumulated",
    "bound",
    "first_options",
    "given_out",
    "one_buffer",
    "own_cache",
    "parts",
    "remembered",
    "shared_by_class",
]
