"""From the files that were handed in to an answer for each exercise: the text of a file or of a notebook's cells, or why there is none."""

from __future__ import annotations

import bisect
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache, cached_property

from autograder.course import hints_asked, notebook, requests_handed_in, source_text, tree
from autograder.course.config import Course, Exercise
from autograder.course.layout import Candidate, Layout, places
from autograder.course.nested import Unpacked
from autograder.course.stubs import bare
from autograder.course.tree import Entry, Tree
from autograder.results import Message

MAX_NOTEBOOKS = 20
MAX_NOTEBOOK_BYTES = 64 * 2**20
MAX_ANSWERS = 8  # of one exercise, that are looked at


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

    @cached_property
    def identity(self) -> bytes:
        """What is graded of it, so that no two different answers have the same."""
        problem = json.dumps([self.problem.id, self.problem.values], sort_keys=True) if self.problem else ""
        parts = [part.encode() for part in (self.exercise, self.file, problem, self.text or "")]
        return b"".join(len(part).to_bytes(8, "big") + part for part in parts)

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


@dataclass(frozen=True)
class _Answer:
    """An answer, and how soon it counts (`layout.Candidate`)."""

    file: SubmittedFile
    level: int
    kind: str
    root: str = ""
    blank: bool = False  # what the course handed out, as it was

    @cached_property
    def unwritten(self) -> int:
        return source_text.unwritten(self.file.text or "")

    @cached_property
    def code(self) -> str | None:
        """The text without what a notebook adds to it."""
        return None if self.file.text is None else bare(self.file.text)

    @property
    def finished(self) -> bool:
        return not self.blank and not self.unwritten


def collect(opened: Tree, course: Course) -> Collected:
    layout = Layout(opened.entries() if opened.broken is None else [], course)
    broken = opened.broken or downloaded_class(layout)
    if broken is not None:
        files = {
            each.name: SubmittedFile(each.name, places(each, course)[0], None, broken) for each in course.exercises
        }
        return Collected(files, [broken, *opened.problems], {})
    problems: list[Message] = []
    answers: dict[str, list[_Answer]] = {exercise.name: [] for exercise in course.exercises}
    _read_python(opened, layout, course, answers)
    unread = _read_notebooks(opened, layout, course, answers, problems)
    nothing = not layout.anything and not any(answers.values()) and not unread
    unopened = list(opened.unopened) if isinstance(opened, Unpacked) else []
    files = {}
    for exercise in course.exercises:
        found = _choose(answers[exercise.name], course, problems)
        why = unread.get(exercise.topic) or (_unopened(unopened[0]) if nothing and unopened else None)
        files[exercise.name] = found or (why(exercise, course) if why is not None else missing(exercise.name))
    if nothing:
        held = layout.holds()
        said = Message(id="submission.nothing", values={"names": held}) if held else Message(id="submission.no-files")
        problems = [*(unopened or [said]), *problems]
    problems += _requests(opened, layout, course)
    return Collected(files, opened.problems + problems, _hints(opened, layout, course))


def downloaded_class(layout: Layout) -> Message | None:
    """What to say of a source in which a learning platform has put the work of several students."""
    names = layout.owners()
    return Message(id="submission.class", values={"names": names[:3], "count": len(names)}) if len(names) > 1 else None


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


def _read_python(opened: Tree, layout: Layout, course: Course, answers: dict[str, list[_Answer]]) -> None:
    caps: dict[str, int] = {}
    found: list[tuple[Exercise, Candidate]] = []
    for exercise in course.exercises:
        for candidate in layout.candidates(exercise)[:MAX_ANSWERS]:
            found.append((exercise, candidate))
            if isinstance(candidate.found, Entry):
                caps[candidate.found.name] = exercise.limits.file_kb * 1024
    data = opened.read(caps)
    for exercise, candidate in found:
        place = candidate.place
        if isinstance(candidate.found, Message):
            text: str | Message = candidate.found
        else:
            content = data[candidate.found.name]
            text = source_text.decode(content, place) if isinstance(content, bytes) else layout.relabel(content, place)
        file = SubmittedFile(
            exercise.name, place, text if isinstance(text, str) else None, text if isinstance(text, Message) else None
        )
        answers[exercise.name].append(_Answer(file, candidate.level, candidate.kind, candidate.root))


