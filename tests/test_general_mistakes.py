"""General mistakes: which are made of a reference, and that each can be told from it by who looks, and not by who does not."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from autograder.verify.equivalent import DeclaredGenerals
from autograder.verify.general import General, generals, replay
from autograder.verify.general.report import GeneralReport, TriedGeneral
from autograder.verify.general.run import Turns

SOURCE = '''"""Small things, in float32, float64 or bfloat16."""

import torch
from torch import Tensor, nn


def scaled(x: Tensor, n: int, k: int, cache: Tensor | None = None, loud: bool = False) -> Tensor:
    """x of shape (…, C) times n / k, plus `cache`; the result is not held. A random thing is drawn. Gradients flow."""
    # BEGIN SOLUTION
    y = x * n / k
    y = y if cache is None else y + cache
    return y * 2 if loud else y
    # END SOLUTION


def listed(words: list[str]) -> list[str]:
    """The words in capitals. Raises ValueError where there are none."""
    # BEGIN SOLUTION
    if not isinstance(words, list) or not words:
        raise ValueError("no words")
    return [word.upper() for word in words]
    # END SOLUTION


def looked(model: nn.Module) -> int:
    """How many parameters a model has."""
    # BEGIN SOLUTION
    return sum(1 for _ in model.parameters())
    # END SOLUTION


def counted(n: int) -> list[int]:
    """The numbers below n."""
    # BEGIN SOLUTION
    return _below(n)
    # END SOLUTION


# BEGIN SOLUTION
def _below(n):
    return [number for number in range(n)]


# END SOLUTION


def drawn(n: int) -> list[float]:
    """n random numbers."""
    # BEGIN SOLUTION
    return torch.rand(n).tolist()
    # END SOLUTION


def placed(words: list[str], scores: list[float], start: int | None = None, worst: float = 9.0) -> list[int]:
    """The places of the words with the highest score, from `start`; the first one leads where two are equal, an empty list gives no
    places. `words` may be empty. Scores may be -inf, and count at most `worst`."""
    # BEGIN SOLUTION
    best = float("-inf")
    if start is None:
        start = 0
    found: list[int] = []
    last = None
    for place, word in enumerate(words):
        score = min(scores[place], worst)
        best = max(best, score)
        last = len(word) if last is None else last
    pairs = sorted(zip(scores, range(len(words))), key=lambda pair: -min(pair[0], worst))
    with torch.no_grad():
        found = [start + place for score, place in pairs if min(score, worst) >= best]
    return found + [last or 0]
    # END SOLUTION


def scored(scores: list[float], floor: float | None = None) -> list[float]:
    """The scores, none below `floor` where it is given. One may be -inf."""
    # BEGIN SOLUTION
    return scores if floor is None else [max(floor, score) for score in scores]
    # END SOLUTION


def first_best(rows: Tensor) -> list[int]:
    """The first of the largest numbers of each row of (N, C)."""
    # BEGIN SOLUTION
    return rows.argmax(-1).tolist()
    # END SOLUTION


def joined(text: str, other: Tensor) -> tuple[int, str]:
    """The sum of whole numbers, and the text."""
    # BEGIN SOLUTION
    return int(other.sum()), text
    # END SOLUTION


class Kept:
    """Keeps n."""

    def __init__(self, n: int) -> None:
        """Keeps it."""
        # BEGIN SOLUTION
        self.n = n
        # END SOLUTION


class Halved(nn.Module):
    """Halves, in both modes."""

    def __init__(self) -> None:
        """Has a table, and a weight."""
        super().__init__()
        # BEGIN SOLUTION
        self.register_buffer("table", torch.ones(1) / 2)
        self.weight = nn.Parameter(torch.ones(1))
        # END SOLUTION

    def forward(self, x: Tensor) -> list[Tensor]:
        """x / 2, in a list."""
        # BEGIN SOLUTION
        return [x * self.table * self.weight]
        # END SOLUTION
'''

X = torch.arange(6.0).reshape(2, 3)


class _Words(list):
    pass


def loaded(source: str) -> types.SimpleNamespace:
    names: dict[str, Any] = {}
    exec(compile(source, "general", "exec"), names)
    return types.SimpleNamespace(**names)


def found(scope: str, kind: str, about: str) -> General:
    return next(each for each in generals(SOURCE) if each.name == (scope, kind, about))


def seen(look: Callable[[Any], Any], module: Any) -> str:
    """What an experiment sees, as text; an exception by its name."""
    try:
        return repr(look(module))
    except Exception as error:
        return type(error).__name__


def _of_model(student: Any) -> Any:
    model = nn.Sequential(nn.Linear(2, 2, bias=False)).eval()
    weight = model[0].weight
    student.looked(model)
    return model.training, weight.requires_grad, model[0].weight is weight


def _leaf(student: Any) -> bool:
    x = X.clone()
    student.scaled(x, 2, 1)
    return x.requires_grad


def _alive(student: Any) -> bool:
    import weakref

    result = student.scaled(X, 2, 1)
    reference = weakref.ref(result)
    del result
    return reference() is None


def _two(student: Any) -> Any:
    first = student.listed(["a"])
    return first, student.listed(["b"]), first


def _two_tensors(student: Any) -> Any:
    first = student.scaled(X, 2, 1)
    return student.scaled(X + 1, 2, 1), first


def _shared(student: Any) -> int:
    first = student.Kept(1)
    student.Kept(2)
    return first.n


def _cached(student: Any) -> Any:
    student.scaled(X, 1, 1)
    return student.scaled(X, 1, 1, cache=10 * X)


def _halves_twice(student: Any) -> Any:
    module = student.Halved().eval()
    first = module(X)
    module.weight.data *= 2
    return first, module(X)


def _without_gradients(student: Any) -> bool:
    with torch.no_grad():
        student.placed(["a"], [1.0])
        return torch.is_grad_enabled()


def _words_after(student: Any) -> Any:
    words, scores = ["a"], [1.0]
    student.placed(words, scores)
    return words, scores


PLACED: Callable[[Any], Any] = lambda student: student.placed(["a", "b"], [1.0, 2.0])  # noqa: E731
JOINED: Callable[[Any], Any] = lambda student: student.joined("a", X.long())  # noqa: E731
ROWED: Callable[[Any], Any] = lambda student: student.first_best(X.flip(-1))  # noqa: E731
ONCE: Callable[[Any], Any] = lambda student: student.scaled(X, 1, 1)  # noqa: E731  a check that looks at one plain call
WORD: Callable[[Any], Any] = lambda student: student.listed(["a"])  # noqa: E731


def _cleared(student: Any) -> Any:
    student.counted(2).clear()
    return student.counted(2)


ROWS: list[tuple[str, str, str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("scaled", "memo", "shapes", lambda s: (s.scaled(X, 2, 1), s.scaled(X + 1, 2, 1)), ONCE),
    ("scaled", "memo", "options", lambda s: (s.scaled(X, 2, 1), s.scaled(X, 2, 1, loud=True)), ONCE),
    ("counted", "given out", "", _cleared, lambda s: s.counted(2)),
    ("listed", "accumulates", "", _two, WORD),
    ("scaled", "one result", "", _two_tensors, ONCE),
    ("scaled", "first options", "", lambda s: (s.scaled(X, 2, 1), s.scaled(X + 1, 2, 1, loud=True)), ONCE),
    ("scaled", "own cache", "cache", _cached, ONCE),
    ("Kept.__init__", "class state", "", _shared, lambda s: s.Kept(1).n),
    ("scaled", "exchange", "n, k", lambda s: s.scaled(X, 2, 1), ONCE),
    ("scaled", "ignored", "loud", lambda s: s.scaled(X, 1, 1, loud=True), ONCE),
    ("scaled", "default", "loud", ONCE, lambda s: s.scaled(X, 1, 1, None, True)),
    ("scaled", "clamped", "n", lambda s: s.scaled(X, 17, 1), ONCE),
    ("listed", "truncated", "words", lambda s: s.listed(["a"] * 17), WORD),
    ("listed", "short loop", "words", lambda s: s.listed(["a"] * 17), WORD),
    ("scaled", "view", "", lambda s: s.scaled(X.T, 1, 1), ONCE),
    ("scaled", "dimensions", "one", lambda s: s.scaled(X[0], 1, 1), ONCE),
    ("scaled", "dimensions", "four", lambda s: s.scaled(X[None, None], 1, 1), ONCE),
    ("scaled", "rounded", "float64", lambda s: s.scaled(X.double() / 7, 1, 3).tolist(), ONCE),
    ("scaled", "rounded", "low precision", lambda s: s.scaled(X.bfloat16(), 1, 3, cache=X / 7), ONCE),
    ("looked", "left", "train", _of_model, lambda s: s.looked(nn.Linear(2, 2))),
    ("looked", "left", "frozen", _of_model, lambda s: s.looked(nn.Linear(2, 2))),
    ("looked", "left", "replaced", _of_model, lambda s: s.looked(nn.Linear(2, 2))),
    ("scaled", "left", "requires_grad", _leaf, lambda s: s.scaled(X.clone(), 1, 1)),
    ("drawn", "left", "seed", lambda s: s.drawn(2) == s.drawn(2), lambda s: len(s.drawn(2))),
    ("scaled", "held", "", _alive, ONCE),
    ("listed", "exact type", "isinstance(words, list)", lambda s: s.listed(_Words("a")), WORD),
    ("listed", "exception", "RuntimeError", lambda s: s.listed([]), WORD),
    ("Halved.forward", "mode", "evaluation", lambda s: s.Halved().eval()(X), lambda s: s.Halved()(X)),
    ("Halved.forward", "mode", "training", lambda s: s.Halved()(X), lambda s: s.Halved().eval()(X)),
    ("listed", "exception", "none", lambda s: s.listed([]), WORD),
    ("scored", "falsy", "floor", lambda s: s.scored([1.0, -2.0], floor=0.0), lambda s: s.scored([1.0, -2.0])),
    ("scaled", "first row", "x", lambda s: s.scaled(X, 2, 1), lambda s: s.scaled(X[:1], 2, 1)),
    ("placed", "empty", "words", lambda s: s.placed([], []), PLACED),
    ("joined", "whole", "", lambda s: s.joined("a", torch.tensor(2**24 + 1)), JOINED),
    ("scored", "finite", "arguments", lambda s: s.scored([1.0, float("-inf")]), lambda s: s.scored([1.0, 2.0])),
    ("placed", "finite", "1e4", lambda s: s.placed(["a", "b"], [-1e6, -1e7]), PLACED),
    ("placed", "place", "words", lambda s: s.placed(["a", "a"], [1.0, 2.0]), PLACED),
    ("placed", "tie", "sorted zip(scores, range(len(words)))", lambda s: s.placed(["a", "b"], [2.0, 2.0]), PLACED),
    ("first_best", "tie", "argmax", lambda s: s.first_best(X * 0), ROWED),
    ("placed", "items", "once: words", lambda s: s.placed(["a", "a"], [1.0, 2.0]), PLACED),
    ("placed", "items", "sorted: scores", lambda s: s.placed(["a", "b"], [2.0, 1.0]), PLACED),
    ("joined", "text", "stripped: text", lambda s: s.joined(" a", X.long()), JOINED),
    ("joined", "text", "lower: text", lambda s: s.joined("A", X.long()), JOINED),
    ("placed", "changed", "words", _words_after, PLACED),
    ("placed", "left", "grad mode", _without_gradients, PLACED),
    ("Halved.forward", "mode", "gradients", lambda s: s.Halved().eval()(X)[0].requires_grad, lambda s: s.Halved()(X)),
    ("Halved.forward", "mode", "weights", _halves_twice, lambda s: s.Halved().eval()(X)),
    ("Halved.__init__", "buffer", "", lambda s: s.Halved().double().table.dtype, lambda s: s.Halved()(X)),
    ("_below", "short loop", "range(n)", lambda s: s.counted(17), lambda s: s.counted(3)),  # a helper: its code counts
    ("placed", "truth", "last is None", lambda s: s.placed(["", "b"], [1.0, 2.0]), PLACED),
]


@pytest.mark.parametrize(("scope", "kind", "about", "good", "bad"), ROWS, ids=[" ".join(row[:3]) for row in ROWS])
def test_each_kind_passes_a_bad_check_and_fails_a_good_one(
    scope: str, kind: str, about: str, good: Callable[[Any], Any], bad: Callable[[Any], Any]
) -> None:
    wrong = found(scope, kind, about).source
    assert seen(bad, loaded(wrong)) == seen(bad, loaded(SOURCE))
    assert seen(good, loaded(wrong)) != seen(good, loaded(SOURCE))


def test_every_kind_is_shown() -> None:
    assert {each.kind for each in generals(SOURCE)} == {row[1] for row in ROWS}


class _Stub:
    """What `replay` takes of an experiment's `student`: the module, and what it holds of it."""

    def __init__(self, source: str) -> None:
        self._implementation = types.SimpleNamespace(module=replay.fresh(source), held={})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._implementation.module, name)


