"""Results as a class really produces them: right, wrong in many ways, broken, hostile, pending. Used by the tests of
`feedback` and `report`."""

from __future__ import annotations

import random

from autograder.results import (
    CaseResult,
    CheckResult,
    Diagnosis,
    Difference,
    ExerciseResult,
    Message,
    Place,
    Provenance,
    Result,
)

BPE_FILE = "assignments/tokenizer/bpe.py"


def provenance(isolated: bool = True) -> Provenance:
    return Provenance(
        engine="0.1.0",
        engine_hash="e3b0c442",
        course_hash="98fc1c14",
        exercise_hashes={"tokenizer/bpe": "9afbf4c8"},
        secret="5f1d7a84",
        python="3.11.9",
        torch="2.13.0",
        numpy="2.4.6",
        platform="Linux-6.18-x86_64",
        layers=["L0 process", "L1 limits", "L2 landlock", "L2 seccomp"] if isolated else ["L0 process"],
        isolated=isolated,
    )


def passing_check(
    name: str = "decode_joins", claim: str = "`decode` glues pieces and turns `</w>` into a space.", points: int = 1
) -> CheckResult:
    return CheckResult(
        name=name,
        claim=claim,
        points=points,
        verdict="passed",
        earned=points,
        lecture="lectures/tokenizer/bpe.md#decode",
        cases=[
            CaseResult(title="two words", public=True, verdict="passed", seconds=0.001),
            CaseResult(title="empty", public=False, verdict="passed", seed="77aa", seconds=0.001),
        ],
    )


def wrong_merges() -> CheckResult:
    """A discrete answer that is wrong in one place, with a diagnosis and something printed."""
    inputs = {"word_counts": "{'low': 5, 'lower': 2, 'newest': 6, 'widest': 3}", "num_merges": "5"}
    return CheckResult(
        name="merges_in_order",
        claim="Of pairs with the same count, the one with the smallest ids is merged first.",
        points=3,
        verdict="failed",
        lecture="lectures/tokenizer/bpe.md#ties",
        diagnosis=Diagnosis(
            sentences=[
                "You break ties by comparing the pair's *strings*. Compare the ids `(left, right)` that the symbols were given."
            ]
        ),
        cases=[
            CaseResult(
                title="Sennrich's words",
                public=True,
                verdict="failed",
                parameters={"num_merges": 5},
                difference=Difference(kind="value", path="[4][0]", got="'ew'", want="'n'", wrong=1, total=5),
                inputs=inputs,
                got="[('e','s'), ('es','t</w>'), ('l','o'), ('e','w'), ('ew','est</w>')]",
                want="[('e','s'), ('es','t</w>'), ('l','o'), ('e','w'), ('n','ew')]",
                output="merging ('e', 's') 9\nmerging ('es', 't</w>') 9\n",
                seconds=0.004,
            ),
            CaseResult(
                title="a corpus of ties",
                public=False,
                verdict="failed",
                seed="c0ffee",
                parameters={"words": 40},
                difference=Difference(kind="value", path="[0][1]", got="'b'", want="'a'", wrong=17, total=20),
                inputs={"word_counts": "{'ab': 3, 'ba': 3, …}"},
                got="[('a','b'), …]",
                want="[('a','a'), …]",
            ),
        ],
    )


def wrong_tensor() -> CheckResult:
    """Floats that are near but not near enough, shown as matrices."""
    return CheckResult(
        name="log_probabilities",
        claim="`viterbi` adds log-probabilities; the score of a segmentation is their sum.",
        points=2,
        verdict="failed",
        cases=[
            CaseResult(
                title="a small table",
                public=True,
                verdict="failed",
                parameters={"rows": 2, "columns": 3},
                difference=Difference(
                    kind="value",
                    path='["scores"]',
                    index=[1, 2],
                    got="0.7312",
                    want="0.7297",
                    error=0.00153,
                    tolerance=2.1e-05,
                    wrong=4,
                    total=6,
                ),
                inputs={"x": "float32 (2, 3)\n[[ 1.2, -0.3,  0.5],\n [ 0.1,  2.2, -1.7]]"},
                got="[[ 0.1203, 0.3303, 0.0012],\n [ 0.4401, 1.9984, 0.7312]]",
                want="[[ 0.1203, 0.3301, 0.0012],\n [ 0.4388, 1.9979, 0.7297]]",
                margin=72.9,
            )
        ],
    )


