"""What a result depends on, as hashes: equal keys need no new run."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
# What decides observations. How they are shown, stored or released does not.
_ENGINE = ("checks", "experiment", "jail", "lab", "plan.py", "source", "twin", "wire")
# What of it has no part in what the course's own code gives: how students' code is kept in, explained and looked at, the wire.
# A file that is not named here counts, so that one that is added makes plans anew.
_NOT_IN_PLANS = (
    "experiment/explain.py", "experiment/forbidden.py", "experiment/suspicious.py",
    "jail/guard.py", "jail/inprocess.py", "jail/layers", "jail/pages.py",
    "source/errors.py", "source/sameness.py",
    "twin/examine.py", "twin/names.py",
    "wire/channel.py", "wire/messages.py",
)  # fmt: skip
_LAB = re.compile(r"autograder\.lab\.(\w+)")
# What of `grading/` decides no verdict and no diagnosis: what is around the grading of one file. Here, too, an unnamed file counts.
_NOT_IN_VERDICTS = tuple(
    f"grading/{name}.py"
    for name in ("__init__", "certificates", "devices", "gate", "hashes", "merge", "planner")
    + ("rejudge", "remembered", "secret", "student", "twins")
)
_NEEDS = re.compile(r'needs="(\w+)"')
_AUTHORED = ("solution.py", "checks.py", "mistakes.py", "conventions.py", "alternatives.py")


def of(*parts: bytes | str) -> str:
    """SHA-256 over `parts`, each with its length, so that no two lists of parts look alike."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


@functools.cache
def engine() -> str:
    """Hash of the engine and the lab, and of the versions that observations depend on."""
    return of(_sources(_ENGINE), *(f"{name} {version}" for name, version in sorted(versions().items())))


def planning(folder: Path) -> str:
    """Hash of what the plan of the exercise in `folder` depends on beside its own files: less of the engine than a result
    does, and of the lab what the exercise names."""
    parts = [_sources((*_ENGINE, "grading/planner.py"), (*_NOT_IN_PLANS, "lab")), _sources(_lab_of(folder))]
    return of(*parts, *(f"{name} {version}" for name, version in sorted(versions().items())))


def _lab_of(folder: Path) -> tuple[str, ...]:
    """The files of the lab that an exercise uses: the modules that it imports, with what those import; all of the lab as soon as
    it uses it in another way, as a value by name."""
    waiting = [
        path.read_text(encoding="utf-8", errors="replace") for path in map(folder.joinpath, _AUTHORED) if path.exists()
    ]
    if any(re.search(r"\blab\b", _LAB.sub("", text)) for text in waiting):
        return ("lab",)
    found: set[str] = set()
    while waiting:
        for name in set(_LAB.findall(waiting.pop())) - found:
            found.add(name)
            path = _PACKAGE / "lab" / f"{name}.py"
            if not path.exists():
                return ("lab",)
            waiting.append(path.read_text(encoding="utf-8"))
    return ("lab/__init__.py", *sorted(f"lab/{name}.py" for name in found))


@functools.cache
def grading() -> str:
    """Hash of what makes verdicts of observations."""
    return _sources(("grading",), _NOT_IN_VERDICTS)


@functools.cache
def code() -> str:
    """Hash of all that grades, wherever it runs: machines that grade one class together have it in common."""
    return of(engine(), _sources(("cluster", "course", "grading", "results.py", "store/pieces.py")))


def packages(folder: Path) -> list[str]:
    """The packages, beside those of `versions`, whose version decides what the checks in `folder` give."""
    checks = folder / "checks.py"
    text = checks.read_text("utf-8", "replace") if checks.exists() else ""
    return sorted({*_NEEDS.findall(text), *(["hypothesis"] if "given=" in text else [])})


@functools.cache
def _sources(names: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    left_out = [_PACKAGE / name for name in without]
    parts: list[bytes | str] = []
    for name in names:
        base = _PACKAGE / name
        for path in [base] if base.is_file() else sorted(base.rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and not any(path.is_relative_to(each) for each in left_out):
                parts += [str(path.relative_to(_PACKAGE)), path.read_bytes()]
    return of(*parts)


@functools.cache
def versions() -> dict[str, str]:
    """Python, torch and numpy, read without importing them."""
    found = {"python": sys.version.split()[0]}
    for name in ("torch", "numpy", "llm-internals"):
        found[name] = _version(name)
    return found


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def authored(folder: Path) -> str:
    """Hash of an exercise's authored files (its oracle does not decide a grade), and of what draws its examples."""
    parts: list[bytes | str] = []
    for name in _AUTHORED:
        path = folder / name
        parts += [name, path.read_bytes() if path.exists() else b""]
    return of(*parts, *installed(folder))


def installed(folder: Path) -> list[str]:
    """The versions that decide which examples an exercise's checks draw, and what of them runs."""
    checks = folder / "checks.py"
    if not checks.exists():
        return []
    drawn = [f"hypothesis {_version('hypothesis')}"] if b"given=" in checks.read_bytes() else []
    return drawn + [f"{name} {_version(name)}" for name in sorted(set(_NEEDS.findall(checks.read_text("utf-8"))))]
