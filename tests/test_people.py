"""What people say of a student's work: the files, what is refused in them, scores, where it is delivered, requests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import class_book
import pytest
from command_line import copied, here, make_course, run, submit, with_code
from release_course import put
from tiny_course import TOTAL

from autograder.course import load_course
from autograder.course.config import Course
from autograder.course.requests_handed_in import MAX_TEXT, added, read
from autograder.people import Answer, Comment, Folder, Points, Removed, Request, Stale, folder_of
from autograder.people.files import PeopleError
from autograder.people.places import placed
from autograder.people.records import now
from autograder.people.requests import MOST_OPEN, take_down
from autograder.refusals import Refusal, Refused
from autograder.results import REQUEST, Message, Provenance, Result
from autograder.scores import Book, final_scores

RUBRIC = """
[[rubric]]
of = "{of}"

[[rubric.item]]
id = "clarity"
title = "Names say what things are"
points = 3

[[rubric.item]]
id = "globals"
title = "State outside of functions"
points = -2
"""
EX = "one_of/a"
WHO = {"of": EX, "by": "prof"}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    class_book.make_course(tmp_path)
    text = (tmp_path / "grading.toml").read_text("utf-8")
    (tmp_path / "grading.toml").write_text(text + RUBRIC.format(of=EX) + RUBRIC.format(of="one"), "utf-8")
    return load_course(tmp_path)


@pytest.fixture
def folder(tmp_path: Path, course: Course) -> Folder:
    return Folder(tmp_path / "people", course)


# --- grading.toml ------------------------------------------------------------------------------------------------------


def test_a_rubric_is_of_something_and_its_items_have_names_of_their_own(tmp_path: Path) -> None:
    class_book.make_course(tmp_path)
    path = tmp_path / "grading.toml"
    before = path.read_text("utf-8")
    item = '[[rubric.item]]\nid = "x"\ntitle = "X"\npoints = {points}\n'
    for text, said in (
        (RUBRIC.format(of="one_of/c"), "there is no 'one_of/c'; did you mean"),
        (RUBRIC.format(of=EX) * 2, "another rubric is of 'one_of/a' too"),
        (f'[[rubric]]\nof = "{EX}"\n' + item.format(points=1) * 2, "another item has the id 'x' too"),
        (f'[[rubric]]\nof = "{EX}"\n' + item.format(points=0), "points: is 0"),
    ):
        path.write_text(before + text, "utf-8")
        with pytest.raises(Refusal, match=r"grading\.toml:") as caught:
            load_course(tmp_path)
        assert said in str(caught.value)


def test_a_rubric_has_no_part_in_what_makes_a_grade_another_one(tmp_path: Path, course: Course) -> None:
    class_book.make_course(tmp_path)
    assert load_course(tmp_path).hash == course.hash


# --- files -------------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back_whatever_the_words_are(folder: Folder) -> None:
    words = 'quote " and \\ and \x7f\x00\n[[points]]\n# émoji 🦜 "\'\'\'"""'
    records = [
        Points(**WHO, at=now(), item="clarity", points=2.5, why=words),
        Comment(**WHO, at=now(), text=words, line=3, code="\tx = 1  " + words, file="a" * 64),
        Request(of="one", by="ada", at=now(), text=words),
    ]
    folder.add("ada", records[:2])
    made = folder.add("ada", records[2:])
    assert list(made.records) == records and folder.of("ada") == made and folder.read(["ada"]) == {"ada": made}


def test_what_a_person_wrote_by_hand_stays_byte_by_byte(folder: Folder) -> None:
    folder.path.mkdir()
    before = b'# mine\r\nstudent =   "ada"   # her id\r\n\r\n[[points]]\r\nof="one_of/a"\r\nby="prof"\r\nitem="clarity"\r\npoints=1\r\n'
    (folder.path / "by-hand.toml").write_bytes(before)
    folder.add("ada", [Points(**WHO, at=now(), item="clarity", points=2)])
    after = (folder.path / "by-hand.toml").read_bytes()
    assert after.startswith(before.rstrip(b"\n")) and len(list(folder.path.glob("*.toml"))) == 1
    assert folder.of("ada").points(EX)["clarity"].points == 2 and len(folder.of("ada").records) == 2


