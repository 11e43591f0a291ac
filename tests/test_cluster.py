"""A class graded on several machines: the same results as on one, whatever comes, goes, lies about itself or is lost.

The nodes are real (zygotes, jails, twins), the machines are threads; `test_cluster_ray.py` has the same on Ray.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from local_cluster import LocalCluster, LocalNode, place
from test_kill import but_for_times, differences
from tiny_course import PICK, PICK_CHECKS, TOTAL, SharedZygote, exercise, make_course, submit

from autograder.cluster import messages
from autograder.cluster.head import ClusterGrader
from autograder.cluster.machines import ClusterError, Place
from autograder.cluster.messages import Missing, Report
from autograder.cluster.node import NodeGrader
from autograder.cluster.probe import Wanted
from autograder.course.load import load_course
from autograder.course.submission import Submission, open_submission
from autograder.grading.grade import ClassGrader
from autograder.grading.planner import CourseProblem
from autograder.grading.secret import load_secret
from autograder.jail import layers
from autograder.jail.host import Zygote
from autograder.results import Result
from autograder.store import Store

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not layers.isolation().enough_for_hidden, reason=layers.isolation().why
)

WRONG = TOTAL.replace("x.sum(-1)", "x.sum(0)")


class Term:
    """A course, a class, and one results file for each way of grading it."""

    def __init__(self, root: Path) -> None:
        self.root = make_course(root)
        grading = root / "grading.toml"  # nothing may be a timeout on a busy machine
        grading.write_text(grading.read_text().replace("cpu_seconds = 1", "cpu_seconds = 20"))
        self.course = load_course(root)
        self.said: list[str] = []

    def members(self) -> list[Submission]:
        texts: dict[str, dict[str, str]] = {
            "ada": {},
            "bob": {"total": WRONG},
            "cyd": {"total": TOTAL.replace("x.sum(-1)", "(print('here'), 1 / 0)")},
            "dan": {"total": "def total(:\n"},
            "eve": {"pick": "def pick(numbers: list[int]) -> list[int]:\n    return []\n"},
            "fay": {"total": WRONG},  # the very same text as bob's
            "gus": {"total": TOTAL + "# mine\n"},
        }
        made = [submit(self.root, self.course, name, **answers) for name, answers in texts.items()]
        (self.root / "submissions/hal/numbers_of").mkdir(parents=True, exist_ok=True)
        (self.root / "submissions/hal/numbers_of/total.py").write_text(TOTAL)
        return [*made, open_submission(self.root / "submissions/hal", self.course)]

    def grade(self, file: str, members: list[Submission], cluster: LocalCluster | None, **named: Any) -> Any:
        """Grade into a results file, in its latest run. With `cluster`, on it."""
        with Store(self.root / file) as store:
            run = store.latest_run() or store.start_run()
            settings = dict(
                course=self.course,
                root=self.root,
                private=self.root / ".autograder",
                secret=load_secret(self.root / ".autograder"),
                run=run.id,
                draw="the same fresh cases",
                **named,
            )
            if cluster is None:
                with ClassGrader(**settings) as grader:
                    list(grader.grade(members, store))
            else:
                with ClusterGrader(**settings, cluster=cluster, say=self.said.append) as grader:
                    list(grader.grade(members, store))
                cluster.close()
        return self.read(file)

    def read(self, file: str) -> list[Result]:
        with Store(self.root / file) as store:
            run = store.latest_run()
            assert run is not None
            return store.results(run.id)


@pytest.fixture(scope="module", autouse=True)
def one_zygote(zygote: Zygote) -> Iterator[None]:
    """For all nodes, which is quicker: each importing torch twice is left to the tests on Ray."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.grading.graders.Zygote", lambda: SharedZygote(zygote))
        yield


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Term]:
    yield Term(tmp_path_factory.mktemp("term"))


@pytest.fixture(scope="module")
def alone(term: Term) -> list[Any]:
    """What one machine makes of the class."""
    return [but_for_times(result) for result in term.grade("alone.sqlite", term.members(), None, jobs=2)]


def same(alone: list[Any], results: list[Result]) -> None:
    different = [*differences(alone, [but_for_times(result) for result in results])]
    assert not different


