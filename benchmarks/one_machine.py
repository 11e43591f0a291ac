"""What a class costs on one machine, for each graded exercise: `python benchmarks/one_machine.py`.

A mixed class is written, each answer with a text of its own but for untouched stubs, and graded by the command itself: seconds of the
processor of everything that it started, bytes of results and of pages, memory. Plans are made before, by grading one submission.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from measure import load, machine
from rich.console import Console
from rich.table import Table

from autograder.store import Store, standing
from autograder.store.pieces import observed
from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = ["warmup/tensors_autograd", "attention/gqa"]
SHARES = {"right": 0.6, "wrong": 0.25, "stub": 0.1, "broken": 0.05}


def write_class(folder: Path, names: Sequence[str], students: int, seed: int = 0) -> None:
    """So many submissions. A right answer is the reference or an alternative, a wrong one a known mistake, a broken one is no Python."""
    chance = random.Random(seed)
    answers = {}
    for name in names:
        exercise = load_exercise(ROOT / "solutions" / name, name)
        answers[name] = {
            "right": [exercise.reference, *(each.source for each in exercise.alternatives)],
            "wrong": [each.source for each in exercise.mistakes],
            "broken": ["def f(:\n"],
        }
        answers[name]["stub"] = [exercise.stub]
    for number in range(students):
        for name in names:
            kind = chance.choices([*SHARES], [*SHARES.values()])[0]
            text = chance.choice(answers[name][kind])
            file = folder / f"student{number:04}" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text if kind == "stub" else f"{text}\n# by student{number}\n", encoding="utf-8")


@dataclass
class Cost:
    """What grading a class took."""

    graded: int  # exercises
    seconds: float  # of the processor, of everything that was started
    again: float  # of the same command once more, with nothing to run
    memory: float  # MB at most, of the largest process
    results: int  # bytes of the results file
    observations: int  # of these: what students' code returned
    pages: int  # bytes of the report


def grade(folder: Path, work: Path, names: Sequence[str], jobs: int) -> float:
    """Seconds of the processor."""
    command = [sys.executable, "-m", "autograder", "grade", str(folder), "--jobs", str(jobs), "--course", str(ROOT)]
    command += ["--results", str(work / "results.sqlite"), "--report", str(work / "pages")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*command, *(part for name in names for part in ("--exercise", name))], capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(names: Sequence[str], students: int, jobs: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        write_class(folder / "one", names, 1)
        grade(folder / "one", folder / "work", names, jobs)
        (folder / "work/results.sqlite").unlink()
        write_class(folder / "class", names, students)
        seconds = grade(folder / "class", folder / "work", names, jobs)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        with Store(folder / "work/results.sqlite") as store:
            exercises = [exercise for each in standing(store) for exercise in each.exercises]
            cases = [case for exercise in exercises for check in exercise.checks for case in check.cases]
            kept = [observed(key) for key in {case.observation for case in cases} - {""}]
            sizes = (store.rows("SELECT LENGTH(data) FROM piece WHERE hash = ?", name) for name in kept)
            observations = sum(size for found in sizes for (size,) in found)
        results = (folder / "work/results.sqlite").stat().st_size
        again = grade(folder / "class", folder / "work", names, jobs)
        pages = sum(path.stat().st_size for path in (folder / "work/pages").rglob("*") if path.is_file())
    return Cost(students * len(names), seconds, again, memory, results, observations, pages)


def main(
    exercise: Annotated[list[str] | None, typer.Option("--exercise", "-e", help="Grade these exercises.")] = None,
    students: Annotated[int, typer.Option("--students", help="In the class.")] = 200,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Answers that are graded at a time.")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write what was measured into this file.")] = None,
) -> None:
    """What a class costs on one machine, for each graded exercise."""
    out, before = Console(), load()
    cost = measure(exercise or EXERCISES, students, jobs)
    made = Table("", "in all", "each graded exercise", "wanted", title=f"{cost.graded} graded exercises")
    made.add_row("processor", f"{cost.seconds:.0f} s", f"{cost.seconds / cost.graded:.3f} s", "at most 0.12 s")
    made.add_row("nothing changed", f"{cost.again:.1f} s", f"{cost.again / cost.graded * 1000:.1f} ms", "")
    size = f"{cost.results / 1e6:.1f} MB"
    made.add_row("results", size, f"{cost.results / cost.graded / 1000:.1f} kB", "at most 10 kB")
    seen = f"{cost.observations / 1e6:.1f} MB"
    made.add_row("  observations", seen, f"{cost.observations / cost.graded / 1000:.1f} kB", "")
    made.add_row("pages", f"{cost.pages / 1e6:.1f} MB", f"{cost.pages / cost.graded / 1000:.1f} kB", "at most 5 kB")
    made.add_row("largest process", f"{cost.memory:.0f} MB", "", "")
    out.print(made, f"{machine()}, load {before} before and {load()} after")
    if json_file is not None:
        said = asdict(cost) | {"machine": machine(), "load": [before, load()]}
        json_file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
