"""Joining and comparing results: what is taken from where, what is refused, what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Done, here, make_course
from msgspec.structs import replace

from autograder.course import load_course
from autograder.course.config import Exercise
from autograder.feedback.changes import exercise_changes
from autograder.grading.merge import MergeRefused, merge
from autograder.results import CaseResult, CheckResult, ExerciseResult, Provenance, Result, Verdict, to_json
from autograder.store import Ledger, Store, standing

A, B = "numbers_of/first", "numbers_of/second"
COURSE = [
    Exercise(name=A, title="A", points=5),
    Exercise(name=B, title="B", points=5, requires=(A,)),
]


def check(name: str, verdict: Verdict, points: int = 2, device: str = "cpu", key: str = "") -> CheckResult:
    cases = [CaseResult(title="one", public=False, verdict=verdict, observation=key)] if verdict != "blocked" else []
    return CheckResult(
        name=name,
        claim="It holds.",
        points=points,
        verdict=verdict,
        earned=points if verdict == "passed" else 0,
        device=device,
        cases=cases,
    )


def exercise(name: str, *checks: CheckResult, verdict: Verdict = "passed") -> ExerciseResult:
    return ExerciseResult(
        exercise=name, title=name, points=5, verdict=verdict, file_hash="f1", checks=list(checks), key=f"k-{name}"
    )


def result(
    *exercises: ExerciseResult, name: str = "ada", hash: str = "h1", device: str = "cpu", **made: object
) -> Result:
    provenance = Provenance(
        engine="1",
        engine_hash="2",
        course_hash="3",
        device=device,
        secret="s",
        authored={A: "a1", B: "b1"},
        isolated=True,
    )
    return Result(
        submission=name,
        source="s",
        hash=hash,
        run="r",
        graded_at="2026-01-01T00:00:00+00:00",
        provenance=replace(provenance, **made),
        exercises=list(exercises),
    )


ON_CPU = exercise(A, check("plain", "passed", 3), check("fast", "skipped", 2, "cuda"), verdict="skipped")
BLOCKED = exercise(B, check("next", "blocked", 5), verdict="blocked")


def on_gpu(verdict: Verdict = "passed", key: str = "") -> ExerciseResult:
    return exercise(A, check("plain", "passed", 3), check("fast", verdict, 2, "cuda", key), verdict=verdict)


def test_what_was_skipped_takes_the_others_verdict() -> None:
    cpu = result(ON_CPU, BLOCKED)
    gpu = result(on_gpu(), exercise(B, check("next", "passed", 5)), device="cuda")
    merged = merge(cpu, gpu, COURSE, "m")
    assert [(each.verdict, each.earned, each.pending) for each in merged.result.exercises] == [("passed", 5, 0)] * 2
    assert merged.taken == [(A, "fast"), (B, "next")] and merged.disagreements == []
    assert (merged.result.run, merged.result.provenance.device) == ("m", "cuda")
    assert cpu.exercises[0].checks[1].verdict == "skipped"  # nothing of theirs is changed


def test_a_gpu_check_that_fails_blocks_what_builds_on_it() -> None:
    cpu = result(ON_CPU, exercise(B, check("next", "passed", 5)))
    merged = merge(cpu, result(on_gpu("failed"), device="cuda"), COURSE, "m")
    assert [(each.verdict, each.earned) for each in merged.result.exercises] == [("failed", 3), ("blocked", 0)]


def test_only_what_was_graded_there_is_taken() -> None:
    merged = merge(result(BLOCKED), result(on_gpu()), COURSE, "m")
    assert [each.exercise for each in merged.result.exercises] == [A, B]  # in the course's order
    still = merge(result(ON_CPU), result(ON_CPU), COURSE, "m")
    assert still.taken == [] and still.result.exercises[0] == ON_CPU


def test_where_both_ran_the_first_is_kept_and_the_difference_said() -> None:
    there = exercise(A, check("plain", "failed", 3), check("fast", "passed", 2, "cuda"), verdict="failed")
    merged = merge(result(ON_CPU), result(there), COURSE, "m")
    assert merged.disagreements == [(A, "plain", "passed", "failed")] and merged.result.exercises[0].earned == 5


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (result(on_gpu(), hash="h2"), "other files were graded there"),
        (result(on_gpu(), secret="t"), "secrets are not the same"),
        (result(on_gpu(), authored={A: "a2"}), "numbers_of/first has other checks there"),
        (result(exercise(A, check("plain", "passed", 3)), authored={}), "has other checks there"),
    ],
)
def test_what_is_not_about_the_same_is_refused(other: Result, why: str) -> None:
    with pytest.raises(MergeRefused, match=why):
        merge(result(ON_CPU), other, COURSE, "m")


@pytest.mark.parametrize(
    ("after", "causes"),
    [
        (result(replace(on_gpu("failed"), file_hash="f2")), ["answer"]),
        (result(on_gpu("failed"), authored={A: "a2"}), ["checks"]),
        (result(on_gpu("failed"), engine_hash="9", secret="t", device="cuda"), ["engine", "secret", "device"]),
        (result(on_gpu("failed")), ["nothing"]),
    ],
)
def test_why_a_grade_changed(after: Result, causes: list[str]) -> None:
    [change] = exercise_changes(result(on_gpu()), after)
    assert change.causes == causes and [(each.check, each.before, each.after) for each in change.checks] == [
        ("fast", 2, 0)
    ]
    assert exercise_changes(after, after) == []


# --- on the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = make_course(tmp_path / "course", ("first", "second"))
    load_course(root)
    with Store(root / ".autograder/results.sqlite") as store:
        run = store.start_run()
        for name in ("ada", "bob", "cyd"):
            store.save(replace(result(ON_CPU, name=name), run=run.id), {})
    with Store(root / "gpu.sqlite") as store:
        run = store.start_run()
        for name, hash in (("ada", "h1"), ("bob", "h2"), ("dan", "h1")):
            graded = result(on_gpu(key="o1"), name=name, hash=hash, device="cuda")
            store.save(replace(graded, run=run.id), {"o1": b"seen"})
    return root


def latest(root: Path) -> str:
    with Store(root / ".autograder/results.sqlite") as store:
        runs = store.runs()
    return runs[-1].id


def test_merge_writes_a_new_run_and_says_what_it_refused(course: Path) -> None:
    first = latest(course)
    done: Done = here(course, "merge", first, "gpu.sqlite", "--json", "json")
    assert done.code == 1  # something was refused
    assert "ada: 1 checks from gpu.sqlite" in done.flat and "Report:" in done.flat
    assert (
        "bob: not joined with gpu.sqlite" in done.said
        and "other files were graded there (h1 here, h2 there)" in done.said
    )
    assert f"that of {first} is kept" in done.said
    with Store(course / ".autograder/results.sqlite") as store:
        [graded, merged] = store.runs()
        assert (graded.kind, merged.kind) == ("grade", "merge") and "gpu.sqlite" in merged.note
        assert {each.submission: each.earned for each in store.results(merged.id)} == {
            "ada": 5,
            "bob": 3,
            "cyd": 3,
            "dan": 5,  # only there
        }
        assert {each.earned for each in store.results(graded.id)} == {3}
        assert store.observation("o1") == b"seen"
    told = here(course, "diff", graded.id, merged.id, "--details")
    assert "ada 3 → 5 points" in told.flat and "3 (+2 pending) → 5 skipped → passed" in told.flat
    assert "one run had a GPU" in told.flat and "fast 0 → 2" in told.flat and "1 of 3 submissions differ." in told.flat


def test_results_that_were_cut_short_are_named_and_left_out(course: Path) -> None:
    folder = course / "json"
    folder.mkdir()
    (folder / "ada.json").write_bytes(to_json(result(on_gpu(), device="cuda")))
    (folder / "bob.json").write_bytes(to_json(result(on_gpu(), name="bob"))[:200])
    (folder / "cyd.json").write_bytes(to_json(result(on_gpu())).replace(b"result/1", b"result/9"))
    done = here(course, "merge", latest(course), "json")
    assert done.code == 0 and "ada: 1 checks from json" in done.flat
    assert "json/bob.json is not a result of this version, or was cut short" in done.said
    assert "json/cyd.json is not a result" in done.said and "this version reads" in done.said


def test_what_is_no_run(course: Path) -> None:
    for arguments in (("diff", latest(course), "never"), ("merge", "never", latest(course))):
        done = here(course, *arguments)
        assert (
            done.code == 2 and "never is neither a run, nor a results file" in done.said and latest(course) in done.said
        )
    (course / "empty").mkdir()
    assert "There is no result in empty" in here(course, "diff", latest(course), "empty").said
    only = here(course, "diff", latest(course), "gpu.sqlite")
    assert "dan: only in gpu.sqlite" in only.flat and "cyd: only in 2" in only.flat


def shard(path: Path, *results: Result) -> None:
    with Store(path) as store:
        run = store.start_run()
        for each in results:
            store.save(replace(each, run=run.id), {"o1": b"seen"})


def stands(path: Path) -> dict[str, dict[str, int]]:
    with Store(path) as store:
        return {each.submission: {one.exercise: one.earned for one in each.exercises} for each in standing(store)}


def test_shards_of_one_class_are_joined(course: Path) -> None:
    """By students, and by modules: nobody's file is only the first one's."""
    shard(course / "1.sqlite", result(on_gpu(), name="ada"), result(on_gpu(), name="bob"))
    shard(course / "2.sqlite", result(on_gpu("failed", "o1"), name="cyd"), result(on_gpu(), name="dan"))
    second = exercise(B, check("next", "passed", 5))
    shard(course / "3.sqlite", *(result(second, name=name, hash="h9") for name in ("ada", "dan", "eve")))
    with Store(course / "2.sqlite") as store:
        Ledger(store).adjust("cyd", "", "extend", "2d", by="tutor", why="ill")
    done = here(course, "merge", "1.sqlite", "2.sqlite", "3.sqlite", "--results", "all.sqlite")
    assert done.code == 0 and done.err == "", done
    both = {A: 5, B: 5}
    assert stands(course / "all.sqlite") == {"ada": both, "bob": {A: 5}, "cyd": {A: 3}, "dan": both, "eve": {B: 5}}
    with Store(course / "all.sqlite") as store:
        assert store.observation("o1") == b"seen"
        assert [each.student for each in Ledger(store).adjustments()] == ["cyd"]
        [ada] = [each for each in standing(store) if each.submission == "ada"]
        assert [ada.origin_of(each).hash for each in ada.exercises] == ["h1", "h9"]  # of two hand-ins, and it says so
    again = here(course, "merge", "1.sqlite", "2.sqlite", "3.sqlite", "--results", "all.sqlite")
    assert again.code == 0 and "5 of 5 say what was known before." in again.flat
    with Store(course / "all.sqlite") as store:
        assert len(store.marks()) == 7
    one = here(course, "merge", "1.sqlite", "--results", "one.sqlite")
    assert one.code == 0 and set(stands(course / "one.sqlite")) == {"ada", "bob"}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (result(on_gpu("failed"), name="ADA", hash="h2"), "other files were graded there (h1 here, h2 there)"),
        (result(replace(on_gpu("failed"), file_hash="f2")), "other files were graded there (f1 here, f2 there)"),
        (result(on_gpu("failed"), secret="t"), "the course secrets are not the same"),
        (result(on_gpu("failed"), name="bob", secret="t"), "the course secrets are not the same"),
        (result(on_gpu("failed"), name="bob", authored={A: "a2"}), "other checks there"),
    ],
)
def test_one_exercise_graded_in_two_ways_is_refused_and_both_are_named(course: Path, other: Result, why: str) -> None:
    shard(course / "1.sqlite", result(on_gpu(), name="ada"))
    shard(course / "2.sqlite", replace(other, exercises=[*other.exercises, exercise(B, check("next", "passed", 5))]))
    done = here(course, "merge", "1.sqlite", "2.sqlite", "--results", "all.sqlite")
    assert done.code == 1
    assert f"{other.submission}: not joined with 2.sqlite: {A}: " in done.said and why in done.said
    assert "1.sqlite" in done.said
    found = stands(course / "all.sqlite")
    assert found["ada"][A] == 5
    # What else they handed in is joined, unless that is another case of the same.
    name = "ada" if other.submission == "ADA" else other.submission
    assert found[name].get(B, 5) == 5 and A not in found.get("bob", {})


def test_a_gpu_that_is_not_there_one_night_takes_no_points_away(course: Path) -> None:
    shard(course / "cpu.sqlite", result(ON_CPU, name="ada"), result(ON_CPU, name="bob"))
    shard(course / "g.sqlite", result(on_gpu(), name="ada", device="cuda"), result(on_gpu(), name="bob", device="cuda"))
    assert here(course, "merge", "cpu.sqlite", "g.sqlite", "--results", "term.sqlite").code == 0
    new = replace(ON_CPU, file_hash="f2")  # bob handed in something else
    shard(course / "next.sqlite", result(ON_CPU, name="ada"), result(new, name="bob", hash="h2"))
    assert here(course, "merge", "next.sqlite", "--results", "term.sqlite").code == 0
    assert stands(course / "term.sqlite") == {"ada": {A: 5}, "bob": {A: 3}}
    mended = result(ON_CPU, name="ada", authored={A: "a2"})
    shard(course / "mended.sqlite", mended)
    assert here(course, "merge", "mended.sqlite", "--results", "term.sqlite").code == 0
    assert stands(course / "term.sqlite")["ada"] == {A: 3}  # by other checks: nothing is known of them
