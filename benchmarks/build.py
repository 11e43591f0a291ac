"""How long `autograder build` takes, and what a change of one part costs, as a share of a whole build.

    python benchmarks/build.py [--quick]

Every part is the student's own (the reference's text). Then nothing is changed; then one part after another is written differently
(an alternative of its exercise); and at last a mistake is planted in one part and `--blame` looks for it.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.capstone.parts import places
from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).resolve().parent.parent
CHANGED = ("quant/affine", "align/dpo", "tuning/lora", "attention/gqa")
WRONG = ("attention/gqa", 0)


def course(folder: Path) -> Path:
    """A copy of the course in which every part is written by the student."""
    for name in ("assignments", "solutions", "lectures", "grading.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
    for part in places("llama"):
        write(folder, part.exercise, load_exercise(ROOT / "solutions" / part.exercise, part.exercise).reference)
    return folder


def write(folder: Path, exercise: str, text: str) -> None:
    (folder / "assignments" / f"{exercise}.py").write_text(text, "utf-8")


def seconds(folder: Path, *options: str) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "autograder", "build", "--course", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "--blame" not in options:  # 1 says that a part was named
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="the tiny model")
    quick = ["--quick"] if options.parse_args().quick else []
    with tempfile.TemporaryDirectory() as made:
        folder = course(Path(made))
        whole = seconds(folder, *quick)
        print(f"{'a whole build':34} {whole:6.1f} s   1.00", flush=True)
        rows = {"nothing changed": seconds(folder, *quick)}
        print(
            f"{'nothing changed':34} {rows['nothing changed']:6.1f} s   {rows['nothing changed'] / whole:.2f}",
            flush=True,
        )
        for exercise in CHANGED:
            loaded = load_exercise(ROOT / "solutions" / exercise, exercise)
            write(folder, exercise, loaded.alternatives[0].source)
            taken = seconds(folder, *quick)
            print(f"{exercise + ' changed':34} {taken:6.1f} s   {taken / whole:.2f}", flush=True)
        exercise, number = WRONG
        write(folder, exercise, load_exercise(ROOT / "solutions" / exercise, exercise).mistakes[number].source)
        taken = seconds(folder, "--blame", *quick)
        print(f"{'blame, a mistake in ' + exercise:34} {taken:6.1f} s   {taken / whole:.2f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    print(f"most memory of one process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
