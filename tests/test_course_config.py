"""`grading.toml`: the project's own one, everything that can be wrong with one, and the reference page."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.course import Course, CourseError, load_course, reference, toml_lines

ROOT = Path(__file__).parents[1]

SMALL = """
id = "small"
title = "A small course"
timezone = "Europe/Berlin"

[limits]
cpu_seconds = 7

[feedback]
show = "claim"

[[module]]
id = "words"
title = "Words"
forbid = ["tokenizers"]
release = 2026-09-01T09:00:00
due = 2026-09-15T23:59:00
late = { kind = "percent_per_day", percent = 10, cap = 50, grace_minutes = 15, last_day = 3 }
feedback = { when = "after_due" }
drop_lowest = 1

[[module.exercise]]
name = "words/bpe"
title = "BPE"
points = 10
forbid = ["torch.softmax", "tokenizers"]
limits = { memory_mb = 512 }

[[module.exercise]]
name = "words/bbpe"
title = "Byte-level BPE"
points = 12
requires = ["words/bpe"]

[[module]]
id = "sums"
title = "Sums"
order = 0

[[module.exercise]]
name = "sums/softmax"
title = "Softmax"
points = 5
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str | bytes) -> Course:
        (tmp_path / "grading.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_course(tmp_path)

    return load


@pytest.fixture
def problems(load):
    def problems(text: str | bytes) -> dict[str, str]:
        """What is said about each key."""
        with pytest.raises(CourseError) as error:
            load(text)
        return {problem.key: str(problem) for problem in error.value.problems}

    return problems


def edited(*edits: tuple[str, str]) -> str:
    text = SMALL
    for old, new in edits:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


# ---------------------------------------------------------------- the project's own course


def test_the_courses_own_file_loads():
    course = load_course(ROOT)
    points = {exercise.name: exercise.points for exercise in course.exercises}
    assert {name: points[name] for name in points if name.startswith("tokenizer")} == {
        "tokenizer/bpe": 10,
        "tokenizer/bbpe": 12,
        "tokenizer/wordpiece_train": 8,
        "tokenizer/wordpiece_encode": 8,
        "tokenizer/sentencepiece_unigram": 10,
    }
    for exercise in course.module("tokenizer").exercises:
        assert {"tokenizers", "tiktoken", "sentencepiece", "transformers"} <= set(exercise.forbidden_packages)
    softmax = course.exercise("warmup/softmax_lse")
    assert {"torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax", "Tensor.logsumexp"} <= set(softmax.forbid)
    assert "torch.softmax" not in softmax.forbidden_packages


def test_the_reference_page_is_in_sync():
    page = (ROOT / reference.PAGE).read_text(encoding="utf-8")
    assert page == reference.render(), "run `python -m autograder.course.reference`"


def test_the_example_of_the_reference_page_loads(load):
    assert [exercise.name for exercise in load(reference.EXAMPLE).exercises] == ["tokenizer/bpe", "tokenizer/bbpe"]


# ---------------------------------------------------------------- what a course holds


def test_defaults_come_down_to_exercises_and_modules(load):
    course = load(SMALL)
    bpe, bbpe = course.exercise("words/bpe"), course.exercise("words/bbpe")
    assert (bpe.limits.memory_mb, bpe.limits.cpu_seconds) == (512, 7)
    assert (bbpe.limits.memory_mb, bbpe.limits.cpu_seconds) == (2048, 7)
    assert bpe.forbid == ("tokenizers", "torch.softmax")
    assert bbpe.forbid == ("tokenizers",)
    assert (course.module("words").feedback.show, course.module("words").feedback.when) == ("claim", "after_due")
    assert course.module("sums").feedback == course.feedback


def test_modules_come_in_their_order(load):
    course = load(SMALL)
    assert [module.id for module in course.modules] == ["sums", "words"]
    assert [exercise.name for exercise in course.exercises] == ["sums/softmax", "words/bpe", "words/bbpe"]
    assert course.module_of("words/bbpe").id == "words"
    assert course.points == 27


def test_paths_of_an_exercise(load, tmp_path):
    exercise = load(SMALL).exercise("words/bpe")
    assert (exercise.topic, exercise.slug) == ("words", "bpe")
    assert exercise.solution_dir(tmp_path) == tmp_path / "solutions/words/bpe"
    assert exercise.assignment_file(tmp_path) == tmp_path / "assignments/words/bpe.py"
    assert exercise.lecture(tmp_path) == tmp_path / "lectures/words/bpe.md"


def test_a_course_can_not_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load(SMALL).title = "other"


def test_dates_get_the_time_zone_of_the_course_unless_they_have_one(load):
    module = load(edited(("due = 2026-09-15T23:59:00", "due = 2026-09-15T23:59:00-07:00"))).module("words")
    assert module.release == datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
    assert module.due == datetime(2026, 9, 16, 6, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "share"),
    [
        (timedelta(minutes=-5), 1.0),
        (timedelta(minutes=15), 1.0),
        (timedelta(minutes=16), 0.9),
        (timedelta(days=1), 0.9),
        (timedelta(days=1, seconds=1), 0.8),
        (timedelta(days=3, seconds=1), 0.0),
    ],
)
def test_late_percent_per_day(load, late, share):
    assert load(SMALL).module("words").late.share(late) == pytest.approx(share)


