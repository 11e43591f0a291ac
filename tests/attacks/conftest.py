"""Fixtures of the attacks, and the table that is printed at the end: attack, expected, got."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """The course with its canaries."""
    tmp_path_factory.getbasetemp()  # made now, where pytest's own temporary files belong
    folder = temporary_folder()
    course = plant(folder)
    yield course
    course.remove()
    shutil.rmtree(folder)


@contextmanager
def private_temporary_folder() -> Iterator[None]:
    """Temporary files of this process and its workers go to a folder of their own, so that leftovers show."""
    before, folder = tempfile.tempdir, temporary_folder()
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def arena(planted: Planted, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """One class for each group of attacks."""
    with private_temporary_folder():
        opened = Arena(planted, request.module.__name__.rpartition("test_")[2])
        yield opened
        opened.close()


@pytest.fixture
def another_arena(planted: Planted, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """A class of its own, for what might spoil one."""
    with private_temporary_folder():
        opened = Arena(planted, f"another-{request.node.name[:40]}")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def unprotected(planted: Planted, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """The same class with the isolation off: what shows that an attack is one."""
    with private_temporary_folder():
        off = [name for name in layers.NAMES if name not in ("L0 process", "L1 limits")]
        opened = Arena(planted, f"unprotected-{request.module.__name__.rpartition('test_')[2]}", without=off)
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def silence(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Grading itself prints nothing, whatever it grades."""
    yield
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


GROWTH = 140 << 20
"""What an attack may add. A grader with nothing to do has 150 MB or so (pytest, which imports torch, has more), and must stay
below 300 MB whatever is handed in."""


def memory(field: str) -> int:
    """Bytes of this process's memory: what is resident (`VmRSS`), or the most since the peak was reset (`VmHWM`)."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)) * 1024


@pytest.fixture(autouse=True)
def main_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """What an attack makes the grading process hold: it grades in this process, and others wait for their grades in it."""
    if not sys.platform.startswith("linux"):
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins now
    before = memory("VmRSS")
    yield
    grown = memory("VmHWM") - before
    assert grown <= GROWTH, f"the grading process grew by {grown >> 20} MB at its peak; {GROWTH >> 20} MB are allowed"


@pytest.fixture(autouse=True)
def rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """What came of the attacks goes with the test's report: to the process that prints the table, wherever tests run."""
    before = len(ROWS)
    yield
    said = [list(row) for row in ROWS[before:]]
    if not said:  # a test whose rows are its parameters: its name says what must hold
        group = request.function.__name__.removeprefix("test_").replace("_", " ")
        case = request.node.callspec.id if hasattr(request.node, "callspec") else "as it is"
        said = [[group, case, "holds", ""]]
    request.node.user_properties.extend(("attack", row) for row in said)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for some in terminalreporter.stats.values() for report in some]
    ended = [report for report in reports if getattr(report, "when", "") == "teardown"]
    said = [each for report in ended for each in report.user_properties]
    failed = {report.nodeid for report in reports if getattr(report, "when", "") == "call" and report.failed}
    rows = [
        (*value[:3], value[3] or ("does not hold" if report.nodeid in failed else "holds"))
        for report in ended
        for name, value in report.user_properties
        if name == "attack"
    ]
    rows.sort(key=lambda row: (isinstance(row[0], str), row))
    if rows:
        terminalreporter.section("attacks")
        terminalreporter.write_line(f"{len(rows)} in {len({row[0] for row in rows})} classes")
        name, expected = (max(len(row[column]) for row in rows) for column in (1, 2))
        for group, attack, wanted, found in rows:
            table = f"{group:>2}  {attack:<{name}}  {wanted:<{expected}}  {found}"
            terminalreporter.write_line(table if isinstance(group, int) else f" ·  {group}: {attack}: {found}")
    for title, table in said:
        if title.startswith("table "):
            terminalreporter.section(title.removeprefix("table "))
            terminalreporter.write_line(table)
