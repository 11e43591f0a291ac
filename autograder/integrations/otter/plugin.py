"""otter's plugin: the engine grades in its jail, otter's kernel gets an empty notebook, and our results stand for otter's.

otter would run the submission in a kernel that has the tests in its working directory; so nothing of the student's comes
near it. The class needs nothing of otter until there are results to replace.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from autograder.integrations.otter.run import graded

PLUGIN = f"{__name__}.Plugin"


class Plugin:
    """Named in the zip's `otter_config.json`; otter makes one for each submission."""

    def __init__(
        self, submission_path: str, submission_metadata: dict[str, Any], plugin_config: dict[str, Any]
    ) -> None:
        self._folder = Path(submission_path).parent
        self._content: dict[str, Any] = {}

    def before_grading(self, config: Any) -> None:
        """Grade, before otter does anything with the submission."""
        self._content = graded(Path(config.autograder_dir) / "source", self._folder)

    def before_execution(self, submission: Any) -> Any:
        """What otter's kernel runs in place of the submission: nothing."""
        import nbformat

        return nbformat.v4.new_notebook()

    def after_grading(self, results: Any) -> None:
        """Put our results into otter's object."""
        fill(results, self._content)


def fill(results: Any, content: dict[str, Any]) -> None:
    """Make otter's `GradingResults` say what `content`, of a results.json, says: a test file for each test with points."""
    results.clear_results()
    for test in content["tests"]:
        if "max_score" in test:
            file = _test_file(test)
            results.results[file.name] = file
    results.set_output(content["output"])
    results.to_gradescope_dict = functools.partial(_as_it_is, content)  # otter's own knows one visibility for all tests


def write_pickled(content: dict[str, Any], path: Path) -> None:
    """The file that `otter grade` reads out of its containers."""
    import dill  # pyright: ignore[reportMissingImports]
    from otter.test_files import GradingResults  # pyright: ignore[reportMissingImports]

    results = GradingResults([])
    fill(results, content)
    with path.open("wb") as file:
        dill.dump(results, file)


def _as_it_is(content: dict[str, Any], ag_config: Any) -> dict[str, Any]:
    return content


def _test_file(test: dict[str, Any]) -> Any:
    from otter.test_files import TestCase  # pyright: ignore[reportMissingImports]
    from otter.test_files.abstract_test import TestCaseResult  # pyright: ignore[reportMissingImports]
    from otter.test_files.ottr_test import OttrTestFile  # pyright: ignore[reportMissingImports]

    name = f"{test['number']} {test['name']}" if "number" in test else test["name"]
    case = TestCase(
        name=name,
        body="",
        hidden=test["visibility"] != "visible",
        points=test["max_score"],
        success_message=None,
        failure_message=None,
    )
    file = OttrTestFile(name=name, path=name, test_cases=[case], all_or_nothing=False)
    file.test_case_results = [
        TestCaseResult(test_case=case, message=test["output"], passed=test.get("status") == "passed")
    ]
    file.update_score(test["score"])
    return file
