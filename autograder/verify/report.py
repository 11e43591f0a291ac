"""What verify found out about an exercise: what became of each implementation that was tried, and what that says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from autograder.source.sentences import Coverage
from autograder.twin import docstrings
from autograder.twin.messages import Examined, Loose
from autograder.verify.general.report import GeneralReport
from autograder.verify.mutant_report import MutantReport
from autograder.verify.seeds import Drawn
from autograder.verify.trial import Trial


@dataclass
class Report:
    """What verify found out about one exercise."""

    exercise: str
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # what an author should see, and may leave
    trials: list[Trial] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    points: int = 0
    brief: bool = False  # a sample was tried; its certificate says what came of the whole
    budgets: dict[str, dict[str, float]] = field(default_factory=dict)  # of checks that have one
    mutants: MutantReport | None = None  # when they were tried
    general: GeneralReport | None = None
    drawn: Drawn | None = None  # right answers under other secrets, when they were tried
    coverage: Coverage = field(default_factory=Coverage)  # which sentences of the docstrings its checks cite

    @property
    def good(self) -> bool:
        return not self.problems

    def of(self, kind: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.kind == kind]

    def only_killer(self) -> dict[str, int]:
        """For each check, how many mistakes it alone rejects."""
        alone = [failing[0] for failing in (trial.failing() for trial in self.of("mistake")) if len(failing) == 1]
        return {check: alone.count(check) for check in self.checks}

    def honest_error(self, check: str) -> float | None:
        """The largest error of a right answer, in units of the tolerance; None where everything is compared exactly."""
        right = (*self.of("reference"), *self.of("alternative"))
        errors = [trial.margins[check] for trial in right if check in trial.margins]
        if self.drawn is not None and check in self.drawn.worst:
            errors.append(self.drawn.worst[check].error)
        return max(errors, default=None)

    def dishonest_error(self, check: str) -> float | None:
        """The smallest error for which a mistake is rejected; None where none is rejected for its numbers."""
        wrong = (trial for trial in self.of("mistake") if check in trial.failing())
        return min((trial.margins[check] for trial in wrong if trial.margins.get(check, 0.0) > 1), default=None)


TOO_LOOSE, LOOSE_IN_A_JUDGE = 1000.0, 100.0
"""Times the largest error of a right answer, and times the usual tolerance, that need a reason."""
LOOSE = 1e-3
"""What a judge's tolerance may be without a reason: how near right answers come to it is not known."""
WELL_INSIDE = 0.8
"""The share of its budget that no right answer may need more than: another machine measures a little differently."""


def problems_of(report: Report) -> list[str]:
    """What the trials say, as problems."""
    problems = []
    for trial in report.trials:
        failing = trial.failing()
        expected = set(trial.expected)
        errors = [name for name, verdict in trial.verdicts.items() if verdict == "grader-error"]
        if errors:
            problems.append(f"{trial.kind} “{trial.name}”: a judge raised: {trial.reasons.get(errors[0], errors[0])}")
        if trial.kind in ("stub", "forger") and trial.earned:
            problems.append(
                f"{trial.kind} “{trial.name}” earns {trial.earned} points, from {', '.join(trial.passed())}"
            )
        elif trial.kind == "stub" and any(verdict == "error" for verdict in trial.verdicts.values()):
            problems.append("the stub can't be imported")
        elif trial.kind == "reference" and failing:
            problems.append(f"{trial.name} fails {failing[0]}: {trial.reasons.get(failing[0], '')}")
        elif trial.kind == "mistake" and not failing:
            problems.append(f"no check rejects the mistake “{trial.name}”")
        elif trial.kind == "mistake" and expected - set(failing):
            problems.append(f"the mistake “{trial.name}” should fail {', '.join(sorted(expected - set(failing)))}")
        elif trial.used_by and set(failing) - expected - {docstrings.NAME}:
            more = ", ".join(sorted(set(failing) - expected - {docstrings.NAME}))
            problems.append(
                f"the convention of {trial.used_by} (“{trial.name}”) costs {more} too; no check but {', '.join(expected)} "
                "may hang on it"
            )
        elif trial.kind == "alternative" and not trial.accepted():
            name = next(name for name in failing if name not in expected)
            problems.append(f"the alternative “{trial.name}” is right, but fails {name}: {trial.reasons.get(name, '')}")
        if trial.kind == "cheat" and "forbidden" not in trial.verdicts.values():
            problems.append(f"the cheat “{trial.name}” is not refused: add what it uses to `forbid` in grading.toml")
        if trial.kind == "mistake" and failing and not trial.crashes and set(trial.crashed) >= set(failing):
            name = failing[0]
            problems.append(
                f"nothing but an exception rejects the mistake “{trial.name}” (in {name}: {trial.crashed[name]}); mend it, "
                "or say crashes=True where raising is what it does wrong"
            )
    problems += _near_budgets(report)
    if not report.of("mistake"):
        problems.append("it lists no mistakes, so nothing shows that its checks reject anything")
    if not report.of("alternative"):
        problems.append("it lists no alternatives, so nothing shows that its checks accept other right answers")
    return problems