def _read_notebooks(
    opened: Tree, layout: Layout, course: Course, answers: dict[str, list[_Answer]], problems: list[Message]
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
            file = SubmittedFile(name, label, code.text, code.problem, code.spans)
            answers[name].append(_Answer(file, layout.level, "notebook"))
    return unread


def _topics(entry: Entry, course: Course, *, alone: bool) -> list[str]:
    """The topics that a notebook stands for: the one that it is named after; all when it is all that there is."""
    stem = entry.name.rpartition("/")[2].rpartition(".")[0]
    return [stem] if stem in course.topics else list(course.topics) if alone else []


def _because(problem: Message, label: str):
    return lambda exercise, course: SubmittedFile(exercise.name, label, None, problem)


def _unopened(problem: Message):
    return lambda exercise, course: SubmittedFile(exercise.name, places(exercise, course)[0], None, problem)


def _no_cells(label: str):
    def say(exercise: Exercise, course: Course) -> SubmittedFile:
        values = {"file": label, "tag": notebook.PREFIX + exercise.name, "missing": places(exercise, course)[0]}
        return SubmittedFile(exercise.name, label, None, Message(id="submission.no-cells", values=values))

    return say


@cache
def missing(name: str) -> SubmittedFile:
    """What there is of an exercise that was not handed in: the very same for everybody, of whom most hand in few."""
    place = f"assignments/{name}.py"
    return SubmittedFile(name, place, None, Message(id="submission.missing", values={"file": place}))


def _choose(answers: list[_Answer], course: Course, problems: list[Message]) -> SubmittedFile | None:
    """The answer that is graded. `answers` are in the order of preference among equals.

    What the course handed out never wins. Of the rest the one counts that has the fewest functions left to write, but for copies further
    in; then the one that lies where it should; then one that can be read.
    """
    if len(answers) > 1:
        known = [
            replace(each, blank=each.file.text is not None and course.stubs.has(each.file.exercise, each.file.text))
            for each in answers
        ]
        usual = [each.level for each in known if each.kind == "usual"]
        ranked = sorted(
            known,
            key=lambda each: (
                each.blank,
                each.kind == "usual" and each.level > min(usual),  # a copy further in, as in `old/`
                each.unwritten,
                each.level,
                each.file.problem is not None,
            ),
        )
    else:
        ranked = answers
    if not ranked:
        return None
    best = ranked[0]
    others = [each for each in ranked[1:] if each.finished and each.code != best.code] if best.finished else []
    rivals = [each for each in others if each.level == best.level and each.kind == best.kind and _elsewhere(each, best)]
    if rivals:
        folders = [tree.shown(_there(each)) for each in [best, *rivals][:3]]
        problem = Message(id="submission.several-roots", values={"folders": folders})
        if problem not in problems:
            problems.append(problem)
        return replace(best.file, text=None, problem=problem, spans=())
    # An older copy further in, as in `old/`, is not worth a word.
    others = [each for each in others if each.level == best.level or each.kind != best.kind]
    if others:
        values = {"exercise": best.file.exercise, "graded": best.file.file, "other": others[0].file.file}
        problems.append(Message(id="submission.two-answers", values=values))
    return best.file


def _elsewhere(one: _Answer, other: _Answer) -> bool:
    """Whether no order says which of the two counts."""
    return one.kind != "notebook" and (one.root != other.root or one.kind in ("renamed", "named"))


def _there(answer: _Answer) -> str:
    return (
        f"{answer.root}{answer.file.file}" if answer.kind in ("renamed", "named", "loose") else answer.root.rstrip("/")
    )