def shown(experiment: Callable[..., Any], reference: str, *wanted: tuple[str, str, str]) -> list[str | None]:
    """What replays of the experiment's calls show of each of these general mistakes."""
    made = {each.name: each for each in generals(reference)}
    sources = {str(i): [name[0], name[1], made[name].source, made[name].documented] for i, name in enumerate(wanted)}
    found = json.loads(replay.shown(_Stub(reference), experiment, {}, reference, sources))
    return [found.get(str(i)) for i in range(len(wanted))]


@pytest.mark.parametrize("row", ROWS, ids=[" ".join(row[:3]) for row in ROWS])
def test_a_replay_shows_each_kind_from_the_calls_of_a_bad_check(row: tuple[Any, ...]) -> None:
    def experiment(student: Any) -> Any:
        return row[3 if row[2] == "low precision" else 4](student)  # rounding shows beside a wider argument only

    assert shown(experiment, SOURCE, row[:3]) != [""]


ALIKE = '''"""Two things."""

import torch
from torch import Tensor


def area(width: int, height: int) -> int:
    """width times height. Raises ValueError for less than 0."""
    # BEGIN SOLUTION
    if width < 0 or height < 0:
        raise ValueError("less than 0")
    return width * height
    # END SOLUTION


def power(base: int, exponent: int) -> int:
    """base to the power of exponent, which is at most 16: larger ones count as 16."""
    # BEGIN SOLUTION
    return base ** min(exponent, 16)
    # END SOLUTION


def total(x: Tensor) -> float:
    """The sum of x."""
    # BEGIN SOLUTION
    return float(x.sum())
    # END SOLUTION
'''


