"""Everything that must hold of a lesson: the exercise's row in `grading.toml`, its lecture page, its hints.

An exercise whose row has no `objective` is not held to it: `verify` then says so in one line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from autograder.course.config import Course, Exercise
from autograder.lessons import prose
from autograder.lessons.figures import figure_problems
from autograder.lessons.head import head
from autograder.lessons.hints import lines_given_away, load_hints
from autograder.lessons.page import Block, Page, Section
from autograder.lessons.tables import TableError, with_tables
from autograder.source.parsing import parse

FIRST = "Why"
LAST = ("By hand", "Try it", "Your task", "Check yourself", "In a real system", "When it fails", "Sources")
QUESTIONS = 3
TRY_LINES = range(5, 26)
REAL_LANGUAGES = {"python", "json", "yaml", "toml", "text", "shell", "dockerfile", "jinja"}


def lesson_problems(exercise: Exercise, course: Course, root: Path, stub: str = "") -> list[str]:
    """What is wrong with the lesson of `exercise`; [] where it says nothing of a lesson yet. `stub` is what students get."""
    if not exercise.objective:
        return []
    page = f"lectures/{exercise.name}.md"
    try:
        text = exercise.lecture(root).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []  # that it is missing is said elsewhere
    found = list(row_problems(exercise))
    found += [f"{page}: {problem}" for problem in page_problems(text, exercise, course)]
    found += [
        f"{page}: {problem}"
        for problem in (*_tables(text, root), *figure_problems(text, exercise.lecture(root).parent))
    ]
    folder = exercise.solution_dir(root)
    hints = load_hints(folder)
    found += [f"solutions/{exercise.name}/{problem}" for problem in hints.problems]
    try:
        solution = (folder / "solution.py").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return found
    long = [number for number, line in enumerate(stub.splitlines(), 1) if len(line) > prose.LONGEST_LINE]
    if long:
        found.append(
            f"the stub's line {long[0]} is longer than {prose.LONGEST_LINE} characters: break it in solution.py"
        )
    if stub:
        given_away = lines_given_away(hints, solution, stub)
        found += [f"a hint holds a line of the solution: {line}" for line in given_away]
    return found


def _tables(text: str, root: Path) -> Iterator[str]:
    try:
        if with_tables(text, root) != text:
            yield "a table is not what its facts give; `autograder release` writes it"
    except TableError as problem:
        yield str(problem)


def row_problems(exercise: Exercise) -> Iterator[str]:
    if not exercise.minutes or not exercise.difficulty:
        yield f"{exercise.name} has an objective, but not `minutes` and `difficulty` in grading.toml"


def page_problems(text: str, exercise: Exercise, course: Course) -> Iterator[str]:
    """What is wrong with a page, each with what to do."""
    page = Page(text)
    wanted = head(exercise, course)
    title = page.lines[0]
    if title != f"# {exercise.title}":
        yield f"its title is {title!r}, and in grading.toml {exercise.title!r}"
    if wanted and f"\n{wanted}\n" not in text:
        yield "the lines below its title are not those of grading.toml; `autograder release` writes them"
    yield from _order(page)
    yield from _parts(page, exercise)
    for formula, line in page.bare_formulas():
        yield f"line {line}: GitHub changes {formula}; write inline formulas as $`…`$ and displayed ones as a block ```math"
    yield from prose.problems(page)


def _order(page: Page) -> Iterator[str]:
    titles = [section.title for section in page.sections if section.level == 2]
    if titles[:1] != [FIRST]:
        yield f"its first section is {titles[0]!r}, not {FIRST!r}" if titles else "it has no sections"
    missing = [title for title in LAST if title not in titles]
    if missing:
        yield f"it has no section {', '.join(missing)}"
        return
    places = [titles.index(title) for title in LAST]
    if places != sorted(places) or titles[-1] != LAST[-1]:
        yield f"its sections are in another order than {', '.join(LAST)}"
    if places[0] < 2:
        yield f"nothing stands between {FIRST!r} and {LAST[0]!r}: the idea and its derivation"


def _parts(page: Page, exercise: Exercise) -> Iterator[str]:
    if (section := page.section("Try it")) is not None:
        yield from _try_it(section, exercise)
    if (section := page.section("Check yourself")) is not None and section.folded != QUESTIONS:
        yield f"“Check yourself” has {section.folded} folded answers (<details>); it asks {QUESTIONS} questions"
    if (section := page.section("When it fails")) is not None and not section.folded:
        yield "“When it fails” is not folded (<details>), so it gives the task away"
    section = page.section("In a real system")
    if section is not None and not any(block.language in REAL_LANGUAGES for block in section.blocks):
        yield f"“In a real system” has no block of code ({', '.join(sorted(REAL_LANGUAGES))})"


def _try_it(section: Section, exercise: Exercise) -> Iterator[str]:
    blocks = [block for block in section.blocks if block.language == "python"]
    if len(blocks) != 1:
        yield f"“Try it” has {len(blocks)} python blocks; it has one, which is also a cell of the notebook"
        return
    lines = [line for line in blocks[0].text.splitlines() if line.strip()]
    if len(lines) not in TRY_LINES:
        yield f"“Try it” has {len(lines)} lines of code; write {TRY_LINES.start} to {TRY_LINES.stop - 1}"
    if not any(own_import(line, exercise.name) for line in lines):
        yield f"“Try it” does not use the student's own code: from {own_module(exercise.name)} import …"


def own_module(name: str) -> str:
    """The module from which a page's code takes what students wrote: `assignments.attention.gqa`."""
    return f"assignments.{name.replace('/', '.')}"


def own_import(line: str, name: str) -> bool:
    """Whether a line of code imports what students wrote. In a notebook that is defined already."""
    return line.startswith((f"from {own_module(name)} import ", f"import {own_module(name)}"))


def try_it(text: str) -> Block | None:
    """The code of a page's “Try it”."""
    section = Page(text).section("Try it")
    blocks = [block for block in section.blocks if block.language == "python"] if section else []
    return blocks[0] if blocks else None


def notebook_cell(code: str, name: str) -> str:
    """The code of “Try it” as a cell of the notebook, where the student's functions are defined already.

    >>> notebook_cell("import torch\\nfrom assignments.a.b import (\\n    f,\\n)\\nprint(f(1))\\n", "a/b")
    'import torch\\nprint(f(1))'
    """
    lines = code.rstrip("\n").split("\n")
    for node in reversed(parse(code).body):
        if isinstance(node, ast.ImportFrom) and node.module == own_module(name):
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).strip("\n")
