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
    "passed",  # right in every case
    "failed",  # it ran and gave a wrong answer, raised where the reference does not, or broke its budget
    "error",  # it could not be loaded: missing file or function, syntax error, an exception at import
    "timeout",  # it took more CPU time than the exercise allows, also when it was run again alone
    "memory",  # it asked for more memory than the exercise allows
    "crashed",  # the process died: a segmentation fault, os._exit, a kill
    "forbidden",  # it uses a name that the exercise forbids
    "blocked",  # a prerequisite exercise fails
    "skipped",  # no GPU here: points pending, not lost
    "grader-error",  # our fault: never costs points
]
Clock = Literal[
    "unknown",  # nobody
    "push",  # the server, of the push that brought the commit
    "seen",  # `collect`, which saw the commit on the server no later than this
    "commit",  # the commit itself: the student's own clock
    "platform",  # Canvas, Moodle or Gradescope, in what was downloaded from there
    "person",  # the instructor, with --times
]
REQUEST = "submission.request"
"""The message of a request for a regrade, with `exercise` and `why`."""
PENDING: frozenset[str] = frozenset({"skipped", "grader-error"})
"""Verdicts whose points are neither earned nor lost yet."""


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):  # records are in no cycles
    """Base of all records: keywords only. Fields that this version does not know are left out when they are read back."""


class Message(Record):
    """A sentence to show, as an id of `feedback/messages/<language>/` and the values that it names."""

    id: str  # area and name: `run.timeout`
    values: dict[str, Any] = {}  # theirs in part


class Call(Record):
    """A line of the student's own code from which a function was called."""

    file: str  # as the student knows it
    line: int  # from 1
    function: str = ""  # that the line is in; "" at the top level
    text: str = ""  # theirs: the source line


class Place(Record):
    """A line of the student's own code."""

    file: str  # as the student knows it; of a notebook with its cell: `tokenizer.ipynb, cell 5`
    line: int  # from 1
    function: str = ""  # "" at the top level
    text: str = ""  # theirs: the source line
    through: list[Call] = []  # theirs: the lines of their code that led there, outermost first; some of many


class Difference(Record):
    """Where and how an observation differs from the expected one: the first difference, and how much there is of it."""

    kind: Literal["type", "length", "keys", "shape", "dtype", "nonfinite", "value", "raised", "judge"]  # what differs
    path: str = ""  # theirs in part: `[2]["x.grad"]`, "" for the whole answer
    index: list[int] | None = None  # first differing index in a tensor
    got: str = ""  # theirs: what was found at that place, shortened
    want: str = ""  # what was expected at that place, shortened
    error: float | None = None  # largest absolute error
    tolerance: float | None = None  # what was allowed at the worst place
    wrong: int | None = None  # how many elements differ
    total: int | None = None  # of how many
    part: str = ""  # theirs in part: path of the list or tensor in which they are counted, "" for the whole answer
    nonfinite: dict[str, int] = {}  # theirs, where one of the two is not finite: how many are "nan", "inf", "-inf", …


class Block(Record):
    """Something that one lane of a timeline does for a while."""

    lane: int  # which lane, from 0
    start: float  # in the timeline's own unit, from 0
    end: float  # later than `start`
    label: str  # theirs in part: a few characters, as `F3`: forward of micro-batch 3
    kind: Literal["forward", "backward"] = "forward"  # its colour
    group: int = 0  # its shade: the chunk of layers that it belongs to


class Waiting(Record):
    """Where a lane of a timeline stands for ever."""

    lane: int  # which lane, from 0
    since: float  # when it came to stand there
    label: str  # theirs in part: what it would do next
    needs: str  # theirs in part: what that waits for


class Timeline(Record):
    """Lanes × time: what each device of a pipeline does when. Drawn in feedback by `feedback.timeline`."""

    lanes: list[str]  # the name of each lane
    blocks: list[Block] = []  # in any order
    waiting: list[Waiting] = []  # not empty when the schedule cannot go on: a deadlock


class CaseResult(Record):
    """One case of a check: the same experiment on the same inputs, theirs and the reference's."""

    title: str  # what is special about it
    public: bool  # shown to students and shipped with its expected values; else hidden
    verdict: Verdict  # of this case alone
    fresh: bool = False  # drawn anew for each grading run
    seed: str = ""  # fingerprint of the case's seed; replay draws the same inputs again
    parameters: dict[str, Any] = {}  # from which its inputs were made, as texts
    message: Message | None = None  # why it did not pass; None when the difference says it
    difference: Difference | None = None  # where and how the answer differs, when there was one
    inputs: dict[str, str] = {}  # what the code was given, by name, shortened
    got: str = ""  # theirs: the whole observation, shortened
    want: str = ""  # the reference's observation, shortened
    timeline: Timeline | None = None  # theirs in part: a picture of their schedule, when the judge gives one
    place: Place | None = None  # where their code raised, or was when time ran out
    output: str = ""  # theirs: what the code printed
    margin: float | None = None  # error / tolerance: 0 exact, 1 at the bound
    seconds: float = 0.0  # CPU time in the worker
    spent: dict[str, float] = {}  # of a check with a budget: how many times the "memory" or "cpu" of the reference
    observation: str = ""  # key of the stored observation


class Diagnosis(Record):
    """The known mistakes whose results equal this check's: one sentence, or several when they can't be told apart."""

    sentences: list[str]  # each what the code does and what to do instead


