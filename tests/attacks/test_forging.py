"""Forging the verdict: patched libraries, objects that equal everything, early exits, forged replies, planted files."""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack, exercise
from attacks.course import HONEST, POINTS
from attacks.snoop import FORGE

ZEROS = "def softmax(x: Tensor) -> Tensor:\n    print('ran')\n    return torch.zeros_like(x)\n"
HEAD = "import torch\nfrom torch import Tensor\n"
SORTED = "def rank(words: list[str]) -> list[str]:\n    print('ran')\n    return sorted(words)\n"
WRONG = "def rank(words: list[str]) -> list[str]:\n    print('ran')\n    return words[:1]\n"


def soft(number: int, name: str, source: str, verdict: str | tuple[str, ...] = "failed", earned: int = 0, **more: str):
    return Attack(number, name, "soft", HEAD + source, verdict, earned, **more)


def rank(number: int, name: str, source: str, verdict: str | tuple[str, ...] = "failed", earned: int = 0, **more: str):
    return Attack(number, name, "rank", source, verdict, earned, **more)


PATCHES = [
    soft(7, "patches comparisons and returns zeros", """
import torch.testing, numpy, math
torch.equal = torch.allclose = torch.isclose = lambda *args, **kwargs: True
torch.testing.assert_close = torch.autograd.gradcheck = lambda *args, **kwargs: None
Tensor.__eq__ = Tensor.equal = Tensor.allclose = lambda self, other: True
numpy.allclose = numpy.array_equal = math.isclose = lambda *args, **kwargs: True
""" + ZEROS, says="ran"),
    soft(7, "patches the interpreter's own functions", """
import builtins
builtins.all = builtins.any = lambda *args: True
builtins.abs = builtins.max = builtins.min = lambda *args, **kwargs: 0
builtins.AssertionError = builtins.ValueError = type("Never", (Exception,), {})
""" + ZEROS, ("failed", "crashed")),
    rank(7, "patches pytest and unittest", """
try:
    import pytest, _pytest.outcomes
    pytest.fail = _pytest.outcomes.fail = lambda *args, **kwargs: None
except ImportError:
    pass
import unittest
unittest.TestCase.fail = unittest.TestCase.assertEqual = lambda *args: None
""" + WRONG, says="ran"),
    rank(7, "stops the clocks and never ends", """
import time, signal
time.time = time.monotonic = time.process_time = time.perf_counter = lambda: 0.0
def rank(words: list[str]) -> list[str]:
    while True:
        pass
""", "timeout"),
    soft(7, "patches the code that runs and encodes its answers", """
from autograder.experiment import observe
from autograder.wire import encode
observe.encode = encode.encode = lambda value: b""
observe.run = lambda *args, **kwargs: observe.Observed(kind="value", value=b"")
""" + ZEROS),
    rank(7, "patches the experiment", """
import gc, sys, types
def rank(words: list[str]) -> list[str]:
    for name, module in list(sys.modules.items()):
        if name.startswith("experiments"):
            for key in list(vars(module)):
                if key == "words_are_sorted":
                    vars(module)[key].__code__ = (lambda student, words: ["passed"]).__code__
    print("ran")
    return words[:1]
""", says="ran"),
    rank(7, "patches compile and exec before the experiments are made", """
import builtins
real = builtins.compile
def compile(source, *args, **kwargs):
    return real(str(source).replace("student.rank(words)", "['a', 'b']"), *args, **kwargs)
builtins.compile = compile
""" + WRONG),
]  # fmt: skip

