"""`lab` and `raises`: the two helpers of an experiment or its inputs that make special values."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from autograder.jail.values import Lab, Raised


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
    except Exception as error:
        if isinstance(error, kind) and not isinstance(error, NotImplementedError):
            return Raised(name)
        return Raised(type(error).__name__[:200])
    return Raised(None)
