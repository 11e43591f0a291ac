"""Sources are parsed in several threads at once."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.source.parsing import parse

SOURCES = [path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("test_cli_*.py"))]


class Cycle:
    """Garbage whose end runs Python: where it is collected in the middle of a parse, another thread may get its turn."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        sum(range(30))


@pytest.fixture
def many_switches() -> Iterator[None]:
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


def test_threads_do_not_disturb_each_others_trees(many_switches: None) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        for source in SOURCES * 4:
            Cycle()
            try:
                parse(source)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and SOURCES
