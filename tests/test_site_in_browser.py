"""The lectures of this course in headless Chromium: as a web server gives them, and as files with a student's work."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import copied, run, with_code
from playwright.sync_api import Browser, Page, sync_playwright
from release_course import put
from test_cli_students import released  # noqa: F401
from test_site import course, root  # noqa: F401

from autograder.course import load_course
from autograder.course.config import Course
from autograder.lessons.page import Page as Lecture
from autograder.site.build import static_pages
from autograder.site.own import own_pages

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = (1280, 800, 390)
pytestmark = pytest.mark.slow

SEEN = """() => ({
    beyond: document.documentElement.scrollWidth - window.innerWidth,
    places: document.querySelectorAll(".formula").length,
    drawn: document.querySelectorAll(".formula > .katex, .formula > .katex-display > .katex").length,
    wrong: [...document.querySelectorAll(".katex-error")].map(each => each.title),
    images: document.images.length,
    missing: [...document.images].filter(each => !each.complete || !each.naturalWidth).map(each => each.src),
})"""
CUT_OFF = """() => [...document.querySelectorAll("article *")].filter(each =>
    each.getBoundingClientRect().right > window.innerWidth + 1
    && !each.closest(".table-wrapper, .highlight, .formula.displayed, .katex-mathml, svg")
).map(each => each.outerHTML.slice(0, 200))"""
LIGHTNESS = """() => {
    const of = (each, what) => getComputedStyle(each)[what].match(/[0-9.]+/g).slice(0, 3).reduce((sum, part) => sum + +part, 0);
    return { ground: of(document.body, "backgroundColor"), text: of(document.querySelector("article p"), "color"),
             formula: of(document.querySelector(".formula .katex"), "color") };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the static pages of this course: below a folder, as on GitHub Pages."""
    folder = tmp_path_factory.mktemp("web")
    static_pages(ROOT, load_course(ROOT), folder / "course")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/course"
    server.shutdown()


def watched(browser: Browser, **settings: Any) -> tuple[Page, list[str], list[str]]:
    """A new page; what it asks for, and what goes wrong in it."""
    page = browser.new_context(**settings).new_page()
    page.set_default_timeout(120_000)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: wrong.append(f"{request.url}: {request.failure}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    return page, asked, wrong


def test_every_page_at_every_width(browser: Browser, site: str) -> None:
    page, asked, wrong = watched(browser)
    problems = []
    for path in sorted((ROOT / "lectures").rglob("*.md")):
        name = path.relative_to(ROOT / "lectures").with_suffix("").as_posix()
        lecture = Lecture(path.read_text("utf-8"))
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(f"{site}/{'index' if name == 'README' else name}.html")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            seen = page.evaluate(SEEN)
            wanted = {"beyond": 0, "wrong": [], "missing": [], "images": lecture.text.count("](figures/")}
            wanted |= dict.fromkeys(("places", "drawn"), len(lecture.formulas))
            if seen != wanted:
                problems.append((name, width, seen, wanted))
            if cut := page.evaluate(CUT_OFF):
                problems.append((name, width, cut))
    assert problems == []
    assert wrong == []
    assert [url for url in asked if not url.startswith(f"{site}/") and not url.startswith("data:")] == []


def test_search_finds_a_word(browser: Browser, site: str) -> None:
    page, _, wrong = watched(browser)
    page.goto(f"{site}/attention/gqa.html")
    page.fill(".sidebar-search", "Ainslie")
    page.press(".sidebar-search", "Enter")
    page.wait_for_selector("#search-results li a")
    link = page.locator("#search-results li a", has_text="Grouped-query attention")
    link.first.click()
    page.wait_for_url("**/attention/gqa.html*")
    assert wrong == []


def test_links_between_lectures_arrive_at_their_section(browser: Browser, site: str) -> None:
    page, _, _ = watched(browser)
    page.goto(f"{site}/attention/gqa.html")
    page.click("article a[href='self_attention.html#the-causal-triangle']")
    page.wait_for_url("**/attention/self_attention.html#the-causal-triangle")
    assert page.inner_text(":target > h2").startswith("The causal triangle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_mode_follows_the_system_and_the_button(browser: Browser, site: str, scheme: Any) -> None:
    page, _, _ = watched(browser, color_scheme=scheme)
    page.goto(f"{site}/attention/gqa.html")
    for _ in range(3):
        seen = page.evaluate(LIGHTNESS)
        theme = page.evaluate("document.body.dataset.theme")
        dark = (scheme if theme == "auto" else theme) == "dark"
        assert (seen["ground"] < 120) == dark and (seen["text"] > 500) == dark and (seen["formula"] > 500) == dark
        assert (
            page.evaluate("getComputedStyle(document.querySelector('article img')).backgroundColor")
            == "rgb(255, 255, 255)"
        )
        page.locator(".theme-toggle:visible").first.click()


def test_answers_are_folded_and_open(browser: Browser, site: str) -> None:
    page, _, _ = watched(browser)
    page.goto(f"{site}/attention/gqa.html")
    answer = page.get_by_text("With 8 key/value heads each GPU keeps one")
    assert not answer.is_visible()
    page.locator("article details summary").first.click()
    assert answer.is_visible()


def test_the_list_of_lectures_opens_on_a_phone(browser: Browser, site: str) -> None:
    page, _, _ = watched(browser, viewport={"width": 390, "height": 800}, has_touch=True)
    page.goto(f"{site}/attention/gqa.html")
    link = page.locator(".lectures a", has_text="Self-attention")
    assert not link.is_visible() or link.bounding_box()["x"] < 0  # type: ignore[index]
    page.locator("label[for=__navigation]:visible").first.click()
    link.click()
    page.wait_for_url("**/attention/self_attention.html")


def test_katex_is_the_one_that_the_tests_of_lectures_use(browser: Browser, site: str) -> None:
    import pykatex

    page, _, _ = watched(browser)
    page.goto(f"{site}/attention/gqa.html")
    for tex in (
        r"\frac{a}{b} \le \sqrt{x_1}",
        r"\begin{cases} 1 & \text{if } x \\ 0 \end{cases}",
        r"\underbrace{\Psi}_n",
    ):
        assert page.evaluate("tex => katex.renderToString(tex)", tex) == pykatex.renderToString(tex)


def test_pages_that_are_files(browser: Browser, root: Path, course: Course, tmp_path: Path) -> None:  # noqa: F811
    """As `autograder read` opens them."""
    own_pages(root, course, tmp_path / "pages")
    page, asked, wrong = watched(browser, viewport={"width": 390, "height": 800})
    page.goto((tmp_path / "pages/html/numbers_of/first.html").as_uri())
    assert page.evaluate(SEEN) == {"beyond": 0, "places": 5, "drawn": 5, "wrong": [], "images": 1, "missing": []}
    page.set_viewport_size({"width": 1280, "height": 900})
    page.fill(".sidebar-search", "perspicacious")
    page.press(".sidebar-search", "Enter")
    page.locator("#search-results li a", has_text="Totals, second").first.click()
    page.wait_for_url("**/numbers_of/second.html*")
    assert wrong == [] and {url.split(":")[0] for url in asked} <= {"file", "data"}


def test_pages_say_what_status_says(browser: Browser, released: Path, tmp_path: Path) -> None:  # noqa: F811
    repository = copied(released, tmp_path / "repository")
    for slug, text in {"right": with_code(), "wrong": with_code(sum_="x.sum(0)"), "raises": with_code()}.items():
        put(repository, f"assignments/numbers_of/{slug}.py", text)
    assert run(repository, "check", "right", "wrong").code == 0
    done = run(repository, "read", "right", "--no-browser")
    assert done.code == 0, done.err
    address = done.out.strip().rsplit(" ", 1)[-1]
    page, _, wrong = watched(browser)
    said = {}
    for slug in ("right", "wrong", "raises", "stub"):
        page.goto(address.replace("right.html", f"{slug}.html"))
        said[slug] = page.inner_text(".own-line")
    signs = {row: page.locator(f".lectures a[data-page='numbers_of/{row}'] .own").all_inner_texts() for row in said}
    remembered = json.loads((repository / ".autograder/progress.json").read_text("utf-8"))
    points = {name: f"{row['earned']} of {row['points']} points" for name, row in remembered.items()}
    assert said["right"] == f"Your work: done, {points['numbers_of/right']} of the public checks."
    assert said["wrong"].startswith(
        f"Your work: begun, {points['numbers_of/wrong']} of the public checks. Check it with "
    )
    assert said["raises"].startswith("Your work: begun, and not checked as it is now.")
    assert said["stub"] == "Your work: not begun. Check it with autograder check numbers_of/stub"
    assert {row: len(texts) for row, texts in signs.items()} == {"right": 1, "wrong": 1, "raises": 1, "stub": 0}
    assert wrong == []
    status = run(repository, "status").flat
    assert "Changed since they were last checked: numbers_of/raises" in status
