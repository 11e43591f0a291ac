"""Lessons: what a page, its head and its hints must be. Most is tried on the page that `autograder new` writes, which has no fault."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from release_course import tree

from autograder.course import load_course
from autograder.lessons.certificate import Certificate, Tried
from autograder.lessons.demands import lesson_problems, notebook_cell, own_module, page_problems, try_it
from autograder.lessons.figures import rare
from autograder.lessons.head import head, with_head
from autograder.lessons.hints import Hints, lines_given_away, load_hints
from autograder.lessons.page import Page
from autograder.lessons.prose import reading_grade
from autograder.release.new import KINDS, new_exercise
from autograder.release.pages import refresh_pages
from autograder.source.stub import make_stub

ROOT = Path(__file__).resolve().parents[1]
NAME = "sums_of/three"
GRADING = 'schema = 1\nid = "small"\ntitle = "Small"\n'
BEFORE = (
    GRADING
    + '[[module]]\nid = "a"\ntitle = "A"\n[[module.exercise]]\nname = "sums_of/two"\ntitle = "Two"\npoints = 5\n'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course with one exercise, as `autograder new` writes it."""
    (tmp_path / "grading.toml").write_text(BEFORE)
    new_exercise(tmp_path, NAME, "Three numbers", 7)
    return tmp_path


def page_of(root: Path) -> str:
    return (root / f"lectures/{NAME}.md").read_text("utf-8")


def problems(root: Path) -> list[str]:
    course = load_course(root)
    stub = make_stub((root / f"solutions/{NAME}/solution.py").read_text("utf-8"))
    return lesson_problems(course.exercise(NAME), course, root, stub)


def test_a_line_of_the_stub_that_is_too_long_is_told(root: Path) -> None:
    path = root / f"solutions/{NAME}/solution.py"
    text = path.read_text("utf-8")
    assert not any("the stub's line" in each for each in problems(root))
    path.write_text(f"# {'word ' * 31}\n{text}", "utf-8")
    assert "the stub's line 1 is longer than 150 characters: break it in solution.py" in problems(root)


def with_page(root: Path, old: str, new: str) -> list[str]:
    text = page_of(root)
    assert old in text
    course = load_course(root)
    return list(page_problems(text.replace(old, new), course.exercise(NAME), course))


def test_a_new_exercise_is_a_lesson_without_a_fault(root: Path) -> None:
    assert problems(root) == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_each_kind_too(root: Path, kind: str) -> None:
    (root / f"lectures/{NAME}.md").unlink()
    shutil.rmtree(root / "solutions")
    (root / "grading.toml").write_text(BEFORE)
    new_exercise(root, NAME, "Three numbers", 7, kind)
    assert problems(root) == []


def test_an_exercise_without_an_objective_is_not_held_to_it(root: Path) -> None:
    course = load_course(root)
    assert lesson_problems(course.exercise("sums_of/two"), course, root) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# Three numbers", "# Three", "its title is '# Three', and in grading.toml 'Three numbers'"),
        ("about 20 minutes", "about 2 minutes", "`autograder release` writes them"),
        ("## Why", "## Whence", "its first section is 'Whence'"),
        ("## Sources", "## More", "it has no section Sources"),
        ("## The idea", "### The idea", "nothing stands between 'Why' and 'By hand'"),
        ("```python\nimport torch\n\nfrom", "```text\nimport torch\n\nfrom", "“Try it” has 0 python blocks"),
        ("from assignments.sums_of.three import", "from somewhere import", "does not use the student's own code"),
        ("<details><summary>Answer", "<b><summary>Answer", "“Check yourself” has 0 folded answers"),
        ("<details><summary>What", "<b><summary>What", "“When it fails” is not folded"),
        ("```python\nimport torch\n\nprint(torch.mul", "```\nprint(torch.mul", "“In a real system” has no block of code"),
        ("$`x = (1, -2)`$", "$x = (1, -2)$", "GitHub changes $x = (1, -2)$"),
        ("```math\n", "$$\n", "GitHub changes $$"),
        ("$`a = 3`$ give", "$`a =\n3`$ give", "GitHub changes $`"),
        ("a bill, a length.", "a bill, a length " * 30 + ".", "write at most 150"),
        ("a bill, a length.", "a bill,\na length\n" * 20 + ".", "one idea a sentence"),
        ("The problem that somebody had", "Incomprehensibilities characterise internationalisation terminologically. " * 9 + "It", "it reads like school grade"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_page_is_said(root: Path, old: str, new: str, said: str) -> None:
    assert any(said in problem for problem in with_page(root, old, new))


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (
            "<svg xmlns='http://www.w3.org/2000/svg'><text>α ≤ 東 <tspan>ᵀ</tspan></text></svg>",
            "no ᵀ (U+1D40), 東 (U+6771)",
        ),
        ("<svg", "is no SVG"),
        (None, "there is no such figure"),
    ],
)
def test_what_is_wrong_with_a_figure_is_said(root: Path, figure: str | None, said: str) -> None:
    place = root / f"lectures/{NAME}.md"
    place.write_text(place.read_text("utf-8").replace("## By hand", "![Three](figures/three.svg)\n\n## By hand"))
    if figure is not None:
        (place.parent / "figures").mkdir(exist_ok=True)
        (place.parent / "figures" / "three.svg").write_text(figure)
    assert any(said in problem for problem in problems(root))


