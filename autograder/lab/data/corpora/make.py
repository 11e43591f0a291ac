"""Make english.txt and chinese.txt again from the Debian packages named in ORIGIN.md.

apt-get download bible-kjv bible-kjv-text fortunes-zh
python make.py .          # the folder with the three .deb files; needs dpkg-deb and an amd64 Linux
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def english(root: Path) -> str:
    """The book of Genesis: a heading for each chapter, one verse a line, an empty line between chapters."""
    command = [root / "usr/bin/bible", "-l99999", "-p", root / "usr/lib", "Genesis 1:1-50:26"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = []
    for line in lines:
        if re.fullmatch(r"Genesis \d+", line.strip()):
            kept += ["", line.strip()]
        elif verse := re.fullmatch(r"\s+\d+ (.+)", line):
            kept.append(verse[1].strip())
    return "\n".join(kept).strip() + "\n"


def chinese(root: Path) -> str:
    """Tang and Song poems: title, author, the lines of the poem, an empty line; no colours, labels or years of life."""
    poems = []
    for name in ["tang300", "song100"]:
        text = (root / "usr/share/games/fortunes" / name).read_text(encoding="utf-8")
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        text = re.sub(r"^题目[:：]", "", text, flags=re.MULTILINE)
        text = re.sub(r"^作者[:：]([^（\n]*).*$", r"\1", text, flags=re.MULTILINE)
        for poem in re.split(r"^%\s*$", text, flags=re.MULTILINE):
            lines = [line.strip() for line in poem.splitlines()]
            if any(lines):
                poems.append("\n".join(line for line in lines if line))
    return "\n\n".join(poems) + "\n"


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as root:
        for package in sorted(folder.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, root], check=True)
        for make in [english, chinese]:
            (HERE / f"{make.__name__}.txt").write_text(make(Path(root)), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
