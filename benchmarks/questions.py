"""How many questions can be asked of right answers: all references and alternatives, each with the sheet that staff would get.

    python benchmarks/questions.py [--every N] [--first N] [--alternatives N] [--record FILE]

Each key that is about a call of an example is computed once more here, in plain Python, from nothing but what is printed: the file,
the line that is changed, and the call. What is done is kept in the record, and not done again while the code and the file are the same.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import os
import re
import signal
import sys
import time
import types
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from autograder.course.config import Exercise
from autograder.course.load import load_course
from autograder.grading.asking import Code, RunLimits
from autograder.grading.student import expected_plan
from autograder.jail.host import Zygote
from autograder.plan import load_plan
from autograder.questions.make import Sheet, make_sheet
from autograder.questions.printed import printed
from autograder.questions.question import Question
from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).resolve().parent.parent
SEED, COUNT = 7, 5
SECONDS = 20  # for one key in plain Python


def sources(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """The reference and the alternatives of an exercise, by a name."""
    folder = exercise.solution_dir(ROOT)
    yield "reference", (folder / "solution.py").read_text("utf-8")
    for number, each in enumerate(load_exercise(folder, exercise.name).alternatives, 1):
        yield f"alternative {number}", each.source


def engine() -> str:
    total = hashlib.sha256()
    for path in sorted((ROOT / "autograder" / "questions").glob("*.py")):
        if path.name not in ("quiz.py", "sheet.py"):  # what a sheet looks like
            total.update(path.read_bytes())
    return total.hexdigest()


# --- a second opinion: plain Python ---


def module(text: str, name: str) -> dict[str, Any]:
    made = types.ModuleType(name)
    sys.modules[name] = made
    exec(compile(text, f"{name}.py", "exec", dont_inherit=True), made.__dict__)
    return made.__dict__


def given(text: str, lines: list[str]) -> str:
    """What the last line gives, printed."""
    names = {**module(text, "opinion"), "torch": torch, "tensor": torch.tensor, "math": math}
    try:
        exec("\n".join(lines[:-1]), names)
        value = eval(lines[-1], names)
    except Exception as error:
        return f"raises {type(error).__name__}"
    value = tuple(value) if isinstance(value, torch.Size) else value
    return printed(value) or repr(value)


def changed(text: str, line: int, new: str) -> str:
    rows = text.split("\n")
    indent = rows[line - 1][: len(rows[line - 1]) - len(rows[line - 1].lstrip())]
    return "\n".join([*rows[: line - 1], indent + new, *rows[line:]])


def confirmed(sheet: Sheet, question: Question) -> bool | None:
    """Whether plain Python comes to the same key; None where it is not asked: the call is an experiment's, or the question about a line."""
    whole = [*question.code, *(line for choice in question.choices for line in choice.text.split("\n"))]
    if any(
        "student." in line or line.startswith("return ") or ("<" in line and "tensor of shape" in line)
        for line in whole
    ):
        return None
    after = changed(sheet.text, question.line, question.new) if question.new else sheet.text
    if question.kind in ("returns", "becomes"):
        return given(after, list(question.code)) == question.choices[question.answer].text
    if question.kind in ("another", "same"):
        calls = [_filled(question.code, choice.text) for choice in question.choices]
        differs = [given(sheet.text, call) != given(after, call) for call in calls]
        wanted = question.kind == "another"
        return all(each == (wanted == (index == question.answer)) for index, each in enumerate(differs))
    if question.kind == "which":
        (before, wanted) = (text for kind, text in question.asks if kind == "code")
        said = [re.fullmatch(r"line (\d+) becomes (.*)", choice.text) for choice in question.choices]
        results = [given(changed(sheet.text, int(each[1]), each[2]), list(question.code)) for each in said if each]
        right = [index for index, each in enumerate(results) if each == wanted]
        return given(sheet.text, list(question.code)) == before and right == [question.answer]
    return None


def _filled(code: tuple[str, ...], choice: str) -> list[str]:
    """The lines of a call: those that all choices share, with the choice's own in the place of the dots."""
    if not code:
        return choice.split("\n")
    place = code.index("…")
    return [*code[:place], *choice.split("\n"), *code[place + 1 :]]


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def opinion(sheet: Sheet, question: Question) -> str:
    try:
        with at_most(SECONDS):
            said = confirmed(sheet, question)
    except (Exception, TimeoutError) as error:
        return f"not asked: {type(error).__name__}"
    return {True: "confirmed", False: "contradicted", None: "not asked"}[said]


