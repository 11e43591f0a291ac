"""What the names of downloads say: whose a file is, as learning platforms write it before the name that a student gave.

    Canvas        kingada_LATE_4711_90210_work.zip                           name, `LATE`, Canvas's id of the student and of the file
    Moodle        Ada King_4711_assignsubmission_file_/                      name, Moodle's id of the participant
                  Ada King_4711_assignsubmission_file_work.zip               the same, where folders were not asked for
    Blackboard    Homework 1_ak7_attempt_2026-09-14-23-10-05_work.zip        username, when
    Brightspace   1234-5678 - Ada King - 14 September, 2026 1110 PM/         Brightspace's ids, name, when

Only what stands before the student's own name for the file is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_CANVAS = re.compile(r"(?P<name>[^_]+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<number>\d+)_(?P<file>.+)", re.DOTALL)
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.DOTALL)
_MOODLES = re.compile(r"_\d+_assignsubmission_")
_BLACKBOARD = re.compile(r"(?P<name>.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?", re.DOTALL)
_BRIGHTSPACE = re.compile(
    r"(?P<id>\d+-\d+) - (?P<name>.+?) - (?P<when>[^-]*\d{4} \d{3,4} [AP]M)(?: - (?P<file>.+))?", re.DOTALL
)
_AGAIN = re.compile(r"-\d+(?=\.\w+$)")
"""What Canvas adds to the name of a file that was handed in once more."""


@dataclass(frozen=True)
class Claim:
    """What a name says about who handed in, before it is matched."""

    words: tuple[str, ...]  # anything that may be an id, a login, an address or a name
    ids: dict[str, str] = field(default_factory=dict)  # by field of the roster
    late: bool = False
    number: int = 0  # of several by one student, the higher one is the newer one
    owner: str = ""  # equal for all that a platform says is of one student; "" where no platform says anything
    file: str = ""  # the name that the student gave, "" for a folder


def claim_of(name: str, id: str = "") -> Claim:
    """What a file's or folder's name says."""
    match = _MOODLE.fullmatch(name)
    if match and len(_MOODLES.findall(name)) > 1:
        return Claim((name,))  # a person's name or a file's that looks like Moodle's own words: who knows
    if match:
        owner = f"moodle {match['id']}"
        return Claim((match["name"],), {"moodle_id": match["id"]}, owner=owner, file=match["file"])
    if match := _BLACKBOARD.fullmatch(name):
        pieces = match["name"].split("_")[-4:]  # of the assignment, and of the username, which may have a `_` itself
        words = tuple("_".join(pieces[at:]) for at in range(len(pieces)))
        number = int(match["when"].replace("-", ""))
        return Claim(words, number=number, owner=f"blackboard {match['name']}", file=match["file"] or "")
    if match := _BRIGHTSPACE.fullmatch(name):
        return Claim((match["name"],), owner=f"brightspace {match['id']}", file=match["file"] or "")
    if match := _CANVAS.fullmatch(name):
        file = _AGAIN.sub("", match["file"])
        number = int(match["number"][:15])
        return Claim(
            (match["name"],), {"canvas_id": match["id"]}, bool(match["late"]), number, f"canvas {match['id']}", file
        )
    return Claim(tuple(dict.fromkeys(filter(None, (id, name, name.partition(".")[0])))))


def owners(names: list[str]) -> list[str]:
    """Of the names in one folder those that a platform made for students, one of each; none where it may be chance."""
    found = {claim.owner: name for name in names if (claim := claim_of(name)).owner}
    return list(found.values()) if len(found) > 1 and len(found) * 2 > len(names) else []
