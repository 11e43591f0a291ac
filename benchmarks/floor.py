"""The floor: a process that has imported torch forks, the child runs the ten checks on a submission and ends, and is reaped.

Nothing is isolated, timed out, sent, recorded or explained here: this is what any grader that starts a fresh process for a
submission has to pay. Inputs and expected values lie ready in the parent's memory, and everything has been run once before the
first fork. Started by exec; answers each line on stdin with the seconds that one round took.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from autograder.plan import Plan, load_plan
from autograder.wire.decode import decode


def equal(got: Any, want: Any) -> bool:
    if isinstance(want, dict):
        return isinstance(got, dict) and all(equal(got[name], want[name]) for name in want)
    return torch.allclose(got, want, rtol=1e-4, atol=1e-5)


class Checks:
    def __init__(self, plan: Plan) -> None:
        self.experiments: dict[str, Any] = {}
        exec(compile(plan.experiments, "checks.py", "exec"), self.experiments)
        self.cases = [(check.name, decode(case.inputs), decode(case.want)) for check, case in plan.cases()]

    def run(self, source: str) -> bool:
        student = ModuleType("student")
        exec(compile(source, "student.py", "exec"), student.__dict__)
        return all(equal(self.experiments[name](student, **inputs), want) for name, inputs, want in self.cases)


def fork_run_reap(checks: Checks, source: str) -> float:
    """Seconds of one round."""
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if checks.run(source) else 1)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit("the submission does not pass the ten checks in the bare fork")
    return seconds


def main(plan: str, submission: str) -> None:
    torch.set_num_threads(1)
    checks, source = Checks(load_plan(Path(plan))), Path(submission).read_text(encoding="utf-8")
    checks.run(source)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(fork_run_reap(checks, source), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
