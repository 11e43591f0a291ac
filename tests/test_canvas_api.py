"""Canvas by its API: against a stand-in on this machine that speaks its documented HTTP."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import command_line
import pytest
import sample_results as sample
import typer
from canvas_stand_in import PAGE, TOKEN, Fault, StandIn, canvas_stand_in
from command_line import Done, command, environment, here, make_course, run
from msgspec.structs import replace

pytest.importorskip("canvasapi")

from autograder.course.roster import load_roster
from autograder.integrations.canvas_api import http
from autograder.integrations.canvas_api import send as sending
from autograder.integrations.canvas_api.data import Assignment, Grade, Student
from autograder.integrations.canvas_api.grades import Change, change, places
from autograder.integrations.canvas_api.place import ADDRESS, VARIABLE, CanvasApiError, place_of, read_token
from autograder.integrations.canvas_api.sent import Known, Line, Sent, alone, digest
from autograder.scores.records import ModuleScore, Score
from autograder.store import Ledger, Store

CLASS = {"ada": 4711, "bob": 4712, "cyd": 4713, "dan": 4714, "eve": 4715}
NUMBERS = 5177
GET_COMMAND = functools.cache(typer.main.get_command)  # building the whole command line takes longer than most commands
MODULE = ModuleScore(module="numbers", title="Numbers", points=10, score=4)
SCORE = Score(student="ada", points=10, score=4, modules=[MODULE])


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAUSES", (0.0,))
    monkeypatch.setattr(http, "WAITS", (0.0,) * 6)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(typer.main, "get_command", GET_COMMAND)


@pytest.fixture
def there() -> Iterator[StandIn]:
    with canvas_stand_in() as canvas:
        for login, id in CLASS.items():
            canvas.student(id, f"{login.title()} Student", login_id=login, sis_user_id=f"S{id}")
        canvas.assignment(5100, "Essay", 7)
        canvas.assignment(5101, "Another")
        canvas.assignment(5102, "A third")
        canvas.assignment(NUMBERS, "Numbers", 20)
        yield canvas


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Results of everybody but eve, who handed in nothing: 10 points are to be had, and each has another score."""
    root = make_course(tmp_path / "course")
    exercise = replace(sample.bpe(), exercise="numbers_of/first")
    with Store(root / ".autograder/results.sqlite") as store:
        number = store.start_run().id
        for points, name in enumerate(("ada", "bob", "cyd", "dan"), start=4):
            store.save(replace(sample.result(name, [exercise]), run=number), {})
            Ledger(store).adjust(name, "numbers_of/first", "points", str(points), by="prof", why="x")
    (root / ".autograder/roster.csv").write_text(
        "student,name,canvas_id\n" + "".join(f"{n},{n.title()},{i}\n" for n, i in CLASS.items()), "utf-8"
    )
    token = root / "token"
    token.write_text(TOKEN + "\n", "ascii")
    token.chmod(0o600)
    return root


def grades(course: Path, there: StandIn, *more: str) -> Done:
    done = here(course, "canvas", "grades", "numbers", "--canvas", there.address, "--token-file", "token", *more)
    assert TOKEN not in done.out + done.err and "Traceback" not in done.err
    return done


def rows(done: Done) -> dict[str, list[str]]:
    return {
        line.split()[0]: line.split() for line in done.out.splitlines() if line.split() and line.split()[0] in CLASS
    }


# --- grades ----------------------------------------------------------------------------------------------------------


def test_first_it_only_shows(course: Path, there: StandIn) -> None:
    done = grades(course, there)
    # 4 of 10 here are 8 of 20 there.
    assert rows(done)["ada"][:4] == ["ada", "Numbers", "-", "8"] and rows(done)["dan"][3] == "14"
    assert (
        done.code == 0
        and "5 grades to send, 0 are as they should be. Nothing was sent: add --send to send it." in done.flat
    )
    assert "'Numbers' is out of 20 in Canvas and 10 here: scores are scaled." in done.said
    assert "Students see grades of 'Numbers' at once" in done.said
    assert there.writes == [] and all(there.score(NUMBERS, id) is None for id in CLASS.values())
    assert not (course / ".autograder/canvas").exists()


