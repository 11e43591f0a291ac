"""What a question can be about: calls of a student's functions on inputs that a person can read.

They come from the exercise's *public* plan alone, so nothing hidden can be among them: the examples of the stub's docstrings, the
same with other numbers, and the public cases of the checks. What a call gives is found out by running it (`runs.py`).
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from autograder.lab import is_hosted
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.questions.printed import printed
from autograder.source.parsing import parse
from autograder.twin import docstrings
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.values import BadValue, Lab

VARIANTS = 6
"""Calls with other numbers that are made of one example."""
MOST_EXAMPLES = 30
MOST_CASES = 10
SHOWN_LINES, SHOWN_COLUMNS = 6, 110
"""What is shown of one call."""


@dataclass(frozen=True)
class Call:
    """One call, and how it is written for a person."""

    key: str
    about: dict[str, Any]  # as `watch.watched` takes it, without the variables
    inputs: dict[str, Any]
    want_bytes: int  # about what the answer is as large as
    shown: tuple[str, ...]  # lines of Python
    family: str  # calls of one family ask the same function, or check, for different inputs
    told: bool = False  # the stub says what it gives
    small: bool = True  # its inputs are all there to be read

    @property
    def text(self) -> str:
        return "\n".join(self.shown)


def calls(plan: Plan, draw: random.Random) -> list[Call]:
    """The calls that may be asked about, the same ones for the same state of `draw`."""
    return [*_examples(plan.stub, draw), *_cases(plan, draw)]


# --- examples of docstrings, and the same with other numbers ---


def _examples(stub: str, draw: random.Random) -> list[Call]:
    written: list[list[Call]] = []
    names = _own_names(stub)
    for example in docstrings.read_examples(stub):
        if "raises(" in example.text:
            continue
        texts = [example.text, *_varied(example.text, draw)]
        made = [_example(text, example.where, names, told=text == example.text) for text in dict.fromkeys(texts)]
        written.append([each for each in made if each is not None])
    found: list[Call] = []
    for turn in range(VARIANTS + 1):  # some of each, where there are too many
        found += [some[turn] for some in written if turn < len(some)]
    return found[:MOST_EXAMPLES]


def _own_names(stub: str) -> list[str]:
    """What the stub defines itself, and an example may name."""
    found: list[str] = []
    for node in parse(stub).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found += [
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            ]
    return [name for name in found if not name.startswith("_")]


def _example(text: str, family: str, names: list[str], told: bool) -> Call | None:
    shown = tuple(ast.unparse(statement) for statement in parse(text).body)
    if not _fits(shown):
        return None
    return Call(text, {"example": text, "names": names}, {}, 0, shown, family, told)


def _fits(shown: tuple[str, ...]) -> bool:
    return len(shown) <= SHOWN_LINES and all(len(line) <= SHOWN_COLUMNS for line in shown)


def _varied(text: str, draw: random.Random) -> Iterator[str]:
    """Texts like this one, with one or two of its literals changed: a number, a word, the order or length of a list."""
    count = len(_literals(parse(text)))
    for _ in range(VARIANTS if count else 0):
        tree = parse(text)
        found = _literals(tree)
        arguments = {id(each) for node in ast.walk(tree) if isinstance(node, ast.Call) for each in node.args}
        # A whole number that a function takes is often a size or a dimension, with which nothing fits any more.
        weights = [1 if isinstance(each, ast.Constant) and id(each) in arguments else 4 for each in found]
        for index in set(draw.choices(range(count), weights, k=draw.choice((1, 1, 2)))):
            _change(found[index], draw)
        yield "; ".join(ast.unparse(statement) for statement in ast.fix_missing_locations(tree).body)


def _literals(tree: ast.AST) -> list[ast.expr]:
    """What can be changed: numbers and texts, and lists of several such. Not what stands for a dimension, a dtype or an option."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                found.append(node)
            case ast.Constant(value=str(value)) if 2 <= len(value) <= 60:
                found.append(node)
            case ast.List(elts=[_, _, *_]):
                found.append(node)
    return found


