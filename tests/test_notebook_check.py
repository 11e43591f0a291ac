"""The check cells of a released notebook, run by a real kernel."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import nbformat
import pytest
from command_line import copied, make_course, run, with_code

from autograder.course import load_course
from autograder.integrations import notebook as integration
from autograder.release.assignments import build_assignments
from autograder.release.makers import makers
from autograder.release.repository import release

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebook")
    root = make_course(folder / "course", ("first", "second"))
    made = makers(root, load_course(root), root / ".autograder")
    build_assignments(root, makers=made)
    release(root, folder / "repository", makers=made, version="1.0")
    return folder / "repository"


@pytest.fixture
def released(original: Path, tmp_path: Path) -> Path:
    return copied(original, tmp_path / "repository")


def notebook_of(repository: Path) -> tuple[Path, nbformat.NotebookNode]:
    path = repository / "assignments/numbers_of/numbers_of.ipynb"
    return path, nbformat.read(path, as_version=4)


def fill(notebook: nbformat.NotebookNode, slug: str, text: str) -> None:
    cell = next(cell for cell in notebook.cells if cell.metadata.get("tags") == [f"exercise:numbers_of/{slug}"])
    cell.source = text


@pytest.mark.slow
def test_the_check_cells_of_a_released_notebook(released: Path) -> None:
    path, notebook = notebook_of(released)
    fill(notebook, "first", with_code(sum_="x.sum(0)"))
    fill(notebook, "second", with_code())
    nbformat.write(notebook, path)
    fill(notebook, "second", with_code(sum_="x.sum(0)"))  # changed, run, and not saved
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, timeout=180).execute()
    checks = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    first, second = (cell.outputs[-1]["data"] for cell in checks)
    assert "2/5 points" in first["text/markdown"] and "You add up columns. Add up rows." in first["text/markdown"]
    assert "Case “a square”" in first["text/plain"] and "save the notebook" not in first["text/plain"]
    assert "save the notebook (Ctrl-S)" in second["text/plain"] and "5/5 points" in second["text/plain"]
    assert all(output.get("output_type") != "error" for cell in notebook.cells for output in cell.get("outputs", []))
    status = run(released, "status")
    assert "2/5" in status.out and "5/5" in status.out


def test_check_outside_of_a_notebook(
    released: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], zygote
) -> None:
    """The same in plain Python: a report as in a terminal, and sentences for what can't be."""
    monkeypatch.setattr("autograder.jail.here.make_zygote", lambda: zygote)
    monkeypatch.setattr(integration, "_checkers", {})
    monkeypatch.setattr(integration.atexit, "register", lambda function: None)
    path, notebook = notebook_of(released)
    fill(notebook, "first", with_code(mean="x.mean(9)"))
    nbformat.write(notebook, path)
    monkeypatch.chdir(path.parent)

    def said(name: str) -> str:
        integration.check(name)
        return " ".join(capsys.readouterr().out.split())

    report = said("numbers_of/first")
    assert "3/5 points" in report and "IndexError" in report
    assert "numbers_of.ipynb, cell " in report and "return x.mean(9)" in report
    fill(notebook, "first", "%time\n" + with_code())
    nbformat.write(notebook, path)
    assert "%time" in said("first") and "Traceback" not in said("first")
    assert "did you mean numbers_of/first" in said("frist")
    assert "Name one: numbers_of/first" in said("numbers_of")
    path.rename(path.with_name("mine.ipynb"))
    assert "the notebook of this topic keeps its name" in said("first")
    monkeypatch.chdir(released.parent)
    assert "There is no grading.toml" in said("first")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    def inner(): pass\n", {"f"}),
        ("class A:\n    x = 1\nclass B(A):\n    pass\nasync def g(): pass\n", {"A", "B", "g"}),
        ("definitely = 1\n# def f():\nprint('def h()')", set()),
        ("", set()),
    ],
)
def test_which_cell_is_about_which_exercise(source: str, names: set[str]) -> None:
    assert integration._defined(source) == names


def test_in_colab_the_notebook_of_the_browser_is_checked(
    released: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], zygote
) -> None:
    """The clone beside it has nobody's work in it. (Colab itself is not here: a module stands for its answer.)"""
    monkeypatch.setattr("autograder.jail.here.make_zygote", lambda: zygote)
    monkeypatch.setattr(integration, "_checkers", {})
    monkeypatch.setattr(integration.atexit, "register", lambda function: None)
    monkeypatch.chdir(released)
    _, notebook = notebook_of(released)
    fill(notebook, "first", with_code())
    answer: dict[str, object] = {"ipynb": json.loads(nbformat.writes(notebook))}
    message = types.SimpleNamespace(blocking_request=lambda kind, **more: answer if kind == "get_ipynb" else None)
    for name, module in (("google.colab", types.ModuleType("colab")), ("google.colab._message", message)):
        monkeypatch.setitem(sys.modules, name, module)

    def said() -> str:
        integration.check("numbers_of/first")
        return " ".join(capsys.readouterr().out.split())

    assert "5/5 points" in said()
    answer.clear()  # it does not answer: what is beside it counts, and that is the stub
    assert "0/5 points" in said()