def test_every_page_of_every_list_is_read(course: Path, there: StandIn) -> None:
    grades(course, there)
    paths = [path.partition("?")[0] for _, path, _, _ in there.requests]
    assert len(CLASS) > PAGE and len(there.assignments) > PAGE
    for name in ("search_users", "assignments", f"assignments/{NUMBERS}/submissions"):
        assert paths.count(f"/api/v1/courses/77/{name}") == 2, name
    assert all(
        headers["Authorization"] == f"Bearer {TOKEN}" and TOKEN not in path for _, path, headers, _ in there.requests
    )


def test_then_it_sends_and_the_next_time_only_what_changed(course: Path, there: StandIn) -> None:
    done = grades(course, there, "--send")
    assert done.code == 0 and "Sent: 5 of 5; Canvas has each of them now." in done.flat
    assert [there.score(NUMBERS, id) for id in CLASS.values()] == [8, 10, 12, 14, 0]
    assert len(there.writes) == 1
    again = grades(course, there, "--send")
    assert again.code == 0 and "0 grades to send, 5 are as they should be." in again.flat and len(there.writes) == 1
    with Store(course / ".autograder/results.sqlite") as store:
        Ledger(store).adjust("bob", "numbers_of/first", "add", "1.5", by="prof", why="x")
    done = grades(course, there, "--send")
    assert rows(done).keys() == {"bob"} and "Sent: 1 of 1" in done.flat
    assert "4712" in there.writes[-1][1] and "4711" not in there.writes[-1][1] and there.score(NUMBERS, 4712) == 13


def test_what_somebody_entered_in_canvas_stays_and_is_named(course: Path, there: StandIn) -> None:
    there.enter(NUMBERS, CLASS["cyd"], 3)  # before anything was sent
    there.enter(NUMBERS, CLASS["eve"], 0, grader=None)  # Canvas's own policy for missing work
    assert (
        "1 was entered or changed in Canvas by somebody, and stays as it is: cyd."
        in grades(course, there, "--send").flat
    )
    there.enter(NUMBERS, CLASS["ada"], 19.5)  # after it was sent
    there.enter(NUMBERS, CLASS["bob"], None)  # taken away
    with Store(course / ".autograder/results.sqlite") as store:
        for name in ("ada", "bob", "cyd", "dan"):
            Ledger(store).adjust(name, "numbers_of/first", "points", "9", by="prof", why="x")
    done = grades(course, there, "--send")
    assert rows(done)["ada"][2:5] == ["19.5", "18", "entered"] and rows(done)["dan"][2:4] == ["14", "18"]
    assert (
        "3 were entered or changed in Canvas by somebody, and stay as they are: ada, bob, cyd. --overwrite" in done.flat
    )
    assert [there.score(NUMBERS, id) for id in CLASS.values()] == [19.5, None, 3, 18, 0]
    done = grades(course, there, "--send", "--overwrite")
    assert [there.score(NUMBERS, id) for id in CLASS.values()] == [18, 18, 18, 18, 0] and "Sent: 3 of 3" in done.flat
    assert "as they should be" in grades(course, there).flat and "entered or changed" not in grades(course, there).flat


def test_what_agrees_was_agreed_upon_whoever_entered_it(course: Path, there: StandIn) -> None:
    there.enter(NUMBERS, CLASS["ada"], 8)  # as it came from a file before there was this command
    assert "1 is as it should be" in grades(course, there, "--send").flat
    with Store(course / ".autograder/results.sqlite") as store:
        Ledger(store).adjust("ada", "numbers_of/first", "points", "9", by="prof", why="x")
    assert "Sent: 1 of 1" in grades(course, there, "--send").flat and there.score(NUMBERS, 4711) == 18


def test_who_is_excused_is_excused_there(course: Path, there: StandIn) -> None:
    with Store(course / ".autograder/results.sqlite") as store:
        Ledger(store).adjust("ada", "numbers", "excuse", by="prof", why="x")
    grades(course, there, "--send")
    assert there.submissions[NUMBERS, 4711]["excused"] is True and "excuse" in there.writes[0][1]
    assert "0 grades to send, 5 are" in grades(course, there).flat


def test_late_points_that_canvas_takes_away_are_no_change_by_hand(course: Path, there: StandIn) -> None:
    grades(course, there, "--send")
    there.submissions[NUMBERS, 4711]["score"] = 6.0  # entered_score is still 8
    assert "0 grades to send, 5 are as they should be" in grades(course, there).flat


