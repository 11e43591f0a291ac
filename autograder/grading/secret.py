"""The course secret and the seeds made from it.

Public inputs are seeded by check and case alone. Hidden ones are seeded by HMAC(secret, check, case): the course is open
source, and this is what stays secret of a class. The secret is made on first use in `.autograder/secret`, outside of
version control; whoever has it can draw the hidden inputs, and whoever loses it cannot replay old grades. So what it was is kept
beside it in `.autograder/secret.id`: when the secret is gone, nothing is graded with a new one as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path

from autograder.refusals import Refusal

FILE = "secret"
IDENTITY = "secret.id"
TERMS = "terms"
OF_A_TERM = (
    FILE, IDENTITY, "results.sqlite", "results.sqlite-wal", "results.sqlite-shm", "roster.csv", "report", "collected", "repositories",
    "people",
)  # fmt: skip
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_BACKUP = "llm-internals course secret"
AUTHORS = b"hidden inputs of verify and release"
"""In place of a class's secret when authors verify or release: the same everywhere, and nothing that ships depends on a secret."""


class SecretError(Refusal):
    """The secret can't be read or made. The text says what to do."""


def load_secret(private: Path) -> bytes:
    """The secret in the folder `private` (`.autograder`), made when there never was one. Raises `SecretError` when it was lost."""
    path = private / FILE
    known = _identity(private)
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if known:
            raise SecretError(
                f"the course secret {path} is gone (fingerprint {known['fingerprint']}). Without it hidden cases would be others than "
                "those that this class was graded with. Bring it back from your backup: autograder secret restore FILE. If there is "
                "none, begin anew: autograder secret new TERM"
            ) from None
        return _make(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"the course secret {path} can't be read ({error}); restore it from your backup") from error
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < 16:
        raise SecretError(
            f"the course secret {path} is damaged; restore it from your backup (autograder secret restore FILE), or begin a "
            "new term (autograder secret new TERM)"
        )
    if not known:
        _write_identity(private, secret, "")
    elif known["fingerprint"] != fingerprint(secret):
        raise SecretError(
            f"the course secret {path} is not the one that this class is graded with (fingerprint {fingerprint(secret)}, not "
            f"{known['fingerprint']}). Bring that one back: autograder secret restore FILE; or begin a new term: autograder secret new TERM"
        )
    return secret


def has_secret(private: Path) -> bool:
    """Whether there is a secret in the folder `private`, or there was one."""
    return any((private / name).exists() for name in (FILE, IDENTITY))


def term_of(private: Path) -> str:
    """The name of the term, "" when it was never given."""
    return _identity(private).get("term", "")


def write_backup(private: Path, file: Path) -> None:
    """Write the secret to `file`, readable for its owner only."""
    secret = load_secret(private)
    content = {"what": _BACKUP, "term": term_of(private), "fingerprint": fingerprint(secret), "secret": secret.hex()}
    try:
        _write_private(file, json.dumps(content, indent=1) + "\n")
    except FileExistsError:
        raise SecretError(f"{file} exists already: name another file, so that no backup is overwritten") from None
    except OSError as error:
        raise SecretError(f"{file} can't be written ({error.strerror})") from None


def restore_backup(private: Path, file: Path) -> bytes:
    """Take the secret of a backup into use; another one that is there is set aside under its fingerprint."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        secret = bytes.fromhex(content["secret"])
        good = content["what"] == _BACKUP and content["fingerprint"] == fingerprint(secret) and len(secret) >= 16
        term = str(content["term"])
    except OSError as error:
        raise SecretError(f"the backup {file} can't be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        good, secret, term = False, b"", ""
    if not good:
        raise SecretError(f"{file} is not a backup of a course secret, or was cut short")
    path = private / FILE
    if path.exists():
        if path.read_bytes().strip() != secret.hex().encode():
            aside = private / f"{FILE}.{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
            path.replace(aside)
        else:
            path.unlink()
    _write_private(path, secret.hex() + "\n")
    _write_identity(private, secret, term)
    return secret


def begin_term(private: Path, term: str) -> tuple[bytes, Path | None]:
    """A new secret for `term`; what belongs to the term before is moved away, and where to is returned with it."""
    if not _TERM.fullmatch(term):
        raise SecretError(f"a term is named in letters, digits, `-`, `_` and `.`, as 2027-spring; {term!r} is not")
    known = _identity(private)
    if known.get("term") == term or (private / TERMS / term).exists():
        raise SecretError(f"the term {term!r} has begun already")
    there = [name for name in OF_A_TERM if (private / name).exists()]
    moved = private / TERMS / (known.get("term") or known.get("fingerprint") or "before") if there else None
    if moved is not None:
        if moved.exists():
            raise SecretError(f"{moved} exists already: move it away first")
        moved.mkdir(mode=0o700, parents=True)
        for name in there:
            (private / name).replace(moved / name)
    secret = _make(private / FILE, term)
    return secret, moved


def _identity(private: Path) -> dict[str, str]:
    """What is known of the secret without it; empty when there never was one."""
    try:
        content = json.loads((private / IDENTITY).read_text(encoding="utf-8"))
        return {"fingerprint": str(content["fingerprint"]), "term": str(content["term"])}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SecretError(
            f"{private / IDENTITY} can't be read ({error}); delete it if the secret beside it is the right one"
        ) from None


def _write_identity(private: Path, secret: bytes, term: str) -> None:
    content = json.dumps({"fingerprint": fingerprint(secret), "term": term}) + "\n"
    try:
        (private / IDENTITY).write_text(content, encoding="utf-8")
    except OSError:
        if not os.access(private, os.W_OK):
            return  # a folder that may only be read: what is there is used as it is
        raise


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _make(path: Path, term: str = "") -> bytes:
    secret = secrets.token_bytes(32)
    try:
        _write_private(path, secret.hex() + "\n")
        _write_identity(path.parent, secret, term)
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
