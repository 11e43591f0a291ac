"""Faults of our own: processes that die or hang, isolation that is not there, a disk that is full. Clear errors, nothing lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from attacks.arena import Arena, Attack, exercise, record, what_counts
from attacks.course import HONEST

from autograder.grading.grade import ClassGrader
from autograder.jail import handle, host, layers
from autograder.store import Store
from autograder.store.database import StoreError

SLEEPS = "import time\n\n\ndef rank(words: list[str]) -> list[str]:\n    time.sleep(1000)\n"


def pid(zygote: host.Zygote) -> int:
    return zygote.wait().pid


@contextmanager
def later(seconds: float, number: int, *pids: int) -> Iterator[None]:
    """Send a signal in a while."""
    timer = threading.Timer(seconds, lambda: [os.kill(each, number) for each in pids])
    timer.start()
    yield
    timer.join()


def still_graded(arena: Arena, name: str, exercise_name: str = "rank") -> None:
    """An honest submission is graded as it always was."""
    honest = arena.neighbour(exercise_name)
    result = arena.grade(honest)[honest.id]
    record(32, name, "passed", exercise(result, exercise_name).verdict)
    assert what_counts(result) == what_counts(arena.baseline)


def test_the_zygote_is_killed_between_submissions(arena: Arena) -> None:
    os.kill(pid(arena.grader.jail), signal.SIGKILL)
    still_graded(arena, "the zygote of the jail is killed")


def test_the_trusted_zygote_is_killed_between_submissions(arena: Arena) -> None:
    os.kill(pid(arena.grader.trusted), signal.SIGKILL)
    still_graded(arena, "the zygote of the twins is killed", "soft")


def test_the_zygote_is_killed_in_the_middle_of_a_run(arena: Arena) -> None:
    attack = Attack(32, "the zygote is killed in the middle of a call", "rank", SLEEPS, "timeout")
    with later(1.0, signal.SIGKILL, pid(arena.grader.jail)):
        arena.fight(attack)


def test_a_zygote_that_hangs_is_replaced(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CONTROL_SECONDS", 1.0)
    stuck = pid(arena.grader.jail)
    os.kill(stuck, signal.SIGSTOP)
    still_graded(arena, "the zygote hangs")
    assert pid(arena.grader.jail) != stuck


def test_a_worker_is_killed_in_a_call(arena: Arena) -> None:
    """It is run again in a fresh one, so that honest work loses nothing."""
    fork = arena.grader.jail.fork
    killed = []

    def fork_and_kill(*args: object, **kwargs: object) -> handle.Worker:
        worker = fork(*args, **kwargs)  # type: ignore[arg-type]
        if not killed:
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
        return worker

    arena.grader.jail.fork = fork_and_kill  # type: ignore[method-assign]
    try:
        still_graded(arena, "a worker is killed")
    finally:
        del arena.grader.jail.fork
    assert killed


# --- isolation that is not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing", [["L2 seccomp"], ["L2 landlock", "L3 namespaces"], ["L2 landlock", "L3 uid"], list(layers.NAMES)]
)
def test_without_the_layers_hidden_checks_are_refused(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    found = tuple(
        replace(probe, available=probe.name not in missing, why="not here", needs="") for probe in layers.probe_all()
    )
    monkeypatch.setattr(layers, "probe_all", lambda: found)
    planted = arena.planted
    common = (arena.course, planted.root, planted.private, planted.secret, arena.grader.run)
    with ClassGrader(*common) as grader, pytest.raises(host.JailError, match=r"(?s)not here.*--unsafe"):
        list(grader.grade([arena.neighbour("rank")], arena.store))
    record(33, f"without {' and '.join(missing[:2])}", "refused", "refused")
    with ClassGrader(*common, unsafe=True) as grader:
        assert not grader.provenance().isolated, "a grade made without isolation says so"


# --- results that can't be written ------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_costs_nothing(arena: Arena) -> None:
    first, second = arena.neighbour("rank"), arena.submission("full", rank=HONEST["rank"] + "#" * 10**5)
    before = arena.grade(first)[first.id]
    pages = arena.store._db.execute("PRAGMA page_count").fetchone()[0]
    arena.store._db.execute(f"PRAGMA max_page_count = {pages}")
    try:
        with pytest.raises(StoreError, match="disk is full: make room"):
            for number in range(200):
                arena.grade(arena.submission(f"full-{number}", rank=HONEST["rank"] + f"print('{number}' * 900)\n"))
    finally:
        arena.store._db.execute("PRAGMA max_page_count = 1073741823")
    assert arena.store.result(first.id) == before
    assert exercise(arena.grade(second)["full"], "rank").verdict == "passed"
    record(34, "the disk is full", "a clear error", "a clear error")


def test_a_locked_results_file_is_told(arena: Arena) -> None:
    arena.store._db.execute("PRAGMA busy_timeout = 100")
    with sqlite3.connect(arena.store.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another grading run is writing"):
            arena.grade(arena.neighbour("rank"))
        other.execute("ROLLBACK")
    still_graded(arena, "the results file was locked")


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="results file"):
        Store(tmp_path / "file" / "results.sqlite")
    (tmp_path / "noise.sqlite").write_bytes(os.urandom(5000))
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path / "noise.sqlite")
    record(34, "a results file that is none", "a clear error", "a clear error")
