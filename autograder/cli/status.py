"""`autograder status`: the map of the course, of a part of it, of a track; one exercise in full; what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.common import STUDENTS, CourseOption, open_course
from autograder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autograder.course import Course, Exercise
    from autograder.course.answers import SubmittedFile
    from autograder.feedback.progress import Group, Row

ROWS = 30
"""Of a course with more exercises the map has a line for each module."""
NAMED = 8


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(status)


def status(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="Exercises, topics or modules; the whole course by default.")
    ] = None,
    track: Annotated[
        str | None, typer.Option("--track", "-t", help="One way through the course, in its order: see `--tracks`.")
    ] = None,
    tracks: Annotated[bool, typer.Option("--tracks", help="List the tracks, with how long they are.")] = False,
    next: Annotated[bool, typer.Option("--next", "-n", help="Only what comes next, and what it takes.")] = False,
    show_all: Annotated[bool, typer.Option("--all", "-a", help="A line for each exercise of the course.")] = False,
    course: CourseOption = None,
) -> None:
    """Show the map of the course: what is done, what is begun, how long and hard the rest is, what comes next.

    `status attention` shows one topic or module, `status gqa` one exercise in full. "hard" goes from 1 to 5, times are rough.
    """
    from autograder.feedback.pen import console
    from autograder.feedback.progress import next_exercise

    root, loaded = open_course(course)
    standing = _Standing(root, loaded)
    out = console()
    if tracks:
        _print_tracks(out, loaded, standing)
        return
    chosen = _chosen(loaded, exercises, track)
    one = chosen[0] if exercises and len(chosen) == 1 else None
    groups = _groups(loaded, chosen, track, standing.row)
    if next:
        step = next_exercise(groups)
        one = loaded.exercise(step.exercise) if step else None
    if one is not None:
        _print_one(out, loaded, one, standing)
    elif next:
        out.print("Everything here passes. What hidden cases say comes with your grade.", style="bold green")
    else:
        _print_map(out, loaded, groups, track, bool(exercises) or show_all)
    if standing.changed and not next:
        more = f" and {len(standing.changed) - NAMED} more" if len(standing.changed) > NAMED else ""
        names = ", ".join(standing.changed[:NAMED])
        out.print(f"\nChanged since they were last checked: {names}{more}. Run: autograder check")
    out.print("These are points of public checks; hidden checks decide your grade.", style="dim")


def _chosen(course: Course, patterns: list[str] | None, track: str | None) -> list[Exercise]:
    if track is None:
        return course.match(patterns or [])
    of_track = course.exercises_of(course.track(track))
    wanted = {each.name for each in course.match(patterns or [])}
    found = [each for each in of_track if each.name in wanted]
    if not found:
        raise Refused(f"The track {track!r} has none of these exercises.")
    return found


def _groups(
    course: Course, chosen: Sequence[Exercise], track: str | None, row: Callable[[Exercise], Row]
) -> list[Group]:
    """The rows of a track under its title, of the course under those of its modules."""
    if track is not None:
        return [(course.track(track).title, [row(each) for each in chosen])]
    names = {each.name for each in chosen}
    groups = [(each.title, [row(one) for one in each.exercises if one.name in names]) for each in course.modules]
    return [(title, rows) for title, rows in groups if rows]


def _print_map(out: Any, course: Course, groups: list[Group], track: str | None, in_full: bool) -> None:
    from autograder.feedback.progress import Overview, ProgressMap

    rows = sum(len(each) for _, each in groups)
    if in_full or track is not None or rows <= ROWS:
        out.print(ProgressMap(groups))
        return
    out.print(Overview(groups))
    more = " Tracks: --tracks" if course.tracks else ""
    out.print(f"One part: autograder status {course.exercises[0].topic}. Everything: --all.{more}", style="dim")


def _print_tracks(out: Any, course: Course, standing: _Standing) -> None:
    from autograder.feedback.pen import Pen
    from autograder.feedback.progress import time_left

    if not course.tracks:
        out.print("This course has no tracks: its order is that of its modules.")
    pen = Pen(out.encoding)
    for track in course.tracks:
        rows = [standing.row(each) for each in course.exercises_of(track)]
        done = sum(row.state == "done" for row in rows)
        left = time_left(rows)
        facts = f"{done} of {len(rows)} exercises done" + (f", {left} left" if left else "")
        out.print(pen.line(track.id, "bold cyan") + pen.line(f"  {track.title}", "bold"))
        if track.about:
            out.print(pen.line(track.about))
        out.print(pen.line(facts, "dim"))
        out.print()
    if course.tracks:
        out.print(f"One of them: autograder status --track {course.tracks[0].id}", style="dim")


def _print_one(out: Any, course: Course, exercise: Exercise, standing: _Standing) -> None:
    """One exercise: what it is for, what it takes, what comes before, and the commands."""
    from autograder.feedback.pen import Pen
    from autograder.feedback.progress import UNKNOWN, hardness
    from autograder.feedback.view import state_of

    pen = Pen(out.encoding)
    row = standing.row(exercise)
    out.print(pen.line(exercise.title, "bold") + pen.line(f"  {exercise.name}", "dim"))
    if exercise.objective:
        out.print(pen.line(f"You will be able to {exercise.objective.rstrip('.')}."))
    took = f"about {exercise.minutes} minutes" if exercise.minutes else UNKNOWN
    got = row.earned if row.earned is not None else "-"
    facts = [("Time", took), ("Difficulty", hardness(exercise.difficulty, pen)), ("Points", f"{got}/{row.points}")]
    facts += [("Lecture", f"lectures/{exercise.name}.md"), ("File", f"assignments/{exercise.name}.py")]
    facts += [("Tracks", ", ".join(each.id for each in course.tracks if exercise in course.exercises_of(each)))]
    for name, value in facts:
        if value:
            out.print(pen.line(f"{name:11}", "dim") + pen.line(value))
    for number, name in enumerate(exercise.prerequisites):
        before = standing.row(course.exercise(name))
        sign = pen.sign(state_of(before.verdict)) if before.verdict else pen.line(" ")
        label = pen.line(f"{'' if number else 'Before':11}", "dim")
        out.print(label + sign + pen.line(f" {before.title}") + pen.line(f"  {name}", "dim"))
    out.print()
    out.print(f"Run `autograder check {exercise.name}`")
    out.print(f"Stuck? `autograder hint {exercise.name}`", style="dim")


class _Standing:
    """How each exercise stands by its last check, unless its file has changed since."""

    def __init__(self, root: Path, course: Course) -> None:
        from autograder.course.submission import open_own_work
        from autograder.grading.student import Progress
        from autograder.release.repository import read_marker

        self.root, self.course = root, course
        self._remembered = Progress(root).read()
        self._files = open_own_work(root, course).files
        marker = read_marker(root)
        self._released = marker.files if marker is not None else {}
        self._short: dict[str, Row] = {each.name: self._row(each) for each in course.exercises}

    def row(self, exercise: Exercise) -> Row:
        """With the prerequisites that are not done."""
        missing = [name for name in exercise.prerequisites if self._short[name].state not in ("done", "pending")]
        return self._short[exercise.name]._replace(missing=tuple(missing))

    @property
    def changed(self) -> list[str]:
        """The exercises whose file is not what was last checked, and no longer the stub."""
        return [each.name for each in self.course.exercises if self._has_changed(each)]

    def _has_changed(self, exercise: Exercise) -> bool:
        file = self._files[exercise.name]
        return not self._is_fresh(exercise.name, file) and not self._untouched(exercise, file)

    def _is_fresh(self, name: str, file: SubmittedFile) -> bool:
        return name in self._remembered and self._remembered[name].get("hash") == file.hash

    def _row(self, exercise: Exercise) -> Row:
        from autograder.feedback.progress import Row

        file = self._files[exercise.name]
        about = (exercise.minutes, exercise.difficulty)
        known = self._remembered.get(exercise.name, {}) if self._is_fresh(exercise.name, file) else {}
        earned, points, verdict = (known.get(key) for key in ("earned", "points", "verdict"))
        if not (isinstance(earned, int) and isinstance(points, int) and isinstance(verdict, str)):
            pass  # never checked
        elif not (earned == 0 and self._untouched(exercise, file)):
            return Row(exercise.name, exercise.title, points, earned, verdict, *about)
        return Row(exercise.name, exercise.title, exercise.points, None, None, *about)

    def _untouched(self, exercise: Exercise, file: SubmittedFile) -> bool:
        """Whether it is still the stub: by the hash in the release's marker, which is quick, else by the stub itself."""
        from autograder.grading.student import untouched

        released = self._released.get(f"assignments/{exercise.name}.py")
        return (released is not None and released == file.hash) or untouched(self.root, exercise, file.text)
