"""Which saves the watching commands see."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.cli.saves import Saves


def test_saves_are_seen_from_the_beginning_and_only_once(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one.py", "two.py", "three.py"))
    one.write_text("1\n")
    two.write_text("2\n")
    saves = Saves(lambda: [one, two, three], [tmp_path])
    one.write_text("longer\n")  # before anybody waits
    seen = iter(saves)
    assert next(seen) == [one]
    three.write_text("new\n")
    (tmp_path / "other.txt").write_text("of no concern\n")
    assert next(seen) == [three]
    temporary = tmp_path / ".two.py.swp"
    temporary.write_text("as editors do\n")
    os.replace(temporary, two)
    assert next(seen) == [two]
    one.unlink()
    one.write_text("back again\n")
    assert next(seen) == [one]
