"""How often `autograder build --blame` names the right part: every known mistake of every part is planted, one build at a time.

    python benchmarks/blame.py [--every N] [--exercise tokenizer/bbpe] [--model gpt2]

For each mistake the other parts are the references. It is counted whether the mistake changes any number of the probes at all, and whether
then its part, and no other one, is named. Alternatives (right answers) must change nothing. Mistakes that change nothing are listed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from autograder.capstone.blame import Runs, blame
from autograder.capstone.parts import MODELS, Filled, Parts, base_parts, places
from autograder.twin.exercise import load_exercise

ROOT = Path(__file__).resolve().parent.parent


def planted(base: Parts, slot: str, text: str) -> Parts:
    """All parts are taken for own ones; the text of one of them is another one."""
    filled = {name: dataclasses.replace(each, origin="own") for name, each in base.filled.items()}
    part = base.filled[slot].part
    filled[slot] = Filled(part, "own", f"planted/{part.exercise}.py", text)
    return Parts(filled, base.architecture)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--every", type=int, default=1, help="take every Nth mistake")
    options.add_argument("--exercise", default="", help="of one exercise only")
    options.add_argument("--model", default="llama", choices=list(MODELS), help="the network")
    chosen = options.parse_args()
    base, runs = base_parts(ROOT, chosen.model), Runs()
    counts: Counter[str] = Counter()
    began = time.perf_counter()
    for part in places(chosen.model):
        if chosen.exercise not in ("", part.exercise):
            continue
        exercise = load_exercise(ROOT / "solutions" / part.exercise, part.exercise)
        for mistake in exercise.mistakes[:: chosen.every]:
            found = [each.part.slot for each in blame(planted(base, part.slot, mistake.source), base, runs=runs)]
            kind = "changes nothing" if not found else "named" if found == [part.slot] else "misnamed"
            counts[kind] += 1
            if kind != "named":
                print(f"{kind}: {part.exercise}: {mistake.sentence} {found or ''}", flush=True)
        for right in exercise.alternatives[:: chosen.every]:
            found = [each.part.slot for each in blame(planted(base, part.slot, right.source), base, runs=runs)]
            counts["right ones, blamed" if found else "right ones, not blamed"] += 1
            if found:
                print(f"a right one is blamed: {part.exercise}: {right.sentence}", flush=True)
        print(f"{part.exercise}: {dict(counts)} after {time.perf_counter() - began:.0f} s", flush=True)
    changed = counts["named"] + counts["misnamed"]
    print(
        f"{changed} mistakes change the model; the right part alone is named in {counts['named'] / max(changed, 1):.1%}"
    )


if __name__ == "__main__":
    main()
