"""The sentences that people read, looked up by message id.

A result holds ids and values, never sentences, so that feedback can be shown in another language. The sentences are in
`messages/<language>/<area>.toml`; the id `run.timeout` is the table `["timeout"]` of `run.toml`:

    ["timeout"]
    text = ["Your code was stopped after {seconds} seconds.", "Your code was stopped: it took too long."]
    hint = "Look for a loop that never ends."

`text` is a sentence, or several from the fullest to the barest: the first whose values are all there is shown, so that a
value may be missing (`feedback.policy` removes values of hidden cases). `{name}` stands for a value and for nothing
else: there is no formatting language, hence nothing that a hostile value or sentence could call. Sentences may use
`code` and *emphasis*. A language without a sentence falls back to English.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.feedback import escape
from autograder.feedback.escape import Spans
from autograder.results import CaseResult, Difference, Message

FOLDER = Path(__file__).parent / "messages"
_GRADIENT = re.compile(r"\bgrad(ient)?s?\b")
_LEAF = re.compile(r"grad\w*['\"]\]\[['\"](\w+)['\"]\]$|\b(\w+)\.grad['\"]\]$")
_LENGTH = re.compile(r"length (\d+)(?:, then (.*))?", re.DOTALL)
_NO_EXCEPTION, _RAISED = "no exception", " raised"  # as comparisons name what was raised
_NOT_FOUND = re.compile(r"No module named '([\w.]+)'(?:; .*)?", re.DOTALL)
_NO_PACKAGE = "submission"
"""The name by which Python then knows the package of an exercise's file, which is in none."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


class Entry:
    """One sentence of the catalogue: its variants, fullest first, and what to do about it."""

    def __init__(self, id: str, table: dict[str, Any]) -> None:
        unknown = set(table) - {"text", "hint"}
        texts = table.get("text", [])
        self.texts: list[str] = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, list) else []
        self.hint: str = table.get("hint", "")
        if unknown or not self.texts or not all(isinstance(text, str) for text in [*self.texts, self.hint]):
            raise ValueError(f"message {id}: needs `text` (a string or a list of strings) and may have `hint`")

    def template(self, values: dict[str, Any]) -> str:
        """The fullest variant whose values are all there; else the barest."""
        return next((text for text in self.texts if placeholders(text) <= set(values)), self.texts[-1])


def placeholders(template: str) -> set[str]:
    """The names of the values that a sentence uses."""
    return set(_PLACEHOLDER.findall(template))


@lru_cache
def catalogue(language: str = "en") -> dict[str, Entry]:
    """All messages of one language by full id. A broken file raises with its name: it is a fault of ours."""
    entries: dict[str, Entry] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path}: {error}") from error
        for name, table in tables.items():
            id = f"{path.stem}.{name}"
            if not isinstance(table, dict):
                raise ValueError(f"{path}: {name} must be a table with `text`")
            entries[id] = Entry(id, table)
    return entries


def text(message: Message, language: str = "en") -> str:
    """The sentence of `message` as one line of plain text."""
    return escape.spans_text(spans(message, language))


def hint(message: Message, language: str = "en") -> str:
    """What to do about it, or ""."""
    return escape.spans_text(hint_spans(message, language))


def spans(message: Message, language: str = "en") -> Spans:
    """The sentence of `message` with its `code` and *emphasis*, values filled in but not escaped."""
    message = _more_exactly(message)
    entry = _entry(message.id, language)
    values = _present(message.values)
    if entry is None:
        listed = ", ".join(f"{name}: {escape.plain(value, 200)}" for name, value in sorted(values.items()))
        return [("text", f"{message.id} ({listed})" if listed else message.id)]
    template = entry.template(values)
    if template == "{sentence}":  # a judge's own sentence, with values of its own
        template = escape.plain(values["sentence"])
    return _fill(template, values)


def hint_spans(message: Message, language: str = "en") -> Spans:
    """What to do about it, with its `code` and *emphasis*; empty when a value that it needs is missing."""
    message = _more_exactly(message)
    entry = _entry(message.id, language)
    values = _present(message.values)
    if entry is None or not placeholders(entry.hint) <= set(values):
        return []
    return _fill(entry.hint, values)


def label(id: str, language: str = "en", **values: Any) -> str:
    """A heading or a word of the pages themselves, from `show.toml`."""
    return text(Message(id=f"show.{id}", values=values), language)


def case_message(case: CaseResult) -> Message | None:
    """Why a case did not pass: its message, filled up from its difference, or made from it when there is none."""
    found = case.difference
    if found is None:
        return case.message
    values = _difference_values(found)
    if case.message is None:
        return Message(id=of_difference(found), values=values)
    return Message(id=case.message.id, values={**values, **case.message.values})


def difference_facts(difference: Difference, language: str = "en") -> list[Spans]:
    """Where an answer first differs, by how much and in how many places: a sentence each."""
    values = _difference_values(difference)
    facts: list[Spans] = []
    if "position" in values:
        here = values if difference.kind != "length" else {"position": values["position"]}
        id = "compare.first-beyond-tolerance" if by_tolerance(difference) else "compare.first-difference"
        facts.append(spans(Message(id=id, values=here), language))
    if difference.kind == "value" and difference.error is not None:
        # Without a count it is the first number's that differs; more than one may.
        id = "compare.error-there" if difference.wrong in (None, 1) else "compare.error-size"
        facts.append(spans(Message(id=id, values=values), language))
    return facts


