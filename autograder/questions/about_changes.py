"""Questions about a line that becomes another one: which call notices, and what it then gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import torch

from autograder.questions.calls import Call
from autograder.questions.changes import Change
from autograder.questions.evidence import Evidence
from autograder.questions.question import CHOICES, LEAST, Choice, Question, arranged, sentence
from autograder.questions.runs import Seen


def shuffled(items: Any, draw: random.Random) -> list[Any]:
    found = list(items)
    draw.shuffle(found)
    return found


def _about(change: Change, *parts: Any, **more: Any) -> Question:
    """A question on a change that is told before it is asked."""
    return Question(*parts, line=change.line, old=change.old, new=change.new, **more)


# --- which call gives another result ---


def another(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """One call of several that gives another result with the change, or the only one that still gives the same."""
    for change, seen in shuffled(evidence.changed.items(), draw):
        for calls in _families(evidence, draw):
            same = [call for call in calls if _same(evidence, seen, call)]
            other = [call for call in calls if _differs(evidence, seen, call)]
            if any(evidence.reaches(change, call.key) for call in same):
                yield from _one_of(evidence, change, "another", other, same, draw)
            yield from _one_of(evidence, change, "same", same, other, draw)


def _one_of(
    evidence: Evidence, change: Change, kind: Any, right: list[Call], wrong: list[Call], draw: random.Random
) -> Iterator[Question]:
    if not right or len(wrong) < LEAST - 1:
        return
    call, others = draw.choice(right), wrong[: CHOICES - 1]
    if kind == "another" and not any(evidence.reaches(change, each.key) for each in others):
        others = [next(each for each in wrong if evidence.reaches(change, each.key)), *others][: CHOICES - 1]
    common, own = _in_common([call, *others])
    made = [
        Choice(text, why=_before_and_after(evidence, change, each))
        for text, each in zip(own, (call, *others), strict=True)
    ]
    found = arranged(made[0], made[1:], draw)
    if found is None:
        return
    asks = (
        "With which of these is the result now another one? An error counts as one."
        if kind == "another"
        else "With which of these is the result still the same?"
    )
    needs = [(source, each.key) for source in (None, change) for each in (call, *others)]
    yield _about(change, kind, sentence(asks), common, *found, family=call.family, needs=tuple(needs))


def _in_common(calls: list[Call]) -> tuple[tuple[str, ...], list[str]]:
    """The lines that all these calls begin or end with, once, and the lines of each that are its own."""
    shown = [call.shown for call in calls]
    most = min(len(lines) for lines in shown) - 1
    start = next((n for n in range(most) if len({lines[n] for lines in shown}) > 1), most)
    end = next((n for n in range(most - start) if len({lines[-1 - n] for lines in shown}) > 1), most - start)
    if start + end == 0:
        return (), ["\n".join(lines) for lines in shown]
    common = (*shown[0][:start], "…", *shown[0][len(shown[0]) - end :])
    return common, ["\n".join(lines[start : len(lines) - end]) for lines in shown]


def _families(evidence: Evidence, draw: random.Random) -> list[list[Call]]:
    """The calls that do the same to different inputs, so that choosing takes more than a look at their names."""
    ordered = sorted(evidence.calls.values(), key=lambda call: call.family)
    families = [shuffled(group, draw) for _, group in groupby(ordered, key=lambda call: call.family)]
    return shuffled([each for each in families if len(each) >= LEAST], draw)


def _same(evidence: Evidence, seen: dict[str, Seen], call: Call) -> bool:
    return call.key in seen and evidence.own[call.key].same(seen[call.key])


def _differs(evidence: Evidence, seen: dict[str, Seen], call: Call) -> bool:
    return call.key in seen and evidence.own[call.key].differs(seen[call.key])


def _before_and_after(evidence: Evidence, change: Change, call: Call) -> str:
    before, after = evidence.own[call.key], evidence.changed[change][call.key]
    if before.same(after):
        reached = "" if evidence.reaches(change, call.key) else f"line {change.line} does not run: "
        return f"{reached}{_said(before)}, as before"
    return f"{_said(before)} becomes {_said(after)}"


def _said(seen: Seen) -> str:
    return seen.text or outline(seen.value)


def outline(value: Any) -> str:
    """What is said of a result that is too large to be read."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple | dict | set | str):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"a {type(value).__name__}"


# --- what comes of it then ---