# --- counting ---


def measured(zygote: Zygote, exercise: Exercise, text: str) -> dict[str, Any]:
    limits = exercise.limits
    code = Code(text, f"assignments/{exercise.name}.py", exercise.forbid)
    run_limits = RunLimits(limits.cpu_seconds, limits.wall_factor, limits.memory_mb, limits.output_kb)
    began = time.perf_counter()
    sheet = make_sheet(zygote, load_plan(expected_plan(ROOT, exercise)), code, run_limits, SEED, count=COUNT)
    seconds = time.perf_counter() - began
    opinions = {question: opinion(sheet, question) for question in sheet.questions}
    for question, said in opinions.items():
        if said == "contradicted":
            print(f"CONTRADICTED: {exercise.name}: {question.kind} {question.code} {question.asks} {question.choices}")
    return {
        "questions": len(sheet.questions),
        "kinds": [question.kind for question in sheet.questions],
        "choices": [len(question.choices) for question in sheet.questions],
        "answers": [question.letter for question in sheet.questions],
        "opinions": list(opinions.values()),
        "calls": sheet.calls,
        "changes": sheet.changes,
        "left_out": dict(sheet.left_out),
        "problem": sheet.problem,
        "seconds": round(seconds, 2),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--every", type=int, default=1, help="take every Nth exercise")
    options.add_argument("--first", type=int, default=0, help="the number of the first exercise, from 0")
    options.add_argument("--alternatives", type=int, help="of each exercise at most; by default all")
    options.add_argument("--record", type=Path, default=ROOT / ".autograder" / "questions.jsonl")
    chosen = options.parse_args()
    record, made_by, most = chosen.record, engine(), chosen.alternatives
    record.parent.mkdir(parents=True, exist_ok=True)
    lines = record.read_text("utf-8").splitlines() if record.exists() else []
    known = {row["key"]: row for row in map(json.loads, lines)}
    rows: list[dict[str, Any]] = []
    exercises = load_course(ROOT).exercises[chosen.first :: chosen.every]
    with Zygote() as zygote, record.open("a", encoding="utf-8") as file:
        for exercise in exercises:
            for name, text in islice(sources(exercise), None if most is None else 1 + most):
                key = hashlib.sha256(f"{made_by} {exercise.name} {text}".encode()).hexdigest()
                row = known.get(key)
                if row is None:
                    row = {"key": key, "exercise": exercise.name, "source": name, **measured(zygote, exercise, text)}
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                rows.append(row)
                print(f"{row['exercise']:34} {name:15} {row['questions']}  {' '.join(row['kinds'])}", flush=True)
    show(rows, len(exercises))


def show(rows: list[dict[str, Any]], exercises: int) -> None:
    def total(name: str) -> Counter[str]:
        return Counter(each for row in rows for each in row[name])

    print(
        f"\n{exercises} exercises, {len(rows)} files (references: {sum(row['source'] == 'reference' for row in rows)})"
    )
    for kind, chosen in (("references", True), ("alternatives", False)):
        counts = Counter(row["questions"] for row in rows if (row["source"] == "reference") == chosen)
        print(
            f"questions of {kind}: "
            + ", ".join(f"{count} × {number}" for number, count in sorted(counts.items(), reverse=True))
        )
    for name in ("kinds", "choices", "answers", "opinions"):
        print(f"{name}: " + ", ".join(f"{each} {count}" for each, count in total(name).most_common()))
    left: Counter[str] = Counter()
    for row in rows:
        left.update(row["left_out"])
    print("left out:")
    for reason, count in left.most_common():
        print(
            f"  {count:6} {reason} (in {sum(reason in row['left_out'] and row['left_out'][reason] > 0 for row in rows)} files)"
        )
    calls, changes = (sum(row[name] for row in rows) for name in ("calls", "changes"))
    seconds = sorted(row["seconds"] for row in rows)
    print(
        f"calls {calls}, changes run {changes}; seconds of a sheet: median {seconds[len(seconds) // 2]}, most {seconds[-1]}"
    )
    for row in rows:
        if row["questions"] < COUNT:
            print(f"  only {row['questions']}: {row['exercise']}, {row['source']} {row['problem']}")


if __name__ == "__main__":
    main()
