"""Whose a submission is: names as Canvas, Moodle and Gradescope download them, matched to the class list.

    Canvas      kingada_LATE_4711_90210_work.zip          name, `LATE`, Canvas's id of the student and of the submission
    Moodle      Ada King_4711_assignsubmission_file_/     name, Moodle's id of the participant
    Gradescope  submission_46402163/                      a number; names and times are in submission_metadata.yml beside it

Other names are taken for a student's id, login, e-mail address, name, or for a group. Nobody is guessed: a name that fits two
students fits none, and is said.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograder.course.bounded import Bounded, Stopped
from autograder.course.find import Found
from autograder.course.folder import open_file
from autograder.course.roster import Person, Roster, names_of, plain_name
from autograder.course.tree import key, shown

METADATA = "submission_metadata.yml"
MAX_METADATA = 64 * 2**20
_CANVAS = re.compile(r"(?P<name>[^_]+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<number>\d+)_(?P<file>.+)")
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)")
_MOODLES = re.compile(r"_\d+_assignsubmission_")


@dataclass(frozen=True)
class Claim:
    """What a name says about who handed in, before it is matched."""

    words: tuple[str, ...]  # anything that may be an id, a login, an address or a name
    ids: dict[str, str]  # by field of the roster
    late: bool = False
    number: int = 0  # of several by one student, the higher one is the newer one


@dataclass(frozen=True)
class Entry:
    """What Gradescope's export says about one submission."""

    words: tuple[str, ...]  # as in a claim
    moment: str  # ISO 8601, "" when it says none


def identify(found: Iterable[Found], roster: Roster, bounded: Bounded | None = None) -> tuple[list[Found], list[str]]:
    """`found` with the ids that the roster has, and what a person should look at. `bounded` reads what platforms wrote.

    Of several submissions by one student (on a platform: the newest) one gets the id; the others keep their own names.
    """
    problems: list[str] = []
    metadata: dict[Path, dict[str, Entry]] = {}
    matched: list[tuple[Found, str, Claim]] = []
    for each in found:
        path = Path(each.source)
        entry = _gradescope(path, metadata, problems, bounded)
        claim = Claim(entry.words or (each.id,), {}) if entry is not None else claim_of(path.name, each.id)
        if entry is not None and not each.handed_in and entry.moment:
            each = replace(each, handed_in=entry.moment, clock="platform")
        fits = _who(claim, roster)
        if len(fits) != 1 and roster.people:
            who = f"could be {' or '.join(fits[:4])}" if fits else "is nobody of the class list"
            problems.append(f"{shown(path.name)} {who}; graded under its own name.")
        if claim.late and not each.handed_in:
            problems.append(f"{shown(path.name)}: the platform marks it as late, but not by how much; see --times.")
        matched.append((each, fits[0] if len(fits) == 1 else "", claim))
    return _one_each(matched, problems), problems


def claim_of(name: str, id: str = "") -> Claim:
    """What a file's or folder's name says."""
    match = _MOODLE.fullmatch(name)
    if (
        match and len(_MOODLES.findall(name)) > 1
    ):  # a person's name or a file's that looks like Moodle's own words: who knows
        return Claim((name,), {})
    if match:
        return Claim((match["name"],), {"moodle_id": match["id"]})
    if match := _CANVAS.fullmatch(name):
        return Claim((match["name"],), {"canvas_id": match["id"]}, bool(match["late"]), int(match["number"][:15]))
    return Claim(tuple(dict.fromkeys(filter(None, (id, name, name.partition(".")[0])))), {})


def _who(claim: Claim, roster: Roster) -> list[str]:
    """The students or groups that it fits: by an id if there is one, then by what people and platforms call them."""
    for field, value in claim.ids.items():
        if fits := [person.id for person in roster.people if value and key(getattr(person, field)) == key(value)]:
            return fits
    wanted = {key(word) for word in claim.words if word}
    for fits in (
        [person.id for person in roster.people if key(person.id) in wanted],
        [name for name in roster.groups if key(name) in wanted],
        [person.id for person in roster.people if _addresses(person) & wanted],
    ):
        if fits:
            return fits
    plain = {plain_name(word) for word in claim.words} - {""}
    return [person.id for person in roster.people if person.name and plain & set(names_of(person))]


