"""Reference pages say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
import sample_results as sample

from autograder.experiment.observe import load_module
from autograder.report import schema_docs
from autograder.results import SCHEMA, Result, from_json, to_json
from autograder.wire import channel, encode, messages, tree, values

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("path", "text"), [(schema_docs.PAGE, schema_docs.page), (schema_docs.JSON_SCHEMA, schema_docs.json_schema)]
)
def test_the_pages_of_results_are_in_sync(path: Path, text) -> None:
    assert (ROOT / path).read_text("utf-8") == text(), "run: python -m autograder.report.schema_docs"


def test_the_architecture_has_the_floors_of_the_contracts() -> None:
    floors = load_module((ROOT / "docs" / "floors.py").read_text("utf-8"), "floors", str(ROOT / "docs" / "floors.py"))
    text = floors.PAGE.read_text("utf-8")
    assert floors.page(text) == text, "run: python docs/floors.py"
    named = {name for floor in floors.floors() for name in floor}
    there = {path.stem for path in (ROOT / "autograder").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert there - named <= {"__init__", "__pycache__"}


def test_every_field_and_verdict_has_a_meaning() -> None:
    meanings = schema_docs.meanings()
    named = {record.__name__ for record in schema_docs.records()}
    assert {"Result", "ExerciseResult", "CheckResult", "CaseResult", "Difference", "Message", "Provenance"} <= named
    missing = [
        f"{record}.{name}" for record in (*named, "Verdict") for name, said in meanings[record].items() if not said
    ]
    assert missing == []
    fields = {(record.__name__, field) for record in schema_docs.records() for field in record.__struct_fields__}
    assert {(record, name) for record in named for name in meanings[record]} == fields


def test_results_are_what_the_schema_says() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(schema_docs.json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    result = sample.result(exercises=[sample.bpe([sample.wrong_merges(), sample.hidden_only()])])
    data = json.loads(to_json(result))
    validator.validate(data)
    validator.validate({**data, "added later": 1})
    for wrong in ({**data, "run": 3}, {**data, "exercises": [{}]}, {key: data[key] for key in data if key != "hash"}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(wrong)


def test_a_result_names_its_schema() -> None:
    data = to_json(sample.result())
    assert json.loads(data)["schema"] == SCHEMA
    assert from_json(data) == sample.result()
    with pytest.raises(msgspec.ValidationError, match="this version reads"):
        from_json(data.replace(SCHEMA.encode(), b"llm-internals/result/99"))
    assert SCHEMA in schema_docs.page() and "Result" in Result.__name__


# --- the wire --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wire() -> str:
    return (ROOT / "docs/wire-format.md").read_text("utf-8")


def test_every_tag_is_in_the_table(wire: str) -> None:
    nodes = tree.Base.__subclasses__()
    tags = {node.__struct_config__.tag for node in nodes}
    assert len(tags) == len(nodes) >= 15
    table = wire.partition("### The vocabulary")[2].partition("###")[0]
    listed = re.findall(r"^\|[^|]*\| `(\w)` \|", table, re.MULTILINE)
    assert set(listed) == tags


def test_every_dtype_is_listed(wire: str) -> None:
    said = " ".join(wire.partition("### Dtypes")[2].partition("A tensor of another dtype")[0].split())
    tensors, arrays = (
        set(re.findall(r"\b(?:u?int|float|bfloat|complex)\d+\w*|\bbool\b", part)) for part in said.split("NumPy:")
    )
    assert tensors == set(values.TENSOR_DTYPES)
    assert arrays == set(values.ARRAY_DTYPES)


def test_limits_and_headers_are_the_codes(wire: str) -> None:
    flat = " ".join(wire.split())
    for said in (
        f"| 4 | magic | `{channel.MAGIC.decode()}` |",
        f"| 4 | magic | `{tree.MAGIC.decode()}` |",
        f"of the message, at most {channel.MAX_MESSAGE // 2**20} MiB",
        f"length of the tree, little endian, at most {tree.MAX_TREE // 2**20} MiB",
        f"length of the raw data, little endian, at most {tree.MAX_RAW // 2**20} MiB",
        f"| items of all containers together | {tree.MAX_ITEMS:,} |",
        f"| nesting | {tree.MAX_DEPTH} |",
        f"| characters of one string, length of one `bytes` | {tree.MAX_TEXT:,} |",
        f"| bytes of one integer | {tree.MAX_INT_BYTES:,} |",
        f"up to {tree.MAX_INT_BYTES * 8:,} bits",
        f"| dimensions of a tensor | {tree.MAX_DIMENSIONS} |",
        f"| items drawn from a generator | {encode.DRAWN_ITEMS:,} |",
    ):
        assert said in flat, said
    assert channel.HEADER.format == "<4sQQ" and tree.HEADER.format == "<4sIQ" and tree.MAX_ELEMENTS == 2**40
    kinds = {request.__struct_config__.tag for request in (messages.Load, messages.Run, messages.Observed)}
    assert all(f"`{kind}`" in wire for kind in kinds)
    assert "cut at 4,000 characters, names at 200" in flat
