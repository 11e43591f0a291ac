"""Where `grade` runs what students wrote: on this machine, or on those of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.cluster.hands import Hand
    from autograder.grading.devices import Device
    from autograder.grading.grade import ClassGrader


@contextmanager
def grader(address: str | None, device: Device, say: Callable[[str], None], **settings: Any) -> Iterator[ClassGrader]:
    """A grader of this machine, or of the cluster at `address`, whose comings and goings are told to `say`."""
    from autograder.grading.devices import wants_gpu
    from autograder.grading.grade import ClassGrader

    if address is None:
        with ClassGrader(**settings, has_gpu=wants_gpu(device)) as here:
            yield here
        return
    from autograder.cluster.head import ClusterGrader
    from autograder.integrations.ray_cluster import connect

    with connect(address) as cluster:
        has_gpu = device == "cuda" or (device == "auto" and any(place.gpus for place in cluster.places()))
        with ClusterGrader(**settings, has_gpu=has_gpu, cluster=cluster, say=say) as there:
            yield there
            if summary := _summary(there.hands):
                say(summary)


def _summary(hands: list[Hand]) -> str:
    """What each node did, for people: a line each."""
    did = [hand for hand in hands if hand.units]
    rows = [f"  {hand.place.name}: {hand.units} answers, {hand.seconds:.0f} s" for hand in did]
    return "\n".join([f"Graded on {len(did)} node{'s' * (len(did) != 1)}:", *rows]) if did else ""
