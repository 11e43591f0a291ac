"""Whatever a student's code writes is shown as text and as nothing else."""

import html as stdlib_html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from autograder.feedback import escape
from autograder.feedback.html import environment

NASTY = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *"`*_[]<>&|~$#+-=.!:()\\ \n\t\r\x00\x1b\x07\x9b@/\"'{}1a\u202e\u200b\u2066\ufeff\u0301",
                "www.",
                "http://",
                "&amp;",
            ]
        ),
        st.characters(),
    ),
    max_size=30,
).map("".join)
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def unseen(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        or character in "\u3164\u2800\u115f\ufe0f"
    )


@given(NASTY)
def test_visible_text_holds_nothing_that_cannot_be_seen(text):
    assert not any(unseen(character) for character in escape.visible(text))
    assert not any(unseen(character) for character in escape.visible(text, lines=True).replace("\n", ""))


@given(NASTY)
def test_visible_is_stable_and_one_line(text):
    shown = escape.visible(text)
    assert escape.visible(shown) == shown
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("\U000e0041", "\\U000e0041"),
        ("one\ntwo", "one\\ntwo"),
        ("\ud800", "\\ud800"),
        ("naïve 你好 é", "naïve 你好 é"),
        ("e\u0301" + "\u0301" * 9, "e\u0301\u0301\u0301" + "\\u0301" * 7),
        ("\u0301", "\\u0301"),
    ],
)
def test_visible_escapes(text, shown):
    assert escape.visible(text) == shown


def test_lines_are_kept_only_where_asked_for():
    assert escape.visible("a\r\nb\tc\rd", lines=True) == "a\nb    c\\rd"


@given(NASTY)
def test_markdown_prose_renders_as_exactly_that_text(text):
    written = escape.markdown(text)
    tokens = GITHUB.parse(written)
    expected = escape.visible(" ".join(text.split("\n"))).strip()
    if not expected:
        assert tokens == []
        return
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert {child.type for child in children} <= {"text", "text_special", "html_inline"}
    assert all(child.content == "<!-- -->" for child in children if child.type == "html_inline")
    assert "".join(child.content for child in children if child.type != "html_inline") == expected


@given(NASTY)
def test_markdown_has_no_mention_and_no_bare_link(text):
    written = escape.markdown(text)
    assert not re.search(r"[@#]\w|(?<!\\)://|(?i:www)\.", written)


@given(NASTY)
def test_code_span_is_one_span_of_that_text(text):
    tokens = GITHUB.parse("x " + escape.code_span(text) + " y")
    children = tokens[1].children or []
    assert [child.type for child in children] == ["text", "code_inline", "text"]
    shown = escape.visible(text)
    assert children[1].content in (shown, f'"{shown}"')


@given(NASTY)
def test_fence_holds_exactly_that_text(text):
    tokens = GITHUB.parse(escape.fence(text) + "\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == escape.visible(text, lines=True) + "\n"


@given(NASTY)
def test_html_shows_exactly_that_text(text):
    page = environment().from_string("<p title='{{ text }}'>{{ text }}</p>").render(text=text)
    inside = re.fullmatch(r"<p title='([^'<>]*)'>([^<>]*)</p>", page)
    assert inside is not None
    assert stdlib_html.unescape(inside[2]) == escape.visible(text)


@given(NASTY)
def test_html_blocks_show_exactly_that_text(text):
    page = environment().from_string("<pre>{{ text | block }}</pre>").render(text=text)
    inside = re.fullmatch(r"<pre>([^<>]*)</pre>", page)
    assert inside is not None
    assert stdlib_html.unescape(inside[1]) == escape.visible(text, lines=True)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "http://[bad"]
)
def test_no_link_runs_anything(link):
    assert environment().from_string("{{ link | href }}").render(link=link) == "#"


def test_links_to_pages_are_kept():
    template = environment().from_string("{{ link | href }}")
    assert template.render(link="lectures/tokenizer/bpe.md#ties") == "lectures/tokenizer/bpe.md#ties"
    assert template.render(link="https://example.org/a?b=1") == "https://example.org/a?b=1"
    assert '"' not in template.render(link='a" onclick="x')


@given(NASTY)
def test_spreadsheet_cells_are_no_formulas(text):
    cell = escape.spreadsheet(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠"))
    assert "\n" not in cell and "\r" not in cell and "\t" not in cell


@given(NASTY, st.sampled_from(["utf-8", "cp1252", "ascii", "gbk", "no-such-encoding"]))
def test_every_console_can_show_it(text, encoding):
    shown = escape.encodable(escape.visible(text), encoding)
    codec = "ascii" if encoding == "no-such-encoding" else encoding
    assert shown.encode(codec).decode(codec) == shown


def test_authors_marks():
    assert escape.spans("Use `a*b` and *not* 2 * 3 * 4") == [
        ("text", "Use "),
        ("code", "a*b"),
        ("text", " and "),
        ("em", "not"),
        ("text", " 2 * 3 * 4"),
    ]
    assert escape.markdown_spans(escape.spans("*neighbouring* heads: `x`.")) == "*neighbouring* heads: `x`."


def test_plain_writes_any_value():
    assert escape.plain(10**6) == "1000000"
    assert escape.plain(10**9999) == "a very large int"
    assert escape.plain(object()) == "<object>"
    assert escape.plain("x" * 5000).endswith("…")


def test_shorten_says_what_is_left_out():
    assert escape.shorten("a\nb\nc", lines=2) == "a\nb\n… 1 more lines"
    assert escape.shorten("abcdef", characters=4) == "abcd … 2 more characters"
