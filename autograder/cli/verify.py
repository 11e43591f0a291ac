"""The command `verify`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.common import CourseOption, open_course, private_folder, require_solutions
from autograder.refusals import Refused

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from autograder.cli.saves import Saves
    from autograder.course import Course, Exercise
    from autograder.release.assignments import Makers
    from autograder.verify.report import Report
    from autograder.verify.verify import Parts


def verify(
    exercises: Annotated[
        list[str] | None, typer.Argument(help="Exercises: `tokenizer/bpe`, `bpe`, or a topic. All by default.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Verify again whenever a file of these exercises changes.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", "-d", help="Show for each mistake which checks reject it.")
    ] = False,
    mutants: Annotated[
        bool,
        typer.Option("--mutants", "-m", help="Try small changes of the references too: each must fail some check."),
    ] = False,
    only_mutants: Annotated[bool, typer.Option("--only-mutants", help="Try nothing but these small changes.")] = False,
    gpu: Annotated[
        bool,
        typer.Option("--gpu", help="Try GPU checks alone, on the GPU; without one, rehearse them on the processor."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="With --gpu: write what was found on the GPU to this Markdown file.")
    ] = None,
    general: Annotated[
        bool | None,
        typer.Option(
            "--general/--no-general",
            "-g",
            help="Try nothing but general mistakes, which are made of every reference; or leave them out.",
        ),
    ] = None,
    briefly: Annotated[
        bool,
        typer.Option(
            "--briefly", "-b", help="Try a sample of what exercises list whose certificate is of their present files."
        ),
    ] = False,
    changed: Annotated[
        str | None,
        typer.Option(
            "--changed", metavar="REVISION", help="Only exercises that are not as they were at this git revision."
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            min=0,
            help="Try right answers, and mistakes that no public case shows, under so many other secrets too.",
        ),
    ] = 0,
    course: CourseOption = None,
) -> None:
    """Tell whether exercises are any good.

    For each one: the stub scores 0, the reference full marks (also in another order and with another seed), every mistake is
    rejected, every alternative accepted, forgers fail, no discrete answer hangs on a last bit, the lecture and its headings
    are there, `assignments/` is what `solutions/` gives, and general mistakes, which the tool makes of every reference, are
    rejected by some check, or `equivalent.toml` says why they are none (--general tries nothing else, --no-general leaves them out). With --mutants also: every
    small change of the reference is noticed. With --seeds 30 also: right answers pass, and mistakes fail, whatever a class's secret draws. With
    --gpu: GPU checks, and nothing else.
    """
    from autograder.feedback.pen import console
    from autograder.verify.verify import Parts

    root, loaded = open_course(course)
    require_solutions(root)
    chosen = loaded.match(exercises or [])
    out = console()
    if changed is not None:
        chosen = _changed(root, loaded, chosen, changed)
        if not chosen:
            out.print(f"No exercise is another than at {changed}.")
            return
    if gpu:
        raise typer.Exit(_verify_on_device(root, loaded, chosen, report))
    saves = _saves(root, chosen)
    with Bench(root, loaded) as bench:
        part = only_mutants or general is True  # nothing but what is named
        parts = Parts(
            trials=not part,
            general=general is True or (general is None and not only_mutants),
            mutants=mutants or only_mutants,
            briefly=briefly,
        )
        reports = bench.verify(chosen, parts, seeds)
        show_reports(out, reports, details)
        made = _makers(root, loaded, chosen)
        stale = [] if part else _out_of_sync(root, loaded, chosen, made)
        _certify(root, chosen, reports, made)
        if stale:
            out.print(
                "\nassignments/ is not what solutions/ gives; run `autograder release` to write it anew:", style="red"
            )
            for line in stale[:10]:
                out.print(f"  {line}")
        if untried := _under_few_secrets(root, chosen, reports):
            from autograder.lessons.certificate import SEEDS

            out.print(
                f"\nTried under fewer than {SEEDS} other secrets, while every class has its own and draws its own inputs: "
                f"`autograder verify --seeds {SEEDS} {' '.join(untried)}`",
                style="yellow",
            )
        if watch:
            out.print("\nWatching; Ctrl-C ends.", style="dim")
            for saved in saves:
                saved_in = {path.parent for path in saved}
                again = [exercise for exercise in chosen if exercise.solution_dir(root) in saved_in]
                show_reports(out, bench.verify(again, parts, seeds), details)
    if stale or not all(report.good for report in reports):
        raise typer.Exit(1)


def _changed(root: Path, course: Course, chosen: list[Exercise], revision: str) -> list[Exercise]:
    from autograder.verify.changed import NoRevision, changed_since

    try:
        names = changed_since(root, course, revision)
    except NoRevision as problem:
        raise Refused(str(problem)) from None
    return [exercise for exercise in chosen if exercise.name in names]


def _verify_on_device(root: Path, course: Course, chosen: list[Exercise], file: Path | None) -> int:
    """The exit code. A rehearsal writes no report: it would speak of a device that nobody has seen."""
    from autograder.feedback.pen import console
    from autograder.grading.devices import wants_gpu
    from autograder.grading.grade import ClassGrader
    from autograder.grading.secret import AUTHORS
    from autograder.verify.on_device import DeviceVerifier
    from autograder.verify.show_device import Seen, device_tables, markdown, write_report

    out = console()
    rehearsal = not wants_gpu("auto")
    if rehearsal:
        out.print("There is no GPU here that torch can use: the processor stands in for it.", style="yellow")
    with (
        ClassGrader(course, root, private_folder(root), AUTHORS, run="verify", draw="verify", own_code=True) as grader,
        _progress() as progress,
    ):
        seen = Seen.now()
        verifier = DeviceVerifier(grader, rehearsal, _Bars(progress))
        reports = verifier.verify(chosen)
        ready = grader.jail.wait()
    for part in device_tables(reports):
        out.print(part)
    if file is not None and not rehearsal:
        write_report(file, markdown(seen.done(ready, grader.isolation), reports))
        out.print(f"Written: {file}")
    if not reports:
        out.print("None of these exercises has a GPU check.", style="yellow")
    return int(any(each.problems for each in reports))


def _progress() -> Progress:
    """On the terminal alone: nothing of it in a log."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    from autograder.feedback.pen import console

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        console=console(sys.stderr),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


