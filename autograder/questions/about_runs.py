"""Questions about the file as it is: what a call gives, how often a line runs, what a variable holds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import permutations

from autograder.questions.about_changes import apart, shuffled, told, with_changes
from autograder.questions.calls import Call
from autograder.questions.evidence import Evidence, repeated
from autograder.questions.question import Choice, Kind, Needs, Question, Sentence, arranged, sentence

FEWEST, MOST = 2, 40
"""Times that a line runs, for it to be counted by a person."""
_ORDINAL = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def returns(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """What a call gives. The other choices are what it gives with one line changed."""
    for key, seen in shuffled(evidence.own.items(), draw):
        call = evidence.calls[key]
        if not evidence.is_readable(key) or call.told or seen.text is None:
            continue
        chosen = apart(seen, list(with_changes(evidence, key, draw)))
        wrong = [Choice(other.text or "", why=f"if {told(change)}") for change, other in chosen]
        found = arranged(Choice(seen.text), wrong, draw)
        if found is not None:
            needs = [(None, key), *((change, key) for change, _ in chosen)]
            yield Question(
                "returns",
                sentence("What does the last line give?"),
                call.shown,
                *found,
                call.family,
                needs=tuple(needs),
            )


def _on_line(
    evidence: Evidence,
    kind: Kind,
    asks: Sentence,
    call: Call,
    found: tuple[tuple[Choice, ...], int],
    line: int,
    needs: Needs,
) -> Question:
    """A question on what a line does in a call."""
    return Question(kind, asks, call.shown, *found, family=call.family, line=line, old=evidence.row(line), needs=needs)


def times(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """How often a line in a loop runs. The other choices are what other lines, other calls and changes come to, or one more and less."""
    lines = repeated(evidence.text)
    for key, seen in shuffled(evidence.own.items(), draw):
        call = evidence.calls[key]
        for line in shuffled(lines, draw):
            count = seen.lines.get(line, 0)
            if not FEWEST <= count <= MOST:
                continue
            near = [count + 1, count - 1]
            others = [each for each in {seen.lines.get(other, 0) for other in lines} if each <= MOST]
            others += [each[key].lines.get(line, 0) for each in evidence.changed.values() if key in each]
            others = sorted({each for each in others if each not in (count, *near) and each <= 2 * count + 2})
            wrong = [Choice(str(each)) for each in [*shuffled(near, draw), *shuffled(others, draw), count + 2]]
            found = arranged(Choice(str(count)), wrong, draw)
            if found is not None:
                asks = sentence(f"How often does line {line}, {{}}, run?", evidence.row(line))
                yield _on_line(evidence, "times", asks, call, found, line, ((None, key),))


def shape(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """The shape of a variable. The other choices are the shapes of other variables, and the same sizes in another order."""
    for key, seen in shuffled(evidence.own.items(), draw):
        call = evidence.calls[key]
        shapes = {
            (line, name): values[0]["shape"]
            for (line, name), values in seen.held.items()
            if values and all(each.get("shape") == values[0].get("shape") for each in values) and "shape" in values[0]
        }
        for (line, name), right in shuffled(shapes.items(), draw):
            if (len(right) < 2 and len(shapes) < 3) or not right or max(right, default=0) > 10**5:
                continue
            others = [each for each in shapes.values() if each != right]
            turned = [each for each in permutations(right) if each != right] if 2 <= len(right) <= 4 else []
            fewer = [right[1:], right[:-1], (*right[:-1], 1)] if len(right) > 1 else [(1, *right), (*right, 1)]
            texts = [str(each) for each in [*shuffled(set(others), draw)[:2], *shuffled(set(turned), draw)[:2], *fewer]]
            found = arranged(Choice(str(right)), [Choice(text) for text in texts], draw)
            if found is not None:
                asks = sentence(f"Which shape has {{}} after line {line}, {{}}?", name, evidence.row(line))
                yield _on_line(evidence, "shape", asks, call, found, line, ((None, key),))


def holds(evidence: Evidence, draw: random.Random) -> Iterator[Question]:
    """What a variable holds after its line. The other choices are what it holds at other times and with one line changed."""
    for key, seen in shuffled(evidence.own.items(), draw):
        call = evidence.calls[key]
        if not evidence.is_readable(key):
            continue
        for (line, name), values in shuffled(seen.held.items(), draw):
            if not values or any("text" not in each for each in values) or seen.lines.get(line) != len(values):
                continue
            turn = draw.randrange(len(values))
            right = values[turn]["text"]
            others, needs = [each["text"] for each in values], [(None, key)]
            for change, changed in shuffled(evidence.changed.items(), draw):
                held = changed[key].held.get((line, name), ()) if key in changed else ()
                found = [
                    each["text"]
                    for each in held
                    if "text" in each and type(each["plain"]) is type(values[turn]["plain"])
                ]
                if set(found) - set(others):
                    others += found
                    needs.append((change, key))
                if len(set(others)) > 6:
                    break
            if right == evidence.row(line).partition("=")[2].strip():
                continue
            wrong = [Choice(text) for text in shuffled(sorted(set(others) - {right}), draw)]
            made = arranged(Choice(right), wrong, draw)
            if made is not None:
                when = "" if len(values) == 1 else f" for the {_ORDINAL[turn]} time"
                asks = sentence(
                    f"What does {{}} hold after line {line}, {{}}, has run{when}?", name, evidence.row(line)
                )
                yield _on_line(evidence, "holds", asks, call, made, line, tuple(needs))
