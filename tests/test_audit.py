"""`autograder audit`: what tests of another course notice, told by running them on wrong variants of the solution that they accept."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from command_line import run

from autograder.verify.audit import audit as audits
from autograder.verify.audit.audit import AuditError, audit
from autograder.verify.audit.variants import NoVariants, variants

SOLUTION = '''"""Words."""


def most_frequent(text: str, n: int = 1) -> list[str]:
    """The n most frequent words of a text, equal ones by name."""
    counts: dict[str, int] = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], word))[:n]
'''
WEAK = """from words import most_frequent


def test_it_gives_a_list():
    assert isinstance(most_frequent("a b a"), list)
"""
STRONG = """import pytest
from words import most_frequent


@pytest.mark.parametrize(
    ("text", "n", "found"),
    [("b a b", 1, ["b"]), ("b a", 2, ["a", "b"]), ("", 3, []), ("c c b b a", 2, ["b", "c"]), ("x y z", 0, [])],
)
def test_words(text, n, found):
    assert most_frequent(text, n) == found


def test_one_by_default():
    assert most_frequent("d e e") == ["e"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.py").write_text(SOLUTION, "utf-8")
    (tmp_path / "test_weak.py").write_text(WEAK, "utf-8")
    (tmp_path / "test_strong.py").write_text(STRONG, "utf-8")
    return tmp_path


def test_better_tests_notice_more(folder: Path) -> None:
    weak, strong = (audit(folder / f"test_{name}.py", folder / "words.py") for name in ("weak", "strong"))
    assert weak.table()[1][1] == strong.table()[1][1] > 10 and weak.table()[0][1] == strong.table()[0][1] > 0
    shares = [found.table()[1][2] / found.table()[1][1] for found in (weak, strong)]
    assert shares[0] < 0.5 < 0.8 < shares[1]
    assert weak.table()[0][2] < strong.table()[0][2]
    assert {each.variant.line for each in weak.survived if each.variant.kind == "mutant"} <= set(range(6, 10))
    assert sum(strong.by_test.values()) == sum(row[2] for row in strong.table())
    assert any("test_words" in name for name in strong.by_test)
    assert (folder / "words.py").read_text("utf-8") == SOLUTION and not list(folder.rglob("__pycache__"))


def test_a_mutant_stands_on_the_line_that_it_changes() -> None:
    found, every = variants(SOLUTION, 1000)
    lines = SOLUTION.split("\n")
    mutants = [each for each in found if each.kind == "mutant"]
    assert len(mutants) == every
    for each in mutants:
        assert each.what.split("  →  ")[0].rstrip("…").split(" ")[0] in lines[each.line - 1], each
        ast.parse(each.source)


def test_a_sample_is_the_same_each_time() -> None:
    few = [each.what for each in variants(SOLUTION, 5)[0] if each.kind == "mutant"]
    assert len(few) == 5 and few == [each.what for each in variants(SOLUTION, 5)[0] if each.kind == "mutant"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(:\n", "can't be read as Python"),
        ("x = 1\n", "nothing to change"),
        ("def f(x): return x\n", "nothing to change"),
        ('def f(x):\n    """Only this."""\n', "nothing to change"),
    ],
)
def test_there_may_be_nothing_to_change(source: str, said: str) -> None:
    with pytest.raises(NoVariants, match=said):
        variants(source, 10)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    if x: return 1\n    return 2",
        "def f(x):\n    y = x; return y + 1\n",
        "class A:\n    @property\n    def p(self):\n        return 1 + 2\n\n    async def q(self):\n        return 3\n",
        "def f(x):\n    @staticmethod\n    def g(y):\n        return y + 1\n    return g(x)\n",
        'def f(x):\n    """Doc."""; return x + 1\n',
        "def f(x):\n    return '''a\n# BEGIN\n''' + x\n\ndef g():\n    return 1 + 1\n",
    ],
)
def test_every_shape_of_function_can_be_changed(source: str) -> None:
    try:
        found, _ = variants(source, 100)
    except NoVariants as problem:
        assert "nothing to change" in str(problem)
        return
    assert found and all(ast.parse(each.source) for each in found)


def test_what_hangs_and_what_dies_is_rejected(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "words.py").write_text("def f(n):\n    while n > 0:\n        n -= 1\n    return n\n", "utf-8")
    (folder / "test_f.py").write_text("from words import f\n\ndef test_f():\n    assert f(3) == 0\n", "utf-8")
    monkeypatch.setattr(audits, "FLOOR_SECONDS", 1.0)
    monkeypatch.setattr(audits, "TIMES_SOLUTION", 1.0)
    found = audit(folder / "test_f.py", folder / "words.py")
    assert any(each.by == "time" for each in found.outcomes)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            "from words import most_frequent\n\ndef test_x():\n    assert most_frequent('a') == ['b']\n",
            "rejects the solution itself",
        ),
        ("import nothing_of_that_name\n", "rejects the solution itself"),
        ("x = 1\n", "finds no test"),
        ("import os\n\ndef test_x():\n    os._exit(3)\n", "rejects the solution itself"),
        ("import os, signal\n\ndef test_x():\n    os.kill(os.getpid(), signal.SIGKILL)\n", "takes too long or dies on"),
    ],
)
def test_a_suite_must_accept_the_solution(folder: Path, test: str, said: str) -> None:
    (folder / "test_it.py").write_text(test, "utf-8")
    with pytest.raises(AuditError, match=said):
        audit(folder / "test_it.py", folder / "words.py")


def test_a_project_with_packages(tmp_path: Path) -> None:
    (tmp_path / "src/pack").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src"]\n', "utf-8")
    (tmp_path / "src/pack/__init__.py").write_text("from pack.words import most_frequent\n", "utf-8")
    (tmp_path / "src/pack/words.py").write_text(SOLUTION, "utf-8")
    (tmp_path / "tests/test_it.py").write_text(STRONG.replace("from words", "from pack"), "utf-8")
    found = audit(tmp_path / "tests", tmp_path / "src/pack/words.py", most=12)
    assert len(found.of("mutant")) == 12 and sum(row[2] for row in found.table()) > 6


def test_the_command(folder: Path) -> None:
    done = run(folder, "audit", "test_weak.py", "words.py", "--most", "8", "--json", "found.json")
    assert done.code == 0, done.said
    assert "general mistakes" in done.flat and "A sample of 8 of" in done.flat and "words.py:" in done.flat
    record = json.loads((folder / "found.json").read_text("utf-8"))
    assert record["mutant"]["tried"] == 8 and record["not_noticed"][0]["what"]
    assert run(folder, "audit", "test_none.py", "words.py").code == 2
    refused = run(folder, "audit", "test_weak.py", "test_weak.py", "--folder", "/tmp/none")
    assert refused.code == 2 and "is not in" in refused.said
