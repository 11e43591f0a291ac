"""Hostile answers: values that are no plain data, announced sizes, endless things, texts that would act where they are shown."""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack, exercise, shown_to_students, terminal
from attacks.snoop import FORGE

from autograder.feedback.html import result_html
from autograder.feedback.markdown import result_markdown
from autograder.feedback.policy import student_view

CALL = "def rank(words: list[str]) -> list[str]:\n"
SOFT = "import torch\nfrom torch import Tensor\ndef softmax(x: Tensor) -> Tensor:\n"


def returns(number: int, name: str, body: str, verdict: str | tuple[str, ...] = "failed", **more: str) -> Attack:
    return Attack(number, name, "rank", f"{CALL}    {body}\n", verdict, **more)


def tensor(number: int, name: str, body: str, verdict: str | tuple[str, ...] = "failed", **more: str) -> Attack:
    return Attack(number, name, "soft", f"{SOFT}    {body}\n", verdict, **more)


def forged(number: int, name: str, value: str, verdict: str | tuple[str, ...] = "failed", before: str = "") -> Attack:
    """A reply whose value is these bytes."""
    source = (
        f"{FORGE}import struct, pickle, msgspec\nfrom autograder.wire.encode import encode\nfrom autograder.wire.tree import HEADER, MAGIC\n"
        "pack = msgspec.msgpack.encode\n"
        "def blob(tree, raw=b''):\n    tree = tree if isinstance(tree, bytes) else pack(tree)\n"
        "    return HEADER.pack(MAGIC, len(tree), len(raw)) + raw[:0] + tree + raw\n"
        f"{before}\n{CALL}    forge(kind='value', value={value})\n    return words\n"
    )
    return Attack(number, name, "rank", source, verdict)


BLOBS = [
    forged(15, "forges a pickle as its value", "pickle.dumps(eval)"),
    forged(15, "forges an empty value", "b''"),
    forged(15, "forges random bytes as its value", "__import__('os').urandom(10000)"),
    forged(15, "forges a header of 2**60 bytes", "HEADER.pack(MAGIC, 4, 2**60) + b'\\xc0'"),
    forged(15, "forges a tree that is longer than the message", "HEADER.pack(MAGIC, 2**32 - 1, 0) + b'\\xc0'"),
    forged(15, "forges a tensor of 8 TB", "blob(['T', 'float64', [2**20, 2**20], 0, 2**43])"),
    forged(15, "forges a tensor with negative sizes", "blob(['T', 'float64', [-1, -8], 0, 64], b'x' * 64)"),
    forged(15, "forges a tensor that lies behind the end", "blob(['T', 'float64', [8], 2**40, 64], b'x' * 64)"),
    forged(15, "forges a list nested 10**5 deep", "blob(b'\\x92\\xa1l\\x91' * 10**5 + b'\\xc0')", "crashed"),  # more than was asked for: not read
    forged(15, "forges a list that announces 2**32 items", "blob(b'\\x92\\xa1l\\xdd\\xff\\xff\\xff\\xff')"),
    forged(15, "forges unknown tags, dtypes and types", "blob(['l', [['Z', 1], ['T', 'object', [1], 0, 8]]], b'x' * 8)"),
    forged(15, "forges a dict whose keys are lists", "blob(['d', [['l', []], ['l', []]], [1, 2]])"),
    forged(15, "forges a dict with equal and NaN keys", "blob(['d', [1, 1.0, True, float('nan'), float('nan')], [1, 2, 3, 4, 5]])"),
    forged(15, "forges text that is not UTF-8", "blob(['l', [['u', b'\\xff\\xfe\\x00'], ['u', b'\\xed\\xa0\\x80']]])"),
    forged(15, "forges 3 million items", "blob(['l', [0] * 3_000_000])", "crashed"),
    forged(15, "forges a set of numbers with one hash", "blob(['s', [['i', (n * (2**61 - 1)).to_bytes(16, 'little')] for n in range(4000)]])"),
    forged(15, "forges changed inputs and a right answer", "encode(sorted(words)), changed=b'\\x00' * 100"),
]  # fmt: skip

VALUES = [
    returns(15, "returns an array of objects", "import numpy\n    return numpy.array([print, open], dtype=object)"),
    returns(15, "returns an int of 10**6 digits", "return [10 ** (10**6)]"),
    returns(15, "returns a list nested 10**5 deep", "x = []\n    for _ in range(10**5): x = [x]\n    return x"),
    returns(15, "returns a list that holds itself", "words.append(words)\n    return words"),
    returns(15, "returns an endless generator", "return (word for _ in iter(int, 1) for word in words)"),
    returns(15, "returns a hundred million characters", "return ['x' * 10**8]", ("failed", "memory")),
    returns(15, "returns ten million words", "return ['x'] * 10**7", ("failed", "timeout", "memory")),
    returns(15, "returns a module, a function, a class, a lock", "import threading, sys\n    return [sys, rank, int, threading.Lock()]"),
    returns(15, "returns lone surrogates and control characters", "return ['\\ud800', '\\x00\\x1b[2J', '\\u202e']"),
    tensor(15, "returns a view that expands to 8 TB", "return torch.zeros(1).expand(2**20, 2**20)", ("failed", "memory")),
    tensor(15, "returns a tensor on the meta device", "return torch.empty(2**30, 2**10, device='meta')", ("failed", "timeout")),
    tensor(15, "returns a sparse tensor", "return torch.eye(3).to_sparse()"),
    tensor(15, "returns a parameter of 128 MB in half precision", "return torch.nn.Parameter(torch.zeros(2**16, 2**10)).half()", ("failed", "memory")),
    Attack(15, "returns an endless dict and an int that is a bool", "notes",
           "def count(words: list[str]) -> int:\n    return True\n"
           "def distinct(words: list[str]) -> dict[str, int]:\n    return dict.fromkeys(map(str, range(10**6)), 1)\n",
           ("failed", "timeout")),
]  # fmt: skip

