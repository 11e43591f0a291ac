"""The Jinja templates of this package, rendered as text."""

from __future__ import annotations

import functools
import json
from typing import Any

import jinja2


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.release"),
        undefined=jinja2.StrictUndefined,  # a misspelt name is an error of ours, not an empty place
        autoescape=False,  # Markdown, Python and Make, not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")  # of a Markdown table
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)  # Jinja's own is for HTML
    environment.filters["known"] = lambda value: "" if value is None else value
    return environment


def render(template: str, **values: Any) -> str:
    """`templates/<template>` with `values` filled in."""
    return _environment().get_template(template).render(**values)
