"""Runs the real `autograder` command in a process of its own, on a small real course, for the tests of the command line.

`-P` keeps the working directory off `sys.path`, so that it is always the installed engine that runs, also in the folder of a
released course.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from release_course import PYPROJECT, put
from tiny_course import TOTAL, TOTAL_CHECKS

LONG = 180.0
"""Seconds after which a command counts as hung. Generous: nothing here asserts on time."""

MISTAKES = '''"""Wrong totals."""

from autograder.checks import mistake

mistake("You add up columns. Add up rows.", edit={"x.sum(-1)": "x.sum(0)"})
mistake("You take the mean of columns.", edit={"x.mean(-1)": "x.mean(0)"})
'''
ALTERNATIVES = '''"""Other right ones."""

from autograder.checks import alternative

alternative("by name", edit={"x.sum(-1)": "x.sum(dim=-1)"})
'''
ORACLE = '''"""Against NumPy."""

import torch


def test_totals(reference):
    x = torch.arange(6.0).reshape(2, 3)
    assert reference.total(x).tolist() == x.numpy().sum(-1).tolist()
'''
COURSE_DATES = 'due = 2026-09-15T23:59:00+02:00\nlate = { kind = "percent_per_day", percent = 10 }'
LECTURE = "# Totals\n\n## Sums\n"
STUB = TOTAL.replace("return x.sum(-1)", 'raise NotImplementedError("sum")').replace(
    "return x.mean(-1)", 'raise NotImplementedError("mean")'
)


GENERAL = "\n".join(
    f'[[general]]\nscope = "{scope}"\nkind = "{kind}"\n{about}why = "Checks of one call each are enough to try the commands."\n'
    for scope, kind, about in (
        ("total", "memo", 'about = "shapes"\n'),
        ("total", "one result", ""),
        ("total", "view", ""),
        ("middle", "one result", ""),
        ("middle", "view", ""),
    )
)


def make_course(root: Path, exercises: Sequence[str] = ("first",), **changed: str) -> Path:
    """A course in which `verify` finds nothing wrong, with exercises that all ask for the same; `changed` by `exercise_file`."""
    rows = [
        f'[[module.exercise]]\nname = "numbers_of/{slug}"\ntitle = "Totals, {slug}"\npoints = 5\nforbid = ["torch.cumsum", "Tensor.cumsum"]\n'
        for slug in exercises
    ]
    head = 'schema = 1\nid = "small"\ntitle = "A small course"\n\n[limits]\ncpu_seconds = 1\nwall_factor = 3\nmemory_mb = 512\n'
    put(root, "grading.toml", "\n".join([head, '[[module]]\nid = "numbers"\ntitle = "Numbers"\n', *rows]))
    put(root, "pyproject.toml", PYPROJECT)
    put(root, "constraints.txt", "torch\n")
    put(root, "LICENSE", "MIT License\n")
    put(root, "autograder/__init__.py", "")
    put(root, "autograder/part/__init__.py", "")
    files = {"solution": TOTAL, "checks": TOTAL_CHECKS, "mistakes": MISTAKES, "alternatives": ALTERNATIVES}
    for slug in exercises:
        for file, text in {**files, "test_oracle": ORACLE}.items():
            put(root, f"solutions/numbers_of/{slug}/{file}.py", changed.pop(f"{slug}_{file}", text))
        put(root, f"solutions/numbers_of/{slug}/equivalent.toml", changed.pop(f"{slug}_equivalent", GENERAL))
        put(root, f"lectures/numbers_of/{slug}.md", LECTURE)
    assert not changed, changed
    return root


def with_code(sum_: str = "x.sum(-1)", mean: str = "x.mean(-1)") -> str:
    """What a student hands in, with these two expressions as answers."""
    return TOTAL.replace("x.sum(-1)", sum_).replace("x.mean(-1)", mean)


def submit(root: Path, name: str, **texts: str) -> Path:
    """A submission in the folder `class` of the course: a text for each exercise."""
    for slug, text in texts.items():
        put(root, f"class/{name}/numbers_of/{slug}.py", text)
    return root / "class" / name


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def flat(self) -> str:
        """What it printed as one line, however it was wrapped."""
        return " ".join(self.out.split())

    @property
    def said(self) -> str:
        """What it complained about as one line."""
        return " ".join(self.err.split())


def environment(**more: str) -> dict[str, str]:
    hidden = (
        "NO_COLOR",
        "FORCE_COLOR",
        "PYTHONIOENCODING",
        "COLUMNS",
        "PYTHONPATH",
        "PYTEST_ADDOPTS",
        "PYTEST_PLUGINS",
    )
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "PYTHONUTF8": "1", "COLUMNS": "120", **more}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "autograder", *map(str, arguments)]


def run(folder: Path, *arguments: str | Path, encoding: str = "utf-8", **more: str) -> Done:
    """Run `autograder` in `folder` to its end. A traceback of ours fails the test, whatever else it is about."""
    done = subprocess.run(command(*arguments), cwd=folder, env=environment(**more), capture_output=True, timeout=LONG)
    result = Done(done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding))
    assert_no_traceback(result)
    return result


def here(folder: Path, *arguments: str | Path) -> Done:
    """Run a command in this very process, which is quicker: for commands that start none and leave nothing behind."""
    from autograder.cli import main

    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", ["autograder", *map(str, arguments)]),
        mock.patch.dict(os.environ, environment(), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code: int | str | None = 0
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int | None), code
    return Done(code or 0, out.getvalue(), err.getvalue())


def python(folder: Path, code: str, *arguments: str | Path) -> Done:
    """Run `code` with Python in `folder`."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=LONG,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


