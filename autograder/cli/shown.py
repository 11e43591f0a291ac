"""How a student reads a result on their own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def options_of(root: Path, result: Any, **more: Any) -> Any:
    """How a student reads a result: with what the checks run, and what calls what in their file."""
    from autograder.feedback.view import Options
    from autograder.local.asked import code_of

    if result.verdict == "passed":
        return Options(**more)
    topic, _, slug = result.exercise.partition("/")
    file = root / result.file
    own = file.read_text(encoding="utf-8-sig", errors="replace") if file.suffix == ".py" and file.is_file() else None
    plan = root / "assignments" / topic / "expected" / f"{slug}.plan"
    return Options(code=code_of(plan, own), **more)
