"""What a verdict looks like in a browser: one page that needs nothing but itself.

Jinja escapes every value (autoescape), and `finalize` makes invisible characters visible in every one of them, so a
template can't forget either. No script runs: the content security policy in the page forbids it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from markupsafe import Markup, escape

from autograder.feedback import messages, sources
from autograder.feedback.escape import visible
from autograder.feedback.timeline_svg import svg
from autograder.feedback.view import Options, exercise_view, in_reading_order, points_text
from autograder.results import Result

TEMPLATES = Path(__file__).parent / "templates"


def result_html(result: Result, options: Options | None = None, *, title: str = "", root: Path | None = None) -> str:
    """One page for one submission. `root` is the folder that places are relative to, when the files are at hand."""
    options = options or Options()
    template = environment().get_template("result.html")
    return template.render(title=title or result.submission, **result_context(result, options, root))


def result_context(result: Result, options: Options, root: Path | None = None) -> dict[str, Any]:
    """What the template macro `submission` of `parts.html` needs."""
    return {
        "result": result,
        "views": [exercise_view(exercise, options) for exercise in in_reading_order(result)],
        "total": points_text(result.earned, result.points, result.pending, options),
        "problems": [messages.spans(problem, options.language) for problem in result.problems],
        "label": options.label,
        "language": options.language,
        "staff": options.audience == "staff",
        "linked": bool(options.lectures),
        "context": lambda place: sources.context(place, root),
    }


@lru_cache
def environment(*folders: Path) -> jinja2.Environment:
    """Jinja as all pages use it; `folders` are searched for templates before ours."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible_line,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["block"] = _block
    made.filters["href"] = _href
    made.filters["svg"] = svg
    return made


def _visible_line(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _block(value: str) -> Markup:
    """Text with its lines kept, for `<pre>`."""
    return escape(visible(str(value), lines=True))


def _href(value: str) -> str:
    """A link that can only lead to a page: no `javascript:`, nothing that ends the attribute."""
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        return "#"
    return quote(value, safe="/:#?&=.-_~%") if scheme in ("", "http", "https") else "#"
