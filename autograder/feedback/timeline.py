"""A timeline as rows of characters: what each device of a pipeline does when, and where it stands still.

    stage 0 │F0F1F2F3············B0──B1──B2──B3──
    stage 1 │··F0F1F2F3········B0──B1──B2──B3──··
             0        5        10       15

A block begins with its label and goes on in a line, idle time is dotted, so it reads without colour. What is wider than the
console goes on in another panel below. The timeline may hold anything: it is cut to what can be drawn, and texts are made
visible. `timeline_svg` draws the same for a browser.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from autograder.feedback.escape import visible
from autograder.results import Block, Timeline, Waiting

Run = tuple[str, str]
"""A style ("lane", "axis", "idle", "forward", "backward", "waiting") and a text."""

MAX_LANES, MAX_BLOCKS, MAX_PANELS = 32, 4096, 6
MAX_TIME = 1e6
SIGNS = {"edge": "│", "fill": "─", "idle": "·"}
ASCII_SIGNS = {"edge": "|", "fill": "-", "idle": "."}
_LABEL, _NAME = 8, 12


def drawable(timeline: Timeline) -> Timeline:
    """The part of a timeline that can be drawn: finite times, lanes that exist, short visible texts, not too many of either."""
    lanes = [visible(name)[:_NAME] for name in timeline.lanes[:MAX_LANES]]

    def fits(lane: int, *times: float) -> bool:
        return 0 <= lane < len(lanes) and all(math.isfinite(time) and 0 <= time <= MAX_TIME for time in times)

    blocks = [
        Block(lane=b.lane, start=b.start, end=b.end, label=_label(b.label), kind=b.kind, group=b.group)
        for b in timeline.blocks[:MAX_BLOCKS]
        if fits(b.lane, b.start, b.end) and b.start < b.end
    ]
    waiting = [
        Waiting(lane=w.lane, since=w.since, label=_label(w.label), needs=visible(w.needs)[:200])
        for w in timeline.waiting[:MAX_LANES]
        if fits(w.lane, w.since)
    ]
    return Timeline(lanes=lanes, blocks=sorted(blocks, key=lambda b: (b.lane, b.start)), waiting=waiting)


def span(timeline: Timeline) -> float:
    """When the last block ends, or the last lane comes to stand."""
    return max([0.0, *(block.end for block in timeline.blocks), *(waiting.since for waiting in timeline.waiting)])


def idle(timeline: Timeline) -> float:
    """The share of lanes × time in which nothing is done: 0 without any block."""
    area = len(timeline.lanes) * span(timeline)
    return 1 - sum(block.end - block.start for block in timeline.blocks) / area if area else 0.0


def ticks(end: float, room: float) -> list[float]:
    """Round times from 0 to `end` for an axis that has room for so many of them."""
    if not end > 0:
        return [0.0]
    step = 10.0 ** math.floor(math.log10(end / max(room, 1)))
    step *= next(times for times in (1, 2, 5, 10, 20) if end / (step * times) <= max(room, 1))
    return [step * n for n in range(int(end / step + 1e-9) + 1)]


def rows(timeline: Timeline, width: int = 80, signs: dict[str, str] = SIGNS) -> list[list[Run]]:
    """The picture as rows of styled texts, none wider than `width`."""
    timeline = drawable(timeline)
    names = max((len(name) for name in timeline.lanes), default=0)
    room = max(width - names - 2, 8)
    scale, whole = _scale(timeline, room)
    if whole > 1 and room > whole:
        room -= room % whole  # panels end where a unit of time does
    lanes = [_cells(timeline, lane, scale, signs) for lane in range(len(timeline.lanes))]
    total = max((len(cells) for cells in lanes), default=0)
    drawn: list[list[Run]] = []
    for start in range(0, min(total, MAX_PANELS * room), room):
        stop = min(start + room, total)
        drawn += [[]] if drawn else []
        for name, cells in zip(timeline.lanes, lanes, strict=True):
            padded = cells[start:stop] + [("idle", signs["idle"])] * (stop - max(len(cells), start))
            drawn.append([("lane", f"{name:<{names}} "), ("axis", signs["edge"]), *_joined(padded[: stop - start])])
        drawn.append([("axis", " " * (names + 2) + _axis(timeline, scale, start, stop))])
    if total > MAX_PANELS * room:
        drawn.append([("axis", f"{' ' * names}  … {span(timeline):g}")])
    return drawn


def text(timeline: Timeline, width: int = 80, signs: dict[str, str] = SIGNS) -> str:
    """The picture as plain text."""
    return "\n".join("".join(part for _, part in row).rstrip() for row in rows(timeline, width, signs))


def _label(text: str) -> str:
    return visible(text)[:_LABEL] or "?"


def _scale(timeline: Timeline, room: int) -> tuple[float, int]:
    """Characters for a unit of time, so that every label fits into its block; and the same if it is a whole number, else 1."""
    wanted = max((len(b.label) / (b.end - b.start) for b in timeline.blocks), default=1.0)
    whole = math.ceil(wanted - 1e-9)
    end = span(timeline)
    if end * whole > MAX_PANELS * room:  # long, or with very short blocks: labels give way
        return MAX_PANELS * room / end, 1
    if 2 * end * whole <= room:
        whole *= 2
    return float(whole), whole


def _cells(timeline: Timeline, lane: int, scale: float, signs: dict[str, str]) -> list[Run]:
    """One lane, a run for each character."""
    cells: list[Run] = []

    def until(column: int, style: str, sign: str) -> None:
        cells.extend([(style, sign)] * (column - len(cells)))

    for block in (b for b in timeline.blocks if b.lane == lane):
        start, end = round(block.start * scale), round(block.end * scale)
        until(start, "idle", signs["idle"])
        cells.extend((block.kind, sign) for sign in block.label[: max(end - len(cells), 0)])
        until(end, block.kind, signs["fill"])
    for waiting in (w for w in timeline.waiting if w.lane == lane):
        until(round(waiting.since * scale), "idle", signs["idle"])
        cells.extend(("waiting", sign) for sign in f"{waiting.label}?")
    return cells


def _joined(cells: list[Run]) -> Iterator[Run]:
    """Neighbours of one style as one run."""
    style, text = "", ""
    for next_style, sign in cells:
        if next_style != style and text:
            yield style, text
            text = ""
        style, text = next_style, text + sign
    if text:
        yield style, text


def _axis(timeline: Timeline, scale: float, start: int, stop: int) -> str:
    """The times under one panel."""
    end = span(timeline)
    line = ""
    for time in ticks(end, max(end * scale / 9, 1)):
        column = round(time * scale) - start
        written = f"{time:g}"
        if column >= 0 and column + len(written) <= stop - start and (not line or column > len(line)):
            line = f"{line:<{column}}{written}"
    return line
