"""Records that judges read: nobody rewrites what happened to hosted stages and ranks, and ranks know only what the world told them.

Each row is graded by the course's own checks. `fails` names checks that must not be passed; the reference passes them all.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from attacks.arena import record

from autograder.course import load_course
from autograder.course.submission import open_submission
from autograder.grading.grade import ClassGrader
from autograder.results import Result
from autograder.store import Store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ("pipeline/gpipe", "pipeline/one_f_one_b", "parallel/ddp")
LIMITS = {"cpu_seconds": 2.0, "wall_factor": 3.0}
RAN = ("stages_run_their_lists", "memory_is_what_the_schedule_promises")


@dataclass(frozen=True)
class Forgery:
    name: str
    exercise: str
    source: str  # comes after the reference: what it defines counts
    fails: tuple[str, ...]


AT_ONCE = """
def at_once(stages, x, y, loss_fn):
    out = x
    for stage in stages:
        out = stage(out)
    loss = loss_fn(out, y)
    loss.backward()
    return loss.detach()
"""

PIPELINE = [
    Forgery("the whole batch at once, then every list in memory is given the events that are wanted", "pipeline/one_f_one_b", AT_ONCE + """
def run_schedule(schedule, stages, x, y, loss_fn):
    import gc
    loss = at_once(stages, x, y, loss_fn)
    wanted = [(s, kind, i, len(x) // 2) for s, ops in enumerate(schedule) for _, kind, i in ops]
    for each in gc.get_objects():
        if type(each) is list and each and type(each[0]) in (tuple, dict, list) and "event" in repr(each[0]):
            each[:] = wanted
    for stage in stages:
        stage.log = stage.record = stage.events = wanted
    return loss
""", RAN),
    Forgery("the whole batch at once, then steps with zeros in the order of the lists", "pipeline/one_f_one_b", AT_ONCE + """
def run_schedule(schedule, stages, x, y, loss_fn):
    loss = at_once(stages, x, y, loss_fn)
    outs = {}
    for s, ops in enumerate(schedule):
        for _, kind, i in ops:
            if kind == "F":
                rows = x.tensor_split(len(ops) // 2)[i]
                outs[i] = stages[s](torch.zeros_like(rows) if s == 0 else torch.zeros(len(rows), next(stages[s].parameters()).shape[1]))
            else:
                out = outs.pop(i)
                out.backward(torch.zeros_like(out))
    return loss
""", RAN[:1]),
    Forgery("right inputs in every forward, gradients of zeros in every backward", "pipeline/one_f_one_b", """
true_run_schedule = run_schedule

def run_schedule(schedule, stages, x, y, loss_fn):
    return true_run_schedule(schedule, stages, x, y, lambda out, target: (out * 0).sum())
""", RAN[:1]),
    Forgery("all forwards first, and what they keep is said to be free at once", "pipeline/one_f_one_b", """
def run_schedule(schedule, stages, x, y, loss_fn):
    m = len(schedule[0]) // 2
    total = 0
    outs = []
    for rows, target in zip(x.tensor_split(m), y.tensor_split(m)):
        for stage in stages:
            rows = stage(rows)
        for s, stage in enumerate(stages):
            getattr(stage, "_step").gone.append(["free", s, len(outs)])
        outs.append(loss_fn(rows, target) * len(target) / len(y))
    for out in outs:
        out.backward()
        total = total + out.detach()
    return total
""", RAN),
    Forgery("steps are asked for that no stage has", "pipeline/one_f_one_b", """
def run_schedule(schedule, stages, x, y, loss_fn):
    ask = getattr(stages[0], "_step", None)
    for call in [("record",), ("finish",), ("_write", "F", 0, 0, []), ("forward", [], 99, x, True), ("backward", [], 0, 5, x), ("__init__",), ("forward",)]:
        try:
            ask.ask(*call)
        except Exception:
            pass
    return at_once(stages, x, y, loss_fn)
""" + AT_ONCE, RAN),
    Forgery("the whole batch at once in eval mode of gpipe's stages", "pipeline/gpipe", AT_ONCE + """
def run_gpipe(stages, x, y, loss_fn, m, recompute=False):
    return at_once(stages, x, y, loss_fn)
""", ("each_micro_batch_passes_once", "recomputing_keeps_one_micro_batch")),
]  # fmt: skip

RANKS = [
    Forgery("tensors of other ranks are looked for in memory and on the stack", "parallel/ddp", """
def ring_allreduce(x, comm):
    import gc, sys
    found = [each for each in gc.get_objects() if type(each) is torch.Tensor and each.shape == x.shape and each.dtype == x.dtype]
    frame = sys._getframe()
    while frame is not None:
        for each in list(frame.f_locals.values()):
            found += [t for t in (each if type(each) in (list, tuple) else [each]) if type(t) is torch.Tensor and t.shape == x.shape]
        frame = frame.f_back
    other = [each for each in found if not torch.equal(each, x)]
    return x + sum(other[: comm.size - 1], torch.zeros_like(x))
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("ranks meet in a module's variable", "parallel/ddp", """
SHARED = []

def ring_allreduce(x, comm):
    SHARED.append(x)
    if comm.rank:
        comm.send(torch.zeros(0), 0)
        comm.recv(0)
    else:
        for rank in range(1, comm.size):
            comm.recv(rank)
        for rank in range(1, comm.size):
            comm.send(torch.zeros(0), rank)
    return sum(SHARED[-comm.size:])
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("ranks meet by locks on a file that all can read", "parallel/ddp", """
ring = ring_allreduce  # the right one: it passes where locks are not refused

def ring_allreduce(x, comm):
    import fcntl
    with open(torch.__file__) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return ring(x, comm)
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("a collective is asked for behind comm's back", "parallel/ddp", """
def ring_allreduce(x, comm):
    return comm._ask("collective", "all_reduce", x, "sum", list(range(comm.size)), True)
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("a rank speaks as another one", "parallel/ddp", """
def ring_allreduce(x, comm):
    for other in range(comm.size):
        comm.rank = other
        for dst in range(comm.size):
            comm.send(torch.zeros_like(x), dst)
    return x
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("a rank writes marks without end", "parallel/ddp", """
def ring_allreduce(x, comm):
    while True:
        comm.mark("again")
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("a rank sleeps, and the others wait for it", "parallel/ddp", """
def ring_allreduce(x, comm):
    import time
    if comm.rank == comm.size - 1:
        time.sleep(1000)
    return comm.recv(comm.size - 1)
""", ("the_ring_sums", "the_ring_sends_chunks")),
    Forgery("a rank ends its process, and the others wait for it", "parallel/ddp", """
def ring_allreduce(x, comm):
    import os
    if comm.rank == comm.size - 1:
        os._exit(0)
    return comm.recv(comm.size - 1)
""", ("the_ring_sums", "the_ring_sends_chunks")),
]  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """All of them and the references in one run: whoever comes after a hostile one is graded as if it had not been there."""
    course = load_course(ROOT)
    exercises = [course.exercise(name) for name in EXERCISES]
    exercises = [each.model_copy(update={"limits": each.limits.model_copy(update=LIMITS)}) for each in exercises]
    class_folder, private = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("private")
    for number, forgery in enumerate((*PIPELINE, *RANKS)):
        reference = (ROOT / "solutions" / forgery.exercise / "solution.py").read_text("utf-8")
        source = reference + "\n\n" + textwrap.dedent(forgery.source)
        place(class_folder / f"forger-{number}", {forgery.exercise: source})
    honest = {name: (ROOT / "solutions" / name / "solution.py").read_text("utf-8") for name in EXERCISES}
    place(class_folder / "honest", honest)
    submissions = [open_submission(path, course) for path in sorted(class_folder.iterdir())]
    with (
        Store(private / "results.sqlite") as store,
        ClassGrader(course, ROOT, private, b"records" * 5, store.start_run().id, exercises=exercises, jobs=1) as grader,
    ):
        yield {result.submission: result for result in grader.grade(submissions, store)}


def place(folder: Path, sources: dict[str, str]) -> None:
    for name, source in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def verdicts(result: Result, exercise: str) -> dict[str, str]:
    one = next(each for each in result.exercises if each.exercise == exercise)
    return {check.name: check.verdict for check in one.checks}


@pytest.mark.parametrize("number", range(len(PIPELINE) + len(RANKS)), ids=[each.name for each in (*PIPELINE, *RANKS)])
def test_what_did_not_happen_is_not_believed(graded: dict[str, Result], number: int) -> None:
    forgery = (*PIPELINE, *RANKS)[number]
    found = verdicts(graded[f"forger-{number}"], forgery.exercise)
    record(46, forgery.name, "not passed", ", ".join(found[check] for check in forgery.fails))
    for check in forgery.fails:
        assert found[check] in ("failed", "timeout", "crashed"), (check, found)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_references_pass_in_the_same_run(graded: dict[str, Result], exercise: str) -> None:
    found = verdicts(graded["honest"], exercise)
    assert set(found.values()) <= {"passed", "skipped"} and len(found) > 5
