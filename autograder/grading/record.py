"""From what was observed of one exercise, and reviewed, to its result: verdicts, points, diagnoses, places.

Nothing is run here, and nothing decided but what follows: a check has passed when all of its cases have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.grading import budget
from autograder.grading.asking import Code, Outcome
from autograder.grading.diagnosis import diagnose
from autograder.jail.layers.base import Profile
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.results import Call, CaseResult, CheckResult, Diagnosis, ExerciseResult, Message, Place, Verdict
from autograder.source.extract import lines as source_lines
from autograder.twin import messages as twin

MAX_OBSERVATION = 4 * 2**20  # larger ones are judged but not kept
MAX_OBSERVATIONS = 8 * 2**20  # of one exercise of one submission; what comes after them is judged but not kept
OUTPUTS = 4  # how many times what one case may print is kept of what all cases of an exercise printed
# The gravest reason first: what an exercise's verdict names when several checks fail.
GRAVITY: tuple[Verdict, ...] = (
    "grader-error", "forbidden", "error", "crashed", "memory", "timeout", "failed", "blocked", "skipped", "passed",
)  # fmt: skip

Where = Callable[[int], tuple[str, int]]
Key = tuple[str, str]


@dataclass(frozen=True)
class Subject:
    """One student's file for one exercise."""

    code: Code
    where: Where  # line of the module → file and line as the student knows them
    file_hash: str = ""
    noticed: dict[tuple[str, str], int] = field(default_factory=dict)  # while it is graded, for a person: see Session
    differing: set[str] = field(default_factory=set)  # likewise: checks that came out differently in equal runs


@dataclass
class Graded:
    """A result with the observations that it refers to, by their keys."""

    result: ExerciseResult
    observations: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Judged:
    """One case: what came of running it, and what the twin says of that."""

    outcome: Outcome
    review: twin.Verdict | None = None
    spent: dict[str, float] = field(default_factory=dict)  # how many times what the reference uses
    broken: str = ""  # the budget that is: "memory" or "cpu"

    @property
    def verdict(self) -> Verdict:
        if self.outcome.verdict is not None:
            return self.outcome.verdict
        if self.review is None or self.review.problem:
            return "grader-error"
        return "passed" if self.review.passed and not self.broken else "failed"

    @property
    def only_broken(self) -> bool:
        """The answer is right, and cost too much."""
        return bool(self.broken) and self.review is not None and self.review.passed


