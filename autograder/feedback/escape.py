"""Make text that a student's code may have written safe to show: in a terminal, in Markdown, in HTML, in a table.

`visible` comes first everywhere: control characters (and with them every ANSI sequence), bidirectional overrides,
zero-width and other invisible characters are shown as escapes, so that what a person sees is what is there. Each format
then has one function that makes the visible text mean nothing but itself. In HTML that is Jinja's autoescape.

Sentences written by the course's authors may use two marks, `code` and *emphasis*; `spans` takes them apart.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal

Span = tuple[Literal["text", "code", "em"], str]
Spans = list[Span]

_INVISIBLE = re.compile(  # printable for Python, but nothing is seen: default-ignorable and blank characters
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_MARKS_IN_A_ROW = 3  # no script needs more on one letter; a pile of them draws over the lines around it
_MARKUP = re.compile(r"`([^`]+)`|(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_MARKDOWN_ALWAYS = re.compile(r"([\\`*_\[\]<>&|~$])")
_MARKDOWN_AT_START = re.compile(r"^(\d{0,9})([-+=#.)])")
_PLAIN_ASCII = str.maketrans(
    {"“": '"', "”": '"', "’": "'", "‘": "'", "…": "...", "×": "x", "–": "-", "—": "-", "→": "->", "·": "-", "≤": "<="}
)


def visible(text: str, *, lines: bool = False) -> str:
    """`text` with everything that can't be seen written as an escape; with `lines`, newlines and tabs are kept."""
    if lines:
        text = text.replace("\r\n", "\n").replace("\t", "    ")
        return "\n".join(visible(line) for line in text.split("\n"))
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
            marks += 1
            hidden = not shown or marks > _MARKS_IN_A_ROW or bool(_INVISIBLE.match(character))
        else:
            marks = 0
            hidden = not character.isprintable() or bool(_INVISIBLE.match(character))
        shown.append(_escaped(character) if hidden else character)
    return "".join(shown)


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shorten(text: str, characters: int = 2000, lines: int = 16) -> str:
    """The beginning of `text`, with a note of how much is left out."""
    kept = text.split("\n")
    note = ""
    if len(kept) > lines:
        note = f"\n… {len(kept) - lines} more lines"
        text = "\n".join(kept[:lines])
    if len(text) > characters:
        note = f" … {len(text) - characters} more characters" + note
        text = text[:characters]
    return text + note


def plain(value: Any, limit: int = 2000) -> str:
    """`value` as text, whatever it is: strings as they are, plain data as Python writes it, all else by its type's name."""
    if isinstance(value, str):
        written = str(value)
    elif value is None or isinstance(value, (bool, int, float, list, tuple, dict, set, frozenset)):
        try:
            written = repr(value)
        except (ValueError, RecursionError):  # an int of more digits than Python writes, a structure nested too deep
            written = f"a very large {type(value).__name__}"
    else:
        written = f"<{type(value).__name__}>"
    return written if len(written) <= limit else written[:limit] + "…"


def spans(text: str) -> Spans:
    """Take an author's sentence apart: `code` and *emphasis*, the rest as it stands."""
    found: Spans = []
    end = 0
    for match in _MARKUP.finditer(text):
        if match.start() > end:
            found.append(("text", text[end : match.start()]))
        found.append(("code", match[1]) if match[1] is not None else ("em", match[2]))
        end = match.end()
    if end < len(text):
        found.append(("text", text[end:]))
    return found


def spans_text(parts: Spans) -> str:
    """The sentence without its marks, on one line of visible characters."""
    return "".join(visible(text) for _, text in parts)


def encodable(text: str, encoding: str) -> str:
    """`text` as far as a console of this encoding can show it: typographic signs become ASCII ones, the rest escapes."""
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return text.translate(_PLAIN_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.translate(_PLAIN_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def markdown(text: str, *, start: bool = True) -> str:
    """`text` as one line of Markdown prose that renders as exactly that text; `start`: it may begin a line."""
    line = visible(" ".join(text.split("\n"))).strip()
    line = _MARKDOWN_ALWAYS.sub(r"\\\1", line)
    if start:
        line = _MARKDOWN_AT_START.sub(r"\1\\\2", line)
    line = re.sub(r"(?i)(www)\.", r"\1\\.", line.replace("://", r"\://"))
    # GitHub turns @name and #12 into mentions after it has parsed the Markdown, so no backslash stops it: a comment does.
    return re.sub(r"([@#])(?=\w)", r"\1<!-- -->", line)


def code_span(text: str) -> str:
    """`text` as inline code in Markdown, whatever backticks it holds."""
    line = visible(text)
    if not line.strip():
        line = f'"{line}"'
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fence(text: str, language: str = "") -> str:
    """`text` as a fenced block in Markdown; the fence is longer than any inside."""
    body = visible(text, lines=True)
    ticks = "`" * max(3, _longest_run(body) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def markdown_spans(parts: Spans) -> str:
    """An author's sentence as Markdown; nothing but its two marks is markup."""
    written = []
    for kind, text in parts:
        if kind == "code":
            written.append(code_span(text))
        elif kind == "em":
            written.append(f"*{markdown(text)}*")
        else:  # `markdown` strips, but the blanks between spans belong to the sentence
            lead, tail = text[:1].isspace(), text[-1:].isspace() and len(text) > 1
            written.append(" " * lead + markdown(text, start=not written) + " " * tail)
    return "".join(written).strip()


def spreadsheet(text: str) -> str:
    """`text` as a cell that a spreadsheet does not run as a formula."""
    cell = visible(text)
    return "'" + cell if cell.lstrip()[:1] in tuple("=+-@|%＝＋－＠") and cell.strip() else cell


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
