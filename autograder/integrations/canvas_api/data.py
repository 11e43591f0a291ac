"""What Canvas says, as plain data: only the fields that are used, each held to its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Student:
    """Somebody who is enrolled as a student."""

    id: int
    name: str
    sis_id: str = ""
    login: str = ""  # "" of who has not accepted the invitation yet
    email: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Student:
        name, sis, login, email = (_text(said.get(key)) for key in ("name", "sis_user_id", "login_id", "email"))
        return cls(int(said["id"]), name, sis, login, email)


@dataclass(frozen=True)
class Assignment:
    """An assignment as far as grading it goes."""

    id: int
    name: str
    points: float | None = None
    published: bool = True
    grading: str = "points"  # points, percent, letter_grade, gpa_scale, pass_fail, not_graded
    shared: bool = False  # one grade for all of a group
    anonymous: bool = False
    moderated: bool = False  # several graders, and nobody has decided yet
    posts_manually: bool = False  # students see grades when somebody posts them

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Assignment:
        points = said.get("points_possible")
        return cls(
            id=int(said["id"]),
            name=_text(said.get("name")),
            points=float(points) if isinstance(points, int | float) else None,
            published=said.get("published") is not False,
            grading=_text(said.get("grading_type")) or "points",
            shared=bool(said.get("group_category_id")) and not said.get("grade_group_students_individually"),
            anonymous=bool(said.get("anonymous_grading")),
            moderated=bool(said.get("moderated_grading")) and not said.get("grades_published"),
            posts_manually=bool(said.get("post_manually")),
        )


@dataclass(frozen=True)
class Grade:
    """What a student has in an assignment."""

    user: int
    score: float | None = None  # as it was entered, before Canvas takes something away for lateness
    excused: bool = False
    by_policy: bool = False  # nobody graded it: Canvas itself did, as missing
    comments: tuple[str, ...] = ()  # the oldest first

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Grade:
        entered = said.get("entered_score")
        score = entered if isinstance(entered, int | float) else said.get("score")
        comments = said.get("submission_comments") or []
        return cls(
            user=int(said["user_id"]),
            score=float(score) if isinstance(score, int | float) else None,
            excused=said.get("excused") is True,
            by_policy="grader_id" in said and said["grader_id"] is None,
            comments=tuple(_text(each.get("comment")) for each in comments if isinstance(each, dict)),
        )


@dataclass(frozen=True)
class Job:
    """A job that Canvas works off."""

    id: int
    state: str  # queued, running, completed, failed
    message: str = ""

    @property
    def ended(self) -> bool:
        return self.state in ("completed", "failed")

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Job:
        return cls(int(said["id"]), _text(said.get("workflow_state")), _text(said.get("message")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
