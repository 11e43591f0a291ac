"""Are verdicts the same whatever the inputs are? Right answers and wrong ones, with all hidden and fresh inputs drawn anew many times.

A class has a secret of its own, and so inputs that no author has seen. An answer that hangs on a near tie, or a tolerance that is too
tight for one draw of fifty, costs somebody points there. So it is also a problem where a right answer comes near to a tolerance: among
the draws of some hundred classes there is one that is worse than these. A mistake that no public case shows must fail under every secret
too: what only a lucky draw rejects has full points in another class.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from autograder.course.config import Exercise
from autograder.feedback import messages
from autograder.grading import hashes
from autograder.grading.asking import Outcome
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import CourseProblem, refused, said, write_private
from autograder.grading.runner import observe_all
from autograder.grading.twins import TwinClient
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.source.reach import Reach
from autograder.twin import messages as twin
from autograder.verify.trial import Pairs

NEAR = 0.5
"""The share of a tolerance that a right answer may come to under any of these secrets. Not held against bfloat16 and float16, where a
tolerance is two units in the last place and right answers often differ by one."""
WORKER_SECONDS = 10.0
"""After so long an implementation gets a new worker: one worker may not compute for longer than a submission would."""

Answer = tuple[PlannedCheck, PlannedCase, Outcome]


@dataclass
class Worst:
    """The largest error of a right answer in one check, in units of its tolerance."""

    error: float
    where: str  # for people: the case and whose answer


@dataclass
class Drawn:
    """What came of right answers under other secrets."""

    seeds: int
    problems: list[str] = field(default_factory=list)
    worst: dict[str, Worst] = field(default_factory=dict)  # by check

    def near(self) -> list[str]:
        """What is wrong where nothing failed."""
        return [
            f"check {check}, {worst.where} comes to {worst.error:.2g} of the tolerance with one of {self.seeds} other seeds, and may "
            f"be refused with the secret of some class: choose inputs on which right answers agree better (below {NEAR:g})"
            for check, worst in self.worst.items()
            if NEAR < worst.error <= 1
        ]


@dataclass(frozen=True)
class SeedRunner:
    """Tries exercises under `seeds` other secrets, with the processes that grade."""

    grader: ClassGrader
    seeds: int
    cache: Path | None = None  # where what was found is kept
    on_trial: Callable[[str, int, int], None] = lambda exercise, done, total: None  # called from several threads

    def run(self, exercises: list[Exercise], unseen: Sequence[Mapping[str, Sequence[str]]] = ()) -> list[Drawn]:
        """What came of each. `unseen`: for each exercise the mistakes that no public case rejects, and the checks that do.

        An exercise of which this is known, and that has not changed, is not tried again.
        """
        pool = ThreadPoolExecutor(self.grader.jobs, "seeds")
        try:
            return list(pool.map(self._drawn, exercises, unseen or [{} for _ in exercises]))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            self.grader.close()  # ends the workers, so that the threads come back at once
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _drawn(self, exercise: Exercise, unseen: Mapping[str, Sequence[str]]) -> Drawn:
        key = hashes.of(
            "seeds",
            self.grader.planner.key(exercise),
            hashes.engine(),
            hashes.grading(),
            _own(),
            str(self.seeds),
            repr(sorted(unseen.items())),
        )
        path = self.cache and self.cache / f"{exercise.topic}.{exercise.slug}.{key[:24]}.seeds.json"
        found = path and _remembered(path)
        if found is None:
            client = TwinClient(self.grader.trusted, self.grader.planner.opening(exercise))
            try:
                found = _Draws(self, exercise, client, unseen).tried()
            except CourseProblem:
                return Drawn(self.seeds)  # it can't be planned at all, which is said elsewhere
            finally:
                client.close()
            if path:
                write_private(path, msgspec.json.encode(found))
        return found


@dataclass
class _Draws:
    """One exercise under several secrets."""

    runner: SeedRunner
    exercise: Exercise
    client: TwinClient
    unseen: Mapping[str, Sequence[str]]  # mistakes, and the checks that reject them
    drawn: set[tuple[str, str]] = field(default_factory=set)  # check and title of the cases that other seeds change
    problems: dict[str, str] = field(default_factory=dict)  # what is said of the first seed, by what is wrong
    times: dict[str, set[int]] = field(default_factory=dict)  # the seeds with which it is, from 0
    worst: dict[str, Worst] = field(default_factory=dict)

    def tried(self) -> Drawn:
        seeds = self.runner.seeds
        draws = self._draws(seeds)
        described = self.client.describe()
        alternatives = described.alternatives if any(draws) else []
        mistakes = [each for each in described.mistakes if self._may_pass(each)] if any(draws) else []
        steps = 1 + len(alternatives) + len(mistakes)
        self._step(0, steps)
        draws = self._answered(draws)
        for step, alternative in enumerate(alternatives, 1):
            self._step(step, steps)
            self._try(alternative, draws)
        for step, mistake in enumerate(mistakes, 1 + len(alternatives)):
            self._step(step, steps)
            self._reject(mistake, draws)
        self._step(steps, steps)
        told = [f"{text} (with {len(self.times[what])} of {seeds} other seeds)" for what, text in self.problems.items()]
        return Drawn(seeds, told, self.worst)

    def _step(self, done: int, steps: int) -> None:
        self.runner.on_trial(f"{self.exercise.name}, other seeds", done, steps)

    @functools.cached_property
    def _plan(self) -> Plan:
        return self.runner.grader.planner.with_inputs(self.exercise, self.client)

    def _draws(self, seeds: int) -> list[Pairs]:
        """For each of so many seeds the cases whose inputs some of them change: also with one that happens to draw the known inputs."""
        known = {(check.name, case.title): case.inputs for check, case in self._plan.cases()}
        draws = []
        for number in range(1, seeds + 1):
            named = f"seed {number}"
            planner = replace(self.runner.grader.planner, secret=named.encode(), draw=named)
            cases = planner.with_inputs(self.exercise, self.client).cases()
            draws.append([pair for pair in cases if pair[0].is_runnable()])
        self.drawn = {
            (check.name, case.title)
            for pairs in draws
            for check, case in pairs
            if case.inputs != known[check.name, case.title]
        }
        return [[(check, case) for check, case in pairs if (check.name, case.title) in self.drawn] for pairs in draws]

    def _answered(self, draws: list[Pairs]) -> list[Pairs]:
        """The cases with what the reference gives; without those in which it fails itself, which is noted."""
        kept = []
        for seed, (pairs, outcomes) in enumerate(zip(draws, self._observed(self._plan.reference, draws), strict=True)):
            accepted = []
            for check, case, outcome in self._values(pairs, outcomes):
                if outcome.verdict is None:
                    case.want = outcome.value
                    accepted.append((check, case, outcome))
                else:
                    what = f"check {check.name}, case {case.title!r}"
                    self._note(seed, what, f"{what}: the reference itself {said(outcome)}")
            right = []
            for (check, case, _), verdict in self._reviewed(accepted):
                if verdict.passed:
                    right.append((check, case))
                    self._measure(check, case, verdict, "the reference")
                else:
                    what = f"check {check.name}, case {case.title!r}"
                    self._note(seed, what, what + refused(verdict))
            kept.append(right)
        return kept

    def _try(self, alternative: twin.Derived, draws: list[Pairs]) -> None:
        names = [check.name for check in self._plan.checks]
        reach = Reach(self._plan.reference, self._plan.experiments, names)
        same = reach.unreached(alternative.source) | set(alternative.only)
        mine = [[pair for pair in pairs if pair[0].name not in same] for pairs in draws]
        whose = f"the alternative “{alternative.sentence}”"
        for seed, (pairs, outcomes) in enumerate(zip(mine, self._observed(alternative.source, mine), strict=True)):
            found = self._values(pairs, outcomes)
            for check, case, outcome in found:
                if outcome.verdict is not None:
                    what = f"{whose} is right, but fails {check.name}"
                    self._note(seed, what, f"{what}, case {case.title!r}: it {said(outcome)}")
            for (check, case, _), verdict in self._reviewed([each for each in found if each[2].verdict is None]):
                if verdict.passed:
                    self._measure(check, case, verdict, whose)
                else:
                    what = f"{whose} is right, but fails {check.name}"
                    self._note(seed, what, f"{what}, case {case.title!r}: {_why(verdict)}")

    def _may_pass(self, mistake: twin.Derived) -> bool:
        """Whether it may hang on the draw that a mistake is rejected. What breaks a budget is not measured here: that hangs on sizes."""
        checks = self.unseen.get(mistake.sentence, ())
        return bool(checks) and not any(check.budget for check in self._plan.checks if check.name in checks)

    def _reject(self, mistake: twin.Derived, draws: list[Pairs]) -> None:
        """Note the seeds with which nothing rejects a mistake; those of its cases that are the same with every seed come first."""
        checks = self.unseen[mistake.sentence]
        if any(self._rejects(mistake, [[pair for pair in self._fixed if pair[0].name in checks]])):
            return
        mine = [[pair for pair in pairs if pair[0].name in checks] for pairs in draws]
        for seed, rejected in enumerate(self._rejects(mistake, mine)):
            if not rejected:
                what = f"no check rejects the mistake “{mistake.sentence}”, which no public case shows"
                self._note(seed, what, what)

    @functools.cached_property
    def _fixed(self) -> Pairs:
        """The hidden cases that have the same inputs with every seed."""
        hidden = [pair for pair in self._plan.cases() if pair[0].is_runnable() and not pair[1].public]
        fixed = [(check, case) for check, case in hidden if (check.name, case.title) not in self.drawn]
        return self._answered([fixed])[0]

    def _rejects(self, mistake: twin.Derived, draws: list[Pairs]) -> Iterator[bool]:
        """For each seed, whether some case rejects a mistake."""
        for pairs, outcomes in zip(draws, self._observed(mistake.source, draws), strict=True):
            found = self._values(pairs, outcomes)
            values = [each for each in found if each[2].verdict is None]
            yield len(values) < len(found) or not all(verdict.passed for _, verdict in self._reviewed(values))

    def _observed(self, source: str, draws: list[Pairs]) -> list[dict[tuple[str, str], Outcome]]:
        """What an implementation gives with each seed; in one worker, as long as that takes no longer than a submission may."""
        found = []
        used = 0.0
        with self.runner.grader.planner.session(self._plan, source, "solution.py") as session:
            for pairs in draws:
                began = time.monotonic()
                found.append(observe_all(session, pairs, measure=False))
                used += time.monotonic() - began
                if used > WORKER_SECONDS:
                    session.drop()
                    used = 0.0
        return found

    def _values(self, pairs: Pairs, outcomes: dict[tuple[str, str], Outcome]) -> list[Answer]:
        """The cases that were run, each with what came of it."""
        found = [(check, case, outcomes[check.name, case.title]) for check, case in pairs]
        return [each for each in found if each[2].message is None or each[2].message.id != "run.not-run"]

    def _reviewed(self, answers: list[Answer]) -> Iterator[tuple[Answer, twin.Verdict]]:
        seen = [twin.Seen(check.name, case, outcome.value, outcome.changed) for check, case, outcome in answers]
        return zip(answers, self.client.review(seen), strict=True)

    def _measure(self, check: PlannedCheck, case: PlannedCase, verdict: twin.Verdict, whose: str) -> None:
        if verdict.margin is None or b"float16" in case.want:
            return
        if check.name not in self.worst or verdict.margin > self.worst[check.name].error:
            self.worst[check.name] = Worst(round(verdict.margin, 6), f"case {case.title!r}: {whose}")

    def _note(self, seed: int, what: str, told: str) -> None:
        self.problems.setdefault(what, told)
        self.times.setdefault(what, set()).add(seed)


def _why(verdict: twin.Verdict) -> str:
    """Why an answer was refused."""
    if verdict.problem:
        return verdict.problem
    text = messages.text(verdict.message) if verdict.message is not None else ""
    facts = messages.difference_text(verdict.difference) if verdict.difference is not None else ""
    return f"{text} {facts}".strip()


def _own() -> str:
    return hashes.of(Path(__file__).read_bytes())


def _remembered(path: Path) -> Drawn | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Drawn)
    except (OSError, msgspec.DecodeError):
        return None
