"""Three hints an exercise, in `hints.toml` beside its checks: what to look at, what to do, nearly how.

```toml
look = "…"
do = "…"
nearly = "…"
```
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = "hints.toml"
STEPS = ("look", "do", "nearly")
WORDS = range(20, 61)
SHORTEST_LINE = 12
"""Characters of a line of code below which its presence in a hint gives nothing away: `return x`."""


@dataclass(frozen=True)
class Hints:
    """The hints of an exercise, in the order in which they are given; and what is wrong with the file."""

    hints: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def load_hints(folder: Path) -> Hints:
    """The hints in an exercise's private folder. What is wrong is said, never raised."""
    try:
        raw = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Hints(problems=(f"{FILE} is missing: three hints, as {', '.join(STEPS)}",))
    except (OSError, ValueError) as error:
        return Hints(problems=(f"{FILE} can't be read: {error}",))
    problems = [f"{FILE}: {name!r} is none of {', '.join(STEPS)}" for name in raw if name not in STEPS]
    hints = []
    for name in STEPS:
        hint = raw.get(name)
        if not isinstance(hint, str):
            problems.append(f"{FILE}: {name!r} is missing, or no text")
            continue
        hints.append(" ".join(hint.split()))
        words = len(hint.split())
        if words not in WORDS:
            problems.append(f"{FILE}: {name!r} has {words} words; a hint has {WORDS.start} to {WORDS.stop - 1}")
    return Hints(tuple(hints), tuple(problems))


def lines_given_away(hints: Hints, solution: str, stub: str) -> list[str]:
    """The lines of the solution that a hint holds, whatever its spaces; lines of the stub are no secret."""
    public = {_bare(line) for line in stub.splitlines()}
    secret = {_bare(line): line.strip() for line in solution.splitlines()}
    told = [_bare(hint) for hint in hints.hints]
    return [
        line
        for bare, line in secret.items()
        if len(bare) >= SHORTEST_LINE and bare not in public and any(bare in hint for hint in told)
    ]


def _bare(line: str) -> str:
    return re.sub(r"[\s`]", "", line.partition("#")[0])
