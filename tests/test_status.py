"""`autograder status` on the command line: the map, a part of it, tracks, one exercise, what comes next; and tracks in grading.toml."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from command_line import Done, here, seen
from release_course import make_course, makers_of, put

from autograder.course import CourseError, load_course
from autograder.release.assignments import build_assignments
from autograder.release.repository import release

ROOT = Path(__file__).parents[1]
ABOUT = {
    "roots_of/square": 'minutes = 45\ndifficulty = 2\nobjective = "take square roots."\n',
    "roots_of/cube": 'minutes = 90\ndifficulty = 5\nprerequisites = ["roots_of/square"]\n',
    "sums_of/two": 'prerequisites = ["roots_of/cube"]\n',
}
TRACKS = """
[[track]]
id = "backwards"
title = "Backwards"
about = "For whoever likes it so."
exercises = ["sums", "roots_of/square"]

[[track]]
id = "all_of_it"
title = "All of it"
exercises = ["roots_of", "sums_of/two", "roots_of/square"]
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A small course with times, difficulties, prerequisites and tracks."""
    root = make_course(tmp_path / "course")
    text = (root / "grading.toml").read_text("utf-8")
    for name, about in ABOUT.items():
        text = text.replace(f'name = "{name}"\n', f'name = "{name}"\n{about}')
    put(root, "grading.toml", text + TRACKS)
    build_assignments(root, makers=makers_of(root))
    return root


@pytest.fixture
def repository(course: Path, tmp_path: Path) -> Path:
    release(course, tmp_path / "repository", makers=makers_of(course), version="1.0")
    return tmp_path / "repository"


def passes(repository: Path, *names: str, verdict: str = "passed", earned: int = 5) -> None:
    """Write work on these exercises, and remember how it stood."""
    rows = {}
    for name in names:
        path = put(repository, f"assignments/{name}.py", f"# {name}\n")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows[name] = {"earned": earned, "points": 5, "verdict": verdict, "hash": digest}
    put(repository, ".autograder/progress.json", json.dumps(rows))


def order(done: Done) -> list[str]:
    """The exercises that have a line, in its order."""
    assert done.code == 0, done.err
    return re.findall(r"(?m)(\w+_of/\w+) .*/\d+$", done.out)


def test_the_map_has_time_difficulty_and_what_comes_before(repository: Path) -> None:
    done = here(repository, "status")
    assert order(done) == ["roots_of/square", "roots_of/cube", "sums_of/two"]
    lines = [" ".join(line.split()) for line in done.out.split("\n")]
    assert "The square root roots_of/square 45 ●●○○○ -/5" in lines
    assert "The cube root roots_of/cube 90 ●●●●● -/5" in lines and "after roots_of/square" in lines
    assert "Two numbers sums_of/two – – -/5" in lines and "after roots_of/cube" in lines
    assert "Next: The square root. Run `autograder check roots_of/square`" in done.flat


def test_what_is_done_opens_what_comes_after(repository: Path) -> None:
    passes(repository, "roots_of/square")
    done = here(repository, "status")
    assert "after roots_of/square" not in done.flat and "after roots_of/cube" in done.flat
    assert "1 of 3 exercises done" in done.flat and "Next: The cube root" in done.flat
    passes(repository, "roots_of/square", "roots_of/cube", verdict="skipped")  # on a machine without a GPU
    assert "after" not in here(repository, "status").flat


def test_a_part_of_the_course(repository: Path) -> None:
    assert "lectures/sums_of/two.md" in here(repository, "status", "sums").out  # it is one exercise
    assert order(here(repository, "status", "roots")) == ["roots_of/square", "roots_of/cube"]
    assert here(repository, "status", "nowhere").code == 2


def test_one_exercise_in_full(repository: Path) -> None:
    passes(repository, "roots_of/square")
    flat = here(repository, "status", "cube").flat
    for said in ("Time about 90 minutes", "Difficulty ●●●●●", "Points -/5", "Lecture lectures/roots_of/cube.md"):
        assert said in flat
    assert "Tracks all_of_it" in flat and "Before ✓ The square root roots_of/square" in flat
    assert "autograder check roots_of/cube" in flat and "autograder hint roots_of/cube" in flat
    assert "You will be able to take square roots." in here(repository, "status", "square").flat
    assert "Time –" in here(repository, "status", "two").flat


def test_next_is_one_exercise_and_what_it_takes(repository: Path) -> None:
    first = here(repository, "status", "--next")
    assert "The square root" in first.out and "about 45 minutes" in first.out and "The cube root" not in first.out
    passes(repository, "roots_of/square")
    assert "Two numbers" in here(repository, "status", "--next", "--track", "backwards").out  # all it has left
    assert "The cube root" in here(repository, "status", "--next").out
    passes(repository, "roots_of/square", "roots_of/cube", "sums_of/two")
    assert "Everything here passes" in here(repository, "status", "--next").out


def test_tracks(repository: Path) -> None:
    listed = here(repository, "status", "--tracks").flat
    assert "backwards Backwards For whoever likes it so. 0 of 2 exercises done, 45 min+ left" in listed
    assert "all_of_it All of it 0 of 3 exercises done, 2.5 h+ left" in listed
    done = here(repository, "status", "--track", "backwards")
    assert order(done) == ["sums_of/two", "roots_of/square"] and "Backwards" in done.out
    assert order(here(repository, "status", "--track", "all_of_it")) == [
        "roots_of/square",
        "roots_of/cube",
        "sums_of/two",
    ]
    assert order(here(repository, "status", "--track", "all_of_it", "roots_of")) == ["roots_of/square", "roots_of/cube"]
    none = here(repository, "status", "--track", "backwards", "cube")
    assert none.code == 2 and "has none of these" in none.said
    unknown = here(repository, "status", "--track", "sideways")
    assert (
        unknown.code == 2 and "There is no track 'sideways'" in unknown.said and "backwards, all_of_it" in unknown.said
    )


def test_a_course_without_tracks_says_so(repository: Path) -> None:
    path = repository / "grading.toml"
    path.write_text(path.read_text("utf-8").partition("[[track]]")[0], encoding="utf-8")
    assert "This course has no tracks" in here(repository, "status", "--tracks").out
    assert "this course has none" in here(repository, "status", "--track", "x").said


def test_a_large_course_has_a_line_for_each_module(repository: Path) -> None:
    text = (repository / "grading.toml").read_text("utf-8").partition("[[track]]")[0]
    for number in range(30):
        text += f'\n[[module]]\nid = "m{number}"\ntitle = "Module {number}"\n'
        for each in range(4):
            text += f'\n[[module.exercise]]\nname = "t{number}_of/e{each}"\ntitle = "Exercise"\npoints = 1\n'
    put(repository, "grading.toml", text)
    done = here(repository, "status")
    assert done.out.count("Exercise") == 0 and len(done.out.split("\n")) < 45
    assert "0 of 123 exercises done" in done.out and "autograder status roots_of. Everything: --all" in done.flat
    assert len(order(here(repository, "status", "--all"))) == 123
    assert here(repository, "status", "m3").out.count("t3_of/e") == 5  # and the one that comes next


def test_changed_work_is_named_and_stubs_are_not(repository: Path) -> None:
    assert "Changed since" not in here(repository, "status").out
    put(repository, "assignments/roots_of/cube.py", "# mine\n")
    assert "Changed since they were last checked: roots_of/cube. Run" in here(repository, "status").flat


def test_status_reads_no_plans_of_untouched_files(repository: Path) -> None:
    for plan in repository.glob("assignments/*/expected/*.plan"):
        plan.write_bytes(b"damaged")
    assert here(repository, "status").flat.count("-/5") == 3
    assert seen(repository, "status") == ("0", False, False)


# ---------------------------------------------------------------- tracks in grading.toml


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ('"roots_of/square", "roots_of/cub"', "there is no 'roots_of/cub'; did you mean 'roots_of/cube'?"),
        ('"rots"', "there is no 'rots'; did you mean 'roots'?"),
        ('"square"', "there is no 'square'"),
        ("", "is empty"),
        ("3", "is 3"),
    ],
)
def test_what_a_track_names_must_exist(course: Path, names: str, said: str) -> None:
    path = course / "grading.toml"
    text = path.read_text("utf-8") + f'\n[[track]]\nid = "wrong"\ntitle = "Wrong"\nexercises = [{names}]\n'
    put(course, "grading.toml", text)
    with pytest.raises(CourseError) as caught:
        load_course(course)
    (problem,) = caught.value.problems
    assert said in str(problem) and "track[wrong].exercises" in problem.key and problem.line


def test_two_tracks_have_two_ids(course: Path) -> None:
    path = course / "grading.toml"
    put(course, "grading.toml", path.read_text("utf-8").replace('id = "all_of_it"', 'id = "backwards"'))
    with pytest.raises(CourseError, match="another track has the id 'backwards' too"):
        load_course(course)


def test_the_courses_own_tracks_bring_what_they_need() -> None:
    """Every exercise of a track stands behind its prerequisites, and these are in the track."""
    course = load_course(ROOT)
    assert [track.id for track in course.tracks] == ["architect", "trainer", "inference", "short"]
    for track in course.tracks:
        before: set[str] = set()
        for exercise in course.exercises_of(track):
            assert set(exercise.prerequisites) <= before, (track.id, exercise.name)
            before.add(exercise.name)
        assert track.about and len(before) > 20
