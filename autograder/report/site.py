"""An instructor's pages about a class: static HTML that opens from a folder, with no script and nothing from elsewhere.

    out/index.html                 the class: submissions × exercises, points, what needs a person
    out/students/<name>.html       one submission as staff sees it, and as the student does
    out/exercises/<name>.html      one exercise over the class: pass rates, diagnoses, close calls
    out/scores.csv

Pages hold hidden cases: they are for staff. A folder that holds an earlier report is renewed: pages of submissions that did
not change stay as they are, pages of submissions that are no longer in the class go away.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.feedback import escape, html, messages
from autograder.feedback.policy import Policy, Show, student_view
from autograder.feedback.summary import kind_of
from autograder.feedback.view import Options
from autograder.report.csv import write_csv
from autograder.report.statistics import ExerciseStatistics, exercise_statistics
from autograder.results import ExerciseResult, Result
from autograder.scores.records import Score, number

TEMPLATES = Path(__file__).parent / "templates"
_PAGES = ".pages.json"
_MARK = '<meta name="generator" content="autograder">'
_WORDS = {"full": "all points", "most": "half or more", "some": "less than half", "none": "no points"}
_WORDS |= {"stopped": "could not run", "pending": "pending", "absent": "not in this submission"}


@dataclass(frozen=True)
class Cell:
    """One exercise of one submission in the heat map."""

    kind: str
    text: str
    title: str
    link: str


@dataclass(frozen=True)
class Row:
    """One submission in the heat map."""

    result: Result
    score: str
    link: str
    cells: list[Cell]
    flags: int
    ours: int


def write_report(
    results: list[Result],
    out: Path,
    *,
    course_title: str,
    policy: Policy | Show = "diagnosis",
    policies: Mapping[str, Mapping[str, Policy]] | None = None,
    scores: Mapping[str, Sequence[Score]] | None = None,
) -> Path:
    """Write all pages into the folder `out` (made if need be); the path of its `index.html` is returned.

    `policy` decides what the student's view shows, `policies` by submission and exercise where it is not the same everywhere;
    `scores` has, by submission, who gets what for it. Raises `FileExistsError` when `out` holds an `index.html` of others.
    """
    policy = policy if isinstance(policy, Policy) else Policy(show=policy)
    _prepare(out)
    site = _Site(course_title, policy, policies or {}, scores or {})
    pages = _Pages(out, course_title, site)
    if pages.up_to_date(results):
        return out / "index.html"
    statistics = exercise_statistics(results)
    students = _names([f"{result.submission}\0{number}" for number, result in enumerate(results)])
    exercises = dict(
        zip((one.exercise for one in statistics), _names([one.exercise for one in statistics]), strict=True)
    )
    for result, name in zip(results, students, strict=True):
        pages.write(f"students/{name}.html", result, site.student)
    pages.remove_others(keep={f"exercises/{name}.html" for name in exercises.values()})
    for one in statistics:
        links = {result.submission: f"../students/{name}.html" for result, name in zip(results, students, strict=True)}
        _write(out / "exercises" / f"{exercises[one.exercise]}.html", site.exercise(one, links))
    write_csv(results, out / "scores.csv")
    rows = [_row(result, site.score(result), name, statistics) for result, name in zip(results, students, strict=True)]
    index = _write(out / "index.html", site.index(rows, statistics, exercises))
    pages.finish()
    return index


class _Pages:
    """The students' pages, which are most of the work: one is rendered only when what it shows has changed.

    `.pages.json` holds for each page the hash of what it was made from: the result, the policy, and the code and templates.
    """

    def __init__(self, out: Path, course_title: str, site: _Site) -> None:
        self.out, self.site = out, site
        self.made_by = hashlib.sha256(f"{course_title}\0{site.policy}\0{_tools()}".encode()).hexdigest()
        self.hashes: dict[str, str] = {}
        try:
            self.before: dict[str, str] = dict(json.loads((out / _PAGES).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self.before = {}

    def write(self, page: str, result: Result, render: Callable[[Result], str]) -> None:
        made_from = f"{result!r}{self.site.about(result)}".encode("utf-8", "backslashreplace")
        digest = hashlib.sha256(self.made_by.encode() + made_from).hexdigest()
        self.hashes[page] = digest
        if self.before.get(page) != digest or not (self.out / page).is_file():
            _write(self.out / page, render(result))

    def up_to_date(self, results: list[Result]) -> bool:
        """Whether the report is of these very results. A result is told by when and in which run it was written."""
        identity = [
            (each.submission, each.run, each.graded_at, each.hash)
            + tuple((exercise.key, exercise.verdict, exercise.earned) for exercise in each.exercises)
            + (self.site.about(each),)
            for each in results
        ]
        self.hashes["index.html"] = hashlib.sha256(f"{self.made_by}{identity!r}".encode(errors="replace")).hexdigest()
        whole = (self.out / "index.html").is_file() and all((self.out / page).is_file() for page in self.before)
        return whole and self.before.get("index.html") == self.hashes["index.html"]

    def remove_others(self, keep: set[str]) -> None:
        """Remove the pages of what is no longer in the class."""
        for path in [*(self.out / "students").glob("*.html"), *(self.out / "exercises").glob("*.html")]:
            if path.relative_to(self.out).as_posix() not in self.hashes.keys() | keep:
                path.unlink()

    def finish(self) -> None:
        """Remember what the pages were made from: last, so that a report cut short is written anew."""
        _write(self.out / _PAGES, json.dumps(self.hashes))


@functools.cache
def _tools() -> str:
    """Hash of the code and templates that pages are made with."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(html.__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.hexdigest()


