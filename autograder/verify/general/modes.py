"""What is right in one mode of a module alone: in training, or in evaluation."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Iterator

from autograder.verify.general.made import General, Target, bound, parts


def one_mode(target: Target) -> Iterator[General]:
    """`forward` of a module whose numbers are right in one of its two modes."""
    if target.is_module and target.node.name == "forward":
        for training, sentence in (
            (True, "in training mode the result is twice what it should be: only evaluation mode is right"),
            (False, "in evaluation mode the result is twice what it should be: only training mode is right"),
        ):
            about = "training" if training else "evaluation"
            yield target.wrapped("mode", about, sentence, doubles, training=training)


# --- wrappers ---


def doubles(function, training):
    """Doubles the numbers that come out in one mode."""
    import functools

    import torch

    def spoiled(value):
        if isinstance(value, torch.Tensor):
            return value * 2 if value.is_floating_point() else value
        if isinstance(value, dict):
            return {key: spoiled(each) for key, each in value.items()}
        if type(value) in (list, tuple):
            return type(value)(spoiled(each) for each in value)
        return value

    @functools.wraps(function)
    def wrapped(self, *args, **kwargs):
        result = function(self, *args, **kwargs)
        return spoiled(result) if self.training is training else result

    return wrapped


__all__ = ["bound", "one_mode", "parts"]