def becomes(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """What a call gives with the change. What it gave before is among the choices, and what it gives with other changes."""
    for change, key, after in _visible_changes(evidence, draw):
        call, before = evidence.calls[key], evidence.own[key]
        right = Choice(after.text or "", why=f"it was {before.text}")
        others = [(None, before), *with_changes(evidence, key, draw)]
        chosen = apart(after, others)
        wrong = [Choice(seen.text or "", why=_whence(source)) for source, seen in chosen]
        found = arranged(right, wrong, draw)
        if found is None:
            continue
        needs = [(None, key), (change, key), *((source, key) for source, _ in chosen)]
        asks = sentence("What does the last line give now?")
        yield _about(change, "becomes", asks, call.shown, *found, family=call.family, needs=tuple(needs))


def which(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """Which of several changes makes a call give this."""
    for change, key, after in _visible_changes(evidence, draw):
        call, before = evidence.calls[key], evidence.own[key]
        others = [
            (other, seen[key])
            for other, seen in shuffled(evidence.changed.items(), draw)
            if other is not change and evidence.reaches(other, key) and key in seen and seen[key].text is not None
        ]
        others = [(other, seen) for other, seen in others if _is_clear(seen, after)]
        # What plainly fails, and what changes nothing, is chosen last.
        others = sorted(others, key=lambda pair: (pair[1].raised, pair[1].text == before.text))
        lines = {
            other.line: (other, seen) for other, seen in reversed(others)
        }  # of each line one, where there are enough
        chosen = [*lines.values(), *(each for each in others if each not in lines.values())][: CHOICES - 1]
        found = arranged(
            Choice(told(change), why=_comes_to(after)),
            [Choice(told(other), why=_comes_to(seen)) for other, seen in chosen],
            draw,
        )
        if found is None:
            continue
        needs = [(None, key), (change, key), *((other, key) for other, _ in chosen)]
        asks = sentence(
            "The last line gives {}. With which of these changes does it give {}?", before.text or "", after.text or ""
        )
        yield Question("which", asks, call.shown, *found, family=call.family, needs=tuple(needs))


def _comes_to(seen: Seen) -> str:
    return str(seen.text) if seen.raised else f"gives {seen.text}"


def happens(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """What kind of result the change leads to: for calls whose numbers nobody would read."""
    for change, seen in shuffled(evidence.changed.items(), draw):
        for key, after in shuffled(seen.items(), draw):
            before, call = evidence.own[key], evidence.calls[key]
            if not evidence.reaches(change, key) or not isinstance(before.value, torch.Tensor | list | tuple | dict):
                continue
            kind = _kind_of(before, after)
            if kind is None:
                continue
            texts = (
                "the same as before",
                "other values in the same form",
                "a result of another shape or length",
                "an error",
            )
            why = f"raises {after.value.name}" if after.raised else _said(after)
            choices = tuple(
                Choice(text, code=False, why=why if index == kind else "") for index, text in enumerate(texts)
            )
            needs = ((None, key), (change, key))
            asks = sentence("What comes of the last line now?")
            yield _about(change, "happens", asks, call.shown, choices, kind, family=call.family, needs=needs)


def _kind_of(before: Seen, after: Seen) -> int | None:
    if after.raised:
        return 3
    if before.same(after):
        return 0
    if not before.differs(after):
        return None
    return 1 if form(before.value) == form(after.value) else 2


def form(value: Any) -> Any:
    """The types, shapes and lengths of a value, without its numbers."""
    if isinstance(value, torch.Tensor):
        return "tensor", tuple(value.shape)
    if isinstance(value, dict):
        return "dict", tuple((str(key), form(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return "items", tuple(form(item) for item in value)
    return "one"


def _visible_changes(evidence: Evidence, draw: random.Random) -> Iterator[tuple[Change, str, Seen]]:
    """Changes with a call that can be read and then visibly gives something else, that fits on a line."""
    for change, seen in shuffled(evidence.changed.items(), draw):
        for key, after in shuffled(seen.items(), draw):
            own = evidence.own[key]
            readable = evidence.is_readable(key) and own.text is not None and after.text is not None
            if readable and own.differs(after) and not after.raised:
                yield change, key, after


def with_changes(evidence: Evidence, key: str, draw: random.Random) -> list[tuple[Change, Seen]]:
    """What other changes make of a call, where it fits on a line."""
    found = [(change, seen[key]) for change, seen in evidence.changed.items() if key in seen and not seen[key].raised]
    return shuffled([each for each in found if each[1].text is not None], draw)


def apart(right: Seen, others: list[tuple[Any, Seen]]) -> list[tuple[Any, Seen]]:
    """The first of `others` that are seen to differ from the right one and from each other."""
    chosen: list[tuple[Any, Seen]] = []
    for source, seen in others:
        if all(_is_clear(seen, each) for each in (right, *(one for _, one in chosen))):
            chosen.append((source, seen))
    return chosen[: CHOICES - 1]


def _is_clear(one: Seen, other: Seen) -> bool:
    return one.text != other.text and one.differs(other)


def _whence(source: Change | None) -> str:
    return "what it was" if source is None else f"if {told(source)}"


def told(change: Change) -> str:
    return f"line {change.line} becomes {change.new}"
