"""Fixtures of the attacks, and the table that is printed at the end: attack, expected, got."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attacks.arena import ROWS, Arena
from attacks.course import Planted, plant, temporary_folder

from autograder.jail import layers

ISOLATION = layers.isolation()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and (sys.platform != "linux" or not ISOLATION.enough_for_hidden):
            item.add_marker(pytest.mark.skip(reason=f"hidden checks are not run here: {ISOLATION.why}"))


@pytest.fixture(scope="session")
def planted() -> Iterator[Planted]:
    """The course with its canaries. The session's temporary files go to a folder of their own, so that leftovers show."""
    folder, temporary = temporary_folder(), temporary_folder()
    before = tempfile.tempdir
    tempfile.tempdir = str(temporary)
    os.environ["TMPDIR"] = str(temporary)
    course = plant(folder)
    yield course
    course.remove()
    tempfile.tempdir = before
    os.environ.pop("TMPDIR", None)
    shutil.rmtree(folder)
    shutil.rmtree(temporary)


@pytest.fixture(scope="module")
def arena(planted: Planted, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """One class for each group of attacks."""
    opened = Arena(planted, request.module.__name__.rpartition("test_")[2])
    yield opened
    opened.close()


@pytest.fixture
def silence(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What this process and its children have written to their standard output and error."""

    def read() -> str:
        captured = capfd.readouterr()
        return captured.out + captured.err

    return read


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    terminalreporter.section("attacks")
    name = max(len(row[1]) for row in ROWS)
    expected = max(len(row[2]) for row in ROWS)
    for number, attack, wanted, found in sorted(ROWS):
        terminalreporter.write_line(f"{number:>2}  {attack:<{name}}  {wanted:<{expected}}  {found}")
