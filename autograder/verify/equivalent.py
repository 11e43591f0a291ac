"""Mutants that compute the same as the reference, recorded by a person with the reason: `equivalent.toml` of an exercise.

    [[equivalent]]
    scope = "train"                        # the function, qualified
    old = "while len(vocab) < vocab_size:" # the line as it is, without its comment
    new = ["while len(vocab) != vocab_size:"]  # what mutants make of it; one string or several
    why = "The vocabulary grows by one at a time, and vocab_size is at least its first size."

Entries go by what the code says, not by line numbers: they stay right when something else changes. `nth = 2` means the second
of equal changes in one function.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.verify import anyway
from autograder.verify.mutation import Mutant

FILE = "equivalent.toml"
_KEYS = {"scope", "old", "new", "nth", "why"}
_Name = tuple[str, str, str, int]
_Declared = tuple[set[str], str, str | None, str, bool]  # scopes, kind, about, the reason, whether it is open


@dataclass
class Equivalents:
    """The entries of one file, and what is wrong with it."""

    entries: dict[_Name, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Equivalents:
        """The entries of `path`; none when there is no such file. What can't be read is a problem, never an exception."""
        found = cls()
        if not path.exists():
            return found
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            found.wrong.append(f"{path.name} can't be read: {error}")
            return found
        tables = data.get("equivalent", [])
        if set(data) - {"equivalent", "general"} or not isinstance(tables, list):
            found.wrong.append(f"{path.name}: it holds [[equivalent]] and [[general]] tables and nothing else")
            return found
        for number, table in enumerate(tables, 1):
            found._add(table, f"{path.name}, entry {number}")
        return found

    def _add(self, table: object, where: str) -> None:
        if not isinstance(table, dict) or set(table) - _KEYS or not {"old", "new", "why"} <= set(table):
            self.wrong.append(
                f"{where}: it needs old, new and why; scope and nth are optional, other keys are not known"
            )
            return
        news = table["new"] if isinstance(table["new"], list) else [table["new"]]
        scope, old, why, nth = table.get("scope", ""), table["old"], table["why"], table.get("nth", 1)
        if not all(isinstance(text, str) for text in (scope, old, why, *news)) or not isinstance(nth, int):
            self.wrong.append(f"{where}: scope, old, new and why are texts, nth is a number")
        elif not why.strip():
            self.wrong.append(f"{where}: say why the mutant computes the same")
        else:
            self.entries |= {(scope, old, new, nth): why for new in news}

    def reason(self, mutant: Mutant) -> str:
        """Why `mutant` is equivalent, or "" when nobody says so."""
        said = self.entries.get((mutant.scope, mutant.old, mutant.new, mutant.nth), "")
        return said or anyway.reason(mutant.reference, mutant.source)

    def problems(self, every: Sequence[Mutant], killed: Sequence[Mutant]) -> list[str]:
        """What is wrong with the file: entries of no mutant, and of mutants that some check kills."""
        names = {(each.scope, each.old, each.new, each.nth) for each in every}
        dead = {(each.scope, each.old, each.new, each.nth) for each in killed}
        stale = [
            f"{FILE}: no mutant of {scope or 'the module'} turns {old!r} into {new!r} (any more); remove or mend the entry"
            for scope, old, new, nth in self.entries
            if (scope, old, new, nth) not in names
        ]
        stale += [
            f"{FILE}: a check tells {new!r} from {old!r} in {scope or 'the module'}, so it is not equivalent; remove the entry"
            for scope, old, new, nth in self.entries
            if (scope, old, new, nth) in dead
        ]
        return self.wrong + stale


@dataclass
class DeclaredGenerals:
    """The `[[general]]` tables of the file: general mistakes that are none in this exercise.

    [[general]]
    scope = "sinusoidal"  # the function, or several
    kind = "memo"
    about = "options"     # may be left out: all of this kind and scope
    why = "…"             # or open = "…": a mistake that no check rejects yet, and what is missing

    What is open is counted and shown, and does not make `verify` fail; as soon as some check rejects all of it, the entry is
    reported.
    """

    entries: list[_Declared] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> DeclaredGenerals:
        """The entries of `path`; a file that can't be read has none, and whoever reads mutants' entries says so."""
        found = cls()
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8")).get("general", [])
        except FileNotFoundError:
            return found
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            found.wrong.append(f"{path.name} can't be read: {error}")
            return found
        for number, table in enumerate(tables if isinstance(tables, list) else [tables], 1):
            found._add(table, f"{path.name}, [[general]] {number}")
        return found

    def _add(self, table: object, where: str) -> None:
        known = {"scope", "kind", "about", "why", "open"}
        needed = {"scope", "kind"}
        if (
            not isinstance(table, dict)
            or set(table) - known
            or not needed <= set(table)
            or ("why" in table) == ("open" in table)
        ):
            self.wrong.append(
                f"{where}: it needs scope, kind, and why or open; about is optional, other keys are not known"
            )
            return
        scopes = table["scope"] if isinstance(table["scope"], list) else [table["scope"]]
        kind, about, why = table["kind"], table.get("about"), table["open" if "open" in table else "why"]
        if not isinstance(why, str) or not all(isinstance(text, str) for text in (*scopes, kind, about or "")):
            self.wrong.append(f"{where}: scope, kind, about and why are texts (scope may be a list of them)")
        elif not why.strip():
            self.wrong.append(f"{where}: say why it is no mistake here")
        else:
            self.entries.append((set(scopes), kind, about, why, "open" in table))

    def reason(self, scope: str, kind: str, about: str) -> str:
        """Why this one is no mistake, or "" when nobody says so."""
        return next((entry[3] for entry in self.entries if not entry[4] and _fits(entry, (scope, kind, about))), "")

    def open(self, scope: str, kind: str, about: str) -> str:
        """What is missing to reject this one, or "" when nobody says so."""
        return next((entry[3] for entry in self.entries if entry[4] and _fits(entry, (scope, kind, about))), "")

    def problems(self, every: Sequence[tuple[str, str, str]], survived: Sequence[tuple[str, str, str]]) -> list[str]:
        """What is wrong with the entries: those of no general mistake, and those of mistakes that some check rejects."""
        stale = []
        for entry in self.entries:
            scopes, kind, about, _, is_open = entry
            what = f"{FILE}: [[general]] {kind!r}{f' ({about})' if about else ''} of {', '.join(sorted(scopes))}"
            if not any(_fits(entry, name) for name in every):
                stale.append(f"{what}: the tool makes no such mistake (any more); remove or mend the entry")
            elif not any(_fits(entry, name) for name in survived):
                so = "it is open no longer" if is_open else "it is a mistake"
                stale.append(f"{what}: a check rejects it, so {so}; remove the entry")
        return self.wrong + stale


def _fits(entry: _Declared, name: tuple[str, str, str]) -> bool:
    scopes, kind, about, *_ = entry
    return name[0] in scopes and name[1] == kind and about in (None, name[2])


def entry(mutant: Mutant) -> str:
    """What to paste into `equivalent.toml` for a mutant; the reason is left to write."""
    lines = ["[[equivalent]]"]
    if mutant.scope:
        lines.append(f"scope = {toml_text(mutant.scope)}")
    lines += [f"old = {toml_text(mutant.old)}", f"new = {toml_text(mutant.new)}"]
    if mutant.nth > 1:
        lines.append(f"nth = {mutant.nth}")
    return "\n".join([*lines, 'why = ""'])


def toml_text(text: str) -> str:
    """A TOML string."""
    if "'" not in text and "\n" not in text:
        return f"'{text}'" if '"' in text or "\\" in text else f'"{text}"'
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