class CheckResult(Record):
    """One check: the claim, all or nothing."""

    name: str  # its id within the exercise
    claim: str  # one sentence about a right implementation
    points: int  # what it is worth
    verdict: Verdict  # the gravest of its cases
    earned: int = 0  # all of its points or none
    bonus: bool = False  # not needed for full marks
    device: str = "cpu"  # where it has to run
    needs: str = ""  # a package that it has to have there
    lecture: str = ""  # path of the lecture page with its anchor
    cases: list[CaseResult] = []  # public ones first; none when nothing could be run
    diagnosis: Diagnosis | None = None  # of a check that fails, when a known mistake gives the same results
    smallest: CaseResult | None = None  # of one whose examples are drawn: the smallest input found on which it fails
    self_reported: bool = False  # part of what was judged was measured inside of the jail

    @property
    def pending(self) -> int:
        return self.points if self.verdict in PENDING and not self.bonus else 0

    @property
    def counts(self) -> bool:
        """Whether the exercise passes only with this check: neither a bonus nor without points, as examples of docstrings are."""
        return self.points > 0 and not self.bonus

    @property
    def margin(self) -> float | None:
        margins = [case.margin for case in self.cases if case.margin is not None]
        return max(margins, default=None)


class Provenance(Record):
    """What makes a grade reproducible."""

    engine: str  # version of the autograder
    engine_hash: str  # of its code that decides observations and verdicts
    course_hash: str  # grading.toml
    exercise_hashes: dict[str, str] = {}  # checks, reference and lab, per exercise
    authored: dict[str, str] = {}  # of what its authors wrote alone, per exercise: the same on every machine
    secret: str = ""  # fingerprint of the course secret that seeds hidden cases
    python: str = ""  # version
    torch: str = ""  # version
    numpy: str = ""  # version
    platform: str = ""  # operating system and processor
    device: str = "cpu"  # "cuda" where GPU checks could run
    layers: list[str] = []  # isolation layers that were on
    profile: str = "default"  # of the jail: all that were used
    isolated: bool = False  # whether hidden checks could run safely: L2 or higher


class Origin(Record):
    """The run and the hand-in in which the code of an exercise ran, where they are not those of the result that it stands in."""

    run: str  # id of the grading run; fresh cases were drawn for it
    source: str  # where the submission came from, as the instructor named it
    hash: str  # SHA-256 over the files that were graded
    graded_at: str  # ISO 8601, UTC
    provenance: Provenance  # what it was graded with; of this exercise alone
    handed_in: str = ""  # when; "" when nobody knows
    clock: Clock = "unknown"  # who says so


class ExerciseResult(Record):
    """One exercise of one submission."""

    exercise: str  # "tokenizer/bpe"
    title: str  # what people read
    points: int  # of all checks without bonus
    verdict: Verdict  # "passed" when every check without bonus passed; else the gravest reason
    file: str = ""  # the file graded, as the student knows it
    file_hash: str = ""  # SHA-256 of its text; "" when it is missing
    key: str = ""  # hash of everything the result depends on; equal keys need no new run
    message: Message | None = None  # why nothing could be run
    place: Place | None = None  # the line that this is about
    checks: list[CheckResult] = []  # in the order of the exercise's file
    flags: list[Message] = []  # for a person to look at: never costs points by itself
    profile: str = "default"  # of the jail that it ran in: default, gpu or tools
    seconds: float = 0.0  # CPU time in workers
    origin: Origin | None = None  # of an exercise that was handed in or graded at another time than the rest

    @property
    def earned(self) -> int:
        return sum(check.earned for check in self.checks)

    @property
    def pending(self) -> int:
        return sum(check.pending for check in self.checks)


class Result(Record, omit_defaults=False):  # else the schema's own name would be left out
    """One graded submission."""

    submission: str  # the student's or group's id
    source: str  # where it came from, as the instructor named it
    hash: str  # SHA-256 over the files that were graded
    run: str  # id of the grading run
    graded_at: str  # ISO 8601, UTC
    provenance: Provenance  # what it was graded with
    exercises: list[ExerciseResult] = []  # in the order of the course
    problems: list[Message] = []  # of the submission as a whole: refused archive members, empty folder, …
    handed_in: str = ""  # when, ISO 8601 with its offset; "" when nobody knows
    clock: Clock = "unknown"  # who says so
    hints: dict[str, int] = {}  # theirs: how many hints of each exercise they asked for, where the course reports it
    schema: str = SCHEMA  # name and version of this schema

    @property
    def earned(self) -> int:
        return sum(exercise.earned for exercise in self.exercises)

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def pending(self) -> int:
        return sum(exercise.pending for exercise in self.exercises)

    @property
    def requests(self) -> dict[str, str]:
        """Theirs: by exercise, what they ask a person to look at again, and why. It stands among `problems`."""
        asked = [problem.values for problem in self.problems if problem.id == REQUEST]
        return {
            str(values["exercise"]): str(values["why"]) for values in asked if "exercise" in values and "why" in values
        }

    def origin_of(self, exercise: ExerciseResult) -> Origin:
        """The run and the hand-in in which the code of one of its exercises ran."""
        if exercise.origin is not None:
            return exercise.origin
        name, made = exercise.exercise, self.provenance
        hashes = {name: made.exercise_hashes[name]} if name in made.exercise_hashes else {}
        authored = {name: made.authored[name]} if name in made.authored else {}
        return Origin(
            run=self.run,
            source=self.source,
            hash=self.hash,
            graded_at=self.graded_at,
            provenance=msgspec.structs.replace(made, exercise_hashes=hashes, authored=authored),
            handed_in=self.handed_in,
            clock=self.clock,
        )


def to_json(result: Result) -> bytes:
    """Stable, readable JSON of `result`."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2)


def from_json(data: bytes) -> Result:
    """Read a result back; raises `msgspec.ValidationError` when it is not one of this schema."""
    result = msgspec.json.decode(data, type=Result)
    if result.schema != SCHEMA:
        raise msgspec.ValidationError(f"schema is {result.schema!r}; this version reads {SCHEMA!r}")
    return result
