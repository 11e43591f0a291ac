"""The one error of this package: something in the course must be mended before anything is written."""

from __future__ import annotations

from autograder.refusals import Refusal


class ReleaseError(Refusal):
    """A sentence for an author or instructor, with the file and line it is about where there is one."""

    def __init__(self, message: str, *, file: str = "", line: int | None = None) -> None:
        self.message, self.file, self.line = message, file, line
        place = f"{file}:{line}" if file and line else file or (f"line {line}" if line else "")
        super().__init__(f"{place}: {message}" if place else message)
