"""The class list: what it says, what is wrong in it, and whose a downloaded file is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from autograder.collect.pushes import read_pushes
from autograder.course.downloads import identify
from autograder.course.find import Found
from autograder.course.roster import RosterError, load_roster, parse_roster

CLASS = """student,name,email,group,login,sis_id,canvas_id,moodle_id,repository
ada,Ada King,ada.king@uni.example,,ak7,S1,4711,901,https://example.org/ada.git
bob,"O'Hara, Bob",bob@uni.example,red,bo1,S2,4712,902,
cyd,Çelik Süß,cyd@uni.example,red,cs2,S3,4713,903,
王小云,王小云,wang@uni.example,,wx1,S4,4714,904,
dan1,Dan Brown,dan1@uni.example,,,,,,
dan2,Brown Dan,dan2@uni.example,,,,,,
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_as_spreadsheets_write_it(tmp_path: Path, encoding: str, separator: str) -> None:
    text = CLASS.replace('"O\'Hara, Bob"', "Bob O'Hara").replace(",", separator).replace("\n", "\r\n")
    (tmp_path / "class.csv").write_bytes(text.encode(encoding))
    roster = load_roster(tmp_path / "class.csv")
    assert roster.problems == () and [person.id for person in roster.people][:4] == ["ada", "bob", "cyd", "王小云"]
    assert roster.people[0].repository == "https://example.org/ada.git"
    assert [person.id for person in roster.team("bob")] == ["bob", "cyd"] == [p.id for p in roster.team("RED")]


def test_what_two_students_can_not_share_is_named() -> None:
    roster = parse_roster("student,email,login,moodle_id\nada,a@x,l1,7\nbob,A@x,l2,7\ncyd,,l1,\ndan,,,\n", "class.csv")
    assert [person.id for person in roster.people] == ["ada", "bob", "cyd", "dan"]
    assert roster.problems == (
        "class.csv, line 3: student 'bob' has the same email as line 2; one of them is wrong.",
        "class.csv, line 3: student 'bob' has the same moodle_id as line 2; one of them is wrong.",
        "class.csv, line 4: student 'cyd' has the same login as line 2; one of them is wrong.",
    )


def test_headings_as_people_write_them() -> None:
    roster = parse_roster("Student ID, E-Mail, Time zone, Team, notes\nada, a@x, Europe/Berlin, red, nice\n")
    [ada] = roster.people
    assert (ada.id, ada.email, str(ada.timezone), ada.group) == ("ada", "a@x", "Europe/Berlin", "red")


def test_wrong_lines_are_named_and_the_rest_goes_on() -> None:
    roster = parse_roster(
        "student,timezone,extension,repository\n"
        "ada,Europe/Berlin,2d; one=36h,r1\n"
        ",UTC,,\n"
        "ADA,,,\n"
        "bob,Mars/Base,,r2\n"
        "cyd,,3x,r3\n"
        "dan,,nine=2d,\n"
        "eve,,2026-09-20,\n"
        "fay,,a,b,c,d\n"
        "\n"
        "# a note,,,\n"
        "gus,,1d12h,r1\n",
        "class.csv",
        ["one", "two"],
    )
    assert [person.id for person in roster.people] == ["ada", "bob", "cyd", "dan", "eve", "gus"]
    assert [(each.module, each.by) for each in roster.people[0].extensions] == [
        ("", timedelta(days=2)),
        ("one", timedelta(hours=36)),
    ]
    assert roster.people[-1].extensions[0].by == timedelta(hours=36)
    assert all(not person.extensions and person.timezone is None for person in roster.people[1:5])
    said = "\n".join(roster.problems)
    for line, words in {
        3: "has no student id", 4: "'ADA' is there a second time (first in line 2)", 5: "no time zone 'Mars/Base'",
        6: "the extension '3x' is not understood", 7: "no module 'nine'", 8: "'2026-09-20' is not understood",
        9: "has 6 cells, the first line names 4", 12: "the same repository as line 2",
    }.items():  # fmt: skip
        assert any(f"class.csv, line {line}: " in each and words in each for each in roster.problems), (words, said)
    assert len(roster.problems) == 8


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"name,email\nada,x\n", "has no column `student`"),
        (b"student,name,student\na,b,c\n", "two columns `student`"),
        (b"student\n\xe9t\xe9\n", "is not UTF-8"),
        (b'student\n"a' + b"x" * 200_000, "is not a CSV file"),
    ],
)
def test_a_file_that_is_no_roster(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "class.csv"
    path.write_bytes(data)
    with pytest.raises(RosterError, match=said):
        load_roster(path)
    with pytest.raises(RosterError, match="there is no"):
        load_roster(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("kingada_4711_90210_work.zip", "ada"),  # Canvas
        ("kingada_LATE_4711_90210_work.zip", "ada"),
        ("oharabob_99_90210_work-2.zip", "bob"),  # by name: the number is of another term
        ("süßçelik_99_1_work.zip", "cyd"),
        ("王小云_99_1_x.zip", "王小云"),
        ("Ada King_901_assignsubmission_file_", "ada"),  # Moodle
        ("Ada King_1_assignsubmission_file_work.zip", "ada"),
        ("Participant 7_902_assignsubmission_file_", "bob"),  # blind marking
        ("ada", "ada"), ("ADA.zip", "ada"), ("ak7", "ada"), ("ada.king@uni.example", "ada"), ("S3", "cyd"),
        ("red.zip", "red"), ("King, Ada", "ada"), ("Bob O'Hara.zip", "bob"),
        ("Dan Brown", ""), ("browndan_1_2_x.zip", ""), ("nobody", ""), ("_1_2_", ""), ("kingada_1_x.zip", ""),
    ],
)  # fmt: skip
def test_names_as_platforms_download_them(name: str, who: str) -> None:
    [found], problems = identify([Found("own", f"class/{name}")], parse_roster(CLASS))
    assert found.id == (who or "own")
    nobody = any("is nobody of the class list" in each or "could be" in each for each in problems)
    assert nobody == (who == "")
    assert any("marks it as late" in each for each in problems) == ("_LATE_" in name)
    if "rown" in name:
        assert "could be dan1 or dan2" in problems[0]


