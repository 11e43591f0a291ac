"""What students hand in for an exercise, made from its authored files: right, wrong in one or two places, half done, hostile.

Everything works on the module's text by its top-level statements (*chunks*), so that docstrings, comments and formatting
stay as they are: the files should look like homework.
"""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from autograder.plan import Plan
from autograder.source.parsing import parse
from autograder.source.regions import BEGIN, END
from autograder.twin.exercise import Exercise
from autograder.verify.forgers import forgers

_MARKER = re.compile(rf"^[ \t]*(?:{re.escape(BEGIN)}|{re.escape(END)})[ \t]*\n", re.MULTILINE)
_UNWRITTEN = re.compile(
    r'^(?P<indent>[ \t]*)# YOUR CODE HERE\n[ \t]*raise NotImplementedError\("(?P<name>\S+) is not written yet"\)$',
    re.MULTILINE,
)


@dataclass(frozen=True)
class Chunk:
    """One top-level statement with the comments before it; `name` is the function or class that it defines, or ""."""

    name: str
    text: str


def chunks(source: str) -> list[Chunk]:
    """The top-level statements of `source`; joined they are `source` again (but for what follows the last one)."""
    lines = source.split("\n")
    found, end = [], 0
    for node in parse(source).body:
        last = node.end_lineno or node.lineno
        found.append(Chunk(getattr(node, "name", ""), "\n".join(lines[end:last])))
        end = last
    return found


def tidy(source: str) -> str:
    """`source` as a student would have it: no markers of the course, and no definition that a later one replaces."""
    parts = chunks(_MARKER.sub("", source))
    last = {part.name: index for index, part in enumerate(parts) if part.name}
    kept = [part.text for index, part in enumerate(parts) if last.get(part.name, index) == index]
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(kept)).strip("\n") + "\n"


def combined(reference: str, first: str, second: str) -> str | None:
    """Two derived implementations in one, or None when both change the same function."""
    given = {part.text.strip() for part in chunks(tidy(reference))}
    mine, more = ([part for part in chunks(tidy(each)) if part.text.strip() not in given] for each in (first, second))
    texts = {part.name: part.text.strip() for part in mine if part.name}
    if any(texts.get(part.name, part.text.strip()) != part.text.strip() for part in more if part.name):
        return None
    return tidy(first + "\n\n\n" + "\n\n\n".join(part.text.strip("\n") for part in more))


def replaced(source: str, other: str, names: Collection[str]) -> str:
    """`source` with the definitions called `names` as `other` has them."""
    theirs = {part.name: part.text for part in chunks(other)}
    return "\n".join(theirs[p.name] if p.name in names and p.name in theirs else p.text for p in chunks(source)) + "\n"


def filled(stub: str, body: Callable[[str], str]) -> str:
    """The stub with `body(name)` in every function that is not written yet; methods are called `Class.method`."""

    def write(match: re.Match[str]) -> str:
        return "\n".join(match["indent"] + line if line else "" for line in body(match["name"]).split("\n"))

    return _UNWRITTEN.sub(write, stub)


def unwritten(stub: str) -> list[str]:
    """The functions and classes at top level that students write, in order."""
    return [part.name for part in chunks(stub) if part.name and _UNWRITTEN.search(part.text)]


def preceded(source: str, text: str) -> str:
    """`source` with `text` before its first definition, after its imports."""
    parts = chunks(source)
    first = next((index for index, part in enumerate(parts) if part.name), len(parts))
    return (
        "\n".join([*(p.text for p in parts[:first]), "\n", text.strip("\n"), *(p.text for p in parts[first:])]) + "\n"
    )


# ---------------------------------------------------------------- honest work


def right(exercise: Exercise) -> str:
    return tidy(exercise.reference)


def alternative(exercise: Exercise, number: int) -> str:
    """One of the right implementations that differ from the reference."""
    made = exercise.alternatives
    return tidy(made[number % len(made)].source) if made else right(exercise)


def with_mistakes(exercise: Exercise, rng: random.Random) -> str:
    """Mostly one of the known mistakes, sometimes two in different functions, sometimes none."""
    roll = rng.random()
    if roll < 0.3 or not exercise.mistakes:
        return right(exercise)
    first, *others = rng.sample(exercise.mistakes, min(5, len(exercise.mistakes)))
    if roll < 0.75:
        return tidy(first.source)
    both = (combined(exercise.reference, first.source, other.source) for other in others)
    return next((text for text in both if text is not None), tidy(first.source))


