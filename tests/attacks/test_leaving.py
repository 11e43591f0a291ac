"""Names and messages of students' where they leave the grader: in file names, other programs' Markdown, commands of a runner."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from msgspec import structs
from sample_results import bpe, result

from autograder.cli.scores import file_name
from autograder.course.downloads import identify
from autograder.course.find import Found
from autograder.course.roster import parse_roster
from autograder.integrations.github import line_annotations
from autograder.integrations.gradescope import results
from autograder.results import ExerciseResult, Message, Place

HOSTILE = "<script>alert(1)</script> [me](javascript:alert(1)) `x` **b** \x1b[31m"


def test_every_submission_has_a_file_of_its_own() -> None:
    ids = ["ada king", "ada;king", "ada_king", "ada/king", "ada\nking", ".ada_king", "..ada_king", "", " ", "ada king "]
    names = [file_name(id) for id in ids]
    assert len({name.casefold() for name in names}) == len(ids)
    assert all(name and "/" not in name and not name.startswith(".") for name in names)
    assert (file_name("ada_king"), file_name("ada@x.edu")) == ("ada_king", "ada@x.edu")
    assert file_name(file_name("ada king")) != file_name("ada king")  # nobody takes another's name by knowing it


def exercise(place: Place | None = None) -> ExerciseResult:
    message = Message(id="run.load-raised", values={"exception": "ValueError", "builtin": True, "text": HOSTILE})
    return structs.replace(bpe(), message=message, verdict="error", place=place)


def test_a_message_in_gradescopes_markdown_means_nothing_but_itself() -> None:
    said = results(result("ada", [exercise()]))
    pages = [MarkdownIt().render(test["output"]) for test in said["tests"]] + [MarkdownIt().render(said["output"])]
    assert "alert(1)" in "".join(pages)  # it is said
    for page in pages:
        assert not re.search(r"<script|<a |href|\x1b|<strong>b", page)
    assert "href" in MarkdownIt().render(
        "said: " + HOSTILE.replace("javascript:", "https:")
    )  # the control: it would be a link


@pytest.mark.parametrize("file", ["\x1b[2Ja/b.py", "a,line=1::b.py\n::error::x", "a\u202eb.py"])
def test_an_annotations_file_can_not_speak_to_the_terminal_or_the_runner(file: str) -> None:
    (command,) = line_annotations([exercise(Place(file, 3))])
    assert command.isprintable() and command.startswith("::error file=")
    head = command.removeprefix("::error ").partition("::")[0]
    assert [part.partition("=")[0] for part in head.split(",")] == ["file", "line", "title"]


@pytest.mark.parametrize(
    "name",
    [
        "x_4711_assignsubmission_file_y_4712_assignsubmission_file_",  # called so by a person
        "Eve_4712_assignsubmission_file_x_4711_assignsubmission_file_work.zip",  # or a file
        "Eve_4712_assignsubmission_onlinetext_x_4711_assignsubmission_file_work.zip",
    ],
)
def test_words_of_moodles_in_a_name_make_nobody_another(name: str) -> None:
    people = parse_roster("student,name,moodle_id\nada,Ada King,4711\nbob,Bob,4713\n")
    (found,), problems = identify([Found("own", f"class/{name}")], people)
    assert found.id == "own" and "nobody of the class list" in problems[0]
