"""Texts of the course that lie in a student's repository and are read when a command shows them: hints, solutions.

They are packed so that nobody meets them by accident, in an editor's search or while looking through folders. That is all: who
wants to can unpack them, so what students must not have is not released.
"""

from __future__ import annotations

import base64
import json
import textwrap
from pathlib import Path
from typing import Any

from autograder.refusals import Refused

LARGEST = 4 * 2**20


def pack(about: str, value: Any) -> bytes:
    """A file that says `about` in its first line, and holds `value` (of what JSON has). The same value gives the same bytes."""
    data = base64.b64encode(json.dumps(value, ensure_ascii=False).encode()).decode()
    return f"# {about}\n{textwrap.fill(data, 100)}\n".encode()


def unpack(data: bytes) -> Any:
    """What `pack` was given; raises `ValueError` for anything else."""
    _, _, packed = data.partition(b"\n")
    return json.loads(base64.b64decode(b"".join(packed.split()), validate=True))


def read(path: Path) -> Any:
    """What the file at `path` holds, None where there is none; raises `Refused` when it is damaged."""
    try:
        data = path.read_bytes()
        if len(data) > LARGEST:
            raise ValueError("too large")
        return unpack(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        raise Refused(f"{path} can't be read, or was changed: bring it back with `autograder update`.") from None