class Bench:
    """Verifies again and again with the same processes, and shows how far it is. Use as a context manager."""

    def __init__(self, root: Path, course: Course, private: Path | None = None) -> None:
        """`private` is where plans and what is remembered are kept, by default in the course."""
        from autograder.grading.grade import ClassGrader
        from autograder.grading.secret import AUTHORS
        from autograder.verify.verify import Verifier

        private = private or private_folder(root)
        self._grader = ClassGrader(course, root, private, AUTHORS, run="verify", draw="verify", own_code=True)
        self._verifier = Verifier(self._grader, private / "verify")

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._grader.close()

    def verify(self, exercises: list[Exercise], parts: Parts | None = None, seeds: int = 0) -> list[Report]:
        """The reports of some exercises; all but mutants by default."""
        from autograder.verify.seeds import SeedRunner

        with _progress() as progress:
            bars = _Bars(progress)
            self._verifier.on_trial = bars
            reports = self._verifier.verify(exercises, parts)
            if seeds:
                runner = SeedRunner(self._grader, seeds, self._verifier.cache, bars)
                unseen = [
                    {
                        trial.name: trial.failing()
                        for trial in each.of("mistake")
                        if trial.failing() and not trial.public
                    }
                    for each in reports
                ]
                for report, drawn in zip(reports, runner.run(exercises, unseen), strict=True):
                    report.drawn = drawn
                    report.problems += [*drawn.problems, *drawn.near()]
        return reports


class _Bars:
    """One bar for each exercise that is being tried."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, exercise: str, done: int, total: int) -> None:
        with self._lock:
            if exercise not in self._bars:
                self._bars[exercise] = self._progress.add_task(exercise, total=total)
            self._progress.update(self._bars[exercise], completed=done, total=total)
            if done == total:
                self._progress.remove_task(self._bars.pop(exercise))


def show_reports(out: object, reports: list[Report], details: bool) -> None:
    from autograder.verify.general.report import general_table
    from autograder.verify.show import report_table, reports_details
    from autograder.verify.show_mutants import mutant_table

    print_ = out.print  # type: ignore[attr-defined]
    if any(report.trials for report in reports):
        print_(report_table(reports))
    tried = [report.general for report in reports if report.general is not None]
    if tried:
        print_(general_table(tried))
    found = [report.mutants for report in reports if report.mutants is not None]
    if found:
        print_(mutant_table(found))
    for report in reports:
        for part in reports_details(report, details):
            print_(part)


def _makers(root: Path, course: Course, chosen: list[Exercise]) -> Makers:
    """What makes `assignments/` for the topics of the chosen exercises. Others of a topic are not tried for it.

    A committed plan that a certificate speaks of stays where only last digits differ, also of what was tried whole: training gives
    others on another processor, and `release` would not write the plan anew either.
    """
    from autograder.release.makers import makers
    from autograder.verify.certificate import all_certified

    topics = {exercise.topic for exercise in chosen}
    planned = [exercise for exercise in course.exercises if exercise.topic in topics]
    return makers(root, course, private_folder(root), planned, certified=all_certified(root, planned))


def _certify(root: Path, chosen: list[Exercise], reports: list[Report], made: Makers) -> None:
    """Write down what was found of those that are as they should be."""
    from autograder.verify import certificate

    for exercise, report in zip(chosen, reports, strict=True):
        if report.good and not report.brief:
            certificate.keep(exercise, root, report, lambda name=exercise.name: made.public_plan(name))


def _under_few_secrets(root: Path, chosen: list[Exercise], reports: list[Report]) -> list[str]:
    """Those that are as they should be, as far as the inputs of few secrets show it."""
    from autograder.lessons.certificate import SEEDS
    from autograder.verify.certificate import current

    good = [exercise for exercise, report in zip(chosen, reports, strict=True) if report.good and not report.brief]
    found = [(exercise, current(exercise, root)) for exercise in good]
    return [exercise.name for exercise, known in found if known is not None and known.seeds < SEEDS]


def _out_of_sync(root: Path, course: Course, chosen: list[Exercise], made: Makers) -> list[str]:
    """How assignments/ differs from what solutions/ gives, in the topics of the chosen exercises."""
    from autograder.grading.planner import CourseProblem
    from autograder.release.assignments import check_in_sync
    from autograder.release.topics import load_topics
    from autograder.source.errors import ReleaseError

    names = {exercise.topic for exercise in chosen}
    topics = None
    if names != {exercise.topic for exercise in course.exercises}:
        topics = [topic for topic in load_topics(root) if topic.name in names]
    try:
        return check_in_sync(root, makers=made, topics=topics)
    except (CourseProblem, ReleaseError):
        return ["not compared: some exercise can't be released, see above"]


def _saves(root: Path, exercises: list[Exercise]) -> Saves:
    from autograder.cli.saves import Saves

    folders = [exercise.solution_dir(root) for exercise in exercises if exercise.solution_dir(root).is_dir()]
    return Saves(lambda: [path for folder in folders for path in folder.glob("*.py")], folders)