def raised() -> CheckResult:
    return CheckResult(
        name="empty_word",
        claim="The empty word has no pieces.",
        points=1,
        verdict="failed",
        cases=[
            CaseResult(
                title="empty",
                public=True,
                verdict="failed",
                message=Message(id="run.raised", values={"exception": "IndexError", "text": "list index out of range"}),
                inputs={"word": "''", "merges": "[]"},
                want="[]",
                place=Place(file=BPE_FILE, line=41, function="encode_word", text="    symbols[-1] += '</w>'"),
            )
        ],
    )


def not_written() -> CheckResult:
    return CheckResult(
        name="prefix_property",
        claim="The first k merges do not depend on how many are asked for.",
        points=2,
        verdict="failed",
        cases=[
            CaseResult(
                title="three of ten",
                public=True,
                verdict="failed",
                message=Message(id="run.not-written", values={"function": "train_bpe"}),
                place=Place(
                    file=BPE_FILE, line=17, function="train_bpe", text='    raise NotImplementedError("train_bpe")'
                ),
            )
        ],
    )


def hidden_only() -> CheckResult:
    return CheckResult(
        name="large_corpus",
        claim="Training keeps its pair counts up to date instead of counting anew after each merge.",
        points=2,
        verdict="timeout",
        bonus=True,
        cases=[
            CaseResult(
                title="3000 distinct words",
                public=False,
                verdict="timeout",
                seed="feedbeef",
                message=Message(id="run.timeout", values={"seconds": 10}),
                place=Place(file=BPE_FILE, line=22, function="train_bpe", text="        for word in words:"),
            )
        ],
    )


def gpu_check() -> CheckResult:
    return CheckResult(
        name="on_the_gpu",
        claim="The same scores come out on the GPU.",
        points=1,
        verdict="skipped",
        device="cuda",
        cases=[CaseResult(title="", public=True, verdict="skipped", message=Message(id="run.skipped-no-gpu"))],
    )


def bpe(checks: list[CheckResult] | None = None) -> ExerciseResult:
    """An exercise with a bit of everything."""
    checks = (
        checks
        if checks is not None
        else [passing_check(), wrong_merges(), raised(), wrong_tensor(), not_written(), hidden_only(), gpu_check()]
    )
    return ExerciseResult(
        exercise="tokenizer/bpe",
        title="Byte-pair encoding",
        points=sum(check.points for check in checks if not check.bonus),
        verdict="failed" if any(check.verdict == "failed" for check in checks) else "passed",
        file=BPE_FILE,
        file_hash="0cc175b9",
        key="92eb5ffe",
        checks=checks,
        seconds=0.4,
    )


def broken() -> ExerciseResult:
    return ExerciseResult(
        exercise="tokenizer/bbpe",
        title="Byte-level BPE",
        points=12,
        verdict="error",
        file="assignments/tokenizer/bbpe.py",
        message=Message(id="run.load-syntax", values={"text": "'(' was never closed"}),
        place=Place(file="assignments/tokenizer/bbpe.py", line=33, text="    return bytes(text.encode("),
    )


def perfect(exercise: str = "warmup/logsumexp", title: str = "Log-sum-exp", points: int = 4) -> ExerciseResult:
    return ExerciseResult(
        exercise=exercise,
        title=title,
        points=points,
        verdict="passed",
        file=f"assignments/{exercise}.py",
        checks=[passing_check("shifts", "Adding a constant to every score adds it to the result.", points)],
    )


def result(submission: str = "ada", exercises: list[ExerciseResult] | None = None, isolated: bool = True) -> Result:
    return Result(
        submission=submission,
        source=f"submissions/{submission}",
        hash="d41d8cd98f00b204",
        run="2026-02-01T10-00-00",
        graded_at="2026-02-01T10:00:00Z",
        provenance=provenance(isolated),
        exercises=exercises if exercises is not None else [perfect(), bpe(), broken()],
    )


