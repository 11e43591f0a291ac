"""An implementation's side of a hosted value: its end, which asks the trusted side for each step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from autograder.lab.hosted import Deadlock, Mismatch, Refused, loaded
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Answer, Ask

ENDS = {
    "exam": "autograder.lab.exam:Sitting",
    "stages": "autograder.lab.stages:ends",
    "world": "autograder.lab.world:Comm",
}
"""What makes an implementation's end of them: called with `ask` and what `Hosted.ends` says of the rank."""

Asker = Callable[[Ask], Answer]
_here = threading.local()


def connect(asker: Asker | None) -> None:
    """From now on, the ends that are made in this thread ask `asker`."""
    _here.asker = asker


def asking() -> Asker | None:
    """Whom ends that are made in this thread ask."""
    return getattr(_here, "asker", None)


def end(kind: str, **description: Any) -> Any:
    """The end of a hosted value, for the experiment."""
    asker = asking()
    if asker is None:
        raise RuntimeError("nothing hosts this value here")

    def ask(method: str, *arguments: Any) -> Any:
        answer = asker(Ask(method, encode(list(arguments))))
        if answer.error:
            raise _error(answer)
        return decode(answer.value)

    return loaded(ENDS[kind])(ask, **description)


def _error(answer: Answer) -> Exception:
    known = {each.__name__: each for each in (Deadlock, Mismatch, Refused, ValueError, TypeError, IndexError)}
    return known.get(answer.error, RuntimeError)(answer.text)
