"""Scores: verdict → the attempt that counts → deadline, late days, what lateness costs → a person's points → adjustments → the weakest dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from autograder.course import duration
from autograder.course.config import Course, Exercise, Module
from autograder.course.roster import Person, Roster
from autograder.course.tree import key
from autograder.people.records import Points, Said
from autograder.people.rubrics import rubric_of
from autograder.results import Message
from autograder.scores.adjust import adjusted, adjusted_module
from autograder.scores.attempts import Attempt, attempts
from autograder.scores.deadlines import Deadline, deadline, said
from autograder.scores.records import ExerciseScore, ModuleScore, Score, Step, rounded
from autograder.scores.rubrics import module_with_rubric, with_rubric
from autograder.store.database import Mark
from autograder.store.ledger import Adjustment

DAY = timedelta(days=1)


@dataclass
class Book:
    """What scores are made from: the course, who is in the class, every verdict, every adjustment, what people said."""

    course: Course
    marks: Sequence[Mark]
    roster: Roster = field(default_factory=Roster)
    adjustments: Sequence[Adjustment] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    said: Mapping[str, Said] = field(default_factory=dict)  # what people said, by student in the form of `tree.key`

    def __post_init__(self) -> None:
        self.of: dict[str, dict[str, list[Mark]]] = {}  # by submission, by exercise
        for mark in self.marks:
            self.of.setdefault(key(mark.submission), {}).setdefault(mark.exercise, []).append(mark)
        self.graded = {mark.exercise for mark in self.marks}
        self.holding = [each for each in self.adjustments if each.holds(self.now)]

    def people(self) -> list[Person]:
        """The class: everybody of the roster, then submissions that are nobody's there."""
        teams = {key(name) for name in [*self.roster.groups, *(person.id for person in self.roster.people)]}
        names = dict.fromkeys(mark.submission for mark in self.marks)
        return [*self.roster.people, *(Person(name) for name in names if key(name) not in teams)]

    def said_of(self, person: Person) -> list[Said]:
        """What people said of a student's group, then of the student alone, which counts more."""
        names = dict.fromkeys(key(name) for name in (person.group, person.id) if name)
        return [self.said[name] for name in names if name in self.said]

    def marks_of(self, person: Person, exercise: str) -> list[Mark]:
        """Every verdict on what the student, or anybody of the same group, handed in for `exercise`."""
        members = [each.id for each in self.roster.groups.get(person.group, [])] if person.group else []
        names = {key(name) for name in [person.id, person.group, *members] if name}
        found = [mark for name in names for mark in self.of.get(name, {}).get(exercise, [])]
        return sorted(found, key=lambda mark: mark.number)


def final_scores(book: Book) -> list[Score]:
    """Everybody's score. Only exercises that were graded for somebody are in it."""
    return [_Scorer(book, person).score() for person in book.people()]


@dataclass
class _Answer:
    """One exercise on its way: its attempts, with what each would be worth."""

    exercise: Exercise
    attempts: list[Attempt]
    beyond: int = 0  # attempts over the limit