def test_feedback_goes_with_it_once(course: Path, there: StandIn) -> None:
    done = grades(course, there, "--feedback")
    assert "4 comments to send" in done.flat and there.writes == []
    grades(course, there, "--feedback", "--send")
    [told] = there.comments(NUMBERS, 4711)
    assert "You break ties" in told and there.comments(NUMBERS, 4715) == []  # she handed in nothing
    assert "a corpus of ties" not in told  # the title of a hidden case
    assert (
        "0 grades to send, 0 comments to send" in grades(course, there, "--feedback", "--send").flat
        and len(there.writes) == 1
    )
    with Store(course / ".autograder/results.sqlite") as store:
        Ledger(store).adjust("ada", "numbers_of/first", "points", "5", by="prof", why="looked at it again")
    grades(course, there, "--feedback", "--send")
    assert len(there.comments(NUMBERS, 4711)) == 2 and len(there.comments(NUMBERS, 4712)) == 1


def test_a_link_in_place_of_it(course: Path, there: StandIn) -> None:
    done = grades(course, there, "--link", "https://class.example.edu/{module}/{student}.html", "--send")
    assert done.code == 0 and there.comments(NUMBERS, 4711) == ["Feedback: https://class.example.edu/numbers/ada.html"]
    for wrong in ("https://class.example.edu/all.html", "{student}", "ftp://x/{student}"):
        assert "--link is an address with {student} in it" in grades(course, there, "--link", wrong).said
    assert "one of them" in grades(course, there, "--link", "https://x.example/{student}", "--feedback").said


def test_a_connection_that_is_lost_after_canvas_took_it_over(course: Path, there: StandIn, monkeypatch) -> None:
    monkeypatch.setattr(sending, "AT_ONCE", 2)
    there.faults.append(Fault(r"POST .*update_grades", after=True, skip=1))
    done = grades(course, there, "--feedback", "--send")
    assert done.code == 2 and "The connection to 127.0.0.1" in done.said and "goes on where it was" in done.said
    assert [there.score(NUMBERS, id) for id in CLASS.values()] == [8, 10, 12, 14, None]
    done = grades(course, there, "--feedback", "--send")
    assert rows(done).keys() == {"eve"} and "Sent: 1 of 1" in done.flat
    assert [len(there.comments(NUMBERS, id)) for id in CLASS.values()] == [1, 1, 1, 1, 0]
    posts = [body.count("posted_grade") for _, body in there.writes]
    assert posts == [2, 2, 1]


def test_a_connection_that_is_lost_before_it(course: Path, there: StandIn) -> None:
    there.faults.append(Fault(r"POST .*update_grades"))
    assert grades(course, there, "--send").code == 2 and there.score(NUMBERS, 4711) is None
    # Somebody enters one meanwhile: it is not ours.
    there.enter(NUMBERS, 4712, 1)
    done = grades(course, there, "--send")
    assert "Sent: 4 of 4" in done.flat and "stays as it is: bob" in done.flat and there.score(NUMBERS, 4712) == 1


def test_an_interrupted_send_goes_on(course: Path, there: StandIn, monkeypatch) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sending.time, "sleep", stop)
        done = grades(course, there, "--send")
    assert done.code == 130 and "Stopped. What was sent is remembered: the same command goes on." in done.said
    there.work_off(there.jobs[0])  # Canvas goes on with what it has
    done = grades(course, there, "--send")
    assert "0 grades to send, 5 are as they should be" in done.flat and len(there.writes) == 1


def test_a_student_whom_canvas_does_not_find_is_named_and_the_others_have_theirs(course: Path, there: StandIn) -> None:
    there.refuses.add(4713)
    done = grades(course, there, "--send")
    assert done.code == 1 and "Sent: 4 of 5" in done.flat
    assert "cyd: Canvas did not take over 12 in 'Numbers' (Couldn't find User(s) with API ids '4713')." in done.said
    assert there.score(NUMBERS, 4714) == 14
    there.refuses.clear()
    assert "Sent: 1 of 1" in grades(course, there, "--send").flat


def test_a_job_that_does_not_end_is_not_waited_for_for_ever(tmp_path: Path, there: StandIn, monkeypatch) -> None:
    monkeypatch.setattr(sending, "LONGEST", 0.03)
    there.faults.append(Fault("progress", 200, '{"id": 1, "workflow_state": "running"}', times=99))
    with pytest.raises(CanvasApiError, match="has not worked off 5 grades of 'Numbers'"):
        everything(there, tmp_path)
    assert len(there.requests) < 20


