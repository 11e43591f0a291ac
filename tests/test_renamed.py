"""The reference with other names for its parameters: what nothing passes by name is renamed, and everything still works."""

from __future__ import annotations

import inspect
import types

from autograder.verify.renamed import renamed

SOURCE = '''"""Small things."""


def train(counts: dict[str, int], merges: int, most: int = 9) -> list[str]:
    """The first `merges` keys.

    >>> train({"a": 1}, 1, most=2)
    ['a']
    """
    # BEGIN SOLUTION
    def key(each: str, counts: dict[str, int] = counts) -> int:
        return -counts[each]

    return sorted(counts, key=key)[:min(merges, most)]
    # END SOLUTION


def twice(words: list[str], sep: str) -> str:
    """All words, twice."""
    # BEGIN SOLUTION
    return join(words * 2, sep=sep)
    # END SOLUTION


# BEGIN SOLUTION
def join(words: list[str], sep: str) -> str:
    return sep.join(words)
# END SOLUTION


class Layer:
    """Keeps a width."""

    def __init__(self, width: int, bias: bool = True) -> None:
        """Both are kept."""
        # BEGIN SOLUTION
        self.width, self.bias = width, bias
        # END SOLUTION

    def forward(self, x: int, mask: int | None = None, scale: int = 1) -> int:
        """x times the width."""
        # BEGIN SOLUTION
        return x * self.width * scale + (mask or 0)
        # END SOLUTION
'''
EXPERIMENTS = """
def one(student, counts):
    return student.train(counts, 2)


def two(student, words, options):
    layer = student.Layer(3, bias=False)
    return [helper(student.twice, words=words), layer.forward(2, **{"mask": 1})]


def helper(function, words):
    return function(words, "-")
"""


def test_what_is_passed_by_name_keeps_it_and_the_rest_is_renamed() -> None:
    module = types.ModuleType("renamed")
    exec(renamed(SOURCE, EXPERIMENTS), module.__dict__)
    names = {
        function.__qualname__: list(inspect.signature(function).parameters)
        for function in (module.train, module.twice, module.join, module.Layer.__init__, module.Layer.forward)
    }
    assert names == {
        "train": ["counts_", "merges_", "most"],  # an example of the docstring has `most=`
        "twice": ["words", "sep_"],  # `helper(student.twice, words=words)` may hand its keywords on
        "join": ["words", "sep"],  # a helper of the reference, which students do not write
        "Layer.__init__": ["self", "width_", "bias"],
        "Layer.forward": ["self", "x", "mask", "scale"],  # `**{…}` may hold any of them
    }
    assert module.train({"a": 1, "b": 5}, 1) == ["b"] and module.twice(["x", "y"], "-") == "x-y-x-y"
    assert module.Layer(3).forward(2, mask=1) == 7
