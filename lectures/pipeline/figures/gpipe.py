"""Draw gpipe.svg: timelines of schedules that the reference makes."""

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


gpipe = reference("gpipe")
drawing = svg(
    [
        (
            f"{m} micro-batch{'es' * (m > 1)}: the bubble is {100 * gpipe['bubble'](4, m):.0f} %",
            timeline(gpipe["gpipe_schedule"](4, m)),
        )
        for m in (1, 4, 8)
    ]
)
(HERE / "gpipe.svg").write_text(drawing, encoding="utf-8")
