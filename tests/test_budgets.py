"""Budgets: real submissions, right and wasteful, measured by the kernel in real workers."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_course import GRADING, Class, SharedZygote, check, exercise, make_course

from autograder.checks import Budget, case
from autograder.checks import check as declare
from autograder.checks.declared import AuthoringError
from autograder.course import load_course
from autograder.feedback import messages
from autograder.feedback.policy import student_exercise
from autograder.grading import budget
from autograder.grading import graders as graders_module
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.rejudge import rejudge
from autograder.grading.student import StudentChecker
from autograder.jail import usage
from autograder.jail.handle import Worker
from autograder.jail.host import Zygote
from autograder.plan import Plan, PlannedCheck, load_plan, public_plan, read_plan, write_plan
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.results import Result
from autograder.twin import messages as twin
from autograder.wire.decode import decode
from autograder.wire.encode import encode

REFERENCE = '''"""How far numbers lie apart."""

from __future__ import annotations

import torch
from torch import Tensor


def spread(x: Tensor) -> Tensor:
    """The largest |x_i - x_j|, as a tensor without dimensions."""
    # BEGIN SOLUTION
    return x.max() - x.min()
    # END SOLUTION
'''
CHECKS = '''"""Checks of spreads."""

from autograder.checks import Budget, case, check


def numbers(rng, n):
    return {"x": rng.normal(n)}


@check(points=3, inputs=numbers, budget=Budget(memory=4),
       public=[case("many", n=4096)], hidden=[case("even more", n=4500)])
def needs_no_table_of_pairs(student, x):
    """It never holds a table of all pairs."""
    return student.spread(x)
'''
SMALLEST = '''"""The smallest number."""


def smallest(numbers: list[int]) -> int:
    """The smallest of `numbers`."""
    # BEGIN SOLUTION
    best = numbers[0]
    for _ in range(20):
        for number in numbers:
            best = min(best, number)
    return best
    # END SOLUTION
'''
SMALLEST_CHECKS = '''"""Checks of the smallest."""

from autograder.checks import Budget, case, check


def integers(rng, n):
    return {"numbers": rng.integers(0, 10**6, n).tolist()}


@check(points=3, inputs=integers, budget=Budget(cpu=4),
       public=[case("many", n=2000)], hidden=[case("as many", n=2100)])
def takes_no_longer_than_it_must(student, numbers):
    """It goes through the numbers a few times at most."""
    return student.smallest(numbers)
'''
MISTAKES = '''"""Wasteful answers."""

from autograder.checks import mistake

mistake("You compare all pairs at once.", edit={"x.max() - x.min()": "(x[:, None] - x).abs().max()"},
        fails=["needs_no_table_of_pairs"])
'''


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Any:
    shared: Any = SharedZygote(zygote)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graders_module, "Zygote", lambda *_, **__: shared)
        root = make_course(
            tmp_path_factory.mktemp("budgets"),
            grading=GRADING.replace("points = 5", "points = 3").replace('requires = ["numbers_of/total"]', ""),
            total_solution=REFERENCE,
            total_checks=CHECKS,
            total_mistakes=MISTAKES,
            pick_solution=SMALLEST,
            pick_checks=SMALLEST_CHECKS,
        )
        yield Class(root, shared)


def grade(group: Class, name: str, total: str = REFERENCE, pick: str = SMALLEST) -> Result:
    return group.grade_one(name, total=total, pick=pick)


def spread(body: str, before: str = "") -> str:
    """A submission whose `spread` is `body`, after the lines `before`."""
    lines = "\n".join("    " + line for line in body.splitlines())
    return f"import torch\nfrom torch import Tensor\n{before}\n\ndef spread(x: Tensor) -> Tensor:\n{lines}\n"


def memory_case(result: Result, public: bool = True) -> Any:
    cases = check(result, "needs_no_table_of_pairs").cases
    return next(case for case in cases if case.public is public)


PAIRS = "return (x[:, None] - x).abs().max()"


def test_a_right_answer_keeps_to_its_budget_and_the_ratio_is_recorded(group: Class) -> None:
    result = grade(group, "right", total=REFERENCE + "# right\n")
    assert exercise(result).verdict == exercise(result, "numbers_of/pick").verdict == "passed"
    assert memory_case(result).spent["memory"] < 2
    assert set(check(result, "takes_no_longer_than_it_must").cases[0].spent) == {"cpu"}


def test_a_table_of_pairs_breaks_the_budget_at_a_line(group: Class) -> None:
    result = grade(group, "pairs", total=spread("y = x[:, None]\n" + PAIRS.replace("x[:, None]", "y")))
    case = memory_case(result)
    assert case.verdict == "failed" and check(result, "needs_no_table_of_pairs").earned == 0
    assert case.message.id == "budget.memory" and case.message.values["bound"] == 4
    assert case.spent["memory"] > 8  # a table of 64 MiB, twice, against the least that counts
    assert (case.place.function, case.place.text) == ("spread", PAIRS.replace("x[:, None]", "y"))
    said = messages.text(case.message)
    assert said == (
        f"The answer is right, but it needed {case.message.values['times']}× the memory of the reference (bound 4×)."
    )
    shown = student_exercise(exercise(result))
    hidden = next(each for each in shown.checks[0].cases if not each.public)
    assert hidden.message is not None and hidden.message.values == {"bound": 4} and hidden.spent == {}


ATTACKS = {
    "frees before the end": "t = x[:, None] - x\ny = t.abs().max()\ndel t\nreturn y",
    "works in place": "return torch.sub(x[:, None], x).abs_().max()",
    "never touches all of it": "t = torch.empty(len(x), len(x))\nt[0] = x\nreturn x.max() - x.min()",
    "hands it back to the kernel": (
        "import ctypes\nt = x[:, None] - x\ny = t.abs().max()\n"
        "ctypes.CDLL(None).madvise(ctypes.c_void_p(t.data_ptr() // 4096 * 4096 + 4096), t.numel() * 4 - 8192, 4)\nreturn y"
    ),
    "maps shared memory": (
        "import mmap\nt = torch.frombuffer(mmap.mmap(-1, len(x)**2 * 4), dtype=torch.float32).view(len(x), -1)\n"
        "torch.sub(x[:, None], x, out=t)\nreturn t.abs_().max()"
    ),
    "lets a thread do it": (
        "import threading\nfound = []\n"
        "t = threading.Thread(target=lambda: found.append((x[:, None] - x).abs().max()))\nt.start()\nt.join()\nreturn found[0]"
    ),
    "keeps it in Python": "t = [a - b for a in x[:600].tolist() for b in x[:600].tolist()] * 20\nreturn x.max() - x.min()",
    "gives libraries back first": (
        "import ctypes, re\nfor line in open('/proc/self/maps'):\n"
        "    found = re.match('([0-9a-f]+)-([0-9a-f]+) r-xp .*libtorch_cpu', line)\n    if found:\n"
        "        low, high = (int(each, 16) for each in found.groups())\n"
        "ctypes.CDLL(None).munmap(ctypes.c_void_p(low + 2**25), ctypes.c_size_t(3 * 2**25))\n"
        "t = bytearray(len(x)**2 * 4)\nreturn x.max() - x.min()"
    ),
    "resets the high-water mark": (
        "y = (x[:, None] - x).abs().max()\n"
        "try:\n    open('/proc/self/clear_refs', 'w').write('5')\nexcept OSError:\n    pass\nreturn y"
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_memory_can_not_be_hidden(group: Class, name: str) -> None:
    case = memory_case(grade(group, "attack", total=spread(ATTACKS[name])))
    assert case.message is not None and case.message.id == "budget.memory", (case.message, case.spent)


@pytest.mark.parametrize(
    "ends", ["os._exit(0)", "ctypes.CDLL(None).syscall(60, 0)"], ids=["at once", "its first thread"]
)
def test_who_ends_before_it_is_measured_has_no_answer(group: Class, ends: str, monkeypatch: Any) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the number of a system call")
    before = (
        "import ctypes, os, threading, time\nfrom autograder.wire.channel import Channel\n"
        f"def gone(*_):\n    {ends}\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    used = Worker.used

    def late(worker: Worker) -> usage.Usage | None:
        time.sleep(0.5)  # the grader may be slower than the submission
        return used(worker)

    monkeypatch.setattr(Worker, "used", late)
    answer = "Channel.receive = gone  # when it has answered\n" + PAIRS
    case = memory_case(grade(group, "gone", total=spread(answer, before)))
    assert case.verdict == "crashed", (case.message, case.spent)


@pytest.mark.parametrize(
    "before",
    [
        "HOARD = torch.ones(4500, 4500)",  # filled when the file is imported
        "HOARD = torch.empty(4500, 4500)",  # only mapped then
        "import mmap\nHOARD = torch.frombuffer(mmap.mmap(-1, 4500**2 * 4), dtype=torch.float32).view(4500, 4500)",
    ],
)
def test_memory_that_the_file_takes_when_it_is_imported_counts(group: Class, before: str) -> None:
    body = "n = len(x)\nreturn torch.sub(x[:, None], x, out=HOARD[:n, :n]).abs_().max()"
    case = memory_case(grade(group, "import", total=spread(body, before)))
    assert case.message is not None and case.message.id == "budget.memory"


def test_another_process_or_file_in_memory_can_not_be_had(group: Class) -> None:
    tries = "import os\nfor f in (os.fork, lambda: os.memfd_create('x')):\n    try:\n        f()\n    except OSError:\n        continue\n"
    result = grade(
        group, "child", total=spread(tries + "    raise RuntimeError('it worked')\nreturn x.max() - x.min()")
    )
    assert memory_case(result).verdict == "passed"


SLOW = "    best = numbers[0]\n    for _ in range(1500):\n        for number in numbers:\n            best = min(best, number)\n"


@pytest.mark.parametrize(
    "slow",
    [
        SLOW,
        "    import threading\n    threads = [threading.Thread(target=lambda: [min(numbers) for _ in range(3000)]) for _ in range(4)]\n"
        "    [t.start() for t in threads]\n    [t.join() for t in threads]\n    best = min(numbers)\n",
    ],
    ids=["a slow loop", "slow threads"],
)
def test_work_is_counted_wherever_it_is_done(group: Class, slow: str) -> None:
    start = SMALLEST.index("    best = numbers")
    result = grade(group, "slow", pick=SMALLEST[:start] + slow + "    return best\n")
    found = check(result, "takes_no_longer_than_it_must")
    assert found.verdict in ("failed", "timeout")
    if found.verdict == "failed":
        assert found.cases[0].message is not None and found.cases[0].message.id == "budget.cpu"


def test_work_done_when_the_file_is_imported_counts(group: Class) -> None:
    # The reference takes less than the least that counts (20 ms), on a slow machine too; this takes ten times that.
    burnt = SMALLEST + "\n\nBURNT = sum(i * i for i in range(3 * 10**6))\n"
    found = check(grade(group, "burnt", pick=burnt), "takes_no_longer_than_it_must")
    assert found.cases[0].message is not None and found.cases[0].message.id == "budget.cpu"


def test_a_wrong_answer_is_called_wrong_and_not_dear(group: Class) -> None:
    case = memory_case(grade(group, "wrong", total=spread("return (x[:, None] - x).max() + 1")))
    assert case.verdict == "failed" and case.message is None and case.difference is not None


class Measured:
    """Answers with given ratios, one after the other."""

    def __init__(self, *ratios: float) -> None:
        self.ratios = list(ratios)
        self.in_turn: list[bool] = []

    def __call__(self, check: PlannedCheck, used: usage.Usage, reference: dict[str, float]) -> dict[str, float]:
        return dict.fromkeys(check.budget, self.ratios.pop(0) if self.ratios else 1.0)


def test_one_bad_measurement_costs_nothing_and_the_best_one_counts(group: Class, monkeypatch: Any) -> None:
    monkeypatch.setattr(budget, "spent", Measured(9.0, 5.0, 2.0))
    result = grade(group, "unlucky", total=REFERENCE + "# unlucky\n")
    assert exercise(result).verdict == "passed"
    assert memory_case(result).spent == {"memory": 2.0}


def test_a_broken_budget_is_measured_alone_and_in_turn_with_the_reference(group: Class, monkeypatch: Any) -> None:
    asked: list[bool] = []
    needs = ExerciseGrader._needs

    def seen(self: ExerciseGrader, check: Any, planned: Any, in_turn: bool) -> Any:
        if "memory" in check.budget:
            asked.append(in_turn and self.gate._alone)
        return needs(self, check, planned, in_turn)

    monkeypatch.setattr(ExerciseGrader, "_needs", seen)
    grade(group, "broken", total=spread(PAIRS + "  # again"))
    assert asked == [False] + [True] * budget.REPEATS + [False]  # the hidden case comes when the public one is decided


def test_the_public_plan_has_what_memory_the_reference_needs_and_no_seconds(group: Class) -> None:
    path = next((group.root / ".autograder/plans").glob("numbers_of.total.*"))
    full = load_plan(path)
    assert all(case.needs.keys() == {"memory", "cpu"} for check, case in full.cases())
    public = public_plan(full)
    assert all(case.needs.keys() == {"memory"} for _, case in public.cases())
    assert full.reference and not public.reference


def test_ratios() -> None:
    bounded = PlannedCheck(name="f", claim="", points=1, budget={"memory": 3.0, "cpu": 5.0})
    used = usage.Usage(memory=90 * 2**20, cpu=0.1)
    spent = budget.spent(bounded, used, {"memory": 10 * 2**20, "cpu": 0.05})
    assert spent == {"cpu": 2.0, "memory": 9.0}
    assert budget.broken(bounded, spent) == "memory" and budget.excess(bounded, spent) == 3
    assert budget.spent(bounded, used, {"memory": 1}) == {"memory": 22.5}  # as if it needed 4 MiB; no seconds known
    assert budget.broken(bounded, {}) == ""
    assert budget.megabytes(bounded, {"memory": 10 * 2**20}) == 30


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"budget": Budget(memory=1)}, "more than the reference"),
        ({"budget": Budget(cpu=5), "device": "cuda"}, "device="),
    ],
)
def test_budgets_that_can_not_be(arguments: Any, says: str) -> None:
    def f(student: Any) -> None:
        """It does."""

    with pytest.raises(AuthoringError, match=says):
        declare(points=1, public=[case()], **arguments)(f)


def test_no_usage_of_a_process_that_is_gone(tmp_path: Path) -> None:
    assert usage.usage(2**22 - 1) is None and usage.start(2**22 - 1) is None


def test_a_mended_bound_is_judged_without_running_anything(group: Class) -> None:
    result = grade(group, "mended", total=spread(PAIRS))
    plan = load_plan(next((group.root / ".autograder/plans").glob("numbers_of.total.*")))

    def earned(bound: float) -> int:
        for each in plan.checks:
            each.budget = {"memory": bound}

        def review(seen: list[twin.Seen]) -> list[twin.Verdict]:
            return [twin.Verdict(True) for _ in seen]

        with group.store as store:
            again = rejudge(result, {plan.exercise: (plan, review)}, store, "again")
        assert not again.needs_run
        return check(again.result, "needs_no_table_of_pairs").earned

    assert [earned(bound) for bound in (4, 1000)] == [0, 3]


@pytest.fixture(scope="module")
def repository(group: Class) -> Any:
    """The assignments of the course, as students get them."""
    build_assignments(group.root, makers=makers(group.root, group.course, group.root / ".autograder"))
    return group.root


def test_students_see_their_memory_in_check_and_a_warning_in_pytest(repository: Path, zygote: Zygote) -> None:
    file = repository / "assignments/numbers_of/total.py"
    file.write_text(spread(PAIRS), encoding="utf-8")
    checker = StudentChecker(repository, load_course(repository), zygote)
    result = checker.check([checker.course.exercise("numbers_of/total")], lambda result: None)[0]
    case = result.checks[0].cases[0]
    assert case.message is not None and case.message.id == "budget.memory" and case.place is not None
    pick = repository / "assignments/numbers_of/pick.py"
    pick.write_text(SMALLEST.replace("range(100)", "range(600)"), encoding="utf-8")
    result = checker.check([checker.course.exercise("numbers_of/pick")], lambda result: None)[0]
    assert result.verdict == "passed"  # seconds are compared where the reference is, when it is graded
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file.with_name("test_total.py"))],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0 and "memory budget is not measured by pytest" in said.stdout


def test_a_measurement_alone_makes_no_file_stale(repository: Path, group: Class) -> None:
    def public() -> Plan:
        return read_plan(
            makers(group.root, group.course, group.root / ".autograder").public_plan("numbers_of/total"), ""
        )

    path = repository / "assignments/numbers_of/expected/total.plan"
    committed = load_plan(path)
    measured = committed.checks[0].cases[0].needs["memory"]
    for more, kept in ((2**19, True), (2**26, False)):
        committed.checks[0].cases[0].needs["memory"] = measured + more
        path.write_bytes(write_plan(committed))
        assert (public().checks[0].cases[0].needs["memory"] == measured + more) is kept


@pytest.mark.parametrize(("change", "kept"), [(1e-8, True), (1e-2, False)])
def test_the_last_bits_of_floats_make_no_file_stale(tmp_path: Path, group: Class, change: float, kept: bool) -> None:
    made = makers(group.root, group.course, group.root / ".autograder").public_plan("numbers_of/total")
    root = tmp_path / "elsewhere"
    shutil.copytree(group.root, root, ignore=shutil.ignore_patterns("runs"))
    path = root / "assignments/numbers_of/expected/total.plan"
    path.parent.mkdir(parents=True, exist_ok=True)
    committed = read_plan(made, "")
    case = committed.checks[0].cases[0]
    want = decode(case.want)
    case.want = encode(want + change if isinstance(want, torch.Tensor) else float(want) + change)
    path.write_bytes(write_plan(committed))
    again = read_plan(makers(root, group.course, root / ".autograder").public_plan("numbers_of/total"), "")
    assert (again.checks[0].cases[0].want == case.want) is kept