def test_late_cap_and_the_other_kinds(load):
    policy = 'late = { kind = "percent_per_day", percent = 10, cap = 50, grace_minutes = 15, last_day = 3 }'
    weeks = timedelta(weeks=5)
    capped = edited((policy, 'late = { kind = "percent_per_day", percent = 10, cap = 50 }'))
    assert load(capped).module("words").late.share(weeks) == 0.5
    refused = load(edited((policy, 'late = { kind = "refuse", grace_minutes = 10 }'))).module("words").late
    assert (refused.share(timedelta(minutes=10)), refused.share(timedelta(minutes=11))) == (1.0, 0.0)
    assert load(edited((policy, ""))).module("words").late.share(weeks) == 1.0


def test_the_hash_follows_the_meaning_not_the_layout(load):
    hashes = load(SMALL).hash, load("# a comment\n" + SMALL.replace(" = ", "=")).hash
    assert hashes[0] == hashes[1]
    changed = load(edited(("points = 12", "points = 13")))
    assert changed.hash != hashes[0]
    assert changed.exercise("words/bpe").hash == load(SMALL).exercise("words/bpe").hash
    assert (
        load(edited(("cpu_seconds = 7", "cpu_seconds = 8"))).exercise("words/bpe").hash
        != changed.exercise("words/bpe").hash
    )


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([], ["sums/softmax", "words/bpe", "words/bbpe"]),
        (["words/bpe"], ["words/bpe"]),
        (["bpe"], ["words/bpe"]),
        (["bbpe", "softmax"], ["sums/softmax", "words/bbpe"]),
        (["words"], ["words/bpe", "words/bbpe"]),
        (["words/", "bpe"], ["words/bpe", "words/bbpe"]),
        (["assignments/words/bpe.py"], ["words/bpe"]),
        (["assignments\\words\\bpe.py"], ["words/bpe"]),
        (["./assignments/words/"], ["words/bpe", "words/bbpe"]),
        (["assignments/words/test_bpe.py"], ["words/bpe"]),
        (["lectures/words/bpe.md"], ["words/bpe"]),
        (["assignments/words/words.ipynb"], ["words/bpe", "words/bbpe"]),
    ],
)
def test_match(load, patterns, names):
    assert [exercise.name for exercise in load(SMALL).match(patterns)] == names


@pytest.mark.parametrize(
    "ask", [lambda course: course.exercise("words/bpee"), lambda course: course.match(["words/bpee"])]
)
def test_an_unknown_exercise_says_what_was_meant(load, ask):
    with pytest.raises(CourseError, match="no exercise 'words/bpee'; did you mean words/bpe"):
        ask(load(SMALL))


@pytest.mark.parametrize(
    "pattern", ["", "/", "..", "*", "\0", "x" * 10_000, "test_.py", ".ipynb", "assignments/words/bpe.py/x"]
)
def test_a_strange_pattern_is_an_unknown_exercise(load, pattern):
    with pytest.raises(CourseError, match="no exercise"):
        load(SMALL).match([pattern])


def test_a_pattern_that_means_several_lists_them(load):
    course = load(SMALL + '[[module.exercise]]\nname = "sums/bpe"\ntitle = "x"\npoints = 1\n')
    with pytest.raises(CourseError, match=r"(?s)several.*sums/bpe.*words/bpe"):
        course.match(["bpe"])


# ---------------------------------------------------------------- what can be wrong


