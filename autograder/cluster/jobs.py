"""What somebody waits for while a class is graded on a cluster: jobs, their futures, and how many of them one message holds."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any

from autograder.cluster.messages import Unit
from autograder.grading.record import Graded

MESSAGE_SECONDS = 1.0  # of grading that one message to a node is worth
MOST_UNITS = 32  # of one message


@dataclass
class Job:
    """A unit that somebody waits for."""

    unit: Unit
    on_gpu: bool
    wall_seconds: float  # that it may take at most, with re-runs and on a busy machine
    done: Future[Graded] = field(default_factory=Future)
    losses: list[str] = field(default_factory=list)  # the nodes that were lost with it


def units_of_message(waiting: int, slots: int, mean: float) -> int:
    """How many units one message holds, where one takes `mean` seconds: many while there is much to do, so that messages cost
    little, and one by one at the end."""
    return max(1, min(int(MESSAGE_SECONDS / max(mean, 1e-3)), waiting // (3 * slots), MOST_UNITS))


class LostWith(Exception):
    """A unit was lost with one node after the other."""

    def __init__(self, nodes: list[str]) -> None:
        super().__init__(f"{len(nodes)} nodes were lost while this was graded: {', '.join(nodes)}")


def error_of(future: Future[Any]) -> BaseException | None:
    return future.exception() if not future.cancelled() else RuntimeError("it was called off")


def settle(future: Future[Graded], graded: Graded | None = None, error: BaseException | None = None) -> None:
    try:
        if error is not None:
            future.set_exception(error)
        else:
            assert graded is not None
            future.set_result(graded)
    except InvalidStateError:
        pass  # it was given up before


def follow(mine: Future[Graded], other: Future[Graded]) -> None:
    settle(mine, other.result() if other.exception() is None else None, other.exception())
