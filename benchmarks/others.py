"""The rows of others: cold pytest, `otter run` and `nbgrader autograde`, on the same ten checks and the same submission.

otter and nbgrader grade notebooks, so the submission becomes a notebook of one cell. They live in an environment of their own.
Every run must give full marks, or its time would say nothing.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
SUBMISSION = HERE / "attention" / "submission.py"
PLAIN = HERE / "attention" / "plain_pytest.py"
ENVIRONMENT = HERE.parent / ".venv-bench"
PACKAGES = ("torch", "numpy", "otter-grader", "nbgrader", "ipykernel")
STUDENT = "student"


def install() -> None:
    """Make the environment of otter and nbgrader, through the project's constraints."""
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    constraints = HERE.parent / "constraints.txt"
    pip = [str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(constraints), *PACKAGES], check=True)


def versions() -> dict[str, str]:
    """The versions of the others; empty when they are not installed."""
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {PACKAGES}}}))"
    try:
        done = subprocess.run([str(ENVIRONMENT / "bin/python"), "-c", code], capture_output=True, check=True)
        return json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError):
        return {}


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, str]:
    """The seconds that a command took from a cold start, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return seconds, done.stdout


class Pytest:
    """Cold pytest, without this project's plugin or any other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pytest"
        self.folder.mkdir()
        shutil.copy(SUBMISSION, self.folder)
        shutil.copy(PLAIN, self.folder / "test_attention.py")

    def once(self) -> float:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_attention.py"]
        seconds, said = timed(command, self.folder, os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
        if "10 passed" not in said:
            raise SystemExit(f"pytest does not pass the submission:\n{said}")
        return seconds


@dataclass(frozen=True)
class Tests:
    """The plain tests, taken apart: what stands before them, and each test."""

    preamble: str
    functions: dict[str, str]

    @classmethod
    def read(cls) -> Tests:
        text = PLAIN.read_text(encoding="utf-8")
        before: list[str] = []
        functions: dict[str, str] = {}
        for node in ast.parse(text).body:
            source = ast.get_source_segment(text, node) or ""
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                functions[node.name] = source
            elif not (isinstance(node, ast.ImportFrom) and node.module == "submission"):
                before.append(source)
        return cls("\n\n".join(before), functions)


def _environment(home: Path) -> dict[str, str]:
    """As an activated environment has it, with a home folder of its own for what Jupyter writes there."""
    home.mkdir(exist_ok=True)
    path = f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path, "HOME": str(home), "VIRTUAL_ENV": str(ENVIRONMENT)}


def _notebook(cells: list[nbformat.NotebookNode], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, path)


class Otter:
    """`otter run` with one exception-based test file of ten hidden cases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "otter"
        self.environment = _environment(folder / "home")
        tests = Tests.read()
        taken = "globals().update({name: env[name] for name in ('attention', 'layer', 'merge_heads', 'split_heads')})"
        cases = [
            f"{source}\n\n\n@test_case(points=1, hidden=True)\ndef case_{name}(env):\n    {taken}\n    {name}()"
            for name, source in tests.functions.items()
        ]
        header = "from otter.test_files import test_case\n\nOK_FORMAT = False\nname = 'attention'\npoints = None"
        path = self.folder / "tests" / "attention.py"
        path.parent.mkdir(parents=True)
        path.write_text("\n\n\n".join([header, tests.preamble, *cases]) + "\n", encoding="utf-8")
        _notebook([nbformat.v4.new_code_cell(SUBMISSION.read_text(encoding="utf-8"))], self.folder / "attention.ipynb")
        self._otter("generate", "-t", "tests", "-o", "autograder.zip", "--no-requirements", "--no-environment")

    def _otter(self, *arguments: str) -> float:
        return timed([str(ENVIRONMENT / "bin/otter"), *arguments], self.folder, self.environment)[0]

    def once(self) -> float:
        seconds = self._otter("run", "--no-logo", "-a", "autograder.zip", "attention.ipynb")
        results = json.loads((self.folder / "results.json").read_text(encoding="utf-8"))
        score = sum(test.get("score", 0) for test in results["tests"])
        if score != 10:
            raise SystemExit(f"otter gives the submission {score} points:\n{json.dumps(results, indent=1)[:3000]}")
        return seconds


class Nbgrader:
    """`nbgrader autograde` with ten locked cells of tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "nbgrader"
        self.environment = _environment(folder / "home")
        tests = Tests.read()
        submitted = SUBMISSION.read_text(encoding="utf-8")
        stub = "### BEGIN SOLUTION\n" + submitted + "\n### END SOLUTION"
        cells = [
            _cell("preamble", tests.preamble, locked=True),
            _cell("attention", stub, solution=True),
            *(_cell(name, f"{source}\n\n\n{name}()", grade=True) for name, source in tests.functions.items()),
        ]
        _notebook(cells, self.folder / "source" / "attention" / "attention.ipynb")
        (self.folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
        self._nbgrader("generate_assignment", "attention")
        released = nbformat.read(self.folder / "release/attention/attention.ipynb", as_version=4)
        released.cells[1].source = submitted
        _notebook(released.cells, self.folder / "submitted" / STUDENT / "attention" / "attention.ipynb")

    def _nbgrader(self, *arguments: str) -> float:
        return timed([str(ENVIRONMENT / "bin/nbgrader"), *arguments], self.folder, self.environment)[0]

    def once(self) -> float:
        seconds = self._nbgrader("autograde", "attention", "--student", STUDENT, "--force")
        code = (
            "from nbgrader.api import Gradebook\n"
            f"with Gradebook('sqlite:///gradebook.db') as g: print(g.find_submission('attention', '{STUDENT}').score)"
        )
        score = timed([str(ENVIRONMENT / "bin/python"), "-c", code], self.folder, self.environment)[1]
        if float(score) != 10:
            raise SystemExit(f"nbgrader gives the submission {score.strip()} points")
        return seconds


def _cell(
    name: str, source: str, *, grade: bool = False, solution: bool = False, locked: bool = False
) -> nbformat.NotebookNode:
    metadata = {"grade": grade, "grade_id": name, "locked": grade or locked, "solution": solution, "task": False}
    if grade:
        metadata["points"] = 1
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": {**metadata, "schema_version": 3}})
