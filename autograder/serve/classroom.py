"""The class as the pages show it: read from the results file and the files of people, and read again when one of them has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.course.answers import SubmittedFile
from autograder.course.config import Course
from autograder.course.load import load_course
from autograder.course.roster import Roster
from autograder.lessons.certificate import Certificate
from autograder.people import Folder, folder_of
from autograder.people.places import Codes
from autograder.people.requests import take_down
from autograder.people.view import Notes, exercise_notes, notes_of
from autograder.people.voices import Voices
from autograder.refusals import Refused
from autograder.report.attention import Attention, attention
from autograder.report.csv import write_csv
from autograder.report.facts import Facts
from autograder.report.pages import names_for
from autograder.report.pairs import load
from autograder.report.site import Site
from autograder.report.statistics import ExerciseStatistics, exercise_statistics
from autograder.results import ExerciseResult, Result
from autograder.scores import Book, final_scores, visibility
from autograder.scores.final import by_submission
from autograder.store import Ledger, Store, standing
from autograder.store.database import Mark
from autograder.store.ledger import Adjustment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Place:
    """What is served: a course and where its results are."""

    root: Path
    private: Path
    results: Path
    roster: Callable[[Course], Roster]
    certificates: Callable[[Course], dict[str, Certificate]]


@dataclass
class _Graded:
    """What only grading changes."""

    course: Course
    roster: Roster
    results: list[Result]
    statistics: list[ExerciseStatistics]
    found: Attention
    marks: list[Mark]
    adjustments: list[Adjustment]
    published: set[str]
    names: list[str]
    certificates: dict[str, Certificate]


class Classroom:
    """Thread-safe: one thread reads, the others wait for it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = threading.RLock()
        self._graded: tuple[object, _Graded] | None = None
        self._site: tuple[object, Site] | None = None
        self._codes: Codes | None = None

    def close(self) -> None:
        with self._lock:
            if self._codes is not None:
                self._codes.__exit__()
                self._codes = None

    # --- what is there ---

    def site(self) -> Site:
        """The pages as they are now."""
        with self._lock:
            graded = self.graded()
            folder = self.folder()
            stamp = (self._graded and self._graded[0], _stamps(folder.path))
            if self._site is None or self._site[0] != stamp:
                self._site = (stamp, self._made(graded, folder))
            return self._site[1]

    def graded(self) -> _Graded:
        with self._lock:
            place = self.place
            wal = place.results.with_name(place.results.name + "-wal")
            watched = (place.results, wal, place.root / "grading.toml", place.private / "roster.csv")
            stamp = tuple(map(_stamp, watched))
            if self._graded is None or self._graded[0] != stamp:
                graded = self._read()
                self.close()  # what was handed in is read anew
                # Opening the file has changed its write-ahead log, perhaps.
                self._graded = (tuple(map(_stamp, watched)), graded)
            return self._graded[1]

    def folder(self) -> Folder:
        """The files of people."""
        return Folder(folder_of(self.place.root, self.place.private), self.graded().course)

    def submission(self, name: str) -> Result | None:
        """By the name of its page, without `.html`."""
        site = self.site()
        wanted = f"students/{name}.html"
        return next((each for each in self.graded().results if site.links[each.submission] == wanted), None)

    def file(self, result: Result, exercise: ExerciseResult) -> SubmittedFile | None:
        """What was graded, where it is still there."""
        with self._lock:
            return self._reader().file(result, exercise)

    def notes(self, result: Result, scope: str) -> Notes:
        """What people said of an exercise or a module, with its rubric also where nobody has said anything."""
        with self._lock:
            graded, said = self.graded(), [self.folder().of(result.submission)]
            exercise = next((each for each in result.exercises if each.exercise == scope), None)
            if exercise is None:
                return notes_of(said, scope, graded.course.module(scope).title, graded.course)
            return exercise_notes(said, result, exercise, graded.course, self._reader())

    def attention(self) -> Attention:
        return self.graded().found

    def table(self, file: Path) -> None:
        """Write the class as a CSV file."""
        write_csv(self.graded().results, file)

    # --- inside ---

    def _reader(self) -> Codes:
        if self._codes is None:
            self._codes = Codes(self.graded().course)
        return self._codes

    def _read(self) -> _Graded:
        place = self.place
        if not place.results.is_file():  # to open it would make one
            raise Refused(f"{place.results} is not there any more.")
        course = load_course(place.root)
        roster = place.roster(course)
        with Store(place.results) as store:
            results = list(standing(store, [each.name for each in course.exercises]))
            if not results:
                raise Refused(
                    f"{place.results} has no results of this course. Grade a class: autograder grade SUBMISSIONS"
                )
            # What was graded elsewhere, as by the nightly workflow, was taken down there alone.
            take_down(Folder(folder_of(place.root, place.private), course), results)
            marks, ledger = store.marks(), Ledger(store)
            statistics = exercise_statistics(results)
            certificates = place.certificates(course)
            facts = Facts(course, roster, marks, store.observation, certificates)
            found = attention(results, statistics, facts)
            names = names_for([f"{result.submission}\0{number}" for number, result in enumerate(results)])
            return _Graded(
                course,
                roster,
                results,
                statistics,
                found,
                marks,
                ledger.adjustments(),
                ledger.published(),
                names,
                certificates,
            )

    def _made(self, graded: _Graded, folder: Folder) -> Site:
        known = [each.submission for each in graded.results]
        known += [*(person.id for person in graded.roster.people), *graded.roster.groups]
        said = folder.read(known)
        book = Book(graded.course, graded.marks, graded.roster, graded.adjustments, said=said)
        scores = final_scores(book)
        voices = Voices(graded.course, said, graded.roster, self._reader())
        facts = Facts(
            graded.course,
            graded.roster,
            graded.marks,
            certificates=graded.certificates,
            notes=voices.notes,
            waiting=voices.waiting(),
            compared=load(self.place.private)[0],
        )
        scores_of = by_submission(scores, graded.roster)
        site = Site(
            graded.course.title,
            visibility.Policy(graded.course.feedback.show),
            {each: visibility.policies(book, each, graded.published) for each in known[: len(graded.results)]},
            {each: scores_of(each) for each in known[: len(graded.results)]},
            facts,
            served=True,
            folders=(TEMPLATES,),
        )
        site.know(graded.results, [f"students/{name}.html" for name in graded.names], graded.statistics)
        return site


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes when the file does."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _stamps(folder: Path) -> Sequence[tuple[str, tuple[int, int] | None]]:
    return [(path.name, _stamp(path)) for path in sorted(folder.glob("*.toml"))] if folder.is_dir() else []
