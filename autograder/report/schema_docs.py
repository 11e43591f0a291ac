"""Writes `docs/results.md` and `docs/result.schema.json` from the types of `results.py`: every record, field and its meaning.

python -m autograder.report.schema_docs        # from the root of the repository

A field's meaning is the comment behind it, a record's is its docstring, so that the page can't say anything else than the code.
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import tokenize
from pathlib import Path
from typing import Any, get_args

import msgspec

from autograder import results
from autograder.results import SCHEMA, Result

PAGE = Path("docs/results.md")
JSON_SCHEMA = Path("docs/result.schema.json")

INTRODUCTION = """\
# The result of grading

<!-- Generated from autograder/results.py by `python -m autograder.report.schema_docs`. Do not edit. -->

One record for one graded submission, and everything else is made from it: pages, tables, exports. `autograder grade --json FOLDER`
writes each as JSON; the same records are kept in the results file. [result.schema.json](result.schema.json) is this page for
programs (JSON Schema).

This is `{schema}`. The number changes when a program that reads results would have to change: a field that goes or means something
else. Fields may be added without it, so leave out what you don't know. Fields with their default value are left out of the JSON, but for
those of the outermost record.

Where it says *theirs*, a student's code may have influenced the text: it is shortened, but neither escaped nor true. Escape it for
wherever you show it. Hidden cases are in here in full; what a student may see of them is cut out by `feedback.policy`, so don't
hand these files to students.

```python
from autograder.results import from_json

result = from_json(open("ada.json", "rb").read())
print(result.submission, result.earned, "of", result.points, "points,", result.pending, "pending")
```
"""
DERIVED = {
    "earned": "the points earned, bonus included",
    "points": "the points that there are, without bonus",
    "pending": "points that are neither earned nor lost yet",
    "margin": "the largest margin of its cases",
}


def records() -> list[type[msgspec.Struct]]:
    """Every record of a result, the outermost first."""
    found: list[type[msgspec.Struct]] = [Result]
    for record in found:
        for field in msgspec.structs.fields(record):
            found += [each for each in _records_in(field.type) if each not in found]
    return found


def _records_in(annotation: Any) -> list[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation]
    return [each for inner in get_args(annotation) for each in _records_in(inner)]


def meanings() -> dict[str, dict[str, str]]:
    """The comment behind each field, by record and field; those of the verdicts under "Verdict"."""
    source = inspect.getsource(results)
    comments = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            found[node.name] = {ast.unparse(each.target): comments.get(each.end_lineno or 0, "") for each in fields}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "Verdict":
            names = [each for each in ast.walk(node.value) if isinstance(each, ast.Constant)]
            found["Verdict"] = {str(each.value): comments.get(each.lineno, "") for each in names}
    return found


def page() -> str:
    """The text of `docs/results.md`."""
    meaning = meanings()
    parts = [INTRODUCTION.format(schema=SCHEMA)]
    for record in records():
        rows = [
            (f"`{field.name}`", _type(field.type), _default(field), meaning[record.__name__][field.name])
            for field in msgspec.structs.fields(record)
        ]
        parts.append(f"## {record.__name__}\n\n{inspect.cleandoc(record.__doc__ or '')}\n")
        parts.append(_table(("field", "type", "default", "meaning"), rows))
        derived = [name for name in DERIVED if isinstance(getattr(record, name, None), property)]
        if derived:
            said = "; ".join(f"`{name}`, {DERIVED[name]}" for name in derived)
            parts.append(f"In Python also {said}. They follow from the fields, so they are not in the JSON.\n")
    parts.append("## Verdicts\n")
    parts.append(_table(("verdict", "meaning"), [(f"`{name}`", said) for name, said in meaning["Verdict"].items()]))
    return "\n".join(parts)


def json_schema() -> str:
    """The text of `docs/result.schema.json`."""
    schema = msgspec.json.schema(Result)
    for record in records():
        described = schema["$defs"][record.__name__]
        for name, said in meanings()[record.__name__].items():
            described["properties"][name] = {"description": said, **described["properties"][name]}
        # Additions don't break readers, so a reader must not refuse them.
        described.pop("additionalProperties", None)
    return json.dumps({"title": SCHEMA, **schema}, indent=1, ensure_ascii=False) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _type(annotation: Any) -> str:
    if annotation == results.Verdict:
        return "[verdict](#verdicts)"
    inner = get_args(annotation)
    if _records_in(annotation):
        name = _records_in(annotation)[0].__name__
        link = f"[{name}](#{name.lower()})"
        return f"list of {link}" if getattr(annotation, "__origin__", None) is list else link
    if inner and all(isinstance(each, str) for each in inner):
        return ", ".join(f"`{each}`" for each in inner)
    if getattr(annotation, "__origin__", None) is dict:
        return "object" if inner[1] is Any else f"object of {_type(inner[1])}"
    if getattr(annotation, "__origin__", None) is list:
        return f"list of {_type(inner[0])}"
    if inner:  # with None
        return _type(next(each for each in inner if each is not type(None)))
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[annotation]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "**required**"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()  # type: ignore[operator]
    return (
        {None: "none", "": "empty"}.get(value, f"`{json.dumps(value)}`")
        if not isinstance(value, list | dict)
        else "empty"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    JSON_SCHEMA.write_text(json_schema(), encoding="utf-8")
    print(f"wrote {PAGE} and {JSON_SCHEMA}")
