"""The small course that the attacks are made on, with a canary wherever student code has no business.

A canary is `CANARY-<place>-<random>`: one that turns up in an output tells where it was read. Attacks look for the word.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.config import Course
from autograder.course.load import load_course

WORD = "CANARY-"
PLACES = ("reference", "mistakes", "judge", "title", "input", "classmate", "private", "environment", "tmp", "shm")

GRADING = """
schema = 1
id = "arena"
title = "The arena"

[limits]
cpu_seconds = 1
wall_factor = 2
memory_mb = 512

[[module]]
id = "arena"
title = "The arena"

[[module.exercise]]
name = "ring/soft"
title = "Softmax"
points = 4
forbid = ["torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax", "torch.ops", "tokenizers"]

[[module.exercise]]
name = "ring/rank"
title = "Ranking words"
points = 2

[[module.exercise]]
name = "ring/notes"
title = "Counting"
points = 3
"""

SOFT = '''"""Softmax."""

from __future__ import annotations

import torch
from torch import Tensor

# BEGIN SOLUTION
ORIGIN = "@reference@"
# END SOLUTION


def softmax(x: Tensor) -> Tensor:
    """Softmax of x along its last dimension."""
    # BEGIN SOLUTION
    e = (x - x.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)
    # END SOLUTION
'''

SOFT_CHECKS = '''"""Checks of softmax. @judge@"""

from autograder.checks import case, check


def table(rng, rows, columns, label=""):
    return {"x": rng.normal(rows, columns)}


@check(points=2, inputs=table, public=[case(rows=2, columns=3)],
       hidden=[case("@title@", rows=3, columns=5, label="@title@"), case("one row", rows=1, columns=4)])
def rows_are_normalised(student, x):
    """Each row is divided by its sum."""
    return student.softmax(x)


@check(points=2, inputs=table, public=[case(rows=2, columns=2)], hidden=[case("more", rows=3, columns=4)])
def gradients_flow(student, x):
    """Gradients flow through it."""
    x.requires_grad_()
    y = student.softmax(x)
    (y * y).sum().backward()
    return {"y": y.detach(), "x.grad": x.grad}
'''

SOFT_MISTAKES = '''"""@mistakes@"""

from autograder.checks import mistake

mistake("You normalise columns. Normalise rows.",
        edit={"e / e.sum(-1, keepdim=True)": "e / e.sum(0, keepdim=True)"})
'''

RANK = '''"""Ranking words."""


def rank(words: list[str]) -> list[str]:
    """The words in alphabetical order."""
    # BEGIN SOLUTION
    return sorted(words)
    # END SOLUTION
'''

RANK_CHECKS = '''"""Checks of ranking."""

from autograder.checks import case, check


@check(points=2, public=[case(words=["b", "a"])], hidden=[case("hidden words", words=["z", "@input@", "c", "a"])])
def words_are_sorted(student, words):
    """The words come in alphabetical order."""
    return student.rank(words)
'''

RANK_MISTAKES = '''"""Wrong rankings."""

from autograder.checks import mistake

mistake("You sort the wrong way round.", edit={"sorted(words)": "sorted(words, reverse=True)"})
'''

NOTES = '''"""Counting."""


def count(words: list[str]) -> int:
    """How many words there are."""
    # BEGIN SOLUTION
    return len(words)
    # END SOLUTION


def distinct(words: list[str]) -> dict[str, int]:
    """How often each word occurs."""
    # BEGIN SOLUTION
    return {word: words.count(word) for word in words}
    # END SOLUTION
'''

NOTES_CHECKS = '''"""Checks of counting."""

from autograder.checks import case, check


@check(points=2, public=[case(words=["b", "a"])], hidden=[case("hidden words", words=["z", "@input@", "a"])])
def words_are_counted(student, words):
    """All words are counted."""
    return student.count(words)


@check(points=1, public=[case(words=["b", "b"])], hidden=[case("more words", words=["@input@", "@input@", "b"])])
def distinct_words_are_counted(student, words):
    """Each word is counted by itself."""
    return student.distinct(words)
'''

NOTES_MISTAKES = '''"""Wrong counts."""

from autograder.checks import mistake

mistake("You are off by one.", edit={"len(words)": "len(words) - 1"})
'''

STUBBED = 'raise NotImplementedError("todo")'
REFERENCES = {"soft": SOFT, "rank": RANK, "notes": NOTES}
HONEST = {
    "soft": "import torch\nfrom torch import Tensor\n\n\n"
    "def softmax(x: Tensor) -> Tensor:\n    e = (x - x.amax(-1, keepdim=True)).exp()\n"
    "    return e / e.sum(-1, keepdim=True)\n",
    "rank": "def rank(words: list[str]) -> list[str]:\n    return sorted(words)\n",
    "notes": "def count(words: list[str]) -> int:\n    return len(words)\n\n\n"
    "def distinct(words: list[str]) -> dict[str, int]:\n    return {word: words.count(word) for word in words}\n",
}
"""Right answers as a student writes them: without the reference's canary."""
POINTS = {"soft": 4, "rank": 2, "notes": 3}
FILES = {
    "solutions/ring/soft/solution.py": SOFT,
    "solutions/ring/soft/checks.py": SOFT_CHECKS,
    "solutions/ring/soft/mistakes.py": SOFT_MISTAKES,
    "solutions/ring/rank/solution.py": RANK,
    "solutions/ring/rank/checks.py": RANK_CHECKS,
    "solutions/ring/rank/mistakes.py": RANK_MISTAKES,
    "solutions/ring/notes/solution.py": NOTES,
    "solutions/ring/notes/checks.py": NOTES_CHECKS,
    "solutions/ring/notes/mistakes.py": NOTES_MISTAKES,
    "lectures/ring/soft.md": "# Softmax\n",
    "lectures/ring/rank.md": "# Ranking\n",
    "lectures/ring/notes.md": "# Counting\n",
}


