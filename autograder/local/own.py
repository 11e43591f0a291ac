"""What a student's own cases import: their file as a module, and a comparison that says where two values differ.

Own cases are ordinary pytest tests in `assignments/<topic>/own/test_<exercise>.py`. Nothing is graded by them.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = "own"
_numbers = itertools.count()


def own_file(root: Path, name: str) -> Path:
    """Where the own cases of the exercise `topic/slug` are, in the course at `root`."""
    topic, _, slug = name.partition("/")
    return root / "assignments" / topic / FOLDER / f"test_{slug}.py"


def exercise(test_file: str) -> ModuleType:
    """The student's file that the tests in `test_file` are about, loaded anew."""
    path = Path(test_file).absolute()
    slug = path.stem.removeprefix("test_")
    file = path.parent.parent / f"{slug}.py"
    if not file.is_file():
        raise FileNotFoundError(f"there is no {file}: {path.name} is about the exercise that it is named after")
    name = f"own_{path.parent.parent.name}_{slug}_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def recorded(test_file: str, check: str, case: str, what: str = "inputs") -> Any:
    """The `inputs` of a public case, or what was expected (`want`), where that is too long to be written down."""
    from autograder.plan import load_plan
    from autograder.lab import resolve
    from autograder.wire.decode import decode
    from autograder.wire.values import Lab

    path = Path(test_file).absolute()
    plan = load_plan(path.parent.parent / "expected" / f"{path.stem.removeprefix('test_')}.plan")
    _, planned = plan.find(check, case)
    if what != "inputs":
        return decode(planned.want)
    return {name: resolve(value) if isinstance(value, Lab) else value for name, value in decode(planned.inputs).items()}


def same(seen: Any, want: Any) -> None:
    """Fail where two values differ by more than checks allow, and say where. Dataclasses count as dicts, as in checks."""
    from autograder.checks import difference
    from autograder.feedback.messages import difference_text
    from autograder.wire.decode import decode
    from autograder.wire.encode import encode

    __tracebackhide__ = True  # pytest shows the line that called this
    found = difference(decode(encode(seen)), decode(encode(want)))
    if found is not None:
        raise AssertionError(difference_text(found))
