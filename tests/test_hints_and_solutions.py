"""`autograder hint` and `autograder solution`, in a student's repository and in the course's own; what an instructor sees of them."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import sample_results as sample
import tiny_course
from command_line import copied, here, make_course, run, with_code
from msgspec.structs import replace
from release_course import put

from autograder.course import load_course
from autograder.course.hints_asked import HANDED_IN, read
from autograder.course.submission import open_submission
from autograder.grading import graders
from autograder.jail.host import Zygote
from autograder.lessons.hints import load_hints
from autograder.lessons.packed import pack, unpack
from autograder.lessons.solutions import Solution, Way, load_solution
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.repository import release
from autograder.report.site import write_report
from autograder.results import from_json, to_json

ROOT = Path(__file__).parents[1]
HINTS = 'look = "Look along `dim`."\ndo = "Add up."\nnearly = "Nearly the sum."\n'
WAYS = '''"""Other right ones."""

import torch

from autograder.checks import alternative

alternative("by name", edit={"x.sum(-1)": "x.sum(dim=-1)"})


def _ones(x):
    return torch.ones(x.shape[-1], dtype=x.dtype)


def _unrelated():
    return 0


@alternative("as a product with ones", misses=["means_of_rows"])
def total(x):
    return x @ _ones(x)


@alternative("as a product with ones")
def middle(x):
    return x @ _ones(x) / x.shape[-1]
'''


def policy(repository: Path, **feedback: str) -> None:
    """Set keys of `[feedback]` in a repository's grading.toml."""
    path = repository / "grading.toml"
    head, _, modules = path.read_text("utf-8").partition("[[module]]")
    rows = "".join(f'{key} = "{value}"\n' for key, value in feedback.items())
    path.write_text(f"{head.partition('[feedback]')[0]}[feedback]\n{rows}\n[[module]]{modules}", encoding="utf-8")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("hints") / "course", ("first", "bare"))
    put(root, "solutions/numbers_of/first/hints.toml", HINTS)
    put(root, "solutions/numbers_of/first/alternatives.py", WAYS)
    policy(root, solutions="after_passing")
    return root


@pytest.fixture(scope="module")
def released(course: Path) -> Path:
    """A student's repository of a self-study edition."""
    made = makers(course, load_course(course), course / ".autograder")
    build_assignments(course, makers=made)
    release(course, course.parent / "repository", makers=made, version="1.0")
    return course.parent / "repository"


@pytest.fixture
def repository(released: Path, tmp_path: Path) -> Path:
    return copied(released, tmp_path / "repository")


# ---------------------------------------------------------------- hint


def test_each_call_gives_one_more_hint(repository: Path) -> None:
    none = here(repository, "hint", "first", "--again")
    assert none.code == 0 and "You have had none yet" in none.out and "Hint 1" not in none.out
    one, two, three, after = (here(repository, "hint", "first") for _ in range(4))
    assert "Hint 1 of 3" in one.out and "Look along `dim`." in one.out and "There are 2 more" in one.out
    assert "Hint 2 of 3" in two.out and "Hint 1" not in two.out and "There is one more" in two.out
    assert "Nearly the sum." in three.out and "That was the last one" in three.out and "autograder check" in three.out
    assert all(f"Hint {number} of 3" in after.out for number in (1, 2, 3)) and "You have had all 3" in after.out
    assert json.loads((repository / ".autograder/hints.json").read_text()) == {"numbers_of/first": 3}
    assert "instructor" not in one.out + two.out + three.out + after.out
    assert not (repository / HANDED_IN).exists()


def test_hints_had_can_be_read_again_without_a_new_one(repository: Path) -> None:
    here(repository, "hint", "first")
    again = here(repository, "hint", "first", "--again")
    assert "Hint 1 of 3" in again.out and "Hint 2" not in again.out and "There are 2 more" in again.out
    assert "Hint 2 of 3" in here(repository, "hint", "assignments/numbers_of/first.py").out


def test_an_update_keeps_the_count_and_a_damaged_one_begins_anew(repository: Path, released: Path) -> None:
    here(repository, "hint", "first")
    assert run(repository, "update", released).code == 0
    assert "Hint 2 of 3" in here(repository, "hint", "first").out
    put(repository, ".autograder/hints.json", '{"numbers_of/first": "many", "x": 1}')
    assert "Hint 1 of 3" in here(repository, "hint", "first").out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bare", "There are no hints for numbers_of/bare yet. Its page: lectures/numbers_of/bare.md"),
        ("numbers_of", "is 2 exercises. Name one: numbers_of/first"),
        ("frist", "did you mean numbers_of/first"),
    ],
)
def test_what_there_is_no_hint_for(repository: Path, name: str, said: str) -> None:
    done = here(repository, "hint", name)
    assert done.code == 2 and said in done.said