def by_tolerance(difference: Difference) -> bool:
    """Whether numbers were compared of which one before the first that differs may be another one too, but near enough."""
    return difference.kind == "nonfinite" or difference.error is not None


def difference_text(difference: Difference, language: str = "en") -> str:
    """What differs, where and by how much, in one line of plain text."""
    headline = spans(Message(id=of_difference(difference), values=_difference_values(difference)), language)
    return " ".join(escape.spans_text(parts) for parts in [headline, *difference_facts(difference, language)])


def _more_exactly(message: Message) -> Message:
    """The message whose sentences are true of these values, where not all of a message's are true of all of its values."""
    values = message.values
    if message.id == "run.wrong-type" and values.get("got") == "None" and "where" not in values:
        return Message(id="run.returned-nothing", values=values)
    if message.id == "run.raised" and values.get("outside") is True:
        return Message(id="run.raised-outside", values=values)
    if message.id in ("run.raised", "run.load-raised") and (absent := _absent(values)):
        return Message(
            id="run.import-beside" if absent == _NO_PACKAGE else "run.import-absent", values={"name": absent}
        )
    if message.id == "run.mutated" and values.get("input") == "its inputs":  # which of them could not be told
        return Message(id=message.id)
    return message


def _absent(values: dict[str, Any]) -> str:
    """The module that an import did not find, "" where that is not what was raised."""
    if values.get("exception") != "ModuleNotFoundError" or values.get("builtin") is not True:
        return ""
    found = _NOT_FOUND.fullmatch(str(values.get("text", "")))
    return found[1] if found else ""


def of_difference(difference: Difference) -> str:
    """Which message a difference has: its kind's, and where a type says more than that it is another one, a message of its own."""
    got, want, odd = difference.got, difference.want, set(difference.nonfinite)
    if "nan" in odd:
        return "compare.nan"
    if odd and odd <= {"inf", "-inf", "infinite"}:
        return "compare.infinite"
    if odd == {"finite"}:
        return "compare.finite"
    if difference.kind == "raised" and got.endswith(_RAISED):  # where an answer was expected
        return "compare.refused"
    if difference.kind == "raised" and _NO_EXCEPTION in (got, want):
        return "compare.nothing-raised" if got == _NO_EXCEPTION else "compare.raised-on-right"
    if difference.kind == "type":
        if got.endswith(_RAISED):
            return "compare.refused"
        if _GRADIENT.search(difference.path) and "None" in (got, want):
            return "compare.no-gradient" if got == "None" else "compare.stray-gradient"
        if "None" in (got, want):
            return "compare.none" if got == "None" else "compare.not-none"
    return f"compare.{difference.kind}"


def _difference_values(difference: Difference) -> dict[str, Any]:
    position = difference.path
    if difference.index is not None:
        position += "[" + ", ".join(str(i) for i in difference.index) + "]"
    values: dict[str, Any] = {
        "position": position,
        "got": difference.got,
        "want": difference.want,
        "wrong": difference.wrong,
        "total": difference.total,
        "part": difference.part if difference.total is not None else None,
    }
    if difference.kind == "raised":
        values["want"] = difference.want.removesuffix(_RAISED)
    if leaf := _LEAF.search(difference.path):  # of a gradient, what it is the gradient of
        values["leaf"] = leaf[1] or leaf[2]
    if difference.kind == "nonfinite":
        values["count"], values["nan"] = difference.wrong, difference.nonfinite.get("nan")
        if difference.total is None:
            del values["nan"]
        signs = {"inf", "-inf"} & set(difference.nonfinite)
        values["sign"] = signs.pop() if len(signs) == 1 else None
    if difference.kind == "length":  # `length 3, then …`: the item that the other one does not have
        for name, item, said in (("theirs", "extra", difference.got), ("right", "missing", difference.want)):
            if found := _LENGTH.fullmatch(said):
                values[name], values[item] = found.groups()
    if difference.kind == "keys":  # `extra: …` and `missing: …`, or that there are none
        for name, said in (("extra", difference.got), ("missing", difference.want)):
            _, found, listed = said.partition(f"{name}: ")
            values[name] = listed if found else None
    if difference.error is not None:
        values["error"] = f"{difference.error:.3g}"
        if difference.tolerance is not None:
            values["tolerance"] = f"{difference.tolerance:.3g}"
            ratio = difference.error / difference.tolerance if difference.tolerance else 0.0
            if 1 < ratio < float("inf"):
                values["times"] = f"{ratio:,.1f}" if ratio < 10 else f"{ratio:,.0f}" if ratio < 1e6 else f"{ratio:.0e}"
    return _present(values)


def _present(values: dict[str, Any]) -> dict[str, Any]:
    """A value that is None or empty counts as missing, so that a barer sentence is chosen."""
    return {name: value for name, value in values.items() if value is not None and value != "" and value != []}


def _entry(id: str, language: str) -> Entry | None:
    return catalogue(language).get(id) or catalogue("en").get(id)


def _fill(template: str, values: dict[str, Any]) -> Spans:
    """The marks are read from the template alone: a value's own backticks and asterisks stay what they are."""

    def value(match: re.Match[str]) -> str:
        return _written(values[match[1]]) if match[1] in values else match[0]

    return [(kind, _PLACEHOLDER.sub(value, part)) for kind, part in escape.spans(template)]


def _written(value: Any) -> str:
    """A list reads as words with commas between; everything else as `escape.plain` has it."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return escape.plain(value)
