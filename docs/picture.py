"""Draws `docs/check.svg`: what a student sees. A real run of `autograder check` on one of the course's known mistakes.

python docs/picture.py
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).resolve().parent.parent
EXERCISE, MISTAKE = "tokenizer/bpe", "first one in alphabetical order"
WIDTH = 92


def main() -> None:
    topic, slug = EXERCISE.split("/")
    mistakes = load_exercise(ROOT / "solutions" / topic / slug, EXERCISE).mistakes
    wrong = next((each for each in mistakes if MISTAKE in each.sentence), mistakes[0])
    with tempfile.TemporaryDirectory() as folder:
        student = Path(folder)
        for name in ("assignments", "lectures", "grading.toml"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, student / name)
        (student / "assignments" / topic / f"{slug}.py").write_text(wrong.source, encoding="utf-8")
        environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
        command = [sys.executable, "-m", "autograder", "check", slug]
        run = subprocess.run(command, cwd=student, env=environment, capture_output=True, text=True, check=True)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ autograder check bpe\n", "bold"))
    console.print(Text.from_ansi(run.stdout))
    svg = console.export_svg(title="one student, one mistake", unique_id="check")
    # Rich asks a web page for its font; the picture must not.
    svg = "\n".join(line for line in svg.splitlines() if "url(" not in line or "clip" in line)
    (ROOT / "docs" / "check.svg").write_text(svg + "\n", encoding="utf-8")
    print(f"docs/check.svg shows: {wrong.sentence}")


if __name__ == "__main__":
    main()
