"""How well a cluster is used: `python benchmarks/cluster.py` (needs Ray: the extra `cluster`).

What grading takes is measured first: real answers, a real node, in seconds of processor time. Then a class is graded on Ray clusters
of this machine whose nodes sleep for as long as each answer took, and say what was found for it: all else is real, the messages, the
dispatcher, the results file. Last, 1,000 students and 107 exercises on up to 64 nodes are simulated with what was measured.
"""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from measure import Target, load, machine
from rich.console import Console
from rich.table import Table
from simulated_cluster import Costs, Simulated, simulate

from autograder.cluster.arrivals import Arrivals
from autograder.cluster.hands import State
from autograder.cluster.head import ClusterGrader, shipment
from autograder.cluster.messages import Answers, Report, Settings, Unit, Work, pack, unpack
from autograder.cluster.node import NodeGrader, answer_of
from autograder.cluster.probe import here, versions_of
from autograder.course import load_course
from autograder.course.answers import SubmittedFile
from autograder.course.submission import Submission
from autograder.grading import hashes
from autograder.grading.grade import ClassGrader
from autograder.grading.record import Graded
from autograder.integrations import ray_cluster
from autograder.results import ExerciseResult
from autograder.store import Store
from autograder.store.pieces import Packed
from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).resolve().parent.parent
SECRET = b"the same for every benchmark"
EXERCISES = ["warmup/tensors_autograd", "tokenizer/bpe", "attention/gqa", "quant/int8_outliers"]
KINDS = ("right", "wrong", "stub")
SHARES = (0.6, 0.25, 0.15)  # of a class; answers that fail are run twice, and take longest
STORE = 80 * 2**20


@dataclass
class Measured:
    """What one node took for one kind of answer to one exercise, and what it found."""

    exercise: str
    kind: str
    text: str
    first: float  # seconds of the processor, for the first answer to this exercise
    seconds: float  # for a later one
    graded: bytes  # its result, as JSON
    observations: dict[str, bytes]  # packed


def texts(root: Path, name: str) -> dict[str, str]:
    """An answer of each kind."""
    exercise = load_exercise(root / "solutions" / name, name)
    return {"right": exercise.reference, "wrong": exercise.mistakes[0].source, "stub": exercise.stub}


def measure(root: Path, private: Path, names: Sequence[str], times: int) -> tuple[list[Measured], float]:
    """What a node takes for each kind of answer to each exercise, and to begin."""
    course = load_course(root)
    exercises = [course.exercise(name) for name in names]
    with ClassGrader(course, root, private, SECRET, "bench", exercises=exercises) as planner:
        planner.trusted.start()
        sent = [shipment(each.solution_dir(root), planner.plan(each)) for each in exercises]
    node = NodeGrader()
    try:
        before = spent()
        settings = Settings(
            course.model_dump_json(by_alias=True, exclude_defaults=True).encode(), 1, False, False, False, []
        )
        node.begin(msgspec.msgpack.encode(settings))
        begin = spent() - before
        found = []
        for exercise, shipped in zip(exercises, sent, strict=True):
            hash, data = pack(shipped)
            node.take(hash, data)
            first = None
            for kind, text in texts(root, exercise.name).items():
                seconds, graded, observations = [], b"", {}
                for number in range(times + 1):
                    file = SubmittedFile(exercise.name, f"{exercise.slug}.py", f"{text}\n# {kind} {number}\n")
                    before = spent()
                    unit = Unit("key", exercise.name, file)
                    answers = node.grade(*pack(Work([unit], {exercise.name: hash})))
                    seconds.append(spent() - before)
                    ((_, arrived),) = Arrivals().read(answers, {unit.key: unit})
                    graded = msgspec.json.encode(arrived.result)
                    observations = arrived.observations
                first = seconds[0] if first is None else first
                usual = statistics.median(seconds[1:])
                found.append(Measured(exercise.name, kind, text, max(first - usual, 0.0), usual, graded, observations))
        return found, begin
    finally:
        node.close()


