"""SIGKILL to a worker, a zygote or the grader at random moments: after resuming, a class's results are those of an undisturbed run.

The grader runs as a program of its own, as `autograder grade` does, and is started again after it was killed.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks.arena import Arena, descendants, exercise
from attacks.course import HONEST, plant, temporary_folder
from msgspec import structs, to_builtins

from autograder import results
from autograder.course import load_course, open_submission
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import load_secret
from autograder.jail import layers
from autograder.jail.handle import Worker
from autograder.results import Result
from autograder.store import Store

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not layers.isolation().enough_for_hidden, reason=layers.isolation().why
)

ROUNDS = 2
MANY_ROUNDS = int(os.environ.get("KILLS", "50"))
TRIES = 5  # of a grader that is started again
SECONDS = 300

TEXTS = {
    "honest": {},
    "prints": {"rank": "def rank(words: list[str]) -> list[str]:\n    print(words)\n    return sorted(words)\n"},
    "lazy": {"soft": HONEST["soft"].replace("    e =", "    import json, statistics\n    e =")},
    "stub": {"rank": "def rank(words: list[str]) -> list[str]:\n    raise NotImplementedError\n"},
    "syntax": {"soft": "def softmax(:\n"},
    "missing": {"notes": "def count(words: list[str]) -> int:\n    return len(words)\n"},
    "other": {name: text + "# mine\n" for name, text in HONEST.items()},
}
"""A class whose verdicts a worker's death does not touch, whenever it comes. Where it does, see the last test."""


def main(root: Path, database: Path) -> None:
    """The grader that is killed: goes on with the run that is in the results file."""
    course = load_course(root)
    submissions = [open_submission(root / "class" / name, course, name=name) for name in sorted(TEXTS)]
    private = root / ".autograder"
    with Store(database) as store:
        run = store.latest_run("grade") or store.start_run("grade")
        with ClassGrader(course, root, private, load_secret(private), run.id, jobs=2) as grader:
            for step in grader.grade(submissions, store):
                print(step.submission, flush=True)
        store.finish_run(run.id)


@dataclass
class Class:
    """A course and its submissions on disk."""

    root: Path
    seconds: float = 0.0  # that an undisturbed run took
    wanted: Any = None

    def start(self, database: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), str(self.root), str(database)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a killed zygote that was still starting is told there
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        )

    def pending(self, database: Path) -> bool:
        """Whether something is left for the next run: a worker that died before it was behind its layers is our fault."""
        with Store(database) as store:
            run = store.latest_run("grade")
            assert run is not None
            return any(one.verdict == "grader-error" for result in store.results(run.id) for one in result.exercises)

    def read(self, database: Path) -> Any:
        with Store(database) as store:
            run = store.latest_run("grade")
            assert run is not None and run.finished
            return [but_for_times(result) for result in store.results(run.id)]


