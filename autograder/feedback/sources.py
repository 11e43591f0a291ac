"""The lines around a place in the student's own file, read from where the file lies now.

A result stores only the one line. When the file is at hand (on the student's machine, or in a grader's copy of the
submission) its neighbours make it easier to find; they are shown only when the stored line is still the one there.
"""

from __future__ import annotations

from pathlib import Path

from autograder.results import Place

_LARGEST = 1_000_000


def context(place: Place, root: Path | None, around: int = 1) -> list[tuple[int, str]]:
    """Numbered lines around `place`; the line of the place alone when its file is not at hand; nothing without its text."""
    own = [(place.line, place.text)] if place.text else []
    if root is None or not place.text:
        return own
    try:
        path = (root / place.file).resolve()
        if not path.is_relative_to(root.resolve()) or not path.is_file() or path.stat().st_size > _LARGEST:
            return own
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):  # a name with a NUL, not UTF-8, gone meanwhile
        return own
    if not 0 < place.line <= len(lines) or lines[place.line - 1].strip() != place.text.strip():
        return own
    first = max(1, place.line - around)
    return [(number, lines[number - 1]) for number in range(first, min(len(lines), place.line + around) + 1)]
