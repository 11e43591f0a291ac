"""Git as a process: what it may see of our environment, what it says while somebody watches it, and why it failed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from typing import Literal

Kind = Literal["missing", "empty", "refused", "too-big", "failed"]
_GONE = re.compile(
    r"not found|does not exist|not appear to be a git repository|not exported|no such file", re.IGNORECASE
)
_LOCKED = re.compile(
    r"authentication|could not read username|permission denied|access denied|403|terminal prompts", re.IGNORECASE
)


class FetchError(Exception):
    """A repository could not be had; `kind` says which way, the text is for a person."""

    def __init__(self, kind: Kind, why: str) -> None:
        self.kind: Kind = kind
        super().__init__(why)


class Reader:
    """Reads what a process says, bounded, while somebody else watches it."""

    MOST = 16 * 2**20

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.out = self.err = b""
        assert process.stdout is not None and process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(process.stdout, "out"), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, "err"), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, name: str) -> None:
        with stream:
            while data := stream.read1(65536):
                kept = getattr(self, name)
                if len(kept) < self.MOST:
                    setattr(self, name, kept + data)

    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def wait(self, seconds: float) -> None:
        self._threads[0].join(seconds)
        if not self._threads[0].is_alive():
            self._threads[1].join(seconds)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(5)


def explained(error: bytes) -> FetchError:
    text = said(error)
    if _GONE.search(text):
        return FetchError(
            "missing", f"the repository is not there, or it is private and this machine may not see it ({text})"
        )
    if _LOCKED.search(text):
        return FetchError("missing", f"this machine may not read it ({text}); give git credentials for it")
    return FetchError("failed", text or "git failed and did not say why")


def said(error: bytes) -> str:
    """What git complains about, in a line."""
    lines = [line.strip() for line in error.decode("utf-8", "replace").splitlines()]
    lines = [line.removeprefix("fatal: ").removeprefix("remote: ") for line in lines if line and "warning:" not in line]
    return " ".join(lines)[:300]


def environment(protocols: tuple[str, ...]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_")
        or name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_SSH", "GIT_SSH_COMMAND")
    }
    kept.pop("SSH_ASKPASS", None)
    return {
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=20",
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none",
        "LC_ALL": "C",
    }


def size(folder: Path) -> int:
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):  # renamed meanwhile
                total += os.lstat(os.path.join(path, name)).st_size
    return total


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
