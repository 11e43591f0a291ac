"""GPU checks: pending without a device; with one, run apart in their own profile. Here the processor stands in for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL, TOTAL_CHECKS, Class, SharedZygote, check, exercise, make_course

from autograder.grading import devices
from autograder.grading import graders as graders_module
from autograder.jail.host import JailError, Zygote

CHECKS = TOTAL_CHECKS.replace("points=2, inputs=table,", 'points=2, inputs=table, device="cuda",')


@pytest.fixture
def shared(zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> SharedZygote:
    one = SharedZygote(zygote)
    monkeypatch.setattr(graders_module, "Zygote", lambda *_, **__: one)
    return one


@pytest.fixture
def group(tmp_path: Path, shared: SharedZygote) -> Class:
    return Class(make_course(tmp_path, total_checks=CHECKS, total_mistakes=""), shared)


def test_pending_without_a_device_and_judged_with_one(group: Class, shared: SharedZygote, monkeypatch: Any) -> None:
    profiles: list[str] = []

    def fork(role: str = "jail", limits: Any = None, *more: Any, **named: Any) -> Any:
        profiles.append(limits.profile if limits is not None and role == "jail" else role)
        return shared._zygote.fork(role, limits, *more, **named)

    monkeypatch.setattr(shared, "fork", fork)
    right = group.submit("right", total=TOTAL + "# right\n")
    wrong = group.submit("wrong", total=TOTAL.replace("x.mean(-1)", "x.mean(0)"))
    before = group.grade(right, wrong)
    for result in before.values():
        found = check(result, "means_of_rows")
        assert (found.verdict, found.earned, found.pending, found.device) == ("skipped", 0, 2, "cuda")
        assert check(result, "sums_rows").verdict == "passed"
    assert "gpu" not in profiles
    after = group.grade(right, wrong, has_gpu=True, gpu_as_cpu=True)
    assert "gpu" in profiles  # and the others keep their own profile
    assert profiles.index("gpu") > profiles.index("default")
    assert exercise(after["right"]).verdict == "passed" and after["right"].provenance.device == "cuda"
    assert check(after["wrong"], "means_of_rows").verdict == "failed"
    assert check(after["wrong"], "sums_rows").verdict == "passed"


def test_a_device_that_is_not_there_stops_before_anybody_is_graded(group: Class) -> None:
    if group.zygote.wait().cuda:
        pytest.skip("there is one here")
    with pytest.raises(JailError, match="torch finds no CUDA device"):
        group.grade(group.submit("one"), has_gpu=True)
    assert group.rows("result") == 0


def test_where_gpu_checks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, build, auto in (([], True, False), (["/dev/nvidia0"], True, True), (["/dev/nvidia0"], False, False)):
        monkeypatch.setattr(devices.glob, "glob", lambda _, found=found: found)
        monkeypatch.setattr(devices, "_torch_has_cuda", lambda build=build: build)
        assert devices.wants_gpu("auto") is auto
        assert devices.wants_gpu("cuda") and not devices.wants_gpu("cpu")