EXCEPTIONS = [
    returns(17, "raises an exception whose text loops", "raise type('E', (Exception,), {'__str__': lambda self: exec('while True: pass')})()",
            ("failed", "timeout")),
    returns(17, "raises an exception whose text raises", "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()"),
    returns(17, "raises an exception whose text is no text", "raise type('E', (Exception,), {'__str__': lambda self: 7})()"),
    returns(17, "raises an exception with a text of 100 MB", "raise ValueError('x' * 10**8)", ("failed", "memory")),
    returns(17, "raises an exception with a name of 1 MB", "raise type('x' * 10**6, (Exception,), {})()"),
    returns(17, "raises an exception that is its own cause", "e = ValueError()\n    e.__cause__ = e.__context__ = e\n    raise e"),
    returns(17, "raises exceptions nested 10**5 deep",
            "e = ValueError()\n    for _ in range(10**5): e = ExceptionGroup('', [e])\n    raise e", ("failed", "crashed")),
    returns(17, "raises an exception of a hostile metaclass",
            "M = type('M', (type,), {'__getattribute__': lambda c, n: 1 / 0, '__instancecheck__': lambda c, o: True})\n"
            "    raise M('E', (Exception,), {})()", ("failed", "crashed")),
    returns(17, "raises an exception that exits when it is looked at",
            "raise type('E', (Exception,), {'__str__': lambda self: __import__('os')._exit(3), '__getattr__': lambda s, n: exit()})()",
            ("failed", "crashed")),
    returns(17, "raises something that makes no traceback", "e = ValueError('x')\n    raise e.with_traceback(None)"),
]  # fmt: skip


@pytest.mark.parametrize("attack", BLOBS + VALUES + EXCEPTIONS, ids=lambda attack: attack.name)
def test_what_a_worker_sends_does_no_harm(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)


ACTS = "<script>alert(1)</script> [link](javascript:alert(1)) ![x](http://evil.example/) \\x1b]0;title\\x07\\x1b[31m \\u202e **bold** | ` ``` <img src=x onerror=alert(1)> &lt; \\r\\n# Heading \\x00 \\ud800"
SHOWN = [
    returns(16, "prints what would act", f"print('''{ACTS}''')\n    return words[:1]"),
    returns(16, "writes bytes that are no text", "import sys, os\n    os.write(sys.stdout.descriptor, b'\\xff\\xfe\\x00 \\x1b[2J <script>')\n    return []"),
    returns(16, "raises what would act", f"raise ValueError('''{ACTS}''')"),
    returns(16, "returns what would act", f"return ['''{ACTS}''']"),
    returns(16, "names what would act", f"raise type('''{ACTS}'''.replace(chr(0), '').replace(chr(0xd800), ''), (Exception,), {{}})()"),
    Attack(16, "has file contents that would act", "rank", f"{CALL}    raise ValueError  # <script>alert(1)</script> `x` \x1b[31m \u202e\n", "failed"),
]  # fmt: skip


@pytest.mark.parametrize("attack", SHOWN, ids=lambda attack: attack.name)
def test_texts_are_shown_and_do_not_act(arena: Arena, attack: Attack) -> None:
    result = arena.fight(attack)
    for shown in (result, student_view(result, "case")):
        html, markdown = result_html(shown), result_markdown(shown)
        assert "<script>alert" not in html and "<img src=x" not in html and 'href="javascript' not in html
        assert not any(line.lstrip().startswith(("<script", "<img", "# Heading")) for line in _outside_fences(markdown))
        for text in (html, markdown, terminal(shown)):
            assert not {"\x1b", "\x07", "\x00", "\u202e", "\ud800"} & set(text)
    assert shown_to_students(result, "diagnosis")
    assert exercise(result, "rank").checks[0].cases[0].public


def _outside_fences(markdown: str) -> list[str]:
    lines, fence = [], ""
    for line in markdown.splitlines():
        mark = line.strip()
        if not fence and mark.startswith("```"):
            fence = mark[: len(mark) - len(mark.lstrip("`"))]
        elif fence and mark == fence:
            fence = ""
        elif not fence:
            lines.append(line)
    return lines
