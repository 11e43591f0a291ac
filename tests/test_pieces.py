"""How results are laid down: nothing of them is lost in pieces, and what a class has in common is stored once."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace
from older_files import make_older
from test_store import result

from autograder.results import CaseResult, CheckResult, ExerciseResult, Result, from_json
from autograder.store import Store, StoreError, standing
from autograder.store.join import join, news, rows, write_pages
from autograder.store.pieces import Packed, Pieces, lay, name_of, packed, split

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PARTS = {
    "str": TEXT,
    "int": st.integers(0, 9),
    "bool": st.booleans(),
    "float": st.floats(0, 9),
    "float | None": st.none() | st.floats(0, 9),
    "dict[str, str]": st.dictionaries(TEXT, TEXT, max_size=2),
    "dict[str, Any]": st.dictionaries(TEXT, TEXT | st.lists(st.integers()) | st.none(), max_size=2),
    "dict[str, float]": st.dictionaries(TEXT, st.floats(0, 9), max_size=2),
}
"""By its annotation: a strategy for a field. Fields of other types keep their default."""


def records(kind: type, **more: st.SearchStrategy) -> st.SearchStrategy:
    known = {each.name: PARTS[each.type] for each in fields(kind) if isinstance(each.type, str) and each.type in PARTS}
    known |= {each.name: PARTS[name] for each in fields(kind) if (name := _named(each.type)) in PARTS}
    return st.builds(kind, **{**known, **more})


def _named(annotation: object) -> str:
    text = (
        annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation)
    )
    return text.replace("typing.", "")


VERDICTS = st.sampled_from(["passed", "failed", "timeout"])
CASES = records(CaseResult, verdict=VERDICTS)
CHECKS = records(
    CheckResult, verdict=VERDICTS, cases=st.lists(CASES, max_size=2), smallest=st.none() | CASES, diagnosis=st.none()
)
EXERCISES = records(ExerciseResult, verdict=VERDICTS, profile=st.just("default"), checks=st.lists(CHECKS, max_size=2))


def put_together(exercise: ExerciseResult) -> ExerciseResult:
    laid = lay(exercise, {})
    return Pieces(laid.pieces.__getitem__).exercise(laid.names)


@given(EXERCISES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_lost_in_pieces(exercise: ExerciseResult) -> None:
    assert put_together(exercise) == msgspec.json.decode(msgspec.json.encode(exercise), type=ExerciseResult)


def test_the_strategies_reach_the_fields() -> None:
    """The control: else the test above would say little."""
    assert {_named(each.type) for each in fields(CaseResult)} >= {"str", "bool", "float", "dict[str, str]"}


def test_what_looks_as_expected_is_not_written_twice() -> None:
    case = CaseResult(title="t", public=True, verdict="passed", got="tensor([1, 2])", want="tensor([1, 2])")
    check = CheckResult(name="c", claim="It holds.", points=1, verdict="passed", cases=[case, replace(case, got="")])
    exercise = ExerciseResult(exercise="a/b", title="B", points=1, verdict="passed", checks=[check])
    frame, own = split(exercise)
    assert b"tensor" in frame and b"It holds." in frame
    assert b"tensor" not in own and b"It holds." not in own
    assert put_together(exercise) == exercise


def test_a_field_of_a_later_version_is_the_answers_own() -> None:
    """Whoever adds one need not say so here."""

    class Later(CaseResult):
        more: str = ""

    case = Later(title="t", public=True, verdict="passed", more="new")
    check = CheckResult(name="c", claim="It holds.", points=1, verdict="passed", cases=[case])
    frame, own = split(ExerciseResult(exercise="a/b", title="B", points=1, verdict="passed", checks=[check]))
    assert b"new" in own and b"new" not in frame


def answer(name: str, wrong: bool) -> Result:
    """One of a class: an answer to an exercise with long inputs."""
    verdict = "failed" if wrong else "passed"
    texts = [" ".join(name_of(f"{number}.{word}".encode()).hex() for word in range(40)) for number in range(10)]
    cases = [
        CaseResult(title=f"case {number}", public=True, verdict=verdict, inputs={"x": text}, want=text[::-1])
        for number, text in enumerate(texts)
    ]
    for case in cases:
        case.got = f"not what {name} wanted" if wrong else case.want
    check = CheckResult(name="c", claim="It holds.", points=2, verdict=verdict, cases=cases)
    one = ExerciseResult(exercise="a/b", title="B", points=2, verdict=verdict, key=name, checks=[check])
    return replace(result("", name), exercises=[one])


def test_a_class_is_stored_as_what_differs(tmp_path: Path) -> None:
    members = [answer(f"s{number:02}", wrong=number % 4 == 0) for number in range(20)]
    with Store(tmp_path / "results.sqlite") as store:
        run = store.start_run().id
        for each in members:
            store.save(replace(each, run=run), {})
        assert list(standing(store)) == [replace(each, run=run) for each in members]
        ((stored,),) = store.rows("SELECT SUM(LENGTH(data)) FROM piece")
        assert len(store.rows("SELECT * FROM piece")) == 1 + 1 + len(members), "provenance, frame, and each one's own"
    one = len(zlib.compress(msgspec.json.encode(members[0]), 6))
    assert stored < 3 * one, "not twenty times"


def test_what_is_packed_elsewhere_is_stored_as_it_is(tmp_path: Path) -> None:
    with Store(tmp_path / "results.sqlite") as store:
        saved = result(store.start_run().id)
        (exercise,) = saved.exercises
        laid = lay(exercise, {})
        store.save(saved, {"o": Packed(packed(b"seen"))}, laid=[(exercise, laid)])
        assert store.read(1) == saved and store.exercises(["k1"]) == {"k1": exercise}
        assert store.observation("o") == b"seen"
        assert {(bytes(name), data) for name, data in store.rows("SELECT hash, data FROM piece")} >= {
            *laid.pieces.items()
        }


def test_writes_that_belong_together_are_all_written_or_none(tmp_path: Path) -> None:
    with Store(tmp_path / "results.sqlite") as store:
        run = store.start_run().id
        with pytest.raises(RuntimeError), store.transaction():
            store.save(result(run, "ada"), {})
            raise RuntimeError
        assert store.submissions() == [] and store.rows("SELECT COUNT(*) FROM piece") == [(0,)]
        with store.transaction():
            store.save(result(run, "ada"), {})
            store.save(result(run, "bob"), {})
        assert [each.submission for each in store.results(run)] == ["ada", "bob"]


def test_a_piece_that_is_missing_is_damage(tmp_path: Path) -> None:
    with Store(tmp_path / "results.sqlite") as store:
        run = store.start_run().id
        store.save(result(run), {})
        with store.transaction() as db:
            db.execute("DELETE FROM piece")
        for read in (lambda: store.results(run), lambda: store.exercises(["k1"])):
            with pytest.raises(StoreError, match=r"is missing.*it is damaged: restore it from a backup"):
                read()


def seen(of: Result, key: str) -> Result:
    """A result whose case returned what is stored under `key`."""
    of.exercises[0].checks[0].cases[0].observation = key
    return of


# --- files of earlier versions ---------------------------------------------------------------------------------------


@pytest.fixture
def older(tmp_path: Path) -> Iterator[tuple[Path, list[Result]]]:
    """A file of format 2, and what is in it."""
    path = tmp_path / "older.sqlite"
    with Store(path) as store:
        run = store.start_run().id
        for name, key in (("ada", "k1"), ("bob", "k2")):
            store.save(seen(result(run, name, key=key), f"o{name}"), {f"o{name}": b"seen"})
        before = store.results(run)
    make_older(path, 2)
    yield path, before


def test_a_file_of_format_2_is_read_and_written(older: tuple[Path, list[Result]]) -> None:
    path, before = older
    with closing(sqlite3.connect(path)) as db:
        kept = db.execute("SELECT data FROM result ORDER BY number").fetchall()
    for _ in range(2):
        with Store(path) as store:
            run = before[0].run
            assert store.results(run)[:2] == before and store.observation("oada") == b"seen"
            assert store.exercises(["k1"]) == {"k1": before[0].exercises[0]}
            assert [mark.submission for mark in store.marks()][:2] == ["ada", "bob"]
            store.save(result(run, "cyd", key="k9"), {})
            assert store.rows("SELECT data FROM result ORDER BY number")[:2] == kept, "they stay as they were written"
    assert all(from_json(zlib.decompress(data)) == each for (data,), each in zip(kept, before, strict=True))


def test_files_of_two_formats_are_joined_once(older: tuple[Path, list[Result]], tmp_path: Path) -> None:
    """A result keeps its identity where it was written first, whatever file it is copied to."""
    path, _ = older
    with Store(tmp_path / "new.sqlite") as new:
        own = seen(result(new.start_run().id, "cyd", key="k3"), "ocyd")
        new.save(own, {"ocyd": b"seen"})
        for _ in range(2):
            join(new, [path])
            assert {each.submission for each in standing(new)} == {"ada", "bob", "cyd"} and len(rows(new)) == 3
        with Store(path) as old:
            join(old, [new.path])
            assert {row.hash for row in rows(old)} == {row.hash for row in rows(new)}
            assert old.result("cyd") == own and old.exercises(["k3"]) == {"k3": own.exercises[0]}
            assert old.observation("ocyd") == b"seen"
            pages = write_pages(old, news(old, ()), tmp_path, most=1)
        assert len(pages) == 3
        with Store(tmp_path / "again.sqlite") as again:
            join(again, pages)
            assert [*standing(again)] == [*standing(new)]
