"""What a node finds on its own machine before it grades, and why the head would not let it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

from autograder.cluster.machines import error_text
from autograder.cluster.messages import Missing, Report
from autograder.grading import hashes
from autograder.jail import usage
from autograder.jail.handle import Lost
from autograder.jail.host import JailError, Zygote
from autograder.jail.layers import isolation, probe_all
from autograder.wire.messages import Load

WORKER_SECONDS = 60.0


def examine(zygote: Zygote, packages: list[str]) -> Report:
    """What is found here; `zygote` is the one that will fork the workers in which students' code runs."""
    found = isolation()
    missing = [Missing(each.name, each.why, each.how) for each in probe_all() if each.name not in found.on]
    problem, cuda = _worker(zygote)
    return Report(
        code=hashes.code(),
        platform=here(),
        versions=hashes.versions(),
        packages=versions_of(packages),
        layers=found.on,
        missing=missing,
        enough=found.enough_for_hidden,
        why=found.why,
        worker=problem,
        cuda=cuda,
        budgets=usage.weakness(found.on),
    )


def unfit(error: Exception, packages: list[str]) -> Report:
    """What is said of a machine where our own program fails before it has looked at it."""
    return Report(
        code=hashes.code(),
        platform=here(),
        versions=hashes.versions(),
        packages=versions_of(packages),
        unfit=f"it can't begin ({error_text(error)})",
    )


def here() -> str:
    return f"{platform.system()} {platform.machine()}"


def versions_of(packages: list[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def _worker(zygote: Zygote) -> tuple[str, bool]:
    """Why no worker starts and answers here, and whether torch finds a device."""
    source = "def f() -> int:\n    return 1\n"
    try:
        ready = zygote.wait()
        with zygote.fork() as worker:
            worker.ask(
                Load("probe.f", "probe", source, source, "def e(student):\n    return student.f()\n"), WORKER_SECONDS
            )
    except Lost as lost:
        return f"a worker was started and gave no answer ({lost.why})", False
    except JailError as error:
        return str(error), False
    return "", ready.cuda


@dataclass(frozen=True)
class Wanted:
    """What a node must have in common with the head, so that it comes to the same grades."""

    code: str
    platform: str
    versions: dict[str, str]
    packages: dict[str, str]
    unsafe: bool  # hidden checks run whatever the isolation

    @classmethod
    def as_here(cls, packages: list[str], unsafe: bool) -> Wanted:
        return cls(hashes.code(), here(), hashes.versions(), versions_of(packages), unsafe)

    def lacks(self, report: Report) -> list[str]:
        """What keeps a node with this report from grading: a sentence each."""
        problems = []
        if report.platform != self.platform:
            problems.append(f"it is {report.platform}, the head {self.platform}: last digits differ")
        for name, version in (self.versions | self.packages).items():
            there = (report.versions | report.packages).get(name, "")
            if there != version:
                problems.append(f"{name} is {there or 'not installed'} there, {version or 'not installed'} here")
        if report.code != self.code and not problems:
            problems.append("it has other files of the autograder; install the same version there")
        if report.unfit:
            return [*problems, report.unfit]
        if not report.enough and not self.unsafe:
            problems.append(report.why)
            problems += [
                f"{each.name} takes {each.how}" for each in report.missing if each.how and each.name in report.why
            ]
        if report.worker:
            problems.append(report.worker)
        return problems
