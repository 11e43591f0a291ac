"""Reads `grading.toml`: from a file to a `Course`, or to every problem in it at once."""

from __future__ import annotations

import difflib
import tomllib
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from autograder.course import rules, toml_lines
from autograder.course.config import FILE, Course
from autograder.course.problems import CourseError, Problem

MAX_BYTES = 4 * 2**20
Loc = tuple[str | int, ...]


def load_course(root: Path) -> Course:
    """The course in `root`; raises `CourseError` with every problem of its `grading.toml`."""
    root = Path(root)
    text = _read(root / FILE)
    raw = _parse(text)
    at = _Places(raw, text)
    problems = _dates(raw, at)
    course = None
    try:
        course = Course.model_validate(raw)
    except ValidationError as error:
        problems += _explain(error, at)
    except RecursionError:
        problems.append(Problem(FILE, "", "it is nested too deeply"))
    if course is not None:
        problems += [at.problem(loc, what, allowed) for loc, what, allowed in rules.broken(course, root)]
    if course is None or problems:
        raise CourseError(sorted(problems, key=lambda problem: problem.line or 0))
    return _inherit(course)


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
    except tomllib.TOMLDecodeError as error:
        raise CourseError([Problem(FILE, "", f"it is not valid TOML: {error}")]) from None
    except RecursionError:
        raise CourseError([Problem(FILE, "", "it is nested too deeply")]) from None


def _inherit(course: Course) -> Course:
    """The same course with defaults filled in: limits, feedback and forbidden names come down to who leaves them out."""
    modules = []
    for module in course.modules:
        exercises = []
        for each in module.exercises:
            limits = course.limits.model_copy(update={key: getattr(each.limits, key) for key in each.limits.model_fields_set})
            forbid = tuple(dict.fromkeys((*module.forbid, *each.forbid)))
            exercises.append(each.model_copy(update={"limits": limits, "forbid": forbid}))
        own = {key: getattr(module.feedback, key) for key in module.feedback.model_fields_set}
        feedback = course.feedback.model_copy(update=own)
        modules.append(module.model_copy(update={"exercises": tuple(exercises), "feedback": feedback}))
    modules.sort(key=lambda module: (module.order is None, module.order or 0))
    return course.model_copy(update={"modules": tuple(modules)})


# ---------------------------------------------------------------- dates


def _dates(raw: dict[str, Any], at: _Places) -> list[Problem]:
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
                module.pop(key)  # said once, in better words than pydantic's
                what = "has a date but no time, so that nobody knows which end of the day is meant"
                problems.append(at.problem(("module", index, key), what, f"{value}T23:59:00"))
    return problems


# ---------------------------------------------------------------- errors


class _Places:
    """Where things stand in the file, in people's terms."""

    def __init__(self, raw: dict[str, Any], text: str) -> None:
        self.raw = raw
        self.lines = toml_lines.lines(text)

    def problem(self, loc: Loc, what: str, allowed: str = "") -> Problem:
        return Problem(FILE, self.key(loc), what, allowed, self.line(loc))

    def key(self, loc: Loc) -> str:
        """`("module", 1, "exercise", 0, "points")` → `module[tokenizer].exercise[tokenizer/bpe].points`"""
        text, value = "", self.raw
        for part in loc:
            try:
                value = value[part]  # pyright: ignore (any shape of a wrong file)
            except (LookupError, TypeError):
                value = None
            if isinstance(part, str):
                text += f".{part}" if text else part
            else:
                name = (value.get("name") or value.get("id")) if isinstance(value, dict) else None
                text += f"[{name}]" if isinstance(name, str) else f"[{part + 1}]" if value is None else f"[#{part + 1}]"
        return text

    def line(self, loc: Loc) -> int | None:
        for end in range(len(loc), 0, -1):
            if loc[:end] in self.lines:
                return self.lines[loc[:end]]
        return None

    def real(self, loc: Loc) -> Loc:
        """Without the tags that pydantic puts into the place of a union's member."""
        path: Loc = ()
        value: Any = self.raw
        for index, part in enumerate(loc):
            if isinstance(value, dict) and part not in value and index < len(loc) - 1:
                continue
            path = (*path, part)
            try:
                value = value[part]
            except (LookupError, TypeError):
                value = None
        return path


