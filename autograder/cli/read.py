"""Commands that make pages of the lectures: `read` for oneself, `site` for a web server."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import AUTHORS, STUDENTS, CourseOption, complain, open_course, private_folder, say
from autograder.refusals import Refused

if TYPE_CHECKING:
    from autograder.course import Course

PAGES = "pages"
"""In `.autograder`: what Sphinx reads, what it remembers, and the pages."""


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=STUDENTS)(read)
    app.command(rich_help_panel=AUTHORS)(site)


def read(
    exercise: Annotated[
        str | None,
        typer.Argument(help="An exercise: `attention/gqa`, `gqa`, or its file. The list of all, by default."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page. `--no-browser` only says where it is.")] = True,
    course: CourseOption = None,
) -> None:
    """Open the lectures as pages in your browser: formulas, search, dark mode, and how far you are.

    The pages are files on this machine and need no network. They are made again only where a lecture has changed. How far you
    are is as `autograder status` says at this moment: run `read` again to bring it up to date.
    """
    from autograder.site.build import require_tools
    from autograder.site.own import own_pages

    root, loaded = open_course(course)
    name, others = _chosen(root, loaded, exercise)
    require_tools(f"autograder read {exercise or ''}".rstrip())
    folder = private_folder(root) / PAGES
    if not folder.exists():
        say("Making the pages. The first time that takes half a minute …")
    made = own_pages(root, loaded, folder)
    if made.written:
        say(f"Made {_count(made.written)}.")
    if (root / "solutions").is_dir():  # who can mend them
        for problem in made.problems:
            complain(f"lectures/{problem}")
    page = folder / "html" / f"{name}.html"
    if others:
        say(f"{exercise} has {others + 1} lectures; this is the first.")
    if browser and _open(page):
        _say_where("Opened in your browser:", page)
    else:
        _say_where("Open this in a browser:", page)


def site(
    folder: Annotated[Path, typer.Argument(help="Where to write them: a new folder, or one that `site` wrote.")] = Path(
        "site"
    ),
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when a page has a link that leads nowhere.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Write the lectures as static pages, for GitHub Pages or any web server. Nothing of anybody's work is in them."""
    from autograder.site.build import require_tools, static_pages

    root, loaded = open_course(course)
    require_tools("autograder site")
    made = static_pages(root, loaded, folder)
    for problem in made.problems:
        complain(f"lectures/{problem}")
    say(f"Wrote {_count(made.written)} to {folder}: begin with {folder / 'index.html'}.")
    if strict and made.problems:
        raise typer.Exit(1)


def _chosen(root: Path, course: Course, wanted: str | None) -> tuple[str, int]:
    """The page to open, and how many others were meant as well."""
    if wanted is None:
        return "index", 0
    found = course.match([wanted])
    first = found[0]
    if not first.lecture(root).is_file():
        raise Refused(
            f"{first.name} has no lecture: there is no lectures/{first.name}.md. All that there are: autograder read"
        )
    return first.name, len(found) - 1


def _say_where(words: str, page: Path) -> None:
    """On one line, however long, so that a terminal makes a link of it."""
    sys.stdout.write(f"{words} {page.as_uri()}\n")


def _count(pages: int) -> str:
    return f"{pages} page{'' if pages == 1 else 's'}"


def _open(page: Path) -> bool:
    """Whether a browser was started. Without a screen none is: it would be one in this terminal, which draws no formulas."""
    import webbrowser

    screen = sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    try:
        return bool(screen) and webbrowser.open(page.as_uri())
    except (webbrowser.Error, OSError):
        return False