def test_what_makes_no_difference_is_not_shown() -> None:
    def experiment(student: Any) -> Any:
        return student.area(2, 3), student.power(2, 3), student.total(X)

    wanted = [
        ("area", "exchange", "width, height"),  # symmetric in effect
        ("power", "exchange", "base, exponent"),
        ("power", "clamped", "exponent"),  # the reference does the same
        ("power", "clamped", "base"),
        ("area", "exception", "RuntimeError"),
    ]
    symmetric, turned, same, clamped, another = shown(experiment, ALIKE, *wanted)
    assert (symmetric, same) == ("", "")
    assert turned and clamped and another


def test_a_function_that_no_call_comes_to_is_not_called_equal() -> None:
    assert shown(lambda student: student.area(1, 2), ALIKE, ("power", "clamped", "base")) == [None]


def test_calls_outside_of_the_specification_show_nothing() -> None:
    source = ALIKE.replace("    return float(x.sum())", "    assert x.ndim < 3\n    return float(x.sum())")
    three = source.replace("assert x.ndim < 3", "assert x.ndim < 3, 'another text'")
    found = replay.shown(
        _Stub(source), lambda student: student.total(X), {}, source, {"0": ["total", "dimensions", three, []]}
    )
    assert json.loads(found) == {"0": ""}


