"""The results file: what is written is read back; what goes wrong is said with advice, and nothing is spoilt."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from older_files import make_older

from autograder.results import (
    CaseResult,
    CheckResult,
    Diagnosis,
    Difference,
    ExerciseResult,
    Message,
    Place,
    Provenance,
    Result,
    from_json,
    to_json,
)
from autograder.store import Ledger, Store, StoreError
from autograder.store.formats import VERSION


def result(run: str, name: str = "ada", verdict: str = "passed", key: str = "k1", hash: str = "h1") -> Result:
    case = CaseResult(
        title="多语言 \ud83d".encode("utf-8", "replace").decode(),
        public=True,
        verdict=verdict,  # type: ignore[arg-type]
        difference=Difference(kind="value", index=[0, 1], error=1e-3, tolerance=1e-5, wrong=1, total=4),
        message=Message(id="run.raised", values={"exception": "ValueError", "builtin": True}),
        place=Place(file="f.py", line=3),
        margin=0.5,
    )
    check = CheckResult(
        name="c", claim="It holds.", points=2, verdict=verdict, earned=2, cases=[case], diagnosis=Diagnosis(sentences=["x"])  # type: ignore[arg-type]
    )  # fmt: skip
    exercise = ExerciseResult(exercise="a/b", title="B", points=2, verdict=verdict, key=key, checks=[check])  # type: ignore[arg-type]
    return Result(
        submission=name,
        source="s",
        hash=hash,
        run=run,
        graded_at="2026-01-01T00:00:00+00:00",
        provenance=Provenance(engine="1", engine_hash="2", course_hash="3"),
        exercises=[exercise],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "results.sqlite"


def filled(path: Path, count: int = 1) -> str:
    with Store(path) as store:
        run = store.start_run().id
        for number in range(count):
            store.save(result(run, f"s{number:03}", key=f"k{number}"), {f"o{number}": os.urandom(1000)})
    return run


def contents(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- what it keeps ---------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(path: Path) -> None:
    with Store(path) as store:
        run = store.start_run(note="first")
        saved = result(run.id)
        store.save(saved, {"o": b"\x00observation"})
    with Store(path) as store:
        assert store.results(run.id) == [saved] and store.result("ada") == saved == store.result("ada", run.id)
        assert store.result("bob") is None and store.result("ada", "other") is None
        assert store.exercises(["k1", "k2"]) == {"k1": saved.exercises[0]}
        assert store.observation("o") == b"\x00observation" and store.observation("p") is None
        assert [(row.id, row.kind, row.note, row.finished) for row in store.runs()] == [
            (run.id, "grade", "first", None)
        ]


def test_a_result_as_json(path: Path) -> None:
    saved = result("r")
    assert from_json(to_json(saved)) == saved and to_json(saved) == to_json(from_json(to_json(saved)))
    with pytest.raises(msgspec.ValidationError, match="this version reads"):
        from_json(to_json(msgspec.structs.replace(saved, schema="llm-internals/result/0")))
    with pytest.raises(msgspec.ValidationError):
        from_json(to_json(saved).replace(b'"submission"', b'"student"'))


def test_runs_are_named_apart_and_the_last_is_found(path: Path) -> None:
    with Store(path) as store:
        ids = [store.start_run().id for _ in range(5)]
        other = store.start_run("rejudge")
        assert len({*ids, other.id}) == 6 and [row.id for row in store.runs()] == sorted([*ids, other.id])
        store.finish_run(ids[0])
        assert next(row for row in store.runs() if row.id == ids[0]).finished
        latest, rejudged = store.latest_run("grade"), store.latest_run("rejudge")
        assert latest is not None and latest.id in ids and rejudged is not None and rejudged.id == other.id


def test_within_a_run_the_last_result_of_a_submission_counts(path: Path) -> None:
    with Store(path) as store:
        run, later = store.start_run().id, store.start_run().id
        for verdict, hash in (("failed", "h1"), ("passed", "h2")):
            store.save(result(run, verdict=verdict, key=hash, hash=hash), {})
        store.save(result(later, verdict="timeout", key="h3", hash="h3"), {})
        assert [each.hash for each in store.results(run)] == ["h2"]
        newest = store.result("ada")
        assert newest is not None and newest.hash == "h3"
        assert set(store.exercises(["h1", "h2", "h3"])) == {"h1", "h2", "h3"}


def test_a_blocked_exercise_does_not_replace_what_was_graded(path: Path) -> None:
    with Store(path) as store:
        run = store.start_run().id
        graded = result(run).exercises[0]
        blocked = result(run, verdict="blocked")
        store.save(blocked, {}, [graded])
        store.save(blocked, {})
        assert store.exercises(["k1"]) == {"k1": graded}
        assert store.results(run)[0].exercises[0].verdict == "blocked"


def test_what_has_no_key_is_not_reused(path: Path) -> None:
    with Store(path) as store:
        store.save(result(store.start_run().id, key=""), {})
        assert store.exercises([""]) == {}


def test_another_process_reads_while_this_one_writes(path: Path) -> None:
    with Store(path) as writer, Store(path) as reader:
        run = writer.start_run().id
        for number in range(5):
            writer.save(result(run, f"s{number}"), {})
            assert len(reader.results(run)) == number + 1


def test_two_that_start_at_once(path: Path) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            with Store(path) as store:
                store.save(result(store.start_run().id, threading.current_thread().name), {})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store(path) as store:
        assert sum(len(store.results(run.id)) for run in store.runs()) == 8


def test_the_folder_is_private(path: Path) -> None:
    filled(path)
    assert path.parent.stat().st_mode & 0o077 == 0


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_locked_database(path: Path) -> None:
    filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with Store(path) as store:
            store._db.execute("PRAGMA busy_timeout = 50")
            with pytest.raises(StoreError, match="another grading run is writing to it: wait for it"):
                store.start_run()
            assert len(store.runs()) == 1  # reading goes on
            other.execute("ROLLBACK")
            store.start_run()  # and writing too, once it is free
    finally:
        other.close()


def test_a_full_disk_keeps_what_was_written(path: Path) -> None:
    run = filled(path, 3)
    with Store(path) as store:
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError, match="the disk is full: make room and run the same command again"):
            store.save(result(run, "late"), {"big": os.urandom(200_000)})
        assert len(store.results(run)) == 3  # not half of it
        store._db.execute("PRAGMA max_page_count = 100000")
        store.save(result(run, "late"), {"big": os.urandom(200_000)})
        assert len(store.results(run)) == 4


def test_a_failure_in_the_middle_of_a_write_leaves_nothing_of_it(path: Path) -> None:
    run = filled(path)
    with Store(path) as store:
        with pytest.raises(TypeError):
            store.save(result(run, "half"), {"o": "text"})  # type: ignore[dict-item]
        assert store.result("half") is None
        store.save(result(run, "whole"), {})
    with pytest.raises(StoreError), Store(path) as store:
        store._db.execute("DROP TABLE piece")
        store.save(result(run, "half"), {"o": b"x"})
    assert sqlite3.connect(path).execute("SELECT COUNT(*) FROM result WHERE submission = 'half'").fetchone() == (0,)


@pytest.mark.parametrize(
    "text",
    [b"this is no database, but long enough to be told apart from one" * 20, b"SQLite format 3\x00" + b"\xff" * 4000],
)
def test_a_file_that_is_no_database(path: Path, text: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(text)
    with pytest.raises(StoreError, match="restore it from a backup, or move it away"):
        Store(path)
    assert path.read_bytes() == text


@pytest.mark.parametrize("table", ["result", "exercise", "piece"])
def test_a_damaged_record(path: Path, table: str) -> None:
    run = filled(path)
    reads: dict[str, list[Callable[[Store], object]]] = {
        "result": [lambda store: store.results(run)],
        "exercise": [lambda store: store.exercises(["k0"])],
        "piece": [lambda store: store.observation("o0"), lambda store: store.results(run)],
    }
    for damage in (b"damaged", b"", msgspec.json.encode({"a": 1}), b"\x03damaged"):
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE {table} SET data = ?", (damage,))
        with Store(path) as store:
            for read in reads[table]:
                with pytest.raises(StoreError, match="it is damaged: restore it from a backup"):
                    read(store)


def test_a_file_with_damaged_pages(path: Path) -> None:
    run = filled(path, 50)
    data = bytearray(path.read_bytes())
    data[8192:-4096] = os.urandom(len(data) - 12288)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"restore it from a backup|check the path"), Store(path) as store:
        store.results(run)
        store.exercises([f"k{n}" for n in range(50)])


def test_another_format(path: Path) -> None:
    filled(path)
    for version in (VERSION + 1, 99):
        with sqlite3.connect(path) as db:
            db.execute(f"PRAGMA user_version = {version}")
        before = contents(path)
        with pytest.raises(
            StoreError, match=rf"written by another version \(format {version}, this one reads {VERSION}\)"
        ):
            Store(path)
        assert contents(path) == before


def test_a_database_of_another_program(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    before = contents(path)
    with pytest.raises(StoreError, match="a database of another program; use another file with --results"):
        Store(path)
    assert contents(path) == before and os.listdir(path.parent) == [path.name]


def test_a_path_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="check the path"):
        Store(tmp_path / "file" / "results.sqlite")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError):
        Store(tmp_path / "folder")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_read_only_place(what: str) -> None:
    """As another user where this one may do anything (root)."""
    folder = Path(tempfile.mkdtemp(prefix="store-"))
    path = folder / "results.sqlite"
    try:
        filled(path)
        if what == "folder":
            path.unlink()
        path.parent.chmod(0o555)
        if what == "file":
            path.chmod(0o444)
        before = contents(path) if what == "file" else ""
        code = (
            "import os, sys; from pathlib import Path; from autograder.store import Ledger, Store, StoreError\n"
            "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
            "try: Store(Path(sys.argv[1])).start_run()\n"
            "except StoreError as error: sys.exit(f'StoreError: {error}')"
        )
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
        assert done.stderr.startswith("StoreError: ") and "Traceback" not in done.stderr
        assert "--results" in done.stderr or "check the path" in done.stderr
        assert what == "folder" or contents(path) == before
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_killed_writer_leaves_whole_results(path: Path) -> None:
    """SIGKILL between two writes and within one: what is there can be read, and writing goes on."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]); import test_store as t\n"
        "store = t.Store(Path(sys.argv[1])); run = store.start_run().id\n"
        "for n in range(10**6):\n"
        "    store.save(t.result(run, f's{n}', key=f'k{n}'), {f'o{n}': t.os.urandom(50_000)})\n"
        "    print(n, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    written = 0
    for line in process.stdout:
        written = int(line) + 1
        if written == 10:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    with Store(path) as store:
        run = store.runs()[0].id
        assert len(store.results(run)) >= written
        assert all(store.observation(f"o{n}") for n in range(written))
        store.save(result(run, "after"), {})
        assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# --- marks, decisions, and a file of an older version -----------------------------------------------------------------


