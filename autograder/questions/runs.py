"""Running a file, and changes of it, on calls: in workers of the jail, with everything that comes back held to a schema and bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from msgspec import structs

from autograder.checks.declared import Tolerance
from autograder.grading.asking import Clock, Code, RunLimits
from autograder.grading.runner import Session
from autograder.plan import Plan, PlannedCase, PlannedCheck
from autograder.questions import watch
from autograder.questions.calls import Call, size_of
from autograder.questions.printed import printed
from autograder.twin.compare import compare
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.values import BadValue, Cut, Drawn, Lab, Raised, Unsupported

SECONDS = 2.0
"""CPU time of one call: who waits for questions does not want to wait for the slowest."""
ALL_SECONDS = 90.0
"""Time of all calls of one sheet together."""
MOST_BYTES = 2 * 2**20  # of the answer of one call
MOST_ITEMS = 3000  # in lists and dicts
VISIBLE = Tolerance(atol=2e-3, rtol=2e-2)
"""Two results that differ by more differ for a person too."""

NAME = "questions_ask"
_EXPERIMENT = """

_questions_watch = {{"__name__": "questions_watch"}}
exec(compile({watch!r}, "watch.py", "exec", dont_inherit=True), _questions_watch)


def questions_ask(student, questions_about, **given):
    return _questions_watch["watched"](student, questions_about, given, globals())
