"""The same attacks when the grader is an ordinary user: no other uid, no namespaces, what holds is Landlock and seccomp."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "65534"
# Where the interpreter lies in a folder closed to others, the user gets one power: to read any file. Then it is only
# the isolation that keeps anything from a submission.
AS_NOBODY = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
READS_ALL = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]


def _works(command: list[str], code: str) -> bool:
    try:
        return subprocess.run([*command, sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="it is an ordinary user that runs this already"
)
def test_the_attacks_fail_for_an_ordinary_user_too(request: pytest.FixtureRequest) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("there is no setpriv here")
    tries = "import torch, msgspec; from autograder.jail import layers; assert layers.isolation().enough_for_hidden"
    command = next((each for each in (AS_NOBODY, [*AS_NOBODY, *READS_ALL]) if _works(each, tries)), None)
    if command is None:
        pytest.skip("an ordinary user can't read the interpreter or the repository here")
    pytest_command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--tb=short",
        "tests/attacks",
        "-m",
        "not slow",
        *(
            ["-n", "2", "--dist", "loadfile"]
            if "PYTEST_XDIST_WORKER" not in os.environ and (os.cpu_count() or 1) > 1
            else []
        ),
    ]
    done = subprocess.run(
        [*command, *pytest_command],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    table = done.stdout.partition("= attacks =")[2].partition("\n")[2]
    assert len(table.splitlines()) > 200
    request.node.user_properties.append(("table attacks, as an ordinary user", table))
