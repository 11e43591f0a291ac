"""Checks as pytest items: `pytest assignments/tokenizer/test_bpe.py` for students, `pytest solutions/` for authors.

Student code runs in pytest's own process, so breakpoints, `--pdb`, `-k`, `-x`, `--lf` and printed output work as for any test.
This is for learning and authoring: a grade comes from `autograder grade`, in the jail.

- `test_<exercise>.py` beside `expected/<exercise>.plan`: the public cases against the recorded values.
- `checks.py` beside `solution.py`: every case, public and hidden, of the reference against itself and its judges; inputs of
  hidden cases are drawn with a fixed seed here, a class's secret has no part in it.
- The fixture `reference` gives an oracle test the module of `solution.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograder.checks.plan import PlannedCase, PlannedCheck

# Nothing of the engine is imported before an exercise is collected: other projects' pytest runs load this plugin too.


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gpu: needs a CUDA device (skipped where there is none)")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name == "checks.py" and (file_path.parent / "solution.py").exists():
        return ChecksFile.from_parent(parent, path=file_path)
    plan = file_path.parent / "expected" / (file_path.stem.removeprefix("test_") + ".plan")
    if file_path.name.startswith("test_") and file_path.suffix == ".py" and plan.exists():
        return PublicFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """A public test module is collected as checks (above), not as a module of test functions."""
    plan = module_path.parent / "expected" / (module_path.stem.removeprefix("test_") + ".plan")
    if module_path.name.startswith("test_") and plan.exists():
        return _Nothing.from_parent(parent, path=module_path)
    return None


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> Any:
    """The module of `solution.py` beside the test that asks for it, loaded afresh."""
    from autograder.checks.observe import load_module

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
    """The cases of one exercise as items."""

    def _items(self, runner: Any, cases: Any) -> Iterator[pytest.Item]:
        seen: set[str] = set()
        for check, case in cases:
            title = "".join(c if c.isprintable() and c not in "[]" else "_" for c in case.title)[:80]
            name = f"{check.name}[{title}]"
            while name in seen:
                name = name[:-1] + "'" + "]"
            seen.add(name)
            item = CheckItem.from_parent(self, name=name, runner=runner, check=check, case=case)
            if check.device != "cpu":
                item.add_marker(pytest.mark.gpu)
            yield item


class PublicFile(_Exercise):
    """The public cases that ship with an exercise, run on the student's file."""

    def collect(self) -> Iterator[pytest.Item]:
        from autograder.checks.local import PublicRunner
        from autograder.checks.plan import PlanError

        try:
            runner = PublicRunner(self.path)
        except PlanError as error:
            raise self.CollectError(str(error)) from error
        yield from self._items(runner, runner.plan.cases())


class ChecksFile(_Exercise):
    """Every case of an exercise, run on its reference."""

    def collect(self) -> Iterator[pytest.Item]:
        from autograder.checks.authoring import AuthoringError
        from autograder.checks.local import AuthorRunner

        try:
            runner = AuthorRunner(self.path.parent)
        except AuthoringError as error:
            raise self.CollectError(str(error)) from error
        yield from self._items(runner, runner.plan.cases())


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
        report = self.runner.run(self.check, self.case, debug=bool(self.config.option.usepdb))
        if report is not None:
            raise CheckFailed(report)

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
        return self.path, 0, self.name


def _has_cuda() -> bool:
    torch = sys.modules.get("torch")
    return bool(torch and torch.cuda.is_available())
