"""What a student hands in: their own files as one zip, after a look at what would cost points.

Nothing is run. It says which exercises are not begun or not finished, which do not parse, use a forbidden name or are too large, and
packs all the same: half-done work is graded too. The same files always give the same zip.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import requests_handed_in
from autograder.course.answers import SubmittedFile
from autograder.course.config import Course, Exercise
from autograder.course.hints_asked import HANDED_IN
from autograder.course.notebook import PREFIX
from autograder.course.submission import open_own_work, open_submission
from autograder.experiment.forbidden import first_use
from autograder.feedback import messages
from autograder.local.asked import asked_by
from autograder.local.packages import absent
from autograder.plan import Plan, PlanError, load_plan
from autograder.release.files import write_atomically
from autograder.release.wheel import zipped
from autograder.results import Message
from autograder.source.errors import ReleaseError

FOLDER = "assignments"
PLACEHOLDER = "submission.py"
"""otter opens a zip that has one notebook or one Python file at its top: this one stands for the folders."""
LARGEST = 100 * 2**20
_ABOUT = b"# Made by autograder pack. What was handed in is in the folder beside this file.\n"


@dataclass(frozen=True)
class Note:
    """Something about one exercise that its student may want to mend before handing in."""

    exercise: str
    kind: str  # "not begun", "not finished", "forbidden", "absent", "breakpoint", "broken", "unreadable", "noted"
    text: str


@dataclass
class Packed:
    """The zip, what is in it, and what was noted."""

    path: Path
    files: list[str]
    hash: str  # of the submission, as the grade will name it
    notes: list[Note] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)  # exercises with nothing to note


def pack(
    root: Path,
    course: Course,
    exercises: list[Exercise],
    target: Path,
    untouched: Callable[[Exercise, str | None], bool],
) -> Packed:
    """Write the zip `target` with the files of `exercises` and their notebooks. Raises `ReleaseError` when there is nothing to pack."""
    submission = open_own_work(root, course, packed=True)
    packed = Packed(target, [], "")
    for exercise in exercises:
        file = submission.files[exercise.name]
        found = _notes(exercise, file, untouched(exercise, file.text), _plan(root, exercise), course.packages)
        packed.notes += found
        packed.ready += [] if found else [exercise.name]
        packed.notes += [Note(exercise.name, "noted", text) for text in noted(submission.problems, exercise)]
    contents = _contents(root, exercises)
    if not contents:
        raise ReleaseError(f"there is none of your files in {root / FOLDER}: nothing to hand in.")
    size = sum(map(len, contents.values()))
    if size > LARGEST:
        raise ReleaseError(
            f"your files have {size // 2**20} MB together, more than is accepted; clear your notebooks' outputs."
        )
    packed.files = sorted(contents)
    write_atomically(target, zipped({**contents, PLACEHOLDER: _ABOUT}))
    packed.hash = open_submission(target, course, name="you").hash
    return packed


def noted(problems: list[Message], exercise: Exercise) -> list[str]:
    """What was said of the work as a whole that is about this exercise: which of two answers is graded, a helper that is left out."""
    about = f"{PREFIX}{exercise.name}"
    return [
        f"{messages.text(each)} {messages.hint(each)}".rstrip().removesuffix(".")
        for each in problems
        if each.values.get("exercise") == exercise.name or each.values.get("tag") == about
    ]


def _plan(root: Path, exercise: Exercise) -> Plan | None:
    try:
        return load_plan(root / FOLDER / exercise.topic / "expected" / f"{exercise.slug}.plan")
    except PlanError:
        return None


def _notes(
    exercise: Exercise, file: SubmittedFile, untouched: bool, plan: Plan | None, packages: tuple[str, ...]
) -> list[Note]:
    """What is to be said of one exercise: what keeps all of it from being checked alone, else each thing that costs something."""

    def note(kind: str, text: str) -> Note:
        return Note(exercise.name, kind, text)

    if file.text is None:
        return [note("unreadable", messages.text(file.problem) if file.problem else "it is not there")]
    if untouched:
        return [note("not begun", "it is still the stub")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f": {_place(file, line)}" if line else ""
        return [note("broken", f"it is not valid Python{where}")]
    use = first_use(tree, list(exercise.forbid))
    if use is not None:
        place = _place(file, use.line)
        return [note("forbidden", f"{place} uses {use.name}, which this exercise forbids: it would get no points")]
    found = [
        note(
            "absent", f"{_place(file, each.line)} imports {each.name}, which will not be there when your work is graded"
        )
        for each in absent(file.text, packages, plan.stub if plan else "")
    ]
    found += [
        note("breakpoint", f"{_place(file, line)} has a breakpoint(): what comes to it would fail")
        for line in _breakpoints(tree)[:1]
    ]
    optional = _optional(plan)
    left = {name for name in _unwritten(tree) if name.partition(".")[0] not in optional}
    if left:
        named = ", ".join(sorted(left))
        found.append(note("not finished", f"{named} {'is' if len(left) == 1 else 'are'} not written yet"))
    return found


def _place(file: SubmittedFile, line: int) -> str:
    where, there = file.where(line)
    return f"{where}:{there}"


def _breakpoints(tree: ast.AST) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("breakpoint", "pdb.set_trace")
    ]


def _unwritten(tree: ast.Module) -> set[str]:
    """The functions and methods that still come to a statement `raise NotImplementedError` of their own."""

    def left(name: str, node: ast.AST) -> set[str]:
        found: set[str] = set()
        for child in _reached(node):
            inner = isinstance(child, ast.FunctionDef | ast.ClassDef)
            if isinstance(child, ast.Raise) and child.exc is not None and name:
                raised = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
                found |= {name} if isinstance(raised, ast.Name) and raised.id == "NotImplementedError" else set()
            found |= left(f"{name}.{child.name}".lstrip(".") if inner else name, child)
        return found

    return left("", tree)


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    """The children of `node`, without statements behind one that never goes on: the stub's last line is often left there."""
    for _, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
            if isinstance(child, ast.stmt) and _ends(child):
                break


