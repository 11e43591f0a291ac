"""Timelines in feedback: lanes × time in characters and in SVG, whatever a result holds."""

from __future__ import annotations

import io
import xml.etree.ElementTree as xml

import pytest
import sample_results as sample

from autograder.feedback import html, markdown, terminal, timeline
from autograder.feedback.pen import console
from autograder.feedback.policy import student_view
from autograder.feedback.timeline_svg import svg
from autograder.feedback.view import Options
from autograder.results import Block, CaseResult, CheckResult, Message, Result, Timeline, Waiting


def gpipe(stages: int = 2, micro_batches: int = 3) -> Timeline:
    """GPipe with a forward of 1 and a backward of 2, by its closed form."""
    blocks = []
    for s in range(stages):
        for i in range(micro_batches):
            start = s + i
            blocks.append(Block(lane=s, start=start, end=start + 1, label=f"F{i}"))
            start = stages + micro_batches - 1 + 2 * (stages - 1 - s + i)
            blocks.append(Block(lane=s, start=start, end=start + 2, label=f"B{i}", kind="backward"))
    return Timeline(lanes=[f"stage {s}" for s in range(stages)], blocks=blocks)


def deadlock() -> Timeline:
    return Timeline(
        lanes=["stage 0", "stage 1"],
        blocks=[Block(lane=0, start=0, end=1, label="F0")],
        waiting=[
            Waiting(lane=0, since=1, label="B0", needs="B0 of stage 1"),
            Waiting(lane=1, since=0, label="B0", needs="F0 of this stage"),
        ],
    )


def test_a_picture_in_characters():
    assert timeline.text(gpipe(), 40).split("\n") == [
        "stage 0 │F0F1F2······B0──B1──B2──",
        "stage 1 │··F0F1F2B0──B1──B2──····",
        "         0         5         10",
    ]


def test_without_line_drawing():
    assert timeline.text(gpipe(), 40, timeline.ASCII_SIGNS).isascii()


def test_room_is_used():
    assert timeline.text(gpipe(1, 1), 80).split("\n")[0] == "stage 0 │F0──B0──────"


def test_labels_of_three_characters_fit():
    drawn = timeline.text(gpipe(1, 12), 200)
    assert "F9─F10F11B0────" in drawn and "B11───" in drawn


def test_what_is_too_wide_goes_on_below():
    drawn = timeline.text(gpipe(3, 12), 60).split("\n")
    panels = "\n".join(drawn).split("\n\n")
    assert len(panels) == 3 and max(len(line) for line in drawn) <= 60
    lanes = ["".join(panel.split("\n")[s].partition("│")[2] for panel in panels) for s in range(3)]
    assert "\n".join(lanes) == "\n".join(line[9:] for line in timeline.text(gpipe(3, 12), 160).split("\n")[:3])


def test_where_it_stands_still():
    drawn = timeline.text(deadlock(), 40).split("\n")
    assert drawn[:2] == ["stage 0 │F0──B0?", "stage 1 │B0?····"]


@pytest.mark.parametrize(("stages", "micro_batches"), [(1, 1), (2, 3), (4, 8), (8, 2)])
def test_idle_time(stages, micro_batches):
    picture = gpipe(stages, micro_batches)
    assert timeline.span(picture) == 3 * (micro_batches + stages - 1)
    assert timeline.idle(picture) == pytest.approx((stages - 1) / (micro_batches + stages - 1))


def test_half_units():
    blocks = [Block(lane=0, start=0.5 * i, end=0.5 * i + 0.5, label=f"F{i}a", group=i % 2) for i in range(4)]
    assert timeline.text(Timeline(lanes=["r"], blocks=blocks), 25).split("\n")[0] == "r │F0aF1aF2aF3a"


