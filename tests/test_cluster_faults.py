"""Nodes with a fault of their own: one that will not pass is told from one that may, and nothing that is damaged is written.

As in `test_cluster.py`, the nodes are real and the machines are threads.
"""

from __future__ import annotations

import errno
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from local_cluster import LocalCluster, place
from test_cluster import Term, one_zygote, same  # noqa: F401 (a fixture of every module that it is in)
from test_kill import but_for_times

from autograder.cluster.machines import ClusterError
from autograder.cluster.messages import Answers, Settings
from autograder.cluster.node import NodeGrader
from autograder.jail import layers
from autograder.store.pieces import Names, name_of, packed

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not layers.isolation().enough_for_hidden, reason=layers.isolation().why
)


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Term]:
    yield Term(tmp_path_factory.mktemp("term"))


@pytest.fixture(scope="module")
def alone(term: Term) -> list[Any]:
    return [but_for_times(result) for result in term.grade("alone.sqlite", term.members()[:3], None, jobs=2)]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.cluster.dispatch.ALL_REFUSED", 0.0)
    monkeypatch.setattr("autograder.cluster.dispatch.PAUSE", 0.0)


class OtherCourse(NodeGrader):
    """Its version of the autograder knows another kind of grading.toml."""

    def begin(self, settings: bytes) -> bytes:
        told = msgspec.msgpack.decode(settings, type=Settings)
        told.course = told.course.replace(b"{", b'{"later": 1, ', 1)
        return super().begin(msgspec.msgpack.encode(told))


class NoRoom(NodeGrader):
    """Its disk is full."""

    def begin(self, settings: bytes) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class OtherPlans(NodeGrader):
    """It can't read a plan."""

    def begin(self, settings: bytes) -> bytes:
        report = super().begin(settings)
        grader = self._grader
        assert grader is not None
        ship = grader.ship
        grader.ship = lambda shipment: ship(msgspec.structs.replace(shipment, plan=b"of another version"))
        return report


def first(odd: Callable[[], Any]) -> Callable[[], Any]:
    """What makes an odd node, then good ones."""
    kinds = iter([odd])
    return lambda: next(kinds, NodeGrader)()


def test_a_node_that_can_never_begin_is_given_up_at_once(term: Term) -> None:
    cluster = LocalCluster([place("odd")], make=OtherCourse)
    with pytest.raises(ClusterError, match=r"Node odd is not used: it can't begin \(ValidationError: "):
        term.grade("odd.sqlite", term.members()[:1], cluster)
    assert len(cluster.nodes["odd"]) == 1, "it is not asked again"


def test_a_node_that_may_begin_another_time_is_asked_again(
    term: Term, alone: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    same(alone, term.grade("again.sqlite", term.members()[:3], LocalCluster([place("full")], make=first(NoRoom))))
    assert any("Node full was lost (it could not begin: [Errno 28] No space left" in each for each in term.said)
    monkeypatch.setattr("autograder.cluster.dispatch.RESTARTS", 1)
    cluster = LocalCluster([place("full")], make=NoRoom)
    with pytest.raises(ClusterError, match=r"Node full is gone: it could not begin: .* No space left"):
        term.grade("full.sqlite", term.members()[:1], cluster)
    assert len(cluster.nodes["full"]) == 2, "and given up when it was asked often enough"


def test_a_node_that_can_not_use_an_exercise_is_given_up_with_the_reason(term: Term, alone: list[Any]) -> None:
    cluster = LocalCluster([place("odd")], make=OtherPlans)
    with pytest.raises(
        ClusterError, match=r"Node odd is not used: numbers_of/\w+ can't be made ready there \(PlanError: "
    ):
        term.grade("plans.sqlite", term.members()[:3], cluster)
    assert len(cluster.nodes["odd"]) == 1, "it is not asked again"
    same(alone, term.grade("plans.sqlite", term.members()[:3], LocalCluster([place("good")])))


def other_bytes(answers: Answers) -> Answers:
    """Every piece says something else than its name."""
    return Answers(answers.answers, dict.fromkeys(answers.pieces, packed(b"{}")))


def other_types(answers: Answers) -> Answers:
    """A piece has its hash, and not the form of one."""
    wrong = b'{"verdict": 3, "checks": []}'
    for each in answers.answers:
        each.names = Names(each.names.frame, name_of(wrong))
    return Answers(answers.answers, {**answers.pieces, name_of(wrong): packed(wrong)})


def other_answer(answers: Answers) -> Answers:
    """The result is one of another text."""
    for each in answers.answers:
        said = msgspec.json.decode(zlib.decompress(answers.pieces[each.names.own]))
        data = msgspec.json.encode(said | {"key": "another"})
        each.names = Names(each.names.frame, name_of(data))
        answers.pieces[each.names.own] = packed(data)
    return answers


def left_out(answers: Answers) -> Answers:
    return Answers(answers.answers, {})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (other_bytes, "does not have the hash that it is named by"),
        (other_types, "can't be read"),
        (other_answer, "another text of it"),
        (left_out, "can't be read (KeyError"),
    ],
)
def test_a_damaged_answer_is_not_written_and_graded_again(
    term: Term, alone: list[Any], change: Callable[[Answers], Answers], says: str
) -> None:
    class Odd(NodeGrader):
        def grade(self, hash: str, data: bytes) -> bytes:
            answers = msgspec.msgpack.decode(super().grade(hash, data), type=Answers)
            return msgspec.msgpack.encode(change(answers))

    term.said.clear()
    same(alone, term.grade(f"{change.__name__}.sqlite", term.members()[:3], LocalCluster([place("one")], make=first(Odd))))  # fmt: skip
    assert any("was lost (" in each and says in each for each in term.said), term.said


def test_an_answer_that_is_no_message(term: Term, alone: list[Any]) -> None:
    class Odd(NodeGrader):
        def grade(self, hash: str, data: bytes) -> bytes:
            return super().grade(hash, data)[:100]

    term.said.clear()
    same(alone, term.grade("cut.sqlite", term.members()[:3], LocalCluster([place("one")], make=first(Odd))))
    assert any("can't be read (DecodeError" in each for each in term.said), term.said
