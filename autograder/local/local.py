"""Running cases in this very process, for pytest: the student's file against recorded values, a reference against itself.

Nothing is isolated here, so that a debugger works; verdicts are told by the same code as in the twin.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from autograder.checks.declared import AuthoringError
from autograder.experiment import hosted_here, observe
from autograder.plan import Plan, PlannedCase, PlannedCheck, load_plan
from autograder.twin import messages as twin_messages
from autograder.twin.twin import Twin
from autograder.wire.messages import Observed


class PublicRunner:
    """A student's file with the public checks beside it."""

    def __init__(self, test_module: Path) -> None:
        _interpret_kernels()
        slug = test_module.stem.removeprefix("test_")
        self.file = test_module.parent / f"{slug}.py"
        self.plan = load_plan(test_module.parent / "expected" / f"{slug}.plan")
        self._twin = Twin()
        described = self._twin.open(
            twin_messages.Open(name=self.plan.exercise, test_module=str(test_module), stub=self.plan.stub)
        )
        if described.problem:
            raise AuthoringError(described.problem)
        self._implementation: observe.Implementation | None = None

    def run(self, check: PlannedCheck, case: PlannedCase, *, debug: bool = False) -> str | None:
        """None when the case passes, else the report for the student. With `debug`, their exceptions come out as they are."""
        if self._implementation is None:
            if not self.file.exists():
                return f"There is no {self.file.name} beside the tests. Bring the stub back from the course."
            self._implementation, loaded = _load(self.file, self.plan)
            if self._implementation is None:
                return _explained(loaded, None, self.file, self.plan)
        experiment = getattr(_experiments(self.plan), check.name)
        seen = hosted_here.run(self._implementation, experiment, case.inputs, device=check.device, reraise=debug)
        return self._report(check, case, seen)

    def _report(self, check: PlannedCheck, case: PlannedCase, seen: Observed) -> str | None:
        if seen.kind != "value":
            return _explained(seen, check, self.file, self.plan)
        verdict = self._twin.review(twin_messages.Seen(check.name, case, seen.value, seen.changed))
        if verdict.passed:
            return None
        return _difference(check, case, verdict, self.plan)


class AuthorRunner:
    """An exercise's reference against its own judges and the comparison, on every case."""

    def __init__(self, folder: Path) -> None:
        _interpret_kernels()
        name = f"{folder.parent.name}/{folder.name}"
        self.file = folder / "solution.py"
        self._twin = Twin()
        described = self._twin.open(twin_messages.Open(name=name, folder=str(folder)))
        if described.problem:
            raise AuthoringError(described.problem)
        self.plan = Plan(exercise=name, stub=described.stub, experiments=described.experiments, checks=described.checks)
        self._hidden = described.hidden
        self._implementation: observe.Implementation | None = None

    def run(self, check: PlannedCheck, case: PlannedCase, *, debug: bool = False) -> str | None:
        """None when the reference passes the case."""
        if self._implementation is None:
            self._implementation, loaded = _load(self.file, self.plan)
            if self._implementation is None:
                return _explained(loaded, None, self.file, self.plan)
        public = sum(each.public and not each.drawn for each in check.cases)
        index = public if case.fresh else [each.title for each in check.cases].index(case.title)
        seed = hashlib.sha256(
            f"{self.plan.exercise}/{check.name}/{'examples' if case.drawn else case.title}".encode()
        ).hexdigest()[:32]
        made = self._twin.make(twin_messages.Make(check.name, index, seed, case.drawn))
        if made.problem:
            return made.problem
        experiment = getattr(_experiments(self.plan), check.name)
        want = hosted_here.run(self._implementation, experiment, made.inputs, reraise=debug)
        seen = hosted_here.run(
            self._implementation, experiment, made.inputs, device=check.device, seed=1, reraise=debug
        )
        for observed in (want, seen):
            if observed.kind != "value":
                return _explained(observed, check, self.file, self.plan)
        case.inputs, case.inputs_text, case.want, case.seed = made.inputs, made.inputs_text, want.value, seed
        case.example, case.lab = made.example, made.lab
        verdict = self._twin.review(twin_messages.Seen(check.name, case, seen.value, seen.changed))
        return None if verdict.passed else _difference(check, case, verdict, self.plan)


def _interpret_kernels() -> None:
    """As in the jail, Triton runs kernels as Python where there is no GPU. It wants to know before it is imported."""
    if not torch.cuda.is_available():
        os.environ.setdefault("TRITON_INTERPRET", "1")


def _load(file: Path, plan: Plan) -> tuple[observe.Implementation | None, Observed]:
    source = file.read_text(encoding="utf-8-sig")
    return observe.load(source, plan.stub, plan.exercise.replace("/", "."), str(file), [])


_modules: dict[str, Any] = {}


def _experiments(plan: Plan) -> Any:
    key = hashlib.sha256(plan.experiments.encode()).hexdigest()
    if key not in _modules:
        _modules[key] = observe.load_module(plan.experiments, f"experiments.{plan.exercise}", "checks")
    return _modules[key]


def _explained(seen: Observed, check: PlannedCheck | None, file: Path, plan: Plan) -> str:
    from autograder.experiment.explain import message_of
    from autograder.feedback import messages

    if seen.kind == "raised" and seen.name in ("Exit", "BdbQuit"):
        return "You left the debugger, so this case has no answer."
    lines = [check.claim, ""] if check else []
    message = message_of(seen, file.name, check is None)
    lines.append(messages.text(message))
    if seen.line:
        places = [(each.line, each.function) for each in seen.frames] + [(seen.line, seen.function)]
        lines += [f"{file}:{line}: in {function or 'the module'}" for line, function in places]
    hint = messages.hint(message)
    return "\n".join(lines + ([hint] if hint else []))


def _difference(check: PlannedCheck, case: PlannedCase, verdict: twin_messages.Verdict, plan: Plan) -> str:
    from autograder.feedback import escape, messages, timeline
    from autograder.feedback.view import Options, of_many, timeline_notes
    from autograder.results import CaseResult

    result = CaseResult(
        title=case.title, public=True, verdict="failed", message=verdict.message, difference=verdict.difference
    )
    message = messages.case_message(result)
    lines = [check.claim, "", f"case: {case.title}"]
    lines += [f"  {name} = {text}" for name, text in case.inputs_text.items()]
    picture = timeline.drawable(verdict.timeline) if verdict.timeline else None
    if picture is None:
        right = messages.label("one-right-answer" if of_many(result) else "expected")
        lines += [f"  {right} {verdict.want_text or case.want_text}", f"  {'got':{len(right)}} {verdict.text}"]
    else:
        lines += ["", timeline.text(picture), "", *timeline_notes(picture, Options()), ""]
    if verdict.problem:
        lines.append(verdict.problem)
    if message is not None:
        lines.append(messages.text(message))
    if verdict.difference is not None:
        lines += [escape.spans_text(fact) for fact in messages.difference_facts(verdict.difference)]
    if verdict.matches:
        said = [plan.mistakes[index] for index in verdict.matches]
        lines += ["", f"{messages.label('what-went-wrong' if len(said) == 1 else 'one-of')}: {' / '.join(said)}"]
    return "\n".join(lines)