def spent() -> float:
    """Seconds of the processor that this process and all below it have used, those that have ended included."""
    ticks = 0
    below = [os.getpid()]
    for pid in below:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                below += map(int, path.read_text().split())
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def sleeper(measured: Sequence[Measured], distinct: bool = False) -> type:
    """The program of a node that sleeps for as long as an answer took, and says what was found for it.

    With `distinct`, what an answer returned is another thing each time, where it is not the stub: so everything has to be written.
    """
    known = {(each.exercise, each.kind): (each.seconds, each.graded, each.observations) for each in measured}
    report = Report(
        code=hashes.code(),
        platform=here(),
        versions=hashes.versions(),
        packages={},
        layers=["none: it sleeps"],
        enough=True,
    )

    class Sleeper:
        def __init__(self) -> None:
            import threading

            self.turns = threading.Semaphore(0)
            self.frames = {}

        def begin(self, settings: bytes) -> bytes:
            told = msgspec.msgpack.decode(settings, type=Settings)
            self.turns.release(told.slots)
            return msgspec.msgpack.encode(msgspec.structs.replace(report, packages=versions_of(told.packages)))

        def take(self, hash: str, data: bytes) -> None:
            pass

        def grade(self, hash: str, data: bytes) -> bytes:
            answers, pieces = [], {}
            with self.turns:
                for unit in unpack(hash, data, Work).units:
                    began = time.monotonic()
                    kind = (unit.file.text or "").rstrip().rpartition("# ")[2].split()[0]
                    seconds, graded, packed = known[unit.exercise, kind]
                    observations: dict[str, bytes] = {name: Packed(value) for name, value in packed.items()}
                    time.sleep(seconds)
                    said = msgspec.json.decode(graded, type=ExerciseResult)
                    said.key = unit.key
                    if distinct and kind != "stub":
                        observations = renamed(said, observations, unit.key)
                    answers.append(answer_of(unit.key, Graded(said, observations), began, pieces, self.frames))
            return msgspec.msgpack.encode(Answers(answers, pieces))

        def close(self) -> None:
            pass

    return Sleeper


def renamed(result: ExerciseResult, observations: dict[str, bytes], key: str) -> dict[str, bytes]:
    """The observations of a result under names of its own."""
    names = {name: hashlib.sha256((key + name).encode()).hexdigest()[:32] for name in observations}
    for check in result.checks:
        for case in check.cases:
            case.observation = names.get(case.observation, "")
    return {names[name]: value for name, value in observations.items()}


@dataclass
class Ran:
    """A class graded on a real Ray cluster whose nodes sleep."""

    nodes: int
    slots: int
    units: int
    seconds: float
    efficiency: float
    head: float  # seconds of the head's processor, for each unit
    size: float  # bytes of the results file, for each unit


def run(
    root: Path,
    private: Path,
    measured: list[Measured],
    students: int,
    nodes: int,
    slots: int,
    file: Path,
    distinct: bool = False,
) -> Ran:
    """Grade so many students, from when all nodes are ready to the last result written."""
    from ray.cluster_utils import Cluster

    course = load_course(root)
    names = list(dict.fromkeys(each.exercise for each in measured))
    of = {(each.exercise, each.kind): each for each in measured}
    chance, submissions, total = random.Random(0), [], 0.0
    for number in range(students):
        files = {}
        for name in names:
            each = of[name, chance.choices(KINDS, SHARES)[0]]
            total += each.seconds
            label = f"{name.partition('/')[2]}.py"
            files[name] = SubmittedFile(name, label, f"{each.text}\n# {each.kind} {number}\n")
        submissions.append(Submission(f"student{number}", f"student{number}", files))
    head = dict(num_cpus=0, include_dashboard=False, object_store_memory=STORE)
    machines = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            machines.add_node(num_cpus=slots, object_store_memory=STORE)
        exercises = [course.exercise(name) for name in names]
        with Store(file) as store, ray_cluster.connect(machines.address, sleeper(measured, distinct)) as cluster:
            settings: dict[str, Any] = dict(draw="", exercises=exercises, cluster=cluster)
            with ClusterGrader(course, root, private, SECRET, store.start_run().id, **settings) as grader:
                while sum(hand.state is State.GRADES for hand in grader.hands) < nodes:
                    if odd := [hand.problems for hand in grader.hands if hand.problems]:
                        raise SystemExit(f"a node can't be used: {odd[0]}")
                    time.sleep(0.1)
                began, used = time.perf_counter(), time.process_time()
                done = sum(1 for _ in grader.grade(submissions, store))
                seconds, used = time.perf_counter() - began, time.process_time() - used
    finally:
        machines.shutdown()
    assert done == students
    units, size = students * len(names), file.stat().st_size
    return Ran(nodes, slots, units, seconds, total / (seconds * nodes * slots), used / units, size / units)


