"""Fixtures that several test files share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from autograder.jail.host import Zygote

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell's background job; tests of Ctrl-C would hang
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One zygote for the whole session: starting one imports torch."""
    with Zygote() as started:
        yield started