def test_sections_in_another_order(root: Path) -> None:
    text = page_of(root)
    hand, task = text.index("## By hand"), text.index("## Your task")
    check = text.index("## Check yourself")
    moved = text[:hand] + text[task:check] + text[hand:task] + text[check:]
    course = load_course(root)
    assert any("in another order" in each for each in page_problems(moved, course.exercise(NAME), course))


def test_code_is_no_heading_and_no_formula() -> None:
    page = Page("# T\n\n```\n# no heading, $x$\n```\n\n`$y$` costs $3 and $`a_{1}`$\n\n## A `b` _c_\n")
    assert [section.title for section in page.sections] == ["T", "A `b` _c_"]
    assert page.anchors == {"t", "a-b-c"}
    assert list(page.bare_formulas()) == []
    assert [(formula.tex, formula.line, formula.display) for formula in page.formulas] == [("a_{1}", 7, False)]


def test_the_head_is_made_from_the_row_and_replaces_an_older_one(root: Path) -> None:
    course = load_course(root)
    exercise = course.exercise(NAME).model_copy(
        update={"prerequisites": ("sums_of/two",), "minutes": 90, "difficulty": 4}
    )
    wanted = head(exercise, course)
    assert "**Before**: [Two](two.md) · **Time**: about 1½ hours · **Difficulty**: 4 of 5" in wanted
    text = with_head(page_of(root), wanted)
    assert text.count("You will be able to") == 1 and with_head(text, wanted) == text
    assert with_head("# T\n\n> A wise word.\n\nText", wanted) == f"# T\n\n{wanted}\n> A wise word.\n\nText"


def test_release_writes_the_heads(root: Path) -> None:
    path = root / f"lectures/{NAME}.md"
    text = path.read_text("utf-8")
    path.write_text(text.replace("about 20 minutes", "about 5 minutes"), "utf-8")
    course = load_course(root)
    assert refresh_pages(root, course) == [path] and path.read_text("utf-8") == text
    assert refresh_pages(root, course) == []


def test_release_writes_the_certificate_at_the_end(root: Path) -> None:
    path = root / f"lectures/{NAME}.md"
    text = path.read_text("utf-8")
    course = load_course(root)
    found = Certificate(about="", plan="", mistakes=21, conventions=1, alternatives=7, forgers=8, oracles=["numpy"])
    found.general = Tried(tried=10, rejected=8, right=2)
    file = course.exercise(NAME).solution_dir(root) / "certificate.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(found))
    assert refresh_pages(root, course) == [path] and refresh_pages(root, course) == []
    written = path.read_text("utf-8")
    assert written.startswith(text.rstrip("\n")) and written.endswith(
        "\n\n> **How its checks were tried**: all of 29 wrong answers are rejected, 7 other right ones accepted; "
        "the reference is held against `numpy`.\n"
    )
    found.mutants = Tried(tried=100, rejected=96, right=3)
    file.write_bytes(msgspec.json.encode(found))
    refresh_pages(root, course)
    assert "125 of 126 wrong answers are rejected" in path.read_text("utf-8")
    assert path.read_text("utf-8").count("How its checks") == 1
    file.unlink()
    refresh_pages(root, course)
    assert path.read_text("utf-8") == text


# --- hints -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'look' is missing"),
        ("look = 3", "'look' is missing, or no text"),
        ('look = "short"', "'look' has 1 words; a hint has 20 to 60"),
        ("[", "can't be read"),
        ('lok = "x"', "'lok' is none of look, do, nearly"),
    ],
)
def test_what_is_wrong_with_hints_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "hints.toml").write_text(text)
    assert any(said in problem for problem in load_hints(tmp_path).problems)


def test_missing_hints_are_named(tmp_path: Path) -> None:
    assert load_hints(tmp_path).problems == ("hints.toml is missing: three hints, as look, do, nearly",)


def test_a_hint_that_holds_a_line_of_the_solution() -> None:
    solution, stub = "def f(x):\n    y = x.exp().sum(-1)  # all\n    return y\n", "def f(x):\n    raise\n"
    assert lines_given_away(Hints(("Write `y = x.exp( ).sum(-1)`, then stop.",)), solution, stub) == [
        "y = x.exp().sum(-1)  # all"
    ]
    assert lines_given_away(Hints(("Write def f(x): first, then return y",)), solution, stub) == []