def class_of(measured: list[Measured], students: int, exercises: int) -> list[tuple[int, float]]:
    """The units of a large class: each exercise takes what one of those measured does."""
    names = list(dict.fromkeys(each.exercise for each in measured))
    of = {(each.exercise, each.kind): each.seconds for each in measured}
    chance = random.Random(1)
    stands_for = [names[number % len(names)] for number in range(exercises)]
    return [
        (number, of[name, chance.choices(KINDS, SHARES)[0]])
        for _ in range(students)
        for number, name in enumerate(stands_for)
    ]


def show(
    out: Console, measured: list[Measured], begin: float, ran: list[Ran], simulated: list[Simulated], slots: int
) -> None:
    made = Table("exercise", *KINDS, "first, more", title="Seconds of the processor for one answer")
    for name in dict.fromkeys(each.exercise for each in measured):
        mine = {each.kind: each for each in measured if each.exercise == name}
        made.add_row(name, *(f"{mine[kind].seconds:.3f}" for kind in KINDS), f"{mine['right'].first:.2f}")
    out.print(made, f"A node takes {begin:.1f} s of the processor to begin.\n")
    made = Table(
        "nodes",
        "slots each",
        "answers",
        "seconds",
        "efficiency",
        "head, each answer",
        "file, each answer",
        title="Ray, nodes that sleep",
    )
    for each in ran:
        row = (
            each.nodes,
            each.slots,
            each.units,
            f"{each.seconds:.1f}",
            f"{each.efficiency:.3f}",
            f"{each.head * 1000:.2f} ms",
            f"{each.size / 1000:.1f} kB",
        )
        made.add_row(*map(str, row))
    out.print(made)
    made = Table(
        "nodes",
        "hours",
        "efficiency",
        "head is busy",
        title=f"Simulated: 1,000 students × 107 exercises, {slots} slots each",
    )
    for each in simulated:
        made.add_row(str(each.nodes), f"{each.seconds / 3600:.2f}", f"{each.efficiency:.3f}", f"{each.head:.0%}")
    out.print(made)
    targets = [Target(f"{each.nodes} nodes that sleep", each.efficiency, 0.9, at_least=True) for each in ran]
    targets += [Target(f"{each.nodes} nodes simulated", each.efficiency, 0.9, at_least=True) for each in simulated]
    for each in targets:
        out.print(f"{each.text}: {each.value:.3f}, at least {each.bound} wanted: {'met' if each.met else 'missed'}")


def main(
    exercise: Annotated[list[str] | None, typer.Option("--exercise", "-e", help="Measure these exercises.")] = None,
    times: Annotated[int, typer.Option("--times", "-n", help="How often each answer is measured.")] = 3,
    students: Annotated[int, typer.Option("--students", help="In the classes that are graded on Ray.")] = 60,
    many: Annotated[int, typer.Option("--many", help="Slots of each node in one more run on Ray; 0 for none.")] = 16,
    slots: Annotated[int, typer.Option("--slots", help="Of each simulated node.")] = 2,
    distinct: Annotated[bool, typer.Option("--distinct", help="Every answer returns something else.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write what was measured into this file.")] = None,
) -> None:
    """How well a cluster is used."""
    out, before = Console(), load()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        measured, begin = measure(ROOT, folder / "private", exercise or EXERCISES, times)
        plan = [(nodes, 1) for nodes in (1, 2, 4)] + ([(4, many)] if many else [])
        ran = []
        for nodes, each in plan:
            size = students * (12 if each > 1 else 1)  # enough that what the head does once counts for little
            file = folder / f"{nodes}-{each}.sqlite"
            ran.append(run(ROOT, folder / "private", measured, size, nodes, each, file, distinct))
        costs = Costs(
            begin, statistics.mean(each.first for each in measured if each.kind == "right"), 0.0, ran[-1].head
        )
        units = class_of(measured, 1000, 107)
        simulated = [simulate(units, nodes, slots, costs) for nodes in (1, 2, 4, 8, 16, 32, 64)]
    show(out, measured, begin, ran, simulated, slots)
    out.print(f"\n{machine()}, load {before} before and {load()} after")
    if json_file is not None:
        said = dict(
            measured=[
                dict(exercise=each.exercise, kind=each.kind, first=each.first, seconds=each.seconds)
                | dict(graded=len(each.graded), observations=sum(map(len, each.observations.values())))
                for each in measured
            ],
            begin=begin,
        )
        said |= dict(ran=ran, costs=costs, simulated=simulated, machine=machine(), load=[before, load()])
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(said), indent=1) + b"\n")


if __name__ == "__main__":
    typer.run(main)