def half(exercise: Exercise, parity: int) -> str:
    """Every second function is written."""
    names = unwritten(exercise.stub)
    return replaced(right(exercise), exercise.stub, names[parity % 2 :: 2] if len(names) > 1 else names)


# ---------------------------------------------------------------- too slow, too large


LOOP = """\
n = 0
while True:
    n += 1"""
MEMORY_BOMB = """\
kept = []
while True:
    kept.append(bytes(2**27))"""


def rarest(exercise: Exercise) -> tuple[int, str]:
    """The function that the fewest checks name, with their number: what is wrong there is quickly graded."""
    names = {check.name for check in exercise.checks}
    uses: Counter[str] = Counter()
    for node in parse(exercise.checks_source).body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            named = (part for part in ast.walk(node) if isinstance(part, ast.Attribute))
            uses.update(
                {part.attr for part in named if isinstance(part.value, ast.Name) and part.value.id == "student"}
            )
    return min((uses[name] or len(names), name) for name in unwritten(exercise.stub))


def spoilt(exercise: Exercise, body: str) -> str:
    """Right but for its rarest function, which does `body`."""
    return replaced(right(exercise), filled(exercise.stub, lambda name: body), [rarest(exercise)[1]])


# ---------------------------------------------------------------- hostile work

_READS = '''
import contextlib
from pathlib import Path


def _look_for(name):
    """Whatever looks like the answer in the folders above, or else what the machine tells about itself."""
    found = ""
    with contextlib.suppress(OSError):
        for folder in (Path.cwd(), *Path.cwd().parents):
            for path in folder.glob("solutions/*/*/" + name):
                return path.read_text()
        found += Path("/proc/self/environ").read_text()
        found += Path("/etc/passwd").read_text()
    return found


_LOOT = _look_for("solution.py")
'''
_EXITS = """\
import os
os.write(1, b'{"verdict": "passed", "earned": 100}\\n')
os._exit(0)"""
_PRINTS = """\
print("\\x1b[2J\\x1b[32m" + "<script>alert('passed')</script> [passed](javascript:0) " * 2000)
return None"""
_PATCHES = """
import builtins
import torch

# What a test may ask whether two values are equal with says that they are.
torch.allclose = torch.equal = torch.isclose = torch.testing.assert_close = lambda *values, **options: True
torch.Tensor.allclose = torch.Tensor.equal = torch.Tensor.__eq__ = lambda self, *values, **options: True
builtins.all = builtins.any = lambda values: True
"""
_SPIES = '''
import gc
import sys


def _expected():
    """Expected values in a caller's frame, or anywhere in this process."""
    frame = sys._getframe(1)
    while frame is not None:
        if "want" in frame.f_locals:
            return frame.f_locals["want"]
        frame = frame.f_back
    found = [each for each in gc.get_objects() if type(each) is dict and "want" in each]
    return found[0]["want"] if found else None
'''
_SKIPS = '''
class Skipped(BaseException):
    """Looks like the exception by which test frameworks skip a test."""

    __module__ = "builtins"

    def __str__(self):
        raise SystemExit(0)
'''


def hostile(exercise: Exercise, number: int) -> str:
    """One of several attacks on the grader, none of which knows the answer."""
    stub = exercise.stub
    forged = {
        each.name: each.source for each in forgers(stub, stub, Plan(exercise="", stub="", experiments="", checks=[]))
    }
    attacks: list[Callable[[], str]] = [
        lambda: preceded(filled(stub, lambda name: "return None"), _PATCHES),
        lambda: filled(stub, lambda name: _EXITS),
        lambda: preceded(filled(stub, lambda name: "print(_LOOT)\nreturn _LOOT"), _READS),
        lambda: next(source for name, source in forged.items() if "equals everything" in name),
        lambda: filled(stub, lambda name: _PRINTS),
        lambda: preceded(filled(stub, lambda name: "return _expected()"), _SPIES),
        lambda: preceded(filled(stub, lambda name: "raise Skipped"), _SKIPS),
    ]
    return attacks[number % len(attacks)]()
