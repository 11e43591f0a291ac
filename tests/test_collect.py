"""Collecting from real git servers: bare repositories and `git daemon`, honest, broken, huge and rewritten ones."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import Running, here, make_course, with_code
from release_course import put
from tiny_course import TOTAL

from autograder.collect.choose import choose
from autograder.collect.collect import Collector, Unit, units
from autograder.collect.process import FetchError
from autograder.collect.remote import Bounds, Mirror, Push, protocol_of, server_pushes
from autograder.course import find_submissions, load_course, open_submission
from autograder.course.manifest import Entry, Manifest, read_manifest, write_manifest
from autograder.course.roster import parse_roster

DUE = datetime(2026, 9, 15, 22, tzinfo=UTC)
PLACE = "assignments/numbers_of/first.py"
ALL = Bounds(("file", "git"))


class Remote:
    """A student's repository on a server: a bare one, that a working copy pushes to."""

    def __init__(self, folder: Path, name: str) -> None:
        self.bare, self.work = folder / "server" / f"{name}.git", folder / "work" / name
        self.bare.parent.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), where=folder)
        for setting in ("uploadpack.allowFilter=true", "core.logAllRefUpdates=false"):
            self.git("config", *setting.split("="), where=self.bare)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), where=folder)

    def git(self, *arguments: str, where: Path | None = None, at: str = "") -> str:
        who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        if at:
            who |= {"GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": at}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments], cwd=where or self.work, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, at: str, text: str | bytes = TOTAL, name: str = PLACE, *, amend: bool = False) -> str:
        put(self.work, name, text)
        self.git("add", "--all")
        self.git(
            "commit", "--quiet", "--allow-empty", "-m", "work", *(["--amend"] if amend else []), at=f"{at}:00+0000"
        )
        return self.git("rev-parse", "HEAD")

    def push(self, *more: str, at: str = "") -> None:
        self.git("push", "--quiet", *more, str(self.bare), "HEAD:main", at=f"{at}:00+0000" if at else "")


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path, "ada")


def mirror_of(remote: Remote, name: str = "mirror", bounds: Bounds = ALL) -> tuple[Mirror, str]:
    mirror = Mirror(remote.work.parent / name, bounds)
    return mirror, mirror.fetch(str(remote.bare))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+00:00")


# --- which commit ----------------------------------------------------------------------------------------------------


def test_the_last_commit_before_the_deadline_by_its_own_time(remote: Remote) -> None:
    first = remote.commit("2026-09-14T10:00")
    second = remote.commit("2026-09-15T22:00", "x = 1\n")
    remote.commit("2026-09-15T22:01", "x = 2\n")
    remote.push()
    mirror, head = mirror_of(remote)
    found = choose(mirror, head, DUE)
    assert found is not None and (found.commit, found.at, found.clock, found.notes) == (second, DUE, "commit", ())
    early = choose(mirror, head, moment("2026-09-14T12:00"))
    assert early is not None and early.commit == first
    assert choose(mirror, head, moment("2026-09-01T00:00")) is None
    newest = choose(mirror, head, None)
    assert newest is not None and newest.commit == head


def test_push_times_of_the_server_count_more_than_what_commits_say(remote: Remote) -> None:
    remote.git("config", "core.logAllRefUpdates", "true", where=remote.bare)
    first = remote.commit("2026-09-14T10:00")
    remote.push(at="2026-09-14T11:00")
    backdated = remote.commit("2026-09-14T12:00", "x = 1\n")
    remote.push(at="2026-09-16T00:00")
    mirror, head = mirror_of(remote)
    pushes = server_pushes(str(remote.bare), "refs/heads/main")
    assert [push.commit for push in pushes] == [first, backdated]
    found = choose(mirror, head, DUE, pushes)
    assert found is not None and (found.commit, found.at, found.clock) == (first, moment("2026-09-14T11:00"), "push")
    lost = [*pushes[:1], Push(moment("2026-09-15T00:00"), "ab" * 20), *pushes[1:]]
    noted = choose(mirror, head, DUE, lost)
    assert noted is not None and noted.commit == first and "force-pushed away" in noted.notes[0]
    assert choose(mirror, head, moment("2026-09-14T10:30"), pushes) is None


