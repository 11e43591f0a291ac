"""The term's ledger: joining results files, and keeping them on a branch of a real remote, also when several do it at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import here, make_course
from msgspec.structs import replace
from test_merge import on_gpu, result

from autograder.results import ExerciseResult
from autograder.store import Ledger, Store, standing, standing_of
from autograder.store.branch import LedgerBranch, LedgerError
from autograder.store.join import join, rows

DAY = "2026-09-{:02}T10:00:00+00:00".format


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def graded(store: Store, name: str, *exercises: ExerciseResult, day: int = 1, kind: str = "grade") -> None:
    """A result of a run of its own, begun on that day."""
    run = begun(store, kind, day)
    of = result(*(exercises or [on_gpu()]), name=name)
    store.save(replace(of, run=run, graded_at=DAY(day)), {f"o{name}{day}": b"x"})


def begun(store: Store, kind: str, day: int) -> str:
    """A run that began on that day."""
    run, id = store.start_run(kind), f"202609{day:02}T100000Z-{len(store.runs())}"
    with store.transaction() as db:
        db.execute("UPDATE run SET started = ?, id = ? WHERE id = ?", (DAY(day), id, run.id))
    return id


def earned(store: Store) -> dict[str, int]:
    return {each.submission: each.earned for each in standing(store)}


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Store]:
    return lambda name: Store(tmp_path / f"{name}.sqlite")


# --- joining ---------------------------------------------------------------------------------------------------------


def test_what_was_graded_later_stands_in_whatever_order_files_are_joined(file: Callable[[str], Store]) -> None:
    with file("early") as early, file("late") as late:
        graded(early, "ada", on_gpu("failed"), day=1)
        graded(late, "ada", on_gpu("passed"), day=2)
        graded(late, "bob", day=2)
    for order in (("early", "late"), ("late", "early")):
        with file("-".join(order)) as store:
            for name in order:
                join(store, [file(name).path])
            assert earned(store) == {"ada": 5, "bob": 5}
            assert [row.written for row in rows(store)] == [DAY(1), DAY(2), DAY(2)]
            assert {mark.number for mark in store.marks()} == {1, 2, 3}
            assert [mark.earned for mark in store.marks() if mark.submission == "ada"] == [3, 5]


def test_joining_again_adds_nothing(file: Callable[[str], Store]) -> None:
    with file("a") as a:
        graded(a, "ada")
        Ledger(a).adjust("ada", "", "extend", "2d", by="prof", why="ill")
        Ledger(a).publish("numbers", by="prof")
    with file("b") as b:
        for _ in range(2):
            join(b, [file("a").path, file("a").path])
            assert len(rows(b)) == len(b.runs()) == len(Ledger(b).adjustments()) == 1
            assert Ledger(b).published() == {"numbers"}


def test_a_result_judged_again_stands_although_its_code_ran_earlier(file: Callable[[str], Store]) -> None:
    with file("a") as a, file("b") as b:
        graded(a, "ada", on_gpu("failed"), day=3)
        b.save(replace(result(on_gpu()), run=begun(b, "rejudge", 4), graded_at=DAY(3)), {})
        join(b, [a.path])
        join(a, [b.path])
        assert earned(a) == earned(b) == {"ada": 5}


def test_two_people_decide_at_once_and_numbers_stay_those_of_the_ledger(file: Callable[[str], Store]) -> None:
    with file("kept") as kept, file("mine") as mine:
        Ledger(kept).adjust("ada", "", "extend", "2d", by="prof", why="ill")
        join(mine, [kept.path])
        Ledger(kept).adjust("bob", "", "extend", "3d", by="prof", why="ill")
        wrong = Ledger(mine).adjust("cyd", "", "extend", "4d", by="tutor", why="wrong")
        Ledger(mine).take_back(wrong.number, by="tutor", why="it was dan")
        Ledger(mine).adjust("dan", "", "extend", "4d", by="tutor", why="right")
        join(mine, [kept.path])
        assert [(each.student, each.value) for each in Ledger(mine).adjustments()] == [
            ("ada", "2d"),
            ("bob", "3d"),
            ("dan", "4d"),
        ]
        assert [each.number for each in Ledger(kept).adjustments()] == [1, 2]
        assert {each.student: each.number for each in Ledger(mine).adjustments()} == {"ada": 1, "bob": 2, "dan": 5}
        join(kept, [mine.path])
        assert Ledger(kept).adjustments() == Ledger(mine).adjustments()


# --- the branch ------------------------------------------------------------------------------------------------------


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """The course's private repository on a server, with a commit on main."""
    bare, work = tmp_path / "course.git", tmp_path / "first"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    make_course(work)
    (work / ".gitignore").write_text(".autograder/\n")
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")
    git(work, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "-m", "course")
    git(work, "push", "--quiet", str(bare), "main")
    return bare


