"""What the check cells of the course's notebooks call.

    from autograder.integrations.notebook import check; check("tokenizer/bpe")

It checks the notebook as it was *saved*, since that is what is handed in; in Colab, where it is no file, as it stands there. The
cells tagged with the exercise become its module, which runs in a worker of its own, as with `autograder check`. When the cell that ran
last is not in it, it says so.
"""

from __future__ import annotations

import atexit
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from autograder.course import Course, Exercise, SubmittedFile, load_course, open_submission

UNSAVED = (
    "This is about the notebook as it was saved, and what you ran last is not in it: save the notebook (Ctrl-S), then run this "
    "cell again."
)
_checkers: dict[Path, Any] = {}


def check(name: str) -> None:
    """Run the public checks of the exercise `name` on this notebook, and show what is wrong, and where."""
    from autograder.course.load import find_root
    from autograder.feedback.refusals import explain
    from autograder.refusals import Refused

    try:
        root = find_root(None)
        course = load_course(root)
        found = course.match([name])
        if len(found) != 1:
            raise Refused(
                f"{name!r} is {len(found)} exercises. Name one: {found[0].name if found else 'topic/exercise'}"
            )
        _check(root, course, found[0])
    except Exception as error:
        text = explain(error)
        if text is None:
            raise
        print(text)


def _check(root: Path, course: Course, exercise: Exercise) -> None:
    from autograder.feedback import terminal
    from autograder.feedback.markdown import exercise_markdown
    from autograder.feedback.pen import console
    from autograder.feedback.view import Options
    from autograder.grading.student import Progress, expected_plan
    from autograder.local.asked import code_of

    file = _answer(root, course, exercise)
    note = UNSAVED if _ran_something_else(file) else ""
    result = _checker(root, course).check_file(exercise, file)
    Progress(root).remember([result], {exercise.name: file.hash})
    options = Options(code=code_of(expected_plan(root, exercise), file.text))
    shell = _shell()
    if shell is None or not hasattr(shell, "kernel"):  # a script, or IPython in a terminal
        if note:
            print(note + "\n")
        console().print(terminal.exercise_report(result, options, root))
        return
    from IPython.display import display

    text = exercise_markdown(result, options, root)
    if note:
        text = f"> **{note}**\n\n{text}"
    display({"text/markdown": text, "text/plain": text}, raw=True)


def _answer(root: Path, course: Course, exercise: Exercise) -> SubmittedFile:
    """What the topic's notebook holds for this exercise."""
    from autograder.refusals import Refused

    open_now = _in_colab()
    if open_now is not None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / f"{exercise.topic}.ipynb"
            copy.write_bytes(open_now)
            return open_submission(copy, course, name="you").files[exercise.name]

    usual = root / "assignments" / exercise.topic / f"{exercise.topic}.ipynb"
    notebook = usual if usual.is_file() else root / usual.name  # where nbgrader hands it out
    if not notebook.is_file():
        raise Refused(f"There is no {usual}: the notebook of this topic keeps its name, since it is found by it.")
    return open_submission(notebook, course, name="you").files[exercise.name]


def _in_colab() -> bytes | None:
    """The notebook as it is in Colab's browser tab, where it is no file; None elsewhere, and where Colab does not answer."""
    if "google.colab" not in sys.modules:
        return None
    try:
        message = importlib.import_module("google.colab._message")
        answer = message.blocking_request("get_ipynb", request="", timeout_sec=30)
        return json.dumps(answer["ipynb"]).encode()
    except Exception:  # it is no documented interface: what it may raise nobody says
        return None


def _checker(root: Path, course: Course) -> Any:
    """One a course, with torch loaded once: the second check of a session is there at once."""
    from autograder.grading.student import StudentChecker
    from autograder.jail.here import make_zygote

    known = _checkers.get(root)
    if known is None or known.course != course:
        if known is not None:
            known.close()
        known = _checkers[root] = StudentChecker(root, course, make_zygote())
        atexit.register(known.close)
    return known


def _shell() -> Any:
    """The running IPython, None where there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _ran_something_else(file: SubmittedFile) -> bool:
    """Whether the last cell that ran and looks like this exercise's is not what the file holds."""
    shell = _shell()
    if shell is None or file.text is None:
        return False
    names = _defined(file.text)
    ran = [source for source in shell.user_ns.get("In", []) if isinstance(source, str) and names & _defined(source)]
    return bool(ran) and ran[-1].strip() not in file.text


def _defined(source: str) -> set[str]:
    """The functions and classes that some code defines, by its text: it may be half written."""
    starts = ("def ", "class ", "async def ")
    lines = [line for line in source.split("\n") if line.startswith(starts)]
    return {line.replace("async ", "").split(" ", 1)[1].partition("(")[0].partition(":")[0].strip() for line in lines}
