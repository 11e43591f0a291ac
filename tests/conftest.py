"""Fixtures that several test files share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import hypothesis
import pytest

from autograder.jail.host import Zygote

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell's background job; tests of Ctrl-C would hang
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One zygote for the whole session: starting one imports torch."""
    with Zygote() as started:
        yield started
