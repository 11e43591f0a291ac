"""An instructor's pages: complete, self-contained, nothing of theirs interpreted, no file outside of the folder."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.course.roster import parse_roster
from autograder.feedback.policy import Policy
from autograder.lessons.certificate import Certificate, Figures, Tried
from autograder.report.facts import Facts
from autograder.report.site import write_report
from autograder.results import Message
from autograder.scores.records import ExerciseScore, ModuleScore, Score, Step

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
    assert len(pages(out)) == 2 + 5 + 7
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


def test_pages_are_well_formed_and_need_nothing_from_elsewhere(report):
    for path in pages(report.parent):
        page = Page(path)
        assert page.open == [] and len(page.ids) == len(set(page.ids))
        assert not page.names & {"img", "iframe", "object", "form"}
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text and "url(" not in text and "<title>" in text
        assert "&lt;more&gt;" in text
        # One script, of ours, on the page that sorts; nothing that is written into a page can run.
        assert text.count("<script") == (path.name == "index.html")
        assert "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'" in text
    for name in ("report.css", "report.js"):
        text = (report.parent / name).read_text(encoding="utf-8")
        assert "http" not in text and "fetch" not in text and "url(" not in text


def test_the_class_page_says_how_it_was_isolated(tmp_path, report):
    text = report.read_text(encoding="utf-8")
    assert "L2 landlock" in text and "Not isolated" not in text and 'class="banner"' not in text
    mixed = [sample.result("ada"), sample.result("bob", isolated=False)]
    text = write_report(mixed, tmp_path / "mixed", course_title="x", policy="none").read_text(encoding="utf-8")
    assert "Not isolated: 1 of 2" in text and "(bob)" in text and "(1 submissions)" in text
    assert "Not isolated" in (tmp_path / "mixed" / "students" / "bob.html").read_text(encoding="utf-8")
    assert "Not isolated" not in (tmp_path / "mixed" / "students" / "ada.html").read_text(encoding="utf-8")


def test_the_matrix_has_points_pending_and_names(tmp_path):
    results = sample.class_results(["ada", "alan"])
    results[0].exercises[2] = sample.bpe()
    roster = parse_roster("student,name\nada,Ada King\nalan,Alan <T>\nbob,Bob Absent\n")
    facts = Facts(roster=roster)
    index = write_report(results, tmp_path / "r", course_title="x", scores={"ada": []}, facts=facts)
    text = index.read_text(encoding="utf-8")
    rows = re.findall(r"<tr data-tags=.*?</tr>", text, re.S)
    assert len(rows) == 3
    assert '<a href="students/ada.html">Ada King</a>' in rows[0] and "Alan &lt;T&gt;" in rows[1]
    assert 'some"><a href="students/ada.html#tokenizer/bpe">1+</a>' in rows[0]
    assert rows[0].count('<td class="c e') == 7 and rows[0].count('<td class="c w') == 2  # topics stand for modules
    assert "Bob Absent" in rows[2] and 'data-tags="absent"' in rows[2] and "href" not in rows[2]
    assert (index.parent / "students").joinpath("ada.html").read_text("utf-8").count("Ada King") >= 2


def test_a_group_has_the_names_of_its_members(tmp_path):
    roster = parse_roster("student,name,group\nada,Ada King,team\nalan,,team\neve,Eve,\n")
    index = write_report([sample.result("team")], tmp_path / "r", course_title="x", facts=Facts(roster=roster))
    text = index.read_text(encoding="utf-8")
    assert ">Ada King, alan</a>" in text and text.count('data-tags="absent"') == 1 and "Eve" in text


def test_a_student_page_has_both_views(report):
    text = (report.parent / "students" / "ada.html").read_text(encoding="utf-8")
    bpe = text[text.index('id="tokenizer/bpe"') :]
    staff, student = bpe[: bpe.index("</details>")].split("What the student sees", 1)
    assert "a corpus of ties" in staff and "c0ffee" in staff and "You break ties" in staff
    assert "a corpus of ties" not in student and "c0ffee" not in student
    assert "merges_in_order, with its claim and what went wrong" in student and "feedback = diagnosis" in text


def test_the_students_view_follows_the_policy(tmp_path):
    result = sample.result(exercises=[sample.bpe([sample.wrong_merges(), sample.hidden_only()])])
    for policy, expected, absent in (
        ("none", "not shown yet", "what went wrong"),
        ("count", "0 of 2 checks with hidden cases pass", "what went wrong"),
        ("claim", "large_corpus, with its claim", "what went wrong"),
        ("diagnosis", "merges_in_order, with its claim and what went wrong", "a corpus of ties"),
        (Policy("case", when_ok=False), "not published yet", "a corpus of ties"),
        (Policy("case"), "3000 distinct words", "not published yet"),
    ):
        out = tmp_path / str(hash(policy))
        write_report([result], out, course_title="x", policy=policy)
        text = (out / "students" / "ada.html").read_text(encoding="utf-8")
        student = text.split('class="view"', 1)[1] + re.search("What the student sees: .*", text)[0]  # type: ignore[index]
        assert expected in student and absent not in student, policy


def test_what_says_nothing_is_left_out_of_a_score(tmp_path):
    said = Message(id="score.verdict", values={"verdict": "failed", "run": "20260901T080000Z"})
    late = Message(id="score.late-free", values={"late": "2 days", "clock": "push", "due": "Monday"})
    steps = [Step(kind="verdict", message=said, before=0, after=4), Step(kind="late", message=late, before=4, after=3)]
    exercise = ExerciseScore(exercise="warmup/logsumexp", title="x", points=4, earned=4, score=3, steps=steps)
    module = ModuleScore(module="warmup", title="Warm-up", points=4, score=3, exercises=[exercise])
    score = Score(student="ada", points=4, score=3, modules=[module])
    write_report(
        [sample.result(exercises=[sample.perfect()])], tmp_path / "r", course_title="x", scores={"ada": [score]}
    )
    text = (tmp_path / "r" / "students" / "ada.html").read_text(encoding="utf-8")
    assert "2 days" in text and "4 → 3" in text and "0 → 4" not in text
    assert text.count("20260901T080000Z") == 0


def test_an_exercise_page_has_statistics(report):
    text = (report.parent / "exercises" / "tokenizer-bpe.html").read_text(encoding="utf-8")
    for piece in (
        "merges_in_order",
        "discrimination",
        "1 × You break ties",
        "Your code raised IndexError",
        "hidden cases only",
        '<a href="../students/ada.html#tokenizer/bpe">ada</a>',
        "There is no certificate of its present files",
    ):
        assert piece in text


def test_an_exercise_page_has_its_certificate(tmp_path):
    figures = Figures(rejects=12, alone=3, honest=0.4, dishonest=2000.0)
    found = Certificate(
        about="", plan="", mistakes=21, conventions=1, alternatives=7, forgers=8, general=Tried(tried=28, rejected=26, right=2),
        oracles=["tokenizers"], checks={"merges_in_order": figures},
    )  # fmt: skip
    facts = Facts(certificates={"tokenizer/bpe": found})
    out = write_report([sample.result()], tmp_path / "r", course_title="x", facts=facts).parent
    text = (out / "exercises" / "tokenizer-bpe.html").read_text(encoding="utf-8")
    for piece in ("12 (3)", "0.4 · 2e+03", "26 rejected, 2 are not wrong after all", "not tried", "tokenizers"):
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
        assert text.count("<script") == (path.name == "index.html") and "\x1b" not in text and "\0" not in text


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
    assert text.count(' absent">·') == 4 + 4 + 1  # exercises, whole modules, and one in the legend


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