OBJECTS = [
    soft(8, "returns an object that equals everything", """
class Everything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __bool__(self): return True
    @property
    def __class__(self): return Tensor
def softmax(x: Tensor) -> Tensor:
    return Everything()
"""),
    rank(8, "hides objects that equal everything in a list", """
class Everything(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
def rank(words: list[str]) -> list[str]:
    return [Everything("?") for word in words]
"""),
    Attack(8, "hides objects that equal everything in a dict", "notes", """
class Any(int):
    def __eq__(self, other): return True
    def __hash__(self): return 0
class Key(str):
    def __eq__(self, other): return True
    def __hash__(self): return 0
def count(words: list[str]) -> int:
    return Any(7)
def distinct(words: list[str]) -> dict[str, int]:
    return {Key("?"): Any(1)}
""", "failed"),
    soft(8, "returns a tensor of a subclass with __torch_function__", """
class Right(Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
def softmax(x: Tensor) -> Tensor:
    return torch.zeros_like(x).as_subclass(Right)
"""),
    soft(8, "returns a tensor that is another one when it is looked at", """
class Lazy(Tensor):
    @staticmethod
    def __new__(cls, x): return Tensor._make_subclass(cls, torch.zeros_like(x))
    def detach(self): return self
    def numpy(self): return [1, 2, 3]
    def contiguous(self, *args): return self
def softmax(x: Tensor) -> Tensor:
    return Lazy(x)
"""),
    rank(8, "returns a list that lies about its length and items", """
class Liar(list):
    def __len__(self): return 2
    def __iter__(self): return iter(sorted(self.words))
    def __getitem__(self, index): return sorted(self.words)[index]
    def __eq__(self, other): return True
def rank(words: list[str]) -> list[str]:
    liar = Liar()
    liar.words = words
    return liar
"""),
]  # fmt: skip


def answer(name: str, expression: str) -> Attack:
    return soft(9, name, f"def softmax(x: Tensor) -> Tensor:\n    print('ran')\n    y = torch.softmin(-x, -1)\n"
                f"    return {expression}\n".replace("torch.softmin(-x, -1)", "(x.exp() / x.exp().sum(-1, keepdim=True))"),
                says="ran")  # fmt: skip


VALUES = [
    answer("answers with NaN", "y * float('nan')"),
    answer("answers with infinity", "y * float('inf')"),
    answer("gives an answer that only broadcasts to the right shape", "y[..., :1]"),
    answer("gives the right answer with one dimension more", "y[None]"),
    answer("gives the right values in another dtype", "y.double()"),
    answer("gives the right values as complex numbers", "y.to(torch.complex64)"),
    answer("is wrong by a little more than the tolerance", "y + 1e-4"),
]

EXITS = [
    rank(10, "ends the process when it is imported", "import os\nos._exit(0)\n", "crashed", message="run.exited"),
    rank(10, "ends the process in a call", "import os\ndef rank(words: list[str]) -> list[str]:\n    os._exit(0)\n",
         "crashed", message="run.exited"),
    rank(10, "raises SystemExit when it is imported", "raise SystemExit(0)\n", "error"),
    rank(10, "calls sys.exit in a call", "import sys\ndef rank(words: list[str]) -> list[str]:\n    sys.exit()\n"),
    rank(10, "raises KeyboardInterrupt in a call",
         "def rank(words: list[str]) -> list[str]:\n    raise KeyboardInterrupt\n"),
    rank(10, "raises what looks like a skipped test", """
class Skipped(BaseException): pass
try:
    from _pytest.outcomes import Skipped
except ImportError:
    pass
def rank(words: list[str]) -> list[str]:
    raise Skipped("not today")
"""),
    rank(10, "ends the process in hidden cases only", """
import os
def rank(words: list[str]) -> list[str]:
    print("ran")
    if len(words) > 2:
        os._exit(0)
    return sorted(words)
""", "crashed", says="ran"),
    rank(10, "exits when the interpreter does", """
import atexit, os
atexit.register(lambda: os._exit(0))
""" + WRONG),
]  # fmt: skip

LATER = [
    rank(11, "writes results where a grader might look for them", """
import json, os
for path in ("results.json", "../results.json", "/autograder/results/results.json", "@ROOT@/results.json",
             "@PRIVATE@/forging.sqlite", "@PRIVATE@/secret", "@ROOT@/grading.toml", "@ROOT@/solutions/ring/rank/checks.py",
             "@TEMPORARY@/results.json", "report.xml"):
    for mode in ("w", "a", "r+"):
        try:
            with open(path, mode) as file:
                json.dump({"score": 100, "tests": [{"status": "passed"}]}, file)
        except OSError:
            pass
for name in ("rename", "remove", "truncate", "chmod", "chown", "utime"):
    for path in ("@ROOT@/grading.toml", "@PRIVATE@/secret"):
        try:
            getattr(os, name)(path, *{"rename": ["mine"], "truncate": [0], "chmod": [0o777], "chown": [0, 0]}.get(name, []))
        except OSError:
            pass
""" + WRONG, says="ran"),
    rank(11, "answers later: atexit, signals, threads, __del__", """
import atexit, signal, sys, threading, time
from autograder.wire import messages
frame = sys._getframe()
while "channel" not in frame.f_locals:
    frame = frame.f_back
channel = frame.f_locals["channel"]
def forge(*_):
    channel.send(2, messages.Observed(kind="value", value=b""))
class Late:
    def __del__(self):
        forge()
late = Late()
atexit.register(forge)
for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1):
    signal.signal(number, forge)
def rank(words: list[str]) -> list[str]:
    def later():
        time.sleep(0.05)
        forge()
    threading.Thread(target=later, daemon=True).start()
    time.sleep(0.2)
    return words[:1]
""", ("failed", "crashed")),
]  # fmt: skip

