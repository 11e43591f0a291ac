"""The Sphinx extension behind the pages: GitHub's formulas and links, and the order of the pages.

MyST reads CommonMark with GitHub's tables, and writes what it finds as Sphinx's nodes. Here it learns the two forms of a formula
(``$`…`$`` and ```` ```math ````) and forgets those parts of its own language that GitHub shows as plain text. Formulas
are written as TeX, and `assets/pages.js` has KaTeX draw them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from docutils import nodes
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer
from myst_parser.parsers.mdit import create_md_parser
from myst_parser.parsers.sphinx_ import MystParser
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

from autograder.lessons.page import INLINE_FORMULA
from autograder.site.sources import FIRST_PAGE

LOGGER = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("myst_parser")
    app.add_source_parser(LectureParser, override=True)
    app.add_config_value("course_modules", [], "env")
    app.add_html_math_renderer("katex", (_visit_formula, None), (_visit_displayed_formula, None))
    app.connect("doctree-read", _add_contents, priority=100)  # before Sphinx collects what leads where
    app.connect("html-page-context", _add_navigation, priority=100)  # before the theme
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


# ---------------------------------------------------------------- Markdown


class LectureParser(MystParser):
    """MyST's parser, which reads formulas as GitHub does."""

    def parse(self, inputstring: str, document: nodes.document) -> None:
        environment = document.settings.env
        parser = create_md_parser(environment.myst_config, SphinxRenderer)
        parser.use(_github, page=environment.docname, folder=Path(environment.srcdir))
        parser.options["document"] = document
        parser.render(inputstring)


def _github(parser: MarkdownIt, *, page: str, folder: Path) -> None:
    parser.inline.ruler.before("backticks", "github_formula", _inline_formula)
    parser.core.ruler.push("github_displayed", _displayed_formulas)
    parser.core.ruler.push("github_links", lambda state: _mend_links(state, page, folder))


def _inline_formula(state: StateInline, silent: bool) -> bool:
    match = INLINE_FORMULA.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("math_inline", "math", 0).content = match[1]
    state.pos = match.end()
    return True


def _displayed_formulas(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "fence" and token.info.strip() == "math":
            token.type = "math_block"


def _mend_links(state: StateCore, page: str, folder: Path) -> None:
    """The lectures' README.md is the first page here. A link to what this edition of the course has not becomes plain text."""
    for token in state.tokens:
        if token.children:
            token.children = list(_mended(token, page, folder))


def _mended(block: Token, page: str, folder: Path) -> Iterator[Token]:
    line = (block.map or [0])[0] + 1
    dropped = False
    for token in block.children or ():
        if token.type in ("softbreak", "hardbreak"):
            line += 1
        elif token.type == "link_open":
            path, mark, section = str(token.attrGet("href") or "").partition("#")
            target = _file(path, page)
            if target == "README.md":
                token.attrSet("href", f"{path.removesuffix('README.md')}{FIRST_PAGE}.md{mark}{section}")
            elif target and not (folder / target).is_file():
                LOGGER.warning("a link leads to %s, which is not there", path, location=(page, line))
                dropped = True
                continue
        elif token.type == "link_close" and dropped:
            dropped = False
            continue
        yield token


def _file(path: str, page: str) -> str:
    """The file among the lectures that a link of `page` leads to; "" for the page itself and for other hosts.

    >>> _file("../norm/pre_ln.md", "attention/gqa"), _file("https://example.org/a.md", "attention/gqa")
    ('norm/pre_ln.md', '')
    """
    if not path or urlsplit(path).scheme or path.startswith("//"):
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(path)))


# ---------------------------------------------------------------- HTML


def _visit_formula(writer: Any, node: nodes.math) -> None:
    writer.body.append(f'<span class="formula">{escape(node.astext())}</span>')
    raise nodes.SkipNode


def _visit_displayed_formula(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula displayed">{escape(node.astext())}</div>\n')
    raise nodes.SkipNode


# ---------------------------------------------------------------- the order of the pages


def _add_contents(app: Sphinx, page: nodes.document) -> None:
    """Give the first page a hidden table of contents for each module, so that every page knows the ones before and after it."""
    if app.env.docname != FIRST_PAGE:
        return
    for title, pages in app.config.course_modules:
        contents = addnodes.toctree(
            parent=FIRST_PAGE,
            caption=title,
            entries=[(None, name) for name, _ in pages],
            includefiles=[name for name, _ in pages],
            maxdepth=1,
            glob=False,
            hidden=True,
            includehidden=False,
            numbered=0,
            titlesonly=True,
        )
        contents["rawcaption"] = title
        next(iter(page.findall(nodes.section)), page).append(contents)


def _add_navigation(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """The modules, and of each the pages, for `templates/sidebar/lectures.html`.

    It takes the place of the theme's own navigation, which for a hundred pages is a third of the work and one long list.
    """
    context["toctree"] = lambda **_: ""
    context["course_contents"] = [
        {
            "title": title,
            "open": any(name == page for name, _ in pages),
            "pages": [{"name": name, "title": each} for name, each in pages],
        }
        for title, pages in app.config.course_modules
    ]
