"""Draw one_f_one_b.svg: timelines of schedules that the reference makes."""

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


gpipe, better = reference("gpipe")["gpipe_schedule"](4, 8), reference("one_f_one_b")
held = ", ".join(str(n) for n in better["peak_activations"](4, 8))
drawing = svg(
    [
        ("GPipe, 4 devices, 8 micro-batches: 33 units, each device holds 8 micro-batches", timeline(gpipe)),
        (f"1F1B: 33 units, the devices hold {held}", timeline(better["one_f_one_b"](4, 8))),
        (
            "1F1B with 2 micro-batches: there is no steady phase on the first two devices",
            timeline(better["one_f_one_b"](4, 2)),
        ),
    ]
)
(HERE / "one_f_one_b.svg").write_text(drawing, encoding="utf-8")
