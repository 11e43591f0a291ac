"""Draw naive.svg: timelines of schedules that the reference makes."""

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


naive, gpipe = reference("naive")["naive_schedule"](4, 3), reference("gpipe")["gpipe_schedule"](4, 3)
drawing = svg(
    [
        ("Naive: 4 devices, 3 micro-batches, one after the other; 75 % of the time is idle", timeline(naive)),
        ("All forwards first: the same work overlaps; 50 % is idle", timeline(gpipe)),
    ]
)
(HERE / "naive.svg").write_text(drawing, encoding="utf-8")
