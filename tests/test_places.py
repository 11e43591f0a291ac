"""Where the grader writes, and where it does not: read-only courses, the temporary folder, and what it says once only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import command, environment, here, make_course, run
from release_course import put
from tiny_course import TOTAL, TOTAL_CHECKS

from autograder.store import Store, standing

GIVEN_TEXTS = TOTAL_CHECKS.replace(
    "@check(points=2, inputs=table, public=[case(rows=3, columns=3)], hidden=[case(rows=4, columns=4)], fresh=1)",
    """from hypothesis import strategies as st


def worded(rng, word):
    return {"x": rng.normal(1 + len(word), 2)}


@check(points=2, inputs=worded, given={"word": st.text(max_size=4)})""",
)


def read_only(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, which cannot be written meanwhile: mounted so for root, else by its permissions."""
    if os.geteuid():
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        prefix = []
    else:
        script = (
            'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && ! touch x 2>/dev/null && exec "$@"'
        )
        prefix = ["unshare", "--mount", "sh", "-c", script, str(folder)]
        if subprocess.run([*prefix, "true"], capture_output=True).returncode:
            pytest.skip("nothing can be mounted read-only here")
    try:
        return subprocess.run(
            [*prefix, *command(*arguments)], cwd=folder, env=environment(), capture_output=True, text=True
        )
    finally:
        if os.geteuid():
            subprocess.run(["chmod", "-R", "u+w", folder], check=True)


@pytest.mark.parametrize("begun", [False, True])
def test_a_course_that_can_not_be_written_is_graded_where_results_can_be(tmp_path: Path, begun: bool) -> None:
    root, out = make_course(tmp_path / "course"), tmp_path / "out"
    put(tmp_path, "class/ada/numbers_of/first.py", TOTAL)
    if begun:
        assert run(root, "secret", "new", "autumn").code == 0
    for _ in range(2):  # with the same secret
        done = read_only(root, "grade", tmp_path / "class", "--results", out / "r.sqlite", "--report", out / "report")
        assert done.returncode == 0, done.stderr
    done = read_only(root, "rejudge", "--results", out / "r.sqlite")
    assert done.returncode == 0 and "1 submission judged again" in done.stdout, done.stderr + done.stdout
    assert (out / "report/index.html").is_file() and (root / ".autograder").exists() == begun
    with Store(out / "r.sqlite") as store:
        assert [each.earned for each in standing(store)] == [5]
    assert (out / ".autograder/secret").exists() != begun
    refused = read_only(root, "grade", tmp_path / "class")
    assert refused.returncode == 2 and (("can't be used" if begun else "Read-only") in refused.stderr)


def test_the_temporary_folder_is_left_as_it_was(tmp_path: Path) -> None:
    """Hypothesis would keep its tables in the working directory of the process that draws examples."""
    root = make_course(tmp_path / "course")
    put(root, "solutions/numbers_of/first/checks.py", GIVEN_TEXTS)
    put(tmp_path, "class/ada/numbers_of/first.py", TOTAL)
    (tmp_path / "temporary").mkdir()
    done = run(root, "grade", tmp_path / "class", TMPDIR=str(tmp_path / "temporary"))
    assert done.code == 0, done
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not list(root.rglob(".hypothesis"))


def test_a_mistake_in_the_class_list_is_said_once_for_each_change(tmp_path: Path) -> None:
    root = make_course(tmp_path / "course")
    put(tmp_path, "class/ada/numbers_of/first.py", TOTAL)
    put(root, ".autograder/roster.csv", "student,extension\nada,soon\n")
    first = run(root, "grade", tmp_path / "class")
    assert first.code == 0 and "the extension 'soon' is not understood" in first.said
    for arguments in (("scores",), ("export", "csv", "x.csv"), ("scores",)):
        again = here(root, *arguments)
        assert again.code == 0 and again.err == "", again
    put(root, ".autograder/roster.csv", "student,extension\nada,soon\nada,2d\n")
    changed = here(root, "scores")
    assert "'soon'" in changed.said and "a second time" in changed.said
    put(root, ".autograder/roster.csv", "student,extension\nada,soon\n")
    assert "'soon'" in here(root, "scores").said  # it came back
    other = here(root, "scores", "--roster", str(put(tmp_path, "other.csv", "student,extension\nada,soon\n")))
    assert "'soon'" in other.said and here(root, "scores").err == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_doctor_names_an_environment_that_somebody_else_made() -> None:
    code = "import os, pwd; from autograder.cli import doctor; os.setuid(65534); print(doctor._environment())"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "was made by root; you are nobody" in done.stdout and "make your own" in done.stdout
    own = subprocess.run(
        [sys.executable, "-P", "-c", code.replace("os.setuid(65534)", "pass")], capture_output=True, text=True
    )
    assert own.stdout == "[]\n"
