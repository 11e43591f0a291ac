"""General mistakes: wrong implementations that the tool makes of every reference by itself.

Listed mistakes and mutants are what the author thought of, or one token away. These are of the kinds that people make in any
exercise: a result that is remembered under too little, an argument that is ignored, a flag that is left changed. Each kind is
a small generator, which looks at the signature, the docstring and the code of a function, and makes nothing where the kind can't
be wrong. What no check rejects is a case that nobody wrote, or is declared in `equivalent.toml` with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from autograder.source.parsing import parse
from autograder.verify.general import arguments, code, left, modes, order, precision, remembers, texts
from autograder.verify.general.made import General, Target, helpers, targets

KINDS_THAT_KEEP = (
    remembers.remembered,
    remembers.given_out,
    remembers.first_options,
    remembers.accumulated,
    remembers.own_cache,
    remembers.one_buffer,
    remembers.shared_by_class,
    left.modules,
    left.tensors,
    left.arguments,
    left.grad_mode,
    left.seeds,
    left.memory,
    modes.one_mode,
    modes.buffers,
)
"""Those that a second call may show, or a call of something else."""

KINDS: tuple[Callable[[Target], Iterator[General]], ...] = (
    *KINDS_THAT_KEEP,
    arguments.exchanged,
    arguments.ignored,
    arguments.another_default,
    arguments.falsy,
    arguments.first_row,
    arguments.empty,
    arguments.clamped,
    arguments.truncated,
    arguments.contiguous,
    arguments.dimensions,
    precision.rounded,
    precision.whole,
    precision.infinite,
    order.places,
    order.ties,
    order.listed,
    texts.simplified,
    code.exact_types,
    code.short_loops,
    code.finite,
    code.truth,
    code.exceptions,
)

KINDS_OF_CODE = (code.exact_types, code.short_loops, code.finite, code.truth)
"""Those that look at nothing but the code: they are made of the reference's own helpers, too."""


def generals(reference: str) -> list[General]:
    """All general mistakes of a reference, by function; no two have the same name."""
    found: dict[tuple[str, str, str], General] = {}
    made = [(target, KINDS) for target in targets(reference)] + [(each, KINDS_OF_CODE) for each in helpers(reference)]
    for target, kinds in made:
        for kind in kinds:
            for each in kind(target):
                parse(each.source.removeprefix(reference.rstrip("\n")))  # what stands behind the reference by itself
                found.setdefault(each.name, replace(each, documented=target.documented, keeps=kind in KINDS_THAT_KEEP))
    return list(found.values())


__all__ = ["KINDS", "KINDS_OF_CODE", "KINDS_THAT_KEEP", "General", "generals"]
