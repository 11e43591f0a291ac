"""The class as a matrix: a row for everybody, modules as columns, each of which opens into its exercises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.course.roster import Roster
from autograder.course.tree import key
from autograder.feedback.summary import kind_of
from autograder.report.facts import Part
from autograder.report.statistics import ExerciseStatistics
from autograder.results import Result
from autograder.scores.records import Score, number

WORDS = {"full": "all points", "most": "half or more", "some": "less than half", "none": "no points"}
WORDS |= {"stopped": "could not run", "pending": "pending", "absent": "nothing handed in"}
SIGNS = {"stopped": "✗", "absent": "·"}
"""What stands in a cell in place of points: the matrix can be read without its colours."""


@dataclass(frozen=True)
class Cell:
    """One exercise, or one module, of somebody."""

    kind: str
    text: str
    exercise: str = ""  # "" for a module, and where nothing was handed in


@dataclass(frozen=True)
class Block:
    """One module of somebody, with its exercises."""

    whole: Cell
    cells: list[Cell]


@dataclass(frozen=True)
class Row:
    """Somebody in the class: a submission, or a person of whom there is none."""

    id: str
    name: str  # as the class list has it; "" where it has none
    link: str = ""
    earned: int = 0
    pending: int = 0
    score: str = ""
    blocks: list[Block] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    stuck: int = 0  # exercises
    absent: bool = False

    @property
    def tags(self) -> str:
        """What the list of rows can be narrowed down to."""
        found = {"look": bool(self.remarks), "stuck": bool(self.stuck), "absent": self.absent}
        return " ".join(tag for tag, holds in (found | {"pending": bool(self.pending)}).items() if holds)


def name_of(submission: str, roster: Roster) -> str:
    """Who handed it in, by name: one student, or everybody of the group."""
    return ", ".join(person.name or person.id for person in roster.team(submission))


def rows_of(
    results: Sequence[Result],
    links: Sequence[str],
    parts: Sequence[Part],
    statistics: Mapping[str, ExerciseStatistics],
    scores: Mapping[str, Sequence[Score]],
    roster: Roster,
    stuck: Mapping[str, int],
) -> list[Row]:
    """Everybody who handed something in, then those of the class list who did not."""
    rows = [
        Row(
            id=result.submission,
            name=name_of(result.submission, roster),
            link=link,
            earned=result.earned,
            pending=result.pending,
            score=_score(scores.get(result.submission, ())),
            blocks=_blocks(result, parts, statistics),
            remarks=remarks(result),
            stuck=stuck.get(result.submission, 0),
        )
        for result, link in zip(results, links, strict=True)
    ]
    nothing = [Block(Cell("absent", SIGNS["absent"]), [Cell("absent", SIGNS["absent"])] * len(part.exercises)) for part in parts]  # fmt: skip
    for id in absent(results, roster):
        person = roster.person(id)
        rows.append(Row(id=id, name=person.name if person else "", blocks=nothing, absent=True))
    return rows


def absent(results: Sequence[Result], roster: Roster) -> list[str]:
    """The people of the class list who handed in nothing, alone or with a group."""
    there = {key(result.submission) for result in results}
    there |= {key(person.id) for result in results for person in roster.team(result.submission)}
    return [person.id for person in roster.people if key(person.id) not in there]


def remarks(result: Result) -> list[str]:
    """What a person should look at, in a few words."""
    flags = sum(len(exercise.flags) for exercise in result.exercises)
    checks = [check for exercise in result.exercises for check in exercise.checks]
    ours = sum(check.verdict == "grader-error" for check in checks)
    ours += sum(exercise.verdict == "grader-error" and not exercise.checks for exercise in result.exercises)
    found = [f"{flags} flagged"] if flags else []
    found += [f"{ours} our fault"] if ours else []
    found += [f"{len(result.problems)} problems"] if result.problems else []
    return found + ([] if result.provenance.isolated else ["not isolated"])


def _score(scores: Sequence[Score]) -> str:
    """What the students of a submission get in the end, where it is not the same for all: each."""
    return ", ".join(dict.fromkeys(f"{number(each.score)}/{number(each.points)}" for each in scores))


def _blocks(result: Result, parts: Sequence[Part], statistics: Mapping[str, ExerciseStatistics]) -> list[Block]:
    graded = {exercise.exercise: exercise for exercise in result.exercises}
    blocks = []
    for part in parts:
        cells = []
        for name in part.exercises:
            one = graded.get(name)
            kind = kind_of(one)
            text = f"{one.earned}{'+' if one.pending else ''}" if one is not None else ""
            cells.append(Cell(kind, SIGNS.get(kind, text), name if one is not None else ""))
        found = [graded[name] for name in part.exercises if name in graded]
        earned, pending = sum(each.earned for each in found), sum(each.pending for each in found)
        points = sum(statistics[name].points for name in part.exercises)
        kind = _kind(earned, pending, points) if found else "absent"
        text = f"{earned}{'+' if pending else ''}" if found else SIGNS["absent"]
        blocks.append(Block(Cell(kind, text), cells))
    return blocks


def _kind(earned: int, pending: int, points: int) -> str:
    """How a module stands; see `kind_of`."""
    if earned >= points:
        return "full"
    if pending and earned + pending >= points:
        return "pending"
    return "none" if not earned else "most" if 2 * earned >= points else "some"
