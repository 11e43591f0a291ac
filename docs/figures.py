"""Draws the lectures' figures from the references, and makes their files small: `make figures`, or with ARGS="lectures/norm/figures/rmsnorm.py".

Matplotlib writes six decimals of a point, an identifier for every line, and with every text a list of ten fonts and a rotation by
nothing. Nobody sees any of that, and everybody who clones the course loads it. Scour takes most of it out, and `_plain` the rest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from xml.dom import minidom

import typer
from rich.progress import track
from scour import scour

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = [
    "--set-precision=5",
    "--remove-metadata",
    "--enable-comment-stripping",
    "--enable-id-stripping",
    "--shorten-ids",
    "--strip-xml-prolog",
    "--indent=none",
    "--no-line-breaks",
]
FONTS = {"'DejaVu Sans'": "'DejaVu Sans', Verdana, sans-serif", "'DejaVu Sans Mono'": "'DejaVu Sans Mono', monospace"}
"""By the first font of a list: the list that is written instead."""


def small(svg: str) -> str:
    """The same picture in fewer bytes."""
    for first, fonts in FONTS.items():
        svg = re.sub(rf"(font(?:-family)?: [^;\"]*?){first}(?:, [^;\"]+)", rf"\g<1>{fonts}", svg)
    root = minidom.parseString(scour.scourString(svg, scour.parse_args(OPTIONS))).documentElement
    _plain(root)
    return root.toxml() + "\n"


def _plain(root: minidom.Element) -> None:
    """Take out what scour leaves: rotations by 0, decimals of coordinates, long names of colours, and fonts that most texts share."""
    for each in root.getElementsByTagName("*"):
        if re.match(r"rotate\(-?0[ )]", each.getAttribute("transform")):
            each.removeAttribute("transform")
        for name, value in list(each.attributes.items()):
            if name in ("x", "y", "dx", "dy") and re.fullmatch(r"-?\d+\.\d{3,}", value):
                each.setAttribute(name, f"{float(value):.2f}".rstrip("0").rstrip("."))
            elif double := re.fullmatch(r"#(.)\1(.)\2(.)\3", value):
                each.setAttribute(name, "#" + "".join(double.groups()))
    texts = root.getElementsByTagName("text")
    for name in ("font-family", "font-size"):
        [(most, _)] = Counter(text.getAttribute(name) for text in texts).most_common(1) or [("", 0)]
        if not most or root.hasAttribute(name):
            continue
        if all(_has(text, name) for text in texts):  # else one would lose the default that it has
            root.setAttribute(name, most)
            for text in texts:
                if text.getAttribute(name) == most and not _has(text.parentNode, name, root):
                    text.removeAttribute(name)


def _has(node: minidom.Node, name: str, root: minidom.Node | None = None) -> bool:
    """Whether an element or one around it, below `root`, has this attribute."""
    while isinstance(node, minidom.Element) and node is not root:
        if node.hasAttribute(name):
            return True
        node = node.parentNode
    return False


def drawn_by(script: Path, folder: Path) -> Iterator[Path]:
    """Run a script, which draws beside itself; the figures that it has drawn."""
    before = {path: path.stat().st_mtime_ns for path in script.parent.glob("*.svg")}
    subprocess.run([sys.executable, str(script)], check=True, env={**os.environ, "MPLCONFIGDIR": str(folder)})
    yield from (path for path in script.parent.glob("*.svg") if path.stat().st_mtime_ns != before.get(path))


def main(
    scripts: Annotated[list[Path] | None, typer.Argument(help="Scripts of figures; by default all.")] = None,
    draw: Annotated[bool, typer.Option(help="Without drawing, the files that are there are made small.")] = True,
) -> None:
    """Draw the lectures' figures, and make their files small."""
    chosen = scripts or sorted((ROOT / "lectures").glob("*/figures/*.py"))
    with tempfile.TemporaryDirectory() as folder:
        for script in track(chosen, "figures"):
            figures = drawn_by(script, Path(folder)) if draw else script.parent.glob(f"{script.stem}*.svg")
            for figure in figures:
                figure.write_text(small(figure.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
