"""otter's plugin: the engine grades in its jail, otter's kernel gets an empty notebook, and our results stand for otter's.

otter would run the submission in a kernel that has the tests in its working directory; so nothing of the student's comes
near it. The class needs nothing of otter until there are results to replace.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autograder.integrations.otter.otter_results import fill
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
