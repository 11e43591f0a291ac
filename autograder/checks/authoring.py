"""Declaring checks, cases, mistakes and alternatives. Nothing here runs an experiment."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, get_args

from autograder.checks.declared import (
    Alternative,
    AuthoringError,
    Budget,
    Case,
    Cheat,
    Check,
    Convention,
    Device,
    Mistake,
    Rejection,
    Shapes,
    Tolerance,
    Variant,
)

if TYPE_CHECKING:  # pytest loads this module for every project: it imports nothing heavy
    from autograder.results import Timeline

# What a file declares while it is executed; a fresh list for each file, so that nothing is global.
_declared: ContextVar[list[Check | Variant] | None] = ContextVar("declared", default=None)


@contextmanager
def declarations() -> Iterator[list[Check | Variant]]:
    """Collect what is declared inside the block."""
    found: list[Check | Variant] = []
    token = _declared.set(found)
    try:
        yield found
    finally:
        _declared.reset(token)


def _declare(declared: Check | Variant) -> None:
    found = _declared.get()
    if found is not None:
        found.append(declared)


def case(title: str | None = None, /, **parameters: Any) -> Case:
    """One case. Without a title, its parameters are its title.

    >>> case("one column", rows=4, columns=1).title
    'one column'
    >>> case(rows=4, columns=1).title
    'rows=4, columns=1'
    """
    if title is None:
        title = ", ".join(f"{name}={value!r}" for name, value in parameters.items()) or "the only case"
    return Case(title, parameters)


def check(
    *,
    points: int,
    inputs: Callable[..., dict[str, Any]] | None = None,
    public: list[Case] | tuple[Case, ...] = (),
    hidden: list[Case] | tuple[Case, ...] = (),
    fresh: int = 0,
    judge: Callable[..., Any] | None = None,
    shapes: Shapes = "same",
    tolerance: Tolerance | None = None,
    bonus: bool = False,
    mutates: bool = False,
    device: Device = "cpu",
    lecture: str = "",
    budget: Budget = Budget(),
    given: dict[str, Any] | None = None,
    needs: str = "",
    cites: list[str] | tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Check]:
    """Declare the decorated experiment a check: its name is the id, its docstring the claim.

    `cites`: first words of the docstrings' sentences that it holds. `verify` reads them in the file and lists what nothing cites.

    >>> @check(points=1, public=[case(n=3)], hidden=[case(n=0)])
    ... def counts_down(student, n):
    ...     '''Counts down from n to 1.'''
    ...     return student.countdown(n)
    >>> counts_down.name, counts_down.claim, counts_down.points
    ('counts_down', 'Counts down from n to 1.', 1)
    """

    def declare(experiment: Callable[..., Any]) -> Check:
        name = experiment.__name__
        claim = inspect.cleandoc(experiment.__doc__ or "").strip()
        problem = (
            _problem(name, claim, points, tuple(public), tuple(hidden), fresh, given is not None)
            or _over_budget(budget, device)
            or _ships_what_it_needs(needs, bonus, bool(public) or given is not None)
            or _shapes(shapes, judge is not None)
        )
        if problem:
            raise AuthoringError(f"check {name}: {problem}")
        declared = Check(
            name=name,
            claim=" ".join(claim.split()),
            experiment=experiment,
            points=points,
            public=tuple(public),
            hidden=tuple(hidden),
            fresh=fresh,
            inputs=inputs,
            judge=judge,
            shapes=shapes,
            tolerance=tolerance,
            bonus=bonus,
            mutates=mutates,
            device=device,
            lecture=lecture,
            budget=budget,
            given=given,
            needs=needs,
            line=experiment.__code__.co_firstlineno,
        )
        _declare(declared)
        return declared

    return declare


def _shapes(shapes: str, has_judge: bool) -> str:
    if shapes not in get_args(Shapes):
        return f"shapes is {shapes!r}; it must be one of {', '.join(get_args(Shapes))}"
    if shapes == "any" and not has_judge:
        return 'shapes="any" is for checks with a judge; without one the shape must be the reference\'s'
    return ""


def _problem(
    name: str, claim: str, points: int, public: tuple[Case, ...], hidden: tuple[Case, ...], fresh: int, given: bool
) -> str:
    if not claim:
        return "it has no docstring; the docstring is the claim that students read"
    if type(points) is not int or points < 1:
        return f"points is {points!r}; it must be a whole number from 1"
    if not public and not hidden and not given:
        return "it has no case; give public=[case(…)], hidden=[case(…)] or given={…}"
    if fresh < 0 or (fresh and not hidden):
        return "fresh= draws new cases like the first hidden one, so it needs hidden=[…] and a number from 0"
    titles = [each.title for each in (*public, *hidden)]
    for title in titles:
        if titles.count(title) > 1:
            return f"two cases are called {title!r}"
    return ""


def _over_budget(budget: Budget, device: Device) -> str:
    if any(not bound > 1 for bound in budget.bounds().values()):
        return "its budget must leave more than the reference needs: Budget(memory=3), Budget(cpu=5)"
    if budget.bounds() and device != "cpu":
        return "a budget is measured on the processor; a check with device= can't have one"
    return ""


def _ships_what_it_needs(needs: str, bonus: bool, has_public: bool) -> str:
    if needs and not bonus:
        return f"it needs {needs}, which not everybody has: make it a bonus"
    if needs and has_public:
        return f"it needs {needs}, so it can't have public cases: what ships would depend on where it was made"
    return ""


def reject(sentence: str, /, *, timeline: Timeline | None = None, **values: Any) -> Rejection:
    """What a judge returns for a wrong answer. The sentence is a literal; values from the answer go into keywords,
    which students see for public cases only, as they do the timeline: a schedule drawn as lanes × time.

    >>> reject("Piece {index} is not in the vocabulary.", index=3).values
    {'index': 3}
    """
    return Rejection(sentence, values, timeline)


def mistake(
    sentence: str, *, edit: dict[str, str] | None = None, fails: list[str] | None = None, crashes: bool = False
) -> Any:
    """A wrong implementation: edits of the reference's source, or a decorator of the functions that replace its own.

    Each key of `edit` must occur exactly once in `solution.py`. `fails` names checks that must reject it, where it matters which.
    `crashes=True` says that it raises wherever it is rejected, and that this is what is wrong with it.
    """
    return _variant(Mistake, sentence, edit, fails=tuple(fails or ()), crashes=crashes)


def convention(sentence: str, *, used_by: str, costs: str, edit: dict[str, str] | None = None) -> Any:
    """What a library or a paper does otherwise, declared as `mistake` is, in `conventions.py`.

    `costs` names the one check that tells it from what the docstring asks for; every other check accepts it. `used_by` says whose
    convention it is. Where nothing speaks against it, let the checks accept it, and declare it an alternative.
    """
    return _variant(Convention, sentence, edit, fails=(costs,), used_by=used_by)


def alternative(sentence: str, *, edit: dict[str, str] | None = None, misses: list[str] | None = None) -> Any:
    """A right implementation done differently, declared as `mistake` is. Every check must accept it."""
    return _variant(Alternative, sentence, edit, misses=tuple(misses or ()))


def cheat(sentence: str, *, edit: dict[str, str] | None = None) -> Any:
    """An answer that the exercise's `forbid` must refuse, declared as `mistake` is, in `cheats.py`: the one call that does it all."""
    return _variant(Cheat, sentence, edit)


def _variant(kind: type[Variant], sentence: str, edit: dict[str, str] | None, **more: Any) -> Any:
    frame = inspect.currentframe()
    line = frame.f_back.f_back.f_lineno if frame and frame.f_back and frame.f_back.f_back else 0
    if edit is not None:
        variant = kind(sentence, edits=dict(edit), line=line, **more)
        _declare(variant)
        return variant

    def declare(replacement: Any) -> Any:
        _declare(kind(sentence, replaces=(replacement.__name__,), line=line, **more))
        return replacement

    return declare
