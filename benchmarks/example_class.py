"""The class rows: the example class graded by the command, from a cold start and then again with nothing changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COURSE = ("grading.toml", "solutions", "assignments", "lectures")


class ExampleClass:
    """A copy of the course in `folder`, which no plan and no result has been kept for yet."""

    def __init__(self, folder: Path) -> None:
        self.root, self.submissions = folder / "course", folder / "class"
        self.root.mkdir()
        for name in COURSE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, self.root)
        self._autograder("example-class")

    def cold(self) -> float:
        shutil.rmtree(self.root / ".autograder", ignore_errors=True)
        return self._autograder("grade")

    def unchanged(self) -> float:
        return self._autograder("grade")

    def _autograder(self, command: str) -> float:
        line = [sys.executable, "-m", "autograder", command, str(self.submissions), "--course", str(self.root)]
        start = time.perf_counter()
        done = subprocess.run(line, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"autograder {command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return seconds
