"""Rich texts for a console as it is: its encoding, its width, with nothing of theirs read as markup.

Everything that the terminal shows goes through a `Pen`: it makes invisible characters visible, replaces what the
console's encoding has not (a Windows console with code page 1252, a log in ASCII), and never parses Rich's `[markup]`.
"""

from __future__ import annotations

import sys
from typing import IO, Any

from rich.console import Console
from rich.text import Text

from autograder.feedback import escape, timeline
from autograder.feedback.escape import Spans

_SIGNS = {"passed": "✓", "failed": "✗", "pending": "○", "full": "█", "empty": "░", "here": "❱", "bar": "│", "mark": "^"}
_ASCII_SIGNS = {
    "passed": "ok",
    "failed": "x",
    "pending": "o",
    "full": "#",
    "empty": "-",
    "here": ">",
    "bar": "|",
    "mark": "^",
}
TIMELINE_STYLES = {
    "lane": "dim",
    "axis": "dim",
    "idle": "dim",
    "forward": "black on bright_cyan",
    "backward": "black on yellow",
    "waiting": "bold red",
}
STATE_STYLES = {"passed": "green", "failed": "red", "pending": "yellow"}


def console(file: IO[str] | None = None, *, width: int | None = None, **settings: Any) -> Console:
    """A console for reports: colour only on a terminal (and not under NO_COLOR), no markup, no emoji, no guessing."""
    return Console(
        file=file or sys.stdout, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False, **settings
    )


class Pen:
    """Makes Rich texts that this console can show."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.signs = _SIGNS if _can_show("".join(_SIGNS.values()), encoding) else _ASCII_SIGNS
        drawn = "".join(timeline.SIGNS.values())
        self.timeline_signs = timeline.SIGNS if _can_show(drawn, encoding) else timeline.ASCII_SIGNS

    def draws(self, text: str) -> bool:
        """Whether this console's encoding has these characters."""
        return _can_show(text, self.encoding)

    def line(self, text: str, style: str = "", **settings: Any) -> Text:
        """`text` on one line of visible characters."""
        return Text(escape.encodable(escape.visible(text), self.encoding), style=style, **settings)

    def block(self, text: str, style: str = "") -> Text:
        """`text` with its lines kept, broken anywhere where it is too wide."""
        return Text(escape.encodable(escape.visible(text, lines=True), self.encoding), style=style, overflow="fold")

    def spans(self, parts: Spans, style: str = "") -> Text:
        """A sentence with its `code` and *emphasis*."""
        written = Text(style=style, overflow="fold")
        styles = {"text": "", "code": "cyan", "em": "italic"}
        for kind, text in parts:
            # Without colours the marks themselves say what is code.
            shown = f"`{text}`" if kind == "code" else text
            written.append(escape.encodable(escape.visible(shown), self.encoding), style=styles[kind])
        return written

    def sign(self, name: str) -> Text:
        """The sign of a state: passed, failed, pending."""
        return Text(self.signs[name], style=f"bold {STATE_STYLES.get(name, '')}".strip())

    def bar(self, fraction: float, width: int = 12, style: str = "green") -> Text:
        """A bar of blocks, full only when all is done and empty only when nothing is."""
        full = round(fraction * width)
        full = min(full, width - 1) if fraction < 1 else width
        full = max(full, 1) if fraction > 0 else 0
        bar = Text(self.signs["full"] * full, style=style)
        return bar.append(self.signs["empty"] * (width - full), style="dim")


def _can_show(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
