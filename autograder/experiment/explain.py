"""From what a worker says went wrong to the message that people read. Nothing here imports torch."""

from __future__ import annotations

import re
from typing import Any

from autograder.results import Message
from autograder.wire.messages import Observed


def message_of(seen: Observed, file: str, loading: bool, seconds: float = 0, megabytes: int = 0) -> Message:
    """The sentence for what a worker says went wrong."""
    text = {"text": seen.text} if seen.text else {}
    values: dict[str, Any]
    match seen.kind:
        case "timeout":
            id, values = "run.load-timeout" if loading else "run.timeout", {"seconds": seconds}
        case "memory" if seen.name == "device":
            id, values = "run.device-memory", {}
        case "memory":
            id, values = "run.memory", {"megabytes": megabytes}
        case "syntax":
            id, values = "run.load-syntax", text
        case "forbidden":
            id, values = "run.forbidden", {"name": seen.name} | ({"line": seen.line} if seen.line else {})
        case "missing-function":
            id, values = "run.missing-function", {"name": seen.name, "file": file}
        case "wrong-signature":
            id, values = "run.wrong-signature", {"name": seen.name, "want": seen.want, "got": seen.text}
        case "not-written":
            id, values = "run.not-written", {"function": seen.function}
        case "wrong-type":
            got, _, where = seen.text.partition(", where ")
            id, values = "run.wrong-type", {"function": seen.name, "want": seen.want, "got": got}
            values |= {"where": _what_of_it(where, got)} if where else {}
        case "wrong-parameters":
            id, values = "run.wrong-parameters", {"name": seen.name, "found": seen.text}
        case "raised" if seen.name == "BdbQuit" and not loading:
            id, values = "run.breakpoint", {}
        case "too-big":
            id, values = "run.too-big", {"what": seen.text, "limit": ""}
        case _:
            id = "run.load-raised" if loading else "run.raised"
            values = {"exception": seen.name, "builtin": seen.builtin, **text}
            if seen.builtin and not loading and not seen.line:  # no line of theirs is in the traceback
                values["outside"] = True
    return Message(id=id, values=values)


_ANOTHER_LENGTH = r"has wrong number of elements \(expected (\d+), got (\d+) instead\)"
_SAID_OTHERWISE = (
    (_ANOTHER_LENGTH, r"has \2 items instead of \1"),
    (r"did not match any element in the union:.*", "has none of the types that it may have"),
    (r"is neither float or int", "is neither a float nor an int"),
    (r"is neither complex, float or int", "is not a number"),
)
"""What typeguard says of a part, and how a person would."""


def _what_of_it(detail: str, kind: str) -> str:
    """What is wrong in a value of the type `kind`, as a clause.

    >>> _what_of_it("item 0 of list is not an instance of str", "list")
    'item 0 is not an instance of str'
    """
    if found := re.fullmatch(rf"(?:\w+\.)*{re.escape(kind)} {_ANOTHER_LENGTH}", detail):
        return f"there are {found[2]} items instead of {found[1]}"
    found = re.fullmatch(rf"(.+) of (?:\w+\.)*{re.escape(kind)} ((?:is|has|did|does)\b.*)", detail, re.DOTALL)
    if found is None:
        return detail
    part, said = found.groups()
    for pattern, other in _SAID_OTHERWISE:
        said = re.sub(pattern, other, said, flags=re.DOTALL)
    return f"{part} {said}"
