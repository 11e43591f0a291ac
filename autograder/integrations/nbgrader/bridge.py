"""Runs under a Python that has nbgrader, which need not be ours: `bridge.py OPERATION JOB ANSWER`, both of them JSON files.

The answer is `{"answer": …}`, or `{"refused": sentence}` for what can happen in good order. Needs Python 3.9 and nbgrader, and imports
nothing of the course. No student's code or notebook is read here but `timestamp.txt`: notebooks arrive built anew.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from __future__ import annotations

import json
import os
import re
import stat
import sys
from datetime import UTC, timedelta

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != HERE]  # our modules are not nbgrader's

import nbformat  # noqa: E402
from nbformat.v4 import new_notebook  # noqa: E402
from nbgrader import utils  # noqa: E402
from nbgrader.api import Gradebook, MissingEntry  # noqa: E402
from nbgrader.apps.baseapp import NbGrader  # noqa: E402
from nbgrader.converters import GenerateAssignment  # noqa: E402
from nbgrader.preprocessors import AssignLatePenalties  # noqa: E402
from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

TIMESTAMP = "timestamp.txt"
MAX_TIMESTAMP = 200  # bytes


class Refused(Exception):
    """It can't be done; the text says why and what to do."""


def generate(job):
    """Run `nbgrader generate_assignment` for each of `assignments`, and set when it is due."""
    app = _app(job["root"])
    for each in job["assignments"]:
        app.coursedir.assignment_id = each["name"]
        converter = GenerateAssignment(coursedir=app.coursedir, parent=app)
        converter.force = True
        done = utils.capture_log(converter)
        if not done["success"]:
            raise Refused(f"nbgrader generate_assignment {each['name']} failed: {_reason(done)}")
        with _gradebook(app) as gradebook:
            gradebook.update_or_create_assignment(each["name"], duedate=utils.parse_utc(each["due"]))
    return {}


def describe(job):
    """What the gradebook has of `assignment`, where its files are, and who handed in."""
    app = _app(job["root"])
    name = job["assignment"]
    with _gradebook(app) as gradebook:
        try:
            assignment = gradebook.find_assignment(name)
        except MissingEntry:
            known = ", ".join(sorted(each.name for each in gradebook.assignments)) or "none yet"
            raise Refused(f"gradebook.db has no assignment {name!r}. It has: {known}.") from None
        due = assignment.duedate
        notebooks = {
            each.name: {cell.name: cell.max_score for cell in [*each.grade_cells, *each.task_cells]}
            for each in assignment.notebooks
        }
    submitted, skipped = _submitted(app.coursedir, name)
    return {
        "due": _iso(due),
        "release": app.coursedir.format_path(app.coursedir.release_directory, ".", name),
        "notebooks": notebooks,
        "submitted": submitted,
        "skipped": skipped,
    }


def write(job):
    """Write what each of `submissions` is worth; returns by student what could not be written."""
    app = _app(job["root"])
    failed = {}
    with _gradebook(app) as gradebook:
        for each in job["submissions"]:
            try:
                _write_one(app, gradebook, job["assignment"], each)
            except (SQLAlchemyError, MissingEntry, OSError) as error:
                gradebook.db.rollback()
                failed[each["student"]] = _sentence(error)
    return {"failed": failed}


# ---------------------------------------------------------------- one submission


def _write_one(app, gradebook, name, job):
    student = job["student"]
    gradebook.update_or_create_student(student)
    submission = gradebook.update_or_create_submission(
        name, student, timestamp=utils.parse_utc(job["timestamp"] or None)
    )
    if job["extension"] is not None:
        submission.extension = timedelta(seconds=job["extension"])
    folder = app.coursedir.format_path(app.coursedir.autograded_directory, student, name)
    for notebook, found in job["notebooks"].items():
        path = os.path.join(folder, notebook + ".ipynb")
        before = _answers(path)
        _put(path, json.dumps(found["notebook"], ensure_ascii=False))
        for cell, score in found["scores"].items():
            _score(gradebook.find_grade(cell, notebook, name, student), score)
        for cell, answer in found["manual"].items():
            same = before.get(cell) == answer["source"]
            _ask_a_person(gradebook.find_grade(cell, notebook, name, student), answer["state"], same)
        for cell, text in found["comments"].items():
            gradebook.find_comment(cell, notebook, name, student).auto_comment = text or None
        gradebook.db.commit()
        # Last, since nbgrader's plugins are asked with the score of the whole notebook.
        resources = {"nbgrader": {"notebook": notebook, "assignment": name, "student": student}}
        resources["nbgrader"]["db_url"] = app.coursedir.db_url
        AssignLatePenalties(parent=app).preprocess(new_notebook(), resources)
        gradebook.db.expire_all()
    if job["timestamp"]:
        _put(os.path.join(folder, TIMESTAMP), job["timestamp"])


def _score(grade, score):
    """The engine's score. What a person gave stays, and is asked about again only when the engine's score has changed."""
    changed = grade.auto_score != score["points"]
    grade.auto_score = score["points"]
    if score["pending"]:
        grade.needs_manual_grade = True
    elif grade.manual_score is None:
        grade.needs_manual_grade = False
    elif changed:
        grade.needs_manual_grade = True