def test_a_commit_set_back_by_hand_is_not_taken_for_one_in_time(remote: Remote) -> None:
    first = remote.commit("2026-09-14T10:00")
    remote.commit("2026-09-16T10:00", "x = 1\n")
    remote.commit("2026-09-15T10:00", "x = 2\n")  # claims to be earlier than what it stands on
    remote.push()
    mirror, head = mirror_of(remote)
    found = choose(mirror, head, DUE)
    assert found is not None and found.commit == first and "set back by hand?" in found.notes[0]


def test_what_an_earlier_look_saw_holds_commits_to_it(remote: Remote) -> None:
    first = remote.commit("2026-09-14T10:00")
    remote.push()
    mirror, _ = mirror_of(remote)
    remote.commit("2026-09-15T10:00", "x = 1\n")  # pushed after we looked, which was after the deadline
    remote.push()
    head = mirror.fetch(str(remote.bare))
    seen = [Push(moment("2026-09-16T00:00"), first), Push(moment("2026-09-17T00:00"), head)]
    found = choose(mirror, head, DUE, (), seen)
    assert found is not None and found.commit == first and "was not on the server when it was fetched" in found.notes[0]
    before = choose(mirror, head, DUE, (), [Push(moment("2026-09-14T12:00"), first), seen[1]])
    assert before is not None and before.commit == head and before.notes == ()


def test_what_was_force_pushed_away_after_the_deadline_still_counts(remote: Remote) -> None:
    first = remote.commit("2026-09-14T10:00")
    remote.push()
    mirror, _ = mirror_of(remote)
    rewritten = remote.commit("2026-09-18T10:00", "x = 1\n", amend=True)
    remote.push("--force")
    head = mirror.fetch(str(remote.bare))
    assert head == rewritten and mirror.has(first) and {push.commit for push in mirror.seen()} >= {first}
    found = choose(mirror, head, DUE, (), [Push(moment("2026-09-14T12:00"), first)])
    assert (
        found is not None
        and (found.commit, found.clock) == (first, "seen")
        and "history was rewritten" in found.notes[0]
    )
    again = remote.commit("2026-09-15T10:00", "x = 2\n", amend=True)  # rewritten before the deadline: the newer one
    remote.push("--force")
    head = mirror.fetch(str(remote.bare))
    found = choose(mirror, head, DUE, (), [Push(moment("2026-09-14T12:00"), first)])
    assert found is not None and (found.commit, found.clock) == (again, "commit") and "rewritten" in found.notes[0]


# --- what can not be had ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://example.org/a.git", "https"), ("HTTP://example.org/a", "http"), ("git@example.org:a/b.git", "ssh"),
        ("ssh://git@example.org/a", "ssh"), ("git://example.org/a", "git"), ("file:///srv/a", "file"), ("/srv/a", "file"),
        ("C:/a", "ssh"), ("../a", "file"),
    ],
)  # fmt: skip
def test_protocols(url: str, protocol: str) -> None:
    assert protocol_of(url) == protocol


@pytest.mark.parametrize("url", ["ext::sh -c touch% /tmp/x", "--upload-pack=touch x", "", "a\nb", "fd::3", "-u x"])
def test_addresses_that_are_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="is not the address of a repository") as caught:
        Mirror(tmp_path / "m", Bounds(("file", "ext", "fd"))).fetch(url)
    assert caught.value.kind == "refused" and not (tmp_path / "m").exists()


def test_protocols_that_are_not_allowed(remote: Remote, tmp_path: Path) -> None:
    remote.commit("2026-09-14T10:00")
    remote.push()
    for url in (str(remote.bare), remote.bare.as_uri(), "git://127.0.0.1/x", "http://127.0.0.1/x"):
        with pytest.raises(FetchError, match="--allow-protocol"):
            Mirror(tmp_path / "m", Bounds()).fetch(url)
    assert not (tmp_path / "m").exists()


