"""Runs somebody else's pytest suite on one variant after another, each in a forked process with limits. A program of its own.

Told on standard input, one JSON object a line: first where everything is, then one variant after another; answers on standard output.
What suite and solution import from elsewhere is imported once, so that a variant costs what its tests cost.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import importlib.metadata
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
    gc.freeze()  # what is here already is no garbage, and pytest looks for garbage after every session
    for line in sys.stdin:
        asked = json.loads(line)
        solution.write_text(asked["source"], encoding="utf-8", newline="\n")
        print(json.dumps(run(place["tests"], asked["seconds"], asked["wall"])), file=answers, flush=True)


def preload(folder: Path, files: list[Path]) -> None:
    """Import what the files name at their heads, unless it is in the folder itself: that may be what changes."""
    plugins = {each.module for each in importlib.metadata.entry_points(group="pytest11") if each.name != "autograder"}
    names = {"pytest", "hypothesis", *plugins}  # Hypothesis's plugin imports it at the end of every session
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


def run(tests: list[str], seconds: float, wall: float) -> dict[str, Any]:
    """What the suite says of the solution as it is now, within so much CPU time and time."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _suite(tests, seconds, os.fdopen(write, "w", encoding="utf-8"))
    os.close(write)
    code, taken = _waited(child, time.monotonic() + wall)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # whatever the tests have started
    with os.fdopen(read, encoding="utf-8", errors="replace") as told:
        failed = told.read(4000).splitlines()
    return {"code": code, "failed": failed, "seconds": round(taken, 3)}


def _waited(child: int, until: float) -> tuple[int | None, float]:
    """Its exit code, None when it took too long or was killed; and its CPU time."""
    done, status, used = 0, 0, None
    while not done and time.monotonic() < until:
        done, status, used = os.wait4(child, os.WNOHANG)
        if not done:
            time.sleep(0.005)
    if not done:
        os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    assert used is not None
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, used.ru_utime + used.ru_stime


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

        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:autograder", "-p", "no:unraisableexception"]
        code = int(pytest.main([*options, *tests], plugins=[_Told(told)]))
        told.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
