"""This project's rows: the benchmark's exercise as a course of one, graded by the same objects as a class is."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from autograder.course.load import load_course
from autograder.grading.asking import Code
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.grade import ClassGrader
from autograder.grading.record import Subject
from autograder.grading.secret import load_secret
from autograder.jail import layers
from autograder.jail.host import Zygote, scrubbed_environment
from autograder.plan import write_plan

HERE = Path(__file__).resolve().parent
EXERCISE = HERE / "attention"
SUBMISSION = EXERCISE / "submission.py"

COURSE = """
schema = 1
id = "benchmark"
title = "Benchmark"

[[module]]
id = "attention"
title = "Attention"

[[module.exercise]]
name = "benchmark/attention"
title = "Attention"
points = 10
"""


@contextlib.contextmanager
def warm_graders(folder: Path) -> Iterator[tuple[ExerciseGrader, ExerciseGrader, Path]]:
    """Graders with warm zygotes and the plan made: behind all layers, and behind none but a process; and the plan's file."""
    (folder / "grading.toml").write_text(COURSE, encoding="utf-8")
    shutil.copytree(EXERCISE, folder / "solutions/benchmark/attention", ignore=shutil.ignore_patterns("__pycache__"))
    course, private = load_course(folder), folder / ".autograder"
    bare = Zygote(without=[name for name in layers.NAMES if not name.startswith("L0")])
    with ClassGrader(course, folder, private, load_secret(private), run="benchmark") as graders, bare:
        isolated = graders.grader(course.exercises[0])
        graders.jail.wait()
        bare.wait()
        plan = folder / "attention.plan"
        plan.write_bytes(write_plan(isolated.plan))
        yield isolated, replace(isolated, zygote=bare), plan


def grading(grader: ExerciseGrader) -> Callable[[], float]:
    """Grades the submission once: a worker forked, ten checks run, judged in the twin, the worker reaped. → seconds."""
    subject = Subject(
        Code(SUBMISSION.read_text(encoding="utf-8"), SUBMISSION.name), lambda line: (SUBMISSION.name, line)
    )

    def once() -> float:
        start = time.perf_counter()
        graded = grader.grade(subject)
        seconds = time.perf_counter() - start
        if graded.result.earned != len(grader.plan.checks):
            raise SystemExit(f"this project gives the submission {graded.result.earned} points: {graded.result}")
        return seconds

    return once


@contextlib.contextmanager
def floor(plan: Path) -> Iterator[Callable[[], float]]:
    """The bare fork-and-run, in a process with the same environment as a zygote."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "floor.py"), str(plan), str(SUBMISSION)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=scrubbed_environment(),
    )
    assert process.stdin is not None and process.stdout is not None
    requests, answers = process.stdin, process.stdout

    def once() -> float:
        requests.write("\n")
        requests.flush()
        answer = answers.readline()
        if not answer:
            raise SystemExit("the process of the bare fork ended; what it said is above")
        return float(answer)

    try:
        if answers.readline() != "ready\n":
            raise SystemExit("the process of the bare fork did not start; what it said is above")
        yield once
    finally:
        requests.close()
        process.wait()
