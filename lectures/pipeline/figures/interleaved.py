"""Draw interleaved.svg: timelines of schedules that the reference makes."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))
from autograder.feedback.timeline_svg import svg  # noqa: E402
from autograder.lab.pipeline import picture, simulate  # noqa: E402


def reference(exercise):
    return runpy.run_path(str(ROOT / "solutions" / "pipeline" / exercise / "solution.py"))


def timeline(schedule, chunks=1):
    return picture(schedule, simulate(schedule, chunks), chunks)


interleaved = reference("interleaved")
parts = []
for v in (1, 2, 3):
    schedule = interleaved["interleaved"](3, 3, v)
    held = ", ".join(str(n) for n in interleaved["peak_chunks"](3, 3, v))
    length = simulate(schedule, v).makespan
    title = f"{v} chunk{'s' * (v > 1)} on each device: {length:g} units; the devices hold {held} activations of a chunk"
    parts.append((title, timeline(schedule, v)))
(HERE / "interleaved.svg").write_text(svg(parts), encoding="utf-8")
