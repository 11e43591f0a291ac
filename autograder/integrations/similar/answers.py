"""A class's answers to one exercise as files that similarity tools read."""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.config import Exercise
from autograder.course.roster import Roster
from autograder.course.submission import Submission
from autograder.report.pairs import PairsError
from autograder.source.stub import make_stub

INFO, STUB, SUBMISSIONS, WHO = "info.csv", "stub.py", "submissions", "who.csv"
TOOLS = ("dolos", "compare50")
"""Their output is a folder of that name."""
HEAD = ("filename", "label", "created_at", "full_name", "ignored")
STUB_ROW = (STUB, "", "", "", "true")
_UNWRITTEN = re.compile(r"^[ \t]*raise NotImplementedError\b", re.MULTILINE)
_CELL = re.compile(r"^# %% cell .*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, and which submission each folder in `submissions/` is, with the hash of its text."""

    folder: Path
    file: str  # <exercise>.py
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)
    not_begun: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def folders(self) -> list[str]:
        return [f"{SUBMISSIONS}/{name}" for name in self.answers]

    def name_in(self, path: str) -> str | None:
        """The folder in `submissions/` that a path of a tool's output leads to; None for the stub and what is not ours."""
        parts = path.replace("\\", "/").rstrip("/").split("/")
        if len(parts) > 2 and parts[-1] == self.file:
            parts.pop()
        return parts[-1] if parts[-2:-1] == [SUBMISSIONS] and parts[-1] in self.answers else None


def stub_of(root: Path, exercise: Exercise) -> str:
    """What students were given: the released file, or what would be released."""
    released = root / "assignments" / exercise.topic / f"{exercise.slug}.py"
    if released.is_file():
        return released.read_text("utf-8")
    solution = root / "solutions" / exercise.topic / exercise.slug / "solution.py"
    return make_stub(solution.read_text("utf-8"), file=str(solution))


def export(
    folder: Path,
    exercise: Exercise,
    stub: str,
    submissions: Sequence[Submission],
    roster: Roster,
    name: Callable[[str], str],
    anonymous: bool = False,
) -> Exported:
    """Write the answers into `folder`, in place of an earlier export. `name` makes a file name of an id.

    `anonymous` leaves out who it is: folders are numbered, and `who.csv` says which number is whose.
    """
    _clear(folder)
    exported = Exported(folder, f"{exercise.slug}.py")
    rows = []
    who = []
    missing = len(_UNWRITTEN.findall(stub))
    for submission in submissions:
        answer = submission.files[exercise.name]
        if answer.text is None:
            if answer.problem is not None and answer.problem.id != "submission.missing":
                exported.unreadable.append(submission.id)
            continue
        text = _CELL.sub("", answer.text)
        if _shape(text) == _shape(stub) or 0 < missing <= len(_UNWRITTEN.findall(text)):
            exported.not_begun.append(submission.id)
            continue
        place = f"s{len(exported.answers) + 1:04}" if anonymous else name(submission.id)
        exported.answers[place] = submission.id, answer.hash
        _write(folder / SUBMISSIONS / place / exported.file, text)
        people = roster.team(submission.id)
        names = ", ".join(person.name or person.id for person in people) or submission.id
        label = people[0].group if people else ""
        about = ["", "", ""] if anonymous else [label, submission.handed_in, names]
        rows.append([f"{SUBMISSIONS}/{place}/{exported.file}", *about, "false"])
        who.append([place, submission.id, names])
    _write(folder / STUB, stub)
    _write(folder / INFO, _csv([HEAD, STUB_ROW, *rows]))
    if anonymous:
        _write(folder / WHO, _csv([["folder", "submission", "name"], *who]))
    return exported


def zipped(exported: Exported, target: Path) -> None:
    """The export as a zip that Dolos takes, on the command line and in its web app: `info.csv` at the root, and no `who.csv`."""
    names = [INFO, STUB, *(f"{each}/{exported.file}" for each in exported.folders)]
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in names:
                archive.write(exported.folder / each, each)
    except OSError as error:
        raise PairsError(f"{target} can't be written: {error.strerror}") from None


def _clear(folder: Path) -> None:
    """Remove an earlier export. Raises `PairsError` for a folder that holds something else."""
    try:
        there = {each.name for each in folder.iterdir()} if folder.exists() else set()
        others = there - {INFO, STUB, WHO, SUBMISSIONS} - {f"{tool}{end}" for tool in TOOLS for end in ("", ".json")}
        if others or (there & {INFO, STUB, SUBMISSIONS} and not _is_ours(folder)):
            raise PairsError(f"{folder} holds something that is no earlier export: name another folder with --into")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(folder / SUBMISSIONS, ignore_errors=True)
        for each in (INFO, STUB, WHO):
            (folder / each).unlink(missing_ok=True)
    except OSError as error:
        raise PairsError(f"{folder} can't be made ready: {error.strerror}") from None


def _is_ours(folder: Path) -> bool:
    info = folder / INFO
    return (
        (folder / STUB).is_file() and info.is_file() and info.read_bytes().startswith(_csv([HEAD, STUB_ROW]).encode())
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", errors="replace", newline="")
    except OSError as error:
        raise PairsError(f"{path} can't be written: {error.strerror}") from None


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _shape(text: str) -> str:
    """The text without comments on lines of their own and without blanks: equal for the stub and one that was only saved again."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))
