"""`lab`, `raises` and `operate`: the helpers of an experiment or its inputs that make or observe special values."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

from autograder.wire.values import Lab, Raised


class Misfit(Exception):
    """The implementation is not what the stub says. An experiment ends with it: a check observes what a right call does."""

    returned = False  # whether the call came back, with something of another type


def lab(name: str, /, **arguments: Any) -> Any:
    """A value of the lab by name. In `inputs`, it stands for the value, which the experiment receives.

    >>> lab("english", limit=100)
    Lab(name='english', arguments={'limit': 100})
    """
    return Lab(name, arguments)


def raises(expected: str | type[BaseException], call: Callable[[], Any], /) -> Any:
    """Observe whether `call()` raises the built-in exception called `expected` or a subclass of it.

    An exception that the exercise itself defines is passed as it is, `raises(student.Deadlock, …)`. What was raised instead, or
    that nothing was, is another observation, and so a failure in comparison.

    >>> raises("ValueError", lambda: int("x"))
    Raised(name='ValueError')
    >>> raises("ValueError", lambda: [].pop())
    Raised(name='IndexError')
    >>> raises("ValueError", lambda: 1)
    Raised(name=None)
    """
    kind = getattr(builtins, expected) if isinstance(expected, str) else expected
    name = expected if isinstance(expected, str) else expected.__name__[:200]
    try:
        call()
    except Misfit as error:
        if not error.returned:
            raise
        return Raised(None)
    except Exception as error:
        if isinstance(error, kind) and not isinstance(error, NotImplementedError):
            return Raised(name)
        return Raised(type(error).__name__[:200])
    return Raised(None)


def operate(machine: Any, operations: Sequence[Sequence[Any]], watch: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Call methods of an object that keeps state (an allocator, a scheduler, a cache), one after the other.

    `operations` are plain data, made by `inputs`: the name of a method and its arguments. For each one is observed what it
    returned, or the name of the exception that it raised, and then the attributes in `watch`. Values are encoded when
    the experiment ends: a method that returns its own list shows what became of it.

    >>> operate([3, 1], [["append", 2], ["pop", 0], ["index", 7]], watch=["__len__"])[1]
    {'returned': 3, '__len__': 2}
    >>> operate([3, 1], [["index", 7]])
    [{'raised': 'ValueError'}]
    """
    seen: list[dict[str, Any]] = []
    for name, *arguments in operations:
        try:
            step: dict[str, Any] = {"returned": getattr(machine, name)(*arguments)}
        except (NotImplementedError, Misfit):
            raise  # an unwritten stub is told as one
        except Exception as error:
            step = {"raised": type(error).__name__[:200]}
        for attribute in watch:
            value = getattr(machine, attribute)
            step[attribute] = value() if callable(value) else value
        seen.append(step)
    return seen