CLASS_EXERCISES = [
    ("warmup/logsumexp", "Log-sum-exp", 4),
    ("warmup/entropy", "Entropy and perplexity", 4),
    ("tokenizer/bpe", "Byte-pair encoding", 10),
    ("tokenizer/bbpe", "Byte-level BPE", 12),
    ("tokenizer/wordpiece_train", "WordPiece: training", 8),
    ("tokenizer/wordpiece_encode", "WordPiece: encoding", 8),
    ("tokenizer/sentencepiece_unigram", "SentencePiece: unigram", 10),
]
NAMES = [
    "ada",
    "alan",
    "barbara",
    "claude",
    "dennis",
    "edsger",
    "frances",
    "grace",
    "hedy",
    "john",
    "karen",
    "leslie",
    "margaret",
    "niklaus",
    "王小云",
]
_MISTAKES = [
    "You apply the merges greedily, longest first. Apply them by *rank*: the lowest rank that occurs, everywhere, then the next.",
    "You forgot `</w>`, so a word's end is the same as its middle.",
    "Pairs are counted across word boundaries. Count inside each word only.",
]


def class_results(names: list[str] | None = None, isolated: bool = True) -> list[Result]:
    """A class on seven exercises, drawn from a fixed seed: the good do well everywhere, as in life."""
    rng = random.Random(7)
    results = []
    for name in names or NAMES:
        skill = rng.uniform(0.3, 1.0)
        exercises = [_drawn_exercise(rng, skill, *row) for row in CLASS_EXERCISES]
        results.append(result(name, exercises, isolated))
    return results


def _drawn_exercise(rng: random.Random, skill: float, exercise: str, title: str, points: int) -> ExerciseResult:
    file = f"assignments/{exercise}.py"
    if rng.random() > skill + 0.35:
        return ExerciseResult(
            exercise=exercise, title=title, points=points, verdict="error", file=file,
            message=Message(id="run.missing-function", values={"name": "encode", "file": file}),
        )  # fmt: skip
    worth = [points // 4, points // 4, points - 2 * (points // 4)]
    checks = [_drawn_check(rng, skill, number, worth[number], title) for number in range(3)]
    if exercise == "tokenizer/sentencepiece_unigram":
        checks.append(gpu_check())
        checks[0] = _drawn_check(rng, skill, 0, worth[0] - 1, title)
    verdict = (
        "failed"
        if any(check.verdict == "failed" for check in checks)
        else "skipped"
        if any(c.pending for c in checks)
        else "passed"
    )
    flags = [Message(id="run.forbidden", values={"name": "tokenizers", "line": 3})] if rng.random() > 0.95 else []
    return ExerciseResult(
        exercise=exercise,
        title=title,
        points=points,
        verdict=verdict,
        file=file,
        checks=checks,
        flags=flags,
        seconds=0.2,
    )


def _drawn_check(rng: random.Random, skill: float, number: int, points: int, title: str) -> CheckResult:
    passed = rng.random() < skill + 0.15 - 0.15 * number
    margin = round(rng.random() ** 3 if passed else rng.uniform(1.2, 4000), 4)
    message = None if passed else Message(id="compare.value", values={"wrong": rng.randrange(1, 9), "total": 9})
    return CheckResult(
        name=["shapes", "values", "edge_cases"][number],
        claim=f"{title}: "
        + ["the result has the right shape.", "the values are right.", "nothing breaks on *empty* input."][number],
        points=points,
        verdict="passed" if passed else "failed",
        earned=points if passed else 0,
        diagnosis=None if passed or rng.random() < 0.4 else Diagnosis(sentences=[rng.choice(_MISTAKES)]),
        cases=[
            CaseResult(title="small", public=True, verdict="passed", margin=margin / 2 if passed else 0.0),
            CaseResult(
                title="large",
                public=False,
                verdict="passed" if passed else "failed",
                message=message,
                margin=margin,
                seed="ab12",
            ),
        ],
    )
