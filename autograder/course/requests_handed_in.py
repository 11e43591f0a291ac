"""What a student's `assignments/regrade.toml` says: which exercises they ask a person to look at again, and why. It is hostile, as all that is handed in.

[[request]]
exercise = "tokenizer/bpe"
why = "My answer breaks ties as the docstring says."
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable

HANDED_IN = "assignments/regrade.toml"
"""The file, from the student's root."""
MAX_BYTES = 64 * 1024
MAX_TEXT = 4_000
"""Characters of one request; the rest is cut."""


def read(data: bytes, exercises: Iterable[str]) -> dict[str, str]:
    """What is asked, by exercise, of `exercises` alone, in their order. What else the file holds is nobody's business."""
    try:
        raw = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    tables = raw.get("request")
    asked: dict[str, list[str]] = {}
    for table in tables if isinstance(tables, list) else ():
        name, why = (table.get("exercise"), table.get("why")) if isinstance(table, dict) else (None, None)
        if isinstance(name, str) and isinstance(why, str) and why.strip():
            asked.setdefault(name, []).append(why.strip())
    return {name: "\n".join(asked[name])[:MAX_TEXT] for name in exercises if name in asked}


def added(text: str, exercise: str, why: str) -> str:
    """The file with one request more. Raises `ValueError` where it is no TOML."""
    tomllib.loads(text)
    words = json.dumps(why, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f'{text.rstrip()}\n\n[[request]]\nexercise = "{exercise}"\nwhy = {words}\n'.lstrip("\n")
