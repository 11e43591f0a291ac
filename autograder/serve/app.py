"""The addresses: the pages of the report, drawn when they are asked for, and those with forms."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, redirect, request
from werkzeug.exceptions import HTTPException

from autograder.feedback.escape import visible
from autograder.people.files import Stale
from autograder.people.rubrics import rubric_of
from autograder.refusals import Refusal
from autograder.serve.classroom import Classroom
from autograder.serve.forms import Form, answered, code_lines, form_of, mistake_arguments, written
from autograder.serve.guard import Forbidden, Guard
from autograder.serve.jobs import Jobs

_BY = "by"
"""The cookie that remembers who writes."""


def create_app(classroom: Classroom, guard: Guard, jobs: Jobs, by: str) -> Flask:
    """The whole application. `by` is whose name forms begin with."""
    app = Flask("autograder.serve", static_folder=None, template_folder=None)
    guard.protect(app)
    pages = _Pages(classroom, guard, jobs, by)
    for address, function in (
        ("/", pages.index),
        ("/index.html", pages.index),
        ("/attention.html", pages.attention),
        ("/students/<name>.html", pages.student),
        ("/exercises/<name>.html", pages.exercise),
        ("/scores.csv", pages.table),
        ("/report.css", pages.style),
        ("/report.js", pages.script),
        ("/requests", pages.requests),
        ("/jobs", pages.work),
        ("/jobs/<int:number>", pages.job),
    ):
        app.add_url_rule(address, f"{function.__name__} {address}", function)
    for address, function in (
        ("/marking/students/<name>.html/<path:scope>", pages.marking),
        ("/requests/students/<name>.html/<path:scope>", pages.answer),
        ("/mistake", pages.mistake),
        ("/rejudge", pages.rejudge),
    ):
        app.add_url_rule(address, function.__name__, function, methods=["GET", "POST"])
    app.register_error_handler(Refusal, pages.refused)
    app.register_error_handler(HTTPException, pages.wrong)
    return app


class _Pages:
    """One method for each address."""

    def __init__(self, classroom: Classroom, guard: Guard, jobs: Jobs, by: str) -> None:
        self.classroom, self.guard, self.jobs, self.by = classroom, guard, jobs, by

    # --- the report ---

    def index(self) -> str:
        graded = self.classroom.graded()
        return self.classroom.site().index(graded.results, graded.statistics, graded.found)

    def attention(self) -> str:
        return self.classroom.site().attention(self.classroom.attention())

    def student(self, name: str) -> str:
        return self.classroom.site().student(self.classroom.submission(name) or abort(404))

    def exercise(self, name: str) -> str:
        site, graded = self.classroom.site(), self.classroom.graded()
        for one in graded.statistics:
            if site.exercise_pages[one.exercise] == name:
                return site.exercise(one, graded.found)
        abort(404)

    def table(self) -> Response:
        with tempfile.TemporaryDirectory() as folder:
            self.classroom.table(file := Path(folder) / "scores.csv")
            return Response(file.read_bytes(), mimetype="text/csv")

    def style(self) -> Response:
        site = self.classroom.site()
        parts = (site.text(name) for name in ("style.css", "report.css", "serve.css"))
        return Response("".join(parts), mimetype="text/css")

    def script(self) -> Response:
        return Response(self.classroom.site().text("report.js"), mimetype="text/javascript")

    # --- points and comments ---

    def marking(self, name: str, scope: str) -> Any:
        result = self.classroom.submission(name) or abort(404)
        form = form_of(request.form, self._by())
        told, code = "", 200
        if request.method == "POST":
            try:
                written(self.classroom, result, scope, form)
                return self._back(f"/marking/students/{name}.html/{scope}#{form.anchor}", form.by)
            except Stale as error:
                told, code = error.sentences(), 409
            except Refusal as error:
                told, code = error.sentences(), 400
        return self._marking(name, scope, form, told), code

    def _marking(self, name: str, scope: str, form: Form, told: str) -> str:
        result = self.classroom.submission(name) or abort(404)
        course = self.classroom.graded().course
        exercise = next((each for each in result.exercises if each.exercise == scope), None)
        if exercise is None and scope not in [module.id for module in course.modules]:
            abort(404)
        notes = self.classroom.notes(result, scope)
        lines = code_lines(self.classroom, result, exercise, notes) if exercise is not None else []
        return self._page(
            "marking.html",
            f"{scope} · {result.submission}",
            result=result,
            name=name,
            scope=scope,
            exercise=exercise,
            notes=notes,
            rubric=rubric_of(course, scope),
            lines=lines,
            file=exercise.file if exercise is not None else "",
            apart=[each for each in notes.comments if not lines or each.line is None],
            line=form.line or request.args.get("line", 0, type=int),
            form=form,
            state=self.classroom.folder().of(result.submission).state(scope),
            told=told,
        )

    # --- requests ---

    def requests(self) -> str:
        site = self.classroom.site()
        waiting = [(student, each, site.links.get(student, "")) for student, each in site.facts.waiting]
        return self._page(
            "requests.html", "Requests for a regrade", asked=waiting, form=form_of({}, self._by()), told=""
        )

    def answer(self, name: str, scope: str) -> Any:
        result = self.classroom.submission(name) or abort(404)
        if request.method == "GET":
            return redirect("/requests")
        form = form_of(request.form, self._by())
        try:
            answered(self.classroom.folder(), result.submission, scope, form)
        except Refusal as error:
            site = self.classroom.site()
            waiting = [(student, each, site.links.get(student, "")) for student, each in site.facts.waiting]
            page = self._page(
                "requests.html", "Requests for a regrade", asked=waiting, form=form, told=error.sentences()
            )
            return page, 409
        return self._back("/requests", form.by)

    # --- known mistakes ---

    def mistake(self) -> Any:
        given = request.form if request.method == "POST" else request.args
        course = self.classroom.graded().course
        exercise = next((each for each in course.exercises if each.name == given.get("exercise")), None) or abort(404)
        like = given.get("like", "")
        told = ""
        if request.method == "POST":
            try:
                arguments = mistake_arguments(
                    exercise.name, given, self.classroom.place.root, self.classroom.place.results
                )
                job = self.jobs.start(
                    f"A new known mistake of {exercise.name}", exercise.name, arguments, then="rejudge"
                )
                return redirect(f"/jobs/{job.number}", 303)
            except Refusal as error:
                told = error.sentences()
        clusters = [each for each in self.classroom.attention().clusters if each.exercise == exercise.name]
        folder = exercise.solution_dir(self.classroom.place.root)
        page = self._page(
            "mistake.html",
            f"A known mistake of {exercise.name}",
            exercise=exercise,
            like=like,
            each=next((each for each in clusters if like in each.submissions), None),
            sentence=given.get("sentence", ""),
            edits=_pairs(given),
            solution=(folder / "solution.py").read_text(encoding="utf-8", errors="replace"),
            told=told,
        )
        return page, 400 if told else 200

    def rejudge(self) -> Any:
        if request.method == "GET":
            return redirect("/jobs")
        course = self.classroom.graded().course
        exercise = course.exercise(request.form.get("exercise", ""))
        place = self.classroom.place
        options = ["--results", str(place.results.absolute()), "--course", str(place.root)]
        job = self.jobs.start(f"Judge {exercise.name} again", exercise.name, ["rejudge", "-e", exercise.name, *options])
        return redirect(f"/jobs/{job.number}", 303)

    def work(self) -> str:
        return self._page("work.html", "Work", jobs=self.jobs.all())

    def job(self, number: int) -> str:
        job = self.jobs.job(number) or abort(404)
        state = job.state  # before what it printed, so that an ended job is shown whole
        return self._page("job.html", job.title, job=job, state=state, printed=job.printed)

    # --- what goes wrong ---

    def refused(self, error: Refusal) -> tuple[str, int]:
        return _plain(error.sentences()), 403 if isinstance(error, Forbidden) else 409

    def wrong(self, error: HTTPException) -> tuple[str, int]:
        told = {404: "There is no such page.", 413: "That is too long: nothing was written."}
        code = error.code or 500
        return _plain(told.get(code, error.name)), code

    # --- inside ---

    def _by(self) -> str:
        return request.cookies.get(_BY, "")[:100] or self.by

    def _page(self, template: str, title: str, **values: Any) -> str:
        site = self.classroom.site()
        return site.page(
            template, up="/", title=f"{title} · {site.course_title}", token=self.guard.token, by=self._by(), **values
        )

    def _back(self, address: str, by: str) -> Response:
        answer = redirect(address, 303)
        answer.set_cookie(_BY, by[:100], httponly=True, samesite="Strict")
        return answer  # type: ignore[return-value]


def _pairs(given: Any) -> Sequence[tuple[str, str]]:
    """The edits of the form, and an empty one more."""
    found = list(zip(given.getlist("edit"), given.getlist("to"), strict=False))
    return [*(pair for pair in found if any(pair)), ("", "")]


def _plain(text: str) -> str:
    """A page for when none can be drawn."""
    from markupsafe import escape

    lines = "".join(f"<p>{escape(line)}</p>" for line in visible(text, lines=True).split("\n"))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>autograder</title><body style="font: 16px system-ui; margin: 2rem; overflow-wrap: anywhere">{lines}'
        '<p><a href="/">The class</a></p></body></html>'
    )
