"""Whose a submission is: names as Canvas, Moodle and Gradescope download them, matched to the class list.

    Gradescope  submission_46402163/     a number; names and times are in submission_metadata.yml beside it

What other platforms write in names is in `platforms.py`. Several files or folders of one student are one submission (`several.py`): of those
with the same name the newest one counts, and the others are there beside it.

Other names are taken for a student's id, login, e-mail address, name, or for a group. Nobody is guessed: a name that fits two
students fits none, and is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autograder.course.bounded import Bounded, Stopped
from autograder.course.find import Found
from autograder.course.folder import open_file
from autograder.course.platforms import Claim, claim_of
from autograder.course.roster import Person, Roster, names_of, plain_name
from autograder.course.several import joined
from autograder.course.tree import key, shown

METADATA = "submission_metadata.yml"
MAX_METADATA = 64 * 2**20


@dataclass(frozen=True)
class Entry:
    """What Gradescope's export says about one submission."""

    words: tuple[str, ...]  # as in a claim
    moment: str  # ISO 8601, "" when it says none


def identify(found: Iterable[Found], roster: Roster, bounded: Bounded | None = None) -> tuple[list[Found], list[str]]:
    """`found` with the ids that the roster has, and what a person should look at. `bounded` reads what platforms wrote.

    Those of one student are put together, whether a class list knows them or not.
    """
    problems: list[str] = []
    metadata: dict[Path, dict[str, Entry]] = {}
    matched: list[tuple[Found, str, Claim]] = []
    unknown: dict[str, list[str]] = {}
    late: dict[str, str] = {}
    for each in found:
        path = Path(each.source)
        entry = _gradescope(path, metadata, problems, bounded)
        claim = Claim(entry.words or (each.id,)) if entry is not None else claim_of(path.name, each.id)
        if entry is not None and not each.handed_in and entry.moment:
            each = replace(each, handed_in=entry.moment, clock="platform")
        fits = _who(claim, roster)
        who = fits[0] if len(fits) == 1 else ""
        if not who and roster.people:
            what = f"could be {' or '.join(fits[:4])}" if fits else "is nobody of the class list"
            unknown.setdefault(claim.owner or path.name, []).append(f"{shown(path.name)} {what}")
        if claim.late and not each.handed_in:
            late.setdefault(who or claim.owner, shown(path.name))
        matched.append((each, who, claim))
    for said in unknown.values():
        more = f" ({len(said) - 1} more of the same student)" if len(said) > 1 else ""
        problems.append(f"{said[0]}{more}; graded under its own name.")
    problems += [f"{name}: the platform marks it as late, but not by how much; see --times." for name in late.values()]
    return _one_each(matched), problems


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


def _one_each(matched: list[tuple[Found, str, Claim]]) -> list[Found]:
    """One submission for each student, in the order in which the first file of each came."""
    together: dict[str, list[tuple[Found, Claim]]] = {}
    for index, (each, who, claim) in enumerate(matched):
        owner = f"of {who}" if who else claim.owner or f"number {index}"
        if each.repository and owner in together:  # commits are not put together: the first one counts
            owner = f"number {index}"
        together.setdefault(owner, []).append((each, claim))
    names = {owner: owner.removeprefix("of ") for owner in together if owner.startswith("of ")}
    taken = {key(name) for name in names.values()}
    result = []
    for owner, parts in together.items():
        parts.sort(key=lambda part: -part[1].number)
        first = parts[0][0]
        own = shown(parts[0][1].words[0]) if len(parts) > 1 else first.id
        id, number = names.get(owner, own), 2
        if owner not in names:
            while key(id) in taken:
                id, number = f"{own}-{number}", number + 1
            taken.add(key(id))
        if len(parts) == 1:
            result.append(replace(first, id=id))
            continue
        newest = max((part for part, _ in parts), key=lambda part: part.handed_in)
        source = joined([part.source for part, _ in parts])
        result.append(Found(id, source, newest.handed_in, newest.clock))
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
