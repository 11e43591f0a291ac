"""What people really hand in: files under almost the right name, several files, stubs beside answers, notebooks that lean on their session."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course, Submission, SubmissionError, load_course, open_submission
from autograder.course.downloads import identify
from autograder.course.find import find_submissions
from autograder.course.roster import parse_roster
from autograder.course.stubs import stub_of
from autograder.feedback import messages

ROOT = Path(__file__).parents[1]
BPE, BBPE, LSE = "tokenizer/bpe", "tokenizer/bbpe", "warmup/softmax_lse"
CODE = "def train_bpe(word_counts, num_merges):\n    return []\n"
OTHER = "def train_bpe(word_counts, num_merges):\n    return [1]\n"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture(scope="module")
def stub(course: Course) -> str:
    found = stub_of(ROOT, BPE)
    assert found is not None and "raise NotImplementedError" in found
    return found


@pytest.fixture
def opened(tmp_path: Path, course: Course):
    def opened(files: dict[str, Any]) -> Submission:
        for name, content in files.items():
            put(tmp_path / "ada" / name, content)
        return open_submission(tmp_path / "ada", course)

    return opened


def put(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        content = notebook(*content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def notebook(*cells: tuple[str, ...] | dict[str, Any]) -> str:
    made = [
        each
        if isinstance(each, dict)
        else {"cell_type": "code", "source": each[0], "metadata": {"tags": list(each[1:])}}
        for each in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


def zipped(**members: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return data.getvalue()


def ids(submission: Submission) -> list[str]:
    found = [*submission.problems, *(file.problem for file in submission.files.values() if file.problem)]
    for message in found:
        assert message.id in messages.catalogue("en") and "{" not in messages.text(message) + messages.hint(message)
    return [message.id.removeprefix("submission.") for message in submission.problems]


def text(submission: Submission, exercise: str = BPE) -> str:
    found = submission.files[exercise]
    assert found.text is not None, found.problem
    ast.parse(found.text)
    return found.text


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "bpe (1).py", "bpe copy.py", "bpe copy 2.py", "bpe - Copy.py", "bpe - Copy (3).py", "bpe_final.py", "bpe_final_v2.py",
        "bpe(1).py", "Copy of bpe.py", "bpe-1.py", "bpe 2.py", "bpe.py.txt", "bpe.py.py", "BPE (1).py", "bpe - Kopie.py",
    ],
)  # fmt: skip
@pytest.mark.parametrize("folder", ["", "assignments/tokenizer/", "tokenizer/", "x/y/"])
def test_a_copy_by_its_name(opened, name, folder) -> None:
    submission = opened({folder + name: CODE})
    assert (text(submission), ids(submission)) == (CODE, [])
    assert submission.files[BPE].file.endswith(name), "as the student knows it"


@pytest.mark.parametrize("name", ["king_bpe.py", "hw1_tokenizer_bpe (2).py"])
def test_a_name_that_ends_like_an_exercise_where_nothing_else_is(opened, name) -> None:
    assert text(opened({name: CODE, "test_bbpe.py": "x = 1"})) == CODE
    assert opened({name: CODE}).files[BBPE].text is None, "a test is no answer"


@pytest.mark.parametrize("name", ["bpe_helpers.py", "notbpe.py", "bpes.py", "2.py", "copy.py"])
def test_other_names_are_no_copies(opened, name) -> None:
    submission = opened({name: CODE})
    assert ids(submission) == ["nothing"] and name in messages.text(submission.problems[0])


def test_of_a_file_and_its_copy_the_file_counts_unless_it_is_the_stub(opened, stub) -> None:
    submission = opened({"tokenizer/bpe.py": CODE, "tokenizer/bpe (1).py": OTHER})
    assert (text(submission), ids(submission)) == (CODE, ["two-answers"])
    submission = opened({"tokenizer/bpe.py": stub, "tokenizer/bpe (1).py": OTHER})
    assert (text(submission), ids(submission)) == (OTHER, [])


def test_of_two_copies_nobody_knows_which_one_counts(opened) -> None:
    submission = opened({"bpe (1).py": CODE, "bpe (2).py": OTHER})
    assert submission.files[BPE].text is None and ids(submission) == ["several-roots"]
    assert "bpe (1).py, bpe (2).py" in messages.text(submission.problems[0])
    assert text(opened({"bpe (2).py": CODE})) == CODE, "equal ones are one"


def test_what_is_there_is_named_where_nothing_is_of_the_course(opened) -> None:
    submission = opened({"work.rar": b"Rar!", "notes/essay.pdf": b"%PDF"})
    assert "It holds work.rar, notes/essay.pdf." in messages.text(submission.problems[0])


# ---------------------------------------------------------------- stubs beside answers


def test_a_stub_never_wins_over_an_answer(opened, stub) -> None:
    """The notebook is right, and the stub's last line was left behind: dead code, which the stub has too."""
    left = f"{CODE}    raise NotImplementedError('write train_bpe')\n"
    for place in ("assignments/tokenizer/bpe.py", "bpe.py"):
        submission = opened({place: stub, "assignments/tokenizer/tokenizer.ipynb": [(left, f"exercise:{BPE}")]})
        assert text(submission).endswith(left + "\n") and ids(submission) == []


