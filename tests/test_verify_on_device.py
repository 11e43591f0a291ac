"""GPU checks verified: on the processor, which stands in for a device; and what a report says where the two disagree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL_CHECKS, SharedZygote, make_course

from autograder.course import load_course
from autograder.grading import graders as graders_module
from autograder.grading.grade import ClassGrader
from autograder.grading.secret import AUTHORS
from autograder.jail.host import Zygote
from autograder.jail.warm import Ready
from autograder.verify.on_device import DeviceReport, DeviceVerifier
from autograder.verify.show_device import Seen, markdown, rows, write_report
from autograder.verify.trial import Trial

CHECKS = TOTAL_CHECKS.replace("points=2, inputs=table,", 'points=2, inputs=table, device="cuda",')
ALTERNATIVES = """from autograder.checks import alternative


@alternative("a sum, divided")
def middle(x):
    return x.sum(-1) / x.shape[-1]


@alternative("not so right")
def middle(x):
    return x.sum(-1) / (x.shape[-1] + 1)
"""


@pytest.fixture
def verifier(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: SharedZygote(zygote))
    root = make_course(tmp_path, total_checks=CHECKS, total_alternatives=ALTERNATIVES)
    grader = ClassGrader(load_course(root), root, root / ".autograder", AUTHORS, run="v", draw="v", own_code=True)
    with grader:
        yield DeviceVerifier(grader, rehearsal=True)


def test_a_rehearsal_tries_gpu_checks_alone_and_names_what_can_not_be_right(verifier: DeviceVerifier) -> None:
    reports = verifier.verify(list(verifier.course.course.exercises))
    assert [(report.exercise, report.checks) for report in reports] == [("numbers_of/total", ["means_of_rows"])]
    (report,) = reports
    assert len(report.problems) == 1 and "“not so right” is right, but fails means_of_rows" in report.problems[0]
    ((_, check, reference, alternatives, mistakes, *_),) = rows(report)
    # Two of the six mistakes change what this check can come to.
    assert (check, reference, alternatives, mistakes) == ("means_of_rows", "2/2", "1/2", "2 of 2")


def test_where_device_and_processor_disagree_it_is_told() -> None:
    there = Trial("alternative", "in half precision", {"close": "passed"}, margins={"close": 0.25})
    here = Trial("alternative", "in half precision", {"close": "failed"}, margins={"close": 3.0})
    same = Trial("reference", "the reference", {"close": "passed"}, margins={"close": 0.5})
    report = DeviceReport("a/b", ["close"], [here, same], [there, same])
    assert [found[1:] for found in report.differences()] == [("close", "failed", "passed")]
    seen = Seen("A device", 0.0, 12.0, "torch 9", "L0")
    page = markdown(seen, [report])
    assert "| `a/b` | `close` | 1/1 | 0/1 | 0 of 0 | 3 | 0.5 | - |" in page
    assert "“in half precision” failed on the GPU, passed on the CPU" in page and "- device: A device" in page


def test_what_people_wrote_at_the_top_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "gpu.md"
    write_report(page, "first\n")
    assert page.read_text() == "# GPU checks, seen on a GPU\n\nfirst\n"
    page.write_text("# Ours\n\nHow to.\n\n---\n\nold\n\n---\n")
    write_report(page, "new\n")
    assert page.read_text() == "# Ours\n\nHow to.\n\n---\n\nnew\n"


def test_versions_are_those_of_the_process_that_ran_it(zygote: Zygote) -> None:
    from autograder.jail import layers

    done = Seen.now().done(Ready("3.99", "9.9", "1.1", 1), layers.isolation())
    assert "Python 3.99, torch 9.9, NumPy 1.1" in done.versions