def test_a_cluster_comes_to_the_results_of_one_machine(term: Term, alone: list[Any]) -> None:
    cluster = LocalCluster([place("one"), place("two", cores=2)])
    results = term.grade("cluster.sqlite", term.members(), cluster)
    same(alone, results)
    verdicts = {result.submission: exercise(result).verdict for result in results}
    assert (verdicts["ada"], verdicts["bob"], verdicts["dan"]) == ("passed", "failed", "error")
    assert exercise(results[1]).checks[0].diagnosis is not None
    (observed,) = {case.observation for case in exercise(results[0]).checks[0].cases[:1]}
    with Store(term.root / "cluster.sqlite") as store:
        assert store.observation(observed), "what was observed on a node is kept on the head"
    for (node,) in cluster.nodes.values():
        assert len(node.received) == len(set(node.received)) <= 2, "each exercise goes to a node once"


def test_nothing_is_run_again_that_is_known(term: Term, alone: list[Any]) -> None:
    del alone
    cluster = LocalCluster([place("one")])
    same(
        [but_for_times(each) for each in term.read("alone.sqlite")], term.grade("alone.sqlite", term.members(), cluster)
    )
    assert not [1 for nodes in cluster.nodes.values() for node in nodes if node.received]


def test_what_a_lost_node_had_is_graded_again_and_written_once(term: Term, alone: list[Any]) -> None:
    """One node is lost with its first answers done and not said; then its program begins again there."""
    unlucky: list[LocalNode] = []

    def pull(where: Place, node: LocalNode) -> None:
        if not unlucky:
            unlucky.append(node)
            node.lose()

    cluster = LocalCluster([place("one"), place("two")], before_answer=pull)
    same(alone, term.grade("lost.sqlite", term.members(), cluster))
    with Store(term.root / "lost.sqlite") as store:
        assert store.rows("SELECT COUNT(*), COUNT(DISTINCT submission) FROM result") == [(8, 8)]
    assert any("was lost (the plug was pulled)" in each and "graded again" in each for each in term.said)


def test_machines_that_come_late_and_go(term: Term, alone: list[Any]) -> None:
    """The only machine goes after its first answer; another one comes."""
    changed = threading.Event()

    def leave(where: Place, node: LocalNode) -> None:
        if where.name == "first" and not changed.is_set():
            changed.set()
            cluster.there[:] = [place("second")]
            node.lose()

    cluster = LocalCluster([place("first")], before_answer=leave)
    same(alone, term.grade("late.sqlite", term.members(), cluster))
    assert [*cluster.nodes] == ["first", "second"]


