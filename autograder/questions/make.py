"""Five questions on one file: gathered, chosen by a seed, and each key verified in fresh workers before it is kept."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from autograder.grading.asking import Clock, Code, RunLimits
from autograder.plan import Plan
from autograder.questions.about_changes import another, becomes, happens, which
from autograder.questions.about_runs import holds, returns, shape, times
from autograder.questions.calls import calls
from autograder.questions.changes import Change
from autograder.questions.evidence import OTHER_SEED, Evidence, equal, gather, variables
from autograder.questions.question import Question
from autograder.questions.runs import Runs, Seen

COUNT = 5
CANDIDATES = 60
"""Of each kind that are looked at."""
MOST_CHARACTERS, MOST_LINES = 200_000, 3000
"""Of a file: what is longer nobody reads in five minutes, and comparing it with the stub would take too long."""
MOST_OTHERWISE = 10
"""Keys that come out otherwise the second time, before it is clear that nothing about this file can be relied on."""
_OTHERWISE = "a question whose key came out otherwise the second time"
CHECKING_SECONDS = 60.0
"""Time of all second runs together: they have a clock of their own."""

Maker = Callable[[Evidence, random.Random], Iterator[Question]]
_ON_RUNS: tuple[Maker, ...] = (returns, times, holds, shape)


@dataclass
class Sheet:
    """The questions on one file, and what a second sheet like it is made from."""

    exercise: str
    title: str
    file: str
    text: str
    seed: int
    hash: str  # of the file
    questions: list[Question] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    changes: int = 0
    problem: str = ""  # why there is none
    student: str = ""
    count: int = COUNT  # how many were asked for


def make_sheet(
    zygote: Any, plan: Plan, code: Code, limits: RunLimits, seed: int, *, title: str = "", count: int = COUNT
) -> Sheet:
    """At most `count` questions on a file, the same ones for the same seed. Never raises for what the file does."""
    digest = hashlib.sha256(code.text.encode("utf-8", "surrogatepass")).hexdigest()
    sheet = Sheet(plan.exercise, title, code.file, code.text, seed, digest, count=count)
    draw = random.Random(f"{plan.exercise} {digest} {seed}")
    if len(code.text) > MOST_CHARACTERS or code.text.count("\n") > MOST_LINES:
        sheet.problem = "The file is too long to ask about."
        return sheet
    runs = Runs(zygote, plan, code, limits)
    if not runs.loads():
        sheet.problem = "The file can't be loaded. `autograder check` says why."
        return sheet
    try:
        runs.variables = variables(code.text, plan.stub)
        evidence = gather(runs, calls(plan, draw), plan.stub, draw)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        sheet.problem = "Its code is nested too deep to ask about."
        return sheet
    sheet.left_out, sheet.calls, sheet.changes = evidence.left_out, len(evidence.own), len(evidence.changed)
    if not evidence.own:
        sheet.problem = "No call of it gave a plain answer, the same one twice. Is it finished?"
        return sheet
    sheet.questions = _chosen(evidence, replace(runs, clock=Clock(CHECKING_SECONDS)), count, draw)
    return sheet


def _chosen(evidence: Evidence, runs: Runs, count: int, draw: random.Random) -> list[Question]:
    """Questions of as many kinds as there are, about different lines and calls; each verified before the next is looked for."""
    makers = _order(draw)
    found: list[Question] = []
    waiting = {maker: list(islice(maker(evidence, draw), CANDIDATES)) for maker in makers}
    evidence.left_out["a value that does not fit on a line"] += sum(seen.text is None for seen in evidence.own.values())
    for strict in (True, False):
        going_on = True
        while going_on and len(found) < count:
            going_on = False
            for maker in makers:
                if len(found) == count:
                    break
                question = _next(waiting[maker], found, strict, evidence, runs)
                if question is not None:
                    found.append(question)
                    going_on = True
        for maker in makers:  # what was only too near to another question has a second chance
            if strict:
                waiting[maker] = list(islice(maker(evidence, draw), CANDIDATES))
    return draw.sample(found, len(found))


def _order(draw: random.Random) -> list[Maker]:
    """Questions on changes and on runs by turns, the one that needs most first; what only asks for the kind of a result comes last."""
    first, second = [another, *draw.sample((becomes, which), 2)], draw.sample(_ON_RUNS, len(_ON_RUNS))
    mixed = [each for pair in zip(first, second, strict=False) for each in pair]
    return [*mixed, *second[len(first) :], happens]


def _next(
    waiting: list[Question], found: list[Question], strict: bool, evidence: Evidence, runs: Runs
) -> Question | None:
    while waiting and evidence.left_out[_OTHERWISE] < MOST_OTHERWISE:
        question = waiting.pop(0)
        if _is_near(question, found, strict):
            evidence.left_out["a question that is too near to another one"] += strict
            continue
        if not verified(question, evidence, runs):
            evidence.left_out[_OTHERWISE] += 1
            continue
        return question
    return None


def _is_near(question: Question, found: list[Question], strict: bool) -> bool:
    """Whether it would be a duplicate; `strict`: or is about the line, the call, or the same kind of the same function as another one.
    More than two of those are too many however few there are."""
    telling = {"returns", "becomes", "which"}
    for other in found:
        if question.changes & other.changes:
            return True
        if question.kind == other.kind and question.code == other.code and question.line == other.line:
            return True
        if question.code == other.code and {question.kind, other.kind} <= telling:
            return True  # one would give away what the other asks
        if strict and (question.code and question.code == other.code):
            return True
    alike = sum((other.kind, other.family) == (question.kind, question.family) for other in found)
    on_its_lines = sum(bool(_lines(question) & _lines(other)) for other in found)
    return max(alike, on_its_lines) >= (1 if strict else 2)


def _lines(question: Question) -> set[int]:
    return {question.line, *(line for line, _ in question.changes)} - {0}


def verified(question: Question, evidence: Evidence, runs: Runs) -> bool:
    """Whether all that its key rests on comes out the same in fresh workers, where torch draws other numbers."""
    wanted: dict[Change | None, list[str]] = defaultdict(list)
    for change, key in dict.fromkeys(question.needs):
        wanted[change].append(key)
    for change, keys in wanted.items():
        source = evidence.text if change is None else change.source
        known = evidence.own if change is None else evidence.changed[change]
        again = runs.observe(source, [evidence.calls[key] for key in keys], OTHER_SEED)
        if any(key not in again or not equal(known[key], again[key]) for key in keys):
            return False
        if question.kind in ("holds", "shape") and any(not _holds_the_same(known[key], again[key]) for key in keys):
            return False
    return bool(wanted)


def _holds_the_same(known: Seen, again: Seen) -> bool:
    return all(again.told.get(each) == values for each, values in known.told.items())