WATCHED = """
import sys
from autograder.jail.host import Zygote
starts = []
start = Zygote._start
Zygote._start = lambda self: (starts.append(1), start(self))
from autograder.cli import main
code = 0
try:
    main()
except SystemExit as end:
    code = end.code
print()
print("SEEN", code, "torch" if "torch" in sys.modules else "-", "zygote" if starts else "-")
"""


def seen(folder: Path, *arguments: str | Path) -> tuple[str, bool, bool]:
    """Run a command and tell its exit code, whether its own process imported torch, and whether it started a zygote."""
    done = python(folder, WATCHED, *arguments)
    found = re.search(r"SEEN (\S+) (\S+) (\S+)", done.out)
    assert found is not None, done.out + done.err
    return found[1], found[2] == "torch", found[3] == "zygote"


def assert_no_traceback(done: Done) -> None:
    assert "Traceback" not in done.err and "Traceback" not in done.out, done.err + done.out


class Running:
    """A command that goes on until it is stopped; its lines are read as they come."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.out = ""
        self.err = ""
        self.late: set[int] = set()
        assert self.process.stdout is not None and self.process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, "out"), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, "err"), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, name: str) -> None:
        for line in stream:
            setattr(self, name, getattr(self, name) + line.decode())

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def until(self, met: Callable[[], object], what: str) -> None:
        """Wait until `met()` is true."""
        end = time.monotonic() + LONG
        while not met():
            assert self.process.poll() is None, f"it ended before {what}: {self.out}{self.err}"
            assert time.monotonic() < end, f"never {what}: {self.out}{self.err}"
            time.sleep(0.02)

    def until_printed(self, text: str) -> None:
        self.until(lambda: text in self.out, f"it printed {text!r}")

    def forget(self) -> None:
        self.out = ""

    def children(self) -> list[int]:
        """Its child processes, with theirs."""
        found = [self.process.pid]
        for pid in found:
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):  # gone meanwhile
                    found += [int(child) for child in path.read_text().split()]
        return found[1:]

    def interrupt(self) -> Done:
        """What Ctrl-C does, to the end. `late` has the processes that were started all the same."""
        before = set(self.children())
        self.process.send_signal(signal.SIGINT)
        end = time.monotonic() + LONG
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end: {self.out}{self.err}"
            self.late |= set(self.children()) - before
            time.sleep(0.02)
        code = self.process.returncode
        for thread in self._threads:
            thread.join(LONG)
        return Done(code, self.out, self.err)


def alive(pids: Sequence[int]) -> list[int]:
    """Those of `pids` that still run."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
        except OSError:
            return False

    end = time.monotonic() + 20
    left = [pid for pid in pids if runs(pid)]
    while left and time.monotonic() < end:  # the kernel takes a moment
        time.sleep(0.05)
        left = [pid for pid in left if runs(pid)]
    return left


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target
