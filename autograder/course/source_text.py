"""Bytes of a student's file → text, or the reason why it is none, with the place."""

from __future__ import annotations

import codecs
import re

from autograder.results import Message

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
LFS = b"version https://git-lfs.github.com/spec/"
"""What stands in a file's place where `git lfs` has not fetched it."""
_OURS, _THEIRS = (re.compile(rf"^{mark}{{7}} ", re.MULTILINE) for mark in "<>")
_BETWEEN = re.compile(r"^={7}$", re.MULTILINE)
_UNWRITTEN = re.compile(r"[ \t]*raise NotImplementedError\b")
_BLOCK = re.compile(r"(?:if|elif|else|for|while|with|try|except|finally|match|case|async for|async with)\b")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def decode(data: bytes, file: str) -> str | Message:
    """The text of a Python file, with `\\n` line ends: UTF-8, with or without a byte order mark or a cookie that says so."""
    if data.startswith(LFS):
        return Message(id="submission.lfs", values={"file": file})
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
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    line = conflict(text)
    return Message(id="submission.conflict", values={"file": file, "line": line}) if line else text


def conflict(text: str) -> int:
    """The line of the first mark that git leaves where two versions were merged and nobody has decided; 0 where there is none."""
    if not (_OURS.search(text) and _BETWEEN.search(text) and _THEIRS.search(text)):
        return 0
    found = _OURS.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def unwritten(text: str) -> int:
    """How many functions are not written: those of which `raise NotImplementedError` is all that there is. One that is left behind the
    answer does nothing, and one that says what is not supported is a part of it."""
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return sum(
        _UNWRITTEN.match(line) is not None and index > 0 and _begins_a_body(lines[index - 1])
        for index, line in enumerate(lines)
    )


def _begins_a_body(line: str) -> bool:
    """Whether what follows `line` is the first thing that a function does: a docstring ends on it, or the line of its `def`."""
    plain = line.strip()
    return plain.endswith(('"""', "'''")) or (plain.endswith(":") and not _BLOCK.match(plain))


def _is_utf8(name: bytes) -> bool:
    normal = name.decode("ascii", "replace").lower().replace("_", "-")
    return normal in ("utf8", "u8", "utf") or normal == "utf-8" or normal.startswith("utf-8-")


def _line(data: bytes, at: int) -> int:
    return len(re.split(rb"\r\n|\r|\n", data[:at]))
