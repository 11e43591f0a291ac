"""A course with deadlines and the verdicts of a class, for the tests of scores: plain data, nothing is graded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from autograder.course import Course, load_course
from autograder.course.roster import parse_roster
from autograder.scores import Book, Score, final_scores
from autograder.store import Adjustment, Mark

HEAD = 'schema = 1\nid = "small"\ntitle = "Small"\ntimezone = "Europe/Berlin"\n'
NOW = datetime.fromisoformat("2026-12-01T12:00:00+00:00")


def make_course(folder: Path, scores: str = "", **modules: str) -> Course:
    """A course whose modules have the exercises a and b of 10 points; a module's text is its further keys."""
    text = HEAD + (f"[scores]\n{scores}\n" if scores else "")
    for name, keys in (modules or {"one": ""}).items():
        text += f'[[module]]\nid = "{name}"\ntitle = "Module {name}"\n{keys}\n'
        for slug in ("a", "b"):
            text += f'[[module.exercise]]\nname = "{name}_of/{slug}"\ntitle = "{name} {slug}"\npoints = 10\n'
    (folder / "grading.toml").write_text(text, "utf-8")
    return load_course(folder)


class Class:
    """Verdicts in the order in which they were given."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []

    def mark(
        self,
        student: str,
        exercise: str,
        earned: int,
        handed_in: str = "",
        *,
        text: str = "x",
        pending: int = 0,
        run: str = "r1",
    ) -> None:
        number = len(self.marks) + 1
        self.marks.append(
            Mark(
                number=number,
                run=run,
                submission=student,
                graded_at=f"2026-11-01T{number // 60:02}:{number % 60:02}:00+00:00",
                exercise=exercise,
                file_hash=text,
                verdict="passed" if earned == 10 else "failed",
                earned=earned,
                points=10,
                pending=pending,
                handed_in=handed_in,
                clock="push" if handed_in else "unknown",
            )
        )

    def scores(
        self, course: Course, roster: str = "", adjustments: list[Adjustment] | None = None, now: datetime = NOW
    ) -> dict[str, Score]:
        people = parse_roster(roster, modules=[module.id for module in course.modules]) if roster else None
        book = Book(
            course, self.marks, **({"roster": people} if people else {}), adjustments=adjustments or [], now=now
        )
        return {score.student: score for score in final_scores(book)}


def adjustment(student: str, scope: str, kind: str, value: str = "", **more) -> Adjustment:
    settings = {"number": 1, "made_at": "2026-11-02T00:00:00+00:00", "by": "prof", "why": "because", **more}
    return Adjustment(student=student, scope=scope, kind=kind, value=value, **settings)  # type: ignore[arg-type]
