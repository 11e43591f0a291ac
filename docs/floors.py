"""Writes the table of floors in `docs/architecture.md` from the contracts in `pyproject.toml` and the packages' docstrings.

python docs/floors.py
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- floors -->", "<!-- end of floors -->"


def floors() -> list[list[str]]:
    """The packages of each floor, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["id"] == "floors")
    return [[name.strip() for name in layer.split("|")] for layer in layers]


def purpose(name: str) -> str:
    """The first sentence of a module's or package's docstring, on one line."""
    path = ROOT / "autograder" / name
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def table() -> str:
    rows = ["| floor | | what it is |", "| ---: | --- | --- |"]
    all_floors = floors()
    for number, names in enumerate(all_floors):
        for name in names:
            folder = (ROOT / "autograder" / name).is_dir()
            link = f"[`{name}`](../autograder/{name if folder else f'{name}.py'})"
            rows.append(f"| {len(all_floors) - 1 - number} | {link} | {purpose(name)} |")
    return "\n".join(rows)


def page(text: str) -> str:
    """`text` with the table that belongs into it."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