def test_a_file_that_is_too_large_to_grade_is_not_fetched(remote: Remote, tmp_path: Path) -> None:
    course = load_course(make_course(tmp_path / "course"))
    remote.commit("2026-09-14T10:00")
    remote.commit("2026-09-14T11:00", os.urandom(3 * 2**20), "data/weights.bin")
    remote.push()
    mirror, head = mirror_of(remote, bounds=Bounds(("file",), megabytes=2, file_kb=64))
    submission = open_submission(f"{mirror.folder}@{head}", course)
    assert submission.files["numbers_of/first"].text == TOTAL and submission.problems == []


def test_a_repository_that_is_too_large_is_given_up(remote: Remote, tmp_path: Path) -> None:
    for number in range(3):
        remote.commit("2026-09-14T10:00", os.urandom(900_000), f"data/{number}.bin")
    remote.push()
    with pytest.raises(FetchError, match="larger than 1 MB") as caught:
        mirror_of(remote, bounds=Bounds(("file",), megabytes=1))
    assert caught.value.kind == "too-big" and not (tmp_path / "work/mirror").exists()


def test_nothing_of_theirs_is_run(remote: Remote, tmp_path: Path) -> None:
    """Hooks, submodules, attributes, an own configuration: none is looked at, and nothing is checked out."""
    trap = f"touch {tmp_path / 'sprung'}"
    put(remote.work, ".gitmodules", f'[submodule "s"]\n\tpath = s\n\turl = ext::{trap}\n')
    put(remote.work, ".gitattributes", "* filter=trap\n")
    remote.commit("2026-09-14T10:00")
    remote.push()
    for hook in ("post-checkout", "reference-transaction", "post-merge", "post-fetch"):
        put(remote.bare, f"hooks/{hook}", f"#!/bin/sh\n{trap}\n").chmod(0o755)
    mirror, head = mirror_of(remote)
    assert mirror.has(head) and not (tmp_path / "sprung").exists()
    assert not (mirror.folder / "hooks").exists() and not (mirror.folder / PLACE).exists()


# --- a class ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def daemon(base: Path) -> Iterator[str]:
    """`git daemon` on this machine; yields the beginning of addresses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", f"--base-path={base}"]
    command = ["git", "-c", "safe.directory=*", "daemon", *options, str(base)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            end = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert time.monotonic() < end, "git daemon does not listen"
                time.sleep(0.05)
            yield f"git://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 15)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course, and a server with repositories as a class has them."""
    folder = tmp_path_factory.mktemp("collect")
    root = make_course(folder / "course")
    text = (root / "grading.toml").read_text("utf-8")
    put(root, "grading.toml", text.replace('title = "Numbers"', 'title = "Numbers"\ndue = 2026-09-15T22:00:00Z'))
    for name in ("ada", "bob", "cyd", "eve", "huge", "red"):
        remote = Remote(folder, name)
        if name == "eve":
            continue  # nothing was ever pushed
        remote.commit("2026-09-14T10:00", with_code(sum_="x.sum(0)"))
        remote.commit("2026-09-16T07:00", TOTAL)
        if name == "huge":
            for number in range(4):
                remote.commit("2026-09-14T10:00", os.urandom(1_500_000), f"data/{number}.bin")
        remote.push()
    return folder


def roster(address: str) -> str:
    rows = [
        f"ada,{address}/ada.git,,,,",
        f"bob,{address}/bob.git,,,1d,",
        f"cyd,{address}/cyd.git,,Pacific/Honolulu,,",
        f"dan,{address}/gone.git,,,,",
        f"eve,{address}/eve.git,,,,",
        f"fay,{address}/ada.git,nobranch,,,",
        "gus,,,,,",
        f"huge,{address}/huge.git,,,,",
        f"ian,{address}/red.git,,,,red",
        "joe,,,,6h,red",
        "kim,ext::sh -c id,,,,",
    ]
    return "student,repository,branch,timezone,extension,group\n" + "\n".join(rows) + "\n"


