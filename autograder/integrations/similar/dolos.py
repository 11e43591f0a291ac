"""Dolos (https://dolos.ugent.be): its command line, and the `pairs.csv` that it writes.

    id,leftFileId,leftFilePath,rightFileId,rightFilePath,similarity,totalOverlap,longestFragment,leftCovered,rightCovered

`similarity` goes from 0 to 1. A pair that has nothing in common may be left out.
"""

from __future__ import annotations

import csv
import statistics
from pathlib import Path

from autograder.integrations.similar import tool
from autograder.integrations.similar.answers import INFO, STUB, Exported
from autograder.report.pairs import PairsError

COMMAND = "dolos"
OUTPUT = "dolos"
INSTALL = "npm install -g @dodona/dolos"
_COLUMNS = ("leftFilePath", "rightFilePath", "similarity")

Found = tuple[str, str, float]  # two folders of the export, and how alike


def arguments() -> list[str]:
    # The stub is in info.csv, too; named here, a version that knows no templates fails instead of comparing everybody with it.
    return [COMMAND, "run", "-f", "csv", "-l", "python", "-i", STUB, "-o", OUTPUT, INFO]


def look(exported: Exported) -> str:
    return f"dolos serve {exported.folder / OUTPUT}"


def compare(path: str, exported: Exported) -> tuple[list[Found], float | None]:
    """Run it; the pairs, and the median of all pairs. Raises `PairsError`."""
    tool.emptied(exported.folder / OUTPUT)
    tool.run(path, arguments(), exported.folder)
    return outcome(exported)


def outcome(exported: Exported) -> tuple[list[Found], float | None]:
    """The pairs in what it wrote, and the median of all pairs. Raises `PairsError`."""
    return read(exported.folder / OUTPUT / "pairs.csv", exported)


def read(file: Path, exported: Exported) -> tuple[list[Found], float | None]:
    """What `pairs.csv` says. Raises `PairsError`."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise PairsError(f"{file} has no column {missing[0]}: it is not what Dolos 2 writes")
            found = [pair for row in rows if (pair := _pair(row, exported)) is not None]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PairsError(f"{file} can't be read: {error}") from None
    except (TypeError, ValueError):
        raise PairsError(f"{file} has a similarity that is no number from 0 to 1") from None
    count = len(exported.answers)
    left_out = count * (count - 1) // 2 - len(found)
    every = [similarity for _, _, similarity in found] + [0.0] * max(left_out, 0)
    return found, statistics.median(every) if every else None


def _pair(row: dict[str, str], exported: Exported) -> Found | None:
    one, other = exported.name_in(row["leftFilePath"]), exported.name_in(row["rightFilePath"])
    similarity = float(row["similarity"])
    if not 0 <= similarity <= 1 + 1e-9:
        raise ValueError
    return None if one is None or other is None else (one, other, min(similarity, 1.0))
