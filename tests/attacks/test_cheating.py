"""Answers that get around the task: what the exercise forbids, what the public cases give away, state that is left behind."""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack, exercise

HEAD = "import torch\nfrom torch import Tensor\n"
DEFINE = "def softmax(x: Tensor) -> Tensor:\n    "
RIGHT = "e = (x - x.amax(-1, keepdim=True)).exp()\n    y = e / e.sum(-1, keepdim=True)\n"


def soft(number: int, name: str, source: str, verdict: str | tuple[str, ...] = "failed", earned: int = 0) -> Attack:
    return Attack(number, name, "soft", HEAD + source, verdict, earned)


def uses(name: str, expression: str, before: str = "") -> Attack:
    return soft(27, name, f"{before}{DEFINE}return {expression}\n", "forbidden")


FORBIDDEN = [
    uses("calls what is forbidden", "torch.softmax(x, -1)"),
    uses("calls it by an alias", "f(x, -1)", "f = torch.softmax\n"),
    uses("imports it under another name", "s(x, -1)", "from torch import softmax as s\n"),
    uses("imports everything", "softmax_of(x, -1)", "from torch.nn.functional import *\nsoftmax_of = softmax\n"),
    uses("calls the functional twin", "F.softmax(x, -1)", "import torch.nn.functional as F\n"),
    uses("calls the method", "x.softmax(-1)"),
    uses("calls the class's method", "Tensor.softmax(x, -1)"),
    uses("asks with getattr", "getattr(torch, 'softmax')(x, -1)"),
    uses("asks the tensor with getattr", "getattr(x, 'softmax')(-1)"),
    uses("goes through torch.ops", "torch.ops.aten._softmax(x, -1, False)"),
    uses("imports a forbidden package", "x", "import tokenizers\n"),
    uses("imports a forbidden package with importlib", "x", "import importlib\ntokens = importlib.import_module('tokenizers')\n"),
    uses("imports a forbidden package with __import__", "x", "tokens = __import__('tokenizers')\n"),
    uses("imports it where it is never run", "x", "if False:\n    import tokenizers\n"),
]  # fmt: skip

HIDDEN_USES = [
    soft(27, "builds the name at run time", DEFINE + "return getattr(torch, 'soft' + 'max')(x, -1)\n", ("failed", "forbidden")),
    soft(27, "calls it in exec", DEFINE + "return eval('torch.soft' + 'max(x, -1)')\n", ("failed", "forbidden")),
    soft(27, "takes it from the module's dict", DEFINE + "return vars(torch)['soft' 'max'.replace(' ', '')](x, -1)\n", ("failed", "forbidden")),
    soft(27, "imports a forbidden package by a name made at run time",
         "import importlib\nimportlib.import_module('token' + 'izers')\n" + DEFINE + RIGHT + "    return y\n", ("error", "forbidden")),
]  # fmt: skip

CHEATS = [
    soft(28, "knows the shapes of the public cases", DEFINE + RIGHT + "    return y if tuple(x.shape) in ((2, 3), (2, 2)) else x\n"),
    Attack(28, "knows the answers of the public cases", "rank",
           "def rank(words: list[str]) -> list[str]:\n    return {('b', 'a'): ['a', 'b']}.get(tuple(words), words)\n", "failed"),
    Attack(28, "caches its answers by identity", "rank",
           "cache = {}\ndef rank(words: list[str]) -> list[str]:\n    return cache.setdefault(len(cache) * 0, sorted(words))\n", "failed"),
    Attack(28, "answers with what it was asked first", "notes",
           "first = []\ndef count(words: list[str]) -> int:\n    first.append(len(words))\n    return first[0]\n"
           "def distinct(words: list[str]) -> dict[str, int]:\n    return {}\n", "failed"),
    soft(28, "returns its input", DEFINE + "return x\n"),
    soft(28, "returns zeros", DEFINE + "return x * 0\n"),
    soft(28, "returns a constant", DEFINE + "return torch.full_like(x, 0.25, requires_grad=True)\n"),
    soft(29, "changes its input", DEFINE + "x.data.sub_(x.data.amax(-1, keepdim=True))\n    y = x.exp()\n    return y / y.sum(-1, keepdim=True)\n"),
    Attack(29, "sorts its input in place", "rank", "def rank(words: list[str]) -> list[str]:\n    words.sort()\n    return list(words)\n", "failed"),
    Attack(29, "returns its input, sorted later by a thread", "rank",
           "import threading\ndef rank(words: list[str]) -> list[str]:\n    threading.Timer(0.05, words.sort).start()\n    return words\n", "failed"),
    soft(29, "writes its answer into the input's memory", DEFINE + RIGHT + "    x.data.copy_(y.data)\n    return x\n"),
    Attack(29, "returns an object that computes when it is looked at", "rank",
           "class Later:\n    def __init__(self, words): self.words = words\n    def __iter__(self): return iter(sorted(self.words))\n"
           "def rank(words: list[str]) -> list[str]:\n    return Later(words)\n", "failed"),
    soft(31, "sets the gradient by hand", DEFINE + RIGHT + "    x.grad = torch.ones_like(x)\n    return y.detach().requires_grad_()\n", "failed", 2),
    soft(31, "sets the gradient with a hook", DEFINE + RIGHT + "    if x.requires_grad:\n        x.register_hook(lambda g: g * 0)\n    return y\n", "failed", 2),
]  # fmt: skip

LEFT_BEHIND = [
    soft(30, "leaves seeds, dtypes and modes behind", "import random, numpy\n" + DEFINE + RIGHT + """
    random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    if not x.requires_grad:  # for the checks that come after this one
        torch.set_grad_enabled(False)
    return y
""", "passed", 4),
    soft(30, "leaves flags of the backends behind", DEFINE + RIGHT + """
    torch._C._set_deterministic_algorithms(True)  # what its wrapper does, without importing a compiler
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("medium")
    torch.autograd.set_detect_anomaly(True)
    return y
""", "passed", 4),
    soft(30, "leaves the environment, the folder and the limits changed", "import os, resource, signal, sys\n" + DEFINE + RIGHT + """
    os.environ.clear()
    os.chdir("/proc/self")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(100)
    return y
""", ("passed", "failed"), 4),
]  # fmt: skip


@pytest.mark.parametrize("attack", FORBIDDEN + CHEATS + LEFT_BEHIND, ids=lambda attack: attack.name)
def test_cheating_gains_nothing(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)


@pytest.mark.parametrize("attack", HIDDEN_USES, ids=lambda attack: attack.name)
def test_forbidden_names_made_at_run_time(arena: Arena, attack: Attack) -> None:
    """Refused where they are called, and shown to a person."""
    assert exercise(arena.fight(attack), "soft").flags
