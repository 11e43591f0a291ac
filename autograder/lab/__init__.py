"""What exercises share, in the jail, the twin and the student's repository alike: texts, merges, toy models.

A check's inputs name a value (`lab("english", limit=2000)`); the name crosses the boundary, and the experiment gets the
value. To add one, write a function and list it in `VALUES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Protocol

VALUES: dict[str, str] = {
    "english": "autograder.lab.corpora:english",
    "chinese": "autograder.lab.corpora:chinese",
    "frozen_model": "autograder.lab.frozen:frozen_model",
    "gpt2_merges": "autograder.lab.gpt2:gpt2_merges",
    "gpt2_vocab": "autograder.lab.gpt2:gpt2_vocab",
    "markov": "autograder.lab.models:markov",
    "recorded": "autograder.lab.recorded:recorded",
    "solved": "autograder.lab.solved:solved",
    "toy_decoder": "autograder.lab.toys:toy_decoder",
    "toy_lm": "autograder.lab.models:toy_lm",
}

HOSTED_END = "hosted"
EACH_RANK = "each_rank"
"""`lab("each_rank", values=[…])`: an input that each rank of a world has its own of."""
HOSTED = ("exam", "stages", "world")
"""Values that live on the trusted side while an implementation uses them: see `autograder.lab.hosting`."""


def is_hosted(names: Iterable[str]) -> bool:
    """Whether one of these values is hosted."""
    return any(name in HOSTED for name in names)


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> dict[str, Any]: ...


def resolve(value: _Named) -> Any:
    """The value of a lab name; of a hosted one, this rank's end of it. Raises `KeyError` when there is none of that name."""
    if value.name == HOSTED_END:
        from autograder.lab import ends

        return ends.end(**value.arguments)
    if value.name not in VALUES:
        raise KeyError(f"the lab has no value {value.name!r}; it has {', '.join(sorted(VALUES))}")
    module, _, function = VALUES[value.name].partition(":")
    return getattr(importlib.import_module(module), function)(**value.arguments)


def preload(name: str) -> None:
    """Read the data behind a lab value into this process, so that workers forked from it need not."""
    if name in VALUES and name not in _loaded:
        module, _, function = VALUES[name].partition(":")
        getattr(importlib.import_module(module), function)()
        _loaded.add(name)


_loaded: set[str] = set()
