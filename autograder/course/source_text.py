"""Bytes of a student's file → text, or the reason why it is none, with the place."""

from __future__ import annotations

import codecs
import re

from autograder.results import Message

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def decode(data: bytes, file: str) -> str | Message:
    """The text of a Python file, with `\\n` line ends: UTF-8, with or without a byte order mark or a cookie that says so."""
    if data.startswith(_UTF16):
        return Message(id="submission.utf16", values={"file": file})
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        at = data.index(b"\0")
        return Message(id="submission.binary", values={"file": file, "offset": at, "line": _line(data, at)})
    lines = re.split(rb"\r\n|\r|\n", data[:4096], maxsplit=2)[:2]
    for number, line in enumerate(lines, 1):
        cookie = _COOKIE.match(line)
        if cookie and not _is_utf8(cookie[1]):
            encoding = cookie[1].decode("ascii", "replace")[:40]
            return Message(id="submission.encoding-cookie", values={"file": file, "line": number, "encoding": encoding})
        if cookie or not _BLANK.match(line):
            break
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
        values = {"file": file, "offset": at, "line": _line(data, at), "byte": f"0x{data[at]:02X}"}
        return Message(id="submission.not-utf8", values=values)
    if not text.strip():
        return Message(id="submission.empty", values={"file": file})
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_utf8(name: bytes) -> bool:
    normal = name.decode("ascii", "replace").lower().replace("_", "-")
    return normal in ("utf8", "u8", "utf") or normal == "utf-8" or normal.startswith("utf-8-")


def _line(data: bytes, at: int) -> int:
    return len(re.split(rb"\r\n|\r|\n", data[:at]))
