"""An instructor's pages about a class: static HTML that opens from a folder, with one stylesheet and one script, and nothing from elsewhere.

    out/index.html                 the class: everybody × modules, which open into exercises; who needs help
    out/attention.html             what to look at: who is stuck, what nothing explains, weak checks, close calls, flags, answers alike, changes
    out/students/<name>.html       one submission as staff sees it, and what of it the student does
    out/exercises/<name>.html      one exercise over the class: its checks, who misses them, diagnoses, how it was verified
    out/scores.csv, report.css, report.js

Pages hold hidden cases: they are for staff. A folder that holds an earlier report is renewed: pages of submissions that did
not change stay as they are, pages of submissions that are no longer in the class go away.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from autograder.feedback import html
from autograder.feedback.escape import shorten, spans, visible
from autograder.feedback.policy import Policy, Show
from autograder.feedback.view import Options
from autograder.report import matrix
from autograder.report.attention import MOST, Attention, attention
from autograder.report.clusters import Cluster
from autograder.report.csv import write_csv
from autograder.report.facts import Facts, Part, parts_of
from autograder.report.pages import Pages, names_for, prepare, write
from autograder.report.statistics import FEW, ExerciseStatistics, exercise_statistics
from autograder.report.student import BRIEF, student_context
from autograder.results import Result
from autograder.scores.records import Score

TEMPLATES = Path(__file__).parent / "templates"


def write_report(
    results: list[Result],
    out: Path,
    *,
    course_title: str,
    policy: Policy | Show = "diagnosis",
    policies: Mapping[str, Mapping[str, Policy]] | None = None,
    scores: Mapping[str, Sequence[Score]] | None = None,
    facts: Facts | None = None,
) -> Path:
    """Write all pages into the folder `out` (made if need be); the path of its `index.html` is returned.

    `policy` decides what the student's view shows, `policies` by submission and exercise where it is not the same everywhere;
    `scores` has, by submission, who gets what for it. Raises `FileExistsError` when `out` holds an `index.html` of others.
    """
    policy = policy if isinstance(policy, Policy) else Policy(show=policy)
    facts = facts or Facts()
    prepare(out)
    site = _Site(course_title, policy, policies or {}, scores or {}, facts)
    pages = Pages(out, f"{course_title}\0{policy}", site.about)
    if pages.up_to_date(results, site.beside()):
        return out / "index.html"
    statistics = exercise_statistics(results)
    files = names_for([f"{result.submission}\0{number}" for number, result in enumerate(results)])
    site.know(results, [f"students/{file}.html" for file in files], statistics)
    for result, file in zip(results, files, strict=True):
        pages.write(f"students/{file}.html", result, site.student)
    pages.remove_others(keep={f"exercises/{name}.html" for name in site.exercise_pages.values()})
    found = attention(results, statistics, facts)
    for one in statistics:
        write(out / "exercises" / f"{site.exercise_pages[one.exercise]}.html", site.exercise(one, found))
    write_csv(results, out / "scores.csv")
    write(out / "report.css", site.text("style.css") + site.text("report.css"))
    write(out / "report.js", site.text("report.js"))
    write(out / "attention.html", site.attention(found))
    index = write(out / "index.html", site.index(results, statistics, found))
    pages.finish()
    return index


class _Site:
    """Renders the pages of one report."""

    def __init__(
        self,
        course_title: str,
        policy: Policy,
        policies: Mapping[str, Mapping[str, Policy]],
        scores: Mapping[str, Sequence[Score]],
        facts: Facts,
    ) -> None:
        self.course_title, self.policy, self.policies, self.scores = course_title, policy, policies, scores
        self.facts = facts
        self.templates = html.environment(TEMPLATES)
        self.templates.filters["cells"] = _cells
        self.templates.filters["shell"] = lambda text: shlex.quote(visible(text))
        self.templates.filters["brief"] = lambda text: shorten(text, *BRIEF)

    def know(self, results: Sequence[Result], links: Sequence[str], statistics: Sequence[ExerciseStatistics]) -> None:
        """What pages say of one another: where everybody and every exercise is, and what they are called."""
        self.links = {result.submission: link for result, link in zip(results, links, strict=True)}
        self.all_links = links
        roster = self.facts.roster
        self.absent = matrix.absent(results, roster)
        self.people = {result.submission: matrix.name_of(result.submission, roster) for result in results}
        self.people |= {id: person.name for id in self.absent if (person := roster.person(id)) is not None}
        names = [one.exercise for one in statistics]
        self.exercise_pages = dict(zip(names, names_for(names), strict=True))
        self.titles = {one.exercise: one.title for one in statistics}
        self.parts: list[Part] = parts_of(self.facts.course, names)

    def about(self, result: Result) -> str:
        """What a student's page shows besides the result, to tell whether it has changed."""
        submission = result.submission
        name = matrix.name_of(submission, self.facts.roster)
        return f"{self.policies.get(submission)}{self.scores.get(submission)}{name}"

    def beside(self) -> str:
        """What other pages show besides the results."""
        facts = self.facts
        people = [(person.id, person.name, person.group) for person in facts.roster.people]
        modules = facts.course.modules if facts.course is not None else ()
        parts = [(each.id, each.title, [one.name for one in each.exercises]) for each in modules]
        return f"{people}{parts}{[mark.number for mark in facts.marks[-1:]]}{facts.certificates}{facts.compared}"

    def text(self, template: str) -> str:
        return self.templates.get_template(template).render()

    def page(self, template: str, *, up: str = "../", **values: Any) -> str:
        staff = Options(audience="staff")
        common = {"course": self.course_title, "language": "en", "staff": True, "linked": False, "label": staff.label}
        common |= {"context": lambda place: html.sources.context(place, None), "up": up, "links": self.links}
        common |= {"people": self.people, "titles": self.titles, "exercise_pages": self.exercise_pages}
        return self.templates.get_template(template).render(**{**common, **values})

    def index(self, results: Sequence[Result], statistics: Sequence[ExerciseStatistics], found: Attention) -> str:
        by_name = {one.exercise: one for one in statistics}
        stuck = {each.submission: len(each.stuck) for each in found.struggles}
        rows = matrix.rows_of(results, self.all_links, self.parts, by_name, self.scores, self.facts.roster, stuck)
        of = {one.exercise: one.points for one in statistics}
        worth = {part.id: sum(of[name] for name in part.exercises) for part in self.parts}
        layers = Counter(", ".join(result.provenance.layers) or "none" for result in results)
        return self.page(
            "index.html",
            up="",
            title=self.course_title,
            rows=rows,
            graded=len(results),
            scored=any(row.score for row in rows),
            parts=self.parts,
            worth=worth,
            of=of,
            points=sum(worth.values()),
            statistics=statistics,
            by_name=by_name,
            found=found,
            author=spans,
            words=matrix.WORDS,
            signs=matrix.SIGNS,
            layers=layers.most_common(),
            unsafe=[result.submission for result in results if not result.provenance.isolated],
            pending=sum(result.pending for result in results),
            first=results[0] if results else None,
            mean=sum(result.earned for result in results) / len(results) if results else 0.0,
        )

    def attention(self, found: Attention) -> str:
        return self.page(
            "attention.html",
            up="",
            title=f"What to look at · {self.course_title}",
            found=found,
            absent=self.absent,
            most=MOST,
            author=spans,
            cluster=lambda each, apart=False: self.cluster(each, "", apart),
        )

    def student(self, result: Result) -> str:
        policies, scores = self.policies.get(result.submission, {}), self.scores.get(result.submission, ())
        return self.page(
            "student.html",
            title=f"{self.people[result.submission] or result.submission} · {self.course_title}",
            name=self.people[result.submission],
            **student_context(result, self.policy, policies, scores, self.parts),
        )

    def exercise(self, statistics: ExerciseStatistics, found: Attention) -> str:
        name = statistics.exercise
        return self.page(
            "exercise.html",
            title=f"{statistics.title} · {self.course_title}",
            one=statistics,
            certificate=self.facts.certificates.get(name),
            clusters=[each for each in found.clusters if each.exercise == name],
            struggling=[each for one in found.struggles for each in one.stuck if each.exercise == name],
            similar=[each for each in found.similar if each.exercise == name],
            cluster=lambda each: self.cluster(each, "../", apart=False),
            few=FEW,
            spans=spans,
        )

    def cluster(self, each: Cluster, up: str, apart: bool) -> Markup:
        return Markup(self.page("clusters.html", up=up, each=each, apart=apart))


def _cells(blocks: Sequence[matrix.Block], link: str) -> Markup:
    """The cells of a row of the matrix: too many of them to go through a template each."""
    written = []
    for number, block in enumerate(blocks, start=1):
        written.append(f'<td class="c w {block.whole.kind}">{escape(block.whole.text)}</td>')
        for cell in block.cells:
            text = escape(cell.text)
            shown = f'<a href="{escape(link)}#{escape(cell.exercise)}">{text}</a>' if cell.exercise and link else text
            written.append(f'<td class="c e m{number} {cell.kind}">{shown}</td>')
    return Markup("".join(written))