def test_a_class_goes_in_parts_and_is_read_back_once(tmp_path: Path, there: StandIn, monkeypatch) -> None:
    monkeypatch.setattr(sending, "AT_ONCE", 2)
    assert len(everything(there, tmp_path).arrived) == 5 and len(there.writes) == 3
    after = [path for method, path, _, _ in there.requests[-3:] if "submissions" in path]
    assert len(after) == 2  # two pages, after the last job


def test_two_cannot_send_at_once(course: Path, there: StandIn) -> None:
    with alone(course / ".autograder/canvas" / f"{place_of(there.address).name}.jsonl"):
        done = grades(course, there, "--send")
        assert grades(course, there).code == 0  # looking is no sending
    assert done.code == 2 and "Another command is sending grades" in done.said and there.writes == []


def test_nobody_is_given_nothing_before_their_deadline(course: Path, there: StandIn) -> None:
    text = (course / "grading.toml").read_text("utf-8")
    (course / "grading.toml").write_text(
        text.replace('title = "Numbers"', 'title = "Numbers"\ndue = 2199-01-01T00:00:00+00:00'), "utf-8"
    )
    done = grades(course, there, "--send")
    assert "nothing handed in yet, and still time: eve. Left out." in done.said and there.score(NUMBERS, 4715) is None


def test_who_is_not_in_both_is_said(course: Path, there: StandIn) -> None:
    there.users = [user for user in there.users if user["id"] != 4712]
    there.student(4799, "Nobody At All", login_id="na")
    del there.submissions[NUMBERS, 4713]
    done = grades(course, there)
    assert "Nobody At All (Canvas id 4799) is nobody of the class list" in done.said
    assert "bob is not in this course of Canvas: left out." in done.said
    assert "'Numbers' is not assigned in Canvas to cyd. Left out." in done.said and rows(done).keys() == {
        "ada",
        "dan",
        "eve",
    }


@pytest.mark.parametrize(
    ("change_", "said"),
    [
        ({"published": False}, "is not published in Canvas"),
        ({"grading_type": "pass_fail"}, "has no points in Canvas"),
        ({"group_category_id": 3, "grade_group_students_individually": False}, "has one grade for all of a group"),
        ({"anonymous_grading": True}, "is graded anonymously"),
        ({"moderated_grading": True, "grades_published": False}, "is moderated in Canvas"),
        ({"name": "Homework 1"}, "Canvas has no assignment 'Numbers'. It has: Essay (5100)"),
    ],
)
def test_an_assignment_that_takes_no_grades_of_ours(there: StandIn, change_: dict, said: str) -> None:
    there.assignments[-1].update(change_)
    found = [Assignment.of(each) for each in there.assignments]
    with pytest.raises(CanvasApiError) as caught:
        places([SCORE], found, {}, ["numbers"])
    assert said in str(caught.value)


def test_an_assignment_is_named_by_number_or_name(there: StandIn) -> None:
    there.assignment(5200, "Numbers")
    found = [Assignment.of(each) for each in there.assignments]
    for named, id in (("5200", 5200), ("essay", 5100), ("5177", 5177)):
        assert places([SCORE], found, {"numbers": named}, [])[0]["numbers"].id == id
    for wrong, only, said in (
        ({}, ["numbers"], "2 assignments called 'Numbers' (5177, 5200): name one with --assignment numbers=NUMBER"),
        ({"letters": "5200"}, [], "no graded module 'letters'"),
        ({}, ["letters"], "no graded module 'letters'"),
        ({"numbers": "Exam"}, [], "Canvas has no assignment 'Exam'"),
    ):
        with pytest.raises(CanvasApiError) as caught:
            places([SCORE], found, wrong, only)
        assert said in str(caught.value)
    two = replace(SCORE, modules=[MODULE, replace(MODULE, module="more", title="More")])
    with pytest.raises(CanvasApiError, match="into one assignment"):
        places([two], found, {"numbers": "5177", "more": "5177"}, [])
    assert "left out" in places([two], found, {"numbers": "5177"}, [])[1][0]


def test_every_command_on_the_page(course: Path, there: StandIn, monkeypatch) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs/canvas.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) == 6 and f"export {ADDRESS}=" in page and f"`{VARIABLE}`" in page
    ours = {VARIABLE: TOKEN, ADDRESS: there.address}
    monkeypatch.setattr(command_line, "environment", lambda **more: {**environment(**more), **ours})
    for arguments in commands:
        done = here(course, *arguments)
        assert done.code == 0 and TOKEN not in done.out + done.err, (arguments, done)
    assert there.score(NUMBERS, 4711) == 8
    assert there.comments(NUMBERS, 4711) == ["Feedback: https://class.example.edu/numbers/ada.html"]


