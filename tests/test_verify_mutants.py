"""Mutants of a reference: which there are, what the checks say of them, and what a person says of those that survive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_course import TOTAL_CHECKS, SharedZygote, make_course

from autograder.course import load_course
from autograder.grading.exercise import ExerciseGrader
from autograder.grading.planner import Planner
from autograder.grading.twins import TwinClient
from autograder.jail.host import Zygote
from autograder.verify import mutants as running
from autograder.verify.equivalent import Equivalents, entry
from autograder.verify.mutant_report import MutantReport
from autograder.verify.mutants import MutantRunner, sample
from autograder.verify.mutation import Mutant, mutants
from autograder.verify.report import Report
from autograder.verify.show import reports_details

SOLUTION = '''"""Bands of a table."""

from __future__ import annotations

import torch
from torch import Tensor

LIMIT = 3


def band(x: Tensor, low: int = 0) -> Tensor:
    """The columns of x from `low` on, doubled."""
    if low < 0:
        raise ValueError("low is 0 or more")
    # BEGIN SOLUTION
    """No docstring, but text all the same."""
    wide: int = 2  # a factor
    if x.ndim != 2 or low > LIMIT:
        raise ValueError(f"x has {x.ndim} dimensions, not " + "2")
    assert wide == 2
    y = x[:, low:].to(torch.float32) * wide  # doubled
    y -= 1.0
    return y.sum(dim=-1, keepdim=True).exp()
    # END SOLUTION
'''


def made(body: str, scope: str = "f", head: str = "def f(x, n):") -> set[str]:
    """What the line `body` of a function becomes."""
    lines = body.splitlines()
    inner = "\n".join(f"    {line}" for line in lines)
    found = mutants(f"import torch\n\n\n{head}\n    # BEGIN SOLUTION\n{inner}\n    # END SOLUTION\n")
    assert all(each.scope == scope for each in found)
    return {each.new for each in found}


def test_only_what_students_write_changes_and_only_where_it_can_matter() -> None:
    found = mutants(SOLUTION)
    assert {each.line for each in found} == {17, 18, 19, 21, 22, 23}
    assert {each.scope for each in found} == {"band"}
    for each in found:
        compile(each.source, "mutant", "exec")
        before, after = SOLUTION.splitlines(), each.source.splitlines()
        changed = [number for number, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b]
        assert changed == [each.line]
    of_raise = [each.new for each in found if each.line == 19]
    assert of_raise == ["pass"]  # not what the exception says
    assert {each.old for each in found if each.line == 21} == {"y = x[:, low:].to(torch.float32) * wide"}  # no comment
    news = {each.new for each in found}
    assert "y = x[:, low + 1:].to(torch.float32) * wide" in news and "y = x[:, :].to(torch.float32) * wide" in news
    assert "y = x[:, low:].to(torch.float64) * wide" in news and "y = x[:, low:] * wide" in news
    assert "return y.sum(keepdim=True).exp()" in news and "return y.sum(dim=0, keepdim=True).exp()" in news


def test_what_each_kind_of_code_becomes() -> None:
    assert made("return x - n * 2") == {
        "return x", "return (n * 2) - x", "return x + n * 2", "return x - n", "return x - 2", "return x - n / 2",
        "return x - n * 3", "return x - n * 1",
    }  # fmt: skip
    assert made("return f(n, x) if x <= n else -x") >= {
        "return f(n, x) if True else -x", "return f(n, x) if x < n else -x", "return f(x, n) if x <= n else -x",
        "return f(n, x) if x <= n else x", "return n if x <= n else -x",
    }  # fmt: skip
    assert made("return [i for i in range(n) if i not in x and not i]") >= {
        "return [i for i in range(n + 1) if i not in x and not i]",
        "return [i for i in range(n) if True]",
        "return [i for i in range(n) if i in x and not i]",
        "return [i for i in range(n) if i not in x and i]",
        "return [i for i in range(n) if i not in x or not i]",
    }
    assert made("return min(x, n), 'ab'") == {
        "return max(x, n), 'ab'", "return min(x), 'ab'", "return x, 'ab'", "return min(x, n), ''", "return 'ab', min(x, n)"
    }  # fmt: skip
    assert made("x += (n - 1) % 2\nreturn x") >= {"x -= (n - 1) % 2", "x = (n - 1) % 2", "pass", "x += (n - 1) // 2"}
    assert made("return x[-1]") == {"return x[0]", "return x[-2]"}
    assert made("return torch.full((n,), -torch.inf)") >= {
        "return torch.full((n,), torch.inf)", "return torch.full((n,), -1e4)"
    }  # fmt: skip
    assert made("for i in x:\n    if i: continue\n    n = i\nreturn n") >= {"if i: break", "if i: pass", "pass"}
    assert made("y = x\nreturn y") == set()  # a name without a value would be a crash, not a mutant
    assert made("with torch.no_grad():\n    return x") == {"if True:"}
    assert made("return not x") == {"return x"}


def test_names_of_mutants_outlive_other_changes() -> None:
    moved = SOLUTION.replace("# doubled", "# twice").replace('"""Bands', '"""\nBands').replace("LIMIT = 3", "LIMIT = 4")
    names = [(each.scope, each.old, each.new, each.nth) for each in mutants(SOLUTION)]
    assert names == [(each.scope, each.old, each.new, each.nth) for each in mutants(moved)]
    assert len(set(names)) == len(names)
    twice = mutants("def f(x):\n    # BEGIN SOLUTION\n    x = g(x)\n    x = g(x)\n    return x\n    # END SOLUTION\n")
    assert [(each.line, each.new, each.nth) for each in twice if each.new == "x = x"] == [
        (3, "x = x", 1),
        (4, "x = x", 2),
    ]


def test_more_than_enough_are_sampled_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    every = mutants(SOLUTION)
    assert sample(every) == every
    monkeypatch.setattr(running, "MOST", 10)
    chosen = sample(every)
    assert len(chosen) == 10 and chosen == [each for each in every if each in chosen]
    others = [each for each in every if each.line != chosen[0].line]
    assert set(sample(others)) >= {each for each in chosen if each in others}


# --- equivalent.toml ---


def one(new: str = "y = 3", **named: Any) -> Mutant:
    return Mutant(
        **{"scope": "band", "old": 'y = x["a"]', "new": new, "line": 7, "source": new, "reference": "y", **named}
    )


def test_what_to_paste_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "equivalent.toml"
    several = [one(), one(scope=""), one(nth=2), one('it\'s "both" \\ and\ntwo lines')]
    path.write_text("\n\n".join(entry(each).replace('why = ""', 'why = "Because."') for each in several), "utf-8")
    read = Equivalents.read(path)
    assert read.wrong == [] and [read.reason(each) for each in several] == ["Because."] * 4
    assert read.reason(one("y = 4")) == ""
    assert read.problems(several, []) == []


def test_entries_that_say_nothing_true_are_named(tmp_path: Path) -> None:
    path = tmp_path / "equivalent.toml"
    assert Equivalents.read(path).problems([one()], []) == []
    path.write_text(
        '[[equivalent]]\nscope = "band"\nold = \'y = x["a"]\'\nnew = ["y = 3", "y = 4"]\nwhy = "So."\n\n'
        '[[equivalent]]\nold = "a"\nnew = "b"\nwhy = " "\n\n'
        '[[equivalent]]\nold = "a"\nnew = "b"\nline = 3\nwhy = "x"\n\n'
        '[[equivalent]]\nold = "a"\nnew = 3\nwhy = "x"\n',
        "utf-8",
    )
    read = Equivalents.read(path)
    problems = "\n".join(read.problems([one()], [one()]))
    assert "entry 2: say why" in problems and "entry 3: it needs old, new and why" in problems
    assert "entry 4: scope, old, new and why are texts" in problems
    assert "no mutant of band turns 'y = x[\"a\"]' into 'y = 4' (any more)" in problems
    assert "a check tells 'y = 3' from" in problems
    path.write_text("[[equivalent]\n", "utf-8")
    assert "can't be read" in Equivalents.read(path).problems([], [])[0]
    path.write_text("[other]\n", "utf-8")
    assert "nothing else" in Equivalents.read(path).problems([], [])[0]


@pytest.mark.parametrize(
    ("body", "new"),
    [
        ("return torch.ones(n, dtype=x.dtype, device=x.device)", "return torch.ones(n, dtype=x.dtype)"),
        ("return torch.ones(n, device=x.device, dtype=x.dtype)", "return torch.ones(n, dtype=x.dtype)"),
        ("return n + x.to(x.device)", "return n + x"),
        ("return x.sort(dim=-1, descending=True)", "return x.sort(descending=True)"),
        ("return torch.argsort(x, dim=-1, stable=True)", "return torch.argsort(x, stable=True)"),
        ("return list(zip(x, n, strict=True))", "return list(zip(x, n))"),
        ("return x.transpose(1, 2)", "return x.transpose(2, 1)"),
        ("return n if bool(x.any()) else x", "return n if x.any() else x"),
        ("return x[int(n), 0]", "return x[n, 0]"),
        ("return x.contiguous().flatten(n)", "return x.flatten(n)"),
    ],
)
def test_what_holds_anyway_needs_no_entry(body: str, new: str) -> None:
    """Only for leaving it out: what else such a line becomes is a mutant as any other."""
    head = "import torch\n\n\ndef f(x, n):\n    # BEGIN SOLUTION\n    "
    source = f"{head}{body}\n    # END SOLUTION\n"
    found = {each.new: Equivalents().reason(each) for each in mutants(source)}
    more = {"return n + x": "return n + x.to()"}.get(new, new.replace("n))", "n, strict=False))"))
    assert {name for name, why in found.items() if why} == {new, more}


def test_how_a_tensor_lies_matters_to_a_view() -> None:
    source = "def f(x):\n    # BEGIN SOLUTION\n    return x.contiguous().view(-1)\n    # END SOLUTION\n"
    assert not any(Equivalents().reason(each) for each in mutants(source))


# --- running them ---

TOTALS = '''"""Totals and means."""

from __future__ import annotations

from torch import Tensor


def total(x: Tensor) -> Tensor:
    """The sum of x along its last dimension."""
    # BEGIN SOLUTION
    found, left = x[:, 0] * 0, x.shape[1]
    while left:
        found = found + x[:, left - 1]
        left -= 1
    return found
    # END SOLUTION


def middle(x: Tensor) -> Tensor:
    """The mean of x along its last dimension."""
    # BEGIN SOLUTION
    return x.sum(dim=-1) / x.shape[1]
    # END SOLUTION
'''


class Bench:
    """A tiny course whose first exercise has mutants that are killed, that hang, that survive, and that are equivalent."""

    def __init__(self, root: Path, zygote: SharedZygote, **files: str) -> None:
        self.root, self.zygote = make_course(root, total_solution=TOTALS, total_mistakes="", **files), zygote
        self.counted: list[tuple[int, int]] = []

    @property
    def folder(self) -> Path:
        return self.root / "solutions/numbers_of/total"

    def run(self) -> MutantReport:
        self.zygote.forked.clear()
        self.counted.clear()
        exercise = load_course(self.root).exercise("numbers_of/total")
        planner = Planner(self.root, self.root / ".autograder/plans", b"s" * 32, self.zygote)  # type: ignore[arg-type]
        client = TwinClient(self.zygote, planner.opening(exercise))  # type: ignore[arg-type]
        try:
            grader = ExerciseGrader(planner.plan(exercise), "", 5, self.zygote, client.review)  # type: ignore[arg-type]
            runner = MutantRunner(
                self.root, self.root / ".autograder/verify", 2, lambda name, *n: self.counted.append(n)
            )
            return runner.run([(exercise, grader)])[0]
        finally:
            client.close()

    def jailed(self) -> int:
        return self.zygote.forked.count("jail")


@pytest.fixture
def bench(tmp_path: Path, zygote: Zygote) -> Bench:
    return Bench(tmp_path, SharedZygote(zygote))


def test_killed_surviving_remembered_and_equivalent_mutants(bench: Bench) -> None:
    first = bench.run()
    assert first.made == len(first.tried) and sorted(bench.counted)[-1] == (first.made, first.made)
    by_new = {each.mutant.new: each for each in first.tried}
    hanging = by_new["pass"]
    assert hanging.mutant.old == "left -= 1" and [said.verdict for said in hanging.said.values()] == [
        "timeout",
        "passed",
    ]
    assert by_new["return x.sum(dim=0) / x.shape[1]"].only_by == "means_of_rows"
    assert first.only_killer()["means_of_rows"] >= 1
    # Squares only, so that nothing tells rows from columns.
    survivor = by_new["return x.sum(dim=-1) / x.shape[0]"]
    assert survivor in first.survivors and first.share < 1
    shown = "\n".join(map(str, reports_details(Report(exercise=first.exercise, mutants=first), False)))
    assert f"solution.py:{survivor.mutant.line}: survives all checks" in shown  # where nothing but mutants was tried
    assert f"{len(first.survivors)} mutants of solution.py survive" in first.problems[0]
    few = replace(first, tried=[each for each in first.tried if not each.survived] * 5 + [survivor])
    assert few.share > 0.98 and few.survivors == [survivor] and few.problems == []  # a case to write, and no fault yet
    assert "-    return x.sum(dim=-1) / x.shape[1]\n+    return x.sum(dim=-1) / x.shape[0]" in first.diff(survivor)
    assert (first.smallest_error("means_of_rows") or 0) > 1

    assert bench.run() == first and bench.jailed() == 0  # nothing runs twice

    wide = TOTAL_CHECKS.replace("hidden=[case(rows=4, columns=4)]", "hidden=[case(rows=4, columns=6)]")
    (bench.folder / "checks.py").write_text(wide, "utf-8")
    second = bench.run()
    # The check that did not change is not asked again, so the mutants of what it looks at need no worker.
    assert 0 < bench.jailed() < first.made
    now = {each.mutant.new: each for each in second.tried}
    assert now["return x.sum(dim=-1) / x.shape[0]"].only_by == "means_of_rows"
    left = [each.mutant for each in second.survivors]
    assert "found, left = x[:, 1] * 0, x.shape[1]" in {each.new for each in left}

    reasons = [entry(each).replace('why = ""', 'why = "Nothing of the column is left."') for each in left]
    (bench.folder / "equivalent.toml").write_text("\n\n".join(reasons), "utf-8")
    third = bench.run()
    assert bench.jailed() == 0
    assert [each.mutant for each in third.equivalent] == left and third.survivors == [] and third.share == 1
    assert third.problems == []

    words = TOTALS.replace('"""Totals and means."""', '"""Totals, and means too."""').replace("1]\n", "1]  # all\n")
    (bench.folder / "solution.py").write_text(words, "utf-8")
    fourth = bench.run()
    assert bench.jailed() == 1  # the plan's, for the reference: words are no code
    assert [each.mutant.new for each in fourth.equivalent] == [each.new for each in left]


def test_an_interrupted_run_goes_on_where_it_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST", 8)
    tried: list[Mutant] = []
    whole = running.MutantTrial.run

    def interrupted(self: Any, mutant: Mutant) -> Any:
        if len(tried) == 4:
            raise KeyboardInterrupt
        tried.append(mutant)
        return whole(self, mutant)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(running.MutantTrial, "run", interrupted)
        bench.run()
    memory = bench.root / ".autograder/verify/numbers_of.total.mutants.jsonl"
    memory.write_text(memory.read_text("utf-8") + '{"key": "torn', "utf-8")
    report = bench.run()
    assert len(report.tried) == 8 < report.made
    assert bench.jailed() == 1 + 4  # for the reference's time, and for what was left
    assert bench.run() == report and bench.jailed() == 0
