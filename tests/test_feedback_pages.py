"""Terminal, Markdown and HTML: what a student reads, in which order, on any console, with nothing of theirs interpreted."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import sample_results as sample
from msgspec.structs import replace

from autograder.feedback import html, markdown, sources, terminal
from autograder.feedback.pen import console
from autograder.feedback.policy import student_view
from autograder.feedback.view import Options
from autograder.results import CaseResult, CheckResult, Diagnosis, Difference, ExerciseResult, Message, Place, Result

ATTACK = (
    "</pre><script>alert(1)</script>\x1b]0;title\x07\x1b[2J[bold]\u202e```\n# heading\n| a | b |\n:smile: @everyone"
)


def shown(
    what,
    *,
    width: int = 80,
    encoding: str = "utf-8",
    color: bool = False,
    options: Options | None = None,
    root: Path | None = None,
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    settings = {"force_terminal": True, "color_system": "standard"} if color else {}
    report = terminal.exercise_report if isinstance(what, ExerciseResult) else terminal.result_report
    console(file, width=width, **settings).print(report(what, options, root))
    file.flush()
    return raw.getvalue().decode(encoding)


def every_format(what: Result, options: Options | None = None) -> dict[str, str]:
    return {
        "terminal": shown(what, width=200, options=options),
        "markdown": markdown.result_markdown(what, options),
        "html": html.result_html(what, options),
    }


@pytest.fixture
def student() -> Result:
    return student_view(sample.result())


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(student, width):
    assert max(len(line) for line in shown(student, width=width).split("\n")) <= width


def test_what_a_failed_check_says(student):
    for name, text in every_format(student).items():
        for piece in (
            "Of pairs with the same count",
            "What went wrong",
            "You break ties by comparing the pair",
            "Sennrich's words" if name != "html" else "Sennrich&#39;s words",
            "word_counts",
            "First difference",
            "[4][0]",
            "merging (" if name != "html" else "merging (&#39;e",
            "lectures/tokenizer/bpe.md#ties",
            "assignments/tokenizer/bpe.py:41",
            "symbols[-1] +=",
            "73 times the tolerance",
            "0/3",
            "not written yet",
            "was never closed",
        ):
            assert piece in text, (name, piece)


def test_failures_come_first_and_only_three_in_full(student):
    text = shown(student)
    order = [
        "Of pairs with the same count",
        "The empty word",
        "`viterbi` adds",
        "Also to fix",
        "The first k merges",
        "Pending",
        "Passed",
    ]
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)
    assert text.index("Byte-pair encoding") < text.index("Byte-level BPE") < text.index("Log-sum-exp")
    assert "--all" in text
    assert text.rstrip().endswith("merged first.") and "Start here: Of pairs" in text


def test_all_shows_every_failed_check_in_full(student):
    text = shown(student, options=Options(show_all=True))
    assert "Also to fix" not in text
    assert "bpe.py:17" in text and "bpe.py:17" not in shown(student)


def test_expected_and_yours_stand_under_each_other_with_marks(student):
    lines = shown(student, width=120).split("\n")
    row = next(i for i, line in enumerate(lines) if line.lstrip().startswith("expected") and "'n','ew'" in line)
    start = lines[row].index("[(")
    assert lines[row + 1].index("[(") == start and lines[row + 1].lstrip().startswith("yours")
    marked = lines[row + 2]
    first, last = marked.index("^"), marked.rindex("^")
    assert lines[row + 1][first : last + 1] == "ew','est</w>"
    assert lines[row][:first][start:] == lines[row + 1][:first][start:]


def test_digits_that_need_not_be_the_same_are_not_marked():
    """Of numbers near each other, only the first that is too far off is named."""
    found = Difference(kind="value", index=[1], got="2.0", want="3.0", error=1.0, tolerance=1e-4, wrong=1, total=2)
    case = CaseResult(
        title="", public=True, verdict="failed", difference=found, want="[0.3333, 3.0]", got="[0.333333, 2.0]"
    )
    exact = replace(case, difference=Difference(kind="value", index=[1], got="2.0", want="3.0"))
    single = replace(case, want="3.0", got="2.0")
    for each, marked in ((case, False), (exact, True), (single, True)):
        text = shown(sample.result(exercises=[sample.bpe([replace(sample.wrong_tensor(), cases=[each])])]))
        assert ("^" in text) == marked


def test_matrices_stand_side_by_side(student):
    line = next(line for line in shown(student).split("\n") if "0.3301" in line)
    assert "0.3303" in line


def test_answers_too_wide_for_two_columns_stand_above_each_other(student):
    assert not any("0.3301" in line and "0.3303" in line for line in shown(student, width=50).split("\n"))


def test_colour_only_on_a_terminal(student, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in shown(student)
    assert "\x1b[1;31m✗" in shown(student, color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown(student, color=True))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "gbk", "shift_jis"])
def test_any_console_can_show_it(student, encoding):
    name = replace(sample.result("王小云 Ådne 😀"), exercises=sample.result().exercises)
    text = shown(name, encoding=encoding)
    assert "Byte-pair encoding" in text
    assert "✗" in text or "x Of pairs" in text


def test_ascii_signs_where_the_encoding_has_no_others(student):
    text = shown(student, encoding="ascii")
    assert "x Of pairs" in text and "ok `decode`" in text and "#" in text and "> 41 |" in text


def hostile() -> Result:
    case = CaseResult(
        title=ATTACK,
        public=True,
        verdict="failed",
        message=Message(id="run.raised", values={"exception": ATTACK, "text": ATTACK}),
        inputs={ATTACK: ATTACK},
        got=ATTACK,
        want=ATTACK,
        output=ATTACK,
        parameters={ATTACK: ATTACK},
        place=Place(file=ATTACK, line=3, function=ATTACK, text=ATTACK),
    )
    check = CheckResult(
        name="a",
        claim=ATTACK,
        points=1,
        verdict="failed",
        cases=[case, case],
        diagnosis=Diagnosis(sentences=[ATTACK]),
        lecture="javascript:alert(1)",
    )
    exercise = replace(
        sample.bpe([check, replace(check, verdict="passed", earned=1)]), title=ATTACK, exercise=ATTACK, file=ATTACK
    )
    exercise = replace(
        exercise, message=Message(id=ATTACK, values={ATTACK: ATTACK}), place=Place(file=ATTACK, line=1, text=ATTACK)
    )
    return replace(sample.result(ATTACK, [exercise]), problems=[Message(id="submission.x", values={"name": ATTACK})])


@pytest.mark.parametrize("audience", ["student", "staff"])
def test_nothing_of_theirs_is_interpreted(audience):
    options = Options(audience=audience, lectures="", show_all=True)
    texts = every_format(hostile(), options)
    for text in texts.values():
        assert not set(text) & set("\x1b\x07\u202e\r\x9b")
        assert "\\x1b" in text
    assert "[bold]" in texts["terminal"]
    assert "<script" not in texts["html"] and "&lt;script" in texts["html"]
    linked = html.result_html(hostile(), replace_options(options))
    assert "javascript:" not in re.findall(r'href="([^"]*)"', linked)


def replace_options(options: Options) -> Options:
    return Options(audience=options.audience, show_all=True, lectures=" ")


def test_markdown_of_a_hostile_result_has_only_our_structure():
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(markdown.result_markdown(hostile(), Options(show_all=True)))
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "table_open", "code_block", "hr"}
    headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    assert len(headings) == 3  # the submission, the exercise, the failed check
    inline = [child for token in tokens if token.type == "inline" for child in token.children or []]
    assert not any(child.type in ("image", "link_open") for child in inline)
    assert all(child.content == "<!-- -->" for child in inline if child.type == "html_inline")


def test_html_needs_nothing_but_itself(student):
    page = html.result_html(student)
    assert not re.search(r"<(script|link|img|iframe|object)\b|@import|url\(|src=", page)
    assert "default-src 'none'" in page and '<meta charset="utf-8">' in page


def test_lectures_are_linked_where_their_place_is_known(student):
    base = "https://example.org/course/"
    assert 'href="https://example.org/course/lectures/tokenizer/bpe.md#ties"' in html.result_html(
        student, Options(lectures=base)
    )
    assert "(https://example.org/course/lectures/tokenizer/bpe.md#ties)" in markdown.result_markdown(
        student, Options(lectures=base)
    )
    assert "href=" not in html.result_html(student)


def test_staff_sees_hidden_cases_seeds_margins_and_flags():
    exercise = replace(sample.bpe(), flags=[Message(id="run.forbidden", values={"name": "tokenizers", "line": 3})])
    result = sample.result(exercises=[exercise], isolated=False)
    for text in every_format(result, Options(audience="staff", show_all=True)).values():
        assert "a corpus of ties" in text and "c0ffee" in text and "72.9" in text and "Not isolated" in text
        assert "Line 3 uses" in text
    for text in every_format(student_view(result), Options(show_all=True)).values():
        assert (
            "a corpus of ties" not in text
            and "c0ffee" not in text
            and "Not isolated" not in text
            and "Line 3 uses" not in text
        )


def test_several_diagnoses_are_one_of():
    check = replace(sample.wrong_merges(), diagnosis=Diagnosis(sentences=["First cause.", "Second cause."]))
    for text in every_format(sample.result(exercises=[sample.bpe([check])])).values():
        assert "What went wrong is one or more of these" in text and "First cause." in text and "Second cause." in text


def test_an_answer_that_a_judge_refused_stands_beside_a_right_one_of_many():
    """What the reference drew is not expected of anybody."""
    said = Message(id="judge.rejected", values={"sentence": "The shares are {got}.", "got": "[1, 0]"})
    refused = replace(sample.wrong_tensor().cases[0], message=said, difference=None, want="[1, 0, 1]", got="[0, 0, 0]")
    compared = replace(refused, message=None, difference=Difference(kind="value", wrong=2, total=3))
    for case, of_many in ((refused, True), (compared, False)):
        exercise = sample.bpe([replace(sample.wrong_tensor(), cases=[case])])
        for name, text in every_format(sample.result(exercises=[exercise])).items():
            assert ("a right answer" in text, "expected" in text) == (of_many, not of_many), name
            assert "[1, 0, 1]" in text and (name != "terminal" or ("^" in text) != of_many)


def test_empty_results_are_no_error():
    for result in (sample.result(exercises=[]), sample.result(exercises=[replace(sample.bpe([]), verdict="skipped")])):
        for text in every_format(result).values():
            assert "ada" in text and "Every check passes" not in text


def test_the_lines_around_are_shown_when_the_file_is_at_hand(tmp_path):
    path = tmp_path / sample.BPE_FILE
    path.parent.mkdir(parents=True)
    path.write_text(
        "\n" * 39 + "    symbols = list(word)\n    symbols[-1] += '</w>'\n    return symbols\n", encoding="utf-8"
    )
    text = shown(sample.bpe(), root=tmp_path)
    assert (
        "  40 │     symbols = list(word)" in text
        and "❱ 41 │     symbols[-1] += '</w>'" in text
        and "  42 │     return symbols" in text
    )


def test_the_file_is_not_read_when_it_changed_or_lies_elsewhere(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "secret.py").write_text("x = 1\nkey = 'secret'\n", encoding="utf-8")
    place = Place(file="../secret.py", line=1, text="x = 1")
    assert sources.context(place, tmp_path / "work") == [(1, "x = 1")]
    (tmp_path / "work" / "a.py").write_text("other\nline\n", encoding="utf-8")
    for file, line in (("a.py", 1), ("a.py", 99), ("gone.py", 1), ("nul\0", 1), (".", 1)):
        assert sources.context(Place(file=file, line=line, text="x = 1"), tmp_path / "work") == [(line, "x = 1")]
    (tmp_path / "work" / "link.py").symlink_to(tmp_path / "secret.py")
    assert sources.context(Place(file="link.py", line=1, text="x = 1"), tmp_path / "work") == [(1, "x = 1")]
    assert sources.context(Place(file="a.py", line=1), None) == []


def test_checks_that_could_not_run_are_a_line_each_below_the_reason():
    checks = [CheckResult(name=f"c{n}", claim=f"Claim {n}.", points=1, verdict="error") for n in range(5)]
    for text in every_format(sample.result(exercises=[replace(sample.broken(), checks=checks)])).values():
        assert text.index("never closed") < text.index("Not checked because of that") < text.index("Claim 0.")
        assert "Start here" not in text and "could not run" not in text


def test_a_check_without_a_gpu_says_so():
    gpu = replace(sample.gpu_check(), cases=[])
    for text in every_format(sample.result(exercises=[sample.bpe([gpu])])).values():
        assert "needs a GPU" in text
