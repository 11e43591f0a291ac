"""Runs somebody else's pytest suite on one variant after another, each in a forked process with limits. A program of its own.

Told on standard input, one JSON object a line: first where everything is, then one variant after another; answers on standard output.
What suite and solution import from elsewhere is imported once, so that a variant costs what its tests cost.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any


def main() -> None:
    """Answer until there is nothing more to run."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what tests print goes nowhere near the answers
    place = json.loads(sys.stdin.readline())
    folder, solution = Path(place["folder"]), Path(place["solution"])
    os.chdir(folder)
    sys.path[:] = [path for path in sys.path if path not in ("", str(Path(__file__).parent))]
    sys.dont_write_bytecode = True
    preload(folder, [solution, *map(Path, place["tests"])])
    for line in sys.stdin:
        asked = json.loads(line)
        solution.write_text(asked["source"], encoding="utf-8", newline="\n")
        print(json.dumps(run(place["tests"], asked["seconds"])), file=answers, flush=True)


def preload(folder: Path, files: list[Path]) -> None:
    """Import what the files name at their heads, unless it is in the folder itself: that may be what changes."""
    names = {"pytest"}
    for file in files:
        for path in sorted(file.rglob("*.py")) if file.is_dir() else [file]:
            with contextlib.suppress(OSError, SyntaxError, ValueError):
                for node in ast.parse(path.read_bytes()).body:
                    if isinstance(node, ast.Import):
                        names |= {each.name.partition(".")[0] for each in node.names}
                    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                        names.add(node.module.partition(".")[0])
    local = {path.stem for path in folder.rglob("*.py")} | {path.name for path in folder.rglob("*") if path.is_dir()}
    for name in sorted(names - local):
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def run(tests: list[str], seconds: float) -> dict[str, Any]:
    """What the suite says of the solution as it is now."""
    read, write = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(read)
        _suite(tests, seconds, os.fdopen(write, "w", encoding="utf-8"))
    os.close(write)
    try:
        code = _waited(child, start + seconds)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # whatever the tests have started
    with os.fdopen(read, encoding="utf-8", errors="replace") as told:
        failed = told.read(4000).splitlines()
    return {"code": code, "failed": failed, "seconds": round(time.monotonic() - start, 3)}


def _waited(child: int, until: float) -> int | None:
    """Its exit code; None when it took too long or was killed."""
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class _Told:
    """A plugin that says which tests failed."""

    def __init__(self, to: IO[str]) -> None:
        self.to = to

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            print(report.nodeid, file=self.to, flush=True)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            print(report.nodeid or "the suite", file=self.to, flush=True)


def _suite(tests: list[str], seconds: float, told: IO[str]) -> None:
    """In the child: run the suite up to its first failure, and never come back."""
    code = 3
    try:
        os.setpgid(0, 0)
        limit = int(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        import pytest

        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:autograder"]
        code = int(pytest.main([*options, *tests], plugins=[_Told(told)]))
        told.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
