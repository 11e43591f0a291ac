"""What `autograder watch` does: an exercise is checked when it is saved, and of a failing one the first failure is shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.cli.interrupting import Interruptible, Job
from autograder.course import Course, Exercise
from autograder.grading.student import Progress, StudentChecker


class Watch:
    """Watches the files of exercises. Of a save while a check runs, that check is broken off."""

    def __init__(self, out: Any, root: Path, course: Course, checker: StudentChecker, zygote: Interruptible) -> None:
        self.out, self.root, self.course, self.checker, self.zygote = out, root, course, checker, zygote
        self.job = Job(zygote)
        self._left: list[Exercise] = []  # saved, and not shown yet

    def run(self, exercises: Sequence[Exercise], now: bool) -> None:
        """Go on until Ctrl-C. `now`: show at once how they stand, three of them at most."""
        from autograder.cli.saves import Saves
        from autograder.local.own import own_file

        files = {exercise.assignment_file(self.root): exercise for exercise in exercises}
        by_file = files | {own_file(self.root, exercise.name): exercise for exercise in exercises}
        saves = Saves(lambda: by_file, sorted({path.parent for path in files if path.parent.is_dir()}))
        self.out.print("Importing torch …", style="dim")
        self.zygote.wait()
        self.out.print(f"Watching {len(files)} files in assignments/: save one to check it; Ctrl-C ends.", style="dim")
        if now:
            self._start(list(exercises[:3]))
        for saved in saves:
            self._start(list(dict.fromkeys(by_file[path] for path in saved)))

    def _start(self, exercises: list[Exercise]) -> None:
        """Check these, and then what was broken off for them."""
        self.job.stop()
        self._left = [each for each in self._left if each not in exercises]
        self._left = [*exercises, *self._left]
        if self.out.is_terminal:
            self.out.clear()
        self.job.start(self._check_all)

    def _check_all(self) -> None:
        while self._left:
            self._check(self._left[0])
            self._left.pop(0)

    def _check(self, exercise: Exercise) -> None:
        from autograder.cli.notes import notes
        from autograder.cli.own import run_own
        from autograder.feedback import refusals
        from autograder.feedback.escape import visible

        start = time.perf_counter()
        self.out.rule(f"{exercise.name}  {time.strftime('%H:%M:%S')}", style="dim")
        try:
            results = self.checker.check([exercise], lambda result: None)
            self.zygote.require_going_on()
        except Exception as error:
            text = refusals.explain(error)
            if text is None:
                raise
            self.out.print(visible(text))
            return
        self._show(exercise, results[0], time.perf_counter() - start)
        for sentence in notes(self.root, self.course, [exercise], self.checker):
            self.out.print(visible(f"\n{sentence}"), style="yellow")
        run_own(self.out, self.root, exercise, self.zygote.require_going_on)

    def _show(self, exercise: Exercise, result: Any, seconds: float) -> None:
        from autograder.cli.shown import options_of
        from autograder.feedback.terminal import exercise_report

        self.out.print(exercise_report(result, options_of(self.root, result, in_full=1, brief=True), self.root))
        if result.verdict == "passed":
            self._what_comes_next(exercise)
        self.out.print(f"{seconds:.2f} s", style="dim")

    def _what_comes_next(self, exercise: Exercise) -> None:
        from autograder.feedback import messages
        from autograder.results import Message

        following = next_after(exercise, self.course, Progress(self.root).read())
        message = Message(id="show.course-done")
        if following is not None:
            file = following.assignment_file(self.root).relative_to(self.root).as_posix()
            values = {"title": following.title, "lecture": f"lectures/{following.name}.md", "file": file}
            message = Message(id="show.next-read", values=values)
        self.out.print(messages.text(message), style="bold")


def next_after(exercise: Exercise, course: Course, progress: dict[str, dict[str, Any]]) -> Exercise | None:
    """The exercise to go on with: the first after this one that does not pass yet, or else the first of all."""
    exercises = list(course.exercises)
    place = exercises.index(exercise)
    ordered = [*exercises[place + 1 :], *exercises[:place]]
    return next((each for each in ordered if progress.get(each.name, {}).get("verdict") != "passed"), None)