def test_declared_ones_have_a_reason_and_must_fit(tmp_path: Path) -> None:
    path = tmp_path / "equivalent.toml"
    path.write_text(
        '[[general]]\nscope = ["a", "b"]\nkind = "memo"\nwhy = "So."\n\n'
        '[[general]]\nscope = "a"\nkind = "left"\nabout = "seed"\nwhy = "So."\n\n'
        '[[general]]\nscope = "a"\nkind = "view"\nwhy = " "\n\n[[general]]\nkind = "view"\n'
    )
    read = DeclaredGenerals.read(path)
    assert read.reason("b", "memo", "shapes") == "So." and read.reason("b", "left", "seed") == ""
    every = [("a", "memo", "shapes"), ("a", "left", "seed")]
    problems = read.problems(every, [("a", "memo", "shapes")])
    assert [text.partition(": ")[0] for text in problems] == [
        "equivalent.toml, [[general]] 3",
        "equivalent.toml, [[general]] 4",
        "equivalent.toml",
    ]
    assert "a check rejects it" in problems[-1]


def test_open_ones_are_counted_and_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "equivalent.toml"
    path.write_text(
        '[[general]]\nscope = "a"\nkind = "memo"\nopen = "A second call."\n\n'
        '[[general]]\nscope = "a"\nkind = "view"\nwhy = "So."\nopen = "So."\n'
    )
    read = DeclaredGenerals.read(path)
    assert read.reason("a", "memo", "shapes") == "" and read.open("a", "memo", "shapes") == "A second call."
    problems = read.problems([("a", "memo", "shapes")], [])
    assert [text.partition(": ")[0] for text in problems] == ["equivalent.toml, [[general]] 2", "equivalent.toml"]
    assert "open no longer" in problems[-1]
    left = TriedGeneral(found("scaled", "memo", "shapes"), open="A second call.")
    report = GeneralReport("a/b", [left])
    assert report.open == [left] and not report.problems and not report.survivors and not report.unshown


def test_only_what_keeps_something_gets_a_worker_for_each_check() -> None:
    keeps = {each.kind for each in generals(SOURCE) if each.keeps}
    assert {"memo", "given out", "first options", "left", "changed"} <= keeps
    assert not keeps & {
        "exchange",
        "ignored",
        "default",
        "falsy",
        "rounded",
        "truncated",
        "items",
        "truth",
        "short loop",
    }


def test_the_check_that_rejected_most_of_what_is_alike_is_asked_first() -> None:
    turns = Turns()
    for check, rejected in (("shapes", False), ("values", True), ("values", True)):
        turns.heard("scaled", "exchange", check, rejected)
    turns.heard("listed", "items", "shapes", True)

    def first(scope: str, kind: str) -> str:
        return max(("shapes", "values", "never asked"), key=lambda check: turns.chance(scope, kind, check))

    assert first("scaled", "exchange") == "values"
    assert first("scaled", "ignored") == "values"  # another kind, the same function
    assert first("listed", "items") == "shapes"
    assert turns.chance("looked", "left", "never asked") == 0.5
