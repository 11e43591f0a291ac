"""General mistakes: which are made of a reference, and that each can be told from it by who looks, and not by who does not."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from autograder.verify.equivalent import DeclaredGenerals
from autograder.verify.general import General, generals

SOURCE = '''"""Small things, in float32, float64 or bfloat16."""

import torch
from torch import Tensor, nn


def scaled(x: Tensor, n: int, k: int, cache: Tensor | None = None, loud: bool = False) -> Tensor:
    """x of shape (…, C) times n / k, plus `cache`; the memory that is held does not grow. A random thing is drawn. Gradients flow."""
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


def drawn(n: int) -> list[float]:
    """n random numbers."""
    # BEGIN SOLUTION
    return torch.rand(n).tolist()
    # END SOLUTION


class Kept:
    """Keeps n."""

    def __init__(self, n: int) -> None:
        """Keeps it."""
        # BEGIN SOLUTION
        self.n = n
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


def _shared(student: Any) -> int:
    first = student.Kept(1)
    student.Kept(2)
    return first.n


def _cached(student: Any) -> Any:
    student.scaled(X, 1, 1)
    return student.scaled(X, 1, 1, cache=10 * X)


ONCE: Callable[[Any], Any] = lambda student: student.scaled(X, 1, 1)  # noqa: E731  a check that looks at one plain call
WORD: Callable[[Any], Any] = lambda student: student.listed(["a"])  # noqa: E731
ROWS: list[tuple[str, str, str, Callable[[Any], Any], Callable[[Any], Any]]] = [
    ("scaled", "memo", "shapes", lambda s: (s.scaled(X, 2, 1), s.scaled(X + 1, 2, 1)), ONCE),
    ("scaled", "memo", "options", lambda s: (s.scaled(X, 2, 1), s.scaled(X, 2, 1, loud=True)), ONCE),
    ("listed", "accumulates", "", _two, WORD),
    ("listed", "one result", "", _two, WORD),
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
    ("listed", "exception", "none", lambda s: s.listed([]), WORD),
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