def test_the_files_of_one_student_are_one_submission_the_newest_first() -> None:
    names = [
        "kingada_4711_90_work.zip", "kingada_LATE_4711_95_work-1.zip", "kingada_4711_91_bpe.py", "bob.zip",
        "leezoe_LATE_5555_96_a.py", "leezoe_5555_97_b.py", "leezoe2_5556_98_b.py",
    ]  # fmt: skip
    found, problems = identify([Found(name.partition(".")[0], f"c/{name}") for name in names], parse_roster(CLASS))
    assert [(each.id, each.source) for each in found] == [
        ("ada", "c/kingada_LATE_4711_95_work-1.zip\nc/kingada_4711_91_bpe.py\nc/kingada_4711_90_work.zip"),
        ("bob", "c/bob.zip"),
        ("leezoe", "c/leezoe_5555_97_b.py\nc/leezoe_LATE_5555_96_a.py"),
        ("leezoe2_5556_98_b", "c/leezoe2_5556_98_b.py"),
    ]
    assert len(problems) == 4, problems  # of each student once: two are nobody's, two are late
    assert sum("is nobody of the class list" in each for each in problems) == 2
    assert sum("marks it as late" in each for each in problems) == 2


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("Homework 1_ak7_attempt_2026-09-14-23-10-05_work.zip", "ada"),  # Blackboard
        ("HW_1_bo1_attempt_2026-09-14-23-10-05.txt", "bob"),
        ("HW_my_id_attempt_2026-09-14-23-10-05_x_ak7_attempt_2026-09-14-23-10-05_y.zip", "eve"),
        ("1234-5678 - Ada King - 14 September, 2026 1110 PM", "ada"),  # Brightspace
        ("1234-5678 - Bob O'Hara - Sep 14, 2026 1110 PM - work.zip", "bob"),
    ],
)
def test_names_as_blackboard_and_brightspace_download_them(name: str, who: str) -> None:
    [found], problems = identify([Found("own", f"class/{name}")], parse_roster(CLASS + "eve,Eve,,,my_id,,,,\n"))
    assert (found.id, problems) == (who, [])


def test_without_a_roster_names_stay() -> None:
    found = [Found("a", "c/kingada_1_2_x.zip"), Found("b", "c/b")]
    assert identify(found, parse_roster("student\n")) == (found, [])


METADATA = """---
submission_46402163:
  :submitters:
  - :name: Ada King
    :sid: S1
    :email: ada.king@uni.example
  :created_at: 2026-09-15 12:34:56.123456789 Z
  :score: 1.0
  :results:
    tests: []
submission_46402164:
  :submitters:
  - :name: Bob O'Hara
    :sid:
    :email: bob@uni.example
  - :name: Çelik Süß
    :sid: S3
    :email: cyd@uni.example
  :created_at: 2026-09-15 14:34:56 +02:00
submission_46402165:
  :submitters: []
"""


def test_gradescopes_export_has_names_and_times(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "submission_metadata.yml").write_text(METADATA, "utf-8")
    names = [f"submission_4640216{last}" for last in (3, 4, 5, 6)]
    found, problems = identify([Found(name, str(tmp_path / name)) for name in names], parse_roster(CLASS))
    assert [(each.id, each.handed_in, each.clock) for each in found] == [
        ("ada", "2026-09-15T12:34:56+00:00", "platform"),
        ("bob", "2026-09-15T14:34:56+02:00", "platform"),
        (names[2], "", "unknown"),
        (names[3], "", "unknown"),
    ]
    assert len(problems) == 2 and all("is nobody of the class list" in each for each in problems)


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "!!python/object/apply:os.system ['exit 1']\n", "\x00"])
def test_metadata_that_can_not_be_read(tmp_path: Path, text: str) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "submission_metadata.yml").write_text(text, "utf-8")
    [found], problems = identify([Found("x", str(tmp_path / "x"))], parse_roster(CLASS))
    assert found.id == "x" and "is nobody" in problems[-1]
    assert ("can't be read" in problems[0]) == (text != "- 1\n")


@pytest.mark.parametrize("first", ["", "sep=;\r\n", '\ufeff"sep=;"\n', "SEP=;;;\n"])
def test_excel_says_in_a_first_line_what_separates_cells(first: str) -> None:
    found = parse_roster(f"{first}student;name;extension\nada;King, Ada;2d\nbob;O'Hara;soon\n")
    assert [(person.id, person.name) for person in found.people] == [("ada", "King, Ada"), ("bob", "O'Hara")]
    line = 3 + bool(first)
    assert len(found.problems) == 1 and f"line {line}:" in found.problems[0]


def test_times_of_pushes_from_a_spreadsheet(tmp_path: Path) -> None:
    file = tmp_path / "pushes.csv"
    file.write_text("sep=;\nstudent;commit;pushed_at\nada;abc;2026-09-14T10:00:00Z\nbob;abc;yesterday\n", "utf-8")
    pushes, problems = read_pushes(file)
    assert [push.commit for push in pushes["ada"]] == ["abc"] and "line 4: 'yesterday'" in problems[0]
