"""The pages of a class as a browser lays them out: nothing is cut, nothing scrolls sideways but the matrix in its frame, nobody is asked."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
from chromium import Chromium
from sample_class import SampleClass, sample_class

from autograder.course import Course, load_course
from autograder.lessons import certificate
from autograder.report.facts import Facts
from autograder.report.site import write_report

ROOT = Path(__file__).parent.parent
WIDTHS = (390, 800, 1280, 1920)
pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="no Chromium here")


def written(out: Path, course: Course, made: SampleClass) -> Path:
    certificates = {each.name: found for each in course.exercises if (found := certificate.read(each, ROOT))}
    facts = Facts(course, made.roster, made.marks, made.observations.get, certificates)
    return write_report(made.results, out, course_title=course.title, facts=facts).parent


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a small class on three modules."""
    course = load_course(ROOT)
    exercises = [each for module in course.modules[:3] for each in module.exercises]
    return written(tmp_path_factory.mktemp("pages") / "report", course, sample_class(course, 12, exercises, absent=2))


def one_of_each(out: Path) -> list[Path]:
    """The class, what to look at, and the longest pages of a student and of an exercise."""
    longest = [max((out / folder).glob("*.html"), key=lambda path: path.stat().st_size) for folder in ("students", "exercises")]  # fmt: skip
    return [out / "index.html", out / "attention.html", *longest]


def hold(browser: Chromium, page: Path, width: int) -> None:
    """The page fits its window, folded and with everything opened, and asks for nothing but its own files."""
    browser.open(page, width)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert browser.do(fits), (page.name, width)
    browser.do("document.querySelectorAll('details').forEach(each => each.open = true)")
    browser.do("document.querySelectorAll('.module input').forEach(each => each.checked = true)")
    assert browser.do(fits), (page.name, width, "opened")
    assert all(url.startswith("file:///") for url in browser.requests()), browser.requests()
    assert not browser.complaints()


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_their_window(browser: Chromium, small: Path, width: int) -> None:
    for page in one_of_each(small):
        hold(browser, page, width)


def test_the_matrix_scrolls_in_its_frame_and_keeps_the_names(browser: Chromium, small: Path) -> None:
    browser.open(small / "index.html", 390)
    browser.do("document.querySelectorAll('.module input').forEach(each => each.checked = true)")
    wider, left = browser.do(
        "(() => { const frame = document.querySelector('.frame'); frame.scrollLeft = 1e6;"
        " const name = document.querySelector('[data-map] tbody th.name').getBoundingClientRect();"
        " return [frame.scrollWidth > frame.clientWidth, name.left - frame.getBoundingClientRect().left] })()"
    )
    assert wider and abs(left) <= 2
    last = browser.do(
        "(() => { const frame = document.querySelector('.frame').getBoundingClientRect();"
        " const cell = document.querySelector('[data-map] tbody tr').lastElementChild.getBoundingClientRect();"
        " return cell.right <= frame.right + 1 })()"
    )
    assert last, "the last column can be scrolled to"


def test_a_module_opens_into_its_exercises(browser: Chromium, small: Path) -> None:
    browser.open(small / "index.html", 1280)
    shown = "[...document.querySelectorAll('[data-map] tbody tr:first-child .e')].filter(each => each.checkVisibility()).length"
    assert browser.do(shown) == 0
    browser.do("document.querySelector('#m2').click()")
    modules = load_course(ROOT).modules
    assert browser.do(shown) == len(modules[1].exercises)


def test_sorting_and_narrowing_down(browser: Chromium, small: Path) -> None:
    browser.open(small / "index.html", 1280)
    browser.do("document.querySelectorAll('[data-map] thead .sort')[1].click()")
    found = browser.do(
        "[...document.querySelectorAll('[data-map] tbody tr')].map(each => parseInt(each.cells[1].textContent))"
    )
    assert found == sorted(found, reverse=True) and len(found) == 14
    browser.do("document.querySelectorAll('[data-map] thead .sort')[1].click()")
    found = browser.do(
        "[...document.querySelectorAll('[data-map] tbody tr')].map(each => parseInt(each.cells[1].textContent))"
    )
    assert found == sorted(found)
    browser.do("(() => { const show = document.querySelector('[data-show]'); show.value = 'absent'; show.dispatchEvent(new Event('change')) })()")  # fmt: skip
    left = "[...document.querySelectorAll('[data-map] tbody tr')].filter(each => !each.hidden).length"
    assert browser.do(left) == 2
    assert browser.do("document.querySelector('[data-count]').textContent") == "2 of 14 rows"
    browser.do("(() => { const find = document.querySelector('[data-find]'); find.value = 's0012'; find.dispatchEvent(new Event('input')) })()")  # fmt: skip
    assert browser.do(left) == 1


def test_a_link_to_an_exercise_opens_it(browser: Chromium, small: Path) -> None:
    browser.open(small / "index.html", 1280)
    link = browser.do("document.querySelector('tbody .e a').getAttribute('href')")
    page, _, anchor = link.partition("#")
    browser.open(small / page, 1280)
    browser.do(f"location.hash = '{anchor}'")
    assert browser.do(f"document.getElementById('{anchor}').checkVisibility()")


def luminance(color: str) -> float:
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_more_points_are_darker(browser: Chromium, small: Path) -> None:
    browser.open(small / "index.html", 1280)
    browser.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    shades = [
        luminance(browser.do(f"getComputedStyle(document.querySelector('.legend .{kind}')).backgroundColor"))
        for kind in ("full", "most", "some", "none")
    ]
    assert all(lighter - darker > 20 for darker, lighter in itertools.pairwise(shades)), shades


@pytest.mark.slow
def test_a_class_of_three_hundred_on_the_whole_course(browser: Chromium, tmp_path: Path) -> None:
    course = load_course(ROOT)
    made = sample_class(course)
    start = time.monotonic()
    out = written(tmp_path / "report", course, made)
    graded = sum(len(result.exercises) for result in made.results)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(
        f"{len(made.results)} submissions, {graded} exercises: {time.monotonic() - start:.0f} s, {size / graded:.0f} bytes each"
    )
    assert size / graded < 8_000
    for width in WIDTHS:
        for page in one_of_each(out):
            hold(browser, page, width)
    browser.open(max((out / "students").glob("*.html"), key=lambda path: path.stat().st_size), 390)
    assert browser.do("document.documentElement.scrollHeight") < 20_000
