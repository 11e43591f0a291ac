"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.jail.host import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One zygote for the whole session: starting one imports torch."""
    with Zygote() as started:
        yield started
