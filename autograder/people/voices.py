"""What people said, by submission: what belongs to a group's work, and what is for one of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autograder.course.config import Course
from autograder.course.roster import Roster
from autograder.course.tree import key
from autograder.people.places import Codes
from autograder.people.records import Asked, Said
from autograder.people.view import Notes, exercise_notes, notes_of
from autograder.results import Result


class Voices:
    """Everything that people said, over a whole class. `said` is by student, in the form of `tree.key`."""

    def __init__(self, course: Course, said: Mapping[str, Said], roster: Roster, codes: Codes) -> None:
        self.course, self.said, self.roster, self.codes = course, said, roster, codes

    def notes(self, result: Result, *, of: str = "") -> dict[str, Notes]:
        """By exercise and module, where there is something; of a group's work also what is for `of` alone, by default for any member."""
        person = self.roster.person(result.submission)
        members = [of] if of or person else [each.id for each in self.roster.team(result.submission)]
        said = self._of([person.group if person else "", result.submission, *members])
        about = {record.of for one in said for record in one.records}
        found = {
            each.exercise: exercise_notes(said, result, each, self.course, self.codes)
            for each in result.exercises
            if each.exercise in about
        }
        modules = [each for each in self.course.modules if each.id in about]
        found |= {each.id: notes_of(said, each.id, each.title, self.course) for each in modules}
        return {scope: notes for scope, notes in found.items() if notes}

    def waiting(self) -> list[tuple[str, Asked]]:
        """The open requests of everybody, the oldest first."""
        found = [(said.student, each) for said in self.said.values() for each in said.requests() if each.open]
        return sorted(found, key=lambda pair: pair[1].request.at)

    def _of(self, names: Sequence[str]) -> list[Said]:
        keys = dict.fromkeys(key(name) for name in names)
        return [self.said[name] for name in keys if name in self.said]