@pytest.mark.parametrize(
    "name", ["../../up", "a/b", "CON", "ada.", "", " ", "\u202etxt", "x" * 300, ".hidden", "a\x00b"]
)
def test_no_name_leads_out_of_the_folder_and_two_never_share_a_file(folder: Folder, name: str) -> None:
    for each in (name or "student", "ada"):
        folder.add(each, [Comment(of=EX, by="prof", at=now(), text=f"about {each}")])
    files = list(folder.path.glob("*.toml"))
    assert len(files) == 2 - (name == "ada") and all(file.parent == folder.path for file in files)
    assert folder.of(name or "student").comments(EX)[-1].text == f"about {name or 'student'}"
    assert [path.name for path in folder.path.parent.iterdir() if path.suffix == ".toml"] == ["grading.toml"]


def test_everything_wrong_is_named_with_file_and_line(folder: Folder) -> None:
    folder.path.mkdir()
    text = """student = "ada"

[[points]]
of = "one_of/nothing"
by = "prof"
item = "clarity"
points = 1

[[points]]
of = "one_of/a"
by = "prof"
item = "beauty"
points = 1

[[points]]
of = "one_of/a"
by = "prof"
item = "clarity"
points = 4

[[points]]
of = "one_of/b"
by = "prof"
item = "clarity"
points = 1

[[comment]]
of = "one_of/a"
by = "prof"
line = "three"
text = "x"

[[comment]]
of = "one_of/a"
by = "prof"
line = 3
text = "of which line?"

[[comment]]
of = "one_of/a"
text = "by nobody"

[[answer]]
of = "one_of/a"
by = "prof"
request = "00000000"
text = "no"

[[removed]]
of = "one_of/a"
by = "prof"
comment = "00000000"

[[grade]]
points = 10
"""
    (folder.path / "ada.toml").write_text(text, "utf-8")
    (folder.path / "bob.toml").write_text('student = "nobody"\n', "utf-8")
    (folder.path / "cut.toml").write_text('student = "ada\n', "utf-8")
    with pytest.raises(PeopleError) as caught:
        folder.read(["ada"])
    said = str(caught.value)
    for line, what in (
        (3, "points.of: there is no exercise or module 'one_of/nothing'"),
        (9, "points.item: the rubric of one_of/a has no item 'beauty'"),
        (15, "points.points: is 4\n    allowed: 0 to 3"),
        (21, "points.of: grading.toml has no [[rubric]] of one_of/b"),
        (30, "comment[#1].line: expected int, got str"),
        (33, "comment.code: is missing"),
        (39, "comment[#3]: by is missing"),
        (43, "answer.request: there is no request '00000000'"),
        (49, "removed.comment: there is no comment '00000000'"),
        (54, "grade: unknown key 'grade'"),
    ):
        assert f"people/ada.toml:{line}: {what}" in said, (line, said)
    assert "people/bob.toml:1: student: there is no student or group 'nobody'" in said
    assert "people/cut.toml: it is not valid TOML" in said
    assert not (folder.path / "x").exists()


def test_two_writers_on_one_state_do_not_lose_each_others_words(folder: Folder) -> None:
    state = folder.of("ada").state(EX)
    folder.add("ada", [Comment(**WHO, at=now(), text="first")], state)
    before = (folder.path / "ada.toml").read_bytes()
    with pytest.raises(Stale, match="Nothing was written"):
        folder.add("ada", [Comment(**WHO, at=now(), text="second")], state)
    assert (folder.path / "ada.toml").read_bytes() == before
    folder.add(
        "ada",
        [Comment(of="one_of/b", by="prof", at=now(), text="of another exercise")],
        folder.of("ada").state("one_of/b"),
    )
    assert folder.of("ada").state(EX) != state


