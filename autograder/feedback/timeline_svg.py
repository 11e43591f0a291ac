"""A timeline as SVG: in the HTML pages of feedback, and as figures of lectures.

The drawing needs nothing but itself: no script, no style sheet, no font of its own. It stands on its own light panel, so that it reads
on a dark page too.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from autograder.feedback.timeline import drawable, span, ticks
from autograder.results import Timeline

_ROW, _TITLE, _AXIS, _PAD = 22, 24, 22, 10
_CHARACTER = 7.0  # the width of one at this size of font, and a little more
_MOST_WIDE, _LEAST_UNIT, _MOST_UNIT = 4000.0, 2.0, 40.0
_FILLS = {
    "forward": ("#a6cbef", "#5f9bd6", "#d3e5f7", "#3f7fbd"),
    "backward": ("#f7cf94", "#e79c3c", "#fbe7c9", "#cc7a17"),
}
_INK, _FAINT, _IDLE, _BAD, _EDGE = "#1c2024", "#60646c", "#eef0f3", "#c62a2f", "#ffffff"


def svg(timelines: Timeline | Sequence[tuple[str, Timeline]]) -> Markup:
    """One timeline, or several with their titles below each other on the same scale of time."""
    given = [("", timelines)] if isinstance(timelines, Timeline) else list(timelines)
    parts = [(title, drawable(timeline)) for title, timeline in given]
    left = _PAD + 8 + _CHARACTER * max((len(name) for _, t in parts for name in t.lanes), default=0)
    end = max((span(timeline) for _, timeline in parts), default=0.0)
    unit = _unit([t for _, t in parts], end)
    width = (
        left + end * unit + _CHARACTER * max((len(w.label) + 2 for _, t in parts for w in t.waiting), default=0) + _PAD
    )
    body: list[Markup] = []
    y = float(_PAD)
    for title, timeline in parts:
        if title:
            body.append(_text(_PAD, y + 14, title, weight="bold"))
            y += _TITLE
        body += _lanes(timeline, left, y, unit, end)
        y += _ROW * len(timeline.lanes)
        body += _axis(left, y, unit, end)
        y += _AXIS
    label = Markup("{}").format("; ".join(title for title, _ in parts if title) or "timeline")
    width = max(width, left + 40)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}" height="{h:.0f}" viewBox="0 0 {w:.0f} {h:.0f}" role="img" '
        'aria-label="{label}" font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="11">\n'
        '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>\n{body}\n</svg>\n'
    ).format(w=width, h=y + _PAD / 2, label=label, body=Markup("\n").join(body))


def _unit(timelines: list[Timeline], end: float) -> float:
    """Pixels for a unit of time: labels fit into their blocks, unless the picture would be too wide."""
    fits = max(((len(b.label) * _CHARACTER + 3) / (b.end - b.start) for t in timelines for b in t.blocks), default=20.0)
    return max(
        _LEAST_UNIT if end < _MOST_WIDE / _LEAST_UNIT else _MOST_WIDE / end,
        min(fits, _MOST_WIDE / end if end else fits),
    )


def _lanes(timeline: Timeline, left: float, top: float, unit: float, end: float) -> list[Markup]:
    body: list[Markup] = []
    for lane, name in enumerate(timeline.lanes):
        y = top + lane * _ROW
        body.append(_text(left - 8, y + 15, name, anchor="end", colour=_FAINT))
        body.append(_rect(left, y + 1, end * unit, _IDLE))
    for block in timeline.blocks:
        x, y = left + block.start * unit, top + block.lane * _ROW + 1
        wide = (block.end - block.start) * unit
        shades = _FILLS[block.kind]
        body.append(_rect(x, y, wide, shades[block.group % len(shades)]))
        if len(block.label) * (_CHARACTER - 0.6) <= wide:
            colour = "#ffffff" if block.group % len(shades) == 3 else _INK
            body.append(_text(x + wide / 2, y + 14, block.label, anchor="middle", colour=colour))
    for waiting in timeline.waiting:
        x, y = left + waiting.since * unit, top + waiting.lane * _ROW + 1
        label = f"{waiting.label}?"
        wide = len(label) * _CHARACTER + 6
        body.append(
            Markup(
                '<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h}" fill="#ffffff" stroke="{bad}" stroke-dasharray="3 2"/>'
            ).format(x=x + 1, y=y + 1, w=wide, h=_ROW - 4, bad=_BAD)
        )
        body.append(_text(x + 4, y + 14, label, colour=_BAD, weight="bold"))
    return body


def _axis(left: float, top: float, unit: float, end: float) -> list[Markup]:
    return [
        _text(left + time * unit, top + 13, f"{time:g}", colour=_FAINT, anchor="middle")
        for time in ticks(end, max(end * unit / 60, 1))
    ]


def _rect(x: float, y: float, width: float, fill: str) -> Markup:
    return Markup('<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h}" fill="{fill}" stroke="{edge}"/>').format(
        x=x, y=y, w=width, h=_ROW - 2, fill=fill, edge=_EDGE
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK, weight: str = "normal"
) -> Markup:
    return Markup(
        '<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{text}</text>'
    ).format(x=x, y=y, anchor=anchor, colour=colour, weight=weight, text=escape(text))