# --- errors ----------------------------------------------------------------------------------------------------------

UNAUTHORIZED = json.dumps(
    {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
)
LIMIT = "403 Forbidden (Rate Limit Exceeded)\n"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("users", 401, UNAUTHORIZED), "refuses the list of students: whoever owns the token may not do that in course 77. It takes a teacher, or a TA who may edit grades. It says: user not authorized to perform that action"),
        (Fault("users", 403, UNAUTHORIZED), "refuses the list of students: whoever owns the token may not do that"),
        (Fault("assignments$", 404, '{"errors":[{"message":"The specified resource does not exist."}]}'), "has no course 77, or it has not what was asked for (the list of assignments)"),
        (Fault("update_grades", 422, '{"errors":{"posted_grade":[{"message":"is too large"}]}}'), "can't do what it was asked for (taking over 5 grades of 'Numbers'). It says: is too large"),
        (Fault("update_grades", 400, '{"error":"\'grade_data\' parameter required"}'), "It says: 'grade_data' parameter required"),
        (Fault("update_grades", 500, "<html>", {"Content-Type": "text/html"}), "has trouble of its own (status 500): no answer to the request for taking over 5 grades"),
        (Fault("users", 503, "", times=99), "has trouble of its own (status 503): no answer to the request for the list of students"),
        (Fault("users", times=99), "The connection to 127.0.0.1"),
        (Fault("users", 200, "<html>Sign in</html>"), "answers something that is not Canvas's (the list of students)"),
        (Fault("users", 200, '[{"name": "no id"}]'), "answers something that is not Canvas's"),
        (Fault("users", 200, '{"users": []}'), "answers something that is not Canvas's"),
        (Fault("users", 302, "", {"Location": "https://sso.example.edu/login"}), "sends on to sso.example.edu: name that one"),
        (Fault("users", 302, "", {"Location": "/login/saml"}), "shows another page instead, as one to sign in"),
        (Fault("users", 200, "[]", {"Link": '<https://other.example.edu/api/v1/courses/77/users?page=2>; rel="next"'}), "calls itself other.example.edu: name that address"),
        (Fault("users", 429, "", {"Retry-After": "0"}, times=99), "still says that there are too many requests"),
        (Fault("update_grades", 403, LIMIT, times=99), "still says that there are too many requests"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said(tmp_path: Path, there: StandIn, fault: Fault, said: str) -> None:
    there.faults.append(fault)
    with pytest.raises(CanvasApiError) as caught:
        everything(there, tmp_path)
    assert said in str(caught.value) and len(str(caught.value)) < 400 and TOKEN not in str(caught.value)
    behind = caught.value.__context__  # the error behind it knows the request and its headers
    assert behind is None or caught.value.__suppress_context__


def everything(there: StandIn, folder: Path) -> sending.Outcome:
    """What the command does, without its command line: all that it asks, and 8 points for everybody."""
    canvas = http.Canvas(place_of(there.address), TOKEN)
    [at] = [each for each in canvas.assignments() if each.name == "Numbers"]
    changes = [
        Change(at, each.login, each.id, each.name, "", "8", "send")
        for each in canvas.students()
        if canvas.grades(at, True)
    ]
    return sending.send(canvas, Sent(folder / "sent.jsonl"), changes)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("users", 429, "", {"Retry-After": "0"}, times=2),
        Fault("update_grades", 403, LIMIT, times=2),
        Fault("submissions$", 502, "", times=2),
        Fault("progress", times=2),
    ],
)
def test_what_passes_is_waited_for(tmp_path: Path, there: StandIn, fault: Fault) -> None:
    there.faults.append(fault)
    outcome = everything(there, tmp_path)
    assert len(outcome.arrived) == 5 and outcome.refused == [] and fault.times == 0
    assert [there.score(NUMBERS, id) for id in CLASS.values()] == [8] * 5 and len(there.jobs) == 1


