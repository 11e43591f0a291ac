"""What pydantic says about a wrong `grading.toml`, in sentences for the person who wrote it: where, what, what is allowed."""

from __future__ import annotations

import difflib
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from autograder.course import toml_lines
from autograder.course.config import FILE, Course
from autograder.course.problems import Problem

Loc = tuple[str | int, ...]


class Places:
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
                text += f"[{name}]" if isinstance(name, str) else f"[#{part + 1}]"
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


def explain(error: ValidationError, at: Places) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False):
        loc = at.real(item["loc"])
        if item["type"] == "too_short" and item["input"]:
            continue  # its elements are wrong, and said to be so
        if item["type"] == "extra_forbidden":
            problems.append(_unknown_key(item["loc"], loc, at))
            continue
        what, allowed = _sentence(item)
        problems.append(at.problem(loc, what, allowed))
    return problems


def _unknown_key(tagged: Loc, loc: Loc, at: Places) -> Problem:
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
        inner = [
            each
            for model in models
            for name, field in model.model_fields.items()
            if part in (field.alias, name)
            for each in tables_in(field.annotation)
        ]
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
    "bool_type": "true or false",
    "string_type": 'text in quotes: "…"',
    "tuple_type": "a list: [ … ]",
    "datetime_type": "a date and time without quotes: 2026-09-01T09:00:00",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
}
BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


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
            pattern = next(
                (getattr(rule, "pattern", None) for rule in field.metadata if getattr(rule, "pattern", None)), None
            )
            if pattern:
                found[pattern] = words[name] if table is not Course else str(field.description)
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
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"
