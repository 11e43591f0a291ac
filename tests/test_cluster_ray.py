"""`autograder grade --cluster` on a real Ray cluster of several nodes on this machine: equal results, whoever is killed.

Each node has a raylet, and a grader with zygotes and a jail of its own. The command runs in a process of its own, as people run it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import STUB, Running, alive, make_course, run, submit, with_code
from test_kill import differences
from tiny_course import TOTAL

from autograder.jail import layers

ray_cluster = pytest.importorskip("ray.cluster_utils")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or not layers.isolation().enough_for_hidden, reason=layers.isolation().why
    ),
]

STORE = 80 * 2**20
SECONDS = 180.0
SLOW = TOTAL.replace("    return x.sum(-1)", "    import time\n    time.sleep(0.2)\n    return x.sum(-1)")
WEAKER = """
import os, sys
from autograder.jail.layers import seccomp, syscalls
number = syscalls.CHECKED["seccomp"][seccomp.ARCHITECTURES[os.uname().machine][0]]
no_filters = [(seccomp.LOAD, 0), (seccomp.EQUAL, number, 0, 1), (seccomp.RETURN, seccomp.REFUSE | 1), (seccomp.RETURN, seccomp.ALLOW)]
seccomp.install(b"".join(seccomp._op(*each) for each in no_filters), ())
os.execv(sys.argv[1], sys.argv[1:])
"""


class Machines:
    """A Ray cluster, and what its machines run."""

    def __init__(self) -> None:
        head = dict(num_cpus=0, include_dashboard=False, object_store_memory=STORE)
        self.ray = ray_cluster.Cluster(initialize_head=True, head_node_args=head)
        self.nodes: list[Any] = []

    @property
    def address(self) -> str:
        return self.ray.address

    def add(self, **more: Any) -> Any:
        node = self.ray.add_node(num_cpus=1, object_store_memory=STORE, **more)
        self.nodes.append(node)
        return node

    def raylet(self, node: Any) -> int:
        return node.all_processes["raylet"][0].process.pid

    def graders(self) -> list[int]:
        """The processes that hold a node's zygotes."""
        raylets = {self.raylet(node) for node in self.nodes}
        return [pid for pid, parent, name in processes() if parent in raylets and name.startswith("ray::NodeGrader")]

    def pull_the_plug(self, node: Any) -> None:
        """End all of a machine at once: its grader would else go on for a second or two without its raylet."""
        raylet = self.raylet(node)
        for pid in [raylet, *(pid for pid, parent, _ in processes() if parent == raylet)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def keep(self, count: int) -> None:
        """Have that many nodes, all alive."""
        for node in [node for node in self.nodes if not alive_now(self.raylet(node))]:
            self.nodes.remove(node)
            with contextlib.suppress(Exception):
                self.ray.remove_node(node, allow_graceful=False)
        while len(self.nodes) < count:
            self.add()


def processes() -> Iterator[tuple[int, int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            yield int(folder.name), parent, (folder / "cmdline").read_text().replace("\0", " ")


def alive_now(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    made.ray.shutdown()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("cluster") / "course", ("first", "second"))
    grading = root / "grading.toml"  # nothing may be a timeout on a busy machine
    text = grading.read_text().replace("cpu_seconds = 1\nwall_factor = 3", "cpu_seconds = 20\nwall_factor = 5")
    grading.write_text(text.rstrip("\n") + '\nrequires = ["numbers_of/first"]\n')
    for number in range(6):
        submit(root, f"slow{number}", first=f"{SLOW}# {number}\n", second=f"{SLOW}# {number}\n")
    submit(root, "right", first=TOTAL, second=TOTAL)
    submit(root, "wrong", first=with_code(sum_="x.sum(0)"), second=STUB)
    submit(root, "half", second=with_code(mean="x.mean(0)"))
    return root


@pytest.fixture(scope="module")
def alone(course: Path) -> Any:
    """What one machine makes of the class. It draws the fresh cases that the others grade with, too."""
    done = run(course, "grade", "class", "--json", "alone", "--report", "pages")
    assert done.code == 0, done.err
    return read(course / "alone")


@pytest.fixture
def results(course: Path, alone: Any, tmp_path: Path) -> Path:
    """A results file in which the same run begins anew: nothing of it is graded."""
    del alone
    file = tmp_path / "results.sqlite"
    shutil.copy(course / ".autograder/results.sqlite", file)
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        for table in ("result", "mark", "exercise", "observation", "piece"):
            db.execute(f"DELETE FROM {table}")
    return file


def read(folder: Path) -> Any:
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    assert len(found) == 9
    return plain(found)


def plain(value: Any) -> Any:
    """Without when, and how long it took."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in ("seconds", "graded_at")}
    return [plain(item) for item in value] if isinstance(value, list) else value


def arguments(machines: Machines, results: Path, pages: Path) -> list[str | Path]:
    return [
        "grade",
        "class",
        "--cluster",
        machines.address,
        "--results",
        results,
        "--json",
        pages,
        "--report",
        pages.with_suffix(".html"),
    ]


def written(results: Path) -> int:
    with contextlib.closing(sqlite3.connect(results)) as db:
        return db.execute("SELECT COUNT(*) FROM result").fetchone()[0]


def assert_once(results: Path) -> None:
    with contextlib.closing(sqlite3.connect(results)) as db:
        assert db.execute("SELECT COUNT(*), COUNT(DISTINCT submission) FROM result").fetchone() == (9, 9)


def wait_until(met: Any, what: str) -> None:
    end = time.monotonic() + SECONDS
    while not met():
        assert time.monotonic() < end, f"never {what}"
        time.sleep(0.1)


def finish(grading: Running) -> None:
    """Let a command come to its end."""
    code = grading.process.wait(SECONDS)
    assert code == 0, grading.err + grading.out


def test_a_ray_cluster_comes_to_the_results_of_one_machine(
    machines: Machines, course: Path, alone: Any, results: Path, tmp_path: Path
) -> None:
    machines.keep(2)
    before = {
        *Path("/tmp").glob("autograder-node-*")
    }  # of what was killed: they are removed when they are a minute old
    done = run(course, *arguments(machines, results, tmp_path / "pages"))
    assert done.code == 0, done.err
    assert not [*differences(alone, read(tmp_path / "pages"))]
    assert_once(results)
    assert done.err.count("grades: 1 at a time, behind") == 2 and "Graded on 2 nodes:" in done.err
    assert "Isolation: L0 process" in done.flat
    again = run(course, *arguments(machines, results, tmp_path / "again"))
    assert again.code == 0 and read(tmp_path / "again") == read(tmp_path / "pages")
    assert_once(results)
    wait_until(lambda: not machines.graders(), "the nodes' graders ended")
    assert not {*Path("/tmp").glob("autograder-node-*")} - before


def test_a_grader_of_a_node_is_killed(
    machines: Machines, course: Path, alone: Any, results: Path, tmp_path: Path
) -> None:
    machines.keep(2)
    with Running(course, *arguments(machines, results, tmp_path / "pages")) as grading:
        grading.until(lambda: written(results), "one was written")
        victim = machines.graders()[0]
        below = [pid for pid, parent, _ in processes() if parent == victim]
        os.kill(victim, signal.SIGKILL)
        finish(grading)
        assert "was lost (" in grading.err, grading.err
        print(grading.err)
    assert not [*differences(alone, read(tmp_path / "pages"))]
    assert_once(results)
    assert not alive(below), "its zygotes end by themselves"


def test_a_machine_is_lost_and_another_one_comes(
    machines: Machines, course: Path, alone: Any, results: Path, tmp_path: Path
) -> None:
    machines.keep(2)
    with Running(course, *arguments(machines, results, tmp_path / "pages")) as grading:
        grading.until(lambda: written(results), "one was written")
        name = grading.err.partition(" grades")[0].partition("/")[2]
        (lost,) = [node for node in machines.nodes if node.node_id.startswith(name)]
        machines.pull_the_plug(lost)
        machines.keep(2)
        finish(grading)
        assert f"/{name} was lost (" in grading.err
    assert not [*differences(alone, read(tmp_path / "pages"))]
    assert_once(results)


def test_the_head_is_killed_and_the_same_command_goes_on(
    machines: Machines, course: Path, alone: Any, results: Path, tmp_path: Path
) -> None:
    machines.keep(2)
    with Running(course, *arguments(machines, results, tmp_path / "pages")) as grading:
        grading.until(lambda: written(results) >= 2, "two were written")
        grading.process.kill()
        grading.process.wait()
    kept = written(results)
    wait_until(lambda: not machines.graders(), "the nodes' graders ended with their head")
    done = run(course, *arguments(machines, results, tmp_path / "pages"))
    assert done.code == 0, done.err
    assert not [*differences(alone, read(tmp_path / "pages"))]
    assert 2 <= kept < 9
    assert_once(results)


def test_ctrl_c_keeps_what_was_graded(
    machines: Machines, course: Path, alone: Any, results: Path, tmp_path: Path
) -> None:
    machines.keep(2)
    with Running(course, *arguments(machines, results, tmp_path / "pages")) as grading:
        grading.until(lambda: written(results), "one was written")
        stopped = grading.interrupt()
    assert stopped.code == 130 and "They are kept: the same command goes on." in stopped.said
    assert "Traceback" not in stopped.err
    wait_until(lambda: not machines.graders(), "the nodes' graders ended")
    assert run(course, *arguments(machines, results, tmp_path / "pages")).code == 0
    assert not [*differences(alone, read(tmp_path / "pages"))]
    assert_once(results)


def test_a_machine_without_seccomp_is_refused(
    machines: Machines, course: Path, alone: Any, results: Path, tmp_path: Path
) -> None:
    """The kernel refuses filters to everything that is started there."""
    machines.keep(1)
    ray = Path(sys.executable).parent / "ray"
    start = ["start", f"--address={machines.address}", "--num-cpus=1", "--node-name=weak", "--block"]
    start += [f"--object-store-memory={STORE}", "--disable-usage-stats"]
    weak = subprocess.Popen(
        [sys.executable, "-P", "-c", WEAKER, sys.executable, str(ray), *start],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        there = machines.ray.global_state.node_table
        wait_until(lambda: any(row["Alive"] and row["NodeName"] == "weak" for row in there()), "the weak node came")
        with Running(course, *arguments(machines, results, tmp_path / "pages")) as grading:
            grading.until(lambda: "Node weak is not used" in grading.err, "the weak node was refused")
            finish(grading)
            assert "L2 seccomp is off" in grading.err
        assert not [*differences(alone, read(tmp_path / "pages"))]
    finally:
        os.killpg(weak.pid, signal.SIGTERM)
        weak.wait(60)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "No Ray cluster could be reached at 127.0.0.1:1"),
        ("ray://somewhere:10001", "is no address of a Ray cluster"),
        ("local", "is no address of a Ray cluster"),
    ],
)
def test_without_a_cluster_it_says_so(course: Path, address: str, says: str) -> None:
    done = run(course, "grade", "class", "--cluster", address)
    assert done.code == 2 and says in done.err
