"""JUnit's XML, as CI systems read it: a suite for each exercise, a test case for each check."""

from __future__ import annotations

from xml.etree import ElementTree

from autograder.feedback.escape import spans_text, visible
from autograder.feedback.markdown import check_markdown
from autograder.feedback.view import Options, exercise_view, state_of
from autograder.results import ExerciseResult, Result


def junit(results: list[Result], options: Options | None = None) -> str:
    """The XML of `results`; for students, give views of `feedback.policy`. Checks that could not be run are skipped or errors."""
    options = options or Options(show_all=True)
    root = ElementTree.Element("testsuites", name="autograder")
    for result in results:
        for exercise in result.exercises:
            name = exercise.exercise if len(results) == 1 else f"{result.submission}: {exercise.exercise}"
            root.append(_suite(exercise, visible(name), options))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(exercise: ExerciseResult, name: str, options: Options) -> ElementTree.Element:
    arranged = exercise_view(exercise, Options(options.audience, True, options.language, options.lectures))
    views = {each.name: each for each in (*arranged.failed, *arranged.pending, *arranged.passed, *arranged.unchecked)}
    suite = ElementTree.Element("testsuite", name=name)
    counts: dict[str, int] = dict.fromkeys(("failures", "errors", "skipped"), 0)
    for check in exercise.checks:
        view = views[check.name]
        case = ElementTree.SubElement(suite, "testcase", classname=name.replace("/", "."), name=spans_text(view.claim))
        case.set("time", f"{sum(each.seconds for each in check.cases):.3f}")
        state = state_of(check.verdict)
        if state == "passed":
            continue
        kind = "skipped" if state == "pending" else "failure" if check.verdict == "failed" else "error"
        counts["skipped" if kind == "skipped" else f"{kind}s"] += 1
        reason = spans_text(view.reason) or spans_text(arranged.message) or (view.claim and check.verdict)
        found = ElementTree.SubElement(case, kind, message=str(reason))
        if kind != "skipped":
            found.set("type", check.verdict)
            found.text = visible(check_markdown(view, options), lines=True)
    if not exercise.checks:
        case = ElementTree.SubElement(suite, "testcase", classname=name.replace("/", "."), name=visible(exercise.title))
        if exercise.verdict != "passed":
            kind = "skipped" if state_of(exercise.verdict) == "pending" else "error"
            counts["skipped" if kind == "skipped" else "errors"] += 1
            ElementTree.SubElement(case, kind, message=spans_text(arranged.message) or exercise.verdict)
    suite.set("tests", str(max(len(exercise.checks), 1)))
    for key, value in counts.items():
        suite.set(key, str(value))
    suite.set("time", f"{exercise.seconds:.3f}")
    return suite