def test_everything_wrong_is_said_at_once_with_its_line(problems):
    text = edited(
        ('title = "A small course"', "title = 5"),
        ("cpu_seconds = 7", "cpu_second = 7"),
        ("points = 12", 'points = "12"'),
        ("percent = 10", "percnt = 10"),
    )
    said = problems(text)
    assert set(said) == {
        "title",
        "limits.cpu_second",
        "module[words].exercise[words/bbpe].points",
        "module[words].late.percent",
        "module[words].late.percnt",
    }
    line = next(number for number, line in enumerate(text.split("\n"), 1) if "cpu_second" in line)
    assert (
        f"grading.toml:{line}: limits.cpu_second: unknown key 'cpu_second'; did you mean 'cpu_seconds'?"
        in said["limits.cpu_second"]
    )
    assert "memory_mb" in said["limits.cpu_second"], "what is allowed"
    assert 'is "12"' in said["module[words].exercise[words/bbpe].points"]
    assert "a whole number" in said["module[words].exercise[words/bbpe].points"]
    assert "is missing" in said["module[words].late.percent"]
    assert "did you mean 'percent'" in said["module[words].late.percnt"]


BPE = "module[words].exercise[words/bpe]"


@pytest.mark.parametrize(
    ("edit", "key", "what"),
    [
        (("points = 10", "points = 0"), f"{BPE}.points", "more than 0"),
        (("points = 10", "points = true"), f"{BPE}.points", "a whole number"),
        (("points = 10", "points = 10\ndevice = 'tpu'"), f"{BPE}.device", "'cpu' or 'cuda'"),
        (("points = 10", "points = 10\njail = 'none'"), f"{BPE}.jail", "'default', 'gpu' or 'tools'"),
        (('["torch.softmax", "tokenizers"]', '"torch.softmax"'), f"{BPE}.forbid", "a list"),
        (('"torch.softmax"', '"F.softmax"'), f"{BPE}.forbid[#1]", "torch.nn.functional.softmax"),
        (('"torch.softmax"', '"torch softmax"'), f"{BPE}.forbid[#1]", "is not a name"),
        (('"torch.softmax"', '"Softmax.forward"'), f"{BPE}.forbid[#1]", "which package"),
        (('"torch.softmax"', '""'), f"{BPE}.forbid[#1]", "is not a name"),
        (("memory_mb = 512", "memory_mb = 1"), f"{BPE}.limits.memory_mb", "at least 64"),
        (("cpu_seconds = 7", "cpu_seconds = inf"), "limits.cpu_seconds", "a finite number"),
        (("cpu_seconds = 7", "cpu_seconds = nan"), "limits.cpu_seconds", "a finite number"),
        (('show = "claim"', 'show = "all"'), "feedback.show", "'diagnosis'"),
        (('"percent_per_day", percent', '"percent", percent'), "module[words].late", "'percent_per_day'"),
        (('kind = "percent_per_day", ', ""), "module[words].late", "has no `kind`"),
        (("due = 2026-09-15T23:59:00\n", ""), "module[words].late", "due date"),
        (("due = 2026-09-15T23:59:00", "due = 2026-08-15T23:59:00"), "module[words].due", "not after its release"),
        (("due = 2026-09-15T23:59:00", "due = 2026-09-15"), "module[words].due", "no time"),
        (("due = 2026-09-15T23:59:00", 'due = "2026-09-15T23:59:00"'), "module[words].due", "without quotes"),
        (("due = 2026-09-15T23:59:00", "due = 2027-03-28T02:30:00"), "module[words].due", "does not exist"),
        (("drop_lowest = 1", "drop_lowest = 2"), "module[words].drop_lowest", "at most 1"),
        (('"Europe/Berlin"', '"Europe/Atlantis"'), "timezone", "no time zone"),
        (('"Europe/Berlin"', '"../../etc/passwd"'), "timezone", "no time zone"),
        (('"Europe/Berlin"', "5"), "timezone", "text in quotes"),
        (('id = "sums"', 'id = "words"'), "module[words].id", "another module"),
        (('"sums/softmax"', '"words/bpe"'), f"{BPE.replace('words]', 'sums]', 1)}.name", "twice"),
        (('requires = ["words/bpe"]', 'requires = ["words/bqe"]'), "module[words].exercise[words/bbpe].requires", "did you mean 'words/bpe'"),
        (('"sums/softmax"', '"sums"'), "module[sums].exercise[sums].name", "topic/exercise"),
        (('"sums/softmax"', '"Sums/softmax"'), "module[sums].exercise[Sums/softmax].name", "topic/exercise"),
        (('"sums/softmax"', '"../softmax"'), "module[sums].exercise[../softmax].name", "topic/exercise"),
        (('"sums/softmax"', '"sums/softmax\\n"'), "module[sums].exercise[sums/softmax\n].name", "topic/exercise"),
        (('"sums/softmax"', '"sums/class"'), "module[sums].exercise[sums/class].name", "Python file"),
        (('"sums/softmax"', '"sums/test_me"'), "module[sums].exercise[sums/test_me].name", "pytest"),
        (('"sums/softmax"', '"json/softmax"'), "module[sums].exercise[json/softmax].name", "Python package"),
        (('"sums/softmax"', '"pydantic/softmax"'), "module[sums].exercise[pydantic/softmax].name", "Python package"),
        (('id = "small"', 'schema = 2\nid = "small"'), "schema", "allowed: 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(problems, edit, key, what):
    said = problems(edited(edit))
    assert list(said) == [key]
    assert what in said[key]


def test_prerequisites_in_a_circle(problems):
    said = problems(edited(("points = 10", 'points = 10\nrequires = ["words/bbpe"]')))
    assert len(said) == 1
    assert "circle" in next(iter(said.values()))
    assert "words/bpe → words/bbpe" in next(iter(said.values()))


def test_two_modules_with_the_same_order(problems):
    assert "same order" in problems(edited(('title = "Words"', 'title = "Words"\norder = 0')))["module[sums].order"]


def test_what_a_student_installs_does_not_break_their_course(load, tmp_path):
    (tmp_path / "assignments").mkdir()
    text = edited(('"sums/softmax"', '"pydantic/softmax"'))
    assert load(text).exercise("pydantic/softmax")
    (tmp_path / "solutions").mkdir()
    with pytest.raises(CourseError):
        load(text)


def test_no_modules(problems):
    assert "is missing" in problems('id = "x"\ntitle = "x"\n')["module"]
    assert "at least one" in problems('id = "x"\ntitle = "x"\nmodule = []\n')["module"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"title = \n", "not valid TOML"),
        (b"title = 'a'\ntitle = 'b'\n", "not valid TOML"),
        (b"title = 'caf\xe9'", "not UTF-8"),
        (b"a = " + b"[" * 100_000, "TOML|nested"),
        (b"a = " + b"9" * 10_000, "TOML|unknown key|nested"),
        (b"# " + b"x" * 5_000_000, "larger than"),
        (b"\xef\xbb\xbfid = 3", "text in quotes"),
    ],
)
def test_a_file_that_is_no_toml(load, data, what):
    with pytest.raises(CourseError, match=what):
        load(data)


def test_no_file(tmp_path):
    with pytest.raises(CourseError, match="no such file"):
        load_course(tmp_path)
    (tmp_path / "grading.toml").mkdir()
    with pytest.raises(CourseError, match="can't be read"):
        load_course(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "module = 3",
        "module = [3]",
        "module = {}",
        "[[module]]\nexercise = 4",
        "[[module]]\nid = 4\nexercise = [[]]",
        "limits = []",
        "[[limits]]",
    ],
)
def test_wrong_shapes_are_problems_not_crashes(problems, text):
    assert problems(text)


def test_lines_of_keys():
    text = '''# comment
a = """
b = 1
[c]
"""
d = [
  1, "]", # ]
  2,
]
"e f" = { x = 1 }
[t]
k = 'it # is "x"'
[t.inner]
k.deep = 1
[[list]]
n = 1
[[list.sub]]
m = 1
[[list]]
[[list.sub]]
m = """x""""
z = 5
'''
    assert tomllib.loads(text)["list"][1]["sub"][0]["z"] == 5, "the text is TOML"
    found = toml_lines.lines(text)
    assert ("b",) not in found and ("c",) not in found
    expected = {
        ("a",): 2,
        ("d",): 6,
        ("e f",): 10,
        ("t",): 11,
        ("t", "k"): 12,
        ("t", "inner", "k", "deep"): 14,
        ("list", 0, "n"): 16,
        ("list", 0, "sub", 0, "m"): 18,
        ("list", 1, "sub", 0, "m"): 21,
        ("list", 1, "sub", 0, "z"): 22,
    }
    assert {path: found.get(path) for path in expected} == expected
