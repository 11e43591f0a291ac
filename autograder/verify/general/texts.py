"""Texts that are made simpler than they are: without white space around them, in small letters."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.verify.general.made import General, Target, bound, parts

_WAYS = {
    "stripped": "white space around `{}` is taken away",
    "lower": "`{}` is read in small letters",
}


def simplified(target: Target) -> Iterator[General]:
    """One text, or all texts of a list or dict, is made simpler before it is looked at; not the name of a choice."""
    for each in target.parameters:
        if not each.is_choice and re.search(r"\bstr\b", each.hint) and "Callable" not in each.hint:
            for way, sentence in _WAYS.items():
                about = f"{way}: {each.name}"
                yield target.wrapped("text", about, sentence.format(each.name), simplifies, name=each.name, way=way)


# --- wrappers ---


def simplifies(function, name, way):
    """Makes the texts in one argument simpler."""
    import functools

    def simpler(value):
        if type(value) is str:
            return value.strip() if way == "stripped" else value.lower()
        if type(value) in (list, tuple):
            return type(value)(simpler(each) for each in value)
        if type(value) is dict:
            return {simpler(key): simpler(each) for key, each in value.items()}
        return value

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        named = bound(function, args, kwargs)
        named.arguments[name] = simpler(named.arguments[name])
        return function(*named.args, **named.kwargs)

    return wrapped


__all__ = ["bound", "parts", "simplified"]