class _Site:
    """Renders the pages of one report."""

    def __init__(
        self,
        course_title: str,
        policy: Policy,
        policies: Mapping[str, Mapping[str, Policy]],
        scores: Mapping[str, Sequence[Score]],
    ) -> None:
        self.course_title, self.policy, self.policies, self.scores = course_title, policy, policies, scores
        self.templates = html.environment(TEMPLATES)

    def about(self, result: Result) -> str:
        """What a student's page shows besides the result, to tell whether it has changed."""
        return f"{self.policies.get(result.submission)}{self.scores.get(result.submission)}"

    def score(self, result: Result) -> str:
        """What the students of a submission get in the end, where it is not the same for all: each."""
        return ", ".join(
            dict.fromkeys(
                f"{number(each.score)}/{number(each.points)}" for each in self.scores.get(result.submission, ())
            )
        )

    def page(self, template: str, **values: Any) -> str:
        staff = Options(audience="staff")
        common = {"course": self.course_title, "language": "en", "staff": True, "linked": False, "label": staff.label}
        common |= {"context": lambda place: html.sources.context(place, None), "words": _WORDS}
        return self.templates.get_template(template).render(**{**common, **values})

    def index(self, rows: list[Row], statistics: list[ExerciseStatistics], names: dict[str, str]) -> str:
        layers = Counter(", ".join(row.result.provenance.layers) or "none" for row in rows)
        return self.page(
            "index.html",
            title=self.course_title,
            rows=rows,
            scored=any(row.score for row in rows),
            statistics=statistics,
            names=names,
            layers=layers.most_common(),
            unsafe=[row.result.submission for row in rows if not row.result.provenance.isolated],
            problems=[row for row in rows if row.flags or row.ours or row.result.problems],
            mean=sum(row.result.earned for row in rows) / len(rows) if rows else 0.0,
        )

    def student(self, result: Result) -> str:
        policies = self.policies.get(result.submission, {})
        theirs = student_view(result, self.policy.show, self.policy.when_ok, policies)
        mine = [policies.get(exercise.exercise, self.policy) for exercise in result.exercises] or [self.policy]
        return self.page(
            "student.html",
            title=f"{result.submission} · {self.course_title}",
            mine=html.result_context(result, Options(audience="staff", show_all=True)),
            theirs=html.result_context(theirs, Options()),
            shown=sorted({each.show for each in mine}),
            waiting=[one.title for one, each in zip(result.exercises, mine, strict=False) if not each.when_ok],
            scores=self.scores.get(result.submission, ()),
            spans=messages.spans,
            number=number,
        )

    def exercise(self, statistics: ExerciseStatistics, links: dict[str, str]) -> str:
        return self.page(
            "exercise.html",
            title=f"{statistics.title} · {self.course_title}",
            one=statistics,
            links=links,
            spans=escape.spans,
        )


def _row(result: Result, score: str, name: str, statistics: list[ExerciseStatistics]) -> Row:
    graded = {exercise.exercise: exercise for exercise in result.exercises}
    checks = [check for exercise in result.exercises for check in exercise.checks]
    return Row(
        result=result,
        score=score,
        link=f"students/{name}.html",
        cells=[_cell(graded.get(one.exercise), one, f"students/{name}.html") for one in statistics],
        flags=sum(len(exercise.flags) for exercise in result.exercises),
        ours=sum(check.verdict == "grader-error" for check in checks)
        + sum(exercise.verdict == "grader-error" and not exercise.checks for exercise in result.exercises),
    )


def _cell(exercise: ExerciseResult | None, one: ExerciseStatistics, link: str) -> Cell:
    kind = kind_of(exercise)
    if exercise is None:
        return Cell(kind, "·", f"{one.title}: {_WORDS[kind]}", "")
    pending = f" (+{exercise.pending})" if exercise.pending else ""
    title = f"{one.title}: {exercise.earned} of {exercise.points}{pending}, {_WORDS[kind]}"
    return Cell(kind, f"{exercise.earned}{'+' if exercise.pending else ''}", title, f"{link}#{exercise.exercise}")


def _names(ids: list[str]) -> list[str]:
    """A file name for each id: readable, safe on every system, and none twice, also where case does not count."""
    bases = [re.sub(r"[^a-z0-9_]+", "-", id.split("\0")[0].lower()).strip("-")[:60] for id in ids]
    often = Counter(bases)
    return [
        base
        if base == id.split("\0")[0].replace("/", "-") and often[base] == 1 and not _reserved(base)
        else f"{base or 'page'}-{_short_hash(id)}"
        for base, id in zip(bases, ids, strict=True)
    ]


def _reserved(name: str) -> bool:
    """Names that Windows keeps for devices."""
    return not name or re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name) is not None


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _prepare(out: Path) -> None:
    index = out / "index.html"
    ours = index.is_file() and _MARK in index.read_text(encoding="utf-8", errors="replace")[:2000]
    if index.exists() and not ours:
        raise FileExistsError(
            f"{index} was not written by the autograder: choose another folder for the report, or remove it"
        )
    if not ours and out.is_dir() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty, and holds no report: choose another folder, or a new one")
    for name in ("students", "exercises"):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    return path
