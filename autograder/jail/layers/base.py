"""What every layer shares: its settings and the answer of its probe."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits of one worker."""

    folder: str  # private, empty, the working directory
    cpu_seconds: int  # of the whole worker
    memory_mb: int
    file_mb: int = 16  # largest file that it may write, its output included
    open_files: int = 256


@dataclass(frozen=True)
class Probe:
    """Whether a layer is available here."""

    name: str
    available: bool
    why: str
    guarantees: str


@functools.cache
def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
