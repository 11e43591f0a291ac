"""What a student may see of hidden cases: the one place where it is taken away.

    none       nothing; public cases, and a note that the rest is pending
    count      how many of the checks with hidden cases pass
    claim      each check's claim and verdict
    diagnosis  also the diagnosis, the kind of difference, a built-in exception's name, the line of their own code;
               with `titles`, the title that its author gave to the first hidden case that fails
    case       everything about the hidden cases but what the code printed

Below `case` no text or number that the student's code controls passes for a hidden case: what it printed, returned,
raised or named could carry the hidden inputs out. So nothing is masked or cut; records are built anew from a short list
of what is safe, and a field that is added to the schema later stays away until it is put on that list here.
Public cases pass through whole.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec.structs import replace

from autograder.feedback.messages import of_difference
from autograder.results import (
    PENDING,
    CaseResult,
    CheckResult,
    Difference,
    ExerciseResult,
    Message,
    Place,
    Result,
    Verdict,
)

Show = Literal["none", "count", "claim", "diagnosis", "case"]

_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
_HIGHEST_LINE = 20_000  # a line number is chosen by whoever compiles the code: bound how much it can tell
_CELL = re.compile(r", cell \d{1,3}", re.ASCII)


@dataclass(frozen=True)
class Policy:
    """The feedback policy of a course: how much is shown of hidden cases, and whether it is time to."""

    show: Show = "diagnosis"
    when_ok: bool = True
    titles: bool = False


def _is_exception(value: Any) -> bool:
    return isinstance(value, str) and value in _EXCEPTIONS


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1_000_000


_SAFE_MESSAGES: dict[str, dict[str, Callable[[Any], bool]]] = {
    "run.not-written": {},
    "run.raised": {"exception": _is_exception, "outside": lambda value: value is True},
    "run.breakpoint": {},
    "run.wrong-type": {},
    "run.wrong-parameters": {},
    "run.mutated": {},
    "run.timeout": {"seconds": _is_number},
    "run.memory": {"megabytes": _is_number},
    "run.device-memory": {},
    "run.crashed": {},
    "run.exited": {},
    "run.too-big": {},
    "run.protocol": {},
    "run.unsupported": {},
    "run.missing-function": {},
    "run.wrong-signature": {},
    "run.forbidden": {},
    "run.blocked": {},
    "run.skipped-no-gpu": {},
    "run.not-run": {},
    "run.gave-up": {"seconds": _is_number},
    "run.exercise-time": {"seconds": _is_number},
    "run.grader-error": {},
    "run.passed-public-hidden-pending": {},
    "compare.type": {},
    "compare.length": {},
    "compare.keys": {},
    "compare.shape": {},
    "compare.dtype": {},
    "compare.nonfinite": {},
    "compare.value": {},
    "compare.raised": {},
    "compare.nan": {},
    "compare.infinite": {},
    "compare.finite": {},
    "compare.none": {},
    "compare.not-none": {},
    "compare.no-gradient": {},
    "compare.stray-gradient": {},
    "compare.nothing-raised": {},
    "compare.raised-on-right": {},
    "compare.refused": {},
    "compare.judge": {},
    "judge.rejected": {},
    "judge.raised": {},
    "judge.memory": {},
    "judge.time": {"seconds": _is_number},
    "judge.not-asked": {},
    "budget.memory": {"bound": _is_number},  # not how much it was: their code decides that
    "budget.cpu": {"bound": _is_number},
}
"""For each message that may be shown of a hidden case: the values that may be, with what they must look like."""

_BEFORE_INPUTS = ("run.load-", "submission.")
_BEFORE_INPUTS_IDS = frozenset(
    {"run.missing-function", "run.wrong-signature", "run.forbidden", "run.blocked", "run.skipped-no-gpu"}
    | {"run.passed-public-hidden-pending"}
)


def student_view(
    result: Result, show: Show = "diagnosis", when_ok: bool = True, policies: Mapping[str, Policy] | None = None
) -> Result:
    """`result` as the student may see it. `when_ok=False`: it is not time yet, so nothing of hidden cases is shown.

    `policies` are those of exercises whose module has its own; an exercise that is not in it follows `show` and `when_ok`.
    """
    usual = Policy(show, when_ok)
    each = [(exercise, (policies or {}).get(exercise.exercise, usual)) for exercise in result.exercises]
    return replace(
        result,
        source="",  # a path on the grader's machine
        provenance=replace(result.provenance, secret=""),
        exercises=[student_exercise(exercise, policy.show, policy.when_ok, policy.titles) for exercise, policy in each],
    )


def student_exercise(
    exercise: ExerciseResult, show: Show = "diagnosis", when_ok: bool = True, titles: bool = False
) -> ExerciseResult:
    """The same for one exercise."""
    mode = show if when_ok else "none"
    hidden = any(not case.public for check in exercise.checks for case in check.cases)
    view = replace(exercise, key="", flags=[], message=_exercise_message(exercise.message, hidden))
    if mode == "case":
        return replace(view, checks=[_with_cases(check) for check in exercise.checks])
    view = replace(view, checks=[_with_public_smallest(check) for check in exercise.checks])
    if hidden:
        # CPU time depends on the hidden inputs, and a place beside a run's message may come from a hidden case.
        view = replace(view, seconds=0.0)
        if exercise.message is not None and not _before_inputs(exercise.message):
            view = replace(view, place=None)
    if mode in ("claim", "diagnosis"):
        return replace(view, checks=[_with_verdict(check, exercise.file, mode, titles) for check in view.checks])
    return _public_only(view, counted=mode == "count")


def _with_cases(check: CheckResult) -> CheckResult:
    cases = [_without_output(case) for case in check.cases]
    return replace(check, cases=cases, smallest=_without_output(check.smallest) if check.smallest else None)


def _without_output(case: CaseResult) -> CaseResult:
    return case if case.public else replace(case, output="")


def _with_public_smallest(check: CheckResult) -> CheckResult:
    """Its smallest failing input stays where it was found from a public example, in a worker that had seen no hidden input."""
    return check if check.smallest is None or check.smallest.public else replace(check, smallest=None)


def _with_verdict(check: CheckResult, file: str, mode: Show, titles: bool) -> CheckResult:
    """The check with its public cases and one nameless hidden case that stands for all of them."""
    public, hidden = _split(check)
    if not hidden:
        return check
    worst = _first_failing(hidden) or hidden[0]
    bare = CaseResult(title="", public=False, verdict=worst.verdict)
    if mode == "claim":
        return replace(check, cases=[*public, bare], diagnosis=None)
    if worst.verdict != "passed":
        bare = replace(
            bare,
            title=_authors_title(worst) if titles else "",
            message=_safe_message(worst.message or _of_its_difference(worst.difference)),
            difference=Difference(kind=worst.difference.kind) if worst.difference else None,
            place=_safe_place(worst.place, file),
        )
    return replace(check, cases=[*public, bare])


def _authors_title(case: CaseResult) -> str:
    """The title of a case, where somebody wrote it: one that is made of its parameters tells what the input is."""
    made = any(f"{name}=" in case.title for name in case.parameters) or case.fresh
    return "" if made else case.title


def _of_its_difference(difference: Difference | None) -> Message | None:
    """The name of the sentence that a difference has, without what differs: "no gradient arrives" is told of a hidden case, too."""
    return Message(id=of_difference(difference)) if difference is not None else None


def _safe_message(message: Message | None) -> Message | None:
    if message is None:
        return None
    allowed = _SAFE_MESSAGES.get(message.id)
    if allowed is None:
        return Message(id="run.hidden-failed")
    return Message(
        id=message.id,
        values={
            name: message.values[name]
            for name, ok in allowed.items()
            if name in message.values and ok(message.values[name])
        },
    )


def _safe_place(place: Place | None, file: str) -> Place | None:
    """The line, when it is in the exercise's own file (or a cell of it): names of functions come from code objects, so from them."""
    if place is None or not 0 < place.line <= _HIGHEST_LINE:
        return None
    if place.file != file and not (place.file.startswith(file) and _CELL.fullmatch(place.file[len(file) :])):
        return None
    return Place(file=place.file, line=place.line)