def test_a_class_from_a_git_server(school: Path) -> None:
    root = school / "course"
    with daemon(school / "server") as address:
        put(root, ".autograder/roster.csv", roster(address))
        done = here(root, "collect", "numbers", "--allow-protocol", "git", "--max-mb", "4")
        assert done.code == 0
        manifest = read_manifest(root / ".autograder/collected/numbers")
        assert manifest is not None and manifest.finished
        found = {entry.student: entry for entry in manifest.entries}
        assert {name: entry.status for name, entry in found.items()} == {
            "ada": "collected", "bob": "collected", "cyd": "collected", "dan": "missing", "eve": "empty", "fay": "empty",
            "gus": "no-repository", "huge": "too-big", "red": "collected", "kim": "refused",
        }  # fmt: skip
        assert "4 of 10 collected (4 by the commit's own time)." in done.flat
        for sentence in (
            "dan: missing: the repository is not there", "eve: empty: nothing was ever pushed", "fay: empty: it has no branch 'nobranch'",
            "huge: too-big: it is larger than 4 MB", "kim: refused: 'ext::sh -c id' is not the address",
        ):  # fmt: skip
            assert sentence in done.flat
        again = here(root, "collect", "numbers", "--allow-protocol", "git", "--max-mb", "4", "--late", "--into", "late")
        assert "4 of 10 collected" in again.flat
    early, late = found["ada"], found["bob"]
    assert (early.handed_in, late.handed_in) == ("2026-09-14T10:00:00+00:00", "2026-09-16T07:00:00+00:00")
    assert found["cyd"].commit != early.commit  # there the day was not over
    assert found["cyd"].deadline == "2026-09-15T22:00:00-10:00"
    assert found["red"].handed_in == early.handed_in and found["red"].deadline.startswith("2026-09-16T04:00")
    # The manifest is a class for `grade`, with hashes that say what was there.
    course = load_course(root)
    submissions = find_submissions([root / ".autograder/collected/numbers"], course, root / ".autograder")
    assert [each.id for each in submissions] == ["ada", "bob", "cyd", "red"]
    for each in submissions:
        opened = open_submission(each.source, course, name=each.id, handed_in=each.handed_in, clock=each.clock)
        entry = found[each.id]
        assert (opened.hash, opened.revision, opened.handed_in) == (entry.hash, entry.commit, entry.handed_in)
        assert (opened.files["numbers_of/first"].text == TOTAL) == (each.id in ("bob", "cyd"))
    assert find_submissions([], course, collections=[root / "late"])[0].handed_in == "2026-09-16T07:00:00+00:00"