def test_a_course_without_hints_and_a_damaged_file_say_so(repository: Path) -> None:
    put(repository, "assignments/numbers_of/expected/first.hints", "# about\nnot base64!\n")
    damaged = here(repository, "hint", "first")
    assert damaged.code == 2 and "first.hints" in damaged.said and "autograder update" in damaged.said
    policy(repository, hints="none")
    assert "Your course gives no hints" in here(repository, "hint", "first").said


def test_where_nothing_can_be_written_the_hint_is_shown_all_the_same(repository: Path) -> None:
    put(repository, ".autograder", "a file where a folder should be")
    done = here(repository, "hint", "first")
    assert done.code == 0 and "Hint 1 of 3" in done.out and "can't be remembered" in done.out


def test_reported_hints_are_handed_in_and_the_student_is_told(repository: Path, tmp_path: Path) -> None:
    policy(repository, hints="reported")
    for _ in range(2):
        done = here(repository, "hint", "first")
    assert "Your instructor sees that you asked for 2 here (assignments/hints.json)" in done.flat
    assert json.loads((repository / HANDED_IN).read_text()) == {"numbers_of/first": 2}
    assert here(repository, "pack", "-o", tmp_path / "mine.zip").code == 0
    assert HANDED_IN in zipfile.ZipFile(tmp_path / "mine.zip").namelist()
    loaded = load_course(repository)
    assert open_submission(tmp_path / "mine.zip", loaded).hints == {"numbers_of/first": 2}
    assert open_submission(repository, loaded).hints == {"numbers_of/first": 2}
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    assert open_submission(f"{repository}@HEAD", loaded).hints == {"numbers_of/first": 2}
    policy(repository, hints="private")  # what the course does not report, nobody reads
    assert open_submission(repository, load_course(repository)).hints == {}


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[" * 100_000, b"[1]", b"\xff\xfe", b'{"a/b": true}', b'{"a/b": 4}', b'{"a/b": 0}', b'{"a/b": -1}'),
        *(b'{"a/b": "2"}', b'{"a/b": 2.0}', b'{"c/d": 1}', b'{"a/b": 1e400}', b"null"),
    ],
)
def test_a_strange_count_is_none(data: bytes) -> None:
    assert read(data, ["a/b"]) == {}


def test_a_count_that_is_a_link_or_too_large_is_not_read(repository: Path, tmp_path: Path) -> None:
    policy(repository, hints="reported")
    loaded = load_course(repository)
    put(repository, HANDED_IN, json.dumps({"numbers_of/first": 1}) + " " * 70_000)
    assert open_submission(repository, loaded).hints == {}
    (repository / HANDED_IN).unlink()
    (repository / HANDED_IN).symlink_to(put(tmp_path, "other.json", json.dumps({"numbers_of/first": 1})))
    assert open_submission(repository, loaded).hints == {}


def test_the_instructors_pages_show_what_was_asked_for(tmp_path: Path) -> None:
    result = replace(sample.result(), hints={"warmup/softmax_lse": 2})
    assert from_json(to_json(result)).hints == {"warmup/softmax_lse": 2}
    write_report([result, replace(sample.result(), submission="other")], tmp_path, course_title="A course")
    pages = {path.name: path.read_text("utf-8") for path in (tmp_path / "students").iterdir()}
    asked = [name for name, page in pages.items() if "Hints asked for, by their own count" in page]
    assert asked == [f"{result.submission}.html"] and "warmup/softmax_lse</span> 2" in pages[asked[0]]