class _Scorer:
    """One student."""

    def __init__(self, book: Book, person: Person) -> None:
        self.book, self.person = book, person
        self.rules = book.course.scores
        self.adjustments = [each for each in book.holding if key(each.student) in (key(person.id), key(person.group))]
        self.days_left = self.rules.late_days
        self.remarks: list[Message] = []

    def score(self) -> Score:
        modules = [
            module for module in self.book.course.modules if any(e.name in self.book.graded for e in module.exercises)
        ]
        dues = {module.id: deadline(module, self.person, self.adjustments) for module in modules}
        latest = datetime.max.replace(tzinfo=UTC)
        in_time = sorted(
            modules, key=lambda module: dues[module.id].due or latest
        )  # late days: earliest deadline first
        scored = {module.id: self.module(module, dues[module.id]) for module in in_time}
        ordered = [scored[module.id] for module in modules]
        counting = [module for module in ordered if module.counts]
        return Score(
            student=self.person.id,
            name=self.person.name,
            group=self.person.group,
            points=rounded(sum(module.points for module in counting)),
            score=rounded(sum(module.score for module in counting)),
            pending=sum(module.pending for module in counting),
            late_days_left=self.days_left,
            modules=ordered,
            remarks=self.remarks,
        )

    # --- a module ---

    def module(self, module: Module, base: Deadline) -> ModuleScore:
        answers = [self.answer(each) for each in module.exercises if each.name in self.book.graded]
        days = self.days(module, answers, base.due)
        self.days_left -= days
        due = base.due + days * DAY if base.due is not None else None
        exercises = []
        for answer in answers:
            score = self.exercise(module, answer, base, due, days)
            name = answer.exercise.name
            score = with_rubric(score, rubric_of(self.book.course, name), self.given(name))
            exercises.append(adjusted(score, self.adjustments, self.remarks))
        dropped = _drop_lowest(exercises, module.drop_lowest)
        counting = [each for each in dropped if each.counts]
        result = ModuleScore(
            module=module.id,
            title=module.title,
            points=sum(each.points for each in counting),
            score=rounded(sum(each.score for each in counting)),
            pending=sum(each.pending for each in counting),
            due=due.isoformat() if due is not None else "",
            late_days=days,
            exercises=dropped,
        )
        result = module_with_rubric(result, rubric_of(self.book.course, module.id), self.given(module.id))
        return adjusted_module(result, self.adjustments, self.remarks)

    def given(self, scope: str) -> dict[str, Points]:
        """A person's points for the items of a rubric."""
        return {item: points for said in self.book.said_of(self.person) for item, points in said.points(scope).items()}

    def days(self, module: Module, answers: list[_Answer], due: datetime | None) -> int:
        """How many late days to spend: as few as give the most points that late days can give here."""
        most = min(self.days_left, self.rules.late_days_per_module or self.days_left)
        if due is None or module.late.kind == "none":
            return 0
        worth = [
            sum(self.worth(module, self.chosen(module, each, due + days * DAY), due + days * DAY) for each in answers)
            for days in range(most + 1)
        ]
        return worth.index(max(worth))

    # --- an exercise ---

    def answer(self, exercise: Exercise) -> _Answer:
        found = attempts(self.book.marks_of(self.person, exercise.name), self.rules.never_lower)
        limit = self.rules.max_attempts or len(found)
        return _Answer(exercise, found[:limit], max(len(found) - limit, 0))

    def chosen(self, module: Module, answer: _Answer, due: datetime | None) -> Attempt | None:
        """The attempt that counts when the deadline is `due`."""
        if not answer.attempts:
            return None
        if self.rules.attempt == "last":
            return answer.attempts[-1]
        return max(answer.attempts, key=lambda each: self.worth(module, each, due))  # the first of equal ones

    def worth(self, module: Module, attempt: Attempt | None, due: datetime | None) -> float:
        return attempt.mark.earned * _share(module, attempt, due) if attempt is not None else 0.0

    def exercise(
        self, module: Module, answer: _Answer, base: Deadline, due: datetime | None, days: int
    ) -> ExerciseScore:
        exercise = answer.exercise
        attempt = self.chosen(module, answer, due)
        if attempt is None:
            step = Step(kind="verdict", message=Message(id="score.nothing"), before=0, after=0)
            return ExerciseScore(
                exercise=exercise.name, title=exercise.title, points=exercise.points, earned=0, score=0, steps=[step]
            )
        mark = attempt.mark
        steps = self.attempt_steps(answer, attempt)
        late = max(attempt.handed_in - base.due, timedelta()) if attempt.handed_in and base.due else timedelta()
        share = _share(module, attempt, due)
        score = rounded(mark.earned * share)
        if late or (base.reasons and attempt.handed_in):
            steps += [Step(kind="deadline", message=why, before=mark.earned, after=mark.earned) for why in base.reasons]
        if late:
            steps += self.late_steps(module, attempt, base, due, days, score)
        elif attempt.handed_in is None and module.due is not None and module.late.kind != "none":
            self.remarks.append(Message(id="score.no-time", values={"exercise": exercise.name}))
        return ExerciseScore(
            exercise=exercise.name,
            title=exercise.title,
            points=mark.points,
            earned=mark.earned,
            score=score,
            pending=mark.pending,
            verdict=mark.verdict,
            submission=mark.submission,
            run=mark.run,
            handed_in=attempt.handed_in.isoformat() if attempt.handed_in else "",
            clock=attempt.clock,  # type: ignore[arg-type] (as stored)
            late_seconds=int(late.total_seconds()),
            attempts=len(answer.attempts) + answer.beyond,
            steps=steps,
        )

    def attempt_steps(self, answer: _Answer, attempt: Attempt) -> list[Step]:
        mark, newest = attempt.mark, attempt.newest
        verdict = Message(id="score.verdict", values={"verdict": newest.verdict, "run": newest.run})
        steps = [Step(kind="verdict", message=verdict, before=0, after=newest.earned)]
        if len(answer.attempts) > 1 or answer.beyond:
            values = {"number": answer.attempts.index(attempt) + 1, "total": len(answer.attempts) + answer.beyond}
            id = f"score.attempt-{self.rules.attempt}"
            if answer.beyond:
                values["limit"] = len(answer.attempts)
                id = "score.attempt-limit"
            steps.append(
                Step(kind="attempt", message=Message(id=id, values=values), before=newest.earned, after=newest.earned)
            )
        if mark.number != newest.number:
            kept = Message(id="score.kept", values={"run": mark.run, "earned": mark.earned})
            steps.append(Step(kind="kept", message=kept, before=newest.earned, after=mark.earned))
        return steps

    def late_steps(
        self, module: Module, attempt: Attempt, base: Deadline, due: datetime | None, days: int, score: float
    ) -> list[Step]:
        earned = attempt.mark.earned
        assert attempt.handed_in is not None and base.due is not None and due is not None
        steps = []
        if days:
            spent = Message(id="score.late-days", values={"days": days, "due": said(due), "left": self.days_left})
            steps.append(Step(kind="late-days", message=spent, before=earned, after=earned))
        if attempt.handed_in > due:
            values = {"late": duration.text(attempt.handed_in - due), "clock": attempt.clock, "due": said(due)}
            id = "score.late" if score < earned else "score.late-free"
            if score < earned:
                values["percent"] = _percent(1 - _share(module, attempt, due))
            steps.append(Step(kind="late", message=Message(id=id, values=values), before=earned, after=score))
        return steps


