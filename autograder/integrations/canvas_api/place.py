"""Which course on which Canvas, and the token with which it may be spoken to.

The token opens everything that its owner may do in Canvas. So it comes from an environment variable or from a file that nobody else can
read, never from the command line (which other users of the machine can see) and never from `grading.toml` (which is committed).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from autograder.refusals import Refusal

VARIABLE = "CANVAS_API_TOKEN"
ADDRESS = "CANVAS_COURSE_URL"
MAX_TOKEN = 4096
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MADE = "In Canvas: Account → Settings → New Access Token"


class CanvasApiError(Refusal):
    """Canvas can't be asked, or refuses. The text says what happened and what to do, and never holds the token."""


@dataclass(frozen=True)
class Place:
    """A course: the address of its Canvas, as https://canvas.example.edu, and its number there."""

    base: str
    course: int

    @property
    def host(self) -> str:
        return urlsplit(self.base).netloc

    @property
    def name(self) -> str:
        """A name for a file about this course."""
        return f"{self.host.replace(':', '_')}-{self.course}"


def place_of(address: str) -> Place:
    """The course whose page has this address: `https://canvas.example.edu/courses/1234`, and whatever stands behind it.

    Raises `CanvasApiError`.
    """
    form = "Give the address of the course's page in Canvas, as https://canvas.example.edu/courses/1234"
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise CanvasApiError(f"That is not an address. {form}") from None
    if parts.username or parts.password:
        raise CanvasApiError(f"The address holds a name or a password; leave them out. {form}")
    if parts.scheme not in ("https", "http") or not host:
        raise CanvasApiError(f"{address.strip()!r} is not an address. {form}")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise CanvasApiError(
            f"{address.strip()!r} begins with http: the token would be sent so that others can read it. {form}"
        )
    folders = parts.path.strip("/").split("/")
    if len(folders) < 2 or folders[0] != "courses" or not (folders[1].isascii() and folders[1].isdigit()):
        raise CanvasApiError(f"{address.strip()!r} names no course. {form}")
    shown = f"[{host}]" if ":" in host else host
    return Place(f"{parts.scheme}://{shown}" + (f":{port}" if port else ""), int(folders[1]))


def read_token(file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """The token from `file`, or from the environment where no file is named. Raises `CanvasApiError`."""
    if file is not None:
        return _usable(_read(file), str(file))
    if not environment.get(VARIABLE, "").strip():
        raise CanvasApiError(
            f"There is no token for Canvas. {_MADE}. Put it into the variable {VARIABLE}, or into a file that only you can read "
            "(chmod 600), and name that with --token-file"
        )
    return _usable(environment[VARIABLE], f"the variable {VARIABLE}")


def _read(file: Path) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise CanvasApiError(f"{file}: {error.strerror}. It should hold the token for Canvas. {_MADE}") from None
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise CanvasApiError(f"{file} is not a file. It should hold the token for Canvas")
        if os.name == "posix" and found.st_mode & 0o077:
            raise CanvasApiError(
                f"{file} can be read or changed by others on this machine (mode {stat.S_IMODE(found.st_mode):o}): chmod 600 {file}. "
                "Where others use this machine, delete that token in Canvas and make another one"
            )
        return stream.read(MAX_TOKEN + 1).decode("utf-8", "replace")


def _usable(text: str, where: str) -> str:
    token = text.strip()
    if not token:
        raise CanvasApiError(f"There is no token in {where}. {_MADE}")
    if len(token) >= MAX_TOKEN or not all("!" <= character <= "~" for character in token):
        raise CanvasApiError(f"What is in {where} is no token of Canvas: that is one word of letters, digits and ~")
    return token
