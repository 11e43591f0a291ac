"""An exercise's folder, read and checked: the reference, its stub, checks, mistakes and alternatives.

Runs in the twin (and in pytest): it imports the authored files, which may import torch.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from pathlib import Path

from autograder.checks.authoring import declarations
from autograder.checks.declared import Alternative, AuthoringError, Cheat, Check, Convention, Mistake, Variant
from autograder.experiment.observe import load_module
from autograder.source import extract
from autograder.source.errors import ReleaseError
from autograder.source.parsing import parse
from autograder.source.stub import make_stub
from autograder.twin import docstrings


@dataclass(frozen=True)
class Derived:
    """An implementation made from the reference's source: a mistake or an alternative."""

    sentence: str
    source: str
    only: tuple[str, ...] = ()  # a mistake's `fails`, an alternative's `misses`
    crashes: bool = False
    used_by: str = ""  # of a convention: whose it is


@dataclass(frozen=True)
class Exercise:
    """What the files of one exercise say."""

    name: str
    folder: Path
    reference: str  # source of solution.py
    stub: str
    checks: tuple[Check, ...]
    checks_source: str
    mistakes: tuple[Derived, ...] = ()
    alternatives: tuple[Derived, ...] = ()
    cheats: tuple[Derived, ...] = ()

    @property
    def experiments(self) -> str:
        """The module of experiments that goes into the jail."""
        names = [check.name for check in self.checks if check.name != docstrings.NAME]
        source = extract.experiments(self.checks_source, "checks.py", names)
        if len(names) == len(self.checks):
            return source
        return f"{source.rstrip()}\n\n\n{docstrings.experiment_source(self.stub)}"

    def check(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)


def load_exercise(folder: Path, name: str) -> Exercise:
    """Read `folder`. Raises `AuthoringError` with the file, the line and what to mend."""
    reference = _read(folder / "solution.py")
    checks_source = _read(folder / "checks.py")
    checks = [each for each in _declared(folder / "checks.py", checks_source, name) if isinstance(each, Check)]
    problems = extract.sentences_are_literal(checks_source, "checks.py")
    if not checks:
        problems.append("checks.py: it declares no check; write one with @check(…)")
    names = [check.name for check in checks]
    if docstrings.NAME in names:
        problems.append(f"checks.py: {docstrings.NAME} is the check of the examples in docstrings; choose another name")
    problems += [f"checks.py: two checks are called {each}" for each in sorted(set(names)) if names.count(each) > 1]
    if problems:
        raise AuthoringError("\n".join(problems))
    stub = _stub(reference)
    _loads(reference, f"reference.{name}", folder / "solution.py")
    _loads(stub, f"stub.{name}", folder / "solution.py (as a stub)")
    return Exercise(
        name=name,
        folder=folder,
        reference=reference,
        stub=stub,
        checks=_with_examples(checks, stub),
        checks_source=checks_source,
        mistakes=_derived(folder / "mistakes.py", name, reference, Mistake, set(names))
        + _derived(folder / "conventions.py", name, reference, Convention, set(names)),
        alternatives=_derived(folder / "alternatives.py", name, reference, Alternative, set(names)),
        cheats=_derived(folder / "cheats.py", name, reference, Cheat, set(names)),
    )


def load_public(test_module: Path, name: str, stub: str) -> Exercise:
    """The exercise as a student's repository has it: public checks only, from `test_<exercise>.py`."""
    source = _read(test_module)
    checks = [each for each in _declared(test_module, source, name) if isinstance(each, Check)]
    every = _with_examples(checks, stub)
    return Exercise(name=name, folder=test_module.parent, reference="", stub=stub, checks=every, checks_source=source)


def reference_module(exercise: Exercise) -> types.ModuleType:
    """A fresh module of the reference."""
    return load_module(exercise.reference, f"reference.{exercise.name}", str(exercise.folder / "solution.py"))


def _with_examples(checks: list[Check], stub: str) -> tuple[Check, ...]:
    """The declared checks, behind the one of the docstrings' examples where there are any."""
    examples = docstrings.examples_check(stub)
    return tuple(checks) if examples is None else (examples, *checks)


