"""Notebooks as submissions: which cells count, where a line is from, magics, and what is no notebook."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from autograder.course import Course, Submission, load_course, open_submission
from autograder.course.magics import first_magic
from autograder.course.submission import open_own_work
from autograder.feedback import messages

ROOT = Path(__file__).parents[1]
BPE, BBPE = "tokenizer/bpe", "tokenizer/bbpe"
STUB = "def train_bpe(word_counts, num_merges):\n    raise NotImplementedError"


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(ROOT)


@pytest.fixture
def opened(tmp_path, course):
    def opened(*cells, name: str = "assignments/tokenizer/tokenizer.ipynb", **files: str) -> Submission:
        """Cells are (source, tag, …) or ready-made; `files` are put beside, `_` for `/`."""
        made = [
            new_code_cell(cell[0], metadata={"tags": list(cell[1:])}) if isinstance(cell, tuple) else cell
            for cell in cells
        ]
        path = tmp_path / "alice" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=made), path)
        return open_submission(tmp_path / "alice", course)

    return opened


@pytest.fixture
def raw(tmp_path, course):
    def raw(data: bytes) -> Submission:
        (tmp_path / "tokenizer.ipynb").write_bytes(data)
        return open_submission(tmp_path / "tokenizer.ipynb", course)

    return raw


def put(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "alice" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def ids(submission: Submission) -> list[str]:
    for message in [*submission.problems, *(file.problem for file in submission.files.values() if file.problem)]:
        assert message.id in messages.catalogue("en")
        assert "{" not in messages.text(message).replace("{}", ""), messages.text(message)
    return [message.id.removeprefix("submission.") for message in submission.problems]


def problem(submission: Submission, exercise: str = BPE) -> str:
    ids(submission)
    file = submission.files[exercise]
    assert file.text is None and file.problem is not None
    return file.problem.id.removeprefix("submission.")


# ---------------------------------------------------------------- which cells count


def test_tagged_cells_and_the_shared_ones_before_them(opened):
    submission = opened(
        new_markdown_cell("# BPE"),
        ("import torch", "shared"),
        ("%matplotlib inline\n!pip install x",),
        ("a = 1\nb = 2", "exercise:tokenizer/bpe"),
        ("print(a)",),
        ("c = 3", "shared", "hard"),
        new_raw_cell("raw"),
        ("d = 4", "exercise:tokenizer/bpe", "exercise:tokenizer/bbpe"),
        ("too_late = 5", "shared"),
    )
    assert submission.files[BPE].text == (
        "# %% cell 2\nimport torch\n# %% cell 4\na = 1\nb = 2\n# %% cell 6\nc = 3\n# %% cell 8\nd = 4\n"
    )
    assert submission.files[BBPE].text == "# %% cell 2\nimport torch\n# %% cell 6\nc = 3\n# %% cell 8\nd = 4\n"
    assert ids(submission) == []
    assert problem(submission, "tokenizer/wordpiece_train") == "no-cells"
    assert problem(submission, "warmup/softmax_lse") == "missing"


def test_a_line_is_known_by_its_cell(opened):
    submission = opened(("x = 1", "shared"), ("def f():\n    return 1", BPE and f"exercise:{BPE}"))
    file = submission.files[BPE]
    assert file.text is not None
    label = "assignments/tokenizer/tokenizer.ipynb, cell {}"
    for number, line in enumerate(file.text.split("\n"), 1):
        where = file.where(number)
        if line == "x = 1":
            assert where == (label.format(1), 1)
        if line == "    return 1":
            assert where == (label.format(2), 2)
        assert where[1] >= 1


def test_markdown_with_a_tag_is_no_code(opened):
    cell = new_markdown_cell("text", metadata={"tags": ["exercise:tokenizer/bpe"]})
    assert problem(opened(cell)) == "no-cells"


def test_a_notebook_anywhere_under_any_name(opened):
    submission = opened(("x = 1", "exercise:tokenizer/bpe"), name="my work/Untitled1.ipynb")
    assert submission.files[BPE].text == "# %% cell 1\nx = 1\n"
    assert submission.files[BPE].file == "my work/Untitled1.ipynb"


def test_the_courses_own_notebooks_elsewhere_are_nobodys_answers(tmp_path, course):
    """`check` in the course's repository reads `assignments/` only; in a student's, all that will be graded."""
    cell = new_code_cell("x = 1", metadata={"tags": ["exercise:tokenizer/bpe"]})
    stub = "assignments/tokenizer/bpe.py"
    for name in ("tests/golden/tokenizer.ipynb", "tokenizer/bpe.py", "bpe.py", stub):
        put(tmp_path, name, STUB)
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "alice/tests/golden/tokenizer.ipynb")
    root = tmp_path / "alice"
    assert open_own_work(root, course).files[BPE].text == "# %% cell 1\nx = 1\n"
    (root / "solutions").mkdir()
    file = open_own_work(root, course).files[BPE]
    assert (file.file, file.text) == (stub, STUB)
    (root / stub).unlink()
    assert problem(open_own_work(root, course)) == "missing"


def test_this_repositorys_own_work_is_its_stubs(course):
    files = open_own_work(ROOT, course).files
    assert {name: file.file for name, file in files.items()} == {name: f"assignments/{name}.py" for name in files}
    assert all("raise NotImplementedError" in (file.text or "") for file in files.values())


def test_a_tag_of_no_exercise_is_said(opened):
    submission = opened(("x = 1", "exercise:tokenizer/bqe"), ("y = 1", "exercise:" + "z" * 5000))
    assert ids(submission) == ["unknown-tag", "unknown-tag"]
    assert "did you mean `exercise:tokenizer/bpe`".replace("`", "") in messages.text(submission.problems[0]).replace(
        "`", ""
    )


def test_an_answer_of_empty_cells(opened):
    assert problem(opened((" \n", "exercise:tokenizer/bpe"))) == "empty"


def test_sources_as_lists_of_lines_and_with_other_line_ends(raw):
    cells = [
        {
            "cell_type": "code",
            "metadata": {"tags": ["exercise:tokenizer/bpe"]},
            "source": ["a = 1\r\n", "b = 2\n", "c = 3"],
            "outputs": [],
        },
    ]
    submission = raw(
        b"\xef\xbb\xbf" + json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
    )
    assert submission.files[BPE].text == "# %% cell 1\na = 1\nb = 2\nc = 3\n"


def test_moving_a_cell_changes_the_hash_but_its_output_does_not(opened):
    cell = new_code_cell("x = 1", metadata={"tags": ["exercise:tokenizer/bpe"]})
    first = opened(cell).hash
    cell.outputs = [nbformat.v4.new_output("stream", text="printed")]
    cell.execution_count = 7
    assert opened(cell).hash == first
    assert opened(new_markdown_cell("new"), cell).hash != first, "messages name other cells now"


# ---------------------------------------------------------------- a notebook and a file


def test_the_one_that_is_written_wins(opened, tmp_path):
    put(tmp_path, "assignments/tokenizer/bpe.py", STUB)
    submission = opened(("x = 1", "exercise:tokenizer/bpe"))
    assert submission.files[BPE].file.endswith(".ipynb")
    put(tmp_path, "assignments/tokenizer/bpe.py", "y = 1")
    submission = opened((STUB, "exercise:tokenizer/bpe"))
    assert submission.files[BPE].text == "y = 1"
    assert ids(submission) == []


def test_two_stubs_are_no_question(opened, tmp_path):
    put(tmp_path, "assignments/tokenizer/bpe.py", '"""Task."""\n' + STUB)
    submission = opened((STUB, "exercise:tokenizer/bpe"))
    assert (submission.files[BPE].file, ids(submission)) == ("assignments/tokenizer/bpe.py", [])


def test_two_answers_are_flagged_and_the_file_is_graded(opened, tmp_path):
    put(tmp_path, "assignments/tokenizer/bpe.py", "y = 1")
    submission = opened(("x = 1", "exercise:tokenizer/bpe"))
    assert (submission.files[BPE].text, ids(submission)) == ("y = 1", ["two-answers"])
    submission = opened(("y = 1\n", "exercise:tokenizer/bpe"))
    assert ids(submission) == [], "the same code"


def test_a_broken_file_does_not_hide_a_finished_notebook(opened, tmp_path):
    put(tmp_path, "assignments/tokenizer/bpe.py", "")
    submission = opened(("x = 1", "exercise:tokenizer/bpe"))
    assert submission.files[BPE].text == "# %% cell 1\nx = 1\n"


def test_a_broken_notebook_is_why_an_exercise_is_missing(opened, tmp_path):
    opened(("x = 1", "exercise:tokenizer/bpe"), name="tokenizer/tokenizer.ipynb")
    put(tmp_path, "tokenizer/tokenizer.ipynb", "{")
    put(tmp_path, "warmup/softmax_lse.py", "x = 1")
    submission = open_submission(tmp_path / "alice", load_course(ROOT))
    assert problem(submission) == "notebook-broken"
    assert submission.files["warmup/softmax_lse"].text == "x = 1"
    assert problem(submission, "warmup/causal_lm_loss") == "missing"


# ---------------------------------------------------------------- magics


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("%timeit f()", 1),
        ("x = 1\n  %matplotlib inline", 2),
        ("%%bash\nls", 1),
        ("x = 1\n!pip install tokenizers", 2),
        ("files = !ls", 1),
        ("t = %timeit -o f()", 1),
        ("?print", 1),
        ("x = 1\nprint?", 2),
        ("torch.nn.Linear??", 1),
        ("def f():\n    '''doc'''\n    !ls", 3),
        ("s = '''a\n%b\n'''\n%time x", 4),
        ("s = 'it''s' # it's\n!ls", 2),
        ('f("%s" % (\n  1,\n))\n%cd /', 4),
        ("s = 'a\\\n%b'\n!ls", 3),
    ],
)
def test_magics_are_refused_with_their_place(opened, source, line):
    submission = opened(("x = 0",), (source, "exercise:tokenizer/bpe"), ("y = 1", "exercise:tokenizer/bbpe"))
    assert problem(submission) == "magic"
    message = submission.files[BPE].problem
    assert message is not None and (message.values["cell"], message.values["line"]) == (2, line)
    assert submission.files[BBPE].text, "the others are graded"


@pytest.mark.parametrize(
    "source",
    [
        "x = (a\n     % b)",
        "x = a \\\n  % b",
        's = """\n%time\n!ls\nwhat?\n"""',
        "s = r'''\n%%bash\n'''",
        "s = f'''\n!{x}\n'''",
        "x = 5 % 3\nx %= 2\ny = x != 2",
        "d = {\n 'a':\n '%s'\n % 3}",
        "# %time\n# what?",
        "if x != y: pass",
        "print('100%')  # really?",
        's = "\\"\\"\\""\nx = 1',
        "",
        "'unclosed\nx = 1",
        "s = '''unclosed\n!ls",
    ],
)
def test_python_is_no_magic(source):
    assert first_magic(source) is None


def test_a_magic_in_a_shared_cell_stops_what_uses_it(opened):
    submission = opened(("a = 1", "exercise:tokenizer/bpe"), ("!ls", "shared"), ("b = 1", "exercise:tokenizer/bbpe"))
    assert submission.files[BPE].text == "# %% cell 1\na = 1\n"
    assert problem(submission, BBPE) == "magic"


@pytest.mark.parametrize(
    "piece", ['"""', "'''", '"', "\\", '\\"', "(", "#", "x?", "= %", "\\\n", " ", "a.", '"""\\', "'\"'"]
)
def test_looking_for_magics_takes_time_in_proportion(piece):
    # A quadratic search would take hours on this, not the moment that the suite gives it.
    assert first_magic(piece * (2**21 // len(piece))) is None


# ---------------------------------------------------------------- what is no notebook

CELL = b'{"cell_type": "code", "metadata": {"tags": ["exercise:tokenizer/bpe"]}, "source": "x = 1"}'


@pytest.mark.parametrize(
    ("data", "id"),
    [
        (b"", "notebook-broken"),
        (b"\x89PNG\r\n\0", "notebook-broken"),
        (b"[]", "notebook-broken"),
        (b"null", "notebook-broken"),
        (b'{"nbformat": 4}', "notebook-broken"),
        (b'{"nbformat": 4, "cells": 3}', "notebook-broken"),
        (b'{"nbformat": 4, "cells": [3]}', "notebook-broken"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}', "notebook-broken"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {"tags": "exercise"}}]}', "notebook-broken"),
        (b'{"nbformat": 4, "cells": [' + CELL, "notebook-broken"),
        (b'{"nbformat": 4, "cells": [' + CELL.replace(b"x = 1", b"\xff\xfe") + b"]}", "notebook-broken"),
        (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "notebook-format"),
        (b'{"nbformat": 5, "cells": []}', "notebook-format"),
        (b'{"nbformat": 4, "cells": [], "x": ' + b"[" * 5_000_000, "notebook-broken"),
        (b'{"nbformat": 4, "cells": [], "x": ' + b'{"a":' * 1_000_000, "notebook-broken"),
        (b'{"nbformat": 4, "cells": [' + CELL.replace(b"x = 1", rb"x = \u0000") + b"]}", "cell-text"),
        (b'{"nbformat": 4, "cells": [' + CELL.replace(b"x = 1", b"x" * 300_000) + b"]}", "too-big"),
        (b'{"nbformat": 4, "cells": [], "x": "' + b"x" * 17_000_000 + b'"}', "too-big"),
        (b'{"nbformat": 4, "cells": [' + CELL.replace(b"x = 1", rb"x = '\ud800'") + b"]}", "notebook-broken"),
        (b'NaN {"nbformat": 4, "cells": []}', "notebook-broken"),
    ],
)
def test_what_is_no_notebook(raw, data, id):
    assert problem(raw(data)) == id


def test_outputs_that_are_not_json_do_no_harm(raw):
    submission = raw(
        b'{"cells": ['
        + CELL[:-1]
        + b', "outputs": [{"data": [NaN, -Infinity, "NaN \\" Infinity", 1e999]}]}], "nbformat": 4}'
    )
    assert submission.files[BPE].text == "# %% cell 1\nx = 1\n"


def test_outputs_never_become_objects(raw):
    data = b'{"nbformat": 4, "cells": [' + CELL[:-1] + b', "outputs": [' + b"[]," * 4_000_000 + b"1]}]}"
    tracemalloc.start()
    try:
        submission = raw(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert submission.files[BPE].text == "# %% cell 1\nx = 1\n"
    assert peak < 3 * len(data)


def test_many_notebooks(opened, tmp_path, monkeypatch):
    from autograder.course import answers as module

    monkeypatch.setattr(module, "MAX_NOTEBOOKS", 2)
    for number in range(3):
        submission = opened(("x = 1",), name=f"n{number}.ipynb")
    assert ids(submission) == ["nothing", "many-notebooks"]


def test_what_is_remembered_of_notebooks_makes_no_two_courses_different(tmp_path: Path) -> None:
    """A session of Jupyter keeps its torch as long as the course is the same."""
    one, other = load_course(ROOT), load_course(ROOT)
    file = tmp_path / "tokenizer.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(STUB, metadata={"tags": ["exercise:tokenizer/bpe"]})]), file)
    first = open_submission(tmp_path, one).files[BPE]
    assert one.notebooks and not other.notebooks and one == other
    assert open_submission(tmp_path, one).files[BPE] == first == open_submission(tmp_path, other).files[BPE]