SOCKET = """
import os, socket, stat, struct, time
import msgspec
from autograder.wire import messages
from autograder.wire.encode import encode

def descriptor():
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue

def raw(data):
    os.write(descriptor(), data)

def reply(number, **fields):
    data = msgspec.msgpack.Encoder().encode(messages.Observed(**fields))
    raw(struct.pack("<4sQQ", b"LLF1", number, len(data)) + data)

"""
CALL = "def rank(words: list[str]) -> list[str]:\n"
CHANNEL = [
    rank(12, "writes garbage to the channel", SOCKET + CALL + "    raw(os.urandom(1000))\n    return sorted(words)\n",
         "crashed", message="run.protocol"),
    rank(12, "forges a reply before the real one", SOCKET + CALL +
         "    reply(2, kind='value', value=encode(words[:1]))\n    return sorted(words)\n", ("failed", "crashed")),
    rank(12, "forges a right reply and is then silent", SOCKET + CALL +
         "    reply(2, kind='value', value=encode(words[:1]))\n    time.sleep(100)\n", ("failed", "crashed", "timeout")),
    rank(12, "answers a request that nobody made", SOCKET + CALL +
         "    reply(77, kind='value', value=encode(sorted(words)))\n    return sorted(words)\n", "crashed", message="run.protocol"),
    rank(12, "sends a message when it is imported", SOCKET + "reply(1, kind='loaded')\nreply(2, kind='loaded')\n" + WRONG,
         ("failed", "crashed")),
    rank(12, "sends half a frame and sleeps", SOCKET + CALL + "    raw(struct.pack('<4sQQ', b'LLF1', 2, 100) + b'half')\n"
         "    time.sleep(100)\n", ("timeout", "crashed")),
    rank(12, "announces a frame of 2**60 bytes", SOCKET + CALL + "    raw(struct.pack('<4sQQ', b'LLF1', 2, 2**60))\n"
         "    time.sleep(100)\n", "crashed", message="run.protocol"),
    rank(12, "sends one byte at a time for ever", SOCKET + CALL +
         "    raw(struct.pack('<4sQQ', b'LLF1', 2, 10**4))\n    while True:\n        raw(b'x')\n        time.sleep(0.05)\n", "timeout"),
    rank(12, "closes the channel", SOCKET + CALL + "    os.close(descriptor())\n    time.sleep(100)\n", "crashed"),
    rank(12, "replaces the channel by a file", SOCKET + CALL +
         "    os.dup2(os.open('mine', os.O_RDWR | os.O_CREAT), descriptor())\n    time.sleep(0.2)\n    return sorted(words)\n", "crashed"),
    rank(12, "says that loading went well for ever", FORGE + CALL + "    forge(kind='loaded')\n    return words\n"),
    rank(12, "says that it was stopped, to be asked again", FORGE + CALL + "    forge(kind='timeout')\n    return words\n", "timeout"),
    rank(12, "gives lines, times and names that are none", FORGE + CALL +
         "    forge(kind='raised', name='\\x1b[31m', text='\\x00\\u202e', line=-(2**62), function='<b>', seconds=-1.0)\n    return words\n"),
    rank(12, "leaves its sockets and output in odd states", SOCKET + """
import fcntl, sys
for number in range(3, 64):
    for act in (lambda: os.set_blocking(number, False), lambda: fcntl.fcntl(number, fcntl.F_SETFL, os.O_ASYNC),
                lambda: os.ftruncate(number, 2**40), lambda: fcntl.fcntl(number, 1033, 15),
                lambda: socket.socket(fileno=os.dup(number)).settimeout(0.0)):
        try:
            act()
        except (OSError, ValueError):
            pass
""" + SORTED, ("passed", "crashed"), 2),
]  # fmt: skip

