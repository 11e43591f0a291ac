"""Writes `docs/grading-toml.md` from the types of `config.py`: every key, its type, default and meaning.

python -m autograder.course.reference        # from the root of the repository
"""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from autograder.course.config import Course
from autograder.course.explain import tables_in

PAGE = Path("docs/grading-toml.md")

INTRODUCTION = """\
# grading.toml

<!-- Generated from autograder/course/config.py by `python -m autograder.course.reference`. Do not edit. -->

The course in one file, at the root of the repository: modules, exercises, points, deadlines, limits and feedback. Unknown
keys are errors, and everything that is wrong is reported at once, with its line and what is allowed.

```toml
{example}```

An exercise's name says where its files are: `tokenizer/bpe` is written in `solutions/tokenizer/bpe/`, handed in as
`assignments/tokenizer/bpe.py`, and explained in `lectures/tokenizer/bpe.md`.
"""

EXAMPLE = """\
schema = 1
id = "llm-internals"
title = "LLM Internals"
timezone = "Europe/Berlin"

[limits]
cpu_seconds = 10

[feedback]
show = "diagnosis"
when = "after_due"

[[module]]
id = "tokenizer"
title = "Tokenizers"
release = 2026-09-01T09:00:00
due = 2026-09-15T23:59:00
late = { kind = "percent_per_day", percent = 10, grace_minutes = 15, cap = 50 }
drop_lowest = 1
forbid = ["tokenizers", "tiktoken"]

[[module.exercise]]
name = "tokenizer/bpe"
title = "Byte-pair encoding (BPE)"
points = 10

[[module.exercise]]
name = "tokenizer/bbpe"
title = "Byte-level BPE"
points = 12
requires = ["tokenizer/bpe"]
limits = { cpu_seconds = 30 }

[[track]]
id = "short"
title = "A short course"
exercises = ["tokenizer/bpe"]

[[rubric]]
of = "tokenizer/bpe"

[[rubric.item]]
id = "clarity"
title = "Names and comments say what happens"
points = 2
"""


def render() -> str:
    """The page."""
    parts = [INTRODUCTION.format(example=EXAMPLE)]
    for heading, table in _headings():
        parts.append(f"## {heading}\n\n{table.__doc__}\n\n" + _rows(table))
    return "\n".join(parts)


def _headings() -> list[tuple[str, type[BaseModel]]]:
    """Each table once, under the place where it is met first."""
    found: dict[type[BaseModel], str] = {Course: "Top level"}
    queue: list[tuple[str, type[BaseModel]]] = [("", Course)]
    for path, table in queue:
        for name, field in table.model_fields.items():
            key = f"{path}.{field.alias or name}".lstrip(".")
            inner = [each for each in tables_in(field.annotation) if each not in found]
            for each in inner:
                brackets = "[[{}]]" if get_origin(field.annotation) is tuple else "[{}]"
                kind = f' with `kind = "{_tag(each)}"`' if "kind" in each.model_fields else ""
                found[each] = f"`{brackets.format(key)}`{kind}"
                queue.append((key, each))
    return [(heading, table) for table, heading in found.items()]


def _tag(table: type[BaseModel]) -> str:
    return get_args(table.model_fields["kind"].annotation)[0]


def _rows(table: type[BaseModel]) -> str:
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in table.model_fields.items():
        cells = [
            f"`{field.alias or name}`",
            _type(field.annotation) + _bounds(field),
            _default(field),
            field.description or "",
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{_toml(value)}`" for value in inner)
    if origin is tuple:
        return "tables" if tables_in(inner[0]) else f"list of {_type(inner[0])}"
    if tables_in(annotation):
        return "table"
    if origin in (Union, UnionType, Annotated):
        return _type(next(each for each in inner if each is not NoneType))
    return {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "true or false",
        "datetime": "date and time",
    }[annotation.__name__]


def _bounds(field: FieldInfo) -> str:
    words = {
        Gt: ("more than {}", "gt"),
        Ge: ("at least {}", "ge"),
        Lt: ("less than {}", "lt"),
        Le: ("at most {}", "le"),
    }
    said = [
        words[type(rule)][0].format(getattr(rule, words[type(rule)][1]))
        for rule in field.metadata
        if type(rule) in words
    ]
    return ", " + ", ".join(said) if said else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if isinstance(value, BaseModel):
        return f'`{{ kind = "{_tag(type(value))}" }}`' if "kind" in type(value).model_fields else ""
    return "none" if value is None else f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE}")
