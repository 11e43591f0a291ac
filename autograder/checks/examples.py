"""Examples of a check with `given=`: drawn by Hypothesis on the trusted side, the same for the same seed, the small ones first.

They become ordinary cases, recorded with the reference's observation: a right answer costs no more than any other check, a
grade replays, and neither the jail nor a student's machine needs Hypothesis.
"""

from __future__ import annotations

import functools
from typing import Any

from autograder.checks.authoring import Check

PUBLIC_EXAMPLES = 5
EXAMPLES = 15
TRIES = 8  # as many are drawn for each one kept: of those that are equal, one stays


def examples(check: Check, seed: str) -> list[dict[str, Any]]:
    """`EXAMPLES` drawn parameters, the smallest first (repeated when the strategies have no more)."""
    assert check.given is not None
    return _drawn(_Strategies(check.given), seed)


class _Strategies:
    """The strategies of one check; equal to itself only, for the cache."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Strategies) and other.given is self.given

    def __hash__(self) -> int:
        return id(self.given)


@functools.lru_cache(8)
def _drawn(strategies: _Strategies, seed: str) -> list[dict[str, Any]]:
    import hypothesis
    from hypothesis import strategies as st

    from autograder.jail.values import encode

    found: dict[bytes, dict[str, Any]] = {}

    @hypothesis.seed(int(seed, 16))
    @hypothesis.settings(
        max_examples=EXAMPLES * TRIES,
        database=None,  # nothing is remembered from one run to the next
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=[*hypothesis.HealthCheck.__members__.values()],
    )
    @hypothesis.given(st.fixed_dictionaries(strategies.given))
    def collect(example: dict[str, Any]) -> None:
        found.setdefault(encode(example), example)

    collect()
    every = [found[key] for key in sorted(found, key=lambda key: (len(key), key))]
    step = max(len(every) / EXAMPLES, 1)  # from the whole range of sizes, not only the smallest
    chosen = [every[int(number * step)] for number in range(min(EXAMPLES, len(every)))]
    return [chosen[number % len(chosen)] for number in range(EXAMPLES)]