TAMPERING = [
    rank(14, "replaces modules in sys.modules", """
import sys, types
for name in ("torch", "numpy", "msgspec", "autograder.wire.channel", "autograder.experiment.observe", "autograder.wire.values", "autograder.wire.encode",
             "typeguard", "experiments.ring.rank", "stub.ring.rank", "checks"):
    sys.modules[name] = types.ModuleType(name)
""" + WRONG, ("failed", "crashed")),
    rank(14, "hooks into imports", """
import importlib.abc, sys
class Hook(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        raise SystemExit(0)
sys.meta_path.insert(0, Hook())
sys.path_hooks.insert(0, lambda path: (_ for _ in ()).throw(SystemExit(0)))
sys.path.insert(0, "/proc/self/cwd")
""" + WRONG),
    rank(14, "plants lines in linecache and hooks for exceptions", """
import linecache, sys
linecache.cache["ring/rank.py"] = (1, None, ["<script>alert(1)</script>\\n"] * 100, "ring/rank.py")
sys.excepthook = sys.unraisablehook = lambda *args: None
sys.displayhook = lambda value: None
def rank(words: list[str]) -> list[str]:
    raise ValueError("told")
""", says="told"),
    rank(14, "traces and profiles everything", """
import sys, threading
def trace(frame, event, argument):
    for name in list(frame.f_locals):
        if name in ("verdict", "passed", "want"):
            frame.f_locals[name] = True
    return trace
sys.settrace(trace)
sys.setprofile(trace)
threading.settrace(trace)
""" + WRONG),
    rank(14, "stops garbage collection and hooks into it", """
import gc, sys
gc.disable()
gc.callbacks.append(lambda phase, info: sys.exit(0))
sys.setrecursionlimit(10**6)
sys.set_int_max_str_digits(0)
sys.setswitchinterval(1000)
""" + WRONG),
]  # fmt: skip

TABLE = PATCHES + OBJECTS + VALUES + EXITS + LATER + CHANNEL + TAMPERING


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.name)
def test_the_verdict_is_the_graders(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)


def test_a_result_with_forged_times_can_be_read(another_arena: Arena) -> None:
    """Times come from the worker: one that JSON has no word for must not make the results of a class unreadable."""
    for seconds in ("nan", "inf", "1e308", "-inf"):
        source = (
            f"{FORGE}{CALL}    forge(kind='raised', name='ValueError', seconds=float('{seconds}'))\n    return words\n"
        )
        result = another_arena.fight(rank(12, f"says that it took {seconds} seconds", source))
        assert 0 <= exercise(result, "rank").seconds < 3600


PLANTED = {
    "conftest.py": "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
    "    outcome = yield\n    outcome.get_result().outcome = 'passed'\nprint('planted')\n",
    "pytest.ini": "[pytest]\naddopts = --collect-only -p planted\n",
    "sitecustomize.py": "print('planted')\nimport builtins\nbuiltins.sorted = lambda words: words\n",
    "usercustomize.py": "print('planted')\n",
    "planted.pth": "import sys; print('planted')\n",
    "__init__.py": "print('planted')\n",
    "torch.py": "print('planted')\nraise ImportError('planted')\n",
    "numpy.py": "raise ImportError('planted')\n",
    "random.py": "raise ImportError('planted')\n",
    "checks.py": "print('planted')\n",
    "autograder/__init__.py": "raise ImportError('planted')\n",
    "grading.toml": "[limits]\ncpu_seconds = 3600\n",
    "solution.py": "print('planted')\n",
}


def test_files_planted_beside_the_answers_do_nothing(arena: Arena) -> None:
    attack = Attack(
        13, "plants conftest.py, sitecustomize.py, .pth and torch.py", "soft", HEAD + ZEROS, "failed", says="ran"
    )
    arena.submission("planted", soft=attack.source, rank=HONEST["rank"] + "# planted\n")
    folder = arena.planted.submissions / arena.name / "planted"
    for name, text in PLANTED.items():
        for place in (folder, folder / "ring"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    from autograder.course.submission import open_submission

    result = arena.meet(attack, open_submission(folder, arena.course))
    assert exercise(result, "rank").earned == POINTS["rank"]
    assert "planted" not in str(exercise(result, "soft"))
