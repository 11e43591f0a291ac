"""The verdict on one observation: by comparison, or by the check's judge, who is kept from what no judge can be asked to bear.

Before a judge sees an answer, the engine has held it against the reference's in kind and shape. A judge that raises all the
same, or takes too much memory or time, is asked for the reference's own answer: if it takes that, the answer is what is wrong.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.checks.declared import Check, Rejection
from autograder.checks.rng import Rng
from autograder.experiment.time_limit import TimeUp
from autograder.lab import is_hosted
from autograder.plan import PlannedCase
from autograder.results import Difference, Message
from autograder.twin.bounded import SECONDS, is_too_dear
from autograder.twin.compare import Comparison, compare
from autograder.twin.kinds import same_kind
from autograder.twin.larger import is_cut
from autograder.twin.messages import Verdict
from autograder.twin.show import show
from autograder.wire.decode import decode
from autograder.wire.values import Lab

Parts = tuple[Any, Any]
"""What an implementation gave, and the record of the hosted value that it used (None without one)."""


def parts_of(case: PlannedCase, blob: bytes) -> Parts:
    """What an implementation gave, and the record of the hosted value, where the case has one."""
    found = decode(blob)
    return (found["value"], found["record"]) if is_hosted(case.lab) else (found, None)


def asks_for_the_reference(check: Check) -> bool:
    """Whether the check's judge is given the reference module."""
    return check.judge is not None and "reference" in inspect.signature(check.judge).parameters


def judged(
    check: Check, seen: Parts, expected: Parts, case: PlannedCase, reference: Callable[[], types.ModuleType]
) -> Verdict:
    """What is to be said of what was `seen` where the reference's is `expected`. Raises what the judge raises."""
    (value, record), (want, want_record) = seen, expected
    if check.judge is None:
        return compared(check, value, want)
    other = same_kind(value, want, shapes=check.shapes == "same")
    if other is not None:
        return Verdict(False, difference=other)
    if is_cut(value):
        return Verdict(False, message=Message(id="run.too-big", values={"what": "", "limit": ""}), untold=True)
    available: dict[str, Any] = {"seen": value, "want": want, "record": record, "want_record": want_record}
    parameters = inspect.signature(check.judge).parameters
    if "inputs" in parameters:
        available["inputs"] = _resolved(decode(case.inputs))
    if "case" in parameters:
        available["case"] = parameters_of(check, case)
    if "rng" in parameters:
        available["rng"] = Rng(int(case.seed or "0", 16)).split("judge")
    if "reference" in parameters:
        available["reference"] = reference()
    return _verdict(check.judge(**{name: available[name] for name in parameters}))


def _verdict(answer: Any) -> Verdict:
    """What a judge returned, as a verdict."""
    if answer is None or answer is True:
        return Verdict(True)
    if isinstance(answer, Rejection):
        values = {name: show(item) if not isinstance(item, str) else item for name, item in answer.values.items()}
        message = Message(id="judge.rejected", values={"sentence": answer.sentence, **values})
        return Verdict(False, message=message, timeline=answer.timeline)
    if isinstance(answer, Difference):
        return Verdict(False, difference=answer)
    if isinstance(answer, Comparison):
        return Verdict(answer.difference is None, difference=answer.difference, margin=answer.margin)
    raise TypeError(f"a judge returns None or reject(…), not {type(answer).__name__}")


def compared(check: Check, value: Any, want: Any) -> Verdict:
    """The verdict where there is no judge."""
    comparison = compare(value, want, check.tolerance)
    untold = comparison.untold and comparison.difference is not None
    return Verdict(
        comparison.difference is None, difference=comparison.difference, margin=comparison.margin, untold=untold
    )


def blamed(error: BaseException, ask_for_the_reference: Callable[[], object]) -> Verdict:
    """The verdict where looking at an answer ended with `error`: the answer's fault where the reference's own gives none."""
    try:
        ask_for_the_reference()
    except Exception as own:
        return Verdict(False, problem=f"the judge raised {_said(own)}, also for the reference's own answer")
    except TimeUp:
        return Verdict(False, problem=f"the judge takes more than {SECONDS:g} s, also for the reference's own answer")
    dear = is_too_dear(error)
    values: dict[str, object] = {"seconds": SECONDS} if dear == "time" else {} if dear else {"error": _said(error)}
    return Verdict(False, message=Message(id=f"judge.{dear or 'raised'}", values=values))


def _place(error: BaseException) -> str:
    """` at checks.py:12 in judge`: the last line of the exercise's checks in the traceback, or ""."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).name == "checks.py":
            found = f" at checks.py:{trace.tb_lineno} in {code.co_name}"
        trace = trace.tb_next
    return found


def _said(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}{_place(error)}: {error}"[:300]
    except Exception:
        return type(error).__name__


def parameters_of(check: Check, case: PlannedCase) -> dict[str, Any]:
    """What the inputs of a case were made from."""
    if case.drawn:
        return decode(case.example)
    if case.fresh:
        return check.hidden[0].parameters
    return next(each.parameters for each in (*check.public, *check.hidden) if each.title == case.title)


def _resolved(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs as a judge has them: of a hosted value what it is made of, of what differs between ranks the list."""
    from autograder.lab import EACH_RANK, HOSTED, resolve

    def one(value: Any) -> Any:
        if not isinstance(value, Lab):
            return value
        if value.name == EACH_RANK:
            return value.arguments["values"]
        return value.arguments if value.name in HOSTED else resolve(value)

    return {name: one(value) for name, value in inputs.items()}