def test_a_wait_is_as_long_as_canvas_asks_and_said(course: Path, there: StandIn, monkeypatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(http.time, "sleep", waited.append)
    there.faults.append(Fault("users", 429, "", {"Retry-After": "7"}))
    assert "Canvas asks to wait: 7 s" in grades(course, there).said and waited == [7.0]


def test_a_token_that_canvas_does_not_know(course: Path, there: StandIn) -> None:
    (course / "token").write_text("7~another")
    done = grades(course, there)
    assert (
        done.code == 2
        and "does not know this token: it was deleted, has expired" in done.said
        and "7~another" not in done.said
    )


def test_a_token_that_canvas_repeats_is_not_shown(there: StandIn) -> None:
    for before in ("", "x" * (http.SHOWN - 10)):  # also where the message is cut in the middle of it
        there.faults.append(
            Fault("users", 403, json.dumps({"errors": [{"message": f"{before}token {TOKEN} may not"}]}))
        )
        with pytest.raises(CanvasApiError, match=r"token \(the") as caught:
            http.Canvas(place_of(there.address), TOKEN).students()
        assert TOKEN[:6] not in str(caught.value)


# --- token and address -----------------------------------------------------------------------------------------------


def test_the_token_comes_from_the_environment(course: Path, there: StandIn) -> None:
    more = {"CANVAS_API_TOKEN": TOKEN, "CANVAS_COURSE_URL": there.address + "/gradebook"}
    done = run(course, "canvas", "grades", **more)
    assert done.code == 0 and "5 grades to send" in done.flat and TOKEN not in done.out + done.err
    assert "no token for Canvas" in run(course, "canvas", "grades", CANVAS_COURSE_URL=there.address).said
    assert "--token" not in " ".join(command("canvas", "grades")) and not re.search(
        r"--token\s", here(course, "canvas", "grades", "--help").out
    )


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(mode)
    with pytest.raises(CanvasApiError, match="chmod 600") as caught:
        read_token(file, {})
    assert TOKEN not in str(caught.value)
    file.chmod(0o600)
    assert read_token(file, {"CANVAS_API_TOKEN": "another"}) == TOKEN


@pytest.mark.parametrize("text", ["", " \n", "two words", "7~a\r\nHost: x", "7~ä", "x" * 5000])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text, "utf-8", newline="")
    file.chmod(0o600)
    with pytest.raises(CanvasApiError) as caught:
        read_token(file, {})
    assert not text.strip() or text not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://canvas.example.edu/courses/1", "others can read it"),
        ("https://me:secret@canvas.example.edu/courses/1", "leave them out"),
        ("https://canvas.example.edu", "names no course"),
        ("https://canvas.example.edu/courses/first", "names no course"),
        ("canvas.example.edu/courses/1", "is not an address"),
        ("https://[::1/courses/1", "not an address"),
    ],
)
def test_addresses_that_are_refused(address: str, said: str) -> None:
    with pytest.raises(CanvasApiError, match=said) as caught:
        place_of(address)
    assert "secret" not in str(caught.value)


def test_addresses_as_they_are_copied() -> None:
    place = place_of(" https://canvas.example.edu/courses/1234/gradebook?x=1#y ")
    assert (place.base, place.course, place.name) == ("https://canvas.example.edu", 1234, "canvas.example.edu-1234")


def test_without_canvasapi_it_says_what_to_install(course: Path, there: StandIn, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "canvasapi", None)
    monkeypatch.delitem(sys.modules, "autograder.integrations.canvas_api.http", raising=False)
    done = grades(course, there)
    assert (
        done.code == 2
        and "Speaking with Canvas needs canvasapi: pip install -c constraints.txt 'llm-internals[canvas]'" in done.said
    )


# --- the class list --------------------------------------------------------------------------------------------------


def roster(course: Path, there: StandIn, *more: str) -> Done:
    return here(course, "canvas", "roster", "--canvas", there.address, "--token-file", "token", *more)


def test_a_new_class_list(course: Path, there: StandIn) -> None:
    path = course / ".autograder/roster.csv"
    path.unlink()
    there.student(4716, "Fay Invited", sis_user_id="S4716")  # who has not accepted yet has no login
    there.student(4717, "Gil, von", login_id=None)
    done = roster(course, there)
    assert "7 new, 0 completed, 0 as before. Nothing was written: add --write" in done.flat and not path.exists()
    assert roster(course, there, "--write").code == 0
    people = load_roster(path)
    assert people.problems == () and [person.id for person in people.people] == [
        "ada",
        "bob",
        "cyd",
        "dan",
        "eve",
        "S4716",
        "4717",
    ]
    ada = people.people[0]
    assert (ada.name, ada.email, ada.login, ada.sis_id, ada.canvas_id) == (
        "Ada Student",
        "u4711@uni.example",
        "ada",
        "S4711",
        "4711",
    )
    assert people.people[-1].name == "Gil, von"
    assert "has everybody in Canvas: 0 new, 0 completed, 7 as before." in roster(course, there, "--write").flat


