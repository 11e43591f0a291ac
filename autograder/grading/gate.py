"""Who may run at the same time: cases of many submissions, or one case alone (a timeout that is measured again).

Both are held for one case, and neither kind goes twice before the other has had its turn: so nobody waits for somebody
else's failure longer than one case.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Shared by the threads of one grading run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._alone = False
        self._waiting = 0
        self._passed = 0  # how many have run alone

    @contextmanager
    def shared(self) -> Iterator[None]:
        """For one case beside others."""
        with self._changed:
            before = self._passed
            # Whoever has waited for one that ran alone does not wait for the next.
            self._changed.wait_for(lambda: not self._alone and (not self._waiting or self._passed > before))
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For one case with nothing beside it."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._alone and not self._running)
            self._waiting -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._passed += 1
                self._changed.notify_all()
