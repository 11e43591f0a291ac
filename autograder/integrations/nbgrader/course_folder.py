"""What an nbgrader course folder holds before nbgrader has seen it: `source/`, and settings.

An assignment is a module of the course, with a notebook for each topic. Beside the notebooks lie the public checks with their
recorded cases, so that the check cells work in the folder that students fetch. References and hidden cases stay in the course
repository: neither nbgrader nor formgrader needs them.

Files are an instructor's own once they are written: on a second export, what was changed there is kept, and said.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.config import Course, Module
from autograder.integrations.nbgrader.tool import NbgraderError
from autograder.release.assignments import Makers, assignment_files
from autograder.release.files import read_text, sha256, write_all
from autograder.release.public import public_grading
from autograder.release.topics import Exercise, group

CONFIG = "nbgrader_config.py"
MARKER = ".llm-internals-nbgrader.json"
SETTINGS = '''"""nbgrader's settings for this course. Written by `autograder export nbgrader`; yours to change."""

from nbconvert.exporters import NotebookExporter
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import ClearSolutions

c = get_config()
c.CourseDirectory.course_id = {course_id!r}


class ClearOtherSolutions(ClearSolutions):
    """The course's stubs are released as they are; cells of your own lose their solutions as usual."""

    def preprocess_cell(self, cell, resources, cell_index):
        if any(tag.startswith("exercise:") for tag in cell.metadata.get("tags", [])):
            return cell, resources
        return super().preprocess_cell(cell, resources, cell_index)


class GradedElsewhere(NotebookExporter):
    """nbgrader's own autograder would run students' code outside of the jail, and without the hidden checks."""

    why = "This course is graded by its own engine, from its repository: autograder grade --nbgrader FOLDER ASSIGNMENT"

    def __init__(self, *args, parent=None, **kwargs):
        if parent is not None:
            parent.log.error(self.why)
        raise NbGraderException(self.why)


steps = GenerateAssignment().preprocessors
c.GenerateAssignment.preprocessors = [ClearOtherSolutions if each is ClearSolutions else each for each in steps]
c.Autograde.exporter_class = GradedElsewhere
'''


@dataclass
class Written:
    """What an export did: the assignments as (name, when it is due in UTC or ""), and files that were left as they are."""

    assignments: list[tuple[str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def write_course_folder(root: Path, course: Course, out: Path, makers: Makers) -> Written:
    """Write `source/` and the settings to `out`. Raises `NbgraderError` where that would be a folder of something else."""
    marker = out / MARKER
    old: dict[str, str] = {}
    if marker.is_file():
        try:
            old = {str(name): str(digest) for name, digest in json.loads(marker.read_text("utf-8")).items()}
        except (ValueError, AttributeError):
            raise NbgraderError(
                f"{marker} was cut short. Delete it: files that differ are then kept, and said."
            ) from None
    elif out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / CONFIG).is_file())):
        raise NbgraderError(f"{out} holds something else than an nbgrader course. Name a new or empty folder.")
    files = {CONFIG: SETTINGS.format(course_id=course.id).encode()}
    for module in course.modules:
        for name, data in _assignment(root, module, makers).items():
            files[f"source/{module.id}/{name}"] = data
    written = Written([(module.id, _due(module)) for module in course.modules])
    for name, data in list(files.items()):
        path = out / name
        if path.is_file() and path.read_bytes() != data and sha256(path.read_bytes()) != old.get(name):
            written.kept.append(name)
            del files[name]
    write_all(out, files)
    marker.write_text(json.dumps(old | {name: sha256(data) for name, data in files.items()}, indent=1) + "\n", "utf-8")
    return written


def _assignment(root: Path, module: Module, makers: Makers) -> dict[str, bytes]:
    exercises = [Exercise(each.topic, each.slug, each.title, each.points) for each in module.exercises]
    topics = group((module.title, each) for each in exercises)
    made = assignment_files(root, makers=makers, topics=topics)
    wanted = re.compile(r"[^/]+/(?:expected/[^/]+\.plan|test_[^/]+\.py)")  # what the check cells need
    files = {f"assignments/{name}": data for name, data in made.items() if wanted.fullmatch(name)}
    files["grading.toml"] = public_grading(read_text(root, "grading.toml")).encode()
    return files | {f"{topic.name}.ipynb": made[f"{topic.name}/{topic.name}.ipynb"] for topic in topics}


def _due(module: Module) -> str:
    return module.due.isoformat() if module.due is not None else ""
