"""From `lectures/` to the folder of sources that Sphinx reads.

It is a copy, so that nothing is written beside the lectures, and so that the first page can be `index.html`. A file is written
only when its content is new: Sphinx goes by the dates of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.course.config import Course
from autograder.release.files import read, walk, write_atomically

LECTURES = "lectures"
SHOWN = frozenset({".md", ".svg", ".png"})
FIRST_PAGE = "index"


@dataclass(frozen=True)
class Contents:
    """The pages of a course in their order."""

    title: str
    modules: list[tuple[str, list[tuple[str, str]]]]
    """The title of each module, and of its pages the names, which are those of exercises, and the titles."""

    @property
    def pages(self) -> list[str]:
        return [name for _, pages in self.modules for name, _ in pages]


def write_sources(root: Path, course: Course, folder: Path) -> Contents:
    """Bring `folder` up to date with the lectures of the course in `root`."""
    files = {_copied(name): read(root, f"{LECTURES}/{name}") for name in _shown(root / LECTURES)}
    files.setdefault(f"{FIRST_PAGE}.md", f"# {course.title}\n".encode())
    for name, content in files.items():
        write_atomically(folder / name, content)
    for name in set(walk(folder)) - set(files):
        (folder / name).unlink()
    modules = [
        (module.title, [(each.name, each.title) for each in module.exercises if f"{each.name}.md" in files])
        for module in course.modules
    ]
    return Contents(course.title, [(title, pages) for title, pages in modules if pages])


def _shown(lectures: Path) -> list[str]:
    return [name for name in walk(lectures) if Path(name).suffix in SHOWN]


def _copied(name: str) -> str:
    return f"{FIRST_PAGE}.md" if name == "README.md" else name
