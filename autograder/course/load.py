"""Reads `grading.toml`: from a file to a `Course`, or to every problem in it at once."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from autograder.course import rules
from autograder.course.config import FILE, Course
from autograder.course.explain import Places, explain
from autograder.course.problems import CourseError, Problem
from autograder.refusals import Refused

MAX_BYTES = 4 * 2**20


def find_root(given: Path | None) -> Path:
    """The folder of the course: the one given, else the nearest one above that has a `grading.toml`."""
    start = (given or Path.cwd()).resolve()
    if given is not None:
        return start
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise Refused(
        f"There is no grading.toml in {start} or above it, so this is not a course.\n"
        "Change into the course's folder, or name it with --course."
    )


def load_course(root: Path) -> Course:
    """The course in `root`; raises `CourseError` with every problem of its `grading.toml`."""
    root = Path(root)
    text = _read(root / FILE)
    raw = _parse(text)
    at = Places(raw, text)
    problems = _dates(raw, at)
    course = None
    try:
        course = Course.model_validate(raw)
    except ValidationError as error:
        problems += explain(error, at)
    except RecursionError:
        problems.append(Problem(FILE, "", "it is nested too deeply"))
    if course is not None:
        problems += [at.problem(loc, what, allowed) for loc, what, allowed in rules.broken(course, root)]
    if course is None or problems:
        raise CourseError(sorted(problems, key=lambda problem: problem.line or 0))
    return _inherit(course).at(root.absolute())


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CourseError(
            [Problem(str(file), "", "there is no such file", f"a folder with a {FILE}: the root of the course")]
        ) from None
    except OSError as error:
        raise CourseError([Problem(str(file), "", f"it can't be read ({error.strerror})")]) from None
    if len(data) > MAX_BYTES:
        raise CourseError([Problem(FILE, "", "it is larger than 4 MiB")])
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CourseError([Problem(FILE, "", "it is not UTF-8 text", "UTF-8", line)]) from None


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # tomllib's own error is one, and so is a number of 10 000 digits
        raise CourseError([Problem(FILE, "", f"it is not valid TOML: {error}")]) from None
    except RecursionError:
        raise CourseError([Problem(FILE, "", "it is nested too deeply")]) from None


def _inherit(course: Course) -> Course:
    """The same course with defaults filled in: limits, feedback and forbidden names come down to who leaves them out."""
    modules = []
    for module in course.modules:
        exercises = []
        for each in module.exercises:
            limits = course.limits.model_copy(
                update={key: getattr(each.limits, key) for key in each.limits.model_fields_set}
            )
            forbid = tuple(dict.fromkeys((*module.forbid, *each.forbid)))
            exercises.append(each.model_copy(update={"limits": limits, "forbid": forbid}))
        own = {key: getattr(module.feedback, key) for key in module.feedback.model_fields_set}
        feedback = course.feedback.model_copy(update=own)
        modules.append(module.model_copy(update={"exercises": tuple(exercises), "feedback": feedback}))
    modules.sort(key=lambda module: (module.order is None, module.order or 0))
    return course.model_copy(update={"modules": tuple(modules)})


# ---------------------------------------------------------------- dates


def _dates(raw: dict[str, Any], at: Places) -> list[Problem]:
    """Give every date of `raw` its time zone, in place."""
    problems = []
    zone: tzinfo = UTC
    name = raw.get("timezone", "UTC")
    if isinstance(name, str) and name != "UTC":  # Windows has no database of zones, and UTC needs none
        try:
            zone = ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            allowed = 'a name of the IANA database, as "Europe/Berlin" (on Windows after `pip install tzdata`)'
            problems.append(at.problem(("timezone",), f"there is no time zone {name!r}", allowed))
    modules = raw.get("module")
    for index, module in enumerate(modules if isinstance(modules, list) else []):
        for key in ("release", "due"):
            value = module.get(key) if isinstance(module, dict) else None
            if isinstance(value, datetime) and value.tzinfo is None:
                module[key] = moment = value.replace(tzinfo=zone)
                if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != value:
                    what = f"{value} does not exist in {name}: the clocks are put forward over it"
                    problems.append(at.problem(("module", index, key), what, "another time"))
            elif isinstance(value, date) and not isinstance(value, datetime):
                module[key] = datetime.combine(value, time(23, 59), zone)  # said once, in better words than pydantic's
                what = "has a date but no time, so that nobody knows which end of the day is meant"
                problems.append(at.problem(("module", index, key), what, f"{value}T23:59:00"))
    return problems
