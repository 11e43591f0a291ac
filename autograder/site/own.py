"""The pages for oneself: made anew only where something has changed, with how far the student is."""

from __future__ import annotations

from pathlib import Path

from autograder.course.config import Course
from autograder.release.files import write_atomically
from autograder.site.build import Built, build, fingerprint
from autograder.site.sources import write_sources
from autograder.site.standing import standings, write_standing

MADE_FROM = "made-from"


def own_pages(root: Path, course: Course, folder: Path) -> Built:
    """Bring the pages in `folder` up to date. Where nothing has changed Sphinx is not even started."""
    sources, out = folder / "source", folder / "html"
    contents = write_sources(root, course, sources)
    stamp, now = folder / MADE_FROM, fingerprint(contents, sources)
    built = Built(0, [])
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != now:
        built = build(contents, sources, folder / "kept", out, own=True)
        write_atomically(stamp, now.encode())
    write_standing(out, standings(root, course))
    return built