def _stub(reference: str) -> str:
    try:
        return make_stub(reference)
    except ReleaseError as error:
        raise AuthoringError(str(error)) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AuthoringError(f"{path.name}: there is no such file in {path.parent}") from None
    except UnicodeDecodeError as error:
        raise AuthoringError(f"{path.name}: it is not UTF-8 (byte {error.start})") from error


def _declared(path: Path, source: str, name: str) -> list[Check | Variant]:
    with declarations() as found:
        _loads(source, f"{path.stem}.{name}", path)
    return found


def _loads(source: str, name: str, path: Path) -> None:
    try:
        load_module(source, name, str(path))
    except AuthoringError as error:
        raise AuthoringError(f"{path.name}: {error}") from error
    except (Exception, SystemExit) as error:
        line = _line(error, str(path))
        raise AuthoringError(f"{path.name}:{line}: {type(error).__name__}: {error}") from error


def _line(error: BaseException, file: str) -> int:
    line = getattr(error, "lineno", 0) or 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


@dataclass
class _Group:
    """Declarations with one sentence: together they are one implementation."""

    edits: dict[str, str] = field(default_factory=dict)
    replaces: dict[str, int] = field(default_factory=dict)  # name → line of the decorator
    only: tuple[str, ...] = ()
    crashes: bool = False
    used_by: str = ""
    line: int = 0


def _derived(path: Path, name: str, reference: str, kind: type[Variant], checks: set[str]) -> tuple[Derived, ...]:
    if not path.exists():
        return ()
    source = _read(path)
    groups: dict[str, _Group] = {}
    for variant in _declared(path, source, name):
        if (
            not isinstance(variant, kind) or type(variant) is not kind
        ):  # a convention is a mistake too, with a place of its own
            raise AuthoringError(f"{path.name}: it declares something that is not {kind.__name__.lower()}(…)")
        group = groups.setdefault(variant.sentence, _Group(line=variant.line))
        group.edits |= variant.edits
        group.replaces |= dict.fromkeys(variant.replaces, variant.line)
        group.only = variant.fails if isinstance(variant, Mistake) else getattr(variant, "misses", ())
        group.crashes |= isinstance(variant, Mistake) and variant.crashes
        group.used_by = getattr(variant, "used_by", "")
        unknown = set(group.only) - checks
        if unknown:
            raise AuthoringError(f"{path.name}:{variant.line}: there is no check {', '.join(sorted(unknown))}")
    file = extract.Source(source, path.name)
    made = []
    for sentence, group in groups.items():
        text = _edited(reference, group.edits, f"{path.name}:{group.line}")
        if group.replaces:
            text = _replaced(text, file, group.replaces, f"{path.name}:{group.line}")
        made.append(Derived(sentence, text, group.only, group.crashes, group.used_by))
    return tuple(made)


def _edited(reference: str, edits: dict[str, str], where: str) -> str:
    text = reference
    for old, new in edits.items():
        count = reference.count(old)
        if count != 1:
            raise AuthoringError(f"{where}: {old!r} occurs {count} times in solution.py; an edit needs exactly one")
        text = text.replace(old, new, 1)
    try:
        parse(text)
    except SyntaxError as error:
        raise AuthoringError(f"{where}: after the edit, solution.py:{error.lineno}: {error.msg}") from error
    return text


def _replaced(reference: str, file: extract.Source, names: dict[str, int], where: str) -> str:
    """The reference with the functions called `names` replaced; helpers of `file` come along under their own names."""
    base = extract.Source(reference, "solution.py")
    unknown = [name for name in names if name not in base.names()]
    if unknown:
        raise AuthoringError(f"{where}: solution.py has no {', '.join(unknown)} to replace")
    # Later definitions win; a `from __future__` line must stay the first of the module.
    added = file.at(names).part(names)
    future = "from __future__ import annotations\n"
    return reference.rstrip("\n") + "\n\n\n" + added.replace(future, "")