def test_the_reading_grade() -> None:
    """The index by hand: 8 words, 41 characters, 2 sentences."""
    assert reading_grade(["Queries ask the keys.", "Values answer each question."]) == pytest.approx(
        4.71 * 41 / 8 + 0.5 * 4 - 21.43
    )


# --- the pages of this course ----------------------------------------------------------------------------------------

COURSE = load_course(ROOT)
LESSONS = [exercise for exercise in COURSE.exercises if exercise.objective]


def own_code(name: str) -> dict[str, ModuleType]:
    """What `from assignments.topic.exercise import …` finds in the test: the reference."""
    from autograder.twin.exercise import load_exercise, reference_module

    exercise = load_exercise(ROOT / "solutions" / name, name)
    module = own_module(name)
    parents = {module.rsplit(".", part)[0]: ModuleType(module.rsplit(".", part)[0]) for part in (1, 2)}
    return {**parents, module: reference_module(exercise)}


def test_figures_have_nothing_in_them_that_nobody_sees() -> None:
    """`make figures` writes them so; everybody who clones the course loads them."""
    figures = sorted((ROOT / "lectures").glob("*/figures/*.svg"))
    assert len(figures) > 100
    unseen = re.compile(r"<metadata|rotate\(-?0 |\b[xy]=\"-?\d+\.\d{3}")
    assert [path.name for path in figures if unseen.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("figure", sorted((ROOT / "lectures").glob("*/figures/*.svg")), ids=lambda path: path.stem)
def test_any_reader_can_draw_the_text_of_figures(figure: Path) -> None:
    assert rare(figure.read_text("utf-8")) == []


PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "lectures").glob("**/*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_every_formula_survives_github_and_is_one_that_katex_draws(page: str) -> None:
    import pykatex

    read = Page((ROOT / page).read_text("utf-8"))
    assert list(read.bare_formulas()) == []
    for formula in read.formulas:
        drawn = pykatex.renderToString(formula.tex, displayMode=formula.display, strict=pykatex.STRICT_ERROR)
        assert "katex-error" not in drawn, f"{page}:{formula.line}"


@pytest.mark.parametrize("name", [exercise.name for exercise in LESSONS])
def test_try_it_runs_with_the_reference_and_shows_something(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    block = try_it((ROOT / f"lectures/{name}.md").read_text("utf-8"))
    assert block is not None
    for module, found in own_code(name).items():
        monkeypatch.setitem(sys.modules, module, found)
    shown = io.StringIO()
    with redirect_stdout(shown):
        exec(compile("\n" * (block.line - 1) + block.text, f"lectures/{name}.md", "exec"), {"__name__": "__main__"})
    assert len(shown.getvalue().splitlines()) >= 2


@pytest.mark.parametrize("name", [exercise.name for exercise in LESSONS])
def test_what_stands_in_a_real_system_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python blocks of that section, where the packages that they import are installed."""
    section = Page((ROOT / f"lectures/{name}.md").read_text("utf-8")).section("In a real system")
    assert section is not None
    monkeypatch.chdir(tmp_path)
    for block in section.blocks:
        if block.language == "python":
            try:
                with redirect_stdout(io.StringIO()):
                    exec(compile("\n" * (block.line - 1) + block.text, f"lectures/{name}.md", "exec"), {})
            except ImportError as error:
                pytest.skip(f"{error.name or error} is not installed here")


@pytest.mark.parametrize("name", [exercise.name for exercise in LESSONS])
def test_the_notebook_has_the_cell(name: str) -> None:
    block = try_it((ROOT / f"lectures/{name}.md").read_text("utf-8"))
    assert block is not None
    cell = notebook_cell(block.text, name)
    assert own_module(name) not in cell and cell
    compile(cell, name, "exec")


def test_files_of_a_new_exercise(root: Path) -> None:
    assert f"solutions/{NAME}/hints.toml" in tree(root)


def test_pages_are_read_by_several_threads_at_once() -> None:
    """In a process of its own: what went wrong did so at the first link that a process reads."""
    code = (
        "import sys, threading\nfrom autograder.lessons.page import Page\nsys.setswitchinterval(1e-6)\nfailed = []\n"
        "threading.excepthook = failed.append\n"
        "threads = [threading.Thread(target=Page, args=('[a](https://example.org/a~b#c)\\n' * 20,)) for _ in range(16)]\n"
        "[each.start() for each in threads]\n[each.join() for each in threads]\nsys.exit(len(failed))\n"
    )
    assert [subprocess.run([sys.executable, "-c", code]).returncode for _ in range(5)] == [0] * 5
