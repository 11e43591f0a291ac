"""Running in this very process, where forking with torch loaded is not safe (macOS) or not possible (Windows).

It stands in for a zygote. Nothing is isolated and nothing can be stopped from outside: for a student's own checks only.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

from autograder.jail.host import Limits
from autograder.jail.usage import Spent
from autograder.jail.warm import Ready, warm_up


class InProcess:
    """Looks like `host.Zygote`; its workers are objects."""

    isolates = False

    def start(self) -> InProcess:
        return self

    def wait(self) -> Ready:
        return warm_up()

    def fork(self, role: str = "jail", limits: Limits | None = None, lab: object = ()) -> InProcessWorker:
        return InProcessWorker(role)

    def close(self) -> None:
        pass


class InProcessWorker:
    """Looks like `handle.Worker`."""

    def __init__(self, role: str) -> None:
        self._printed = io.StringIO()
        if role == "twin":
            from autograder.twin.twin import Twin

            self._serve: Any = Twin()
        else:
            from autograder.jail.worker import _Worker

            self._serve = _Worker()

    def ask(self, request: Any, seconds: float, size: int = 0) -> Any:
        return self.exchange(request, seconds, None)

    def exchange(self, request: Any, seconds: float, answer: Any, size: int = 0) -> Any:
        with contextlib.redirect_stdout(self._printed), contextlib.redirect_stderr(self._printed):
            return self._serve.answer(request)

    def output(self, cap: int = 64 * 2**10) -> str:
        text = self._printed.getvalue()[:cap]
        self._printed.seek(0)
        self._printed.truncate()
        return text

    can_be_measured = False

    def used(self) -> None:
        """Nothing is measured: this is the caller's own process."""

    def spent(self) -> Spent:
        """The same: what runs here is stopped by nobody, and so never too long."""
        return Spent()

    def end(self) -> None:
        pass

    def close(self) -> None:
        pass