def test_an_answer_that_takes_every_node_with_it_is_our_fault(term: Term, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.cluster.dispatch.LOSSES", 2)
    monkeypatch.setattr("autograder.cluster.dispatch.PAUSE", 0.0)
    cluster = LocalCluster([place("one")], before_answer=lambda where, node: node.lose())
    (result,) = term.grade("all.sqlite", [submit(term.root, term.course, "ada")], cluster)
    assert {each.verdict for each in result.exercises} == {"grader-error"}
    message = exercise(result).message
    assert message is not None and "2 nodes were lost" in str(message.values)
    again = term.grade("all.sqlite", [submit(term.root, term.course, "ada")], LocalCluster([place("two")]))
    assert {each.verdict for each in again[0].exercises} == {"passed"}, "and is tried again by the next run"


def weaker(where: Place, report: Report) -> Report:
    if where.name != "weak":
        return report
    missing = [Missing("L2 seccomp", "the kernel has none", "a kernel with seccomp")]
    why = "not isolated: L2 seccomp is off (the kernel has none)"
    return msgspec.structs.replace(report, layers=report.layers[:2], missing=missing, enough=False, why=why)


def test_a_node_with_weaker_isolation_is_refused_by_its_name(term: Term, alone: list[Any]) -> None:
    cluster = LocalCluster([place("weak"), place("strong")], change=weaker)
    same(alone, term.grade("weak.sqlite", term.members(), cluster))
    (said,) = [each for each in term.said if "Node weak" in each]
    assert said == (
        "Node weak is not used: not isolated: L2 seccomp is off (the kernel has none); L2 seccomp takes a kernel with seccomp."
    )
    assert not cluster.nodes["weak"][0].received


def test_when_every_node_is_refused_nobody_is_graded(term: Term, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.cluster.dispatch.ALL_REFUSED", 0.0)
    with pytest.raises(ClusterError, match=r"no node that may grade[^$]*Node weak is not used: not isolated"):
        term.grade("none.sqlite", term.members(), LocalCluster([place("weak")], change=weaker))


def test_without_any_machine_it_gives_up(term: Term) -> None:
    with pytest.raises(ClusterError, match=r"has had no node that may grade for [\d]+ s"):
        term.grade("nobody.sqlite", term.members(), LocalCluster([]), patience=0.0)


def test_gpu_checks_go_to_nodes_with_a_gpu(tmp_path: Path) -> None:
    term = Term(tmp_path)
    checks = tmp_path / "solutions/numbers_of/pick/checks.py"
    checks.write_text(PICK_CHECKS.replace("@check(points=3,", '@check(points=3, device="cuda",'))
    members = [
        submit(term.root, term.course, name, total=f"{TOTAL}# {name}\n", pick=f"{PICK}# {name}\n") for name in "abc"
    ]
    alone = [but_for_times(each) for each in term.grade("alone.sqlite", members, None, has_gpu=True, gpu_as_cpu=True)]
    machines = [place("plain", cores=4), place("broken", gpus=1), place("gpu", gpus=1)]
    cluster = LocalCluster(
        machines, change=lambda where, report: msgspec.structs.replace(report, cuda=where.name == "gpu")
    )
    results = term.grade("gpu.sqlite", members, cluster, has_gpu=True, gpu_as_cpu=True)
    same(alone, results)
    assert all(check.verdict == "passed" for result in results for each in result.exercises for check in each.checks)
    shipped = {name: [*nodes[0].shipped()] for name, nodes in cluster.nodes.items()}
    assert "numbers_of/pick" in shipped["gpu"]
    assert "numbers_of/pick" not in shipped["plain"] + shipped["broken"]
    assert any("torch finds no CUDA device there" in each for each in term.said)


def test_what_is_wrong_with_a_node_is_said(term: Term) -> None:
    wanted = Wanted("code", "Linux x86_64", {"torch": "2.13.0"}, {"triton": "3.9.0"}, unsafe=False)
    report = Report(
        code="code", platform="Linux x86_64", versions={"torch": "2.13.0"}, packages={"triton": "3.9.0"}, enough=True
    )
    assert wanted.lacks(report) == []
    other = msgspec.structs.replace(report, versions={"torch": "2.12.0"}, packages={"triton": ""}, worker="no fork")
    assert wanted.lacks(other) == [
        "torch is 2.12.0 there, 2.13.0 here",
        "triton is not installed there, 3.9.0 here",
        "no fork",
    ]
    assert "other files of the autograder" in wanted.lacks(msgspec.structs.replace(report, code="other"))[0]
    assert "last digits" in wanted.lacks(msgspec.structs.replace(report, platform="Linux aarch64"))[0]


def test_a_broken_course_grades_nobody(tmp_path: Path) -> None:
    term = Term(tmp_path)
    checks = tmp_path / "solutions/numbers_of/pick/checks.py"
    checks.write_text(checks.read_text().replace("points=3", "points=2"))
    with pytest.raises(CourseProblem, match="pick"):
        term.grade("broken.sqlite", term.members(), LocalCluster([place("one")]))
    assert not term.read("broken.sqlite")


def test_a_bundle_that_was_changed_on_its_way_is_not_graded() -> None:
    hash, data = messages.pack(messages.Work([], {}))
    assert messages.unpack(hash, data, messages.Work) == messages.Work([], {})
    with pytest.raises(messages.Damaged):
        messages.unpack(hash, data + b" ", messages.Work)


def test_a_node_leaves_nothing_behind_and_clears_away_after_killed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.cluster.node.tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("autograder.cluster.node.tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("autograder.cluster.node.YOUNG", -1.0)
    (tmp_path / "autograder-node-killed").mkdir()
    alive = NodeGrader()
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    other = NodeGrader()
    assert len([*tmp_path.iterdir()]) == 2, "that of a living process is left alone"
    alive.close()
    other.close()
    assert not [*tmp_path.iterdir()]
