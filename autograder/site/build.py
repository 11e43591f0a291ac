"""Runs Sphinx on the sources. It keeps what it has read, and writes only the pages that have changed."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from autograder.course.config import Course
from autograder.refusals import Refused
from autograder.release.files import walk
from autograder.site.sources import FIRST_PAGE, Contents, write_sources

ASSETS, TEMPLATES = (Path(__file__).parent / name for name in ("assets", "templates"))
NOT_GITHUBS = ["front_matter", "myst_line_comment", "myst_block_break", "myst_target", "myst_role"]
"""Rules of MyST that change what GitHub shows as it is written: lines that begin with % or +++, `{a}` before code."""
SIDEBAR = ["brand", "search", "scroll-start", "lectures", "scroll-end"]
NEEDED = ("sphinx", "myst_parser", "furo")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_WARNING = re.compile(r"^(?P<place>.*?): WARNING: (?P<what>.*?)(?: \[[\w.]+\])?$")


@dataclass(frozen=True)
class Built:
    """What a build did."""

    written: int  # pages that were written anew
    problems: list[str]  # what is wrong in the lectures that were read anew: "attention/gqa.md:12: …"


def require_tools(again: str) -> None:
    """Refuse to go on without the packages of the extra `site`; `again` is the command to give afterwards."""
    if missing := [name for name in NEEDED if util.find_spec(name) is None]:
        raise Refused(
            f"The pages are made with Sphinx, and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed here. "
            "In the course's folder:\n\n"
            '    python -m pip install -c constraints.txt -e ".[site]"\n\n'
            f"Then again: {again}. Without it, read the lectures as files: lectures/<topic>/<exercise>.md"
        )


def build(contents: Contents, sources: Path, kept: Path, out: Path, *, own: bool) -> Built:
    """Write the pages of `sources` to `out`. `kept` is where Sphinx remembers what it has read.

    `own` pages also say how far the student is, from the file that `standing` writes beside them.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = io.StringIO()
    written: set[str] = set()
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            srcdir=sources,
            confdir=None,
            outdir=out,
            doctreedir=kept,
            buildername="html",
            confoverrides=_settings(contents, own),
            status=None,
            warning=warnings,
        )
        app.connect("html-page-context", lambda _app, page, *_: written.add(page))
        app.build()
        pages = set(app.env.found_docs)
    _remove_old(out, {*pages, "search"})
    return Built(len(written & pages), _problems(warnings.getvalue(), sources))


def static_pages(root: Path, course: Course, out: Path) -> Built:
    """Write all pages to `out` from nothing, without anybody's work. Refuses a folder that holds anything else."""
    marker = out / ".buildinfo"  # Sphinx's
    if out.exists() and not (out.is_dir() and (marker.is_file() or not any(out.iterdir()))):
        raise Refused(f"{out} is not empty, and no earlier `autograder site` wrote it. Choose a new folder.")
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder).resolve() / "source"
        contents = write_sources(root, course, sources)
        marker.unlink(missing_ok=True)  # so that every page is written
        built = build(contents, sources, sources.parent / "kept", out.resolve(), own=False)
    (out / ".nojekyll").touch()  # else GitHub Pages leaves out the folders whose names begin with _
    return built


def fingerprint(contents: Contents, sources: Path) -> str:
    """Changes with everything that the pages are made from."""
    digest = hashlib.sha256(repr(contents).encode())
    for folder in (sources, Path(__file__).parent):
        for name in walk(folder):
            digest.update(f"\0{name}\0".encode() + hashlib.sha256((folder / name).read_bytes()).digest())
    digest.update(repr([metadata.version(name) for name in NEEDED]).encode())
    return digest.hexdigest()


def _settings(contents: Contents, own: bool) -> dict[str, Any]:
    scripts = ["katex/katex.min.js", "pages.js", *(["standing.js", "own.js"] if own else [])]
    return {
        "project": contents.title,
        "html_title": contents.title,
        "root_doc": FIRST_PAGE,
        "language": "en",
        "extensions": ["autograder.site.extension"],
        "course_modules": contents.modules,
        "suppress_warnings": ["toc.not_included", "misc.highlighting_failure"],
        "smartquotes": False,  # pages look as their authors see them on GitHub
        "myst_heading_anchors": 4,
        "myst_disable_syntax": NOT_GITHUBS,
        "myst_enable_extensions": ["gfm_autolink", "strikethrough", "tasklist", "alert"],
        "html_favicon": str(ASSETS / "icon.svg"),
        "html_theme": "furo",
        "html_theme_options": {"navigation_with_keys": True},
        "html_math_renderer": "katex",
        "html_static_path": [str(ASSETS)],
        "templates_path": [str(TEMPLATES)],
        "html_sidebars": {"**": [f"sidebar/{name}.html" for name in SIDEBAR]},
        "html_css_files": ["katex/katex.min.css", "pages.css"],
        "html_js_files": [(name, {"defer": "defer"}) for name in scripts],
        "html_copy_source": False,
        "html_show_search_summary": not own,  # it is fetched, and a page that was opened as a file may fetch nothing
        "html_show_sourcelink": False,
        "html_show_copyright": False,
        "html_use_index": False,
        "html_domain_indices": False,
    }


def _remove_old(out: Path, pages: set[str]) -> None:
    """Pages of lectures that are no longer there."""
    for path in out.rglob("*.html"):
        name = path.relative_to(out).with_suffix("").as_posix()
        if name not in pages and not name.startswith("_"):
            path.unlink()


def _problems(warnings: str, sources: Path) -> list[str]:
    found = []
    for line in _COLOUR.sub("", warnings).splitlines():
        match = _WARNING.match(line)
        text = f"{match['place']}: {match['what']}" if match else line
        if text.strip():
            found.append(text.removeprefix(f"{sources}/"))
    return list(dict.fromkeys(found))
