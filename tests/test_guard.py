"""What an exercise forbids is refused while the code runs: for the student's code, and for nobody else."""

from __future__ import annotations

import ast
import os
import sysconfig
from pathlib import Path

import pytest
import torch

from autograder.course import load_course
from autograder.experiment.suspicious import suspicions
from autograder.jail import layers
from autograder.jail.guard import ForbiddenUse, Guard
from autograder.jail.handle import Worker
from autograder.jail.host import Limits, Zygote
from autograder.twin.exercise import load_exercise
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Inspect, Inspected, Load, Noticed, Observed, Run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")

FORBID = [
    "torch.softmax", "torch.nn.functional.softmax", "Tensor.softmax", "torch.ops", "torch.nn.functional.scaled_dot_product_attention",
    "torch.nn.MultiheadAttention", "torch.special.softmax", "transformers", "scipy", "sqlite3",
]  # fmt: skip
HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor\nname = 'xamtfos'[::-1]\n"
STUB = "def f(x):\n    ...\n"
EXPERIMENTS = (
    "import torch\ndef e(student, x):\n    return student.f(x)\n"
    "def own(student, x):\n    return torch.softmax(student.f(x), -1)\n"
    "def handed(student, x):\n    return student.f(lambda y: torch.softmax(y, -1))\n"
)
X = torch.arange(6.0).reshape(2, 3)
INPUTS = encode({"x": X})


def load(worker: Worker, source: str, forbid: list[str] | None = None) -> Observed:
    return worker.ask(
        Load("g.f", "g/f.py", source, STUB, EXPERIMENTS, forbidden=FORBID if forbid is None else forbid), 60
    )


def run(zygote: Zygote, source: str, experiment: str = "e", forbid: list[str] | None = None) -> Observed:
    with zygote.fork("jail", Limits(cpu_seconds=60)) as worker:
        loaded = load(worker, source, forbid)
        if loaded.kind != "loaded":
            return loaded
        seen = worker.ask(Run(experiment, INPUTS), 60)
        seen.noticed[:0] = loaded.noticed
        return seen


ROUTES = {
    "getattr": "return getattr(torch, name)(x, -1)",
    "getattr of the functional module": "return getattr(F, name)(x, -1)",
    "getattr of the tensor": "return getattr(x, name)(-1)",
    "getattr of its class": "return getattr(Tensor, name)(x, -1)",
    "the module's dict": "return torch.__dict__[name](x, -1)",
    "eval": "return eval('torch.' + name)(x, -1)",
    "exec in a file of another name": "d = {'x': x}\n    exec(compile('import torch; y = torch.' + name + '(x, -1)', 'elsewhere', 'exec'), d)\n    return d['y']",
    "handed to map": "return next(map(getattr(torch, name), [x], [-1]))",
    "handed to partial": "import functools\n    return functools.partial(getattr(torch, name), dim=-1)(x)",
    "handed to vmap": "return torch.func.vmap(lambda *a: None or getattr(torch, name)(*a, -1))(x)",
    "handed to a library that calls it": "return torch.func.vmap(getattr(torch, name), in_dims=(0, None))(x, -1)",
    "handed to a thread": "from concurrent.futures import ThreadPoolExecutor\n    with ThreadPoolExecutor(1) as pool:\n"
    "        return pool.submit(getattr(torch, name), x, -1).result()",
    "an operator": "return getattr(getattr(torch, 'spo'[::-1]).aten, '_' + name)(x, -1, False)",
    "an operator's overload": "return getattr(getattr(torch, 'spo'[::-1]).aten, '_' + name).default(x, -1, False)",
    "a class": "return getattr(torch.nn, 'Multihead' + 'Attention')(3, 1)(x, x, x)[0]",
    "a class's subclass": "class A(getattr(torch.nn, 'Multihead' + 'Attention')):\n        pass\n    return A(3, 1)(x, x, x)[0]",
    "in a loop over names": "return [v for k, v in vars(F).items() if k.startswith('softma')][0](x, -1)",
    "a C function": "return getattr(F, 'scaled_dot' + '_product_attention')(x, x, x)",
}  # fmt: skip


