"""Tables that several pages share, made from one file of facts, so that the pages agree.

A page says where, and which of the things that the file describes:

    <!-- table families: gpt2 llama1 llama2 -->
    <!-- end of table -->

The file is `lectures/tables/families.toml`. It names the properties in their order, and for each thing their values and where
they are from:

    [properties]
    norm = "Normalisation"

    [things.gpt2]
    name = "GPT-2"
    norm = "LayerNorm"
    sources = ["[paper](https://…)"]

Few things stand side by side, a column each; with `all` in place of names, each thing is a row.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "lectures/tables"
_PLACE = re.compile(
    r"^<!-- table (?P<table>[a-z0-9_-]+): (?P<things>[a-z0-9_. -]+?) -->\n(?P<made>.*?)^<!-- end of table -->$",
    re.MULTILINE | re.DOTALL,
)
UNKNOWN = "—"  # a property that the sources do not say


class TableError(Exception):
    """A table that can't be made; the text says what to mend."""


@dataclass(frozen=True)
class Facts:
    """What a file of facts says."""

    properties: dict[str, str]  # id → what people read
    things: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Facts:
        """Raises `TableError` for a file that is not there, can't be read, or says what it has no property for."""
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            properties, things = dict(raw["properties"]), dict(raw["things"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TableError(f"{FOLDER}/{path.name} can't be read: {error}") from None
        for name, thing in things.items():
            unknown = thing.keys() - properties.keys() - {"name", "sources"}
            if unknown or not thing.get("name") or not thing.get("sources"):
                wrong = (
                    f"no property {', '.join(sorted(unknown))}"
                    if unknown
                    else "a name and sources belong to each thing"
                )
                raise TableError(f"{FOLDER}/{path.name}: {name}: {wrong}")
        return cls(properties, things)

    def table(self, names: list[str]) -> str:
        """The Markdown of a table of these things, with their sources below it."""
        unknown = [name for name in names if name not in self.things and name != "all"]
        if unknown:
            raise TableError(f"there is no {', '.join(unknown)}. There are {', '.join(self.things)}")
        whole = names == ["all"]
        chosen = [self.things[name] for name in (self.things if whole else names)]
        if whole:
            rows = [["", *self.properties.values()]]
            rows += [[f"**{each['name']}**", *(each.get(key, UNKNOWN) for key in self.properties)] for each in chosen]
        else:
            rows = [["", *(each["name"] for each in chosen)]]
            rows += [
                [label, *(each.get(key, UNKNOWN) for each in chosen)]
                for key, label in self.properties.items()
                if any(key in each for each in chosen)
            ]
        rows.insert(1, ["---"] * len(rows[0]))
        lines = [f"| {' | '.join(row)} |" for row in rows]
        sources = [f"{each['name']}: {'; '.join(each['sources'])}" for each in chosen]
        return "\n".join([*lines, "", "Where these facts are from:", "", *(f"- {each}" for each in sources), ""])


def with_tables(text: str, root: Path) -> str:
    """The page `text` of the course in `root` with its tables made anew. Raises `TableError`."""

    def made(place: re.Match[str]) -> str:
        facts = Facts.read(root / FOLDER / f"{place['table']}.toml")
        head, end = place.group().split("\n", 1)[0], "<!-- end of table -->"
        return f"{head}\n\n{facts.table(place['things'].split())}\n{end}"

    return _PLACE.sub(made, text)
