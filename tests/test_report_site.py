"""An instructor's pages: complete, self-contained, nothing of theirs interpreted, no file outside of the folder."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.feedback.policy import Policy
from autograder.report.site import write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Links, ids and whether every element is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.names: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.links += [value for name, value in attrs if name == "href" and value]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag


def pages(out: Path) -> list[Path]:
    return sorted(out.rglob("*.html"))


@pytest.fixture
def report(tmp_path) -> Path:
    results = sample.class_results(["ada", "alan", "claude", "dennis", "王小云"])
    results[0].exercises[2] = sample.bpe()
    return write_report(results, tmp_path / "report", course_title="LLM Internals & <more>", policy="diagnosis")


def test_a_page_for_the_class_each_student_and_each_exercise(report):
    out = report.parent
    assert report == out / "index.html"
    assert len(pages(out)) == 1 + 5 + 7
    assert (out / "students" / "ada.html").is_file() and (out / "exercises" / "tokenizer-bpe.html").is_file()
    assert (out / "scores.csv").read_bytes().startswith(b"\xef\xbb\xbfsubmission,")


def test_every_link_leads_somewhere(report):
    for path in pages(report.parent):
        for link in Page(path).links:
            file, _, anchor = link.partition("#")
            target = (path.parent / unquote(file)).resolve() if file else path
            assert target.is_relative_to(report.parent.resolve()) and target.is_file(), link
            if anchor:
                assert unquote(anchor) in Page(target).ids


def test_pages_are_well_formed_and_need_nothing_else(report):
    for path in pages(report.parent):
        page = Page(path)
        assert page.open == [] and len(page.ids) == len(set(page.ids))
        assert not page.names & {"script", "img", "iframe", "object", "link", "form"}
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text and "url(" not in text and "<title>" in text
        assert "&lt;more&gt;" in text


def test_the_class_page_says_how_it_was_isolated(tmp_path, report):
    text = report.read_text(encoding="utf-8")
    assert "L2 landlock" in text and "Not isolated" not in text and 'class="banner"' not in text
    mixed = [sample.result("ada"), sample.result("bob", isolated=False)]
    text = write_report(mixed, tmp_path / "mixed", course_title="x", policy="none").read_text(encoding="utf-8")
    assert "Not isolated: 1 of 2" in text and "(bob)" in text and "(1 submissions)" in text
    assert "Not isolated" in (tmp_path / "mixed" / "students" / "bob.html").read_text(encoding="utf-8")
    assert "Not isolated" not in (tmp_path / "mixed" / "students" / "ada.html").read_text(encoding="utf-8")


def test_the_heat_map_has_points_pending_and_flags(report):
    text = report.read_text(encoding="utf-8")
    row = re.search(r'<tr><td class="name"><a href="students/ada.html">.*?</tr>', text, re.S)
    assert row is not None
    assert "Byte-pair encoding: 1 of 10 (+1), less than half" in row[0] and ">1+</a>" in row[0]
    assert row[0].count('class="cell') == 7


def test_a_student_page_has_both_views(report):
    text = (report.parent / "students" / "ada.html").read_text(encoding="utf-8")
    staff, student = text.split("<details", 1)
    assert "a corpus of ties" in staff and "c0ffee" in staff
    assert "a corpus of ties" not in student and "c0ffee" not in student
    assert "You break ties" in student and "feedback = diagnosis" in student


def test_the_students_view_follows_the_policy(tmp_path):
    result = sample.result(exercises=[sample.bpe([sample.wrong_merges(), sample.hidden_only()])])
    for policy, expected, absent in (
        ("none", "not shown yet", "You break ties"),
        ("count", "0 of 2 checks with hidden cases pass", "You break ties"),
        ("claim", "Training keeps", "You break ties"),
        (Policy("case", when_ok=False), "not published yet", "a corpus of ties"),
        (Policy("case"), "a corpus of ties", "not published yet"),
    ):
        out = tmp_path / str(hash(policy))
        write_report([result], out, course_title="x", policy=policy)
        student = (out / "students" / "ada.html").read_text(encoding="utf-8").split("<details", 1)[1]
        assert expected in student and absent not in student, policy


def test_an_exercise_page_has_statistics(report):
    text = (report.parent / "exercises" / "tokenizer-bpe.html").read_text(encoding="utf-8")
    for piece in (
        "merges_in_order",
        "discrimination",
        "1 × You break ties",
        "Your code raised IndexError",
        "hidden cases only",
    ):
        assert piece in text


@pytest.mark.parametrize(
    "name",
    [
        "../../evil",
        "/etc/passwd",
        "con",
        "",
        ".",
        "..",
        "a" * 500,
        "x\0y",
        "<script>alert(1)</script>",
        "\x1b[2J",
        "\ud800",
        "a/b",
        "a\\b",
    ],
)
def test_no_name_leaves_the_folder_or_is_interpreted(tmp_path, name):
    out = tmp_path / "report"
    write_report([sample.result(name)], out, course_title="x", policy="diagnosis")
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"report"}
    files = list((out / "students").iterdir())
    assert len(files) == 1 and re.fullmatch(r"[a-z0-9_-]{1,80}\.html", files[0].name) and files[0].stem != "con"
    for path in pages(out):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text and "\x1b" not in text and "\0" not in text


def test_names_that_differ_by_case_or_not_at_all_get_pages_of_their_own(tmp_path):
    results = [sample.result(name) for name in ("Ada", "ada", "ada", "ADA")]
    write_report(results, tmp_path / "r", course_title="x", policy="diagnosis")
    assert len({path.name.lower() for path in (tmp_path / "r" / "students").iterdir()}) == 4


def test_a_report_is_renewed_and_gone_students_go(tmp_path):
    out = tmp_path / "r"
    write_report([sample.result("ada"), sample.result("bob")], out, course_title="x", policy="diagnosis")
    write_report([sample.result("ada")], out, course_title="x", policy="diagnosis")
    assert [path.name for path in (out / "students").iterdir()] == ["ada.html"]


def test_a_folder_of_others_is_left_alone(tmp_path):
    (tmp_path / "index.html").write_text("<h1>mine</h1>", encoding="utf-8")
    with pytest.raises(FileExistsError, match="not written by the autograder"):
        write_report([sample.result()], tmp_path, course_title="x", policy="diagnosis")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_an_empty_class(tmp_path):
    text = write_report([], tmp_path / "r", course_title="Nobody", policy="diagnosis").read_text(encoding="utf-8")
    assert "Nobody" in text and "nothing was graded" in text


def test_submissions_with_different_exercises(tmp_path):
    results = [sample.result("ada", [sample.perfect()]), sample.result("bob", [sample.bpe()]), sample.result("eve", [])]
    text = write_report(results, tmp_path / "r", course_title="x", policy="diagnosis").read_text(encoding="utf-8")
    assert text.count('class="cell absent"') == 4 + 1  # and one in the legend


def test_exercise_stopped_before_any_check(tmp_path):
    out = tmp_path / "r"
    write_report(
        [sample.result("ada", [sample.broken()]), sample.result("bob", [replace(sample.broken())])],
        out,
        course_title="x",
        policy="none",
    )
    text = (out / "exercises" / "tokenizer-bbpe.html").read_text(encoding="utf-8")
    assert "2 × The file can&#39;t be read by Python: &#39;(&#39; was never closed" in text