@dataclass(frozen=True)
class Recorder:
    """Writes down results of one exercise."""

    plan: Plan
    title: str
    points: int
    lecture: str
    profile: Profile
    has_gpu: bool
    output_kb: int = 64  # that one case may print

    def unjudged(
        self, verdict: Verdict, message: Message | None, file: str, *, file_hash: str = "", key: str = ""
    ) -> ExerciseResult:
        """The result of a file none of which was run: it is missing, can't be read, or the fault is ours."""
        checks = [
            CheckResult(name=check.name, claim=check.claim, points=check.points, verdict=verdict, bonus=check.bonus)
            for check in self.plan.checks
        ]
        return ExerciseResult(
            exercise=self.plan.exercise,
            title=self.title,
            points=self.points,
            verdict=verdict,
            file=file,
            file_hash=file_hash,
            key=key,
            message=message,
            checks=checks,
        )

    def result(
        self,
        subject: Subject,
        cases: dict[Key, Judged],
        problem: Outcome | None,
        smallest: dict[str, tuple[PlannedCase, Judged]] | None = None,
    ) -> Graded:
        """What follows from `cases`, or from the `problem` that kept the file from being loaded. `smallest`: by check, the
        smallest input on which it fails, where one was looked for."""
        graded = Graded(
            ExerciseResult(
                exercise=self.plan.exercise,
                title=self.title,
                points=self.points,
                verdict="passed",
                file=subject.code.file,
                file_hash=subject.file_hash,
                profile=self.profile,
            )
        )
        result = graded.result
        if problem is not None:
            result.message, result.place = problem.message, _place(problem, subject)
            result.seconds = problem.seconds
            result.checks = [self._unloaded(check, problem) for check in self.plan.checks]
        else:
            found = diagnose(
                self.plan,
                {key: case.verdict == "passed" for key, case in cases.items()},
                {key: case.review.matches for key, case in cases.items() if case.review is not None},
            )
            result.checks = [
                self._check(check, cases, found.get(check.name), graded, subject) for check in self.plan.checks
            ]
            for record in result.checks:
                if smallest and record.name in smallest:
                    planned, case = smallest[record.name]
                    check = next(each for each in self.plan.checks if each.name == record.name)
                    record.smallest = self._case(check, planned, case, graded, subject)
            result.seconds = sum(case.outcome.seconds for case in cases.values())
            _keep_output(result.checks, OUTPUTS * self.output_kb * 1024)
        needed = [check.verdict for check in result.checks if check.counts]
        result.verdict = next(verdict for verdict in GRAVITY if verdict in (*needed, "passed"))
        return graded

    def _unloaded(self, check: PlannedCheck, problem: Outcome) -> CheckResult:
        verdict = problem.verdict or "error"
        return self._check_record(check, verdict if check.is_runnable(self.has_gpu) else "skipped")

    def _check_record(self, check: PlannedCheck, verdict: Verdict) -> CheckResult:
        return CheckResult(
            name=check.name,
            claim=check.claim,
            points=check.points,
            verdict=verdict,
            earned=check.points if verdict == "passed" else 0,
            bonus=check.bonus,
            device=check.device,
            needs=check.needs,
            lecture=f"{self.lecture}#{check.lecture}" if check.lecture else self.lecture,
        )

    def _check(
        self, check: PlannedCheck, cases: dict[Key, Judged], found: list[int] | None, graded: Graded, subject: Subject
    ) -> CheckResult:
        if not check.is_runnable(self.has_gpu):
            return self._check_record(check, "skipped")
        results = [self._case(check, case, cases[check.name, case.title], graded, subject) for case in check.cases]
        verdict: Verdict = next(each for each in GRAVITY if each in {case.verdict for case in results})
        record = self._check_record(check, verdict)
        record.cases = results
        if found and verdict != "passed":
            record.diagnosis = Diagnosis(sentences=[self.plan.mistakes[index] for index in found])
        return record

    def _case(
        self, check: PlannedCheck, planned: PlannedCase, case: Judged, graded: Graded, subject: Subject
    ) -> CaseResult:
        outcome, review = case.outcome, case.review
        result = CaseResult(
            title=planned.title,
            public=planned.public,
            fresh=planned.fresh,
            seed=planned.fingerprint,
            parameters=dict(planned.parameters),
            inputs=planned.inputs_text,
            want=planned.want_text,
            verdict=case.verdict,
            message=outcome.message,
            place=_place(outcome, subject),
            output=outcome.output,
            seconds=round(outcome.seconds, 6),
            spent={name: round(ratio, 3) for name, ratio in case.spent.items()},
        )
        if review is not None:
            result.got, result.difference, result.margin = review.text, review.difference, review.margin
            result.want = review.want_text or result.want
            result.message, result.timeline = review.message, review.timeline
            if case.only_broken:
                result.message = budget.message(check, case.spent)
            if review.problem:
                result.message = Message(id="run.grader-error", values={"detail": review.problem})
        if outcome.value and len(outcome.value) <= MAX_OBSERVATION:
            key = hashlib.sha256(outcome.value).hexdigest()[:32]
            kept = sum(map(len, graded.observations.values()))
            if key in graded.observations or kept + len(outcome.value) <= MAX_OBSERVATIONS:
                graded.observations[key] = outcome.value
                result.observation = key
        return result


def flags(subject: Subject) -> list[Message]:
    """What was noticed, by line; the lines at which code runs come from a worker, so they may be none."""
    flags = []
    last = len(source_lines(subject.code.text))
    for (kind, name), line in sorted(subject.noticed.items(), key=lambda item: item[1]):
        values: dict[str, object] = {"name": name}
        if 1 <= line <= last:
            file, number = subject.where(line)
            values["place"] = f"{file}:{number}"
        flags.append(Message(id=f"flag.{kind}", values=values))
    flags += [Message(id="flag.differs", values={"name": name}) for name in sorted(subject.differing)]
    return flags


def _keep_output(checks: list[CheckResult], room: int) -> None:
    """Keep `room` bytes of what the cases printed: public ones first, since nobody else's output is shown to students."""
    cases = [case for check in checks for case in (*check.cases, *([check.smallest] if check.smallest else []))]
    for case in sorted(cases, key=lambda case: not case.public):
        data = case.output.encode("utf-8", "replace")
        if len(data) > room:
            case.output = data[:room].decode("utf-8", "ignore") + "…"
        room = max(room - len(data), 0)


def _place(outcome: Outcome, subject: Subject) -> Place | None:
    lines = source_lines(subject.code.text)

    def known(line: int, function: str) -> dict[str, Any]:
        file, there = subject.where(line)
        name = function if function != "<module>" else ""
        return {"file": file, "line": there, "function": name, "text": lines[line - 1].strip()[:200]}

    if not 1 <= outcome.line <= len(lines):  # the number comes from the worker, as those below
        return None
    led = [Call(**known(each.line, each.function)) for each in outcome.frames if 1 <= each.line <= len(lines)]
    return Place(**known(outcome.line, outcome.function), through=led)
