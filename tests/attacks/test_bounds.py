"""What one submission may cost the grader's own process, the twin and the results file, whatever it answers and prints."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks.arena import record
from attacks.course import temporary_folder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GRADING = """
schema = 1
id = "wide"
title = "Wide"

[limits]
cpu_seconds = 5
memory_mb = 1024

[[module]]
id = "wide"
title = "Wide"

[[module.exercise]]
name = "wide/table"
title = "Tables"
points = 4
"""
SOLUTION = '''"""Tables."""

from __future__ import annotations

from torch import Tensor


def double(x: Tensor) -> Tensor:
    """Twice x."""
    # BEGIN SOLUTION
    return 2 * x
    # END SOLUTION


def codes(x: Tensor) -> list[int]:
    """The first row, rounded."""
    # BEGIN SOLUTION
    return [round(each) for each in x[0].tolist()]
    # END SOLUTION
'''
CHECKS = '''"""Checks of tables."""

from autograder.checks import case, check, difference, reject


def table(rng, number):
    return {"x": rng.normal(256, 128)}


def row(rng, number):
    return {"x": rng.normal(1, 200)}


MANY = [case(number=number) for number in range(20)]


@check(points=2, inputs=table, public=MANY[:3], hidden=MANY[3:])
def tables_are_doubled(student, x):
    """Every number is doubled."""
    return student.double(x)


def spread(seen, want):
    seen, want = seen.flatten(), want.flatten()
    return difference((seen[:, None] - seen[None, :]).abs().max(), (want[:, None] - want[None, :]).abs().max())


@check(points=1, inputs=row, judge=spread, shapes="any", public=MANY[:1], hidden=MANY[1:3])
def spreads_are_doubled(student, x):
    """The numbers lie twice as far from each other."""
    return student.double(x)


def different(seen, want):
    if seen[len(want) - 1] > 1e100:
        return reject("The last code is too large.")
    return difference(len(set(seen)), len(set(want)))


@check(points=1, inputs=row, judge=different, public=MANY[:1], hidden=MANY[1:3])
def codes_differ(student, x):
    """There are as many codes as there should be."""
    return student.codes(x)
'''
MISTAKES = '''"""Wrong tables."""

from autograder.checks import mistake

mistake("You square x. Double it.", edit={"2 * x": "x * x"})
'''
RIGHT = """import os
import torch
def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x
def codes(x: torch.Tensor) -> list[int]:
    return [round(each) for each in x[0].tolist()]
"""
DOUBLE, CODES = "return 2 * x", "return [round(each) for each in x[0].tolist()]"


@dataclass(frozen=True)
class Row:
    """One submission, the check that it is about, and what is said of its public cases."""

    name: str
    source: str
    check: str
    verdict: str
    says: str


TABLE = [
    Row("the right answer", RIGHT, "tables_are_doubled", "passed", "passed"),
    Row("a million zeros", RIGHT.replace(DOUBLE, "return torch.zeros(1_000_000)"), "tables_are_doubled", "failed", "shape"),
    Row("16 MB of noise", RIGHT.replace(DOUBLE, "return torch.rand(4_000_000)"), "tables_are_doubled", "failed", "shape"),
    Row("100 MB", RIGHT.replace(DOUBLE, "return torch.zeros(25_000_000)"), "tables_are_doubled", "failed", "shape"),
    Row("a million numbers in a list", RIGHT.replace(CODES, "return list(range(900_000))"), "codes_differ", "failed", "length"),
    Row("noise as large as is kept", RIGHT.replace(DOUBLE, "return torch.rand(120_000)"), "tables_are_doubled", "failed", "shape"),
    Row("noise printed", RIGHT.replace(DOUBLE, "print(os.urandom(40_000).hex())\n    return 2 * x"), "tables_are_doubled", "passed", "passed"),
    Row("more than was asked for", RIGHT + """
import autograder.experiment.observe as o
from autograder.wire.encode import encode
o.encode_within = lambda value, limit: encode(torch.zeros(30_000_000))
""", "tables_are_doubled", "crashed", "run.protocol"),
    Row("inputs larger than they were", RIGHT.replace(DOUBLE, "y = 2 * x\n    x.data = torch.zeros(10_000_000)\n    return y"), "tables_are_doubled", "failed", "run.mutated"),
    Row("an outer product for the judge", RIGHT.replace(DOUBLE, "return torch.ones(1, 15_000) if x.shape[0] == 1 else 2 * x"), "spreads_are_doubled", "failed", "judge.memory"),
    Row("a list on which the judge raises", RIGHT.replace(CODES, "return []"), "codes_differ", "failed", "judge.raised"),
    Row("numbers of one hash for the judge", RIGHT.replace(CODES, "return [n * (2**61 - 1) for n in range(4_000)]"), "codes_differ", "failed", "value"),
]  # fmt: skip

GRADE = """
import json, sys
from pathlib import Path
from autograder.course.load import load_course
from autograder.course.submission import open_submission
from autograder.grading.grade import ClassGrader
from autograder.store import Store

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

root, private = Path(sys.argv[1]), Path(sys.argv[1]) / ".autograder"
course = load_course(root)
found = {}
for name in json.loads(sys.argv[2]):
    with Store(private / f"{name}.sqlite") as store:
        with ClassGrader(course, root, private, b"s" * 32, store.start_run().id, jobs=1) as grader:
            (result,) = grader.grade([open_submission(root / "submissions" / name, course)], store)
            used = [client._worker.used() for client in grader._twins if client._worker]
    one = result.exercises[0]
    found[name] = {
        "peak": peak(),
        "twin": max((each.memory for each in used if each), default=0),
        "file": (private / f"{name}.sqlite").stat().st_size,
        "checks": {
            check.name: [check.verdict]
            + [case.message.id if case.message else case.difference.kind if case.difference else case.verdict
               for case in check.cases if case.public]
            for check in one.checks
        },
    }
    print(name, found[name], file=sys.stderr)
assert "torch" not in sys.modules
print(json.dumps(found))
"""


def _name(number: int) -> str:
    return f"row-{number:02}"


@pytest.fixture(scope="module")
def graded() -> Any:
    """All rows, graded by one process that imports no torch: by name, what they cost and came to."""
    root = temporary_folder()
    files = {"solution.py": SOLUTION, "checks.py": CHECKS, "mistakes.py": MISTAKES}
    for name, text in {f"solutions/wide/table/{name}": text for name, text in files.items()}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "grading.toml").write_text(GRADING, encoding="utf-8")
    for number, row in enumerate(TABLE):
        path = root / "submissions" / _name(number) / "wide/table.py"
        path.parent.mkdir(parents=True)
        path.write_text(row.source, encoding="utf-8")
    names = [_name(number) for number in range(len(TABLE))]
    done = subprocess.run(
        [sys.executable, "-c", GRADE, str(root), json.dumps(names)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(TABLE)), ids=[row.name for row in TABLE])
def test_what_it_costs_is_bounded(graded: Any, number: int) -> None:
    row, found = TABLE[number], graded[_name(number)]
    verdict, *said = found["checks"][row.check]
    megabytes = {name: found[name] / 2**20 for name in ("peak", "twin", "file")}
    record(19, row.name, row.verdict, f"{verdict}: grader {megabytes['peak']:.0f} MB, twin {megabytes['twin']:.0f} MB")
    assert verdict == row.verdict and row.says in said, (verdict, said)
    assert megabytes["peak"] < 300, megabytes  # of the grader so far: it rises from row to row
    assert megabytes["twin"] < 700, megabytes
    assert megabytes["file"] < 12, megabytes