@pytest.fixture
def clone(tmp_path: Path, remote: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{remote}", name)
        return tmp_path / name

    return make


def test_what_one_machine_keeps_another_has(clone: Callable[[str], Path], remote: Path) -> None:
    one, two = clone("one"), clone("two")
    with Store(one / ".autograder/results.sqlite") as store:
        graded(store, "ada")
        Ledger(store).adjust("ada", "", "extend", "2d", by="prof", why="ill")
    assert "nothing was kept so far" in here(one, "ledger", "fetch").flat
    refused = here(one, "ledger", "keep")
    assert refused.code == 2 and "Whoever can read that repository" in refused.said and "--begin" in refused.said
    assert here(one, "ledger", "keep", "--begin").code == 0
    assert here(two, "ledger", "fetch").code == 0
    with Store(two / ".autograder/results.sqlite") as store:
        assert earned(store) == {"ada": 5} and store.observation("oada1") is None  # no check of it says that it has it
        assert [each.value for each in Ledger(store).adjustments()] == ["2d"]
    assert (
        git(two, "status", "--porcelain") == "" and git(two, "branch", "--list") == "* main"
    )  # nothing is checked out
    before = git(remote, "rev-parse", "grades")
    assert "0 new results" in here(two, "ledger", "keep").flat and git(remote, "rev-parse", "grades") == before


def test_pages_are_only_ever_added_and_an_earlier_state_can_be_restored(
    clone: Callable[[str], Path], remote: Path, tmp_path: Path
) -> None:
    one = clone("one")
    branch = LedgerBranch(one)
    with Store(one / ".autograder/results.sqlite") as store:
        graded(store, "ada", on_gpu("failed"), day=1)
        first = branch.keep(store, begin=True)
        graded(store, "ada", on_gpu("passed"), day=2)
        second = branch.keep(store)
    assert (first.results, second.results) == (1, 1)
    changes = git(remote, "diff", "--name-status", first.commit, second.commit).split("\n")
    assert len(changes) == 1 and changes[0].startswith("A\tpages/000002-")
    done = here(one, "ledger", "fetch", "--at", first.commit, "--results", str(tmp_path / "restored.sqlite"))
    assert done.code == 0, done
    with Store(tmp_path / "restored.sqlite") as store:
        assert earned(store) == {"ada": 3}
    assert here(one, "ledger", "fetch", "--at", first.commit).code == 2  # not over what is here
    assert here(one, "ledger", "fetch", "--at", "main", "--results", str(tmp_path / "x.sqlite")).code == 2


def test_what_was_lost_here_comes_back(clone: Callable[[str], Path]) -> None:
    one = clone("one")
    path = one / ".autograder/results.sqlite"
    with Store(path) as store:
        graded(store, "ada")
        LedgerBranch(one).keep(store, begin=True)
    path.unlink()
    assert here(one, "ledger", "fetch").code == 0
    with Store(path) as store:
        assert earned(store) == {"ada": 5}


def test_many_keep_at_once_and_nobody_is_lost(clone: Callable[[str], Path]) -> None:
    names = [f"tutor{number}" for number in range(5)]
    folders = [clone(name) for name in names]
    for name, folder in zip(names, folders, strict=True):
        with Store(folder / ".autograder/results.sqlite") as store:
            graded(store, name)
            Ledger(store).adjust(name, "", "extend", "2d", by=name, why="ill")
    command = [sys.executable, "-P", "-m", "autograder", "ledger", "keep", "--begin"]
    running = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for folder in folders
    ]
    for process in running:
        said, _ = process.communicate(timeout=180)
        assert process.returncode == 0, said
    last = clone("last")
    with Store(last / "all.sqlite") as store:
        LedgerBranch(last).fetch(store)
        assert sorted(earned(store)) == names
        assert sorted(each.student for each in Ledger(store).adjustments()) == names


