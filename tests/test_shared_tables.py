"""Tables that pages share: made from one file of facts, refreshed by `release`, held to it by `verify`."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import make_course, run

from autograder.lessons.tables import TableError, with_tables

FACTS = """
[properties]
norm = "Norm"
heads = "Heads"

[things.old]
name = "Old 1B"
norm = "LayerNorm"
heads = "8"
sources = ["[paper](https://example.org/old)"]

[things.new]
name = "New 7B"
norm = "RMSNorm"
sources = ["[configuration](https://example.org/new)", "section 2"]
"""
PLACE = "<!-- table families: {} -->\n{}<!-- end of table -->\n"
SIDE_BY_SIDE = """
| | Old 1B | New 7B |
| --- | --- | --- |
| Norm | LayerNorm | RMSNorm |
| Heads | 8 | — |

Where these facts are from:

- Old 1B: [paper](https://example.org/old)
- New 7B: [configuration](https://example.org/new); section 2

"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lectures/tables").mkdir(parents=True)
    (tmp_path / "lectures/tables/families.toml").write_text(FACTS, "utf-8")
    return tmp_path


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_few_things_stand_side_by_side(root: Path) -> None:
    page = "# A page\n\n" + PLACE + "\nAfterwards.\n"
    made = with_tables(page.format("old new", "whatever was here\n"), root)
    assert lines(made) == lines(page.format("old new", SIDE_BY_SIDE))
    assert with_tables(made, root) == made


def test_a_property_that_none_has_is_left_out(root: Path) -> None:
    assert "Heads" not in with_tables(PLACE.format("new", ""), root)


def test_all_of_them_are_rows(root: Path) -> None:
    made = with_tables(PLACE.format("all", ""), root)
    assert "| **Old 1B** | LayerNorm | 8 |\n| **New 7B** | RMSNorm | — |" in made


def test_pages_without_a_table_need_no_facts(tmp_path: Path) -> None:
    assert with_tables("# A page\n", tmp_path) == "# A page\n"


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("", "", "old newer", "there is no newer. There are old, new"),
        ('heads = "8"', 'head = "8"', "old", "families.toml: old: no property head"),
        ('name = "New 7B"', "", "old", "new: a name and sources belong to each thing"),
        ("[properties]", "[properties", "old", "lectures/tables/families.toml can't be read"),
        ("[properties]", "[other]", "old", "can't be read: 'properties'"),
    ],
)
def test_what_is_wrong_is_said(root: Path, old: str, new: str, place: str, said: str) -> None:
    (root / "lectures/tables/families.toml").write_text(FACTS.replace(old, new), "utf-8")
    with pytest.raises(TableError, match=said.replace("[", r"\[").replace(".", r"\.")):
        with_tables(PLACE.format(place, ""), root)


def test_release_writes_them_and_says_what_is_wrong(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    page = root / "lectures/README.md"
    page.write_text("# Lectures\n\n" + PLACE.format("old", ""), "utf-8")
    done = run(root, "release")
    assert done.code == 2 and "lectures/README.md: lectures/tables/families.toml can't be read" in done.said
    (root / "lectures/tables").mkdir()
    (root / "lectures/tables/families.toml").write_text(FACTS, "utf-8")
    assert run(root, "release").code == 0
    assert "| Heads | 8 |" in page.read_text("utf-8")