HOSTILE = "</text><script>alert(1)</script>\x1b[2J\u202e"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"lanes": []},
        {"lanes": [HOSTILE] * 100},
        {"blocks": [Block(lane=lane, start=0, end=1, label=HOSTILE) for lane in (-1, 0, 99)]},
        {
            "blocks": [
                Block(lane=0, start=a, end=b, label="x") for a, b in [(1, 0), (float("nan"), 1), (0, 1e300), (-5, 1)]
            ]
        },
        {"blocks": [Block(lane=0, start=0, end=1e-9, label="x"), Block(lane=0, start=0, end=1e6, label="y")]},
        {"blocks": [Block(lane=0, start=0, end=5, label="x"), Block(lane=0, start=1, end=2, label="inside")]},
        {"blocks": [Block(lane=0, start=i, end=i + 1, label="x", group=-i) for i in range(5000)]},
        {"waiting": [Waiting(lane=0, since=1e6, label=HOSTILE, needs=HOSTILE)]},
        {"waiting": [Waiting(lane=5, since=float("inf"), label="", needs="")]},
    ],
)
def test_nothing_breaks_a_picture(wrong):
    picture = Timeline(**{"lanes": ["stage 0"], **wrong})
    drawn = timeline.text(picture, 80)
    assert max(map(len, drawn.split("\n"))) <= 80 and len(drawn) < 40_000
    assert "\x1b" not in drawn and "\u202e" not in drawn
    image = svg(picture)
    assert "<script" not in image and len(image) < 2_000_000
    assert float(xml.fromstring(image).attrib["width"]) < 4500  # well-formed


def test_several_timelines_share_one_scale():
    image = xml.fromstring(svg([("GPipe & co", gpipe(2, 2)), ("longer", gpipe(2, 6))]))
    texts = [node.text for node in image.iter() if node.tag.endswith("text")]
    assert texts[0] == "GPipe & co" and "longer" in texts
    widths = {float(n.attrib["width"]) for n in image.iter() if n.attrib.get("fill") in ("#a6cbef", "#f7cf94")}
    assert len(widths) == 2 and max(widths) == pytest.approx(2 * min(widths), abs=0.11)


def judged(*, public: bool, picture: Timeline) -> Result:
    case = CaseResult(
        title="2 stages",
        public=public,
        verdict="failed",
        message=Message(id="judge.rejected", values={"sentence": "It takes {n} units.", "n": "12"}),
        got="[[(0, 'F', 0)]]",
        want="[[(0, 'F', 1)]]",
        timeline=picture,
    )
    check = CheckResult(name="schedule", claim="The schedule is short.", points=2, verdict="failed", cases=[case])
    return sample.result(exercises=[sample.bpe([check])])


def every_format(result: Result, encoding: str = "utf-8", options: Options | None = None) -> dict[str, str]:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    console(file, width=80).print(terminal.result_report(result, options))
    file.flush()
    return {
        "terminal": raw.getvalue().decode(encoding),
        "markdown": markdown.result_markdown(result, options),
        "html": html.result_html(result, options),
    }


def test_every_format_shows_the_picture_in_place_of_the_lists():
    shown = every_format(student_view(judged(public=True, picture=gpipe())))
    for text in (shown["terminal"], shown["markdown"]):
        assert "stage 1 │····F0──F1──F2──B0──────B1" in text
    assert "<svg" in shown["html"] and ">B2</text>" in shown["html"]
    for text in shown.values():
        flat = " ".join(text.split())
        assert "It takes 12 units of time, and 25 %" in flat and "forward pass of micro-batch 3" in flat
        assert "(0, 'F'" not in text and "(0, &#39;F" not in text


def test_every_format_says_why_it_stands_still():
    for text in every_format(student_view(judged(public=True, picture=deadlock()))).values():
        assert "stage 0 comes to B0, which waits for B0 of stage 1" in " ".join(text.split())


def test_a_console_without_line_drawing():
    shown = every_format(judged(public=True, picture=gpipe()), encoding="cp1252")["terminal"]
    assert "stage 1 |....F0--F1" in shown


@pytest.mark.parametrize("show", ["none", "count", "claim", "diagnosis"])
def test_pictures_of_hidden_cases_stay_away(show):
    result = student_view(judged(public=False, picture=gpipe()), show=show)
    assert all(case.timeline is None for e in result.exercises for c in e.checks for case in c.cases)
    for text in every_format(result).values():
        assert "F0──" not in text and "<svg" not in text
    with_case = student_view(judged(public=False, picture=gpipe()), show="case")
    assert "F0──F1" in every_format(with_case, options=Options(show_all=True))["terminal"]


def test_nothing_of_theirs_is_interpreted():
    picture = Timeline(
        lanes=["stage 0"],
        blocks=[Block(lane=0, start=0, end=1, label="<b>[red]")],
        waiting=[Waiting(lane=0, since=1, label="```", needs=HOSTILE + "[bold]")],
    )
    shown = every_format(judged(public=True, picture=picture))
    assert "<script" not in shown["html"] and "<b>" not in shown["html"]
    assert all("\x1b" not in text and "\u202e" not in text for text in shown.values())
    assert "<b>[red]" in shown["terminal"]
