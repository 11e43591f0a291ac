"""Making the plan of an exercise from `solutions/`, and keeping it in the private cache.

The reference's observations are computed once here; after that, grading a submission costs its own compute and little more.
"""

from __future__ import annotations

import copy
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from autograder.course.config import Exercise
from autograder.grading import budget, hashes
from autograder.grading.asking import Code, Outcome, RunLimits
from autograder.grading.runner import Session, observe_all
from autograder.grading.secret import fingerprint, hidden_seed, public_seed
from autograder.grading.twins import TwinClient
from autograder.jail.host import Zygote
from autograder.plan import NO_EVIDENCE, Plan, PlanError, PlannedCase, PlannedCheck, load_plan, write_plan
from autograder.refusals import Refusal
from autograder.source.reach import Reach
from autograder.twin import messages as twin

Outcomes = dict[tuple[str, str], Outcome]  # by check and title of the case

COMPARED_HIDDEN = 2  # hidden cases of a check that mistakes are tried on, beside the public ones


class CourseProblem(Refusal):
    """An exercise can't be graded as it is written. The text says what to mend."""

    def sentences(self) -> str:
        return f"The course is broken, so nothing was graded. To mend:\n{self}"


@dataclass(frozen=True)
class Planner:
    """Makes and caches plans. `draw` names the grading run whose fresh cases are wanted."""

    root: Path
    cache: Path
    secret: bytes
    zygote: Zygote
    draw: str = ""
    jobs: int = 2

    def key(self, exercise: Exercise) -> str:
        """Hash of everything that the plan of `exercise` is made from."""
        folder = exercise.solution_dir(self.root)
        checks = folder / "checks.py"
        # A new run draws fresh cases anew; an exercise without any keeps its plan, and so its results.
        draw = self.draw if checks.exists() and b"fresh=" in checks.read_bytes() else ""
        authored = hashes.authored(folder)
        return hashes.of("plan", exercise.name, authored, hashes.planning(folder), fingerprint(self.secret), draw)

    def cached(self, exercise: Exercise) -> Plan | None:
        """The plan in the cache, if it is still the right one. Raises `CourseProblem`."""
        path = self.path(exercise)
        if not path.exists():
            return None
        try:
            plan = load_plan(path)
        except PlanError:
            path.unlink(missing_ok=True)
            return None
        _same_points(plan, exercise)  # grading.toml may have changed since the plan was made
        return plan

    def plan(self, exercise: Exercise) -> Plan:
        """The plan of `exercise`, from the cache or made now. Raises `CourseProblem`."""
        plan = self.cached(exercise)
        if plan is None or not plan.complete:
            client = TwinClient(self.zygote, self.opening(exercise))
            try:
                plan = plan or self.draft(exercise, client)
                self.observe_mistakes(exercise, plan, client)
            finally:
                client.close()
        return plan

    def begun(self, exercise: Exercise, client: TwinClient) -> Plan:
        """The same, but what the known mistakes give may still be missing (`observe_mistakes`)."""
        plan = self.cached(exercise)
        if plan is None:
            plan = self.draft(exercise, client)
            self._keep(exercise, plan)
        return plan

    def opening(self, exercise: Exercise) -> twin.Open:
        """What a twin needs to hold this exercise."""
        return twin.Open(name=exercise.name, folder=str(exercise.solution_dir(self.root)))

    def path(self, exercise: Exercise) -> Path:
        """Where the plan of `exercise` is kept."""
        return self.cache / f"{exercise.topic}.{exercise.slug}.{self.key(exercise)[:24]}.plan"

    def observe_mistakes(self, exercise: Exercise, plan: Plan, client: TwinClient) -> None:
        """Run the known mistakes on the `compared` cases, for a plan that lacks what they give."""
        reach = Reach(plan.reference, plan.experiments, [check.name for check in plan.checks])

        def observe(mistake: twin.Derived) -> Outcomes:
            same = reach.unreached(mistake.source)
            cases = [pair for pair in compared(plan) if pair[0].name not in same]
            with self.session(plan, mistake.source, "solution.py") as session:
                return observe_all(session, cases, measure=False)

        with ThreadPoolExecutor(self.jobs) as pool:
            observed = list(pool.map(observe, client.describe().mistakes))
        self.complete(exercise, plan, observed, client)

    def draft(self, exercise: Exercise, client: TwinClient) -> Plan:
        """A plan that lacks only what the known mistakes give, on its `compared` cases. Raises `CourseProblem`."""
        plan = self.with_inputs(exercise, client)
        self._add_reference(plan, client, f"solutions/{exercise.name}")
        return plan

    def with_inputs(self, exercise: Exercise, client: TwinClient) -> Plan:
        """A plan that has inputs, and nothing that anybody gave for them. Raises `CourseProblem`."""
        described = client.describe()
        where = f"solutions/{exercise.name}"
        if described.problem:
            raise CourseProblem(f"{where}/{described.problem}")
        plan = Plan(
            exercise=exercise.name,
            stub=described.stub,
            reference=described.reference,
            experiments=described.experiments,
            checks=copy.deepcopy(described.checks),  # a plan of its own: the same twin may be asked for others
            mistakes=[mistake.sentence for mistake in described.mistakes],
            imports=sorted({check.needs for check in described.checks if check.needs}),
            complete=False,
            key=self.key(exercise),
            versions=hashes.versions(),
        )
        _same_points(plan, exercise)
        if exercise.jail == "tools" and any(check.budget for check in plan.checks):
            raise CourseProblem(
                f'{where}/checks.py: a budget can\'t be held with jail = "tools": child processes are not measured'
            )
        self._add_inputs(plan, client, where)
        return plan

    def complete(self, exercise: Exercise, plan: Plan, observed: list[Outcomes], client: TwinClient) -> None:
        """Add what each known mistake gives, in the order of `plan.mistakes`, and keep the plan. What is missing in `observed`
        is what the reference gives."""
        for check, case in compared(plan):
            given: dict[int, bytes] = {}
            outcomes = [each.get((check.name, case.title)) for each in observed]
            values = {
                index: case.want if outcome is None else outcome.value
                for index, outcome in enumerate(outcomes)
                if outcome is None or outcome.verdict is None
            }
            others = list({value for value in values.values() if value != case.want})  # most are what is wanted
            kinds = dict(zip(others, client.weigh(check.name, case.want, others), strict=True))
            kinds[case.want] = "same"
            for index in range(len(observed)):
                kind = kinds[values[index]] if index in values else "anything"
                if kind != "same":
                    given[index] = values[index] if kind == "different" else NO_EVIDENCE
            case.mistakes = given  # at once: others may be reading
        plan.complete = True
        self._keep(exercise, plan)

    def _keep(self, exercise: Exercise, plan: Plan) -> None:
        write_private(self.path(exercise), write_plan(plan))

    def session(self, plan: Plan, source: str, file: str) -> Session:
        """Where the course's own implementations are observed for a plan."""
        return Session(self.zygote, plan, Code(source, file), RunLimits(cpu_seconds=5.0), on_cpu=True)

    def _add_inputs(self, plan: Plan, client: TwinClient, where: str) -> None:
        for check in plan.checks:
            public = sum(case.public and not case.drawn for case in check.cases)
            for index, case in enumerate(check.cases):
                title = "examples" if case.drawn else case.title
                if case.public:
                    case.seed = public_seed(plan.exercise, check.name, title)
                else:
                    draw = self.draw if case.fresh else ""
                    case.seed = hidden_seed(self.secret, plan.exercise, check.name, title, draw)
                made = client.make(check.name, public if case.fresh else index, case.seed, case.drawn)
                if made.problem:
                    raise CourseProblem(f"{where}/checks.py: check {check.name}, case {case.title!r}: {made.problem}")
                case.inputs, case.inputs_text, case.parameters = made.inputs, made.inputs_text, made.parameters
                case.lab, case.example = made.lab, made.example
                case.fingerprint = hashes.of(case.seed, case.inputs)[:16]

    def _add_reference(self, plan: Plan, client: TwinClient, where: str) -> None:
        with self.session(plan, plan.reference, f"{where}/solution.py") as session:
            cases = [pair for pair in plan.cases() if pair[0].is_runnable(gpu=True)]
            outcomes = observe_all(session, cases)
        for check, case in cases:
            outcome = outcomes[check.name, case.title]
            if outcome.verdict is not None:
                raise CourseProblem(
                    f"{where}: on check {check.name}, case {case.title!r}, the reference itself {said(outcome)}"
                )
            case.want = outcome.value
            case.needs = budget.needs(outcome.used)
        seen = [
            twin.Seen(check.name, case, case.want, outcomes[check.name, case.title].changed) for check, case in cases
        ]
        for (check, case), verdict in zip(cases, client.review(seen), strict=True):
            case.want_text = verdict.text
            if not verdict.passed:
                raise CourseProblem(f"{where}: check {check.name}, case {case.title!r}{refused(verdict)}")
        for check in plan.checks:
            hidden = 0
            for case in check.cases:
                hidden += not case.public
                case.compared = check.is_runnable() and (case.public or hidden <= COMPARED_HIDDEN) and not case.fresh


