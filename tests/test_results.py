"""The schema of results: what one version reads of another's."""

from __future__ import annotations

import json

import msgspec
import pytest
from sample_results import result

from autograder import results


def test_fields_of_a_newer_version_are_left_out_when_a_result_is_read() -> None:
    """`docs/results.md` tells every reader to do so; ours does too."""
    sample = result()
    data = json.loads(results.to_json(sample))
    data["of_tomorrow"] = {"a": 1}
    data["provenance"]["of_tomorrow"] = "x"
    for exercise in data["exercises"]:
        exercise["of_tomorrow"] = []
        for check in exercise.get("checks", []):
            check["of_tomorrow"] = None
    assert results.from_json(json.dumps(data).encode()) == sample


def test_another_schema_and_values_of_another_kind_are_refused() -> None:
    data = json.loads(results.to_json(result()))
    with pytest.raises(msgspec.ValidationError, match="this version reads"):
        results.from_json(json.dumps({**data, "schema": "llm-internals/result/2"}).encode())
    with pytest.raises(msgspec.ValidationError, match=r"exercises\[0\]\.verdict"):
        data["exercises"][0]["verdict"] = "splendid"
        results.from_json(json.dumps(data).encode())