@pytest.mark.parametrize("body", ROUTES.values(), ids=ROUTES)
def test_a_name_made_at_run_time_is_refused(zygote: Zygote, body: str) -> None:
    seen = run(zygote, f"{HEAD}def f(x):\n    {body}\n")
    assert seen.kind == "forbidden" and seen.name in FORBID, seen
    assert seen.noticed == [Noticed("call", seen.name, seen.noticed[0].line)]


def test_a_refusal_that_is_swallowed_is_still_told(zygote: Zygote) -> None:
    seen = run(
        zygote,
        f"{HEAD}def f(x):\n    try:\n        return getattr(torch, name)(x, -1)\n    except Exception:\n        return x\n",
    )
    assert seen.kind == "value" and seen.noticed == [Noticed("call", "torch.softmax", 7)]


HONEST = {
    "attention of the library": ("return F.multi_head_attention_forward(x[None], x[None], x[None], 3, 1, torch.ones(9, 3), None, None, None, False, 0.0, "
                                 "torch.ones(3, 3), None)[0]", ["torch.nn.functional.softmax", "torch.softmax"]),
    "a layer that holds a forbidden one": ("return torch.nn.TransformerEncoderLayer(3, 1, 4)(x[None])", ["torch.nn.MultiheadAttention", "torch.softmax"]),
    "a distribution": ("return torch.distributions.Categorical(logits=x).probs", ["torch.nn.functional.softmax"]),
    "Gumbel softmax": ("return F.gumbel_softmax(x)", ["Tensor.softmax"]),
    "layers, losses, optimisers": (
        "layer = torch.nn.Linear(3, 3)\n    o = torch.optim.AdamW(layer.parameters())\n    F.cross_entropy(layer(x), torch.tensor([0, 1])).backward()\n"
        "    o.step()\n    return layer.weight", FORBID),
    "gradients of its own function": (
        "class S(torch.autograd.Function):\n        @staticmethod\n        def forward(c, x):\n            return x * 2\n        @staticmethod\n"
        "        def backward(c, g):\n            return g * 2\n    x = x.clone().requires_grad_()\n    S.apply(x).sum().backward()\n    return x.grad", FORBID),
    "getattr of what is allowed": ("return getattr(torch, 'e' + 'xp')(x)", FORBID),
    "vmap, grad and checkpoint": (
        "from torch.utils.checkpoint import checkpoint\n    g = torch.func.vmap(torch.func.grad(lambda r: r.exp().sum()))(x)\n"
        "    return g + checkpoint(torch.exp, x, use_reentrant=False)", FORBID),
    "dataclasses and named tuples": (
        "import dataclasses, collections\n    P = dataclasses.make_dataclass('P', ['a'])\n    N = collections.namedtuple('N', 'a')\n    return P(1).a + N(1).a", FORBID),
    "a library that would use a forbidden package if it were there": (
        "try:\n        import scipy_free_module_that_is_not_there\n    except ImportError:\n        pass\n    import torch.optim.lr_scheduler\n    return x", FORBID),
}  # fmt: skip


@pytest.mark.parametrize(("body", "forbid"), HONEST.values(), ids=HONEST)
def test_libraries_go_on_using_it(zygote: Zygote, body: str, forbid: list[str]) -> None:
    seen = run(zygote, f"{HEAD}def f(x):\n    {body}\n", forbid=forbid)
    assert seen.kind == "value" and not seen.noticed, seen


def test_experiments_and_what_they_hand_over_may_use_it(zygote: Zygote) -> None:
    own = run(zygote, "def f(x):\n    return x\n", "own")
    assert torch.equal(decode(own.value), torch.softmax(X, -1)) and not own.noticed
    handed = run(zygote, f"{HEAD}def f(x):\n    return x(torch.ones(3))\n", "handed")
    assert handed.kind == "value" and not handed.noticed


