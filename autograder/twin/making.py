"""Making the inputs of a case from its parameters, and saying why they can't be given to the experiment."""

from __future__ import annotations

import inspect
from typing import Any

from autograder.checks.declared import Check
from autograder.checks.rng import Rng
from autograder.twin import docstrings
from autograder.twin.messages import Made
from autograder.twin.show import show
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.values import Lab, Unsupported


def make_inputs(check: Check, rng: Rng, parameters: dict[str, Any]) -> Made:
    """The inputs that `parameters` stand for."""
    try:
        inputs = check.inputs(rng, **parameters) if check.inputs else dict(parameters)
        if not isinstance(inputs, dict):
            return Made(problem=f"inputs= returned a {type(inputs).__name__}; it must return a dict")
        problem = _unusable(check, inputs)
        if problem:
            return Made(problem=problem)
        return Made(
            inputs=encode(inputs),
            inputs_text=inputs
            if check.name == docstrings.NAME
            else {name: show(value) for name, value in inputs.items()},
            parameters={name: show(value) for name, value in parameters.items()},
            lab=sorted({value.name for value in inputs.values() if isinstance(value, Lab)}),
        )
    except Exception as error:
        return Made(problem=f"making its inputs raised {type(error).__name__}: {error}")


def _unusable(check: Check, inputs: dict[str, Any]) -> str:
    """Why these inputs can't be given to the experiment, or ""."""
    parameters = list(inspect.signature(check.experiment).parameters)[1:]
    if list(inputs) and set(inputs) != set(parameters):
        return f"its inputs are {', '.join(inputs)}, its experiment takes {', '.join(parameters) or 'none'}"
    if not inputs and parameters:
        return f"its inputs are empty, its experiment takes {', '.join(parameters)}"
    found = decode(encode(inputs))
    for name, value in found.items():
        if isinstance(value, Unsupported):
            return f"input {name} is a {value.type_name}, which cannot cross into a worker"
    return ""