def _change(node: ast.expr, draw: random.Random) -> None:
    match node:
        case ast.Constant(value=int(value)):
            node.value = max(min(value, 1), value + draw.choice((1, -1, 2, 3))) if value >= 0 else value
        case ast.Constant(value=float(value)):
            node.value = draw.choice((round(value + 0.5, 4), 2 * value, round(value / 2, 4), value + 1.0))
        case ast.Constant(value=str(value)):
            node.value = _other_text(value, draw)
        case ast.List(elts=items):
            first, second = draw.sample(range(len(items)), 2)
            kind = draw.choice(("swap", "swap", "drop", "again"))
            if kind == "swap":
                items[first], items[second] = items[second], items[first]
            elif kind == "drop":
                del items[first]
            else:
                items.insert(first, copy.deepcopy(items[second]))


def _other_text(value: str, draw: random.Random) -> str:
    words = value.split(" ")
    if len(words) > 1:
        first, second = draw.sample(range(len(words)), 2)
        if draw.random() < 0.5:
            words[first], words[second] = words[second], words[first]
        else:
            words[first] = words[second]
        return " ".join(words)
    place = draw.randrange(len(value))
    return draw.choice(
        (value[:place] + value[place + 1 :], value[:place] + value[place] + value[place:], value[1:] + value[0])
    )


# --- public cases ---


def _cases(plan: Plan, draw: random.Random) -> list[Call]:
    found = []
    for check, case in plan.cases():
        if not case.public or check.name == docstrings.NAME or not _can_be_asked(check, case):
            continue
        body = _body(plan.experiments, check.name)
        if body:
            call = _case(check, case, body)
            if call is not None:
                found.append(call)
    draw.shuffle(found)
    return sorted(found, key=lambda call: not call.small)[:MOST_CASES]


def _can_be_asked(check: PlannedCheck, case: PlannedCase) -> bool:
    """Whether it runs as an ordinary call here: not on a device, and not as ranks or stages in processes of their own."""
    return check.is_runnable() and check.device == "cpu" and not is_hosted(case.lab)


def _case(check: PlannedCheck, case: PlannedCase, body: tuple[str, ...]) -> Call | None:
    try:
        inputs: dict[str, Any] = decode(case.inputs)
    except BadValue:
        return None
    lines, small = [], True
    for name, value in inputs.items():
        text = printed(value, SHOWN_COLUMNS - len(name) - 3)
        if text is None or _is_rounded(value):
            small = False
            text = case.inputs_text.get(name, "") if isinstance(value, Lab) else _outline(value)
        if text is None:
            return None
        lines.append(f"{name} = {text}")
    shown = (*lines, *body)
    if len(lines) > SHOWN_LINES or len(body) > SHOWN_LINES or any(len(line) > SHOWN_COLUMNS for line in shown):
        return None
    key = f"{check.name} / {case.title}"
    return Call(key, {"experiment": check.name}, inputs, len(case.want), shown, check.name, small=small)


def _is_rounded(value: Any) -> bool:
    """Whether its numbers are drawn, with more digits than anybody would calculate with."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        finite = value.double()[value.isfinite()]
        return bool(((finite * 1000).round() / 1000 - finite).abs().gt(1e-6).any())
    if isinstance(value, dict):
        return any(map(_is_rounded, value.values()))
    return isinstance(value, list | tuple) and any(map(_is_rounded, value))


def _outline(value: Any) -> str | None:
    """What is said of an input that is too large to be read."""
    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"<{dtype} tensor of shape {tuple(value.shape)}>"
    if isinstance(value, dict) and value and all(isinstance(each, torch.Tensor) for each in value.values()):
        parts = [f"{key!r}: {tuple(each.shape)}" for key, each in value.items()]
        return "<tensors of shapes {" + ", ".join(parts) + "}>"
    if isinstance(value, list) and value and all(isinstance(each, torch.Tensor) for each in value):
        return f"<tensors of shapes [{', '.join(str(tuple(each.shape)) for each in value)}]>"
    return None


def _body(experiments: str, check: str) -> tuple[str, ...]:
    """The lines of an experiment, where it needs no helper of its own to be understood."""
    tree = parse(experiments)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    node = functions.get(check)
    if node is None:
        return ()
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    named = {each.id for statement in statements for each in ast.walk(statement) if isinstance(each, ast.Name)}
    if named & (functions.keys() - {check}):
        return ()
    return tuple("\n".join(ast.unparse(statement) for statement in statements).split("\n"))


def size_of(call: Call) -> int:
    """Bytes that its answer may have, before it is cut and so can't be asked about."""
    return max(call.want_bytes, 4096) + len(encode(call.inputs)) // 4