def test_a_file_of_format_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """As it was before scores: results alone, without marks or decisions."""
    path = tmp_path / "old.sqlite"
    with Store(path) as store:
        run = store.start_run()
        for name in ("ada", "bob"):
            store.save(result(run.id, name), {})
        marks = store.marks()
    assert [(mark.submission, mark.exercise, mark.earned) for mark in marks] == [("ada", "a/b", 2), ("bob", "a/b", 2)]
    make_older(path, 1)
    for _ in range(2):
        with Store(path) as store:
            assert store.marks() == marks and store.marks("none") == [] and len(store.results(run.id)) == 2
            assert Ledger(store).adjustments() == []


def test_decisions_are_only_ever_added(tmp_path: Path) -> None:
    with Store(tmp_path / "results.sqlite") as store:
        ledger = Ledger(store)
        first = ledger.adjust("ada", "t/e", "points", "3", by="prof", why="x", was=2)
        second = ledger.adjust("bob", "t/e", "excuse", by="prof", why="y")
        assert ledger.adjustments() == [first, second] and ledger.adjustments("bob") == [second]
        assert ledger.take_back(first.number, by="prof", why="z") == first
        assert ledger.adjustments() == [second]
        with pytest.raises(StoreError, match="no adjustment number 1"):
            ledger.take_back(first.number, by="prof", why="z")
        assert len(store.rows("SELECT * FROM adjustment")) == 3
        ledger.publish("one", by="prof")
        ledger.publish("two", by="prof")
        ledger.publish("one", by="prof", shown=False)
        assert ledger.published() == {"two"}