def _share(module: Module, attempt: Attempt, due: datetime | None) -> float:
    """What part of its points an attempt keeps."""
    if due is None or attempt.handed_in is None or attempt.handed_in <= due:
        return 1.0
    return module.late.share(attempt.handed_in - due)


def _percent(share: float) -> str:
    return f"{100 * share:.4g}"


def _drop_lowest(exercises: list[ExerciseScore], count: int) -> list[ExerciseScore]:
    """Without the `count` weakest of those that count: the lowest parts of their points, the larger exercise on a tie."""
    counting = [each for each in exercises if each.counts]
    count = min(count, len(counting) - 1)
    if count <= 0:
        return exercises
    ranked = sorted(counting, key=lambda each: ((each.score + each.pending) / each.points, -each.points))
    weakest = {each.exercise for each in ranked[:count]}
    return [_dropped(each) if each.exercise in weakest else each for each in exercises]


def _dropped(score: ExerciseScore) -> ExerciseScore:
    step = Step(kind="drop", message=Message(id="score.dropped"), before=score.score, after=score.score)
    return msgspec.structs.replace(score, counts=False, steps=[*score.steps, step])


def by_submission(scores: Iterable[Score], roster: Roster) -> Callable[[str], list[Score]]:
    """What gives the scores that a submission of some name counts for: those of its students."""
    of: dict[str, list[tuple[int, Score]]] = {}
    for place, score in enumerate(scores):
        of.setdefault(key(score.student), []).append((place, score))

    def find(submission: str) -> list[Score]:
        members = {key(person.id) for person in roster.team(submission)} or {key(submission)}
        found = [each for member in members for each in of.get(member, ())]
        return [score for _, score in sorted(found, key=lambda each: each[0])]

    return find