def test_many_processes_write_at_once_and_nothing_is_lost(folder: Folder, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from autograder.course import load_course
from autograder.people import Comment, Folder
course = load_course(Path({str(tmp_path)!r}))
for n in range(20):
    Folder(Path({str(folder.path)!r}), course).add("ada", [Comment(of="one_of/a", by=sys.argv[1], text=f"{{n}}")])
"""
    writers = [subprocess.Popen([sys.executable, "-P", "-c", code, name]) for name in ("x", "y", "z")]
    assert [each.wait(120) for each in writers] == [0, 0, 0]
    found = [(each.by, each.text) for each in folder.of("ada").comments(EX)]
    assert len(found) == 60 == len(set(found))
    assert not list(folder.path.glob(".*.part"))


def test_what_stands_is_the_last_of_an_item_and_no_removed_comment(folder: Folder) -> None:
    said = folder.add(
        "ada",
        [
            Points(**WHO, item="clarity", points=1),
            Points(**WHO, item="clarity", points=3),
            Comment(**WHO, text="whole"),
            Comment(**WHO, text="gone", line=2, code="x"),
            Request(of=EX, by="ada", text="please"),
        ],
    )
    assert said.points(EX)["clarity"].points == 3 and [each.open for each in said.requests()] == [True]
    gone, asked = said.comments(EX)[1], said.requests(EX)[0].request
    said = folder.add("ada", [Removed(**WHO, comment=gone.id), Answer(**WHO, request=asked.id, text="no")])
    assert [each.text for each in said.comments(EX)] == ["whole"]
    assert [(each.open, each.answer and each.answer.text) for each in said.requests()] == [(False, "no")]


def test_where_the_files_are(tmp_path: Path) -> None:
    private = tmp_path / ".autograder"
    assert folder_of(tmp_path, private) == private / "people"
    (tmp_path / "people").mkdir()
    assert folder_of(tmp_path, private) == tmp_path / "people"
    put(private, "people/ada.toml", 'student = "ada"\n')
    with pytest.raises(Refused, match="nobody can tell which count"):
        folder_of(tmp_path, private)


# --- lines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state", "line"),
    [
        ("a\nb\nc", "there", 2),
        ("a\n  b  \nc", "there", 2),
        ("new\na\nb\nc", "moved", 3),
        ("b\nx\nb", "gone", None),
        ("a\nc", "gone", None),
        ("", "gone", None),
    ],
)
def test_a_line_is_found_again_or_said_to_be_gone(text: str, state: str, line: int | None) -> None:
    comment = Comment(**WHO, text="t", line=2, code="b", file="1" * 64)
    found = placed(comment, "2" * 64, text)
    assert (found.state, found.line) == (state, line)
    assert placed(comment, "1" * 64, None).state == "there"
    assert placed(comment, "2" * 64, None).state == "unknown" and placed(comment, "", None).state == "gone"


# --- scores ------------------------------------------------------------------------------------------------------------


def scored(course: Course, folder: Folder, *adjustments, handed_in: bool = True):
    made = class_book.Class()
    if handed_in:
        made.mark("ada", EX, 6)
    made.mark("bob", EX, 10)
    roster = class_book.parse_roster("student,group\nada,red\nbob,\n", modules=["one"])
    book = Book(course, made.marks, roster, list(adjustments), class_book.NOW, said=folder.read())
    return {each.student: each for each in final_scores(book)}


def test_a_persons_points_are_added_and_what_nobody_gave_is_pending(course: Course, folder: Folder) -> None:
    score = scored(course, folder)["ada"]
    one = score.exercise(EX)
    assert one is not None and (one.score, one.points, one.pending) == (6, 13, 3)
    assert (score.score, score.points, score.pending) == (6, 16, 6)
    folder.add(
        "ada", [Points(**WHO, item="clarity", points=2.5, why="short names"), Points(**WHO, item="globals", points=-1)]
    )
    folder.add("ada", [Points(of="one", by="ta", item="clarity", points=3)])
    score = scored(course, folder)["ada"]
    one = score.exercise(EX)
    assert one is not None and (one.earned, one.score, one.points, one.pending) == (6, 7.5, 13, 0)
    assert (score.score, score.points, score.pending) == (10.5, 16, 0)
    assert [(each.kind, each.before, each.after) for each in one.steps if each.kind == "rubric"] == [
        ("rubric", 6, 8.5),
        ("rubric", 8.5, 7.5),
    ]


def test_an_adjustment_comes_after_and_nothing_is_pending_where_nothing_was_handed_in(
    course: Course, folder: Folder
) -> None:
    folder.add("ada", [Points(**WHO, item="clarity", points=3)])
    set_to = class_book.adjustment("ada", EX, "points", "4", was=6)
    one = scored(course, folder, set_to)["ada"].exercise(EX)
    assert one is not None and one.score == 4 and [each.kind for each in one.steps][-2:] == ["rubric", "adjust"]
    nothing = scored(course, Folder(folder.path / "none", course), handed_in=False)["ada"].exercise(EX)
    assert nothing is not None and (nothing.score, nothing.points, nothing.pending) == (0, 13, 0)


def test_a_groups_points_count_for_its_members_and_ones_own_count_more(course: Course, folder: Folder) -> None:
    folder.add("red", [Points(**WHO, item="clarity", points=1)])
    one = scored(course, folder)["ada"].exercise(EX)
    assert one is not None and one.score == 7
    folder.add("ada", [Points(**WHO, item="clarity", points=3)])
    both = scored(course, folder)
    one, other = both["ada"].exercise(EX), both["bob"].exercise(EX)
    assert one is not None and one.score == 9 and other is not None and other.score == 10


# --- what students hand in ---------------------------------------------------------------------------------------------


def test_what_a_student_writes_is_read_by_a_short_list() -> None:
    text = added(added("# mine\n", EX, 'why "so"\n'), EX, "and")
    assert read(text.encode(), [EX]) == {EX: 'why "so"\nand'}
    assert read(added("", EX, "x" * 9000).encode(), [EX]) == {EX: "x" * MAX_TEXT}
    for broken in (b"\xff", b"request = 1", b"[request]", b"[[request]]\nexercise = 1", b'[[request]]\nexercise="one_of/z"\nwhy="x"', b"a" + b"[" * 5000, b'[[request]]\nexercise="one_of/a"\nwhy=" "'):  # fmt: skip
        assert read(broken, [EX]) == {}


def result(requests: dict[str, str], student: str = "ada") -> Result:
    asked = [Message(id=REQUEST, values={"exercise": name, "why": why}) for name, why in requests.items()]
    made = Provenance(engine="1", engine_hash="", course_hash="")
    return Result(
        submission=student,
        source="",
        hash="",
        run="r",
        graded_at="2026-11-01T00:00:00+00:00",
        provenance=made,
        problems=asked,
    )


def test_requests_are_taken_down_once_and_bounded(folder: Folder) -> None:
    assert take_down(folder, [result({EX: "look"}), result({}, "bob")]) == []
    assert take_down(folder, [result({EX: " look "})]) == []
    [asked] = folder.of("ada").requests()
    assert (asked.request.by, asked.request.at) == ("ada", datetime(2026, 11, 1, tzinfo=UTC))
    for number in range(MOST_OPEN + 3):
        told = take_down(folder, [result({EX: f"look {number}"})])
    assert told == [f"ada has more than {MOST_OPEN} open requests for a regrade: the others are left out."]
    assert len(folder.of("ada").requests()) == MOST_OPEN
    (folder.path / "ada.toml").write_text("broken", "utf-8")
    assert "could not be written down" in take_down(folder, [result({EX: "look"})])[0]


# --- the commands, on a class that was really graded -------------------------------------------------------------------

NAME = "numbers_of/first"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("people") / "course")
    put(root, "grading.toml", (root / "grading.toml").read_text("utf-8") + RUBRIC.format(of=NAME))
    submit(root, "ada", first=TOTAL)
    put(root, "class/ada/assignments/regrade.toml", added("", NAME, "<script>alert(1)</script> is *right*"))
    (root / "class/ada/assignments/numbers_of").mkdir()
    (root / "class/ada/numbers_of/first.py").rename(root / "class/ada/assignments/numbers_of/first.py")
    submit(root, "bob", first=with_code(sum_="x.sum(0)"))
    done = run(root, "grade", "class")
    assert done.code == 0, done
    return root


@pytest.fixture
def root(graded: Path, tmp_path: Path) -> Iterator[Path]:
    yield copied(graded, tmp_path / "course")


def line_of(text: str) -> int:
    return 1 + next(number for number, line in enumerate(TOTAL.split("\n")) if text in line)


def test_points_and_comments_are_delivered_everywhere_and_kept_over_a_regrade(root: Path) -> None:
    at = line_of("x.sum(-1)")
    marked = here(root, "mark", "ada", "first", "--item", "clarity=2", "--why", "`short` <b>names</b>", "--line", str(at), "--comment", "Why <i>-1</i>?", "--by", "prof")  # fmt: skip
    assert marked.code == 0, marked
    assert here(root, "scores", "ada").flat.count("7/8") >= 2
    explained = here(root, "explain", "ada").flat
    assert f"assignments/numbers_of/first.py:{at} (by prof" in explained and "return x.sum(-1)" in explained
    assert "Why <i>-1</i>?" in explained and "5 → 7" in explained
    assert "Why <i>-1</i>?" in here(root, "explain", "ada", "--as", "student").flat
    assert here(root, "deliver", "numbers").code == 0
    text = (root / ".autograder/feedback/numbers/ada.md").read_text("utf-8")
    assert "From the people who read your work" in text and "Why \\<i\\>-1\\</i\\>?" in text and "2 of 3 points" in text
    assert "clarity" not in (root / ".autograder/feedback/numbers/bob.md").read_text("utf-8")
    assert here(root, "export", "gradescope", "all", "out").code == 0
    sent = json.loads((root / "out/ada.json").read_text("utf-8"))
    assert (
        sent["score"] == 7
        and "Why \\<i\\>-1\\</i\\>?" in sent["output"]
        and "Names say what things are: 2 of 3" in sent["output"]
    )
    other = json.loads((root / "out/bob.json").read_text("utf-8"))
    assert "3 points are a person's to give" in other["output"]
    assert here(root, "export", "csv", "scores.csv").code == 0
    assert "Names say what things are: 2 of 3 points by prof" in (root / "scores.csv").read_text("utf-8-sig")

    # The line goes away: that is said, with the text that it was.
    path = root / "class/ada/assignments/numbers_of/first.py"
    path.write_text("# new\n" + path.read_text("utf-8").replace("x.sum(-1)", "x.sum(dim=-1)"), "utf-8")
    done = run(root, "grade", "class", "--new")
    assert done.code == 0, done
    assert "7/8" in here(root, "scores", "ada").flat
    explained = here(root, "explain", "ada").flat
    assert "no longer in the newest submission" in explained and "| return x.sum(-1)" in explained
    page = (root / ".autograder/report/students/ada.html").read_text("utf-8")
    assert "no longer in the newest submission" in page and "Why &lt;i&gt;-1&lt;/i&gt;?" in page and "<i>" not in page
    assert "&lt;script&gt;" in page and "<script>alert" not in page


def test_requests_come_with_the_work_are_shown_and_answered(root: Path) -> None:
    assert f"Open requests for a regrade: ada {NAME}." in here(root, "scores").said
    assert "alert(1)" in here(root, "requests").flat
    page = (root / ".autograder/report/attention.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page
    assert here(root, "requests", "ada", "first", "--answer", "No: see the docstring.", "--by", "prof").code == 0
    assert here(root, "requests").flat == "There are no open requests for a regrade."
    assert "answered by prof" in here(root, "requests", "ada").flat and "Open requests" not in here(root, "scores").err
    assert "Answer: No: see the docstring." in (deliver := here(root, "deliver", "numbers"), (root / ".autograder/feedback/numbers/ada.md").read_text("utf-8"))[1], deliver  # fmt: skip
    # The same answer is handed in again with another request, after the files of people were lost: nothing of it is.
    put(root, "class/ada/assignments/regrade.toml", added("", NAME, "Look at line 3."))
    assert run(root, "grade", "class/ada").code == 0
    assert "Look at line 3." in here(root, "requests").flat
    (root / ".autograder/people/ada.toml").unlink()
    assert "Look at line 3." in here(root, "requests").flat and "alert" not in here(root, "requests").flat
    assert here(root, "requests", "ada", "first", "--answer", "Done.").code == 0
    again = here(root, "requests", "ada", "first", "--answer", "Once more.")
    assert again.code == 2 and "has no open request" in again.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "first", "--comment", "x"), "There is no student or group 'nobody'"),
        (("ada", "second", "--comment", "x"), "There is no exercise 'second'"),
        (("ada", "first", "--item", "beauty=1"), "has no item 'beauty'"),
        (("ada", "first", "--item", "clarity=9"), "is 9"),
        (("ada", "first", "--item", "clarity=nan"), "is nan"),
        (("ada", "first", "--item", "clarity"), "it is ITEM=POINTS"),
        (("ada", "numbers", "--item", "clarity=1"), "no [[rubric]] of numbers"),
        (("ada", "first", "--line", "999", "--comment", "x"), "and no line 999"),
        (("ada", "first", "--remove", "00000000"), "there is no comment '00000000'"),
        (("ada", "--comment", "x"), "Say of which exercise or module"),
        ((), "Name a student"),
    ],
)
def test_what_mark_refuses(root: Path, arguments: tuple[str, ...], said: str) -> None:
    before = (root / ".autograder/people/ada.toml").read_bytes()
    done = here(root, "mark", *arguments)
    assert done.code == 2 and said in done.said, done
    assert (root / ".autograder/people/ada.toml").read_bytes() == before


def test_a_table_is_written_as_a_whole_or_not_at_all(root: Path) -> None:
    head = "student,exercise,item,points,why,line,comment\n"
    put(
        root,
        "bad.csv",
        head
        + f"ada,{NAME},clarity,1,,,\nada,{NAME},beauty,1,,,\nzed,{NAME},clarity,1,,,\nada,{NAME},,,,999,x\nada,{NAME},,,,,\n",
    )
    done = here(root, "mark", "--from", "bad.csv")
    assert done.code == 2 and "clarity" not in (root / ".autograder/people/ada.toml").read_text("utf-8")
    for line, what in (
        (3, "no item 'beauty'"),
        (4, "no student or group 'zed'"),
        (5, "no line 999"),
        (6, "neither an item nor"),
    ):
        assert any(f"bad.csv:{line}: " in part and what in part for part in done.err.splitlines()), (line, done.err)
    put(
        root,
        "good.csv",
        head.replace(",", ";") + f"ada;{NAME};clarity;1,5;short;;\nbob;{NAME};;;;{line_of('x.sum')};Look.\n",
    )
    done = here(root, "mark", "--from", "good.csv", "--by", "ta")
    assert done.code == 0 and "2 records more, of 2 students" in done.flat
    assert "6.5/8" in here(root, "scores", "ada").flat and "| return x.sum(0)" in here(root, "mark", "bob").flat


def test_a_broken_file_is_refused_with_its_line_before_anything_is_graded(root: Path) -> None:
    put(
        root,
        ".autograder/people/bob.toml",
        f'student = "bob"\n\n[[points]]\nof = "{NAME}"\nby = "x"\nitem = "beauty"\npoints = 1\n',
    )
    for command in (("scores",), ("grade", "class"), ("deliver", "numbers")):
        done = here(root, *command)
        assert done.code == 2 and "people/bob.toml:3: points.item" in done.said, (command, done)


def test_a_student_asks_in_a_file_that_is_packed(root: Path, tmp_path: Path) -> None:
    import shutil
    import zipfile

    put(root, "assignments/numbers_of/first.py", TOTAL)
    shutil.rmtree(root / "solutions")
    assert here(root, "ask", "first", 'It "breaks" ties').code == 0
    assert here(root, "ask", "first", "as said").code == 0
    assert here(root, "pack").code == 0
    with zipfile.ZipFile(root / "submission.zip") as packed:
        assert read(packed.read("assignments/regrade.toml"), [NAME]) == {NAME: 'It "breaks" ties\nas said'}


def test_where_nothing_can_be_written_that_is_said_and_nothing_is_left(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add("ada", [Comment(**WHO, text="before")])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(Refused, match="No space left on device"):
            folder.add("ada", [Comment(**WHO, text="after")])
    assert [each.text for each in folder.of("ada").comments(EX)] == ["before"] and not list(folder.path.glob("*.part"))
    (folder.path.parent / "file").write_text("", "utf-8")
    with pytest.raises(Refused, match="can't be written"):
        Folder(folder.path.parent / "file" / "people", folder.course).add("ada", [Comment(**WHO, text="x")])
