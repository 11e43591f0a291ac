"""Whether the certificate of an exercise speaks of its present files."""

from __future__ import annotations

import io
import tokenize
import tomllib
from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading import hashes
from autograder.lessons.certificate import Certificate, read

# What they say is decided by their code alone; the comments of the others are shown, or count as lines of what is shown.
_BLIND_TO_COMMENTS = ("mistakes.py", "conventions.py", "alternatives.py", "cheats.py")
_BYTES = ("solution.py", "checks.py")


def about(exercise: Exercise, root: Path) -> str:
    """Hash of what decides the verification of an exercise, but for the engine and the versions of packages.

    Comments of the files that only authors read are no part of it: another heading in `mistakes.py` asks for no new verification.
    Of `equivalent.toml` the `[[general]]` tables count; what is said of mutants decides the figure of mutants alone, which is
    written whenever they are tried.
    """
    folder = exercise.solution_dir(root)
    files: list[bytes | str] = [_bytes(folder / name) for name in _BYTES]
    files += [_code(_bytes(folder / name)) for name in _BLIND_TO_COMMENTS]
    files.append(_generals(_bytes(folder / "equivalent.toml")))
    return hashes.of(exercise.name, str(exercise.points), *files, *hashes.installed(folder), *exercise.forbid)


def current(exercise: Exercise, root: Path) -> Certificate | None:
    """The certificate, where it speaks of the present files."""
    found = read(exercise, root)
    return found if found is not None and found.about == about(exercise, root) else None


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _generals(declared: bytes) -> str:
    """The `[[general]]` tables of an `equivalent.toml`; all of it, where it can't be read."""
    try:
        return repr(tomllib.loads(declared.decode("utf-8")).get("general", []))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return declared.decode("utf-8", "replace")


def _code(source: bytes) -> str:
    """The tokens of a Python file without its comments, so that two files with equal code give equal text."""
    try:
        tokens = list(tokenize.tokenize(io.BytesIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # no Python: every byte counts
        return source.decode("utf-8", "replace")
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING)
    return "\n".join(f"{token.type} {token.string!r}" for token in tokens if token.type not in skipped)
