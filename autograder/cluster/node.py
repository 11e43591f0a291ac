"""What grades on one machine of a cluster: its own zygotes, jail and twins, for plans that the head has made.

It knows neither the course's secret nor who anybody is: an answer has the hash that its result is stored under, and no name. It keeps
no results either, so nothing is lost with a node that cannot be graded again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autograder.cluster import probe
from autograder.cluster.machines import NodeUnfit, error_text
from autograder.cluster.messages import Answer, Answers, Damaged, Report, Settings, Shipment, Unit, Work, unpack
from autograder.course.config import Course, Exercise
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import Planner
from autograder.grading.record import Graded
from autograder.grading.twins import TwinClient
from autograder.plan import Plan, read_plan
from autograder.store.pieces import lay, packed

SHIPMENT_SECONDS = 120.0  # for an exercise that was sent before the work that needs it
PREFIX = "autograder-node-"
YOUNG = 60.0  # seconds: such a folder may belong to a process that has not locked it yet


class NodeGrader:
    """The grader on one machine. Bytes in, bytes out; threads may call at the same time."""

    def __init__(self) -> None:
        self._folder: Path | OSError
        try:
            self._folder = _private_folder()
        except OSError as error:  # said when it is to begin, since that is heard
            self._folder = error
        self._settings: Settings | None = None
        self._grader: _Shipped | None = None
        self._turns = threading.Semaphore(0)  # as many as answers are graded at a time
        self._arrived = threading.Condition()
        self._shipments: dict[str, NodeUnfit | None] = {}  # by hash: those that came; why one can't be used
        self._frames: dict[bytes, bytes] = {}  # that were packed before, by name: some of each exercise

    def begin(self, settings: bytes) -> bytes:
        """Start the zygotes, look at this machine, and report: also why it can't begin, where that will not change."""
        packages: list[str] = []
        try:
            told = msgspec.msgpack.decode(settings, type=Settings)
            packages = told.packages
            report = self._begun(told)
        except (OSError, MemoryError):
            raise  # no room, no more processes: another time there may be
        except Exception as error:
            report = probe.unfit(error, packages)
        return msgspec.msgpack.encode(report)

    def _begun(self, told: Settings) -> Report:
        if isinstance(self._folder, OSError):
            raise self._folder
        course = Course.model_validate_json(told.course)
        grader = self._grader = _Shipped(
            course,
            root=self._folder / "course",
            private=self._folder / "private",
            secret=b"",  # no node has it: hidden inputs come in the plans
            run="",
            jobs=told.slots,
            has_gpu=told.has_gpu,
            gpu_as_cpu=told.gpu_as_cpu,
            unsafe=told.unsafe,
        )
        grader.jail.require = frozenset(grader.isolation.on)
        grader.jail.start()
        grader.trusted.start()
        report = probe.examine(grader.jail, told.packages)
        if told.has_gpu and not (report.cuda or told.gpu_as_cpu):
            grader.has_gpu = False  # the head sends it no GPU checks either: the report says why
        for _ in range(told.slots):
            self._turns.release()
        return report

    def take(self, hash: str, data: bytes) -> None:
        """Keep an exercise for the work that will need it. What is raised here is raised for that work, too."""
        assert self._grader is not None
        name, failed = "an exercise", None
        try:
            shipment = unpack(hash, data, Shipment)
            name = shipment.exercise
            self._grader.ship(shipment)
        except Exception as error:
            failed = NodeUnfit(f"{name} can't be made ready there ({error_text(error)})")
        with self._arrived:
            self._shipments[hash] = failed
            self._arrived.notify_all()
        if failed is not None:
            raise failed

    def grade(self, hash: str, data: bytes) -> bytes:
        """Grade one work: when it is its turn, one unit after the other."""
        work = unpack(hash, data, Work)
        with self._arrived:
            if not self._arrived.wait_for(lambda: set(work.needs.values()) <= self._shipments.keys(), SHIPMENT_SECONDS):
                missing = [name for name, each in work.needs.items() if each not in self._shipments]
                raise Damaged(f"{', '.join(missing)} did not arrive in {SHIPMENT_SECONDS:.0f} s")
            for each in work.needs.values():
                if (failed := self._shipments[each]) is not None:
                    raise failed
        with self._turns:
            pieces: dict[bytes, bytes] = {}
            answers = [self._graded(unit, pieces) for unit in work.units]
        return msgspec.msgpack.encode(Answers(answers, pieces))

    def close(self) -> None:
        """End the zygotes, with all that they started, and forget everything."""
        if self._grader is not None:
            self._grader.close()
        if isinstance(self._folder, Path):
            shutil.rmtree(self._folder, ignore_errors=True)

    def _graded(self, unit: Unit, pieces: dict[bytes, bytes]) -> Answer:
        """Grade one answer, and add to `pieces` what its result is made of."""
        assert self._grader is not None
        began = time.monotonic()
        return answer_of(unit.key, self._grader.grade_unit(unit), began, pieces, self._frames)


def answer_of(key: str, graded: Graded, began: float, pieces: dict[bytes, bytes], frames: dict[bytes, bytes]) -> Answer:
    """What is said of a unit whose grading began at `began` (time.monotonic), packed here: see `store.pieces.lay`."""
    laid = lay(graded.result, frames)
    pieces.update(laid.pieces)
    observations = {key: packed(value) for key, value in graded.observations.items()}
    return Answer(key, laid.names, observations, time.monotonic() - began)


@dataclass
class _Shipped(ClassGrader):
    """A class's grader that makes no plans and writes no results: plans are sent to it, and single answers."""

    def ship(self, shipment: Shipment) -> None:
        """Have a grader for an exercise, from now on."""
        exercise = self.course.exercise(shipment.exercise)
        folder = exercise.solution_dir(self.root)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in shipment.files.items():
            (folder / Path(name).name).write_bytes(data)
        plan = read_plan(shipment.plan, f"the plan of {exercise.name}")
        planner = _ShippedPlan(self.root, self.private / "plans", b"", self.trusted, shipped=plan)
        self._graders[exercise.name] = self.grader(exercise, planner)

    def grade_unit(self, unit: Unit) -> Graded:
        """Grade one answer, as on a machine alone."""
        return self._grade_file(unit.key, self.course.exercise(unit.exercise), unit.file)


@dataclass(frozen=True, kw_only=True)
class _ShippedPlan(Planner):
    """Stands for the planner of the head, which has made `plan`."""

    shipped: Plan

    def begun(self, exercise: Exercise, client: TwinClient) -> Plan:
        return self.shipped


def _private_folder() -> Path:
    """A folder of this process alone; those of processes that were killed are removed."""
    place = Path(tempfile.gettempdir())
    for left in place.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            mine = left.stat().st_uid == os.getuid() and time.time() - left.stat().st_mtime > YOUNG
            if mine and (lock := _locked(left)) is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # 0700
    _locked(folder)  # until this process ends
    return folder


def _locked(folder: Path) -> int | None:
    """A lock on a folder, None where another process has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    except OSError:
        os.close(handle)
        return None
