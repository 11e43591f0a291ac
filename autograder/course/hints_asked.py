"""What a student's `assignments/hints.json` says: how many hints of each exercise they asked for. It is hostile, as all that is handed in."""

from __future__ import annotations

import json
from collections.abc import Iterable

HANDED_IN = "assignments/hints.json"
"""The file, from the student's root. It is there only where the course reports hints."""
MAX_BYTES = 64 * 1024
MOST = 3


def read(data: bytes, exercises: Iterable[str]) -> dict[str, int]:
    """The counts of `exercises` that make sense, in their order; what else the file holds is nobody's business."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {name: raw[name] for name in exercises if type(raw.get(name)) is int and 1 <= raw[name] <= MOST}
