"""The course secret: made once, one for each term, never replaced by another without saying so."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from command_line import here, make_course

from autograder.grading.secret import (
    SecretError,
    begin_term,
    fingerprint,
    load_secret,
    restore_backup,
    term_of,
    write_backup,
)


def test_it_is_made_on_first_use_and_for_its_owner_only(tmp_path: Path) -> None:
    made = load_secret(tmp_path / "p")
    assert load_secret(tmp_path / "p") == made and len(made) == 32
    assert stat.S_IMODE((tmp_path / "p/secret").stat().st_mode) == 0o600
    assert made.hex() not in (tmp_path / "p/secret.id").read_text("utf-8")


def test_when_it_is_gone_nothing_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    made = load_secret(tmp_path)
    write_backup(tmp_path, tmp_path / "backup")
    (tmp_path / "secret").unlink()
    with pytest.raises(SecretError, match=f"is gone \\(fingerprint {fingerprint(made)}\\)"):
        load_secret(tmp_path)
    (tmp_path / "secret").write_text("ab" * 32 + "\n")
    with pytest.raises(SecretError, match="is not the one that this class is graded with"):
        load_secret(tmp_path)
    assert restore_backup(tmp_path, tmp_path / "backup") == made == load_secret(tmp_path)
    assert [path.read_text().strip() for path in tmp_path.glob("secret.*") if path.name != "secret.id"] == ["ab" * 32]


def test_a_secret_of_before_there_was_an_identity_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("cd" * 32 + "\n")
    assert load_secret(tmp_path) == bytes.fromhex("cd" * 32)
    assert json.loads((tmp_path / "secret.id").read_text())["fingerprint"] == fingerprint(bytes.fromhex("cd" * 32))


def test_a_term_has_its_own_secret_results_and_class_list(tmp_path: Path) -> None:
    first = load_secret(tmp_path)
    for name in ("results.sqlite", "roster.csv", "report/index.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    second, moved = begin_term(tmp_path, "2027-spring")
    assert second != first and term_of(tmp_path) == "2027-spring" and load_secret(tmp_path) == second
    assert moved is not None and load_secret(moved) == first and not (tmp_path / "results.sqlite").exists()
    assert (moved / "report/index.html").read_text() == "report/index.html"
    third, moved = begin_term(tmp_path, "2027-autumn")
    assert moved == tmp_path / "terms/2027-spring" and third not in (first, second)
    for name in ("2027-autumn", "2027-spring", "../x", ""):
        with pytest.raises(SecretError):
            begin_term(tmp_path, name)
    assert load_secret(tmp_path) == third


@pytest.mark.parametrize(
    "text", ["", "{}", '{"what": "x"', '{"what": "llm-internals course secret", "secret": "zz"}', "[]"]
)
def test_backups_that_are_none(tmp_path: Path, text: str) -> None:
    made = load_secret(tmp_path / "p")
    (tmp_path / "backup").write_text(text)
    with pytest.raises(SecretError, match="is not a backup of a course secret, or was cut short"):
        restore_backup(tmp_path / "p", tmp_path / "backup")
    with pytest.raises(SecretError, match="exists already"):
        write_backup(tmp_path / "p", tmp_path / "backup")
    assert load_secret(tmp_path / "p") == made


def test_on_the_command_line(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    shown = here(root, "secret", "show")
    secret = (root / ".autograder/secret").read_text().strip()
    assert shown.code == 0 and "Secret " in shown.flat and secret not in shown.out
    assert here(root, "secret", "backup", tmp_path / "b").code == 0
    assert "for 2027-spring" in here(root, "secret", "new", "2027-spring").flat
    assert "is in use again" in here(root, "secret", "restore", tmp_path / "b").flat
    assert (root / ".autograder/secret").read_text().strip() == secret
    none = here(root, "secret", "restore", tmp_path / "none")
    assert none.code == 2 and "can't be read" in none.said