def but_for_times(result: Result) -> Any:
    """A result as it is exported, without when and in which run it was made and how long things took."""
    kept = structs.replace(result, graded_at="", run="")
    return _without_times(to_builtins(results.from_json(results.to_json(kept))))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key != "seconds"}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def differences(want: Any, got: Any, path: str = "") -> Iterator[str]:
    """Where two results differ: readable when a kill did leave a trace."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            yield from differences(want.get(key), got.get(key), f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, pair in enumerate(zip(want, got, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif want != got:
        yield f"{path}: {str(want)[:200]} became {str(got)[:200]}"


@pytest.fixture(scope="module")
def group() -> Iterator[Class]:
    folder = temporary_folder()
    planted = plant(folder)
    grading = folder / "grading.toml"  # on a busy machine nothing may be a timeout: none of these submissions loops
    grading.write_text(
        grading.read_text()
        .replace("cpu_seconds = 1", "cpu_seconds = 30")
        .replace("wall_factor = 2", "wall_factor = 10")
    )
    for name, texts in TEXTS.items():
        for slug, honest in HONEST.items():
            path = folder / "class" / name / "ring" / f"{slug}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts.get(slug, honest))
    made = Class(folder)
    for name in ("plans", "undisturbed"):  # the first one makes the plans
        started = time.monotonic()
        assert made.start(folder / f"{name}.sqlite").wait(SECONDS) == 0
        made.seconds = time.monotonic() - started
    made.wanted = made.read(folder / "undisturbed.sqlite")
    assert [each["submission"] for each in made.wanted] == sorted(TEXTS)
    yield made
    planted.remove()
    shutil.rmtree(folder)


def victims(grader: int, kind: str) -> list[int]:
    """The processes of one kind below the grader, as they are now."""
    below = descendants(grader)
    zygotes = [pid for pid in below if parent(pid) == grader]
    if kind == "grader":
        return [grader]
    if kind == "zygote":
        return zygotes
    return [pid for pid in below if parent(pid) in zygotes]


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def disturb(group: Class, number: int) -> str:
    """One run with one kill in it, resumed until it is done. Says what was killed."""
    chance = random.Random(number)
    kind = ("worker", "zygote", "grader")[number % 3]
    database = group.root / f"disturbed-{number}.sqlite"
    process = group.start(database)
    killed = ""
    try:
        time.sleep(chance.uniform(0.3, 1.0) * group.seconds)
        while not killed and process.poll() is None:  # workers come and go
            for victim in chance.sample(found := victims(process.pid, kind), min(1, len(found))):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed = kind
        for _ in range(TRIES):
            below = descendants(process.pid)
            if process.wait(SECONDS) == 0 and not group.pending(database):
                break
            # A zygote may not have been ready yet; a worker's death never ends the grader.
            assert process.returncode == 0 or kind != "worker"
            ended(below)
            process = group.start(database)
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    different = list(differences(group.wanted, group.read(database)))
    assert not different, f"round {number}, killed: {killed or 'nothing'}"
    return killed


def ended(pids: list[int]) -> None:
    """What a killed grader had started ends by itself."""
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}/exe") and os.path.lexists(f"/proc/{pid}/fd/0") for pid in pids):
        assert time.monotonic() < deadline, "a killed grader's processes are still there"
        time.sleep(0.05)


def test_a_class_is_graded_the_same_whatever_is_killed(group: Class) -> None:
    assert any([disturb(group, number) for number in range(ROUNDS)])


@pytest.mark.slow
def test_many_kills(group: Class) -> None:
    assert any([disturb(group, number) for number in range(ROUNDS, ROUNDS + MANY_ROUNDS)])


def test_a_worker_killed_in_the_run_that_decides() -> None:
    """A wrong answer is run again, and that run's worker is killed: the verdict and its reason stay what they were."""
    planted = plant(temporary_folder())
    arena = Arena(planted, "decides")
    try:
        wrong = HONEST["rank"].replace("sorted(words)", "sorted(words, reverse=True)")
        wanted = exercise(arena.grade(arena.submission("wrong", rank=wrong))["wrong"], "rank")
        fork, forked = arena.grader.jail.fork, []

        def fork_and_kill(*args: Any, **kwargs: Any) -> Worker:
            worker = fork(*args, **kwargs)
            forked.append(worker.pid)
            if len(forked) == 2:
                os.kill(worker.pid, signal.SIGKILL)
            return worker

        arena.grader.jail.fork = fork_and_kill  # type: ignore[method-assign]
        got = exercise(arena.grade(arena.submission("again", rank=wrong + "# again\n"))["again"], "rank")
        assert len(forked) >= 2 and wanted.verdict == "failed" and wanted.checks[0].diagnosis is not None
        assert (got.verdict, got.checks[0].diagnosis) == (wanted.verdict, wanted.checks[0].diagnosis)
    finally:
        arena.close()
        planted.remove()
        shutil.rmtree(planted.root)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
