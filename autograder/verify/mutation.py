"""Mutants of a reference: its source with one small thing changed, where students write.

A mutant is the source with one span replaced (`edits.py`), so that comments and formatting stay and a difference of one line is
shown as one line.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace

import libcst as cst
from libcst.metadata import MetadataWrapper

from autograder.source.parsing import parse
from autograder.source.regions import find_regions
from autograder.verify.edits import Edit, Finder


@dataclass(frozen=True)
class Mutant:
    """The reference with one change. `scope`, `old`, `new` and `nth` name it, whatever stands elsewhere in the file."""

    scope: str  # the function around it, qualified; "" at module level
    old: str  # the lines that it changes, without their indentation
    new: str  # what they became
    line: int
    source: str
    nth: int = 1  # of equal ones in the same function, from 1
    reference: str = field(default="", repr=False)  # the source without the change


def mutants(source: str, file: str = "solution.py") -> list[Mutant]:
    """All mutants of `source` inside its solution regions, in the order of their places; no two have the same tree."""
    tree = parse(source)
    regions = [(region.first, region.last) for region in find_regions(source, tree, file)]
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    data = source.encode("utf-8")
    finder = Finder(wrapper, data, regions)
    wrapper.module.visit(finder)
    chunks = _chunks(tree, data)
    seen = {(start, ast.dump(parse(data[start:end]))) for start, end in chunks}
    counts: dict[tuple[str, str, str], int] = {}
    made = []
    for edit in sorted(finder.edits, key=lambda edit: (edit.start, edit.end)):
        mutant = _apply(edit, data)
        # Only the statement at top level around it is parsed: the others are as they were.
        start, end = next(span for span in chunks if span[0] <= edit.start and edit.end <= span[1])
        changed = mutant.source.encode("utf-8")
        try:
            dump = start, ast.dump(parse(changed[start : end + len(changed) - len(data)]))
        except SyntaxError:
            continue
        if dump in seen:
            continue
        seen.add(dump)
        key = (mutant.scope, mutant.old, mutant.new)
        counts[key] = counts.get(key, 0) + 1
        made.append(replace(mutant, nth=counts[key]))
    return made


def _chunks(tree: ast.Module, data: bytes) -> list[tuple[int, int]]:
    """The spans of the statements at top level, in bytes; what is between two of them belongs to the second."""
    ends = [0]
    for line in data.split(b"\n"):
        ends.append(ends[-1] + len(line) + 1)
    lasts = [min(ends[node.end_lineno or node.lineno], len(data)) for node in tree.body]
    return list(zip([0, *lasts[:-1]], lasts, strict=True))


def _apply(edit: Edit, data: bytes) -> Mutant:
    changed = data[: edit.start] + edit.text.encode("utf-8") + data[edit.end :]
    first = data.rfind(b"\n", 0, edit.start) + 1
    last = data.find(b"\n", edit.end)
    last = len(data) if last < 0 else last
    old, new = data[first:last], changed[first : last + len(changed) - len(data)]
    line = data.count(b"\n", 0, edit.start) + 1
    source, reference = changed.decode("utf-8"), data.decode("utf-8")
    return Mutant(edit.scope, _bare(old), _bare(new), line, source, reference=reference)


def _bare(lines: bytes) -> str:
    """The code of some lines: without indentation, and without the comment behind it."""
    code = (re.sub(r"\s{2,}#\s.*$", "", line).strip() for line in lines.decode("utf-8").split("\n"))
    return "\n".join(code)
