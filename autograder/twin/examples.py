"""Examples of a check with `given=`: drawn by Hypothesis on the trusted side, the same for the same seed, the small ones first.

They become ordinary cases, recorded with the reference's observation: a right answer costs no more than any other check, a
grade replays, and neither the jail nor a student's machine needs Hypothesis. Where a submission fails one, `Search` looks
for a smaller one on which it fails too.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from autograder.checks.declared import Check
from autograder.wire.encode import encode

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
    found: dict[bytes, dict[str, Any]] = {}
    _run(strategies.given, seed, lambda example: found.setdefault(encode(example), example))
    every = [found[key] for key in sorted(found, key=lambda key: (len(key), key))]
    step = max(len(every) / EXAMPLES, 1)  # from the whole range of sizes, not only the smallest
    chosen = [every[int(number * step)] for number in range(min(EXAMPLES, len(every)))]
    return [chosen[number % len(chosen)] for number in range(EXAMPLES)]


def _run(
    given: dict[str, Any],
    seed: str,
    test: Callable[[dict[str, Any]], Any],
    phases: tuple[str, ...] = ("generate",),
    database: Any = None,
) -> None:
    """Let Hypothesis call `test` with examples. Which ones come is a function of the strategies, the seed and Hypothesis's version.

    What raises is kept in `database`, if there is one; the phases "reuse" and "shrink" take it from there and make it smaller.
    """
    import hypothesis
    from hypothesis import HealthCheck as Health
    from hypothesis import strategies as st

    @hypothesis.settings(  # above the seed, which would take the database away
        max_examples=EXAMPLES * TRIES,
        database=database,
        deadline=None,
        phases=[hypothesis.Phase[phase] for phase in phases],
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=[
            Health.too_slow,
            Health.filter_too_much,
            Health.data_too_large,
            Health.large_base_example,
        ],
    )
    @hypothesis.seed(int(seed, 16))
    @hypothesis.given(st.fixed_dictionaries(given))
    def each(example: dict[str, Any]) -> None:
        test({name: example[name] for name in given})  # Hypothesis shuffles them

    with _no_constants_of_modules():
        each()


@contextlib.contextmanager
def _no_constants_of_modules() -> Iterator[None]:
    """Hypothesis takes some of its values from constants in the modules of the project that happen to be imported: what it
    draws would depend on where the engine is installed, and on every line of it."""
    from hypothesis.internal.conjecture import providers

    class Provider(providers.HypothesisProvider):
        def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
            return None

    usual = providers.AVAILABLE_PROVIDERS["hypothesis"]
    providers.AVAILABLE_PROVIDERS["hypothesis"] = Provider
    try:
        yield
    finally:
        providers.AVAILABLE_PROVIDERS["hypothesis"] = usual


class _Fails(Exception):
    """Raised for Hypothesis, where an example fails."""


class _Over(BaseException):
    """Ends a search from within: Hypothesis lets it through."""


class Search:
    """The search for a smaller example on which an answer fails, from one that does.

    Hypothesis draws the same examples as before until it comes to that one, then begins anew with it, and shrinks it: in a
    thread that hands out one example at a time and waits to hear whether it fails. The same question is asked once only.
    """

    def __init__(self, check: Check, seed: str, start: bytes) -> None:
        assert check.given is not None
        self._examples: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answers: queue.Queue[bool | None] = queue.Queue()
        self._start = start  # encoded
        self._known = {start: True}
        self._thread = threading.Thread(target=self._search, args=(check.given, seed), daemon=True)
        self._thread.start()

    def next(self, failed: bool | None = None) -> dict[str, Any] | None:
        """The next example to try, None when there is no more. `failed`: what came of the one before."""
        if failed is not None:
            self._answers.put(failed)
        return self._examples.get()

    def end(self) -> None:
        """Nothing more is wanted. Does nothing when the search is over."""
        self._answers.put(None)
        self._thread.join()

    def _search(self, given: dict[str, Any], seed: str) -> None:
        from hypothesis.database import InMemoryExampleDatabase

        database: Any = InMemoryExampleDatabase()
        try:
            # In a run of its own: what passes on the way here, unasked, would be taken to pass.
            with contextlib.suppress(_Fails):
                _run(given, seed, self._come_to_start, database=database)
            for key, found in list(database.data.items()):  # what lies under the key itself counts as shrunk already
                for each in list(found):
                    database.move(key, key + b".secondary", each)
            with contextlib.suppress(_Fails):
                _run(given, seed, self._test, phases=("reuse", "shrink"), database=database)
        except (_Over, Exception):  # whatever Hypothesis says: what is known by then stands
            pass
        finally:
            self._examples.put(None)

    def _come_to_start(self, example: dict[str, Any]) -> None:
        if encode(example) == self._start:
            raise _Fails

    def _test(self, example: dict[str, Any]) -> None:
        key = encode(example)
        if key not in self._known:
            self._known[key] = self._ask(example)
        if self._known[key]:
            raise _Fails

    def _ask(self, example: dict[str, Any]) -> bool:
        self._examples.put(example)
        answer = self._answers.get()
        if answer is None:
            raise _Over
        return answer
