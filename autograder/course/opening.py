"""The submissions of a class, opened beside whatever else goes on: each in a process of its own, within bounds (`bounded`).

One that takes too long, or takes its process down, has that as its problem, and the others are graded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from autograder.course.answers import missing
from autograder.course.bounded import USUAL, Bounded, Bounds, Stopped
from autograder.course.config import Course
from autograder.course.find import Found
from autograder.course.submission import Submission, not_opened, open_found
from autograder.results import Message


class Opening:
    """Opens submissions, `jobs` at a time. Use it as a context manager: leaving it ends what is still being opened."""

    def __init__(self, course: Course, bounds: Bounds = USUAL, jobs: int = 0) -> None:
        self.course = course
        course.stubs.read(exercise.name for exercise in course.exercises)  # once, and not in each process
        self.bounded = Bounded(bounds, ["autograder.course.downloads", "autograder.course.submission"], [course])
        self._pool = ThreadPoolExecutor(jobs or os.cpu_count() or 1, thread_name_prefix="open")

    def __enter__(self) -> Opening:
        self.bounded.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bounded.close()
        self._pool.shutdown(cancel_futures=True)

    def begin(self, found: Iterable[Found]) -> list[Future[Submission]]:
        """Begin to open them, in their order."""
        return [self._pool.submit(self.open, each) for each in found]

    def open(self, found: Found) -> Submission:
        """Open one and wait for it. Never raises for what is in it."""
        try:
            # Whose it is and where it lies may be no text that can be sent, and is known here.
            there = self.bounded.call(open_anonymous, found, self.course, into=Submission)
        except Stopped as stopped:
            return not_opened(found, self.course, self._why(stopped))
        files = {each.name: there.files.get(each.name) or missing(each.name) for each in self.course.exercises}
        return replace(there, id=found.id, source=found.source, files=files)

    def _why(self, stopped: Stopped) -> Message:
        bounds = self.bounded.bounds
        if stopped.why == "time":
            return Message(id="submission.opening-time", values={"seconds": round(bounds.seconds)})
        if stopped.why == "memory":
            return Message(id="submission.opening-memory", values={"mb": bounds.memory_mb})
        return Message(id="submission.opening-died")


def open_anonymous(found: Found, course: Course) -> Submission:
    """`open_found` without the id, the place, and what was not handed in. Raises `MemoryError`."""
    there = open_found(found, course)
    files = {name: file for name, file in there.files.items() if file is not missing(name)}
    return replace(there, id="", source="", files=files)


def opened(source: str | Path, course: Course, name: str) -> Submission:
    """One submission alone, within the same bounds."""
    with Opening(course, jobs=1) as opening:
        return opening.open(Found(name, str(source)))
