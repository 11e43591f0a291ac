"""The allow-list: which files of the course go into the student repository, and as what.

A file is released because a rule here names it, never because nothing excludes it. So a new private folder, a draft or a
cache is private without anybody remembering to say so.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.course import Course
from autograder.release.files import LITTER, read, read_text
from autograder.release.render import render
from autograder.release.topics import Topic
from autograder.source.errors import ReleaseError

PAGES = {".md"}
FIGURES = {".svg", ".png"}  # not the scripts that draw them: those load the references
AS_THEY_ARE = ("constraints.txt", "LICENSE")
RENDERED = {
    "README.md": "README.student.md.j2",
    "Makefile": "Makefile.student.j2",
    ".gitignore": "gitignore.student.j2",
    ".github/workflows/feedback.yml": "feedback.yml.j2",
    "AGENTS.md": "AGENTS.student.md.j2",
    ".vscode/tasks.json": "editor/tasks.json.j2",
    ".vscode/settings.json": "editor/settings.json.j2",
    ".vscode/extensions.json": "editor/extensions.json.j2",
    ".devcontainer/devcontainer.json": "editor/devcontainer.json.j2",
    ".github/workflows/pages.yml": "pages.yml.j2",
}
ONLINE = {".binder/requirements.txt": "binder_requirements.txt.j2", ".binder/runtime.txt": "binder_runtime.txt.j2"}
"""What Binder makes an environment from: only where the pages of topics have links to it."""
GRADING_HEADER = "The course: modules, exercises, points, limits, forbidden names. It comes with the release: changes are not graded."
STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|(?P<comment>#[^\n]*)', re.DOTALL
)


def public_files(course_root: Path, topics: Sequence[Topic]) -> dict[str, bytes]:
    """Path in the student repository → content, of everything but `assignments/`."""
    files = {name: read(course_root, name) for name in AS_THEY_ARE}
    files["grading.toml"] = public_grading(read_text(course_root, "grading.toml")).encode()
    files["pyproject.toml"] = student_pyproject(read_text(course_root, "pyproject.toml")).encode()
    for name in [*lecture_files(course_root, topics), *engine_files(course_root)]:
        files[name] = read(course_root, name)
    course = _toml(files["grading.toml"].decode(), "grading.toml")
    rendered = {**RENDERED, **(ONLINE if course.get("repository") else {})}
    title = course.get("title", "LLM Internals")
    packages = course.get("packages", Course.model_fields["packages"].default)
    solutions = course.get("feedback", {}).get("solutions", "never")
    for name, template in rendered.items():
        text = render(template, title=title, topics=topics, course=course, solutions=solutions, packages=packages)
        files[name] = text.encode()
    return files


def lecture_files(course_root: Path, topics: Sequence[Topic]) -> list[str]:
    """The lecture page of every exercise, the topics' own pages, and their figures as images."""
    names = [name for name in ("lectures/README.md",) if (course_root / name).is_file()]
    for topic in topics:
        folder = f"lectures/{topic.name}"
        if (course_root / folder / "README.md").is_file():
            names.append(f"{folder}/README.md")
        for exercise in topic.exercises:
            if not (course_root / exercise.lecture).is_file():
                raise ReleaseError(
                    f"the lecture page of {exercise.name} is missing. Write it: students are sent there.",
                    file=exercise.lecture,
                )
            names.append(exercise.lecture)
        figures = course_root / folder / "figures"
        if figures.is_dir():
            names += [f"{folder}/figures/{path.name}" for path in figures.iterdir() if path.suffix in FIGURES]
    return sorted(names)


def engine_files(course_root: Path) -> list[str]:
    """The `autograder` package: exactly the modules and data that `pyproject.toml` lists for the build."""
    setuptools = _toml(read_text(course_root, "pyproject.toml"), "pyproject.toml").get("tool", {}).get("setuptools", {})
    data: dict[str, list[str]] = setuptools.get("package-data", {})
    names: set[str] = set()
    for package in setuptools.get("packages", []):
        folder = course_root / PurePosixPath(package.replace(".", "/"))
        if folder.is_dir():
            names.update(_matching(course_root, folder, ["*.py", *data.get(package, [])]))
    if not names:
        raise ReleaseError(
            "[tool.setuptools] lists no package that exists, so no engine would ship.", file="pyproject.toml"
        )
    return sorted(names)


def _matching(course_root: Path, folder: Path, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        for path in folder.glob(pattern):
            name = path.relative_to(course_root)
            if path.is_file() and path.suffix != ".pyc" and not LITTER.intersection(name.parts):
                yield name.as_posix()


def public_grading(text: str) -> str:
    """`grading.toml` as students get it: all it says, without its comments, which are its authors' notes.

    Nothing in the format itself is secret: a course's secret never is in this file.
    """
    kept: list[str] = []
    end = 0
    for token in STRING_OR_COMMENT.finditer(text):
        if token["comment"] is None:
            continue
        line_start = text.rfind("\n", 0, token.start()) + 1
        alone = not text[line_start : token.start()].strip()
        kept.append(text[end : token.start()].rstrip(" \t"))
        end = token.end() + alone  # a line of nothing but a comment goes as a whole
    kept.append(text[end:])
    public = "".join(kept).lstrip("\n")
    if _toml(public, "grading.toml") != _toml(
        text, "grading.toml"
    ):  # not known to happen; better nothing than another course
        raise ReleaseError("its comments can't be taken out without changing what it says.", file="grading.toml")
    return f"# {GRADING_HEADER}\n\n{public}"


def student_pyproject(text: str) -> str:
    """`pyproject.toml` with pytest pointed at what the student repository has."""
    changed, count = re.subn(r"(?m)^testpaths\s*=\s*\[[^\]]*\]", 'testpaths = ["assignments"]', text)
    changed = re.sub(r"(?m)^pythonpath\s*=\s*\[[^\]]*\]\n", "", changed)  # helpers of the engine's own tests
    options = _toml(changed, "pyproject.toml").get("tool", {}).get("pytest", {}).get("ini_options", {})
    if count != 1 or options.get("testpaths") != ["assignments"]:
        raise ReleaseError(
            "[tool.pytest.ini_options] must have one `testpaths = […]`: the release points it at assignments/.",
            file="pyproject.toml",
        )
    return changed


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReleaseError(f"it is not valid TOML: {error}.", file=file) from None
