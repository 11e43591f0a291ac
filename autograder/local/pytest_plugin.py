"""Checks as pytest items: `pytest assignments/tokenizer/test_bpe.py` for students, `pytest solutions/` for authors.

Student code runs in pytest's own process, so breakpoints, `--pdb`, `-k`, `-x`, `--lf` and printed output work as for any test.
This is for learning and authoring: a grade comes from `autograder grade`, in the jail.

- `test_<exercise>.py` beside `expected/<exercise>.plan`: the public cases against the recorded values.
- `checks.py` beside `solution.py`: every case, public and hidden, of the reference against itself and its judges; inputs of
  hidden cases are drawn with a fixed seed here, a class's secret has no part in it.
- The fixture `reference` gives an oracle test the module of `solution.py`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograder.plan import PlannedCase, PlannedCheck

# Nothing of the engine is imported before an exercise is collected: other projects' pytest runs load this plugin too.


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gpu: needs a CUDA device (skipped where there is none)")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if _is_checks(file_path):
        return ChecksFile.from_parent(parent, path=file_path)
    if _is_public(file_path):
        return PublicFile.from_parent(parent, path=file_path)
    return None


def _is_checks(path: Path) -> bool:
    return path.name == "checks.py" and (path.parent / "solution.py").exists()


def _is_public(path: Path) -> bool:
    plan = path.parent / "expected" / (path.stem.removeprefix("test_") + ".plan")
    return path.name.startswith("test_") and path.suffix == ".py" and plan.exists()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """These files are collected as checks (above), not as modules of test functions."""
    if _is_checks(module_path) or _is_public(module_path):
        return _Nothing.from_parent(parent, path=module_path)
    return None


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> Any:
    """The module of `solution.py` beside the test that asks for it, loaded afresh."""
    from autograder.experiment.observe import load_module

    path = request.path.parent / "solution.py"
    if not path.exists():
        pytest.fail(
            f"there is no solution.py beside {request.path.name}; `reference` is for oracle tests in solutions/"
        )
    return load_module(
        path.read_text(encoding="utf-8"), f"oracle.{path.parent.parent.name}.{path.parent.name}", str(path)
    )


class _Nothing(pytest.Module):
    def collect(self) -> Iterator[pytest.Item]:
        return iter(())


class _Exercise(pytest.File):
    """The checks of one exercise."""

    def _checks(self, runner: Any) -> Iterator[pytest.Collector]:
        for check in runner.plan.checks:
            if check.cases:
                yield CheckCollector.from_parent(self, name=check.name, runner=runner, check=check)


class CheckCollector(pytest.Collector):
    """One check: `test_bpe.py::merges_in_order` runs all its cases, `test_bpe.py::merges_in_order::a tie` one."""

    def __init__(self, *, runner: Any, check: PlannedCheck, **more: Any) -> None:
        super().__init__(**more)
        self.runner, self.check = runner, check

    def collect(self) -> Iterator[pytest.Item]:
        seen: set[str] = set()
        for case in self.check.cases:
            # What can be written after `-k`, and pytest does not take apart when it reads it back (`--lf`).
            name = re.sub(r"[^\w.+-]+", "_", case.title).strip("_")[:80] or "case"
            while name in seen:
                name += "'"
            seen.add(name)
            item = CheckItem.from_parent(self, name=name, runner=self.runner, check=self.check, case=case)
            if self.check.device != "cpu":
                item.add_marker(pytest.mark.gpu)
            yield item


class PublicFile(_Exercise):
    """The public cases that ship with an exercise, run on the student's file."""

    def collect(self) -> Iterator[pytest.Collector]:
        from autograder.checks.declared import AuthoringError
        from autograder.local.local import PublicRunner
        from autograder.plan import PlanError

        try:
            runner = PublicRunner(self.path)
        except (PlanError, AuthoringError) as error:
            raise self.CollectError(str(error)) from error
        yield from self._checks(runner)


class ChecksFile(_Exercise):
    """Every case of an exercise, run on its reference."""

    def collect(self) -> Iterator[pytest.Collector]:
        from autograder.checks.declared import AuthoringError
        from autograder.local.local import AuthorRunner

        try:
            runner = AuthorRunner(self.path.parent)
        except AuthoringError as error:
            raise self.CollectError(str(error)) from error
        yield from self._checks(runner)


class CheckFailed(Exception):
    """A check's case that did not pass; its text is the report."""


class CheckItem(pytest.Item):
    """One case of one check."""

    def __init__(self, *, runner: Any, check: PlannedCheck, case: PlannedCase, **more: Any) -> None:
        super().__init__(**more)
        self.runner, self.check, self.case = runner, check, case

    def runtest(self) -> None:
        if self.check.device == "cuda" and not _has_cuda():
            pytest.skip("needs a CUDA device")
        if not self.check.is_runnable(gpu=True):
            pytest.skip(f"needs {self.check.needs}, which is not installed")
        if self.check.budget:
            bounded = " and ".join(sorted(self.check.budget))
            self.warn(pytest.PytestWarning(f"its {bounded} budget is not measured by pytest; `autograder check` does"))
        from autograder.local.debugger import watched

        debug = bool(self.config.option.usepdb)
        with watched(str(self.runner.file), debug) as last:
            report = self.runner.run(self.check, self.case, debug=debug)
        if report is not None:
            raise CheckFailed(report).with_traceback(last.traceback())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        # Their own exception: their frames only, none of ours.
        if getattr(self.runner, "file", None):
            own = [entry for entry in excinfo.traceback if str(entry.path) == str(self.runner.file)]
            if own:
                excinfo.traceback = type(excinfo.traceback)(own)
        return super().repr_failure(excinfo, style or "long")

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.check.name}: {self.case.title}"


def _has_cuda() -> bool:
    torch = sys.modules.get("torch")
    return bool(torch and torch.cuda.is_available())
