"""What the stub promises of an implementation, held: signatures and the types of what is returned."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import typeguard

from autograder.checks.values import Misfit


class WrongSignature(Misfit):
    """A function does not take every call that fits the stub."""

    def __init__(self, name: str, want: str, got: str) -> None:
        super().__init__(name)
        self.name, self.want, self.got = name, want, got


class WrongType(Misfit):
    """A function returned what its annotation in the stub does not allow."""

    returned = True

    def __init__(self, function: str, want: str, got: str) -> None:
        super().__init__(function)
        self.function, self.want, self.got = function, want, got


def same_signature(name: str, theirs: Any, model: Any) -> Any:
    """`theirs`, which must take every call that fits the stub: parameters in the same order, further ones optional.

    Those that are passed by place may have other names. A call by such a name raises `WrongSignature` when it is made, so only what a
    check really passes by name is held to its name.
    """
    try:
        got = inspect.signature(theirs)
    except (TypeError, ValueError):
        return theirs  # a callable that does not tell (built-ins, partials of C functions): the call will show
    want = inspect.signature(model)
    found = list(got.parameters.values())
    takes_any = {parameter.kind for parameter in found}
    if inspect.Parameter.VAR_POSITIONAL in takes_any and inspect.Parameter.VAR_KEYWORD in takes_any:
        return theirs
    missing = _missing_names(list(want.parameters.values()), found)
    if missing is None:
        raise WrongSignature(name, _names(want), _names(got))
    if not missing:
        return theirs

    @functools.wraps(theirs)
    def named(*args: Any, **kwargs: Any) -> Any:
        if by_name := [each for each in kwargs if each in missing]:
            raise WrongSignature(name, f"(…, {', '.join(f'{each}=…' for each in by_name)})", _names(got))
        return theirs(*args, **kwargs)

    return named


def _missing_names(wanted: list[inspect.Parameter], found: list[inspect.Parameter]) -> set[str] | None:
    """The names by which the stub could be called and theirs can't; None where some call of the stub fits by no means."""
    known = {parameter.name for parameter in wanted}
    positional = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = {p.name: p for p in found if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    matched: set[str] = set()
    missing: set[str] = set()
    for index, parameter in enumerate(wanted):
        if parameter.kind is parameter.KEYWORD_ONLY:
            same = by_name.get(parameter.name)
        else:
            same = positional[index] if index < len(positional) else None
        if same is None or (parameter.default is not parameter.empty and same.default is same.empty):
            return None
        if same.name != parameter.name and same.name in known:
            return None  # another order
        if same.name != parameter.name or (same.kind is same.POSITIONAL_ONLY and parameter.kind is not same.kind):
            missing.add(parameter.name)
        matched.add(same.name)
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if any(p.name not in matched and p.default is p.empty and p.kind not in open_ended for p in found):
        return None
    return missing - {"self"}


def _names(signature: inspect.Signature) -> str:
    parts = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")  # what follows can't be passed by its place
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        parts.append(prefix + parameter.name + ("=…" if parameter.default is not parameter.empty else ""))
    return f"({', '.join(parts)})"


def held_to_annotation(theirs: Callable[..., Any], name: str, model: Any, names: dict[str, Any]) -> Callable[..., Any]:
    """`theirs`, raising `WrongType` where it returns something else than its `model` in the stub says."""
    try:
        hint = typing.get_type_hints(model, names).get("return", Any)
    except Exception:
        hint = Any  # an annotation that only a type checker understands
    text = _annotation_text(model)
    if hint is Any:
        return theirs
    surely = _exactly(hint)

    def held(*args: Any, **kwargs: Any) -> Any:
        result = theirs(*args, **kwargs)
        if surely(result):
            return result
        try:
            typeguard.check_type(
                result,
                hint,
                collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS,
                forward_ref_policy=typeguard.ForwardRefPolicy.IGNORE,
            )
        except typeguard.TypeCheckError as error:
            raise WrongType(name, text, _what_it_is(result, error)) from None
        return result

    return held


def _exactly(hint: Any) -> Callable[[Any], bool]:
    """A quick test for what plainly is of the annotated type, to the last item; of anything else it says no, and typeguard
    decides. (Some experiments call a function ten thousand times, where typeguard would take longer than the function.)"""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is None or hint is types.NoneType:
        return lambda value: value is None
    if isinstance(hint, type) and kind is None:
        return lambda value: type(value) is hint
    if kind in (typing.Union, types.UnionType):
        either = [_exactly(argument) for argument in arguments]
        return lambda value: any(fits(value) for fits in either)
    if kind in (list, set, frozenset) or (kind is tuple and len(arguments) == 2 and arguments[1] is ...):
        item = _exactly(arguments[0])
        return lambda value: type(value) is kind and all(map(item, value))
    if kind is tuple:
        items = [_exactly(argument) for argument in arguments]
        return lambda value: (
            type(value) is tuple
            and len(value) == len(items)
            and all(fits(each) for fits, each in zip(items, value, strict=True))
        )
    if kind is dict:
        of_key, of_value = map(_exactly, arguments)
        return lambda value: type(value) is dict and all(map(of_key, value)) and all(map(of_value, value.values()))
    return lambda value: False


def _annotation_text(model: Any) -> str:
    hint = model.__annotations__.get("return", "")
    if isinstance(hint, str):  # one that was quoted in the file is quoted twice
        return hint[1:-1] if hint[:1] in "'\"" and hint[-1:] == hint[:1] else hint
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def _what_it_is(value: Any, error: typeguard.TypeCheckError) -> str:
    """`NoneType`, or `list (item 0 of list is not an instance of tuple)`."""
    name = type(value).__name__
    detail = str(error)
    if value is None:
        return "None"
    inside = detail.startswith(("item", "key", "value")) or " has wrong number of elements" in detail
    return f"{name}, where {detail}" if inside else name
