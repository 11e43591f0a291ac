"""Modules that are right in one mode alone, in training or in evaluation; and tables that do not move with their module."""

# Wrappers carry no types into the jail, and look at values of any.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import ast
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
        sentence = "in evaluation mode no gradients flow"
        yield target.wrapped("mode", "gradients", sentence, stops_gradients)
        sentence = "in evaluation mode the weights of a module's first call are used in all later ones"
        yield target.wrapped("mode", "weights", sentence, keeps_weights)


def buffers(target: Target) -> Iterator[General]:
    """Buffers are plain attributes: what moves a module, or casts it, leaves them where they are."""
    if target.is_module and target.is_init and target.owner and "register_buffer" in ast.unparse(target.owner):
        sentence = "buffers are plain attributes: `.double()` and `.to()` leave them as they are"
        yield target.wrapped("buffer", "", sentence, unregisters)


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


def stops_gradients(function):
    """Computes without gradients in evaluation mode."""
    import functools

    import torch

    @functools.wraps(function)
    def wrapped(self, *args, **kwargs):
        if self.training:
            return function(self, *args, **kwargs)
        with torch.no_grad():
            return function(self, *args, **kwargs)

    return wrapped


def keeps_weights(function):
    """Computes with the weights that a module had in its first call in evaluation mode."""
    import functools
    import weakref

    kept = weakref.WeakKeyDictionary()

    @functools.wraps(function)
    def wrapped(self, *args, **kwargs):
        if self.training:
            return function(self, *args, **kwargs)
        now = {name: each.data for name, each in self.named_parameters()}
        first = kept.setdefault(self, {name: value.clone() for name, value in now.items()})
        for name, each in self.named_parameters():
            each.data = first.get(name, each.data)
        try:
            return function(self, *args, **kwargs)
        finally:
            for name, each in self.named_parameters():
                each.data = now.get(name, each.data)

    return wrapped


def unregisters(function):
    """Makes plain attributes of a module's buffers."""
    import functools

    @functools.wraps(function)
    def wrapped(self, *args, **kwargs):
        function(self, *args, **kwargs)
        for name in [*self._buffers]:
            self.__dict__[name] = self._buffers.pop(name)
            self._non_persistent_buffers_set.discard(name)

    return wrapped


__all__ = ["bound", "buffers", "one_mode", "parts"]
