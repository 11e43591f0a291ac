"""For `pytest --pdb`: the debugger opens in the student's own function, not in the engine's.

An answer that is wrong has raised nothing, so there is no frame to look at any more. The last one of the student's file that returned to
the check is kept, with its variables as they were.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class LastCall:
    """The frame of the student's function that returned last, where it was called from elsewhere."""

    frame: types.FrameType | None = None

    def traceback(self) -> types.TracebackType | None:
        """As if it had raised at the line where it returned."""
        if self.frame is None:
            return None
        return types.TracebackType(None, self.frame, self.frame.f_lasti, self.frame.f_lineno)


@contextlib.contextmanager
def watched(file: str, on: bool) -> Iterator[LastCall]:
    """Keep the last call of a function in `file`, and let exceptions end in it."""
    last = LastCall()

    def profile(frame: types.FrameType, event: str, argument: Any) -> None:
        code, caller = frame.f_code, frame.f_back
        own = event == "return" and code.co_filename == file and code.co_name != "<module>"
        if own and (caller is None or caller.f_code.co_filename != file):
            last.frame = frame

    if not on:
        yield last
        return
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield last
    except BaseException as error:
        _end_in(error, file)
        raise
    finally:
        sys.setprofile(before)


def _end_in(error: BaseException, file: str) -> None:
    """Let the traceback end in the last line of `file`: what that called is somebody else's code."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found = trace
        trace = trace.tb_next
    if found is not None:
        found.tb_next = None
