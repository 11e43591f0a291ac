"""The course secret and the seeds made from it.

Public inputs are seeded by check and case alone. Hidden ones are seeded by HMAC(secret, check, case): the course is open
source, and this is what stays secret of a class. The secret is made on first use in `.autograder/secret`, outside of
version control; whoever has it can draw the hidden inputs, and whoever loses it cannot replay old grades.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

FILE = "secret"
AUTHORS = b"hidden inputs of verify and release"
"""In place of a class's secret when authors verify or release: the same everywhere, and nothing that ships depends on a secret."""


class SecretError(Exception):
    """The secret can't be read or made. The text says what to do."""


def load_secret(private: Path) -> bytes:
    """The secret in the folder `private` (`.autograder`), made when there is none."""
    path = private / FILE
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _make(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"the course secret {path} can't be read ({error}); restore it from your backup") from error
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < 16:
        raise SecretError(
            f"the course secret {path} is damaged; restore it from your backup, or delete it to make a new one"
        )
    return secret


def _make(path: Path) -> bytes:
    secret = secrets.token_bytes(32)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret.hex() + "\n")
    except FileExistsError:  # another grading run made it a moment ago
        return load_secret(path.parent)
    except OSError as error:
        raise SecretError(
            f"the course secret can't be written to {path} ({error.strerror}); is the folder writable?"
        ) from error
    return secret


def fingerprint(secret: bytes) -> str:
    """What results say of the secret: enough to tell two apart, not to guess it."""
    return hashlib.sha256(b"fingerprint" + secret).hexdigest()[:16]


def public_seed(exercise: str, check: str, case: str) -> str:
    """Seed of a public case, in hexadecimal: the same for everybody."""
    return hashlib.sha256(f"{exercise}/{check}/{case}".encode()).hexdigest()[:32]


def hidden_seed(secret: bytes, exercise: str, check: str, case: str, draw: str = "") -> str:
    """Seed of a hidden case; `draw` distinguishes the fresh cases of one grading run from another's."""
    return hmac.digest(secret, f"{exercise}/{check}/{case}/{draw}".encode(), "sha256").hex()[:32]
