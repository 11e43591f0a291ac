"""A change of an exercise, verified on a copy of the course before it is made."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.cli.common import private_folder
from autograder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autograder.course import Course, Exercise

FOLDERS = ("solutions", "lectures", "assignments")
_LITTER = shutil.ignore_patterns("__pycache__", ".*")


def require_verified(root: Path, course: Course, exercise: Exercise, files: Mapping[str, bytes]) -> None:
    """Refuse unless `autograder verify` accepts the exercise with these files of its folder. Nothing of the course is touched."""
    from autograder.cli.verify import Bench, show_reports
    from autograder.course import load_course
    from autograder.feedback.pen import console

    with tempfile.TemporaryDirectory(prefix="autograder-rehearsal-") as name:
        copy = Path(name)
        for path in root.iterdir():
            if path.is_file() and not path.is_symlink():
                shutil.copy(path, copy)
        for folder in FOLDERS:
            if (root / folder).is_dir():
                shutil.copytree(root / folder, copy / folder, ignore=_LITTER)
        loaded = load_course(copy)
        chosen = loaded.exercise(exercise.name)
        for file, data in files.items():
            (chosen.solution_dir(copy) / file).write_bytes(data)
        # What was remembered of the course's own files is of these as well, where they are the same.
        with Bench(copy, loaded, private_folder(root)) as bench:
            reports = bench.verify([chosen])
        if not all(report.good for report in reports):
            show_reports(console(), reports, details=False)
            raise Refused(
                f"`autograder verify` does not accept {exercise.name} with it (see above). Nothing was written."
            )
