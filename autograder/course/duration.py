"""Spans of time as people write and read them: `2d`, `36h`, `1d12h`."""

from __future__ import annotations

import re
from datetime import timedelta

FORM = "2d, 36h or 1d12h"
_SPAN = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?", re.IGNORECASE)


def parse(text: str) -> timedelta | None:
    """The span that `text` says, None when it is not of that form."""
    match = _SPAN.fullmatch(text.replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def text(span: timedelta) -> str:
    """`span` in words, to the minute where it is short: "2 days 3 hours"."""
    minutes = max(int(span.total_seconds() // 60), 0)
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour")]
    if minutes < 1440:
        parts.append((minutes % 60, "minute"))
    said = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in parts if number]
    return " ".join(said) or "less than a minute"