def test_a_run_that_was_cut_short_goes_on_where_it_was(school: Path, tmp_path: Path) -> None:
    course = load_course(school / "course")
    wanted = [Unit(name, str(school / "server" / f"{name}.git"), deadline=DUE) for name in ("ada", "bob", "gone")]
    visited: list[str] = []

    def collector() -> Collector:
        visited.clear()
        on_entry = lambda entry, done, total: visited.append(entry.student)  # noqa: E731
        return Collector(course, tmp_path / "out", tmp_path / "repositories", ALL, 2, {}, on_entry)

    kept = Entry(student="ada", repository=wanted[0].url, status="collected", deadline=DUE.isoformat(), commit="kept")
    failed = Entry(student="bob", repository=wanted[1].url, status="failed", deadline=DUE.isoformat())
    write_manifest(tmp_path / "out", Manifest(made_at="", entries=[kept, failed]))
    manifest = collector().collect(wanted, "", read_manifest(tmp_path / "out"))
    assert sorted(visited) == ["bob", "gone"] and manifest.entries[0] == kept and manifest.finished
    assert [entry.status for entry in manifest.entries] == ["collected", "collected", "missing"]
    manifest = collector().collect(wanted, "", read_manifest(tmp_path / "out"))
    assert sorted(visited) == ["ada", "bob", "gone"] and manifest.entries[0].commit != "kept"  # finished: all anew
    moved = [Unit("ada", wanted[0].url, deadline=moment("2026-09-20T00:00"))]
    write_manifest(tmp_path / "out", Manifest(made_at="", entries=[kept]))
    assert collector().collect(moved, "", read_manifest(tmp_path / "out")).entries[0].commit != "kept"


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_collected(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    remote = Remote(tmp_path, "ada")
    remote.commit("2026-09-14T10:00")
    remote.push()
    with socket.socket() as silent:  # a server that accepts and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"git://127.0.0.1:{silent.getsockname()[1]}/x"
        put(root, ".autograder/roster.csv", f"student,repository\nada,{remote.bare}\nbob,{url}\n")
        options: Sequence[str] = ("--allow-protocol", "git", "--allow-protocol", "file")
        with Running(root, "collect", *options) as running:
            path = root / ".autograder/collected/now/collected.json"
            running.until(lambda: path.exists(), "ada was written")
            done = running.interrupt()
    assert done.code == 130 and "the same command goes on" in done.said
    manifest = read_manifest(path.parent)
    assert manifest is not None and not manifest.finished and [entry.student for entry in manifest.entries] == ["ada"]


def test_groups_share_a_repository_or_have_their_own() -> None:
    people = parse_roster("student,group,repository\nada,red,u\nbob,red,\ncyd,blue,v\ndan,blue,w\neve,,x\n")
    dues = {"ada": DUE, "bob": moment("2026-09-16T00:00"), "cyd": DUE, "dan": DUE, "eve": None}
    found = units(people, lambda person: dues[person.id])
    assert [(unit.id, unit.url, unit.deadline) for unit in found] == [
        ("red", "u", dues["bob"]), ("cyd", "v", DUE), ("dan", "w", DUE), ("eve", "x", None),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", '{"made_at": "x", "entr', '{"made_at": "x", "schema": "other/1"}', "[]"])
def test_a_manifest_that_was_cut_short(school: Path, tmp_path: Path, text: str) -> None:
    put(tmp_path, "collected.json", text)
    done = here(school / "course", "grade", "--collected", tmp_path)
    assert done.code == 2 and "collect again" in done.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nubmers",), "There is no module 'nubmers'"),
        (("--until", "soon"), "--until soon is not a date and time"),
        (("--allow-protocol", "ext"), "--allow-protocol ext: it is one of git, http, file"),
        (("--roster", "none.csv"), "There is no none.csv"),
        (("--pushes", "grading.toml"), "has no columns `student,commit,pushed_at`"),
    ],
)
def test_what_collect_refuses(school: Path, arguments: tuple[str, ...], said: str) -> None:
    put(school / "course", ".autograder/roster.csv", "student\nada\n")
    done = here(school / "course", "collect", *arguments)
    assert done.code == 2 and said in done.said


