"""Tries the wrong variants of a solution on a suite of tests, in a copy of the folder that both are in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from autograder.refusals import Refusal
from autograder.verify.audit.variants import Kind, Variant, variants

FLOOR_SECONDS, TIMES_SOLUTION = 5.0, 10.0
"""A variant is stopped after so much CPU time: at least the one, or the other times what the solution takes."""
FIRST_SECONDS = 300.0
WALL_FACTOR = 12.0
"""A machine may be busy, and tests may sleep."""
LARGEST_FOLDER = 200 * 2**20
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", ".git", ".venv", "venv", ".tox", "node_modules", ".pytest_cache", "*.pyc"
)
_KINDS: tuple[Kind, ...] = ("general", "mutant")


class AuditError(Refusal):
    """The suite can't be held against anything; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """What the suite said of one variant."""

    variant: Variant
    rejected: bool
    by: str  # the test that noticed first; "time" when it took too long; "" when none did


@dataclass(frozen=True)
class Audit:
    """What the suite notices."""

    outcomes: list[Outcome]
    mutants: int  # that there are; fewer may have been tried
    seconds: float  # of CPU time that the suite takes on the solution itself
    by_test: dict[str, int] = field(default_factory=dict)

    def of(self, kind: Kind) -> list[Outcome]:
        return [each for each in self.outcomes if each.variant.kind == kind]

    def table(self) -> list[tuple[Kind, int, int]]:
        """Of each kind: how many were tried, and how many rejected."""
        return [(kind, len(self.of(kind)), sum(each.rejected for each in self.of(kind))) for kind in _KINDS]

    @property
    def survived(self) -> list[Outcome]:
        return [each for each in self.outcomes if not each.rejected]


def audit(
    tests: Path,
    solution: Path,
    *,
    folder: Path | None = None,
    most: int = 200,
    jobs: int = 1,
    on_trial: Callable[[int, int], None] = lambda done, total: None,
) -> Audit:
    """Hold `tests`, a file or a folder, against the variants of `solution`, both in `folder`. Raises `AuditError` and `NoVariants`."""
    tests, solution = tests.resolve(), solution.resolve()
    folder = (
        folder or Path(os.path.commonpath([tests if tests.is_dir() else tests.parent, solution.parent]))
    ).resolve()
    for path in (tests, solution):
        if not path.is_relative_to(folder):
            raise AuditError(f"{path} is not in {folder}: name the folder that both are in with --folder")
    _require_small(folder)
    source = solution.read_text(encoding="utf-8")
    made, every = variants(source, most)
    with contextlib.ExitStack() as stack:
        runners: SimpleQueue[_Runner] = SimpleQueue()
        first = stack.enter_context(_runner(folder, tests, solution))
        seconds = _accepted(first, source)
        runners.put(first)
        for _ in range(min(jobs, len(made)) - 1):
            runners.put(stack.enter_context(_runner(folder, tests, solution)))
        limit = max(FLOOR_SECONDS, TIMES_SOLUTION * seconds)
        done = 0

        def attempt(variant: Variant) -> Outcome:
            nonlocal done
            runner = runners.get()
            try:
                said = runner.run(variant.source, limit)
            finally:
                runners.put(runner)
            done += 1
            on_trial(done, len(made))
            by = "time" if said["code"] is None else (said["failed"] or ["the suite"])[0]
            return Outcome(variant, said["code"] != 0, by if said["code"] != 0 else "")

        with ThreadPoolExecutor(max(jobs, 1), thread_name_prefix="audit") as pool:
            outcomes = list(pool.map(attempt, made))
    by_test: dict[str, int] = {}
    for each in outcomes:
        if each.by:
            by_test[each.by] = by_test.get(each.by, 0) + 1
    return Audit(outcomes, every, seconds, by_test)


def _accepted(runner: _Runner, source: str) -> float:
    """How long the suite takes on the solution itself, which it must accept, each time."""
    taken = []
    for _ in range(2):
        said = runner.run(source, FIRST_SECONDS)
        if said["code"] == 5:
            raise AuditError("pytest finds no test there")
        if said["code"] != 0:
            what = "takes too long or dies on" if said["code"] is None else "rejects"
            named = f": {said['failed'][0]}" if said["failed"] else ""
            again = " when it is run a second time" if taken else ""
            raise AuditError(f"the suite {what} the solution itself{again}{named}. Mend that first")
        taken.append(said["seconds"])
    return max(taken)


def _require_small(folder: Path) -> None:
    size = 0
    for path, names, files in os.walk(folder):
        names[:] = [name for name in names if name not in _LEFT_OUT(path, names)]
        size += sum(os.lstat(os.path.join(path, file)).st_size for file in files)
        if size > LARGEST_FOLDER:
            raise AuditError(f"{folder} is larger than {LARGEST_FOLDER >> 20} MiB: name a smaller one with --folder")


class _Runner:
    """A process that runs the suite in a copy of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, said: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()

    def run(self, source: str, seconds: float) -> dict[str, Any]:
        try:
            self.tell({"source": source, "seconds": seconds, "wall": WALL_FACTOR * seconds})
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise AuditError("the process that runs the suite has ended: does something that it imports end it?")
        return json.loads(line)


@contextlib.contextmanager
def _runner(folder: Path, tests: Path, solution: Path) -> Iterator[_Runner]:
    with tempfile.TemporaryDirectory(prefix="audit-") as temporary:
        copy = Path(temporary).resolve() / folder.name
        shutil.copytree(folder, copy, ignore=_LEFT_OUT, symlinks=True)
        program = Path(__file__).with_name("runner.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("PYTEST_ADDOPTS", None)
        process = subprocess.Popen(
            [sys.executable, "-P", str(program)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=environment,
        )  # fmt: skip
        runner = _Runner(process)
        try:
            there = copy / solution.relative_to(folder), copy / tests.relative_to(folder)
            runner.tell({"folder": str(copy), "solution": str(there[0]), "tests": [str(there[1])]})
            yield runner
        finally:
            process.kill()
            process.communicate()
