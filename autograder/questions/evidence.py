"""What is known of a file before any question is made: what it gives for calls, twice, and what changes of it give."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

from autograder.questions.calls import Call
from autograder.questions.changes import Change, changeable, changes, codes, own_lines
from autograder.questions.runs import Runs, Seen, Variable
from autograder.source.parsing import parse

MOST_CHANGES = 32
"""Of one file that are tried: a sample, where there are more."""
OTHER_SEED = 1234567
"""Torch's seed of second runs: what depends on a random draw comes out otherwise there, and nobody can know it."""


_DRAWS = re.compile(
    r"manual_seed|Generator|generator|\brandn?\b|randint|randperm|normal_?\(|uniform_\(|multinomial"
    r"|\bempty(_like|_strided)?\(|new_empty|resize_"
)
"""Lines that draw numbers, or take memory as it is: often the same ones each time, but nobody knows them."""

_LONG = re.compile(r"\d{7}")
"""Numbers like a hash, or a count of parameters: nobody gets them without a computer."""


@dataclass
class Evidence:
    """By their keys the calls that a question can be about, what the file gives for them, and what each change gives."""

    text: str
    calls: dict[str, Call] = field(default_factory=dict)
    own: dict[str, Seen] = field(default_factory=dict)
    changed: dict[Change, dict[str, Seen]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)  # why something is not asked about → how often

    @cached_property
    def _rows(self) -> list[str]:
        return codes(self.text)

    def row(self, line: int) -> str:
        """A line of the file, without its indentation and the comment behind it."""
        return self._rows[line - 1] if 0 < line <= len(self._rows) else ""

    def is_readable(self, key: str) -> bool:
        """Whether a person could work out the numbers of a call: its inputs are there to be read, and nothing in it is drawn."""
        seen = self.own[key]
        drawn = any(_DRAWS.search(self.row(number)) for number, count in seen.lines.items() if count)
        return self.calls[key].small and not drawn and not _LONG.search(seen.text or "")

    def reaches(self, change: Change, key: str) -> bool:
        """Whether the line of a change runs in a call of the unchanged file."""
        return bool(self.own[key].lines.get(change.line))


def gather(runs: Runs, calls: list[Call], stub: str, draw: random.Random) -> Evidence:
    """Run the file on all calls in two fresh workers, then its changes on those that gave the same both times."""
    text = runs.code.text
    found = Evidence(text)
    first = runs.observe(text, calls)
    second = runs.observe(text, reversed(calls), OTHER_SEED)
    for call in calls:
        one, other = first.get(call.key), second.get(call.key)
        if one is None or other is None:
            found.left_out["a call without a plain, whole answer"] += 1
        elif not equal(one, other):
            found.left_out["a call that gives different results in two runs"] += 1
        elif one.raised:
            found.left_out["a call that raises"] += 1
        else:
            steady = {each: values for each, values in one.held.items() if one.told[each] == other.told.get(each)}
            found.calls[call.key], found.own[call.key] = call, replace(one, held=steady)
    _change(found, runs, stub, draw)
    return found


def equal(one: Seen, other: Seen) -> bool:
    """Whether two runs of the same code came to the same, in the same way; what variables held is looked at where it is asked for."""
    return one.same(other) and one.text == other.text and one.lines == other.lines


def _change(found: Evidence, runs: Runs, stub: str, draw: random.Random) -> None:
    reached = {line for seen in found.own.values() for line, count in seen.lines.items() if count}
    own = own_lines(found.text, stub)
    found.left_out["a line of its author that no call reaches"] += len(changeable(found.text, own) - reached)
    for change in changes(found.text, own & reached, MOST_CHANGES, draw):
        if runs.over:
            found.left_out["a change for which there was no time"] += 1
            continue
        # Where its line does not run, nothing changes. What a question rests on is run all the same, when its key is verified.
        reaching = {key for key, own in found.own.items() if own.lines.get(change.line)}
        seen = runs.observe(change.source, [call for key, call in found.calls.items() if key in reaching])
        if not seen:
            found.left_out["a change with which the file can't be loaded, or nothing of it ends well"] += 1
            continue
        seen |= {key: own for key, own in found.own.items() if key not in reaching}
        if all(key in seen and own.same(seen[key]) for key, own in found.own.items()):
            found.left_out["a change that changes no result"] += 1
            found.changed[change] = seen  # it may still be a choice, or the answer "the same"
        else:
            found.changed[change] = seen


def variables(text: str, stub: str) -> list[Variable]:
    """What to look at while the file runs: names that a line of its author gives a computed value, with that line."""
    lines = own_lines(text, stub)
    found: list[Variable] = []
    for node in ast.walk(parse(text)):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AugAssign(target=ast.Name(id=name), value=value)
            ):
                plain = isinstance(node, ast.Assign) and isinstance(value, ast.Constant | ast.Name | ast.Lambda)
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_])]):
                plain = False
            case _:
                continue
        if (
            not plain
            and node.lineno == node.end_lineno
            and node.lineno in lines
            and name.isidentifier()
            and name != "_"
        ):
            found.append((node.lineno, name))
    return sorted(set(found))[:80]


def repeated(text: str) -> list[int]:
    """The lines with a simple statement in a loop, that Python counts once each time they run."""
    found: list[int] = []
    skipped = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
    for loop in ast.walk(parse(text)):
        if not isinstance(loop, ast.For | ast.While):
            continue
        for node in ast.walk(loop):
            if not isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return):
                continue
            alone = node.lineno == node.end_lineno and node.lineno != loop.lineno
            if alone and not any(isinstance(each, skipped) for each in ast.walk(node)):
                found.append(node.lineno)
    return sorted(set(found))
