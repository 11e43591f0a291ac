"""The way in: a connection to a course of Canvas, where canvasapi is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.integrations.canvas_api.place import ADDRESS, CanvasApiError, place_of, read_token

if TYPE_CHECKING:
    from autograder.integrations.canvas_api.http import Canvas

INSTALL = "Speaking with Canvas needs canvasapi: pip install -c constraints.txt 'llm-internals[canvas]'"


def connect(address: str | None, token_file: Path | None, on_wait: Callable[[float], None]) -> Canvas:
    """The course at `address`; nothing is asked yet. `on_wait` is told when Canvas asks for a pause. Raises `CanvasApiError`."""
    try:
        from autograder.integrations.canvas_api.http import Canvas
    except ImportError:
        raise CanvasApiError(INSTALL) from None
    if not address:
        raise CanvasApiError(
            f"Which course? Give the address of its page in Canvas with --canvas, or in the variable {ADDRESS}"
        )
    return Canvas(place_of(address), read_token(token_file), on_wait)