PACKAGES = {
    "import_module": "import importlib\nimportlib.import_module('transfor' + 'mers')",
    "__import__": "__import__('transfor' + 'mers')",
    "exec": "exec('import transfor' + 'mers')",
    "without the finder": "import importlib, sys\nsys.meta_path[:] = [m for m in sys.meta_path if 'guard' not in type(m).__module__]\n"
    "importlib.import_module('transfor' + 'mers')",
    "by its file": "import importlib.util, glob, sysconfig\npath = sysconfig.get_paths()['purelib'] + '/transfor' + 'mers/__init__.py'\n"
    "spec = importlib.util.spec_from_file_location('t', path)\nspec.loader.exec_module(importlib.util.module_from_spec(spec))",
    "its text": "import sysconfig\nexec(open(sysconfig.get_paths()['purelib'] + '/transfor' + 'mers/__init__.py').read())",
    "of the standard library": "__import__('sqlit' + 'e3')",
}  # fmt: skip


@pytest.mark.parametrize("code", PACKAGES.values(), ids=PACKAGES)
def test_a_package_that_is_the_answer_can_not_be_imported(zygote: Zygote, code: str) -> None:
    pytest.importorskip("transformers")
    seen = run(zygote, f"{code}\n{HEAD}def f(x):\n    return x\n")
    assert seen.kind == "forbidden" and seen.name in ("transformers", "sqlite3"), seen
    assert [each.kind for each in seen.noticed] == ["import"]


def test_what_a_library_imports_for_itself_is_not_there_either_and_nobody_is_blamed(zygote: Zygote) -> None:
    """`plistlib` wants `xml`, as a library might want a package that is the answer."""
    seen = run(zygote, "def f(x):\n    import plistlib\n    return x\n", forbid=["xml"])
    assert seen.kind == "raised" and seen.name == "ForbiddenImport" and not seen.noticed


def inspect(zygote: Zygote, source: str, forbidden: list[str], stub: str = "") -> list[tuple[str, str, int]]:
    with zygote.fork("jail", Limits(cpu_seconds=60)) as worker:
        seen = worker.exchange(Inspect(source, forbidden, stub), 60, Inspected)
        return [(each.kind, each.name, each.line) for each in seen.noticed]


def test_a_worker_looks_at_a_source_before_it_runs_any_of_it(zygote: Zygote) -> None:
    source = "import torch, ctypes\nf = getattr(torch, 'a' + 'b')\nexec('x')\nraise SystemExit\n"
    assert inspect(zygote, source, ["torch.softmax"]) == [
        ("insides", "ctypes", 1),
        ("computed-name", "getattr", 2),
        ("run-text", "exec", 3),
    ]
    assert inspect(zygote, "def f(:\n", []) == [] and inspect(zygote, "(" * 9000, []) == []


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("import socket", "socket"),
        ("from subprocess import run", "subprocess.run"),
        ("import os\nos.kill(os.getppid(), 9)", "os.kill"),
        ("import os\nos.execv('x', [])", "os.execv"),
        ("from os import environ", "os.environ"),
        ("x = open('notes')", "open"),
        ("x = '/proc/1/environ'", "/proc/1/environ"),
        ("x = '../../solutions/a/b/checks.py'", "../../solutions/a/b/checks.py"),
        ("import os\nos.path.join('a', 'b')", ""),
        ("import os\nx = os.cpu_count()", ""),
        ("x = 'a / b', 'home/', 'checks.py is hidden', '/procedure'", ""),
    ],
)
def test_who_reaches_for_the_machine_is_shown_to_a_person(zygote: Zygote, code: str, word: str) -> None:
    """The jail refuses what matters without a word; an instructor wants to know all the same."""
    found = inspect(zygote, code + "\n", [])
    assert [(kind, name) for kind, name, _ in found] == ([("machine", word)] if word else [])


def test_the_courses_own_answers_raise_no_suspicion() -> None:
    root = Path(__file__).parents[1]
    for each in (module.exercises[-1] for module in load_course(root).modules):
        exercise = load_exercise(each.solution_dir(root), each.name)
        stub = ast.parse(exercise.stub)
        for source in (exercise.reference, *(one.source for one in exercise.alternatives)):
            found = suspicions(ast.parse(source), each.forbid, stub)
            assert [one for one in found if one.trick == "machine"] == [], each.name


