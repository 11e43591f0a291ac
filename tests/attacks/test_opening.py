"""Opening what was handed in: a class of three with one whose submission is slow, large or no file at all. The other two are graded in
full, and the third is named with a reason that a person understands.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacks.arena import Arena
from attacks.course import HONEST, temporary_folder

from autograder.course import Course
from autograder.course.bounded import Bounded, Bounds, Stopped
from autograder.course.calls import pickled
from autograder.course.downloads import identify
from autograder.course.find import find_submissions
from autograder.course.opening import Opening
from autograder.course.roster import Person, Roster, RosterError, load_roster
from autograder.course.submission import open_found
from autograder.feedback import messages
from autograder.jail.layers import uid
from autograder.results import Result

NAMES = ["ring/soft", "ring/rank", "ring/notes"]
WIDE = Bounds(seconds=60, cpu_seconds=20, memory_mb=1024)
ROOM = "@ROOM@"


def handed_in(folder: Path) -> Path:
    for slug, text in HONEST.items():
        (folder / "ring").mkdir(parents=True, exist_ok=True)
        (folder / "ring" / f"{slug}.py").write_text(text)
    return folder


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Path]:
    """A class: the folders of alice and of zoe, and room for mallory between them."""
    room = tmp_path / "class"
    handed_in(room / "alice")
    handed_in(room / "zoe")
    yield room
    subprocess.run(["chmod", "-R", "u+rwx", str(room)], check=True)
    subprocess.run(["rm", "-rf", str(room)], check=True)  # Python's own way is as deep as the folders are


def graded(arena: Arena, paths: list[Path], bounds: Bounds = WIDE) -> dict[str, Result]:
    """Each of `paths` found, opened and graded as `autograder grade` does it."""
    arena.grader.run = arena.store.start_run().id
    before = arena.surroundings()
    with Opening(arena.course, bounds) as opening:
        found, problems = identify(find_submissions(paths, arena.course), Roster(), opening.bounded)
        results = {each.submission: each for each in arena.grader.grade(opening.begin(found), arena.store)}
    arena.nothing_is_left(before)
    assert not problems or "submission_metadata" in problems[0]
    return results


def why(result: Result) -> str:
    return " ".join(messages.text(each) for each in result.problems)


def others_are_graded(results: dict[str, Result]) -> None:
    for name in ("alice", "zoe"):
        assert [each.verdict for each in results[name].exercises] == ["passed"] * 3, name
        assert not results[name].problems


# --- what mallory hands in -------------------------------------------------------------------------------------------


def cell(source: str | list[str], *tags: str, **about: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {"tags": list(tags), **about}, "source": source}


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "cells": cells}).encode()


ALL = [f"exercise:{name}" for name in NAMES]
Make = Callable[[Path], object]


def zipped(*members: tuple[str, bytes]) -> Make:
    def make(room: Path) -> None:
        with zipfile.ZipFile(room / "mallory.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in members:
                file.writestr(name, data)

    return make


def packed(*members: tuple[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return data.getvalue()


def zip_of_names(room: Path) -> None:
    zipped(*((f"{n:06}", b"") for n in range(10**5)))(room)


def zips_of_names(room: Path) -> None:
    inner = packed(*((f"{n:05}", b"") for n in range(14_000)))
    zipped(*((f"{n:02}.zip", inner) for n in range(40)))(room)


def zip_in_zip(part: bytes, times: int = 1, levels: int = 1) -> Make:
    """A file of `part` so many times, which is never whole in memory, in zips in each other."""

    def make(room: Path) -> None:
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file, file.open("ring/soft.zip", "w") as member:
            for _ in range(times):
                member.write(part)
        data = inner.getvalue()
        for _ in range(levels - 1):
            data = packed(("x.zip", data))
        zipped(("work.zip", data))(room)

    return make


def alone(data: Callable[[], bytes]) -> Make:
    return lambda room: (room / "mallory.ipynb").write_bytes(data())


def varied(count: int) -> bytes:
    """Cells that a zip does not pack so well that it is taken for a bomb."""
    return notebook(*(cell(f"x{n * 7919 % 99991} = {n}", "shared") for n in range(count)), cell("y = 1", *ALL))


def zip_of_notebooks(room: Path) -> None:
    zipped(*((f"{n}.ipynb", varied(60_000)) for n in range(20)))(room)


def many_files(count: int) -> Make:
    def make(room: Path) -> None:
        (room / "mallory").mkdir()
        for number in range(count):
            (room / "mallory" / f"{number}.txt").touch()

    return make


def deep(room: Path) -> None:
    at = os.open(room, os.O_RDONLY)
    for name in ["mallory", *("d" for _ in range(3000))]:
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


def long_names(room: Path) -> None:
    (room / "mallory").mkdir()
    for number in range(300):
        (room / "mallory" / (f"{number} " + " (1) -1" * 40)[:250]).touch()


def pipe(name: str) -> Make:
    return lambda room: os.mkfifo(room / name)


def hears(name: str) -> Make:
    def make(room: Path) -> None:
        before = os.getcwd()
        os.chdir(room)  # the path to a socket may have some hundred characters only
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(name)
        finally:
            os.chdir(before)

    return make


def link(name: str, target: str) -> Make:
    return lambda room: (room / name).symlink_to(target)


NOTHING = "nothing of the course"
HOSTILE: dict[str, tuple[Make, str]] = {
    "a hundred thousand cells that all exercises share": (alone(lambda: varied(100_000)), "larger than the 256 KiB"),
    "twenty such notebooks in a zip": (zip_of_notebooks, "larger than the 256 KiB"),
    "a cell of 5 MB": (alone(lambda: notebook(cell("x = (1,\n" * 600_000, *ALL))), "larger than the 256 KiB"),
    "a million lines of one character": (alone(lambda: notebook(cell(["x"] * 10**6, *ALL))), "larger than the 256 KiB"),
    "JSON nested deeply": (alone(lambda: b'{"nbformat":4,"metadata":' + b'{"a":' * 2_000_000), "not a notebook that can be read"),
    "numbers that are no JSON": (alone(lambda: b'{"nbformat":4,"cells":[],"a":[' + b"NaN," * 2_000_000 + b"0]}"), "no code cell"),
    "a hundred thousand tags": (alone(lambda: notebook(cell("x", *(f"exercise:q{n}" for n in range(10**5))))), "exercise:q0"),
    "almost a magic in each line": (alone(lambda: notebook(cell(("a" * 500 + " " * 500 + "b\n") * 200 + "x = 7 % 3\n", *ALL))), ""),
    "quotes and brackets": (alone(lambda: notebook(cell("%".join(['"([{' * 20_000]) + "'''" * 9_000, *ALL))), ""),
    "a zip with a hundred thousand names": (zip_of_names, "too many"),
    "zips in a zip with many names each": (zips_of_names, "far too many|were opened|memory"),
    "a zip in a zip that unpacks to gigabytes": (zip_in_zip(b"\0" * 10**6, 200), "are accepted"),
    "a zip in a zip that is packed too tightly": (zip_in_zip(b"\0" * 10**6, 50), "packed so tightly"),
    "a zip in a zip in a zip …": (zip_in_zip(b"x = 1", levels=9), "was not opened"),
    "a folder with many files": (many_files(21_000), "more than 20000"),
    "three thousand folders in each other": (deep, "no file in it"),
    "very long names": (long_names, NOTHING),
    "a pipe named like a zip": (pipe("mallory.zip"), "is neither a folder, nor a zip"),
    "a socket named like a notebook": (hears("mallory.ipynb"), "is neither a folder, nor a zip"),
    "a pipe": (pipe("mallory"), "is neither a folder, nor a zip"),
    "a link to nowhere": (link("mallory", "gone"), "is a link"),
    "a link to itself": (link("mallory", "mallory"), "is a link"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_others_are_graded_and_this_one_is_named(name: str, arena: Arena, room: Path) -> None:
    make, reason = HOSTILE[name]
    make(room)
    results = graded(arena, [room])
    assert set(results) == {"alice", "mallory", "zoe"}
    others_are_graded(results)
    mallory = results["mallory"]
    assert all(each.verdict == "error" for each in mallory.exercises)
    said = f"{why(mallory)} {' '.join(messages.text(each.message) for each in mallory.exercises if each.message)}"
    assert any(each in said for each in reason.split("|")), said
    assert str(room) not in said


NAMED_LIKE_OURS = ["submission_metadata.yml", "class.csv", "roster.csv", "collected.json", "grading.toml"]


@pytest.mark.parametrize("name", NAMED_LIKE_OURS)
@pytest.mark.parametrize("make", [pipe, hears, lambda name: link(name, "gone"), lambda name: link(name, name)])
def test_what_has_the_name_of_a_list_is_not_waited_for(
    make: Callable[[str], Make], name: str, arena: Arena, room: Path
) -> None:
    make(name)(room)
    results = graded(arena, [room])
    assert set(results) == {"alice", "zoe"}
    others_are_graded(results)
    if name.endswith(".csv") and not (room / name).is_symlink():
        with pytest.raises(RosterError, match=r"can't be read"):
            load_roster(room / name)


def test_a_list_of_submissions_that_takes_too_much_is_given_up(arena: Arena, room: Path) -> None:
    (room / "submission_metadata.yml").write_text("x: [" + "1, " * 5_000_000 + "1]")
    with Bounded(Bounds(seconds=60, cpu_seconds=20, memory_mb=300)) as bounded:
        found, problems = identify(find_submissions([room], arena.course), Roster(), bounded)
    assert [each.id for each in found] == ["alice", "zoe"]
    assert len(problems) == 1 and "takes too much time or memory" in problems[0]


def test_who_handed_in_is_still_read_within_bounds(arena: Arena, room: Path) -> None:
    (room / "submission_metadata.yml").write_text(
        "alice:\n  :submitters:\n  - :name: Ada King\n    :sid: 17\n  :created_at: 2026-09-20 10:00:00 Z\n5: x\nzoe: 1\n"
    )
    with Bounded() as bounded:
        roster = Roster((Person("ada", name="Ada King"),))
        found, _ = identify(find_submissions([room], arena.course), roster, bounded)
    assert [(each.id, each.clock) for each in found] == [("ada", "platform"), ("zoe", "unknown")]
    assert found[0].handed_in.startswith("2026-09-20T10:00:00")


def read_as_nobody(paths: list[Path], course: Course) -> dict[str, tuple[bool, str]]:
    """What somebody without power over files finds and opens: whether it is whole, and what is wrong. In a process that gives it up."""
    said, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setresuid(65534, 65534, 65534)
            uid.give_up_capabilities()  # an ordinary user may have been lent the power to read any file
            opened = [open_found(each, course) for each in find_submissions(paths, course)]
            found = {
                each.id: (
                    all(file.text for file in each.files.values()),
                    " ".join(messages.text(one) for one in each.problems),
                )
                for each in opened
            }
            os.write(theirs, json.dumps(found).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with open(said, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return json.loads(answer)


@pytest.mark.parametrize("name", ["mallory", "mallory/ring", "mallory.zip", "mallory.ipynb", "submission_metadata.yml"])
@pytest.mark.parametrize("each_by_name", [False, True])
def test_what_can_not_be_read_is_named(name: str, each_by_name: bool, arena: Arena) -> None:
    room = temporary_folder()
    room.chmod(0o755)
    for each in ("alice", "zoe"):
        handed_in(room / each)
    if name.startswith("mallory") and "." not in name:
        handed_in(room / "mallory")
    else:
        (room / name).write_bytes(b"x")
    (room / name).chmod(0)
    try:
        paths = sorted(path for path in room.iterdir() if path.suffix != ".yml") if each_by_name else [room]
        found = read_as_nobody(paths, arena.course)
    finally:
        (room / name).chmod(0o755)
        shutil.rmtree(room)
    assert found["alice"][0] and found["zoe"][0]
    if name.startswith("mallory"):
        whole, reason = found["mallory"]
        assert not whole and "can't be read: Permission denied" in reason, reason


@pytest.mark.parametrize("target", ["gone", "mallory", "/dev/null"])
def test_a_link_among_paths_that_were_named(target: str, arena: Arena, room: Path) -> None:
    (room / "mallory").symlink_to(target)
    results = graded(arena, sorted(room.iterdir()))
    others_are_graded(results)
    assert why(results["mallory"])


# --- the bounds ------------------------------------------------------------------------------------------------------


def heavy(room: Path) -> None:
    alone(lambda: b'{"nbformat":4,"cells":[],"a":[' + b'"NaN",' * 2_000_000 + b"NaN]}")(room)


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(seconds=60, cpu_seconds=1), "could not be read within 60 seconds"),
        (Bounds(seconds=60, cpu_seconds=20, memory_mb=200), "could not be read within 200 MB of memory"),
    ],
)
def test_who_is_over_a_bound_is_named_with_it(bounds: Bounds, reason: str, arena: Arena, room: Path) -> None:
    for number in range(3):
        heavy(room)
        (room / "mallory").mkdir(exist_ok=True)
        (room / "mallory.ipynb").rename(room / "mallory" / f"{number}.ipynb")
    results = graded(arena, [room], bounds)
    others_are_graded(results)
    assert reason in why(results["mallory"])
    assert {each.verdict for each in results["mallory"].exercises} == {"error"}
    assert (
        not graded(arena, [room])["mallory"].problems[0].id.startswith("submission.opening")
    )  # the control: it can be read


def test_the_others_are_graded_while_one_is_still_being_opened(
    arena: Arena, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The git that reads mallory's repository never answers. It is a program of its own, and is ended with its caller."""
    repository = room / "mallory"
    handed_in(repository)
    subprocess.run(["git", "init", "--quiet", "--bare", str(room / "mallory.git")], check=True)
    shutil.rmtree(repository)
    bin = room.parent / "bin"
    bin.mkdir()
    stuck = bin / "stuck"
    (bin / "git").write_text(f"#!/bin/sh\necho $$ > {stuck}\nexec sleep 1000\n")
    (bin / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:{os.environ['PATH']}")
    arena.grader.run = arena.store.start_run().id
    order = []
    with Opening(arena.course, Bounds(seconds=8), jobs=2) as opening:
        found = find_submissions([room], arena.course)
        assert [each.id for each in found] == ["alice", "mallory", "zoe"]
        for result in arena.grader.grade(opening.begin(found), arena.store):
            order.append(result.submission)
            if result.submission == "mallory":
                assert "within 8 seconds" in why(result)
    assert order[-1] == "mallory" and set(order) == {"alice", "mallory", "zoe"}
    assert not alive(int(stuck.read_text()))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_calls_may_do() -> None:
    with Bounded(Bounds(seconds=2, cpu_seconds=1, memory_mb=200)) as bounded:
        assert bounded.call(sorted, [3, 1, 2], into=list[int]) == [1, 2, 3]
        for function, arguments, reason in (
            (time.sleep, (1000,), "time"),
            (sum, (range(10**12),), "time"),
            (bytearray, (10**9,), "memory"),
            (os.abort, (), "died"),
            (os.kill, (0, signal.SIGKILL), "died"),  # all of its group
            (int, ("x",), "died"),
        ):
            with pytest.raises(Stopped) as stopped:
                bounded.call(function, *arguments, into=Any)
            assert stopped.value.why == reason, function
        assert bounded.call(sorted, [2, 1], into=list[int]) == [1, 2]


def test_what_little_calls_share() -> None:
    with Bounded(Bounds(memory_mb=600)) as bounded:
        caller = bounded.call(os.getpid, into=int)
        assert bounded.call(os.getpid, into=int) == caller
        for function, arguments in (
            (eval, ("next(x for x in iter(__import__('time').process_time, None) if x > 1.2)",)),  # takes its time
            (eval, ("len(b'x' * (300 << 20))",)),  # takes memory
            (tempfile.mkstemp, ()),  # leaves a file
        ):
            bounded.call(function, *arguments, into=Any)
            before, caller = caller, bounded.call(os.getpid, into=int)
            assert caller != before, function


def test_no_call_pays_for_the_one_before(tmp_path: Path) -> None:
    """The second one needs what the first one has taken from its process."""
    with Bounded() as bounded:
        caller = bounded.call(os.getpid, into=int)
        bounded.call(resource.setrlimit, resource.RLIMIT_FSIZE, (0, 0), into=None)
        bounded.call(shutil.copy, __file__, str(tmp_path / "copy"), into=str)
        assert (tmp_path / "copy").read_bytes() == Path(__file__).read_bytes()
        assert bounded.call(os.getpid, into=int) != caller


def test_what_is_shared_travels_once() -> None:
    shared = ["x" * 1000, "y"]
    with Bounded(shared=[shared]) as bounded:
        assert bounded.call(len, shared, into=int) == 2
        assert len(pickled((len, (shared,)), [shared])) < 100


def test_a_server_that_was_killed_is_started_again() -> None:
    with Bounded() as bounded:
        first = bounded.call(os.getppid, into=int)
        assert bounded._server is not None
        os.kill(bounded._server.pid, signal.SIGKILL)
        bounded._server.wait()
        assert bounded.call(os.getppid, into=int) != first


CALLER = """
import sys, time
from autograder.course import Course
from autograder.course.bounded import Bounded
with Bounded() as bounded:
    print(bounded.call(__import__("os").getpid, into=int), flush=True)
    bounded.call(time.sleep, 1000.0625, into=None)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_grader_ends(how: signal.Signals) -> None:
    def sleepers() -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(path.read_text().rpartition(")")[2].split()[3])
            except OSError:
                continue
            found += [int(path.parent.name)] if session in sessions else []
        return [pid for pid in found if alive(pid)]

    with subprocess.Popen([sys.executable, "-c", CALLER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as grader:
        assert grader.stdout is not None and grader.stdout.readline()
        children = Path(f"/proc/{grader.pid}/task/{grader.pid}/children").read_text().split()
        sessions = {int(each) for each in children}  # the server leads a session of its own
        while len(sleepers()) < 3:  # the server, a keeper, its caller
            time.sleep(0.01)
        grader.send_signal(how)
    for _ in range(1000):
        if not sleepers():
            break
        time.sleep(0.01)
    assert not sleepers()
