"""The general mistakes that no check rejects, tried once more on other calls than the checks make (`replay`): in workers too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from autograder.grading.asking import Code, RunLimits
from autograder.grading.runner import Session
from autograder.jail.host import Zygote
from autograder.lab import is_hosted
from autograder.plan import Plan
from autograder.verify.general.made import General
from autograder.verify.trial import Pairs

NOT_TRIED = "nothing: no call of it could be made again"
_LIMITS = RunLimits(cpu_seconds=90.0, wall_factor=4.0)
ENOUGH = 4  # experiments whose calls showed nothing
_FILES = ("look", "vary", "replay")  # in the order in which they need one another
_HARNESS = '''

def _shown(student, **inputs):
    """Written by `verify`: what tells the general mistakes from the reference. A worker can't read that package's files."""
    import sys, types

    if "autograder.verify.general" not in sys.modules:
        for name in ("autograder.verify", "autograder.verify.general"):
            sys.modules[name] = types.ModuleType(name)
        for name, text in {files!r}.items():
            module = types.ModuleType("autograder.verify.general." + name)
            sys.modules[module.__name__] = module
            exec(compile(text, name, "exec"), module.__dict__)
            setattr(sys.modules["autograder.verify.general"], name, module)
    replay = sys.modules["autograder.verify.general.replay"]
    return replay.shown(student, {check}, inputs, {reference!r}, {sources!r})
'''


def witnesses(
    zygote: Zygote, plan: Plan, reference: str, survivors: Sequence[General]
) -> dict[tuple[str, str, str], str]:
    """For each survivor, by name, what a caller has to do to see it; "" where a few dozen other calls show nothing."""
    found = {each.name: NOT_TRIED for each in survivors}
    tries = {each.name: 0 for each in survivors}
    files = {name: (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8") for name in _FILES}
    first, more = _cases(plan)
    for number, (check, case) in enumerate([*first, *more]):
        only_untried = number >= len(first)
        left = {
            str(i): each
            for i, each in enumerate(survivors)
            if (found[each.name] == NOT_TRIED if only_untried else _is_open(found, tries, each))
        }
        if not left:
            continue
        sources = {i: [each.scope, each.kind, each.source, each.documented] for i, each in left.items()}
        harness = _HARNESS.format(check=check.name, reference=reference, sources=sources, files=files)
        probing = msgspec.structs.replace(plan, experiments=plan.experiments + harness)
        with Session(zygote, probing, Code(reference, "solution.py"), _LIMITS) as session:
            outcome = session.run(msgspec.structs.replace(check, name="_shown"), case)
        if outcome.verdict == "failed":  # the harness takes what an experiment raises
            raise RuntimeError(f"general mistakes can't be looked at closer in {check.name}: {outcome.message}")
        if outcome.verdict is None:
            for i, witness in json.loads(_text(outcome.value)).items():
                found[left[i].name] = witness
                tries[left[i].name] += 1
    return found


def _is_open(found: dict[tuple[str, str, str], str], tries: dict[tuple[str, str, str], int], each: General) -> bool:
    """Whether there is more to try: an experiment that makes other calls of it."""
    return found[each.name] in ("", NOT_TRIED) and tries[each.name] < ENOUGH


def _cases(plan: Plan) -> tuple[Pairs, Pairs]:
    """The first public and the first hidden case of each check; and all others, for what those do not come to."""
    first: Pairs = []
    more: Pairs = []
    for check in plan.checks:
        if check.is_runnable() and not check.budget:
            # What a rank of a hosted value calls goes to the host: a harness for one process can't make it again.
            cases = [case for case in check.cases if not is_hosted(case.lab)]
            public = [case for case in cases if case.public]
            hidden = [case for case in cases if not case.public]
            first += [(check, case) for case in (*public[:1], *hidden[:1])]
            more += [(check, case) for case in (*public[1:], *hidden[1:])]
    return first, more


def _text(blob: bytes) -> str:
    """The text in a blob: a header of 16 bytes, then its tree, which is the text itself. `wire.values` would import torch."""
    size = int.from_bytes(blob[4:8], "little")
    return msgspec.msgpack.decode(blob[16 : 16 + size], type=str)