@dataclass
class Planted:
    """The course on disk, and its canaries."""

    root: Path
    canaries: dict[str, str]
    secret: bytes
    outside: list[Path] = field(default_factory=list)  # planted in folders that are not ours
    bystander: subprocess.Popen[bytes] | None = None  # a process with a canary in its environment

    @property
    def private(self) -> Path:
        return self.root / ".autograder"

    @property
    def submissions(self) -> Path:
        return self.root / "submissions"

    @property
    def course(self) -> Course:
        return load_course(self.root)

    @property
    def forbidden_everywhere(self) -> list[str]:
        """What no output may hold, not even the instructor's: student code can't have read it."""
        shown_to_staff = ("input", "title")
        return [text for place, text in self.canaries.items() if place not in shown_to_staff] + [self.secret.hex()]

    def remove(self) -> None:
        for path in self.outside:
            path.unlink(missing_ok=True)
        os.environ.pop("ARENA_TOKEN", None)
        if self.bystander is not None:
            self.bystander.kill()
            self.bystander.wait()


def plant(root: Path) -> Planted:
    """Write the course and its canaries, also into this process's environment, /tmp and /dev/shm."""
    random = secrets.token_hex(8)
    canaries = {place: f"{WORD}{place}-{random}" for place in PLACES}
    secret = secrets.token_bytes(32)
    planted = Planted(root, canaries, secret)

    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)  # as readable as can be: only the isolation keeps it
        return path

    for name, text in FILES.items():
        for place, canary in canaries.items():
            text = text.replace(f"@{place}@", canary)
        write(root / name, text)
    write(root / "grading.toml", GRADING)
    write(planted.private / "secret", secret.hex() + "\n")
    write(planted.private / "notes.txt", canaries["private"])
    write(planted.submissions / "classmate/ring/rank.py", f"# {canaries['classmate']}\n" + HONEST["rank"])
    planted.outside.append(write(Path("/tmp") / f"arena-{random}.txt", canaries["tmp"]))
    if Path("/dev/shm").is_dir():
        planted.outside.append(write(Path("/dev/shm") / f"arena-{random}.txt", canaries["shm"]))
    os.environ["ARENA_TOKEN"] = canaries["environment"]
    planted.bystander = subprocess.Popen(["sleep", "10000"])
    return planted


def temporary_folder() -> Path:
    """A folder for temporary files that other users may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="arena-", dir="/tmp"))
    folder.chmod(0o755)
    return folder
