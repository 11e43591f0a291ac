"""The sentences of a stub's docstrings, and which of them some check cites. Nothing here imports torch.

A docstring is the specification: what no check cites is either no promise, or a promise that nothing holds. An author
says `cites=["the scale is"]` beside a check; words are compared, so that line breaks and marks do not matter.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.source.parsing import parse

_ITEM = re.compile(r"(-|\d+\.)\s+|[\w`\"]+(, [\w`\"]+)*:\s")  # a bullet, a number, a parameter
_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?]\)))\s+(?=[A-Z(`\"*])")
_FEW = 2  # words of three letters: what has fewer says no more than a shape


@dataclass(frozen=True)
class Sentence:
    """One sentence of a docstring."""

    where: str
    text: str

    @property
    def words(self) -> list[str]:
        return words(self.text)


@dataclass
class Coverage:
    """What the checks of an exercise cite."""

    sentences: list[Sentence] = field(default_factory=list)
    uncited: list[Sentence] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # cites of no sentence

    def __str__(self) -> str:
        return f"{len(self.sentences) - len(self.uncited)} of {len(self.sentences)}"


def coverage(stub: str, checks: str) -> Coverage:
    """Which sentences of `stub` the checks in the source `checks` cite, by `cites=` or as their claim."""
    found = Coverage(list(sentences(stub)))
    cited: set[Sentence] = set()
    for name, line, claim, cites in _citing(parse(checks)):
        if cites is None:
            found.problems.append(f"checks.py:{line}: check {name}: cites= must be a literal list of texts")
            continue
        cited |= {each for each in found.sentences if contains(words(claim), each.words)}
        for cite in cites:
            meant = [each for each in found.sentences if contains(each.words, words(cite))]
            cited.update(meant)
            if not meant or len(words(cite)) < 2:  # one word is in many sentences
                found.problems.append(
                    f"checks.py:{line}: check {name} cites {cite!r}, which no docstring of the stub says"
                )
    found.uncited = [each for each in found.sentences if each not in cited]
    return found


def _citing(tree: ast.Module) -> Iterator[tuple[str, int, str, list[str] | None]]:
    """Each check: its name, its line, its claim, what it cites (None where that is not written out)."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check":
                given = next((each.value for each in call.keywords if each.arg == "cites"), None)
                yield node.name, node.lineno, ast.get_docstring(node) or "", _texts(given)


def _texts(given: ast.expr | None) -> list[str] | None:
    parts = [] if given is None else given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return texts if len(texts) == len(parts) and not isinstance(given, ast.Constant) else None


def words(text: str) -> list[str]:
    """What is compared of a text.

    >>> words("The scale is 1/√D: *of a head*.")
    ['the', 'scale', 'is', '1', 'd', 'of', 'a', 'head']
    """
    return re.findall(r"\w+", text.lower())


def contains(all_of: list[str], part: list[str]) -> bool:
    """Whether the words `part` stand in `all_of`, next to each other."""
    return any(all_of[start : start + len(part)] == part for start in range(len(all_of) - len(part) + 1))


def sentences(stub: str) -> Iterator[Sentence]:
    """The sentences of all docstrings, without examples, code, mere shapes, and the lines that lead to a list or an example."""
    for where, _, docstring in docstrings(parse(stub)):
        for block in _blocks(inspect.cleandoc(docstring)):
            for text in _END.split(block):
                if len(re.findall(r"[^\W\d_]{3,}", text)) >= _FEW and not text.rstrip().endswith(":"):
                    yield Sentence(where, text.strip())


def _blocks(docstring: str) -> Iterator[str]:
    """Paragraphs, bullets and parameters of a docstring, each on one line; no examples, tables or indented code."""
    block: list[str] = []
    skipping = code = False
    for line in [*docstring.splitlines(), ""]:
        text = line.strip()
        skipping = bool(text) and (skipping or text.startswith(">>>"))
        code = line.startswith("    ") and (code or not block) and not _ITEM.match(text) if text else code
        item = bool(_ITEM.match(text)) and (
            not block or block[-1][-1] in ".:;)"
        )  # else a line that happens to begin so
        ends = not text or skipping or code or item or text.startswith("|")
        if ends and block:
            yield " ".join(block)
            block = []
        if text and not (skipping or code or text.startswith("|")):
            block.append(re.sub(r"^(-|\d+\.)\s+", "", text))


def docstrings(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """The docstrings of a module: where each belongs, its first line, and its text."""
    waiting: list[tuple[str, Any]] = [("the module", tree)]
    while waiting:
        name, node = waiting.pop(0)
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            yield name, first.lineno, first.value.value
        prefix = f"{name}." if isinstance(node, ast.ClassDef) else ""
        if not isinstance(node, ast.FunctionDef):
            waiting[:0] = [
                (prefix + each.name, each) for each in node.body if isinstance(each, ast.FunctionDef | ast.ClassDef)
            ]
