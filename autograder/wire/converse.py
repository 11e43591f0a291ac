"""Ranks that take turns: which of several implementations runs, and when it has to wait for another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from autograder.wire.messages import Answer, Ask, Step

T = TypeVar("T", covariant=True)
Ended = TypeVar("Ended")


class End(Protocol[T]):
    """A rank, as whoever gives the turns holds it."""

    def resume(self, answer: Answer | None) -> Ask | T:
        """Let it run, with the answer to what it asked, until it asks again or has ended."""
        ...


def converse(
    ends: Sequence[End[Ended]], step: Callable[[Step], Answer], failed: Callable[[Ended], bool]
) -> dict[int, Ended]:
    """Give the ranks the turn, each until it has to wait, and what each ended with. The first that `failed` ends it all: the
    others are left where they are."""
    ended: dict[int, Ended] = {}
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(ends)))  # of those that can go on
    order = list(range(len(ends)))
    while order:
        rank = next((rank for rank in order if rank in answers), None)
        if rank is None:
            rank = order[0]
            answers[rank] = step(Step(rank, stuck=True))
        said = ends[rank].resume(answers.pop(rank))
        while isinstance(said, Ask):
            answer = step(Step(rank, said))
            for other in answer.ready:
                if other not in answers:
                    answers[other] = step(Step(other))
            if answer.waits and rank not in answers:
                break
            said = ends[rank].resume(answers.pop(rank, None) if answer.waits else answer)
        order = order[order.index(rank) + 1 :] + order[: order.index(rank) + 1]
        if not isinstance(said, Ask):
            ended[rank] = said
            order.remove(rank)
            if failed(said):
                break
    return ended
