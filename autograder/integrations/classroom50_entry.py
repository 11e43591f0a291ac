"""Grades an assignment for Classroom 50: installs the course that lies beside this file, and runs its public checks.

The runner starts it in the student's checkout, with any Python 3.11 or newer; nothing of the checkout is imported here. Exits
with 0 when grading ran, whatever the score.
"""

import os
import subprocess
import sys
from pathlib import Path

EXERCISES: list[str] = []
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"

checkout = Path.cwd()
course = Path(__file__).resolve().parent / "course"
environment = course.parent / "environment"


def install() -> None:
    """Make the environment, unless an earlier submission on this machine did."""
    if not (environment / "done").exists():
        subprocess.run([sys.executable, "-I", "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin/python"), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        index = ["--extra-index-url", os.environ.get("TORCH_INDEX", CPU_WHEELS)]
        subprocess.run([*pip, *index, "-c", str(course / "constraints.txt"), str(course)], check=True)
        (environment / "done").touch()


def main() -> int:
    """Write `result.json` into the checkout."""
    install()
    chosen = [part for name in EXERCISES for part in ("--exercise", name)]
    command = [
        str(environment / "bin/autograder"),
        "ci",
        "--submission",
        str(checkout),
        "--course",
        str(course),
        *chosen,
    ]
    return subprocess.run([*command, "--classroom50", str(checkout / "result.json")], cwd=course).returncode


if __name__ == "__main__":
    sys.exit(main())