def test_where_nothing_can_be_collected_the_reason_is_said_once_and_it_fails(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    rows = "".join(f"s{number:02},{tmp_path}/{number}.git\n" for number in range(27))
    put(root, ".autograder/roster.csv", f"student,repository\n{rows}")
    done = here(root, "collect", "numbers", "--late")
    assert done.code == 1 and "0 of 27 collected." in done.flat, done.said + done.out
    assert done.flat.count("refused") == 1 and "27 of the class (s00, s01," in done.flat


def test_push_times_from_a_file(school: Path, tmp_path: Path) -> None:
    root = school / "course"
    url = school / "server/ada.git"
    commits = subprocess.run(["git", "rev-list", "main"], cwd=url, capture_output=True, text=True).stdout.split()
    put(root, ".autograder/roster.csv", f"student,repository\nada,{url}\n")
    rows = [f"ada,{commits[0]},2026-09-15T12:00:00Z", f"ada,{commits[1]},2026-09-14T12:00:00", "ada,x,noon"]
    put(root, "pushes.csv", "student,commit,pushed_at\n" + "\n".join(rows) + "\n")
    options = ("--pushes", "pushes.csv", "--allow-protocol", "file", "--into", tmp_path / "out")
    done = here(root, "collect", "numbers", *options)
    manifest = read_manifest(tmp_path / "out")
    assert done.code == 0 and manifest is not None
    [entry] = manifest.entries
    assert (entry.commit, entry.clock, entry.handed_in) == (commits[0], "push", "2026-09-15T12:00:00+00:00")
    assert "does not say in which time zone; taken for UTC" in done.said and "'noon' is not a time" in done.said
    assert "1 by the server's push time" in done.flat


# --- whose clock, and what is known -----------------------------------------------------------------------------------


def collected(remote: Remote, folder: Path, until: datetime, **pushes: Sequence[Push]) -> Entry:
    """The entry of one student, collected as `autograder collect` does it."""
    course = load_course(make_course(folder / "course"))
    collector = Collector(course, folder / "out", folder / "repositories", ALL, 1, pushes)
    [entry] = collector.collect([Unit("ada", str(remote.bare), deadline=until)]).entries
    return entry


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("by", ["environment", "editor"])
def test_a_push_time_that_is_not_of_the_machines_clock_is_not_called_one(
    remote: Remote, tmp_path: Path, by: str, packed: bool
) -> None:
    """On a path of this machine the student's own process writes the reflog, with any time that it likes."""
    remote.git("config", "core.logAllRefUpdates", "true", where=remote.bare)
    if packed:
        remote.git("config", "receive.unpackLimit", "1", where=remote.bare)
    first = remote.commit("2026-09-14T10:00")
    remote.push(at="2026-09-14T11:00" if by == "environment" else "")
    log = remote.bare / "logs/refs/heads/main"
    if by == "editor":
        line = log.read_text().replace("> ", "> 1789383600 +0000\t").partition("\t")[0]
        log.write_text(line + "\tpush\n")
    [claimed] = server_pushes(str(remote.bare), "refs/heads/main")
    assert claimed.at == moment("2026-09-14T11:00")
    entry = collected(remote, tmp_path, DUE)
    assert (entry.commit, entry.clock) == (first, "commit")
    assert any("reflog has push times, but its files came later" in note for note in entry.notes)


@pytest.mark.parametrize("packed", [False, True])
def test_a_push_time_of_the_machines_own_clock_counts(remote: Remote, tmp_path: Path, packed: bool) -> None:
    remote.git("config", "core.logAllRefUpdates", "true", where=remote.bare)
    if packed:
        remote.git("config", "receive.unpackLimit", "1", where=remote.bare)
    began = datetime.now(UTC).replace(microsecond=0)
    first = remote.commit("2020-09-14T10:00")
    remote.push()
    entry = collected(remote, tmp_path, datetime.now(UTC) + timedelta(hours=1))
    assert (entry.commit, entry.clock, entry.notes) == (first, "push", [])
    assert began <= datetime.fromisoformat(entry.handed_in) <= datetime.now(UTC)  # not the commit's own time
    again = collected(remote, tmp_path / "again", began - timedelta(hours=1))
    assert again.status == "nothing" and "by the server's record, the first push was on" in again.why


def test_a_commit_in_time_that_was_force_pushed_away_is_known_by_the_servers_record(
    remote: Remote, tmp_path: Path
) -> None:
    on_time = remote.commit("2026-09-14T10:00")
    remote.push()
    late = remote.commit("2026-09-18T10:00", "x = 1\n", amend=True)
    remote.push("--force")
    pushes = [Push(moment("2026-09-14T11:00"), on_time), Push(moment("2026-09-18T11:00"), late)]
    entry = collected(remote, tmp_path / "there", DUE, ada=pushes)  # the server still has it, and gives it by its name
    assert (entry.commit, entry.clock, entry.handed_in) == (on_time, "push", "2026-09-14T11:00:00+00:00")
    remote.git("reflog", "expire", "--expire=now", "--all", where=remote.bare)
    remote.git("gc", "--quiet", "--prune=now", where=remote.bare)
    entry = collected(remote, tmp_path / "gone", DUE, ada=pushes)
    assert (
        entry.status == "nothing" and f"a push in time, of commit {on_time[:10]} on 2026-09-14 11:00 UTC" in entry.why
    )
    assert "force-pushed away and can't be had any more" in entry.why and "Ask the student" in entry.why
    entry = collected(remote, tmp_path / "unknown", DUE)
    assert entry.status == "nothing" and "nobody knows" in entry.why and "(--pushes)" in entry.why
    assert "was there before" not in entry.why
