"""What a student waits for: a check from the command line, and the verdict of `watch` after a save.

    python benchmarks/student.py [--rounds N]

Each time stands beside that of `python -c "import torch"` in the same round, since a check has to load torch and `watch` has loaded it. The answers
are the references; what is saved is a stub, which fails, and the reference again.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = ("attention/gqa", "tokenizer/bpe", "position/rope", "align/dpo", "llama/llama1_block")
PROGRAM = [sys.executable, "-m", "autograder"]
PATIENCE = 120.0  # seconds for one verdict, on the slowest machine


def course(folder: Path) -> Path:
    """A student's repository with the references for answers."""
    for name in ("assignments", "lectures"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "grading.toml", folder)
    for name in EXERCISES:
        shutil.copy(ROOT / "solutions" / name / "solution.py", folder / "assignments" / f"{name}.py")
    return folder


def seconds(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


class Watching:
    """`autograder watch` of one exercise, in a terminal of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.file = folder / "assignments" / f"{name}.py"
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execv(sys.executable, [*PROGRAM, "watch", name])

    def until(self, pattern: str) -> float:
        """The seconds until this is on the screen."""
        began, seen = time.perf_counter(), ""
        while not re.search(pattern, seen):
            if time.perf_counter() - began > PATIENCE:
                raise SystemExit(f"`autograder watch` has not said {pattern!r}, but:\n{seen}")
            if select.select([self.terminal], [], [], 0.05)[0]:
                seen += os.read(self.terminal, 65536).decode("utf-8", "replace")
        return time.perf_counter() - began

    def saved(self, text: str, pattern: str) -> float:
        self.file.write_text(text, encoding="utf-8")
        return self.until(pattern)

    def end(self) -> None:
        os.write(self.terminal, b"\x03")
        os.waitpid(self.child, 0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        folder = course(Path(place))
        bare, checks, failed, passed = [], [], [], []
        for name in EXERCISES:
            right = (ROOT / "solutions" / name / "solution.py").read_text("utf-8")
            stub = (ROOT / "assignments" / f"{name}.py").read_text("utf-8")
            seconds([*PROGRAM, "check", name], folder)  # the first one reads files that nobody has read
            for _ in range(rounds):
                bare.append(seconds([sys.executable, "-c", "import torch"], folder))
                checks.append(seconds([*PROGRAM, "check", name], folder))
            watching = Watching(name, folder)
            watching.until(r"(\d+)/\1")
            for number in range(rounds):  # each text is another one: an equal one would be known already
                failed.append(watching.saved(f"{stub}\n# {number}\n", "✗|NotImplementedError"))
                time.sleep(1.0)
                passed.append(watching.saved(f"{right}\n# {number}\n", r"(\d+)/\1"))
                time.sleep(1.0)
            watching.end()
    base = statistics.median(bare)
    print(f"{'':34}median     × import torch")
    for what, found in (
        ("import torch", bare),
        ("autograder check", checks),
        ("a save to the first failure", failed),
        ("a save to full points", passed),
    ):
        middle = statistics.median(found)
        print(f"{what:32}{middle:7.2f} s     {middle / base:5.2f}")


if __name__ == "__main__":
    main()
