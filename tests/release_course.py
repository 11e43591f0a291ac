"""A small course with everything that a real one has, for the tests of `release`, and stand-ins for the engine's makers."""

from __future__ import annotations

import ast
import json
import zlib
from pathlib import Path

from autograder.release.assignments import Makers, build_assignments
from autograder.release.repository import release

SOLUTION = '''"""Task of NAME.

It has `code` and 多语言 text.
"""

from __future__ import annotations

import math

# BEGIN SOLUTION
def _helper(x):
    """A private docstring."""
    return x
# END SOLUTION


def FUNCTION(x: float) -> float:
    """The root of x. `FUNCTION(4.0) -> 2.0`"""
    # BEGIN SOLUTION
    # a private thought
    return math.sqrt(_helper(x))
    # END SOLUTION
'''

CHECKS = '''"""Checks of NAME."""

from autograder.checks import case, check


@check(points=3, public=[case("four", x=4.0)], hidden=[case("secret nine", x=9.0, unit="secret unit")])
def takes_the_root(student, x, unit=""):
    """The root is right."""
    return student.FUNCTION(x)


@check(points=2, hidden=[case("secret sixteen", x=16.0)])
def only_hidden(student, x):
    """It is right for larger numbers."""
    return student.FUNCTION(x)
'''

MISTAKES = '''"""Wrong ones."""

from autograder.checks import mistake


@mistake("You square x. Take its root.")
def FUNCTION(x):
    return x * x
'''

GRADING = """# A note of the staff.
schema = 1
id = "small"
title = "A small # course"  # another note

[[module]]
id = "roots"
title = "Roots | and powers"

# Not for students: they struggle here.
[[module.exercise]]
name = "roots_of/square"
title = "The square root"
points = 5
forbid = [
    "scipy",  # it has the answer
]

[[module.exercise]]
name = "roots_of/cube"
title = "The cube root"
points = 5

[[module]]
id = "sums"
title = "Sums"

[[module.exercise]]
name = "sums_of/two"
title = "Two numbers"
points = 5
"""

PYPROJECT = """[project]
name = "small"

[tool.setuptools]
packages = ["autograder", "autograder.part"]

[tool.setuptools.package-data]
"autograder.part" = ["data/**/*"]

[tool.pytest.ini_options]
addopts = "--import-mode=importlib"
testpaths = ["tests", "solutions"]
"""

EXERCISES = ("roots_of/square", "roots_of/cube", "sums_of/two")


def put(root: Path, name: str, text: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def case_strings(source: str, keyword: str) -> list[ast.Constant]:
    """The titles and text parameters of the cases in `public=[…]` or `hidden=[…]`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    lists = [k.value for call in calls for k in call.keywords if k.arg == keyword and isinstance(k.value, ast.List)]
    cases = [case for each in lists for case in each.elts if isinstance(case, ast.Call)]
    values = [value for case in cases for value in (*case.args, *(k.value for k in case.keywords))]
    return [value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def titles(folder: Path, keyword: str) -> list[str]:
    return [str(each.value) for each in case_strings((folder / "checks.py").read_text("utf-8"), keyword)]


def makers_of(course: Path, leak: str = "") -> Makers:
    """Stand-ins for the engine's makers: they show public cases only, or also `leak`, a file of each exercise's folder."""

    def test_module(folder: Path) -> str:
        return f'"""Public checks."""\n\nCASES = {titles(folder, "public")!r}\n'

    def public_plan(name: str) -> bytes:
        folder = course / "solutions" / name
        shown = json.dumps(titles(folder, "public")) + ((folder / leak).read_text("utf-8") if leak else "")
        return b"PLAN" + zlib.compress(shown.encode())

    return Makers(test_module, public_plan)


def make_course(root: Path) -> Path:
    """Write the course to `root`, with its assignments/ in sync."""
    put(root, "grading.toml", GRADING)
    put(root, "pyproject.toml", PYPROJECT)
    put(root, "constraints.txt", "torch==2.13.0\n")
    put(root, "LICENSE", "MIT License\n")
    put(root, "README.md", "For instructors.\n")
    put(root, "Makefile", "grade:\n")
    for name in (
        "__init__.py",
        "cli.py",
        "README.md",
        "part/__init__.py",
        "part/data/text.txt",
        "part/data/deep/more.txt",
    ):
        put(root, f"autograder/{name}", f"{name}\n")
    for name in EXERCISES:
        topic, slug = name.split("/")
        for file, text in {"solution.py": SOLUTION, "checks.py": CHECKS, "mistakes.py": MISTAKES}.items():
            put(root, f"solutions/{name}/{file}", text.replace("NAME", name).replace("FUNCTION", slug))
        put(root, f"solutions/{name}/alternatives.py", "# another way\n")
        put(root, f"solutions/{name}/test_oracle.py", "# against a library\n")
        put(root, f"lectures/{name}.md", f"# {name}\n")
        put(root, f"lectures/{topic}/figures/{slug}.svg", "<svg/>\n")
        put(root, f"lectures/{topic}/figures/{slug}.py", "# draws it from the reference\n")
    put(root, "lectures/README.md", "# Lectures\n")
    build_assignments(root, makers=makers_of(root))
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def released(course: Path, out: Path) -> dict[str, bytes]:
    release(course, out, makers=makers_of(course), version="1.0")
    return tree(out)
