"""The lectures as pages: what Sphinx makes of GitHub's Markdown, what is made anew, and what the commands say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Done, make_course, run
from release_course import put

from autograder.course import load_course
from autograder.course.config import Course
from autograder.refusals import Refused
from autograder.site import build, sources
from autograder.site.own import own_pages
from autograder.site.standing import Standing, write_standing

README = (
    "# Lectures\n\n## All of them\n\n| Topic | Exercises |\n| --- | --- |\n| Sums | [Totals](numbers_of/first.md) |\n"
)
PAGE = r"""# Totals

> **You will be able to** add.

## Sums

Inline $`\{a_1, *b*\}`$ and $`x_{i}\\ y_{i}`$, `` $`code`$ `` and `$`, prices of $5 and $6.
Back to [the list](../README.md#all-of-them), on to [the second](second.md#more-sums), never to [nothing](third.md), nor to
[data](../tables/data.toml); [outside](https://example.org/a.md), [here](#sums).

```math
\begin{aligned}
a &= b \\

c &= \{d\} < e
\end{aligned}
```

% no comment, and {role}`no role`, (no-target)=

+++

```python
price = "$`no formula`$"
```

<details><summary>Answer</summary>

**Bold** and $`z`$.

</details>

| query | key |
| --- | --- |
| $`G = 8`$ | 1 |

![A line.](figures/first.svg)
"""
SECOND = "# Totals, second\n\n## More sums\n\nThe word is perspicacious, isn't it.\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="90"><path d="M0 0L900 90" stroke="black"/></svg>\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_course(tmp_path / "course", ("first", "second"))
    put(root, "lectures/README.md", README)
    put(root, "lectures/numbers_of/first.md", PAGE)
    put(root, "lectures/numbers_of/second.md", SECOND)
    put(root, "lectures/numbers_of/figures/first.svg", SVG)
    put(root, "lectures/numbers_of/figures/first.py", "print('loads the reference')\n")
    put(root, "lectures/tables/data.toml", "a = 1\n")
    return root


@pytest.fixture
def course(root: Path) -> Course:
    return load_course(root)


def formulas(html: str) -> list[tuple[bool, str]]:
    return [
        (bool(displayed), text)
        for displayed, text in re.findall(
            r'<(?:span|div) class="formula( displayed)?">(.*?)</(?:span|div)>', html, re.S
        )
    ]


# --- sources ---------------------------------------------------------------------------------------------------------


def test_sources_are_pages_and_figures_in_the_order_of_the_course(root: Path, course: Course, tmp_path: Path) -> None:
    contents = sources.write_sources(root, course, tmp_path / "source")
    written = {path.relative_to(tmp_path / "source").as_posix() for path in (tmp_path / "source").rglob("*.*")}
    assert written == {
        "index.md",
        "numbers_of/first.md",
        "numbers_of/second.md",
        "numbers_of/figures/first.svg",
    }
    assert contents.pages == ["numbers_of/first", "numbers_of/second"]
    assert [title for title, _ in contents.modules] == ["Numbers"]


def test_sources_follow_the_lectures(root: Path, course: Course, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    sources.write_sources(root, course, folder)
    before = (folder / "numbers_of/first.md").stat().st_mtime_ns
    (root / "lectures/numbers_of/second.md").unlink()
    (root / "lectures/README.md").unlink()
    contents = sources.write_sources(root, course, folder)
    assert contents.pages == ["numbers_of/first"] and not (folder / "numbers_of/second.md").exists()
    assert (folder / "index.md").read_text("utf-8") == f"# {course.title}\n"
    assert (folder / "numbers_of/first.md").stat().st_mtime_ns == before, "Sphinx would read it again"


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_page_is_what_github_shows(root: Path, course: Course, tmp_path: Path) -> None:
    built = build.static_pages(root, course, tmp_path / "site")
    html = (tmp_path / "site/numbers_of/first.html").read_text("utf-8")
    assert formulas(html) == [
        (False, r"\{a_1, *b*\}"),
        (False, r"x_{i}\\ y_{i}"),
        (True, "\\begin{aligned}\na &amp;= b \\\\\n\nc &amp;= \\{d\\} &lt; e\n\\end{aligned}"),
        (False, "z"),
        (False, "G = 8"),
    ]
    text = re.sub(r"<[^>]+>", "", html)
    for as_written in ("prices of $5 and $6", "% no comment", "{role}no role", "(no-target)=", "+++", "$`no formula`$"):
        assert as_written in text, as_written
    assert "<details><summary>Answer</summary>" in html and "<strong>Bold</strong>" in html
    assert 'href="../index.html#all-of-them"' in html and 'href="second.html#more-sums"' in html
    assert 'href="https://example.org/a.md"' in html and 'href="#sums"' in html
    assert "never to nothing, nor to\ndata;" in text
    assert (tmp_path / "site/_images/first.svg").read_text("utf-8") == SVG
    assert built.written == 3
    assert built.problems == [
        "numbers_of/first.md:8: a link leads to third.md, which is not there",
        "numbers_of/first.md:9: a link leads to ../tables/data.toml, which is not there",
    ]


def test_every_page_lists_the_lectures_and_opens_its_own_module(root: Path, course: Course, tmp_path: Path) -> None:
    build.static_pages(root, course, tmp_path / "site")
    first, index = ((tmp_path / "site" / name).read_text("utf-8") for name in ("numbers_of/first.html", "index.html"))
    assert re.search(r"<details open>\s*<summary>Numbers</summary>", first)
    assert '<a class="reference internal" href="second.html" data-page="numbers_of/second">Totals, second</a>' in first
    assert re.search(r"<details>\s*<summary>Numbers</summary>", index)
    assert 'href="numbers_of/first.html"' in index
    assert re.search(r'class="next-page" href="second.html"', first), "the pages have their order"


def test_nothing_of_another_host_and_nobodys_work_is_in_the_static_pages(
    root: Path, course: Course, tmp_path: Path
) -> None:
    build.static_pages(root, course, tmp_path / "site")
    for path in (tmp_path / "site").rglob("*.html"):
        html = path.read_text("utf-8")
        assert not re.search(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(?:https?:)?//', html), path
        assert "standing.js" not in html and "own.js" not in html
    assert (tmp_path / "site/.nojekyll").exists()
    for css in (tmp_path / "site/_static").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", css.read_text("utf-8")), css


def test_static_pages_are_written_anew_and_old_ones_go(root: Path, course: Course, tmp_path: Path) -> None:
    out = tmp_path / "site"
    build.static_pages(root, course, out)
    (root / "lectures/numbers_of/second.md").unlink()
    built = build.static_pages(root, course, out)
    assert built.written == 2 and not (out / "numbers_of/second.html").exists() and (out / "search.html").exists()
    assert "numbers_of/second" not in (out / "index.html").read_text("utf-8")


def test_a_folder_with_something_else_is_left_alone(root: Path, course: Course, tmp_path: Path) -> None:
    put(tmp_path, "precious/work.txt", "mine")
    with pytest.raises(Refused, match="not empty"):
        build.static_pages(root, course, tmp_path / "precious")
    with pytest.raises(Refused, match="not empty"):
        build.static_pages(root, course, tmp_path / "precious/work.txt")
    assert [path.name for path in (tmp_path / "precious").iterdir()] == ["work.txt"]


# --- pages for oneself -----------------------------------------------------------------------------------------------


def test_only_what_has_changed_is_made_again(root: Path, course: Course, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "pages"
    assert own_pages(root, course, folder).written == 3
    other = folder / "html/numbers_of/first.html"
    before = other.stat().st_mtime_ns
    put(root, "lectures/numbers_of/second.md", SECOND.replace("perspicacious", "lucid"))
    built = own_pages(root, course, folder)
    assert 1 <= built.written <= 2 and other.stat().st_mtime_ns == before
    assert "lucid" in (folder / "html/numbers_of/second.html").read_text("utf-8")
    monkeypatch.setattr("autograder.site.own.build", None)  # nothing may be built
    assert own_pages(root, course, folder).written == 0


def test_a_new_title_is_on_every_page(root: Path, course: Course, tmp_path: Path) -> None:
    own_pages(root, course, tmp_path / "pages")
    put(root, "grading.toml", (root / "grading.toml").read_text("utf-8").replace("Totals, second", "Sums again"))
    own_pages(root, load_course(root), tmp_path / "pages")
    assert ">Sums again</a>" in (tmp_path / "pages/html/numbers_of/first.html").read_text("utf-8")


def test_how_far_one_is_is_a_script(tmp_path: Path) -> None:
    done = Standing("a/done", "done", 9, 9)
    rows = [done, Standing("a/begun", "begun", 3, 9), Standing("a/changed", "begun"), replace(done, name="</script>")]
    write_standing(tmp_path, [*rows, Standing("a/new", "new")])
    text = (tmp_path / "_static/standing.js").read_text("utf-8")
    assert "</script>" not in text
    data = json.loads(text.removeprefix("const ownStanding = ").removesuffix(";\n"))
    assert data["a/done"] == {"state": "done", "text": "done, 9 of 9 points of the public checks."}
    assert data["a/begun"]["text"] == "begun, 3 of 9 points of the public checks."
    assert data["a/changed"]["text"] == "begun, and not checked as it is now."
    assert data["a/new"] == {"state": "new", "text": "not begun."}


# --- the commands ----------------------------------------------------------------------------------------------------


def read(root: Path, *arguments: str, **environment: str) -> Done:
    quiet = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}
    return run(root, "read", *arguments, **{**quiet, **environment})


def test_read_opens_the_page(root: Path, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = put(tmp_path, "browser", f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    page = (root / ".autograder/pages/html/numbers_of/first.html").as_uri()
    done = read(root, "first", BROWSER=str(browser))
    assert done.code == 0, done.err
    assert "Made 3 pages" in done.out and f"Opened in your browser: {page}\n" in done.out
    assert opened.read_text().strip() == page
    assert "lectures/numbers_of/first.md:8: a link leads to third.md" in done.err
    again = read(root)
    assert "Made" not in again.out and "Open this in a browser: " in again.out and "html/index.html" in again.out


def test_read_says_what_it_does_not_find(root: Path) -> None:
    assert "did you mean" in read(root, "frist").said
    (root / "lectures/numbers_of/second.md").unlink()
    done = read(root, "second")
    assert done.code == 2 and "there is no lectures/numbers_of/second.md" in done.err


def test_without_the_extra_it_says_what_to_install(root: Path) -> None:
    hidden = put(root.parent, "hidden/sitecustomize.py", HIDE)
    for command in (["read", "first"], ["site", "out"]):
        done = run(root, *command, PYTHONPATH=str(hidden.parent))
        assert done.code == 2 and done.out == "", done.out
        assert 'python -m pip install -c constraints.txt -e ".[site]"' in done.err
        assert "furo is not installed here" in done.err
    assert not (root / ".autograder/pages").exists() and not (root / "out").exists()


HIDE = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "furo" else found(name, *more)
"""


def test_site_writes_them_and_strict_fails_where_a_link_leads_nowhere(root: Path) -> None:
    done = run(root, "site")
    assert done.code == 0 and "Wrote 3 pages to site: begin with site/index.html." in done.flat
    assert "a link leads to third.md" in done.err
    assert run(root, "site", "--strict").code == 1