@pytest.mark.parametrize("change", [str.rstrip, lambda stub: stub.replace("\n", "\r\n"), lambda stub: stub + "\n\n"])
def test_a_stub_with_other_blanks_is_the_stub(opened, stub, change) -> None:
    submission = opened({"assignments/tokenizer/bpe.py": change(stub), "bpe.py": CODE})
    assert (text(submission), ids(submission)) == (CODE, [])


def test_stubs_alone_are_what_is_graded(opened, stub) -> None:
    submission = opened(
        {"assignments/tokenizer/bpe.py": stub, "assignments/tokenizer/tokenizer.ipynb": [(stub, f"exercise:{BPE}")]}
    )
    assert submission.files[BPE].file == "assignments/tokenizer/bpe.py" and ids(submission) == []


def test_a_finished_copy_further_in_counts_where_the_outer_one_is_the_stub(opened, stub) -> None:
    submission = opened({"assignments/tokenizer/bpe.py": stub, "backup/assignments/tokenizer/bpe.py": CODE})
    assert (text(submission), ids(submission)) == (CODE, [])
    submission = opened({"assignments/tokenizer/bpe.py": OTHER})
    assert (text(submission), ids(submission)) == (OTHER, [])


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('    """What it does."""\n    raise NotImplementedError("x")\n', True),
        ("    # a note\n    raise NotImplementedError\n", True),
        ("    return 1\n    raise NotImplementedError\n", False),
        ("    if x > 2:\n        raise NotImplementedError(x)\n    return x\n", False),
    ],
)
def test_what_is_not_written_yet(opened, body, left) -> None:
    """An answer with a function that is not written gives way to a finished one, whatever else has that line in it."""
    half = f"def train_bpe(x):\n{body}"
    submission = opened({"tokenizer/bpe.py": half, "tokenizer/tokenizer.ipynb": [(CODE, f"exercise:{BPE}")]})
    assert (submission.files[BPE].file == "tokenizer.ipynb") is False
    assert (text(submission) != half) is left


# ---------------------------------------------------------------- several files of one student


