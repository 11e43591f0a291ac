"""What reads and escapes, tried where layers are missing: as in a hosted runner or a container that lets nobody make namespaces
(Landlock and seccomp alone), and as on a kernel without Landlock (another user in a private root, and seccomp)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks.arena import Arena, record
from attacks.conftest import private_temporary_folder
from attacks.course import Planted
from attacks.test_corners import SHARED
from attacks.test_reading import SPIES

from autograder.jail import layers

L3 = ("L3 cgroup", "L3 namespaces", "L3 uid")
MACHINES = {"a hosted runner": L3, "a kernel without Landlock": ("L2 landlock",)}


@pytest.fixture(scope="module", params=MACHINES)
def weaker(planted: Planted, request: pytest.FixtureRequest) -> Iterator[Arena]:
    without = MACHINES[request.param]
    found = layers.isolation(without=without)
    if not found.enough_for_hidden:
        pytest.skip(f"hidden checks are not run on {request.param}: {found.why}")
    with private_temporary_folder():
        opened = Arena(planted, request.param.replace(" ", "-"), without=without)
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("attack", SPIES + SHARED, ids=lambda attack: attack.name)
def test_nothing_hidden_is_found_on_a_weaker_machine(weaker: Arena, attack) -> None:
    weaker.fight(attack)


def test_such_machines_are_enough_for_hidden_checks(weaker: Arena) -> None:
    with weaker.grader.jail.fork() as worker:
        assert not set(worker.layers) & set(MACHINES[weaker.name.replace("-", " ")])
        assert layers.strength(worker.layers).enough_for_hidden
    record(
        33,
        f"grades on {weaker.name.replace('-', ' ')}",
        "level 2 or more",
        f"level {layers.strength(worker.layers).level}",
    )
