"""Which sentences of a stub's docstrings its checks cite."""

from __future__ import annotations

from pathlib import Path

import command_line
import pytest
from tiny_course import TOTAL, TOTAL_CHECKS

from autograder.source.sentences import coverage, sentences

STUB = '''"""About sums.

Inputs are not changed. Results (all of them) have the dtype of the inputs.
"""

def f(x, dim):
    """The sum over a dimension.

    x: (B, T). dim: the dimension to sum over; a negative one
        counts from the end.

    Returns (B,).

    - Nothing overflows, see
      dim: it is taken out first.
    1. An empty row gives 0. So does a masked one.

    In particular:

        f(x, 0) is code, and no sentence of it counts

    >>> f(tensor([1.0]), 0)
    tensor(1.)

    | a | table of things |
    """
'''
CHECK = '@check(points=1{more})\ndef g(student):\n    """{claim}"""\n'


def test_sentences_are_paragraphs_bullets_and_parameters_without_examples_and_code() -> None:
    assert [(each.where, each.text) for each in sentences(STUB)] == [
        ("the module", "About sums."),
        ("the module", "Inputs are not changed."),
        ("the module", "Results (all of them) have the dtype of the inputs."),
        ("f", "The sum over a dimension."),
        ("f", "x: (B, T). dim: the dimension to sum over; a negative one counts from the end."),
        ("f", "Nothing overflows, see dim: it is taken out first."),
        ("f", "An empty row gives 0."),
        ("f", "So does a masked one."),
    ]


@pytest.mark.parametrize(
    ("more", "claim", "cited"),
    [
        ("", "It is right.", []),
        ("", "An empty row gives `0`, always.", ["An empty row gives 0."]),
        (', cites=["an EMPTY row"]', "It is right.", ["An empty row gives 0."]),
        (
            ', cites=("not changed", "one counts from")',
            "It is right.",
            [
                "Inputs are not changed.",
                "x: (B, T). dim: the dimension to sum over; a negative one counts from the end.",
            ],
        ),
    ],
)
def test_a_check_cites_by_its_claim_or_by_words(more: str, claim: str, cited: list[str]) -> None:
    found = coverage(STUB, CHECK.format(more=more, claim=claim))
    assert [each.text for each in found.sentences if each not in found.uncited] == cited
    assert not found.problems and str(found) == f"{len(cited)} of 8"


@pytest.mark.parametrize("cite", ["an empty column", "row empty", "…", "row", "code, and no sentence"])
def test_words_of_no_sentence_are_a_problem(cite: str) -> None:
    found = coverage(STUB, CHECK.format(more=f", cites=[{cite!r}]", claim="It is right."))
    assert found.problems == [f"checks.py:2: check g cites {cite!r}, which no docstring of the stub says"]


@pytest.mark.parametrize("given", ['"an empty row"', "WORDS", "[WORDS]", "[1]"])
def test_cites_are_written_out(given: str) -> None:
    found = coverage(STUB, CHECK.format(more=f", cites={given}", claim="It is right."))
    assert found.problems == ["checks.py:2: check g: cites= must be a literal list of texts"]


def test_verify_lists_what_no_check_cites_and_refuses_a_cite_of_nothing(tmp_path: Path) -> None:
    citing = TOTAL_CHECKS.replace('lecture="sums",', 'lecture="sums", cites=["sum of x along"],')
    course = command_line.make_course(tmp_path, ("first", "second"), first_checks=citing,
                                      second_checks=citing.replace("sum of x", "product of x"))  # fmt: skip
    assert command_line.run(course, "release").code == 0
    done = command_line.run(course, "verify", "first", "--details")
    assert done.code == 0, done.out
    assert "checks cite 1 of 3 sentences of its docstrings" in done.flat
    assert "middle: The mean of x along its last dimension." in done.flat
    assert "total: The sum of x along" not in done.flat and '"""The sum of x along' in TOTAL
    refused = command_line.run(course, "verify", "second")
    assert refused.code == 1 and "cites 'product of x along', which no docstring of the stub says" in refused.flat
