"""The installed engine as a wheel: what another machine installs to run exactly this code.

Built from the package's own files and the metadata that it was installed with, without a build tool and without the network.
The same files give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path

import autograder
from autograder.release.files import LITTER
from autograder.source.errors import ReleaseError

DISTRIBUTION = "llm-internals"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_TAGS = "Wheel-Version: 1.0\nGenerator: llm-internals\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def engine_wheel() -> tuple[str, bytes]:
    """The wheel's file name and its bytes. Raises `ReleaseError` when the engine is not installed."""
    try:
        installed = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise ReleaseError(f"{DISTRIBUTION} is not installed here. In the course's folder: pip install -e .") from None
    name = f"{DISTRIBUTION.replace('-', '_')}-{installed.version}"
    info = f"{name}.dist-info"
    files = _package(Path(autograder.__file__).parent)
    files[f"{info}/METADATA"] = (installed.read_text("METADATA") or "").encode()
    files[f"{info}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    files[f"{info}/WHEEL"] = _TAGS.encode()
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return f"{name}-py3-none-any.whl", zipped(files)


def zipped(files: dict[str, bytes], executable: frozenset[str] = frozenset()) -> bytes:
    """A zip of `files` (path → content), the same bytes for the same files; those in `executable` may be run."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = (0o100755 if name in executable else 0o100644) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # the same from Windows
            archive.writestr(member, files[name])
    return out.getvalue()


def _package(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder.parent).parts
        if path.is_file() and not LITTER.intersection(parts) and path.suffix != ".pyc":
            found["/".join(parts)] = path.read_bytes()
    return found


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
