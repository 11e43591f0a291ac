"""Figures of a page: text that any reader's fonts can draw.

An SVG names fonts and has none in it, so a character that a reader's fonts lack becomes a box, and the picture says less than it
should. Latin, Greek and Cyrillic letters, ASCII and the signs below are in the fonts of every system (they are in Windows Glyph
List 4, which font makers follow). What needs more is drawn as a shape, or named by its code point.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

SIGNS = "–—‘’“”„†‡•…‰′″‹›⁄€™Ω∂∆∏∑−∕∙√∞∟∩∫≈≠≡≤≥←↑→↓↔↕─│┌┐└┘├┤┬┴┼═║▀▄█▌▐░▒▓■□▪▫▲►▼◄◊○●◦ⁿ"
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


def figure_problems(page: str, folder: Path) -> Iterator[str]:
    """What is wrong with the SVG figures that a page shows, which lie beside it in `folder`."""
    for name in re.findall(r"\]\((figures/[\w.-]+\.svg)\)", page):
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            yield f"{name}: there is no such figure; `make figures` draws it from its script"
            continue
        try:
            odd = rare(text)
        except ElementTree.ParseError as error:
            yield f"{name} is no SVG: {error}"
            continue
        if odd:
            named = ", ".join(f"{each} (U+{ord(each):04X})" for each in odd)
            yield f"{name}: some readers' fonts have no {named}; draw a shape, or write the code point"


def rare(svg: str) -> list[str]:
    """The characters in the text of an SVG that not every system's fonts have."""
    texts = [
        "".join(node.itertext())
        for node in ElementTree.fromstring(svg).iter()
        if node.tag in ("text", "{http://www.w3.org/2000/svg}text")
    ]
    return sorted({each for text in texts for each in text if not _is_common(each)})


def _is_common(character: str) -> bool:
    if ord(character) < 0x100 or character in SIGNS:
        return True
    name = unicodedata.name(character, "")
    return character.isalpha() and ord(character) < 0x500 and name.startswith(SCRIPTS)
