"""From the files that were handed in to an answer for each exercise: the text of a file or of a notebook's cells, or why there is none."""

from __future__ import annotations

import bisect
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

from autograder.course import hints_asked, notebook, requests_handed_in, source_text, tree
from autograder.course.config import Course, Exercise
from autograder.course.layout import Layout, places
from autograder.course.tree import Entry, Tree
from autograder.results import Message

MAX_NOTEBOOKS = 20
MAX_NOTEBOOK_BYTES = 64 * 2**20
_UNWRITTEN = re.compile(r"^[ \t]*raise NotImplementedError\b", re.MULTILINE)


@dataclass(frozen=True)
class SubmittedFile:
    """One exercise's answer: `text` is the whole module, or None with the `problem` that says why."""

    exercise: str
    file: str  # as the student knows it
    text: str | None
    problem: Message | None = None
    spans: tuple[notebook.Span, ...] = ()  # of a notebook: which lines came from which cell

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the text that is graded, "" when there is none."""
        return hashlib.sha256(self.text.encode()).hexdigest() if self.text is not None else ""

    def where(self, line: int) -> tuple[str, int]:
        """A line of the text as the student knows it: the file and its line, or the notebook's cell and the line in it."""
        if not self.spans:
            return self.file, line
        span = self.spans[max(bisect.bisect_right(self.spans, line, key=lambda span: span.first) - 1, 0)]
        return span.label, max(line - span.first + 1, 1)


@dataclass(frozen=True)
class Collected:
    """What a source holds: an answer for each exercise, what a person should know of the whole, and the hints asked for."""

    files: dict[str, SubmittedFile]
    problems: list[Message]
    hints: dict[str, int]  # theirs: by exercise, where the course reports it


def collect(opened: Tree, course: Course) -> Collected:
    layout = Layout(opened.entries() if opened.broken is None else [], course)
    broken = opened.broken or layout.broken
    if broken is not None:
        files = {
            each.name: SubmittedFile(each.name, places(each, course)[0], None, broken) for each in course.exercises
        }
        return Collected(files, [broken, *opened.problems], {})
    problems: list[Message] = []
    answers: dict[str, list[SubmittedFile]] = {exercise.name: [] for exercise in course.exercises}
    _read_python(opened, layout, course, answers)
    unread = _read_notebooks(opened, layout, course, answers, problems)
    files = {}
    for exercise in course.exercises:
        files[exercise.name] = _choose(answers[exercise.name], problems) or unread.get(exercise.topic, _missing)(
            exercise, course
        )
    if not layout.anything and not any(answers.values()) and not unread:
        problems.insert(0, Message(id="submission.nothing"))
    problems += _requests(opened, layout, course)
    return Collected(files, opened.problems + problems, _hints(opened, layout, course))


def _hints(opened: Tree, layout: Layout, course: Course) -> dict[str, int]:
    """How many hints the student says they asked for, of exercises for which the course reports it."""
    reported = [
        each.name for module in course.modules if module.feedback.hints == "reported" for each in module.exercises
    ]
    entry = layout.find(hints_asked.HANDED_IN) if reported else None
    if entry is None or isinstance(entry, Message):
        return {}
    data = opened.read({entry.name: hints_asked.MAX_BYTES})[entry.name]
    return hints_asked.read(data, reported) if isinstance(data, bytes) else {}


def _requests(opened: Tree, layout: Layout, course: Course) -> list[Message]:
    """What the student asks a person to look at again."""
    entry = layout.find(requests_handed_in.HANDED_IN)
    if entry is None or isinstance(entry, Message):
        return []
    data = opened.read({entry.name: requests_handed_in.MAX_BYTES})[entry.name]
    names = [each.name for each in course.exercises]
    asked = requests_handed_in.read(data, names) if isinstance(data, bytes) else {}
    return [Message(id="submission.request", values={"exercise": name, "why": why}) for name, why in asked.items()]