def _addresses(person: Person) -> set[str]:
    told = (person.login, person.sis_id, person.email, person.email.partition("@")[0])
    return {key(each) for each in told if each}


def _one_each(matched: list[tuple[Found, str, Claim]], problems: list[str]) -> list[Found]:
    newest: dict[str, int] = {}
    for index, (_, who, claim) in enumerate(matched):
        if who and (who not in newest or claim.number > matched[newest[who]][2].number):
            newest[who] = index
    taken = {key(who) for who in newest}
    result = []
    for index, (each, who, _) in enumerate(matched):
        if who and newest[who] == index:
            result.append(replace(each, id=who))
            continue
        if who:
            other = shown(Path(matched[newest[who]][0].source).name)
            problems.append(
                f"{shown(Path(each.source).name)} is of {who} too, for whom {other} counts; graded under its own name."
            )
        id, number = each.id, 2
        while key(id) in taken:
            id, number = f"{each.id}-{number}", number + 1
        taken.add(key(id))
        result.append(replace(each, id=id))
    return result


# ---------------------------------------------------------------- Gradescope


def _gradescope(
    path: Path, known: dict[Path, dict[str, Entry]], problems: list[str], bounded: Bounded | None
) -> Entry | None:
    """What Gradescope's export says about a submission in it."""
    folder = path.parent
    if folder not in known:
        known[folder] = _metadata(folder / METADATA, problems, bounded)
    return known[folder].get(path.name)


def _metadata(file: Path, problems: list[str], bounded: Bounded | None) -> dict[str, Entry]:
    if not os.path.lexists(file):
        return {}
    try:
        if bounded is None:
            return read_metadata(file)
        read = bounded.call(_read_metadata, file, into=dict[str, Entry] | str)
    except Stopped:
        read = "it takes too much time or memory"
    except ValueError as error:
        read = str(error)
    if isinstance(read, str):
        problems.append(f"{shown(str(file))} can't be read, so nobody's name is known from it: {read}")
        return {}
    return read


def read_metadata(file: Path) -> dict[str, Entry]:
    """What `submission_metadata.yml` says, by the name of a submission. Raises `ValueError` with a sentence."""
    try:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        with open_file(file, follow=True) as stream:
            data = stream.read(MAX_METADATA + 1)
        if len(data) > MAX_METADATA:
            raise ValueError("it is larger than 64 MiB")
        read = yaml.load(data.decode("utf-8"), loader)
    except ImportError:
        raise ValueError("install PyYAML for it (pip install pyyaml)") from None
    except OSError as error:
        raise ValueError(error.strerror) from None
    except (RecursionError, yaml.YAMLError) as error:
        raise ValueError(str(error).partition("\n")[0]) from None
    entries = read.items() if isinstance(read, dict) else ()
    return {name: _entry(each) for name, each in entries if isinstance(name, str) and isinstance(each, dict)}


def _read_metadata(file: Path) -> dict[str, Entry] | str:
    try:
        return read_metadata(file)
    except ValueError as error:
        return str(error)


def _entry(entry: dict[str, Any]) -> Entry:
    submitters = entry.get(":submitters")
    words: list[str] = []
    for submitter in submitters if isinstance(submitters, list) else []:
        if isinstance(submitter, dict):
            told = [submitter.get(field) for field in (":sid", ":email", ":name")]
            words += [str(value) for value in told if isinstance(value, str | int) and value]
            break  # of a group, the first: the roster says who is in it
    return Entry(tuple(words), _moment(entry.get(":created_at")))


def _moment(value: object) -> str:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace(" Z", "+00:00").replace(" UTC", "+00:00"))
        except ValueError:
            return ""
    if not isinstance(value, datetime):
        return ""
    return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).isoformat(timespec="seconds")
