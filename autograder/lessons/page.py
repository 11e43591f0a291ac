"""A lecture page, read: its title, sections, fenced blocks, folded answers, formulas and sentences.

The page is parsed by markdown-it, as GitHub's CommonMark reads it, so that what looks like a heading inside a code block is none.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from markdown_it import MarkdownIt
from markdown_it.token import Token

INLINE_FORMULA = re.compile(r"\$`([^`\n]+)`\$")
"""`$` and a backtick: what stands between is not touched by Markdown, so that GitHub leaves `\\{`, `\\_` and `*` alone. On one line."""

_CODE_SPAN = re.compile(r"(?<![`$])(`+)(?!`)(.+?)(?<!`)\1(?![`$])", re.DOTALL)
_BARE_FORMULA = re.compile(r"\$`|`\$|(?<![\\\w$])\$(?!\s|\$)[^$\n]*?(?<!\s)\$(?![\d\w])|\$\$")


_turn = threading.Lock()
"""mdurl, which writes markdown-it's links, fills a table when it is first used, and shows it to other threads half filled."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page on which its text begins."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Formula:
    """The TeX of a formula, and the line on which it begins."""

    tex: str
    line: int
    display: bool


@dataclass
class Section:
    """What stands under one heading, up to the next one of the same or a higher level."""

    title: str
    level: int
    line: int
    text: str
    blocks: list[Block] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return anchor(self.title)

    @property
    def folded(self) -> int:
        """How many parts of it a reader has to open."""
        return self.text.count("<details")


class Page:
    """The lecture page whose Markdown is `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        with _turn:
            self.tokens: list[Token] = MarkdownIt("commonmark").enable("table").parse(text)

    @cached_property
    def sections(self) -> list[Section]:
        """All sections in order; those of a higher level hold the lower ones too."""
        heads = [
            (int(token.tag[1]), (token.map or [0])[0], inline.content.strip())
            for token, inline in zip(self.tokens, self.tokens[1:], strict=False)
            if token.type == "heading_open"
        ]
        found = []
        for index, (level, line, title) in enumerate(heads):
            end = next((other for at, other, _ in heads[index + 1 :] if at <= level), len(self.lines))
            inside = [block for block in self.blocks if line < block.line <= end]
            found.append(Section(title, level, line + 1, "\n".join(self.lines[line + 1 : end]), inside))
        return found

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            Block(token.info.strip().split(" ")[0], token.content, (token.map or [0])[0] + 2)
            for token in self.tokens
            if token.type == "fence"
        ]

    @cached_property
    def anchors(self) -> set[str]:
        return {section.anchor for section in self.sections}

    def section(self, title: str) -> Section | None:
        return next((section for section in self.sections if section.title == title and section.level == 2), None)

    @cached_property
    def formulas(self) -> list[Formula]:
        """Display formulas are ```` ```math ```` blocks, inline ones stand between ``$` `` and `` `$``."""
        found = [Formula(block.text, block.line, True) for block in self.blocks if block.language == "math"]
        for text, line in self._paragraphs():
            found += [
                Formula(match[1], line + text.count("\n", 0, match.start()), False)
                for match in INLINE_FORMULA.finditer(text)
            ]
        return sorted(found, key=lambda formula: formula.line)

    def bare_formulas(self) -> Iterator[tuple[str, int]]:
        """Formulas that GitHub's Markdown changes before the mathematics is read: `$…$` without backticks, and `$$…$$`."""
        for text, line in self._paragraphs():
            plain = _CODE_SPAN.sub(lambda match: " " * len(match[0]), INLINE_FORMULA.sub(_blank, text))
            for match in _BARE_FORMULA.finditer(plain):
                yield match[0], line + text.count("\n", 0, match.start())

    def _paragraphs(self) -> Iterator[tuple[str, int]]:
        """The text of paragraphs, headings, lists and tables, with the line that each begins on; no code."""
        for token in self.tokens:
            if token.type == "inline" and token.map:
                yield token.content, token.map[0] + 1

    def sentences(self) -> Iterator[tuple[str, int]]:
        """The sentences of paragraphs and lists as one reads them: formulas, code and links are one word each."""
        for token in self.tokens:
            if token.type != "inline" or not token.map:
                continue
            text = INLINE_FORMULA.sub("x", token.content)
            text = _CODE_SPAN.sub("x", text)
            text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
            text = " ".join(text.replace("**", "").replace("*", "").split())
            for sentence in re.split(r"(?<=[.!?:;])\s+(?=[A-Z“\"(\d])", text):
                yield sentence, token.map[0] + 1


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"[`*_]{1,2}([^`*]+)[`*_]{1,2}", r"\1", heading.strip()).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