def test_grading_takes_the_count_along(tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tiny_course.SharedZygote(zygote)
    monkeypatch.setattr(graders, "Zygote", lambda *_, **__: shared)
    root = tiny_course.make_course(tmp_path / "course")
    policy(root, hints="reported")
    a_class = tiny_course.Class(root, shared)
    put(root, f"submissions/ada/{HANDED_IN}", json.dumps({"numbers_of/pick": 3, "numbers_of/total": 9}))
    result = a_class.grade_one("ada", total="# nothing")
    assert result.hints == {"numbers_of/pick": 3}
    assert result.hash == a_class.submit("eve", total="# nothing").hash  # it is not what is graded
    done = here(root, "explain", "ada", "--results", root / ".autograder/results.db")
    assert "Hints asked for, by their own count: numbers_of/pick 3." in done.flat
    as_student = here(root, "explain", "ada", "--as", "student", "--results", root / ".autograder/results.db")
    assert as_student.code == 0 and "Hints" not in as_student.out


# ---------------------------------------------------------------- solution


def test_a_solution_opens_when_the_public_checks_pass(repository: Path) -> None:
    stub = run(repository, "solution", "first")
    assert (
        stub.code == 2 and "0 of 2 public checks of numbers_of/first pass" in stub.said and "x.sum(-1)" not in stub.out
    )
    put(repository, "assignments/numbers_of/first.py", with_code(sum_="x.sum(0)"))
    half = run(repository, "solution", "first")
    assert half.code == 2 and "1 of 2" in half.said and "autograder hint numbers_of/first" in half.said
    put(repository, "assignments/numbers_of/first.py", with_code(sum_="x.sum(dim=-1)"))
    done = run(repository, "solution", "first")
    assert done.code == 0 and "return x.sum(-1)" in done.out and "SOLUTION" not in done.out
    assert "Another way, 1 of 2: by name" in done.out and "x.sum(dim=-1)" in done.out
    assert "Another way, 2 of 2: as a product with ones" in done.out and "def _ones(x):" in done.out
    assert "does not earn the bonus of means_of_rows" in done.out and "_unrelated" not in done.out
    assert json.loads((repository / ".autograder/progress.json").read_text())["numbers_of/first"]["verdict"] == "passed"


@pytest.mark.parametrize(
    ("solutions", "dates", "said"),
    [
        ("never", "", "stay closed, as your instructor decided"),
        ("after_due", "due = 2999-05-01T12:00:00", "comes with an update of the course after 01 May 2999, 12:00"),
        ("after_due", "", "is not here yet. It comes with an update of the course."),
        ("after_passing", "", "has no solution of numbers_of/first: bring it with `autograder update`"),
    ],
)
def test_a_closed_solution_says_when_it_opens(repository: Path, solutions: str, dates: str, said: str) -> None:
    (repository / "assignments/numbers_of/expected/first.solution").unlink()
    policy(repository, solutions=solutions)
    path = repository / "grading.toml"
    path.write_text(path.read_text("utf-8").replace('id = "numbers"\n', f'id = "numbers"\n{dates}\n'), "utf-8")
    done = here(repository, "solution", "first")
    assert done.code == 2 and said in done.said and not done.out


def test_after_the_deadline_nothing_has_to_pass(repository: Path) -> None:
    policy(repository, solutions="after_due")
    done = here(repository, "solution", "first")
    assert done.code == 0 and "return x.sum(-1)" in done.out


def test_a_damaged_solution_says_so(repository: Path) -> None:
    policy(repository, solutions="after_due")
    put(repository, "assignments/numbers_of/expected/first.solution", pack("x", {"reference": 1}))
    assert "damaged" in here(repository, "solution", "first").said


def test_in_the_courses_own_repository_nothing_is_held_back(course: Path) -> None:
    done = here(course, "solution", "first")
    assert done.code == 0 and "return x.sum(-1)" in done.out
    assert "Hint 1 of 3" in here(course, "hint", "first").out
    assert not (course / HANDED_IN).exists()  # `assignments/` there is what solutions/ gives, and nothing else


def test_ways_are_taken_from_the_file_as_text(course: Path) -> None:
    found = load_solution(course / "solutions/numbers_of/first")
    assert [way.sentence for way in found.ways] == ["by name", "as a product with ones"]
    assert found.ways[0] == Way("by name", "", (("x.sum(-1)", "x.sum(dim=-1)"),))
    assert found.ways[1].code.count("def ") == 3 and found.ways[1].misses == ("means_of_rows",)
    assert Solution.of(json.loads(json.dumps(found.data()))) == found


def test_packing_gives_the_same_bytes_and_comes_back() -> None:
    value = {"text": "Größe 词 ✓" * 50, "list": [1, None]}
    assert unpack(pack("about", value)) == value and pack("about", value) == pack("about", value)
    assert "Größe".encode() not in pack("about", value)


@pytest.mark.parametrize("folder", sorted(ROOT.glob("solutions/*/*/hints.toml")), ids=lambda path: path.parent.name)
def test_every_exercise_has_hints_and_a_solution_to_show(folder: Path) -> None:
    assert len(load_hints(folder.parent).hints) == 3
    found = load_solution(folder.parent)
    assert "SOLUTION" not in found.reference and compile(found.reference, "solution.py", "exec")
    assert found.ways and all(way.sentence and (way.code or way.changes) for way in found.ways)