def test_what_stands_in_a_class_list_stays(course: Path, there: StandIn) -> None:
    path = course / ".autograder/roster.csv"
    text = "student;name;group;extension;room;canvas_id\n# moved here in week 2\nada;Ada K.;red;numbers=2d;17\nbob;;red;;;4712\nzoe;Zoe;;;;\n"
    path.write_text(text, "utf-8")
    done = roster(course, there, "--write")
    assert (
        "3 new, 2 completed, 0 as before" in done.flat
        and "zoe is in the class list and not in Canvas: kept." in done.said
    )
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "student;name;group;extension;room;canvas_id;email;login;sis_id"
    assert (
        lines[1].startswith("# moved here")
        and lines[2] == "ada;Ada K.;red;numbers=2d;17;4711;u4711@uni.example;ada;S4711"
    )
    assert lines[4].startswith("zoe;Zoe;;;;") and lines[5].startswith("cyd;Cyd Student;")
    people = load_roster(path, ["numbers"])
    assert people.problems == () and len(people.people) == 6 and people.person("ada").extensions  # type: ignore[union-attr]


def test_class_lists_that_cannot_be_added_to(course: Path, there: StandIn) -> None:
    path = course / ".autograder/roster.csv"
    for text, said in (
        ("who,name\nada,Ada\n", "has no column `student`"),
        ("Student,ID,SIS User ID,SIS Login ID,Section\n", "a gradebook as Canvas exports it"),
    ):
        path.write_text(text, "utf-8")
        done = roster(course, there, "--write")
        assert done.code == 2 and said in done.said and path.read_text("utf-8") == text


# --- what is remembered ----------------------------------------------------------------------------------------------


def test_the_record_survives_a_line_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "canvas/x.jsonl"
    sent = Sent(path)
    sent.write("sending", [Line(1, 2, "8", "well  done"), Line(1, 3, None, "")])
    sent.write("sent", [Line(1, 2, "8", "well  done")])
    with path.open("ab") as stream:
        stream.write(b'{"state": "sent", "assignment": 1, "user": 2, "gra')
    again = Sent(path)
    assert again.known(1, 2) == Known("8", None, {digest("well done")}) and again.known(1, 3) == Known()
    again.write("sending", [Line(1, 2, "9", "")])
    assert Sent(path).known(1, 2) == Known("8", "9", {digest("well done")})
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("has", "known", "kind"),
    [
        (Grade(1), Known(), "send"),
        (None, Known(), "send"),
        (Grade(1, 8.0), Known(), "same"),
        (Grade(1, 8.001), Known(), "same"),
        (Grade(1, 7.0), Known(), "by hand"),
        (Grade(1, 7.0), Known("7"), "send"),
        (Grade(1, 7.0), Known("6", "7"), "send"),  # it arrived, and nobody saw it
        (Grade(1, 6.0), Known("6", "7"), "send"),  # it never arrived
        (Grade(1, 5.0), Known("6", "7"), "by hand"),
        (Grade(1), Known("7"), "by hand"),  # taken away
        (Grade(1, 0.0, by_policy=True), Known(), "send"),
        (Grade(1, excused=True), Known(), "by hand"),
        (Grade(1, excused=True), Known("EX"), "send"),
    ],
)
def test_what_is_to_become_of_a_grade(has: Grade | None, known: Known, kind: str) -> None:
    at = Assignment(1, "Numbers", 20.0)
    assert change(at, "ada", Student(1, "Ada"), MODULE, has, known, "", overwrite=False).kind == kind
    if kind == "by hand":
        assert change(at, "ada", Student(1, "Ada"), MODULE, has, known, "", overwrite=True).kind == "send"


def test_feedback_that_was_said_before_and_since_replaced_is_said_again() -> None:
    known = Known(comments={digest("first"), digest("second")})
    for there, due in (
        (("first", "second", "thank you"), "first"),
        (("second", "first\n", "thank you"), ""),
        ((), "first"),
    ):
        has = Grade(1, comments=there)
        assert change(Assignment(1, "x"), "ada", Student(1, "Ada"), MODULE, has, known, "first", False).comment == due