def _explain(error: ValidationError, at: _Places) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False):
        loc = at.real(item["loc"])
        if item["type"] == "extra_forbidden":
            problems.append(_unknown_key(item["loc"], loc, at))
            continue
        what, allowed = _sentence(item)
        problems.append(at.problem(loc, what, allowed))
    return problems


def _unknown_key(tagged: Loc, loc: Loc, at: _Places) -> Problem:
    model = _model_at(tagged[:-1])
    keys = [field.alias or name for name, field in model.model_fields.items()] if model else []
    key = str(loc[-1])
    close = difflib.get_close_matches(key, keys, n=1, cutoff=0.6)
    what = f"unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    return at.problem(loc, what, ", ".join(keys))


def _model_at(loc: Loc) -> type[BaseModel] | None:
    models: list[type[BaseModel]] = [Course]
    for part in loc:
        if isinstance(part, int):
            continue
        tagged = [model for model in models if part in _tags(model)]
        inner = [each for model in models for name, field in model.model_fields.items() if part in (field.alias, name) for each in tables_in(field.annotation)]
        models = tagged or inner
    return models[0] if models else None


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind else ()


def tables_in(annotation: Any) -> list[type[BaseModel]]:
    """The tables that an annotation speaks of: `tuple[Module, ...]` → Module."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (tuple, Union, UnionType, Annotated):
        return [table for inner in get_args(annotation) for table in tables_in(inner)]
    return []


TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": 'text in quotes: "…"',
    "tuple_type": "a list: [ … ]",
    "datetime_type": "a date and time without quotes: 2026-09-01T09:00:00",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
}
BOUNDS = {"greater_than": ("gt", "more than"), "greater_than_equal": ("ge", "at least"), "less_than": ("lt", "less than"), "less_than_equal": ("le", "at most")}


def _sentence(item: Any) -> tuple[str, str]:
    """What is wrong, and what is allowed instead."""
    kind, given, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "missing":
        return "is missing", ""
    if kind in TYPES:
        return f"is {_shown(given)}", TYPES[kind]
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        return f"is {_shown(given)}", f"{words} {context[bound]}"
    if kind == "finite_number":
        return f"is {_shown(given)}", "a finite number"
    if kind in ("literal_error", "union_tag_invalid"):
        expected = context.get("expected") or context.get("expected_tags")
        return f"is {_shown(context.get('tag', given))}", str(expected)
    if kind == "union_tag_not_found":
        return "has no `kind`", "kind = " + ", ".join(f'"{tag}"' for table in _late_kinds() for tag in _tags(table))
    if kind == "string_pattern_mismatch":
        return f"is {_shown(given)}", _patterns().get(context["pattern"], f"text that matches {context['pattern']}")
    if kind in ("too_short", "string_too_short"):
        return "is empty", "at least one" if kind == "too_short" else "some text"
    return f"is {_shown(given)}: {item['msg']}", ""


def _patterns() -> dict[str, str]:
    words = {
        "name": 'topic/exercise, in small letters, digits and _: "tokenizer/bpe"',
        "id": "small letters, digits and _, beginning with a letter",
    }
    found = {}
    for table in all_tables():
        for name, field in table.model_fields.items():
            pattern = next((getattr(rule, "pattern", None) for rule in field.metadata if getattr(rule, "pattern", None)), None)
            if pattern:
                found[pattern] = words.get(name, str(field.description)) if table is not Course else str(field.description)
    return found


def all_tables() -> list[type[BaseModel]]:
    """Every table of the format, outermost first."""
    found: list[type[BaseModel]] = [Course]
    for table in found:
        for field in table.model_fields.values():
            found += [inner for inner in tables_in(field.annotation) if inner not in found]
    return found


def _late_kinds() -> list[type[BaseModel]]:
    return [table for table in all_tables() if _tags(table)]


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    kind = {bool: "true or false", dict: "a table", list: "a list"}.get(type(value))
    if kind:
        return f"{kind}" if kind != "true or false" else str(value).lower()
    return text if len(text) <= 80 else text[:77] + "…"
