"""The result of grading one submission: one schema, versioned, from which every report is made.

Everything that a report, an export or a regrade needs is in these records, in plain data; nothing here imports torch.
`Result` is what is stored and exported as JSON (`msgspec.json.encode`); `docs/results.md` describes every field.

Texts that a student's code may have influenced are marked *theirs* below. They are escaped wherever they are shown,
and `feedback.policy` removes them from what students see of hidden cases.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA = "llm-internals/result/1"

Verdict = Literal[
    "passed",
    "failed",  # it ran and gave a wrong answer, or raised where the reference does not
    "error",  # it could not be loaded: missing file or function, syntax error, an exception at import
    "timeout",
    "memory",
    "crashed",  # the process died: a segmentation fault, os._exit, a kill
    "forbidden",  # it uses a name that the exercise forbids
    "blocked",  # a prerequisite exercise fails
    "skipped",  # no GPU here: points pending, not lost
    "grader-error",  # our fault: never costs points
]
PENDING: frozenset[str] = frozenset({"skipped", "grader-error"})
"""Verdicts whose points are neither earned nor lost yet."""


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of all records: keywords only, unknown fields refused when read back."""


class Message(Record):
    """A sentence to show, as an id of `feedback/messages/<language>.toml` and the values that it names."""

    id: str
    values: dict[str, Any] = {}


class Place(Record):
    """A line of the student's own code."""

    file: str
    line: int
    function: str = ""
    text: str = ""  # theirs: the source line


class Difference(Record):
    """Where and how an observation differs from the expected one: the first difference, and how much there is of it."""

    kind: Literal["type", "length", "keys", "shape", "dtype", "nonfinite", "value", "raised", "judge"]
    path: str = ""  # theirs in part: `[2]["x.grad"]`, "" for the whole answer
    index: list[int] | None = None  # first differing index in a tensor
    got: str = ""  # theirs: what was found at that place, shortened
    want: str = ""  # what was expected at that place, shortened
    error: float | None = None  # largest absolute error
    tolerance: float | None = None  # what was allowed at the worst place
    wrong: int | None = None  # how many elements differ
    total: int | None = None  # of how many


class CaseResult(Record):
    """One case of a check: the same experiment on the same inputs, theirs and the reference's."""

    title: str
    public: bool
    verdict: Verdict
    fresh: bool = False
    seed: str = ""  # fingerprint of the case's seed; replay draws the same inputs again
    parameters: dict[str, Any] = {}
    message: Message | None = None
    difference: Difference | None = None
    inputs: dict[str, str] = {}  # shortened
    got: str = ""  # theirs: the whole observation, shortened
    want: str = ""
    place: Place | None = None  # where their code raised, or was when time ran out
    output: str = ""  # theirs: what the code printed
    margin: float | None = None  # error / tolerance: 0 exact, 1 at the bound
    seconds: float = 0.0  # CPU time in the worker
    observation: str = ""  # key of the stored observation


class Diagnosis(Record):
    """The known mistakes whose results equal this check's: one sentence, or several when they can't be told apart."""

    sentences: list[str]


class CheckResult(Record):
    """One check: the claim, all or nothing."""

    name: str
    claim: str
    points: int
    verdict: Verdict
    earned: int = 0
    bonus: bool = False
    device: str = "cpu"
    lecture: str = ""  # path of the lecture page with its anchor
    cases: list[CaseResult] = []
    diagnosis: Diagnosis | None = None
    self_reported: bool = False

    @property
    def pending(self) -> int:
        return self.points if self.verdict in PENDING and not self.bonus else 0

    @property
    def margin(self) -> float | None:
        margins = [case.margin for case in self.cases if case.margin is not None]
        return max(margins, default=None)


class ExerciseResult(Record):
    """One exercise of one submission."""

    exercise: str  # "tokenizer/bpe"
    title: str
    points: int
    verdict: Verdict  # "passed" when every check without bonus passed; else the gravest reason
    file: str = ""  # the file graded, as the student knows it
    file_hash: str = ""  # SHA-256 of its text; "" when it is missing
    key: str = ""  # hash of everything the result depends on; equal keys need no new run
    message: Message | None = None  # why nothing could be run
    place: Place | None = None
    checks: list[CheckResult] = []
    flags: list[Message] = []  # for a person to look at: never costs points by itself
    seconds: float = 0.0

    @property
    def earned(self) -> int:
        return sum(check.earned for check in self.checks)

    @property
    def pending(self) -> int:
        return sum(check.pending for check in self.checks)


class Provenance(Record):
    """What makes a grade reproducible."""

    engine: str  # version of the autograder
    engine_hash: str
    course_hash: str  # grading.toml
    exercise_hashes: dict[str, str] = {}  # checks, reference and lab, per exercise
    secret: str = ""  # fingerprint of the course secret that seeds hidden cases
    python: str = ""
    torch: str = ""
    numpy: str = ""
    platform: str = ""
    device: str = "cpu"
    layers: list[str] = []  # isolation layers that were on
    profile: str = "default"
    isolated: bool = False


class Result(Record, omit_defaults=False):  # else the schema's own name would be left out
    """One graded submission."""

    submission: str  # the student's or group's id
    source: str  # where it came from, as the instructor named it
    hash: str  # SHA-256 over the files that were graded
    run: str  # id of the grading run
    graded_at: str  # ISO 8601, UTC
    provenance: Provenance
    exercises: list[ExerciseResult] = []
    problems: list[Message] = []  # of the submission as a whole: refused archive members, empty folder, …
    schema: str = SCHEMA

    @property
    def earned(self) -> int:
        return sum(exercise.earned for exercise in self.exercises)

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def pending(self) -> int:
        return sum(exercise.pending for exercise in self.exercises)


def to_json(result: Result) -> bytes:
    """Stable, readable JSON of `result`."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2)


def from_json(data: bytes) -> Result:
    """Read a result back; raises `msgspec.ValidationError` when it is not one of this schema."""
    result = msgspec.json.decode(data, type=Result)
    if result.schema != SCHEMA:
        raise msgspec.ValidationError(f"schema is {result.schema!r}; this version reads {SCHEMA!r}")
    return result