def test_several_files_of_one_student(tmp_path: Path, course: Course, stub: str) -> None:
    """Canvas downloads each file by itself: what was handed in together is one submission, and of one name the newest counts."""
    folder = tmp_path / "downloads"
    put(folder / "kingada_4711_90_bpe.py", OTHER)
    put(folder / "kingada_4711_95_bpe-1.py", CODE)
    put(folder / "kingada_4711_91_softmax_lse.py", "x = 1\n")
    put(folder / "kingada_4711_92_submission.zip", zipped(**{"assignments/tokenizer/bbpe.py": "y = 1\n"}))
    put(folder / "kingada_4711_93_attention.ipynb", [("z = 1", "exercise:attention/gqa")])
    put(folder / "kingada_4711_94_essay.pdf", b"%PDF")
    put(folder / "leebob_4712_96_bpe.py", OTHER)
    for roster in ("student,name,canvas_id\nada,Ada King,4711\nbob,Bob Lee,4712\n", "student\n"):
        found, problems = identify(find_submissions([folder], course), parse_roster(roster))
        assert problems == [] and [each.id for each in found][-1:] == (
            ["bob"] if "ada" in roster else ["leebob_4712_96_bpe"]
        )
        ada = open_submission(found[0].source, course, name=found[0].id)
        assert (text(ada), text(ada, LSE), text(ada, BBPE)) == (CODE, "x = 1\n", "y = 1\n")
        assert "z = 1" in text(ada, "attention/gqa") and ids(ada) == []
        assert text(open_submission(found[1].source, course)) == OTHER
    (folder / "kingada_4711_95_bpe-1.py").unlink()
    with pytest.raises(SubmissionError, match=r"there is no .*bpe-1\.py"):
        open_submission(found[0].source, course)


def test_moodles_folders_and_flat_files_of_one_student(tmp_path: Path, course: Course) -> None:
    folder = tmp_path / "downloads"
    inner = zipped(**{"assignments/tokenizer/bpe.py": CODE})
    put(folder / "Ada King_901_assignsubmission_file_/submission.zip", inner)
    put(folder / "Ada King_901_assignsubmission_onlinetext_/onlinetext.html", "<p>Dear …")
    put(folder / "Bob Lee_902_assignsubmission_file_bpe.py", OTHER)
    put(folder / "Bob Lee_902_assignsubmission_file_softmax_lse.py", "x = 1\n")
    put(folder / "Cyd Li_903_assignsubmission_file_/work/handin.zip", zipped(**{"a/b/c/d/e/bpe.py": CODE}))
    roster = parse_roster("student,name\nada,Ada King\nbob,Bob Lee\ncyd,Cyd Li\n")
    found, problems = identify(find_submissions([folder], course), roster)
    assert ([each.id for each in found], problems) == (["ada", "bob", "cyd"], [])
    ada, bob, cyd = (open_submission(each.source, course, name=each.id) for each in found)
    assert (text(ada), text(bob), text(bob, LSE), text(cyd)) == (CODE, OTHER, "x = 1\n", CODE)
    assert [ids(each) for each in (ada, bob, cyd)] == [[], [], []]
    [alone] = find_submissions([folder / "Cyd Li_903_assignsubmission_file_"], course)
    assert alone.id.startswith("Cyd Li"), "one student's folder is one submission"


# ---------------------------------------------------------------- notebooks


