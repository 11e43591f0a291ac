"""A topic → the zip that `otter run`, `otter grade` and Gradescope take, in the layout that `otter generate` gives.

    otter_config.json            names our plugin
    setup.sh, run_autograder     Gradescope's two scripts; otter's own would build a conda environment with TeX and a browser
    run_otter.py                 what run_autograder runs
    requirements.txt             otter, and torch as the course pins it
    requirements.course.zip      the engine and the course: private (`bundle`)
    environment.yml, tests/      what otter looks for

The same course gives the same bytes.
"""

from __future__ import annotations

import functools
import json
import platform
import re
from collections.abc import Iterable
from pathlib import Path

import jinja2

from autograder.course import Course, Exercise
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import IDENTITY, load_secret
from autograder.integrations.gradescope import to_json
from autograder.integrations.otter.bundle import ARCHIVE, DRAW, SETTINGS, Settings
from autograder.integrations.otter.results import OURS, not_graded
from autograder.integrations.otter.run import make_plans
from autograder.release.wheel import engine_wheel, zipped
from autograder.source.errors import ReleaseError

OTTER = "7.0.0"
MINUTES = 10
"""Gradescope's default limit for one submission."""
MARGIN = 30
"""Seconds before that limit at which we stop ourselves, so that a sentence is written."""
_NOT_SHIPPED = {"test_oracle.py", "__pycache__"}

TOO_SLOW = (
    "grading took longer than {minutes} minutes. Instructors: Assignment Settings → Autograder → Container Specifications → choose "
    "more CPU; or Autograder Timeout → choose more, and export the zip with --minutes to match. Then regrade."
)
TOO_LARGE = (
    "the container ran out of memory. Instructors: Assignment Settings → Autograder → Container Specifications → choose more RAM. "
    "Then regrade."
)


def autograder_zip(
    root: Path,
    course: Course,
    exercises: list[Exercise],
    private: Path,
    settings: Settings,
    *,
    minutes: int = MINUTES,
) -> bytes:
    """The zip for `exercises` of the course in `root`; `private` is its `.autograder`.

    Makes the plans first, so a broken exercise is refused here and not in a container. Raises `ReleaseError`,
    `CourseProblem` and `SecretError`.
    """
    constraints = _constraints(root)
    wheel, engine = engine_wheel()
    course_files = {
        **_course(root, exercises),
        **_private(root, course, exercises, private),
        "constraints.txt": constraints.encode(),
        SETTINGS: settings.encoded(),
        wheel: engine,
    }
    points = settings.points or float(sum(each.points for each in exercises))
    python = ".".join(platform.python_version_tuple()[:2])
    requirements = [f"otter-grader[grading]=={OTTER}", *_pins(constraints, ["torch"])]

    def sentence(why: str) -> str:
        return to_json(not_graded(why, points)).strip()

    files = {
        ARCHIVE: zipped(course_files),
        "requirements.txt": "\n".join(requirements) + "\n",
        "otter_config.json": json.dumps(_config(exercises), indent=2) + "\n",
        "environment.yml": _render("environment.yml", python=python, requirements=requirements),
        "tests/course.py": _render("course_tests.py"),
        "run_otter.py": _render("run_otter.py"),
        "setup.sh": _render("setup.sh", python=python, archive=ARCHIVE, wheel=wheel),
        "run_autograder": _render(
            "run_autograder",
            seconds=minutes * 60 - MARGIN,
            too_slow=sentence(TOO_SLOW.format(minutes=minutes)),
            too_large=sentence(TOO_LARGE),
            broken=sentence(OURS),
        ),
    }
    content = {name: data if isinstance(data, bytes) else data.encode() for name, data in files.items()}
    return zipped(content, frozenset({"setup.sh", "run_autograder"}))


def _config(exercises: Iterable[Exercise]) -> dict[str, object]:
    from autograder.integrations.otter.plugin import PLUGIN

    return {"plugins": [{PLUGIN: {"exercises": [each.name for each in exercises]}}], "print_summary": False}


def _course(root: Path, exercises: Iterable[Exercise]) -> dict[str, bytes]:
    """grading.toml as it is, and what grading reads of each exercise."""
    files = {"grading.toml": (root / "grading.toml").read_bytes()}
    for exercise in exercises:
        folder = exercise.solution_dir(root)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _NOT_SHIPPED.intersection(path.relative_to(folder).parts):
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    return files


def _private(root: Path, course: Course, exercises: list[Exercise], private: Path) -> dict[str, bytes]:
    """The secret, and the plans as they are made here: a machine with the same versions uses them as they are."""
    secret = load_secret(private)
    with ClassGrader(course, root, private, secret, "export", draw=DRAW, exercises=exercises, jobs=1) as grader:
        paths = make_plans(grader)
    found = {f".autograder/plans/{path.name}": path.read_bytes() for path in paths}
    found[".autograder/secret"] = f"{secret.hex()}\n".encode()
    if (private / IDENTITY).exists():
        found[f".autograder/{IDENTITY}"] = (private / IDENTITY).read_bytes()
    return found


def _constraints(root: Path) -> str:
    path = root / "constraints.txt"
    if not path.is_file():
        raise ReleaseError("it has no constraints.txt, so the container's torch would be any.", file=str(root))
    return path.read_text("utf-8")


def _pins(constraints: str, names: Iterable[str]) -> list[str]:
    """The lines of constraints.txt that pin `names`, or the bare names."""
    found = []
    for name in names:
        pin = re.search(rf"^{re.escape(name)}\s*==\s*[\w.+!]+", constraints, re.MULTILINE)
        found.append(pin[0].replace(" ", "") if pin else name)
    return found


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.integrations.otter"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # shell and Python, not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
    )


def _render(template: str, **values: object) -> str:
    return _templates().get_template(f"{template}.j2").render(**values)