def test_no_reference_is_flagged() -> None:
    """A flag that right answers have is one that an instructor learns to pass over."""
    root = Path(__file__).parents[1]
    for each in load_course(root).exercises:
        tree, stub = (
            ast.parse((root / folder).read_text("utf-8"))
            for folder in (f"solutions/{each.name}/solution.py", f"assignments/{each.name}.py")
        )
        assert suspicions(tree, each.forbid, stub) == [], each.name


@pytest.mark.parametrize(("forbidden", "flagged"), [([], False), (["peft"], False), (["torch.softmax"], True)])
def test_a_name_in_a_package_is_looked_at_where_the_exercise_forbids_one_of_its_names(
    zygote: Zygote, forbidden: list[str], flagged: bool
) -> None:
    code = "import torch.nn.functional as F\ndef f(x, act):\n    return getattr(F, act)(x)\n"
    assert inspect(zygote, code, forbidden) == ([("computed-name", "getattr", 3)] if flagged else [])
    sly = "import sys\ndef f(name):\n    return getattr(sys, name)\n"
    assert bool(inspect(zygote, sly, forbidden)) == bool(forbidden)  # from there every package can be had


def test_what_the_stub_has_already_is_no_suspicion_and_what_is_added_is(zygote: Zygote) -> None:
    stub = "import subprocess\ndef f(x):\n    return subprocess.run(x)\n"
    assert inspect(zygote, stub, []) == [("machine", "subprocess", 1)]
    assert inspect(zygote, stub, [], stub) == []
    assert inspect(zygote, stub + "import socket\n", [], stub) == [("machine", "socket", 4)]


def test_the_refusal_says_what_and_why() -> None:
    with pytest.raises(ForbiddenUse, match=r"torch\.softmax is what this exercise asks you to write yourself"):
        Guard(["torch.softmax"], "f.py")._refuse("torch.softmax", 3)


# --- packages, as the kernel has it -----------------------------------------------------------------------------------

READ = "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.open.restype = ctypes.c_int\ndef f(x):\n    return [libc.open(p, 0) >= 0 for p in {paths!r}]\n"


@pytest.mark.skipif(not layers.isolation().enough_for_hidden, reason=layers.isolation().why)
@pytest.mark.parametrize("without", [[], ["L3 cgroup", "L3 namespaces", "L3 uid"]], ids=["everything", "L2"])
def test_not_even_a_system_call_opens_a_package_that_is_the_answer(without: list[str]) -> None:
    """The guard knows nothing of `libc.open`: the package is not in the private root, or Landlock does not grant it."""
    pytest.importorskip("transformers")
    packages = sysconfig.get_paths()["purelib"]
    files = [f"{packages}/{name}/__init__.py".encode() for name in ("transformers", "tokenizers", "torch", "numpy")]
    with (
        Zygote(without=without) as zygote,
        zygote.fork("jail", Limits(60, hidden=("transformers", "tiktoken"))) as worker,
    ):
        assert load(worker, READ.format(paths=files), []).kind == "loaded"
        assert decode(worker.ask(Run("e", INPUTS), 60).value) == [False, True, True, True]
        assert load(worker, "import os, torch.optim.lr_scheduler, regex, importlib.metadata\n"
                            "importlib.metadata.version('torch')\ndef f(x): return x\n", []).kind == "loaded"  # fmt: skip


def test_a_machine_without_landlock_hides_packages_in_the_private_root() -> None:
    if layers.isolation().level < 3:
        pytest.skip("another uid and namespaces can't be had here")
    pytest.importorskip("transformers")
    file = f"{sysconfig.get_paths()['purelib']}/transformers/__init__.py".encode()
    with Zygote(without=["L2 landlock"]) as zygote, zygote.fork("jail", Limits(60, hidden=("transformers",))) as worker:
        assert load(worker, READ.format(paths=[file]), []).kind == "loaded"
        assert decode(worker.ask(Run("e", INPUTS), 60).value) == [False]