def _ends(statement: ast.stmt) -> bool:
    """Whether nothing behind it is ever run."""
    if isinstance(statement, ast.If):
        return all(branch and any(map(_ends, branch)) for branch in (statement.body, statement.orelse))
    if isinstance(statement, ast.With):
        return any(map(_ends, statement.body))
    return isinstance(statement, ast.Return | ast.Raise)


def _optional(plan: Plan | None) -> set[str]:
    """What only bonus checks ask for, of what any check names."""
    if plan is None:
        return set()
    asked = asked_by(plan.experiments)
    needed: set[str] = set()
    bonus: set[str] = set()
    for check in plan.checks:
        if check.name in asked and (check.points or check.bonus):
            (bonus if check.bonus else needed).update(asked[check.name].functions)
    return bonus - needed


def packed_places(exercise: str) -> tuple[str, str]:
    """Where an exercise's answer may be to be handed in: its file, and its topic's notebook."""
    topic, _, slug = exercise.partition("/")
    return f"{FOLDER}/{topic}/{slug}.py", f"{FOLDER}/{topic}/{topic}.ipynb"


def _contents(root: Path, exercises: list[Exercise]) -> dict[str, bytes]:
    """The student's files by their place: each exercise's, each topic's notebook, what says how many hints were asked for, and what is to be looked at again."""
    places = [packed_places(exercise.name) for exercise in exercises]
    names = [file for file, _ in places] + list(dict.fromkeys(notebook for _, notebook in places))
    names.append(HANDED_IN)  # there only where the course reports it
    names.append(requests_handed_in.HANDED_IN)  # there only where they ask for something
    found = {}
    for name in names:
        path = root / name
        if path.is_file() and not path.is_symlink():
            try:
                found[name] = path.read_bytes()
            except OSError as error:
                raise ReleaseError(f"it can't be read: {error.strerror}", file=name) from None
    return found
