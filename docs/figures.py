"""Draws the lectures' figures from the references, and makes their files small: `make figures`, or with ARGS="lectures/norm/figures/rmsnorm.py".

Matplotlib writes six decimals of a point, an identifier for every line, and a list of ten fonts with every text. Nobody sees
any of that, and everybody who clones the course loads it. Scour takes it out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

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
    return scour.scourString(svg, scour.parse_args(OPTIONS)).strip() + "\n"


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
