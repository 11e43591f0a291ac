"""Draws build.svg from build.json, the results of a whole build of the reference parts. `--record` makes such a build first.

A build takes minutes, so what it found is kept, and a figure is drawn from that: losses, and what each later stage changed.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RECORD = HERE / "build.json"


def record():
    """Build the references by the full recipe in `.autograder/build/`, and keep what each stage found out."""
    from autograder.capstone.build import Build
    from autograder.capstone.parts import base_parts
    from autograder.capstone.recipe import FULL

    class Quiet:
        def began(self, stage):
            print(stage.title, "...", flush=True)

        def step(self, stage, number, of, loss): ...

        def done(self, stage, result): ...

    results = Build(base_parts(ROOT), FULL, ROOT / ".autograder" / "build" / "full-reference").run(Quiet())
    kept = {}
    for name, result in results.items():
        found = result.outcome
        kept[name] = {
            "metrics": {key: round(value, 4) for key, value in found.metrics.items()},
            "lines": {key: round(value, 4) for key, value in found.lines.items()},
            "curve": [[step, round(loss, 3)] for step, loss in found.curve],
            "held_out": [[step, round(loss, 3)] for step, loss in found.held_out],
            "samples": found.samples,
        }
    RECORD.write_text(json.dumps(kept, ensure_ascii=False, indent=0), encoding="utf-8")


if "--record" in sys.argv:
    record()
stages = json.loads(RECORD.read_text(encoding="utf-8"))
plt.rcParams.update({"svg.hashsalt": "build", "svg.fonttype": "none", "font.size": 10})
figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 3.8), layout="constrained", width_ratios=(3, 2))

pretrain = stages["pretrain"]
left.plot(*zip(*pretrain["curve"], strict=True), color="0.7", lw=1, label="text that it learns from")
left.plot(*zip(*pretrain["held_out"], strict=True), "o-", color="C0", ms=4, label="text that is held out (a sample)")
for name, loss in pretrain["lines"].items():
    left.axhline(loss, color="C3", lw=1, ls="--")
    left.text(400, loss + 0.06, f"a table of {name}s: {loss:.2f}", color="C3", ha="right")
left.set(title="Pretraining", xlabel="step", ylabel="loss of a token (nats)", xlim=(-5, 405), ylim=(2, 7))
left.legend(loc="upper right", frameon=False)

sft, dpo = stages["sft"]["metrics"], stages["dpo"]["metrics"]
changes = [
    ("answers that end\n(instructions)", sft["answers that end, before"], sft["answers that end, after"]),
    ("answers with “And”\n(preferences)", dpo["answers with And, before"], dpo["answers with And, after"]),
]
for row, (_, before, after) in enumerate(changes):
    y = -2.6 * row
    for offset, value, color, word in ((0, before, "0.7", "before"), (-0.9, after, "C0", "after")):
        right.barh(y + offset, value, height=0.8, color=color)
        right.text(value + 0.02, y + offset, f"{word}: {value:.0%}", va="center")
right.set(
    title="What two later stages change", xlim=(0, 1.35), xticks=(0, 0.5, 1), xlabel="share of 48 answers",
    yticks=[-0.45, -3.05],
)  # fmt: skip
right.set_yticklabels([name for name, _, _ in changes])
right.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "build.svg", metadata={"Date": None})
