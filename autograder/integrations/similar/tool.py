"""What the two tools share: finding them, running them, and saying how."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from autograder.report.pairs import PairsError

SECONDS = 3600.0
_PRIVATE = ("CANVAS_API_TOKEN",)


def find(command: str) -> str | None:
    """The command on the path, None where it is not installed."""
    return shutil.which(command)


def shown(folder: Path, arguments: Sequence[str]) -> str:
    """What to type to run it."""
    return f"cd {shlex.quote(str(folder))} && {shlex.join(arguments)}"


def run(path: str, arguments: Sequence[str], folder: Path) -> None:
    """Run a tool in `folder`. Raises `PairsError` when it fails, with the end of what it said."""
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    try:
        done = subprocess.run(
            [path, *arguments[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=SECONDS,
        )
    except OSError as error:
        raise PairsError(f"{path} can't be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise PairsError(
            f"{arguments[0]} was not done after an hour. The export stays: {shown(folder, arguments)}"
        ) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-4:]
        raise PairsError(
            f"{arguments[0]} failed (exit code {done.returncode}): {' '.join(said) or 'it said nothing'}\n"
            f"The export stays. By hand: {shown(folder, arguments)}"
        )


def emptied(folder: Path) -> None:
    """Take an earlier output away: both tools refuse a folder that is there."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise PairsError(f"{folder} can't be removed; it holds an earlier output")