def cell(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": metadata}


def test_imports_of_cells_without_a_tag_come_along_where_they_are_used(opened) -> None:
    submission = opened(
        {
            "tokenizer.ipynb": [
                (
                    "import math, heapq as hq\nx = 3\nfrom collections import (\n    Counter,\n    deque,\n)\nimport matplotlib.pyplot as plt",
                ),
                ("from os import *",),
                ("def train_bpe(words, n):\n    return Counter(words), hq, 'math'", f"exercise:{BPE}"),
            ]
        }
    )
    code = text(submission)
    assert [line for line in code.split("\n") if line] == [
        "# %% cell 1", "import math, heapq as hq", "from collections import (", "    Counter,", "    deque,", ")",
        "# %% cell 3", "def train_bpe(words, n):", "    return Counter(words), hq, 'math'",
    ]  # fmt: skip
    lines = code.split("\n")
    assert submission.files[BPE].where(lines.index("    deque,") + 1) == ("tokenizer.ipynb, cell 1", 5)
    assert submission.files[BPE].where(lines.index("def train_bpe(words, n):") + 1) == ("tokenizer.ipynb, cell 3", 1)
    assert ids(submission) == []


def test_a_helper_in_a_cell_without_a_tag_is_named(opened) -> None:
    cells = [
        ("def pairs(x):\n    return x\ndef plot():\n    pass",),
        ("def train_bpe(w, n):\n    return pairs(w)", f"exercise:{BPE}"),
    ]
    submission = opened({"tokenizer.ipynb": cells})
    assert ids(submission) == ["helper"]
    assert "pairs in cell 1 of tokenizer.ipynb" in messages.text(submission.problems[0])
    assert (
        ids(opened({"tokenizer.ipynb": [*cells, ("def pairs(x):\n    return 2", "shared", f"exercise:{BPE}")]})) == []
    )


def test_a_duplicated_cell(opened, stub) -> None:
    tag = f"exercise:{BPE}"
    for cells in (
        [(stub, tag), (CODE, tag)],
        [(CODE, tag), (stub, tag)],
        [(CODE, tag), (CODE + "\n", tag), (stub, tag)],
    ):
        submission = opened({"tokenizer.ipynb": cells})
        assert text(submission).count("def train_bpe") == 1 and "return []" in text(submission)
    assert text(opened({"tokenizer.ipynb": [("x = 1", tag), ("y = x", tag)]})).count("# %%") == 2


@pytest.mark.parametrize(
    "line",
    [
        'from autograder.integrations.notebook import check; check("tokenizer/bpe")',
        'check("tokenizer/bpe")',
        "display(train_bpe({}, 0))",
        "from IPython.display import display\ndisplay(1)",
        "from __future__ import annotations\ndisplay(1)",
    ],
)
def test_what_only_a_notebook_can_do_does_no_harm(opened, line) -> None:
    tag = f"exercise:{BPE}"
    submission = opened(
        {"tokenizer.ipynb": [("import math",), ("from __future__ import annotations\n" + CODE, tag), (line, tag)]}
    )
    code = text(submission)
    names: dict[str, Any] = {"__name__": "answer"}
    exec(compile(code, "answer", "exec", dont_inherit=True), names)
    assert names["train_bpe"]({}, 1) == []
    assert submission.files[BPE].where(code.split("\n").index("    return []") + 1) == ("tokenizer.ipynb, cell 2", 3)


def test_from_future_stays_where_it_may(opened) -> None:
    source = '"""What."""\nfrom __future__ import annotations\n' + CODE
    assert text(opened({"tokenizer.ipynb": [(source, f"exercise:{BPE}")]})) == f"# %% cell 1\n{source}\n"


def test_a_name_of_ones_own_is_not_taken_for_the_notebooks(opened) -> None:
    source = "def check(x):\n    return x\n\ndef train_bpe(w, n):\n    return check(w)"
    assert text(opened({"tokenizer.ipynb": [(source, f"exercise:{BPE}")]})) == f"# %% cell 1\n{source}\n"


def test_lost_tags_where_nbgrader_still_knows_the_cell(opened) -> None:
    answer = cell(CODE, nbgrader={"grade_id": "bpe-code", "solution": True})
    assert "return []" in text(opened({"tokenizer.ipynb": [answer]}))
    assert opened({"tokenizer.ipynb": [cell(CODE, nbgrader={"grade_id": "bpe-check"})]}).files[BPE].text is None
    assert opened({"tokenizer.ipynb": [cell(CODE, nbgrader={"grade_id": ["bpe-code"]})]}).files[BPE].text is None
    tagged = cell(OTHER, nbgrader={"grade_id": "bpe-code"}, tags=[f"exercise:{BBPE}"])
    assert opened({"tokenizer.ipynb": [tagged]}).files[BPE].text is None


# ---------------------------------------------------------------- git


CONFLICT = "x = 1\n<<<<<<< HEAD\ny = 1\n=======\ny = 2\n>>>>>>> main\n"
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("name", ["tokenizer/bpe.py", "tokenizer.ipynb"])
def test_what_git_leaves_in_a_files_place(opened, name) -> None:
    for content, id, words in ((CONFLICT, "conflict", "in line 2"), (LFS, "lfs", "pointer of Git LFS")):
        problem = opened({name: content}).files[BPE].problem
        assert problem is not None and problem.id == f"submission.{id}" and words in messages.text(problem)
    assert "=======" in text(opened({"tokenizer/bpe.py": 's = """\n=======\n"""\n', "tokenizer.ipynb": []}))
