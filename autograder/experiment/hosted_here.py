"""Running an experiment with its hosted values in this very process: in pytest, and where nothing is isolated anyway.

When work is graded, `grading.hosted` does the same with a process for each rank, and one for the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from autograder.experiment import observe
from autograder.lab import HOSTED, hosting, together
from autograder.wire.decode import decode
from autograder.wire.messages import Finish, Observed
from autograder.wire.values import Lab


def run(
    implementation: observe.Implementation, experiment: Callable[..., Any], inputs: bytes, **options: Any
) -> Observed:
    """`observe.run`, for every rank of a hosted value where the inputs name one."""
    if not any(isinstance(value, Lab) and value.name in HOSTED for value in decode(inputs).values()):
        return observe.run(implementation, experiment, inputs, **options)
    host = hosting.Host(inputs)
    programs = [_program(implementation, experiment, each, options) for each in host.inputs()]
    seen = together.together(host, programs, lambda each: each.kind != "value")
    bad = next((each for each in seen if each.kind != "value"), None)
    if bad is not None:
        return bad
    finished = host.finish(Finish([each.value for each in seen], [each.changed for each in seen]))
    return finished_as(finished.value, finished.changed, finished.error, finished.text, seen)


def _program(
    implementation: observe.Implementation, experiment: Callable[..., Any], inputs: bytes, options: dict[str, Any]
) -> Callable[[], Observed]:
    return lambda: observe.run(implementation, experiment, inputs, **options)


def finished_as(value: bytes, changed: bytes, error: str, text: str, seen: list[Observed]) -> Observed:
    """What all ranks together came to."""
    seconds = sum(each.seconds for each in seen)
    if error:
        return Observed(kind="raised", name=error, text=text, seconds=seconds)
    return msgspec.structs.replace(seen[0], value=value, changed=changed, seconds=seconds)