def _ask_a_person(grade, state, same):
    """A cell that only a person can grade: no answer is worth nothing, and a grade stands as long as the answer does."""
    grade.auto_score = None if state == "answered" else 0.0
    if state != "answered":
        grade.needs_manual_grade = False
    elif grade.manual_score is None or not same:
        grade.needs_manual_grade = True


def _answers(path):
    """By cell, what an earlier run wrote for formgrader."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception:  # none yet, or not from us: then every answer counts as a new one
        return {}
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"].get("grade_id"): cell.source for cell in cells}


def _put(path, text):
    """Write a file as nbgrader leaves them: only to be read. A reader sees the old one or the new one, never a part."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = path + ".part"
    if os.path.lexists(beside):
        os.remove(beside)
    with open(beside, "x", encoding="utf-8") as file:
        file.write(text)
    os.chmod(beside, 0o444)
    os.replace(beside, path)


# ---------------------------------------------------------------- what students handed in


def _submitted(coursedir, name):
    """Each student's folder for the assignment, with the time in its timestamp.txt; and what was passed over."""
    top = coursedir.format_path(coursedir.submitted_directory, "\0", name).split("\0")[0]
    parent = os.path.dirname(top)
    found, skipped = [], []
    for student in sorted(os.listdir(parent)) if os.path.isdir(parent) else []:
        folder = coursedir.format_path(coursedir.submitted_directory, student, name)
        try:
            there = stat.S_ISDIR(os.stat(folder).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            there = False
        except OSError as error:
            skipped.append(f"{folder} can't be looked at ({error.strerror}): left out.")
            continue
        if not there:
            continue
        within = os.path.relpath(folder, parent)
        if os.path.realpath(folder) != os.path.join(os.path.realpath(parent), within):
            skipped.append(f"{folder} is a link, or below one: left out, since it would be somebody else's work.")
            continue
        timestamp, problem = _timestamp(os.path.join(folder, TIMESTAMP))
        found.append({"student": student, "folder": folder, "timestamp": timestamp, "problem": problem})
    return found, skipped


def _timestamp(path):
    """When it was handed in as ISO 8601 in UTC, or "" and what is wrong with the file."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "", f"{path} is not a file, so nobody knows when this was handed in."
        with open(path, "rb") as file:
            text = file.read(MAX_TIMESTAMP).decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        return "", f"{path}: {error.strerror}"
    if not text:
        return "", f"{path} is empty, so nobody knows when this was handed in."
    try:
        return _iso(utils.parse_utc(text)), ""
    except Exception:  # whatever the parser makes of any text
        return "", f"{path} holds no time that nbgrader can read, so nobody knows when this was handed in."


def _iso(moment):
    return "" if moment is None else moment.replace(tzinfo=UTC).isoformat()


# ---------------------------------------------------------------- nbgrader


def _app(root):
    """nbgrader with the settings of the course folder, as its own commands see them when they are run there."""
    os.chdir(root)
    app = NbGrader()
    app.initialize([], root=os.path.abspath(root))
    return app


def _gradebook(app):
    return Gradebook(app.coursedir.db_url, app.coursedir.course_id)


def _reason(done):
    """The sentence in what nbgrader logged."""
    errors = [line.partition("]")[2].strip() for line in done.get("log", "").splitlines() if line.startswith("[ERROR")]
    said = [
        line for line in errors if not line.startswith(("There was an error processing", "Please see", "Traceback"))
    ]
    lines = [line.strip() for line in done.get("log", "").splitlines()]
    lines = [line for line in lines if re.match(r"\w[\w.]*(Error|Exception): ", line)]
    last = done.get("error", "").strip().splitlines()[-1:]
    return " ".join((said[:1] + lines[-1:]) or last) or "it did not say why."


def _sentence(error):
    if isinstance(error, SQLAlchemyError):
        text = str(getattr(error, "orig", None) or error)
        if "locked" in text:
            return "gradebook.db is locked by another program. Close formgrader, and grade again."
        return (
            f"gradebook.db can't be used ({text}). It may be of another version of nbgrader: make a copy of it, then run "
            "`nbgrader db upgrade` in the course folder."
        )
    if isinstance(error, MissingEntry):
        return f"gradebook.db does not fit what was released ({error}). Run `nbgrader generate_assignment` in the course folder."
    return f"{error.filename or 'a file'}: {error.strerror}" if isinstance(error, OSError) else str(error)


OPERATIONS = {each.__name__: each for each in (generate, describe, write)}


def main(operation, job_file, answer_file):
    with open(job_file, encoding="utf-8") as file:
        job = json.load(file)
    try:
        said = {"answer": OPERATIONS[operation](job)}
    except Refused as error:
        said = {"refused": str(error)}
    except (SQLAlchemyError, OSError) as error:
        said = {"refused": _sentence(error)}
    with open(answer_file, "w", encoding="utf-8") as file:
        json.dump(said, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
