"""Answers that are alike: exported for Dolos and compare50, compared by stand-ins that write what these write, and shown to staff alone."""

from __future__ import annotations

import csv
import difflib
import functools
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import sample_results as sample
import typer
from command_line import Done, here, make_course, submit, with_code
from msgspec.structs import replace
from release_course import put
from similarity_tools import put_tool
from test_report_site import Page
from tiny_course import TOTAL

from autograder.cli.deliver import feedback_files
from autograder.cli.export import Graded
from autograder.cli.scores import file_name
from autograder.course import load_course
from autograder.course.roster import Roster, parse_roster
from autograder.course.submission import open_submission
from autograder.integrations.similar import compare50, dolos
from autograder.integrations.similar.answers import Exported, export
from autograder.report.facts import Facts
from autograder.report.pairs import Answer, Compared, Pair, PairsError, load, save, similar
from autograder.report.site import write_report
from autograder.source.stub import make_stub
from autograder.store import Store

NAME = "numbers_of/first"
GET_COMMAND = functools.cache(typer.main.get_command)  # building the whole command line takes longer than most commands
GIVEN = make_stub(TOTAL)
COPY = with_code("x.sum(-1).clone()\n    # found it\n    # by myself", "x.mean(-1).clone()")
ROSTER = "student,name,group\nada,Ada King,\nbob,Bob O'Hara,\ncyd,Cyd Lee,red\ndan,Dan Brown,red\neve,Eve None,\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """ada and bob hand in the same, cyd and dan too and are one group, fay something of her own, eve the stub, gil nothing."""
    root = make_course(tmp_path / "course")
    for name in ("ada", "bob"):
        submit(root, name, first=COPY)
    for name in ("cyd", "dan"):
        submit(root, name, first=with_code("x.cumsum(-1)[..., -1]", "x.sum(-1) / x.shape[-1]"))
    submit(root, "fay", first=with_code("sum(x.unbind(-1))", "x.double().mean(-1)"))
    submit(root, "eve", first=GIVEN + "\n\n# nothing yet\n")
    submit(root, "gil")
    put(root, "class/gil/notes.txt", "nothing")
    put(root, ".autograder/roster.csv", ROSTER)
    return root


@pytest.fixture(autouse=True)
def _one_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer.main, "get_command", GET_COMMAND)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for tools, the only one on the path."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setattr(
        "autograder.integrations.similar.tool.find",
        lambda name: str(folder / name) if (folder / name).exists() else None,
    )
    return folder


@pytest.fixture
def exported(course: Path) -> Exported:
    loaded = load_course(course)
    opened = [open_submission(course / "class" / name, loaded) for name in ("ada", "bob", "fay")]
    return export(course / "out", loaded.exercise(NAME), GIVEN, opened, Roster(), file_name)


def compare(course: Path, *more: str) -> Done:
    done = here(course, "similar", "class", "-e", NAME, *more)
    assert "Traceback" not in done.err
    return done


def info(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "info.csv").open(encoding="utf-8", newline="")))


def test_without_a_tool_the_files_are_there_and_it_says_what_to_type(course: Path, tools: Path) -> None:
    done = compare(course)
    folder = course / ".autograder/similar/numbers_of/first"
    assert (
        done.code == 0 and "Neither Dolos nor compare50 is installed (dolos: npm install -g @dodona/dolos" in done.said
    )
    assert f"5 answers (1 not begun) in {folder}" in done.flat
    assert f"cd {folder} && dolos run -f csv -l python -i stub.py -o dolos info.csv" in done.flat
    assert "compare50 submissions/* -d stub.py -o compare50 -n 100" in done.flat
    assert (folder / "stub.py").read_text("utf-8") == GIVEN
    rows = info(folder)
    assert rows[0] == {"filename": "stub.py", "label": "", "created_at": "", "full_name": "", "ignored": "true"}
    assert [row["filename"] for row in rows[1:]] == [
        f"submissions/{name}/first.py" for name in ("ada", "bob", "cyd", "dan", "fay")
    ]
    assert {row["full_name"] for row in rows[1:]} >= {"Ada King", "Bob O'Hara"} and all(
        (folder / row["filename"]).is_file() for row in rows
    )
    assert (folder / "submissions/ada/first.py").read_text("utf-8") == COPY
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["dolos", "compare50"])
def test_the_tool_is_run_and_its_pairs_are_kept(course: Path, tools: Path, name: str) -> None:
    put_tool(tools, name)
    done = compare(course, "--above", "0.9")
    assert done.code == 0, done
    [kept], problems = load(course / ".autograder")
    assert problems == [] and (kept.exercise, kept.tool, kept.answers, kept.above) == (NAME, name, 5, 0.9)
    [pair] = kept.pairs  # cyd and dan are one group
    assert (pair.one.submission, pair.other.submission, pair.similarity) == ("ada", "bob", 1.0)
    assert re.search(rf"{NAME} +ada +bob +100% +(\d+% +)?{name}", done.out)
    assert "They cost nobody a point" in done.flat and "once the class is graded" in done.flat
    if name == "dolos":
        assert kept.usual is not None and kept.usual < 0.9 and kept.look.startswith("dolos serve ")
    else:
        assert kept.usual is None and Path(kept.look).is_file()
    submit(course, "bob", first=with_code("x.sum(-1)", "x.mean(-1)"))
    again = compare(course, "--above", "0.9")  # over the earlier output
    [kept], _ = load(course / ".autograder")
    assert again.code == 0 and kept.pairs == [] and "No two answers are alike to 90%." in again.flat


def test_what_was_run_by_hand_is_read(course: Path, tools: Path) -> None:
    assert "Neither Dolos nor compare50 has written anything" in compare(course, "--read").said
    compare(course, "--tool", "none")
    folder = course / ".autograder/similar/numbers_of/first"
    subprocess.run(
        [put_tool(tools, "dolos"), *dolos.arguments()[1:]], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    (tools / "dolos").unlink()
    done = compare(course, "--read", "--above", "0.9")
    assert done.code == 0 and re.search(rf"{NAME} +ada +bob +100% ", done.out)
    [kept], _ = load(course / ".autograder")
    assert kept.tool == "dolos" and len(kept.pairs) == 1


def test_both_tools_when_both_are_there(course: Path, tools: Path) -> None:
    put_tool(tools, "dolos")
    put_tool(tools, "compare50")
    assert compare(course).code == 0 and [each.tool for each in load(course / ".autograder")[0]] == [
        "compare50",
        "dolos",
    ]
    folder = course / ".autograder/similar/numbers_of/first"
    assert {each.name for each in folder.iterdir()} == {
        "info.csv",
        "stub.py",
        "submissions",
        "dolos",
        "dolos.json",
        "compare50",
        "compare50.json",
    }


def test_what_students_were_given_makes_nobody_alike(course: Path, tools: Path) -> None:
    """With the stub as an answer among others, everybody would be like it."""
    put_tool(tools, "dolos")
    compare(course, "--above", "0.0")
    with (course / ".autograder/similar/numbers_of/first/dolos/pairs.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 10 and not any("stub" in row["leftFilePath"] + row["rightFilePath"] for row in rows)
    [fay] = [row for row in rows if "ada" in row["leftFilePath"] and "fay" in row["rightFilePath"]]
    one, other = (
        (course / f"class/{name}/numbers_of/first.py").read_text("utf-8").split("\n") for name in ("ada", "fay")
    )
    assert float(fay["similarity"]) < 0.6 < 0.8 < difflib.SequenceMatcher(None, one, other).ratio()


def test_a_zip_without_names(course: Path, tools: Path, tmp_path: Path) -> None:
    put_tool(tools, "dolos")
    done = compare(course, "--anonymous", "--zip", "out.zip", "--above", "0.9")
    folder = course / ".autograder/similar/numbers_of/first"
    with zipfile.ZipFile(course / "out.zip") as archive:
        names = archive.namelist()
        text = archive.read("info.csv").decode() + "".join(names)
    assert names[:3] == ["info.csv", "stub.py", "submissions/s0001/first.py"] and len(names) == 7
    assert not any(each in text for each in ("ada", "Ada", "bob", "Cyd", ",red,"))
    assert (folder / "who.csv").read_text("utf-8").splitlines()[1] == "s0001,ada,Ada King"
    assert load(course / ".autograder")[0][0].pairs[0].one.submission == "ada" and "It holds names" not in done.flat
    assert "It holds names: --anonymous leaves them out." in compare(course, "--zip", "out.zip").flat
    assert not (folder / "who.csv").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho 'Error: no tree-sitter-python' >&2\nexit 3\n", "failed (exit code 3): Error: no tree-sitter-python"),
        ("#!/bin/sh\nexit 0\n", "pairs.csv can't be read"),
        ("#!/bin/sh\nmkdir dolos; echo 'a,b' > dolos/pairs.csv\n", "has no column leftFilePath"),
        ("#!/bin/sh\nmkdir dolos; printf 'leftFilePath,rightFilePath,similarity\\na,b,much\\n' > dolos/pairs.csv\n", "a similarity that is no number from 0 to 1"),
        ("#!/nowhere/node\n", "can't be run"),
    ],
)  # fmt: skip
def test_a_tool_that_fails(exported: Exported, tools: Path, text: str, said: str) -> None:
    with pytest.raises(PairsError) as caught:
        dolos.compare(str(put_tool(tools, "dolos", text)), exported)
    assert said in str(caught.value)
    assert exported.folders and all((exported.folder / each).is_dir() for each in exported.folders)


def test_one_tool_fails_and_the_other_goes_on(course: Path, tools: Path) -> None:
    put_tool(tools, "dolos", "#!/bin/sh\necho 'no python' >&2\nexit 3\n")
    put_tool(tools, "compare50")
    done = compare(course, "--above", "0.9")
    assert done.code == 1 and "failed (exit code 3): no python" in done.said
    assert [each.tool for each in load(course / ".autograder")[0]] == ["compare50"] and "ada" in done.out


def test_the_token_for_canvas_is_no_business_of_a_tool(course: Path, tools: Path, monkeypatch) -> None:
    from autograder.integrations.similar import tool

    path = put_tool(tools, "dolos", "#!/bin/sh\nenv > seen\n")
    monkeypatch.setenv("CANVAS_API_TOKEN", "7~secret")
    monkeypatch.setenv("OTHER", "there")
    tool.run(str(path), ["dolos"], course)
    seen = (course / "seen").read_text("utf-8")
    assert "OTHER=there" in seen and "secret" not in seen


def test_what_is_refused(course: Path, tools: Path, tmp_path: Path) -> None:
    assert "Name what to compare" in here(course, "similar").said
    assert "There is no dolos on this machine: npm install" in compare(course, "--tool", "dolos").said
    assert (
        "--into and --zip are for one exercise"
        in here(make_course(tmp_path / "two", ["first", "second"]), "similar", "class", "--zip", "x.zip").said
    )


def test_a_folder_with_something_else_is_never_taken_for_an_earlier_export(course: Path, exported: Exported) -> None:
    def write(folder: Path) -> Exported:
        return export(folder, load_course(course).exercise(NAME), GIVEN, [], Roster(), file_name)

    (course / "other/submissions/ada").mkdir(parents=True)
    for folder in (course, course / "class", course / "other"):
        with pytest.raises(PairsError, match="holds something that is no earlier export"):
            write(folder)
    assert (course / "class/ada").is_dir() and (course / "other/submissions/ada").is_dir()
    assert (exported.folder / "submissions/ada").is_dir() and write(exported.folder).answers == {}
    assert not (exported.folder / "submissions").exists()


def test_names_that_are_no_names_for_files(course: Path, tools: Path) -> None:
    put_tool(tools, "compare50")
    put_tool(tools, "dolos")
    submit(course, "-x [a]* (7%)", first=COPY)
    submit(course, "submissions", first=COPY)
    done = compare(course, "--above", "0.9")
    assert done.code == 0, done
    for kept in load(course / ".autograder")[0]:
        found = {frozenset((pair.one.submission, pair.other.submission)) for pair in kept.pairs}
        assert len(found) == 6 and frozenset(("-x [a]* (7%)", "submissions")) in found


# --- what is read ----------------------------------------------------------------------------------------------------


def test_pairs_as_dolos_itself_writes_them(tmp_path: Path) -> None:
    """Rows of a real report (Dolos 2), which came out of a zip; the paths are those of its temporary folder."""
    written = Exported(tmp_path, "first.py", {"ada": ("ada", "1"), "bob": ("bob", "2"), "cyd": ("cyd", "3")})
    file = tmp_path / "pairs.csv"
    file.write_text(
        "id,leftFileId,leftFilePath,rightFileId,rightFilePath,similarity,totalOverlap,longestFragment,leftCovered,rightCovered\n"
        "105,1,/tmp/dolos-unzip-g9VHa5/submissions/ada/first.py,0,/tmp/dolos-unzip-g9VHa5/submissions/bob/first.py,1,182,91,91,91\n"
        "106,3,submissions/cyd/first.py,1,submissions\\\\bob\\\\first.py,0.26548672566371684,30,10,13,17\n"
        "107,3,stub.py,1,submissions/bob/first.py,0.9,30,10,13,17\n".replace("\\\\", "\\"),
        "utf-8",
    )
    found, usual = dolos.read(file, written)
    assert found == [("ada", "bob", 1.0), ("cyd", "bob", 0.26548672566371684)]
    assert usual == 0.26548672566371684  # of three pairs, one of which has nothing in common


def test_pages_of_compare50_that_are_not_as_they_should_be(tmp_path: Path) -> None:
    written = Exported(tmp_path, "first.py", {"ada": ("ada", "1"), "bob": ("bob", "2")})
    file = tmp_path / "match_1.html"
    for text in (
        "",
        '<div id="structuresub_names"><h5>submissions/ada (87%)</h5></div>',
        '<div id="structuresub_names"><h5>a</h5><h5>b</h5></div>',
    ):
        file.write_text(text, "utf-8")
        with pytest.raises(PairsError, match="does not begin as"):
            compare50.read(file, written)
    # Further heads below, as a student may have written, are none.
    file.write_text(
        '<div id="structuresub_names"><div><h5>submissions/ada (87%)</h5></div><div><h5> submissions/bob (64%)\n</h5></div></div><h5>submissions/x (1%)</h5>',
        "utf-8",
    )
    assert compare50.read(file, written) == ("ada", "bob", 0.755)


# --- the report ------------------------------------------------------------------------------------------------------


def graded(course: Path) -> None:
    exercise = replace(sample.bpe(), exercise=NAME)
    with Store(course / ".autograder/results.sqlite") as store:
        run = store.start_run().id
        for name in ("ada", "bob", "cyd", "dan", "fay"):
            store.save(replace(sample.result(name, [exercise]), run=run), {})


def test_staff_see_the_pairs_beside_the_flags_and_no_student_does(course: Path, tools: Path) -> None:
    put_tool(tools, "dolos")
    graded(course)
    before = here(course, "scores").out
    done = compare(course, "--above", "0.9")
    report = course / ".autograder/report"
    assert "attention.html" in done.flat
    page = (report / "attention.html").read_text("utf-8")
    shown = page[page.index('<h2 id="similar">') : page.index('<h2 id="changes">')]
    assert page.index('id="flags"') < page.index('id="similar"')
    assert (
        "Ada King</a>" in shown
        and "Bob O&#39;Hara</a>" in shown
        and "100 %" in shown
        and "Cyd" not in shown
        and "costs nobody a point" in shown
    )
    assert '<a href="attention.html#similar">1</a>' in (report / "index.html").read_text("utf-8")
    for name in ("attention.html", "index.html", "exercises/numbers_of-first.html"):
        html = Page(report / name)
        assert html.open == [] and all(
            (report / name).parent.joinpath(link.partition("#")[0] or ".").exists() for link in html.links
        )
    assert "Answers alike" in (report / "exercises/numbers_of-first.html").read_text("utf-8")
    for student in (report / "students").glob("*.html"):  # staff's too: they show what the student sees
        assert "alike" not in student.read_text("utf-8").lower()
    held = Graded(course, None, None, None)
    texts = [each.text for each in feedback_files(held, "numbers", {NAME})]
    assert len(texts) == 5 and not any("alike" in text.lower() or "dolos" in text.lower() for text in texts)
    for result in held.results:
        assert "dolos" not in here(course, "explain", result.submission, "--as", "student").out.lower()
    assert here(course, "scores").out == before


def test_a_later_answer_is_told_from_the_one_that_was_compared(tmp_path: Path) -> None:
    results = [sample.result(name, [replace(sample.bpe(), file_hash=name)]) for name in ("ada", "bob", "cyd")]
    bpe = sample.bpe().exercise
    pairs = [
        Pair(Answer("ada", "ada"), Answer("bob", "earlier"), 0.99),
        Pair(Answer("ada", "ada"), Answer("cyd", "cyd"), 0.85),
        Pair(Answer("ada", "ada"), Answer("gone", "x"), 1.0),
    ]
    kept = Compared(exercise=bpe, tool="dolos", at="2026-11-30T12:00:00+00:00", above=0.8, answers=4, pairs=pairs)
    found = similar([kept], results)
    assert [(each.other, each.changed) for each in found] == [("cyd", False), ("bob", True)]
    index = write_report(
        results,
        tmp_path / "r",
        course_title="x",
        facts=Facts(roster=parse_roster("student,name\ncyd,<b>Cyd\n"), compared=[kept]),
    )
    text = (index.parent / "attention.html").read_text("utf-8")
    assert "of an earlier answer" in text and "&lt;b&gt;Cyd" in text and "<b>Cyd" not in text
    without = write_report(results, tmp_path / "r", course_title="x", facts=Facts())
    assert "None that a tool has found" in (without.parent / "attention.html").read_text("utf-8")


def test_a_file_of_pairs_that_cannot_be_read_is_named_and_the_report_is_written(course: Path, tools: Path) -> None:
    put_tool(tools, "dolos")
    graded(course)
    path = save(
        course / ".autograder", Compared(exercise="numbers_of/other", tool="dolos", at="", above=0.8, answers=0)
    )
    path.write_text(json.dumps({"exercise": 3}), "utf-8")
    done = compare(course)
    assert (
        done.code == 0
        and "dolos.json can't be read" in done.said
        and (course / ".autograder/report/attention.html").is_file()
    )


@pytest.mark.skipif(not os.environ.get("COMPARE50"), reason="COMPARE50 names no folder with compare50")
def test_the_real_compare50(course: Path, tools: Path, monkeypatch) -> None:
    (tools / "compare50").symlink_to(Path(os.environ["COMPARE50"], "compare50"))
    monkeypatch.setenv("PATH", os.environ["COMPARE50"], prepend=os.pathsep)  # it looks for its own Python there
    done = compare(course, "--above", "0.9")
    assert done.code == 0, done
    [kept], _ = load(course / ".autograder")
    assert [(pair.one.submission, pair.other.submission) for pair in kept.pairs] == [("ada", "bob")]