def _read_python(opened: Tree, layout: Layout, course: Course, answers: dict[str, list[SubmittedFile]]) -> None:
    caps: dict[str, int] = {}
    found: list[tuple[Exercise, str, Entry]] = []
    for exercise in course.exercises:
        for place in places(exercise, course):
            entry = layout.find(place)
            if isinstance(entry, Message):
                answers[exercise.name].append(SubmittedFile(exercise.name, place, None, entry))
            elif entry is not None:
                found.append((exercise, place, entry))
                caps[entry.name] = exercise.limits.file_kb * 1024
    data = opened.read(caps)
    for exercise, place, entry in found:
        content = data[entry.name]
        text = source_text.decode(content, place) if isinstance(content, bytes) else layout.relabel(content, place)
        problem = text if isinstance(text, Message) else None
        answers[exercise.name].append(SubmittedFile(exercise.name, place, None if problem else str(text), problem))


def _read_notebooks(
    opened: Tree, layout: Layout, course: Course, answers: dict[str, list[SubmittedFile]], problems: list[Message]
):
    """Adds the notebooks' answers; returns, by topic, what to say about an exercise that has none, where a notebook is why."""
    notebooks = layout.notebooks()
    if len(notebooks) > MAX_NOTEBOOKS:
        problems.append(
            Message(id="submission.many-notebooks", values={"count": len(notebooks), "limit": MAX_NOTEBOOKS})
        )
    unread = {}
    left = MAX_NOTEBOOK_BYTES
    for entry in notebooks[:MAX_NOTEBOOKS]:
        label = tree.shown(layout.label(entry.name))
        content = opened.read({entry.name: min(notebook.MAX_BYTES, left)})[entry.name]
        if isinstance(content, bytes):
            left -= len(content)
            extract = notebook.extract(content, label, course)
        else:
            extract = notebook.Extract({}, broken=layout.relabel(content, label))
        problems += extract.problems
        topic = _topics(entry, course, alone=len(notebooks) == 1 and not layout.anything)
        if extract.broken is not None:
            problems.append(extract.broken)
            unread.update({each: _because(extract.broken, label) for each in topic})
        else:
            unread = {each: _no_cells(label) for each in topic} | unread
        for name, code in extract.codes.items():
            answers[name].append(_from_notebook(course.exercise(name), label, code))
    return unread


def _topics(entry: Entry, course: Course, *, alone: bool) -> list[str]:
    """The topics that a notebook stands for: the one that it is named after; all when it is all that there is."""
    stem = entry.name.rpartition("/")[2].rpartition(".")[0]
    return [stem] if stem in course.topics else list(course.topics) if alone else []


def _from_notebook(exercise: Exercise, label: str, code: notebook.Code) -> SubmittedFile:
    return SubmittedFile(exercise.name, label, code.text, code.problem, code.spans)


def _because(problem: Message, label: str):
    return lambda exercise, course: SubmittedFile(exercise.name, label, None, problem)


def _no_cells(label: str):
    def say(exercise: Exercise, course: Course) -> SubmittedFile:
        values = {"file": label, "tag": notebook.PREFIX + exercise.name, "missing": places(exercise, course)[0]}
        return SubmittedFile(exercise.name, label, None, Message(id="submission.no-cells", values=values))

    return say


def _missing(exercise: Exercise, course: Course) -> SubmittedFile:
    place = places(exercise, course)[0]
    return SubmittedFile(exercise.name, place, None, Message(id="submission.missing", values={"file": place}))


def _choose(answers: list[SubmittedFile], problems: list[Message]) -> SubmittedFile | None:
    """The answer that is graded. `answers` are in the order of preference among equals."""
    if not answers:
        return None
    ranked = sorted(answers, key=lambda answer: (_unwritten(answer), answer.problem is not None))
    best = ranked[0]
    for other in ranked[1:]:
        if _unwritten(other) == _unwritten(best) == 0 and _code(other) != _code(best):
            values = {"exercise": best.exercise, "graded": best.file, "other": other.file}
            problems.append(Message(id="submission.two-answers", values=values))
            break
    return best


def _unwritten(answer: SubmittedFile) -> int:
    return len(_UNWRITTEN.findall(answer.text or ""))


def _code(answer: SubmittedFile) -> str | None:
    """The text without what a notebook adds to it."""
    if answer.text is None:
        return None
    lines = [line.rstrip() for line in answer.text.split("\n") if not line.startswith("# %% cell ")]
    return "\n".join(line for line in lines if line)