def test_a_faster_one_is_joined_and_never_overwritten(clone: Callable[[str], Path], remote: Path) -> None:
    """Between looking and pushing, somebody else pushes: the server's hook does it at that very moment."""
    one, two = clone("one"), clone("two")
    for folder, name in ((one, "ada"), (two, "bob")):
        with Store(folder / ".autograder/results.sqlite") as store:
            graded(store, name)
    hook = remote / "hooks/pre-receive"
    command = f"{sys.executable} -P -m autograder ledger keep --begin"
    hook.write_text(
        f"#!/bin/sh\nmv $0 $0.done\nunset GIT_QUARANTINE_PATH $(git rev-parse --local-env-vars)\ncd {two} && {command} >&2\n"
    )
    hook.chmod(0o755)
    with Store(one / ".autograder/results.sqlite") as store:
        kept = LedgerBranch(one).keep(store, begin=True)
        assert kept.tries == 2 and sorted(earned(store)) == ["ada", "bob"]
    assert len(git(remote, "ls-tree", "--name-only", "grades", "pages/").splitlines()) == 2
    assert len(git(remote, "rev-list", "grades").splitlines()) == 2  # one on the other, nothing forced


def test_what_the_server_refuses_is_said(clone: Callable[[str], Path], remote: Path) -> None:
    one = clone("one")
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with Store(one / ".autograder/results.sqlite") as store:
        graded(store, "ada")
        with pytest.raises(LedgerError, match="this branch is protected"):
            LedgerBranch(one).keep(store, begin=True)
        assert standing_of(store, "ada") is not None
    gone = here(one, "ledger", "fetch", "--remote", str(remote.parent / "nowhere.git"))
    assert gone.code == 2 and "nowhere.git can't be used" in gone.said and "Traceback" not in gone.said


def test_a_large_ledger_is_kept_in_several_pages(
    clone: Callable[[str], Path], remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = clone("one")
    monkeypatch.setattr("autograder.store.branch.MOST", 1)
    with Store(one / ".autograder/results.sqlite") as store:
        for name in ("ada", "bob", "cyd"):
            graded(store, name)
        LedgerBranch(one).keep(store, begin=True)
    pages = git(remote, "ls-tree", "--name-only", "grades", "pages/").splitlines()
    assert [page[6:12] for page in pages] == ["000001", "000002", "000003"]
    with Store(one / "all.sqlite") as store:
        LedgerBranch(one).fetch(store)
        assert sorted(earned(store)) == ["ada", "bob", "cyd"]


def test_what_a_nightly_job_finds_again_is_not_kept_again(clone: Callable[[str], Path], remote: Path) -> None:
    one = clone("one")
    branch = LedgerBranch(one)

    def night(day: int, *exercises: ExerciseResult, text: str = "f1") -> int:
        with Store(one / ".autograder/results.sqlite") as store:
            graded(store, "ada", *(replace(each, file_hash=text) for each in exercises), day=day)
            return branch.keep(store, begin=True).results

    assert night(1, on_gpu()) == 1
    before = git(remote, "rev-parse", "grades")
    assert night(2, on_gpu()) == 0 and git(remote, "rev-parse", "grades") == before
    assert night(3, on_gpu("failed")) == 1  # the same answer, judged in another way
    assert night(4, on_gpu()) == 1  # and again: it must stand
    assert night(5, on_gpu("failed"), text="f2") == 1  # another answer
    assert night(6, on_gpu()) == 0  # the first one is found again: that does not take the newer answer back
    other = clone("other")
    with Store(other / "all.sqlite") as store:
        branch = LedgerBranch(other)
        branch.fetch(store)
        assert [mark.earned for mark in store.marks()] == [5, 3, 5, 3]
        assert branch.keep(store).results == 0