def warnings_of(report: Report) -> list[str]:
    """What the trials say that may be left as it is."""
    unseen = [trial.name for trial in report.of("mistake") if trial.failing() and not trial.public]
    return [f"no public case shows the mistake “{name}”: who makes it sees nothing" for name in unseen]


def too_loose(report: Report, loose: list[Loose]) -> list[str]:
    """Tolerances that are far from what right answers need: a thousand times the largest error of the reference and of the
    alternatives."""
    problems = []
    for each in loose:
        said = f"check {each.check}: its tolerance (atol={each.atol:g}, rtol={each.rtol:g})"
        right = [*report.of("reference"), *report.of("alternative")]
        if not any(trial.verdicts.get(each.check) == "passed" for trial in right):
            continue  # no device here: nothing was measured
        wrong = [trial for trial in report.of("mistake") if trial.margins.get(each.check)]
        honest = max((trial.margins.get(each.check, 0.0) for trial in right), default=0.0)
        nearest = min(
            (
                (trial.margins[each.check], trial.name)
                for trial in wrong
                if trial.margins[each.check] > max(honest, 1e-9)
            ),
            default=None,
        )
        beside = f"; the nearest mistake is off by {nearest[0]:.2g} of it (“{nearest[1]}”)" if nearest else ""
        if each.judged and each.times > LOOSE_IN_A_JUDGE and max(each.atol, each.rtol) > LOOSE:
            problems.append(
                f'{said}, in its judge, is {each.times:.0f} times the usual one{beside}; say why="…" in it, or tighten it'
            )
        elif not each.judged and honest * TOO_LOOSE < 1:
            share = (
                f"{1 / honest:.0f} times the largest error of a right answer" if honest else "of use to no right answer"
            )
            problems.append(f'{said} is {share}{beside}; say why="…" in it, or tighten it')
        elif nearest and nearest[0] <= 1 and nearest[0] > 10 * honest:
            problems.append(
                f"{said} lets a mistake pass here{beside}; the largest error of a right answer is {honest:.2g} of it"
            )
    return problems


def _near_budgets(report: Report) -> list[str]:
    """Right answers that come near to a bound, and wasteful ones that hardly break it."""
    problems = []
    for check, budget in report.budgets.items():
        for name, bound in budget.items():
            for trial in (*report.of("reference"), *report.of("alternative")):
                ratio = trial.spent.get(check, {}).get(name, 0.0)
                if WELL_INSIDE * bound < ratio <= bound and check not in trial.failing():
                    problems.append(
                        f"check {check}: {trial.kind} “{trial.name}” needs {ratio:.3g}× the reference's {name}, too near to "
                        f"the bound {bound:g}×; right answers stay below {WELL_INSIDE * bound:.3g}×"
                    )
    return problems


def remembered(path: Path) -> tuple[list[Trial], list[str], Examined] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        examined = msgspec.convert(data["examined"], Examined)
        return [Trial(**trial) for trial in data["trials"]], list(data["unstable"]), examined
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, trials: list[Trial], unstable: list[str], examined: Examined) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    data = {"trials": [asdict(trial) for trial in trials], "unstable": unstable}
    data["examined"] = msgspec.to_builtins(examined)
    temporary.write_text(json.dumps(data), encoding="utf-8")
    temporary.replace(path)