def _public_only(exercise: ExerciseResult, counted: bool) -> ExerciseResult:
    """Checks judged by their public cases; the points that hidden cases decide go into one record that stands for them."""
    shown: list[CheckResult] = []
    unrun: list[CheckResult] = []
    behind: list[CheckResult] = []  # decided by hidden cases
    total = passed = 0
    for check in exercise.checks:
        public, hidden = _split(check)
        if not check.cases:  # nothing ran, so nothing says whether its cases are public: its claim is not shown
            unrun.append(check)
            continue
        if not hidden:
            shown.append(check)
            continue
        total += 1
        passed += check.verdict == "passed"
        failing = _first_failing(public)
        if failing is not None:
            shown.append(replace(check, cases=public, verdict=failing.verdict, earned=0, diagnosis=None))
            continue
        if public:
            shown.append(replace(check, cases=public, verdict="passed", points=0, earned=0, diagnosis=None))
        behind.append(check)
    bad = next((check.verdict for check in shown if check.verdict != "passed" and not check.bonus), None)
    checks = list(shown)
    if total:
        checks.append(_stands_for(behind, counted, passed, total, bool(bad)))
    pending = [check for check in unrun if check.pending]
    if pending:
        worth = sum(check.points for check in pending)
        checks.append(CheckResult(name="not-run", claim="Not run yet", points=worth, verdict=pending[0].verdict))
    if not total:
        return replace(exercise, checks=checks)
    return replace(
        exercise, checks=checks, verdict=bad or next((c.verdict for c in checks if c.verdict != "passed"), "passed")
    )


def _stands_for(behind: list[CheckResult], counted: bool, passed: int, total: int, bad: bool) -> CheckResult:
    verdict: Verdict = "skipped"
    message = Message(id="run.hidden-pending" if bad else "run.passed-public-hidden-pending")
    if counted:
        verdict = _counted_verdict([check.verdict for check in behind])
        message = Message(id="run.hidden-count", values={"passed": passed, "total": total})
    return CheckResult(
        name="hidden-cases",
        claim="Hidden cases",
        points=sum(check.points for check in behind if not check.bonus),
        verdict=verdict,
        earned=sum(check.earned for check in behind) if counted else 0,
        cases=[CaseResult(title="", public=False, verdict=verdict, message=message)],
    )


def _counted_verdict(verdicts: list[Verdict]) -> Verdict:
    if any(verdict not in PENDING and verdict != "passed" for verdict in verdicts):
        return "failed"
    return "skipped" if any(verdict in PENDING for verdict in verdicts) else "passed"


def _split(check: CheckResult) -> tuple[list[CaseResult], list[CaseResult]]:
    return [case for case in check.cases if case.public], [case for case in check.cases if not case.public]


def _first_failing(cases: list[CaseResult]) -> CaseResult | None:
    return next((case for case in cases if case.verdict != "passed"), None)


def _before_inputs(message: Message) -> bool:
    """Found while the file was read and loaded, before any input was in the process: there was nothing to tell."""
    return message.id.startswith(_BEFORE_INPUTS) or message.id in _BEFORE_INPUTS_IDS


def _exercise_message(message: Message | None, hidden: bool) -> Message | None:
    if message is None or not hidden or _before_inputs(message):
        return message
    return _safe_message(message)
