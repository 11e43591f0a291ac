"""Our results as otter's own object, for what reads them in otter's way."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any


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
