"""Files that something is wrong with before any answer is looked at: how students break what they hand in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from autograder.twin.exercise import Exercise
from autograder.verify.student_code import filled, right, unwritten

FOLDER = "folder"
Broken = bytes | None | str  # the file's bytes; None: there is no file; FOLDER: there is a folder of its name


def broken_file(exercise: Exercise, number: int) -> Broken:
    """A file that Python can't read, or that is not there."""
    text = right(exercise)
    kinds: list[Broken] = [
        re.sub(r"^((?:def|class) .*):$", r"\1", text, count=1, flags=re.MULTILINE).encode(),  # a forgotten colon
        b"# Meine L\xf6sung\n" + text.encode("latin-1", "replace"),
        b"",
        None,
        FOLDER,
        b"# Sorry, I had no time for this one.\n",
        text.encode("utf-16"),
    ]
    return kinds[number % len(kinds)]


def broken_code(exercise: Exercise, number: int, forbidden: Sequence[str]) -> str:
    """Python that runs, or nearly, but is not what the stub asks for."""
    text, stub = right(exercise), exercise.stub
    name = unwritten(stub)[0]
    renamed = re.sub(rf"\b{name}\b", f"my_{name}", text)
    kinds: list[Callable[[], str]] = [
        lambda: text + _use(forbidden) if _use(forbidden) else renamed,
        lambda: _other_signature(text, stub),
        lambda: renamed,
        lambda: filled(stub, lambda each: 'print("done")'),  # returns None
        lambda: text + '\n\nprint(open("my_data.txt").read())\n',
        lambda: (
            text.replace("\nimport ", "\nfrom my_helpers import *\nimport ", 1)
            if "\nimport " in text
            else text + "\n\nfrom my_helpers import *\n"
        ),
        lambda: filled(stub, lambda each: f"return {each}(*locals().values())"),  # for ever deeper
    ]
    return kinds[number % len(kinds)]()


def _use(forbidden: Sequence[str]) -> str:
    """Code that names something forbidden, or "" when nothing is."""
    name = next((name for name in forbidden if not name.startswith("Tensor.")), "")
    if not name:
        return ""
    package = name.partition(".")[0]
    return f"\n\nimport {package}\n" + (f"\nshortcut = {name}\n" if "." in name else "")


def _other_signature(text: str, stub: str) -> str:
    """One more argument that the stub's first function does not have."""
    names = [match[1] for match in re.finditer(r"^def (\w+)\(", stub, re.MULTILINE)]
    if not names:
        return re.sub(r"(def \w+\(self)", r"\1, verbose", text, count=1)
    return re.sub(rf"^(def {names[0]}\()", r"\1verbose, ", text, count=1, flags=re.MULTILINE)