"""
"""Is added to the experiments of a plan."""

Variable = tuple[int, str]


@dataclass(frozen=True)
class Seen:
    """What came of a call: a value or what was raised, which lines ran how often, and what variables held."""

    value: Any  # plain data; `Raised` where the call raised
    blob: bytes  # the same: equal blobs are equal results
    text: str | None  # on one line, where it fits
    lines: Mapping[int, int] = field(default_factory=dict)
    held: Mapping[Variable, Sequence[dict[str, Any]]] = field(default_factory=dict)

    @property
    def told(self) -> dict[Variable, list[Any]]:
        """What variables held, as far as a question tells it."""
        return {key: [each.get("text", each.get("shape")) for each in values] for key, values in self.held.items()}

    @property
    def raised(self) -> bool:
        return isinstance(self.value, Raised)

    def same(self, other: Seen) -> bool:
        """Whether both are the same result, to the last digits that anybody looks at, and are written alike: 0 is not -0 there."""
        return self.blob == other.blob or (self.text == other.text and self._difference(other, None) is None)

    def differs(self, other: Seen) -> bool:
        """Whether a person sees that they are two results. Neither this nor `same`: nobody should be asked."""
        if self._difference(other, VISIBLE) is None:
            return False
        return self.text is None or self.text != other.text

    def _difference(self, other: Seen, tolerance: Tolerance | None) -> Any:
        return compare(other.value, self.value, tolerance).difference


@dataclass
class Runs:
    """Runs one student's file, and changes of it, on calls."""

    zygote: Any
    plan: Plan
    code: Code
    limits: RunLimits
    variables: list[Variable] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(ALL_SECONDS))

    def __post_init__(self) -> None:
        self.limits = replace(self.limits, cpu_seconds=min(self.limits.cpu_seconds, SECONDS))
        watching = Path(watch.__file__).read_text(encoding="utf-8")
        experiments = self.plan.experiments + _EXPERIMENT.format(watch=watching)
        self._check = PlannedCheck(name=NAME, claim="", points=0)
        # As many cases as may run in one worker: its own limit follows from their number.
        self._check.cases = [PlannedCase(title="", public=True)] * 10
        self._plan = structs.replace(self.plan, experiments=experiments, checks=[self._check])

    @property
    def over(self) -> bool:
        return self.clock.over

    def loads(self) -> bool:
        """Whether the file can be read and loaded: Python's own parser looks at it in a worker first, since it can be taken down."""
        with Session(self.zygote, self._plan, self.code, self.limits, clock=self.clock) as session:
            return session.load() is None

    def observe(self, source: str, calls: Iterable[Call], torch_seed: int = 0) -> dict[str, Seen]:
        """What `source` gives for each call, by its key, in one fresh worker. What can't be asked about is left out: no answer in
        time, one that is cut, or what can't be sent."""
        found: dict[str, Seen] = {}
        code = Code(source, self.code.file, self.code.forbidden)
        with Session(
            self.zygote, self._plan, code, self.limits, torch_seed, clock=self.clock, max_timeouts=1
        ) as session:
            for call in calls:
                outcome = session.run(self._check, self._case(call))
                if outcome.verdict is not None:
                    if session.timeouts or outcome.verdict not in ("failed", "passed", "error"):
                        break  # it hangs, or was ended: what it would say next is not worth the time
                    continue
                seen = None if outcome.changed else read(outcome.value)
                if seen is not None:
                    held = {each: values for each, values in seen.held.items() if each in self.variables}
                    found[call.key] = replace(seen, held=held)
        return found

    def _case(self, call: Call) -> PlannedCase:
        about = {**call.about, "variables": [list(each) for each in self.variables]}
        # `want` says how large an answer may be, and nothing else: there is no expected one.
        want = bytes(min(size_of(call), MOST_BYTES // 4))
        return PlannedCase(
            title=call.key, public=True, inputs=encode({"questions_about": about, **call.inputs}), want=want
        )


def read(blob: bytes) -> Seen | None:
    """What a worker says of a call, held to what `watch` sends; None for what is not that, or is no result to ask about."""
    if len(blob) > MOST_BYTES:
        return None
    try:
        said = decode(blob)
    except BadValue:
        return None
    if type(said) is not dict or not {"lines", "held"} <= said.keys():
        return None
    if "raised" in said:
        name = said["raised"]
        if type(name) is not str or len(name) > 40 or not (name.isascii() and name.isidentifier()):
            return None
        value: Any = Raised(name)
    elif "value" in said:
        value = said["value"]
    else:
        return None
    if not _is_whole(value) or _items(value) > MOST_ITEMS:
        return None
    try:
        return Seen(value, encode(value), printed(value), _lines(said["lines"]), _held(said["held"]))
    except (BadValue, RecursionError, ValueError):
        return None


def _is_whole(value: Any, depth: int = 0) -> bool:
    """Whether all of a value is there: nothing cut off, nothing that is only known by its type."""
    if isinstance(value, Cut | Unsupported | Lab | Drawn) or depth > 8:
        return False
    if isinstance(value, torch.Tensor):
        return not value.is_complex()
    if isinstance(value, dict):
        return all(_is_whole(each, depth + 1) for pair in value.items() for each in pair)
    return not isinstance(value, list | tuple | set | frozenset) or all(_is_whole(each, depth + 1) for each in value)


def _items(value: Any) -> int:
    """How many values are in it: comparing takes a time for each."""
    parts: Any = ()
    if isinstance(value, dict):
        parts = [each for pair in value.items() for each in pair]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = value
    return 1 + sum(map(_items, parts))


def _lines(said: Any) -> dict[int, int]:
    if type(said) is not dict:
        return {}
    found = {line: count for line, count in said.items() if type(line) is int and type(count) is int}
    return found if len(found) <= MOST_ITEMS else {}


def _held(said: Any) -> dict[Variable, list[dict[str, Any]]]:
    """By line and name, the values that a variable held; each with its "shape", its "text", or neither."""
    found: dict[Variable, list[dict[str, Any]]] = {}
    for key, values in said.items() if type(said) is dict else ():
        line, _, name = key.partition(" ") if type(key) is str else ("", "", "")
        if not (line.isdecimal() and len(line) <= 6 and name.isidentifier()) or type(values) is not list:
            continue
        found[int(line), name] = [_one_held(each) for each in values[: watch.MOST_VALUES]]
    return found


def _one_held(said: Any) -> dict[str, Any]:
    if type(said) is not dict:
        return {}
    shape = said.get("shape")
    if type(shape) is list:
        return {"shape": tuple(shape)} if len(shape) <= 8 and all(type(each) is int for each in shape) else {}
    if "plain" not in said or not _is_whole(said["plain"]):
        return {}
    text = printed(said["plain"])
    return {} if text is None else {"text": text, "plain": said["plain"]}