def compared(plan: Plan) -> list[tuple[PlannedCheck, PlannedCase]]:
    """The cases that known mistakes are tried on: enough of each check to tell them apart. Checks without points come last, so that
    a mistake which hangs there still shows what it does in the others."""
    cases = [(check, case) for check, case in plan.cases() if case.compared]
    return sorted(cases, key=lambda pair: not pair[0].points)


def _same_points(plan: Plan, exercise: Exercise) -> None:
    points = sum(check.points for check in plan.checks if not check.bonus)
    if points != exercise.points:
        raise CourseProblem(
            f"solutions/{exercise.name}/checks.py: its checks have {points} points, "
            f"grading.toml gives the exercise {exercise.points}"
        )


def refused(verdict: twin.Verdict) -> str:
    """Why an answer of the reference is refused, as the end of a sentence that begins with the case."""
    message = verdict.message
    if verdict.problem:
        return f", rejects the reference itself: {verdict.problem}. A judge must answer whatever has the kind of the right answer"
    if message is not None and message.id == "run.mutated":
        return (
            f": the reference changes its input {message.values['input']} in place. Let it work on a copy, or declare "
            "mutates=True if that is what it is for"
        )
    if message is not None and message.id == "judge.rejected":
        values = {name: value for name, value in message.values.items() if name != "sentence"}
        return f", rejects the reference itself: {message.values['sentence']} {values or ''}".rstrip()
    if verdict.difference is not None:
        found = verdict.difference
        return f", rejects the reference itself: {found.path or 'its answer'} is {found.got}, where {found.want} is expected"
    return f", rejects the reference itself: {message and message.values}"


def said(outcome: Outcome) -> str:
    """How a run ended that gave no value, as the end of a sentence that begins with whose it was."""
    if outcome.message is None:
        return f"ended with {outcome.verdict}"
    values = outcome.message.values
    if outcome.message.id in ("run.raised", "run.load-raised"):
        return f"raised {values.get('exception')}: {values.get('text', '')} (line {outcome.line})"
    details = ", ".join(f"{name} {value}" for name, value in values.items())
    return f"ended with {outcome.message.id}{f' ({details})' if details else ''}"


def write_private(path: Path, data: bytes) -> None:
    """Write a private file in one step: a killed run leaves the old one or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    temporary.replace(path)
