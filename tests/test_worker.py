"""Real workers from a real zygote: every way in which student code can end, and what is left of it afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import typeguard

from autograder.experiment import contract
from autograder.jail.handle import Lost, Worker
from autograder.jail.host import JailError, Limits, Zygote
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Load, Observed, Run
from autograder.wire.values import Unsupported

LIMITS = Limits(cpu_seconds=5, memory_mb=400)

STUB = '''
import torch
from torch import Tensor

def f(x):
    """No annotation: anything may be returned."""
    raise NotImplementedError("write me")

def pairs(n: int, *, start: int = 0) -> list[tuple[int, str]]:
    raise NotImplementedError("write me")

def double(x: Tensor) -> Tensor:
    raise NotImplementedError("write me")

class Model:
    def __init__(self, size: int) -> None:
        raise NotImplementedError("write me")

    def step(self, x: Tensor) -> Tensor:
        raise NotImplementedError("write me")

class Table:
    def __init__(self, rows: int) -> None:
        raise NotImplementedError("write me")

    def both(self) -> "list[Table]":
        raise NotImplementedError("write me")

def doubled(table: Table) -> Table:
    raise NotImplementedError("write me")
'''

EXPERIMENTS = """
import torch
from autograder.checks import operate, raises

def call(student, x=None):
    return student.f(x)

def pairs(student, n):
    return student.pairs(n, start=1)

def double(student, x):
    return student.double(x)

def model(student, x):
    return student.Model(2).step(x)

def tables(student):
    return [type(each).__name__ for each in [student.doubled(student.Table(1)), *student.Table(2).both()]]

def by_name(student):
    return student.Model(2).step(x=torch.ones(1))

def in_raises(student):
    return raises("ValueError", lambda: student.Model(2).step(x=torch.ones(1)))

def operated(student):
    class Stepper:
        def step(self):
            return student.Model(2).step(x=torch.ones(1))
    return operate(Stepper(), [["step"]])

def state(student):
    import random
    import numpy
    return {"dtype": torch.ones(1).dtype is torch.float32, "grad": torch.is_grad_enabled(),
            "torch": torch.rand(2), "random": random.random(), "numpy": numpy.random.rand()}

def trusted_bug(student):
    return 1 / 0
"""


@pytest.fixture
def worker(zygote: Zygote) -> Iterator[Worker]:
    with zygote.fork("jail", LIMITS) as forked:
        yield forked


def load(worker: Worker, source: str, *forbidden: str, cpu: float = 2.0, wall: float = 6.0) -> Observed:
    request = Load(
        module="topic.exercise",
        file="exercise.py",
        source=source,
        stub=STUB,
        experiments=EXPERIMENTS,
        seconds=cpu,
        wall_seconds=wall,
        forbidden=list(forbidden),
    )
    return worker.ask(request, wall + 10.0)  # far: what is slow here is the machine


def run(worker: Worker, experiment: str = "call", cpu: float = 2.0, wall: float = 6.0, **inputs: Any) -> Observed:
    request = Run(experiment=experiment, inputs=encode(inputs), seconds=cpu, wall_seconds=wall)
    return worker.ask(request, wall + 10.0)  # far: what is slow here is the machine


def observed(worker: Worker, source: str, experiment: str = "call", **inputs: Any) -> Observed:
    """What `experiment` gives on an implementation that loads."""
    loaded = load(worker, source)
    assert loaded.kind == "loaded", loaded
    return run(worker, experiment, **inputs)


def function(body: str) -> str:
    return "import torch\ndef f(x):\n" + "\n".join(f"    {line}" for line in body.splitlines())


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_comes_back_as_plain_data(worker: Worker) -> None:
    seen = observed(worker, function("return {'y': x * 2, 'n': [1, 'a']}"), x=torch.ones(2))
    assert seen.kind == "value" and seen.changed == b"" and seen.seconds >= 0
    value = decode(seen.value)
    assert value["n"] == [1, "a"] and value["y"].tolist() == [2.0, 2.0]


def test_gradients_and_classes(worker: Worker) -> None:
    source = (
        "class Model:\n    def __init__(self, size): self.size = size\n    def step(self, x): return x * self.size\n"
    )
    assert decode(observed(worker, source, "model", x=torch.ones(2)).value).tolist() == [2.0, 2.0]
    for _ in range(3):  # the class is held to the stub once, however often it is used
        assert run(worker, "model", x=torch.ones(1)).kind == "value"


def test_what_can_not_cross_is_named_by_its_type(worker: Worker) -> None:
    assert decode(observed(worker, function("return [lambda: 1, object]")).value) == [
        Unsupported("function"),
        Unsupported("type"),
    ]


def test_an_endless_generator_and_an_answer_that_is_too_large(worker: Worker) -> None:
    seen = observed(worker, function("import itertools\nreturn itertools.count() if x else [0] * 2_000_000"), x=1)
    assert len(decode(seen.value)) == 10_000
    assert run(worker, x=0).kind == "too-big"
    assert run(worker, x=1).kind == "value"


# --- loading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kind", "line", "name"),
    [
        ("x = 1\ndef f(:\n", "syntax", 2, ""),
        ("def f(x):\nreturn 1\n", "syntax", 2, ""),
        ("return 1\n", "syntax", 1, ""),
        ("x = 1\n\0", "syntax", 0, ""),
        ("x = " + "(" * 1000 + ")" * 1000, "syntax", None, ""),
        ("x = " + "-" * 100_000 + "1", "syntax", None, ""),
        ("x = a" + ".b" * 2000, "syntax", None, ""),
        ("x = 1\n1 / 0\n", "raised", 2, "ZeroDivisionError"),
        ("import no_such_module\n", "raised", 1, "ModuleNotFoundError"),
        ("def g():\n    h()\ndef h():\n    raise KeyError('k')\ng()\n", "raised", 4, "KeyError"),
        ("import sys\nsys.exit()\n", "raised", 2, "SystemExit"),
        ("raise SystemExit(0)\n", "raised", 1, "SystemExit"),
        ("raise KeyboardInterrupt\n", "raised", 1, "KeyboardInterrupt"),
        ("class Skipped(BaseException): ...\nraise Skipped\n", "raised", 2, "Skipped"),
        ("raise NotImplementedError\n", "not-written", 1, "NotImplementedError"),
        ("while True: pass\n", "timeout", 1, ""),
        ("import time\ntime.sleep(60)\n", "timeout", 2, ""),
        ("x = 'a' * (1 << 33)\n", "memory", 1, ""),
        ("import torch\n\ntorch.softmax\n", "forbidden", 3, "torch.softmax"),
        ("", "loaded", 0, ""),
    ],
    ids=range(20),
)  # fmt: skip
def test_loading(worker: Worker, source: str, kind: str, line: int | None, name: str) -> None:
    seen = load(worker, source, "torch.softmax", cpu=0.5, wall=1.0)
    assert seen.kind == kind
    assert seen.line == line or line is None
    assert seen.name in (name, "")
    assert kind != "raised" or (seen.name == name and seen.builtin == (name != "Skipped"))


def test_a_right_answer_after_a_lazy_import_a_print_and_a_thread(worker: Worker) -> None:
    source = function(
        "import fractions, threading\nprint('working')\nt = threading.Thread(target=print)\nt.start()\nt.join()\nreturn x"
    )
    assert decode(observed(worker, source, x=3).value) == 3
    assert worker.output().startswith("working\n")


# --- dying -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["at import", "in a call"])
@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("import os; os._exit(0)", 0),
        ("import os; os._exit(3)", 3),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
def test_how_a_process_ended_is_told(worker: Worker, where: str, code: str, ends: int) -> None:
    with pytest.raises(Lost) as lost:
        if where == "at import":
            load(worker, code)
        else:
            observed(worker, function(code))
    assert lost.value.why == "died"
    status = lost.value.status
    assert (-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)) == ends
    with pytest.raises(Lost):  # it stays lost
        run(worker)


def test_a_worker_that_died_takes_nothing_with_it(zygote: Zygote) -> None:
    with zygote.fork("jail", LIMITS) as first, zygote.fork("jail", LIMITS) as second:
        assert load(second, function("return 1")).kind == "loaded"
        with pytest.raises(Lost):
            load(first, "import os; os._exit(1)")
        assert run(second).kind == "value"


# --- time ------------------------------------------------------------------------------------------------------------


def test_an_endless_loop_tells_its_line_and_the_worker_goes_on(worker: Worker) -> None:
    assert load(worker, function("n = 0\nwhile x:\n    n += 1\nreturn n")).kind == "loaded"
    seen = run(worker, cpu=0.2, x=1)
    assert seen.kind == "timeout" and seen.line in (4, 5) and seen.function == "f"
    assert decode(run(worker, x=0).value) == 0


@pytest.mark.parametrize(
    "body",
    [
        "def spin(deeper):\n    while True:\n        try: spin(deeper - 1) if deeper else time.sleep(0)\n        except BaseException: pass\nimport time\nspin(5)",
        "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException: pass",
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nsignal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass",
        "import signal\nfor n in range(1, 64):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nwhile True:\n    try: lock.acquire()\n    except BaseException: pass",
    ],
    ids=["swallows", "sleeps", "resets the alarm", "ignores signals", "deadlocks"],
)  # fmt: skip
def test_what_does_not_stop_is_ended_from_outside(worker: Worker, body: str) -> None:
    assert load(worker, function(body)).kind == "loaded"
    with pytest.raises(Lost) as lost:
        worker.ask(Run("call", encode({"x": 1}), seconds=0.1, wall_seconds=0.1), 0.4)
    assert lost.value.why == "timeout" or os.WIFSIGNALED(lost.value.status)
    assert not alive(worker.pid)


def test_sleep_is_stopped_by_the_clock(worker: Worker) -> None:
    assert load(worker, function("import time\ntime.sleep(60)")).kind == "loaded"
    seen = run(worker, wall=0.2)
    assert seen.kind == "timeout" and seen.line == 4


# --- memory, recursion, output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "kept = []\nwhile True: kept.append(bytearray(10_000_000))",
        "kept = []\nwhile True: kept.append(torch.ones(1_000_000))",
        "return torch.ones(10**12)",
        "return 'a' * 10**11",
    ],
    ids=["Python", "torch", "one tensor", "one string"],
)
def test_a_memory_bomb(worker: Worker, body: str) -> None:
    seen = observed(worker, function(body))
    assert seen.kind == "memory" and seen.line in (3, 4)


def test_recursion(worker: Worker) -> None:
    seen = observed(worker, function("return f(x)"))
    assert (seen.kind, seen.name, seen.builtin) == ("raised", "RecursionError", True)
    deep = "import sys\nsys.setrecursionlimit(10**9)\ndef down(n): return sorted([n], key=down)\nreturn down(1)"
    load(worker, function(deep))
    with contextlib.suppress(Lost):  # its stack ends it, or its limits
        assert run(worker).kind in ("raised", "memory", "timeout")


def test_a_flood_of_output_is_capped(worker: Worker) -> None:
    body = "import os, sys\nfor _ in range(200): print('x' * 100_000)\nos.write(1, b'raw')\nos.write(2, b'raw')\nsys.stderr.write('e')\nreturn 1"
    assert observed(worker, function(body)).kind == "value"
    printed = worker.output()
    assert 0 < len(printed) <= 64 * 2**10 and set(printed) <= {"x", "\n"}
    assert run(worker).kind == "value" and worker.output() == printed  # the next case has the whole cap again


def test_the_cap_on_output_is_what_the_course_says(zygote: Zygote) -> None:
    for cap in (1000, 200_000):
        with zygote.fork() as worker:
            request = Load(
                "w.f",
                "f.py",
                "def f():\n    print('x' * 150_000)\n",
                "def f(): ...\n",
                "def e(student): student.f()\n",
                output_bytes=cap,
            )
            assert worker.ask(request, 30).kind == "loaded" and worker.ask(Run("e", encode({})), 30).kind == "value"
            assert len(worker.output(2**20)) == min(cap, 150_001)


def test_odd_output(worker: Worker) -> None:
    assert (
        observed(
            worker, function(r"print('\ud800', '\x1b[31m', '多语言', flush=True); return input() if x else 1")
        ).kind
        == "value"
    )
    assert worker.output() == "\\ud800 \x1b[31m 多语言\n"
    seen = run(worker, x=1)
    assert (seen.kind, seen.name) == ("raised", "EOFError")  # stdin is empty


# --- exceptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("raise ValueError('no')", "no"),
        ("raise ValueError('x' * 10**7)", "x" * 2000),
        ("raise ValueError('\\ud800\\x1b[31m')", "\\ud800\x1b[31m"),
        ("class E(ValueError):\n    def __str__(self): raise KeyError\nraise E", ""),
        ("class E(ValueError):\n    def __str__(self):\n        while True: pass\nraise E", ""),
        ("class E(ValueError):\n    def __str__(self): return self\nraise E", ""),
        ("class E(ValueError):\n    def __str__(self): raise SystemExit\nraise E", ""),
    ],
    ids=range(7),
)
def test_the_text_of_an_exception_is_bounded(worker: Worker, body: str, text: str) -> None:
    seen = observed(worker, function(body))
    assert (seen.kind, seen.text) == ("raised", text)
    assert seen.name in ("ValueError", "E") and seen.builtin == (seen.name == "ValueError")
    assert seen.line > 2 and run(worker).kind == "raised"


def test_an_exception_that_only_has_the_name_of_a_built_in_one(worker: Worker) -> None:
    seen = observed(worker, function("raise type('ValueError', (Exception,), {})('hidden inputs')"))
    assert (seen.kind, seen.name, seen.builtin) == ("raised", "ValueError", False)


def test_an_exception_that_was_raised_far_from_their_code(worker: Worker) -> None:
    seen = observed(worker, function("return torch.ones(2) @ torch.ones(3)"))
    assert (seen.kind, seen.name, seen.line, seen.function) == ("raised", "RuntimeError", 3, "f")


def test_a_fault_of_the_experiment_names_no_line_of_theirs(worker: Worker) -> None:
    seen = observed(worker, function("return 1"), "trusted_bug")
    assert (seen.kind, seen.name, seen.line) == ("raised", "ZeroDivisionError", 0)


def test_the_stubs_exception_is_told_apart(worker: Worker) -> None:
    seen = observed(worker, STUB)
    assert (seen.kind, seen.function, seen.line) == ("not-written", "f", 7)


# --- types and signatures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "got"),
    [
        ("return None", "None"),
        ("pass", "None"),
        ("return {}", "dict"),
        ("return 'ab'", "str"),
        ("return ((1, 'a'),)", "tuple"),
        ("return [(1, 'a'), None]", "list, where item 1"),
        ("return [(1, 2)]", "list, where item"),
        ("return (p for p in [(1, 'a')])", "generator"),
        ("return [(1, 'a')] * 300 + [7]", "list, where item 300"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_in_the_stubs_words(worker: Worker, body: str, got: str) -> None:
    seen = observed(worker, f"def pairs(n, *, start=0):\n    {body}\n", "pairs", n=1)
    assert (seen.kind, seen.name, seen.want) == ("wrong-type", "pairs", "list[tuple[int, str]]")
    assert seen.text.startswith(got)


def test_a_tensor_where_none_should_be_and_the_other_way_round(worker: Worker) -> None:
    seen = observed(worker, "def double(x): return x.tolist()\n", "double", x=torch.ones(1))
    assert (seen.kind, seen.want, seen.text) == ("wrong-type", "Tensor", "list")
    with_class = "import torch\nclass Model:\n    def __init__(self, size): ...\n    def step(self, x): return 1\n"
    load(worker, with_class)
    seen = run(worker, "model", x=torch.ones(1))
    assert (seen.kind, seen.name, seen.text) == ("wrong-type", "Model.step", "int")


@pytest.mark.parametrize(
    ("parameters", "fits"),
    [
        ("n, *, start=0", True),
        ("n, start=0", True),
        ("n, start=5, more=1", True),
        ("n, *more, start=0", True),
        ("n, *, start=0, **more", True),
        ("*args, **kwargs", True),
        ("n=1, *, start=0", True),
        ("n", False),
        ("", False),
        ("*, n, start=0", False),
        ("start=0, n=0", False),
        ("m, *, start=0", True),  # it is passed by place
        ("n, /, *, start=0", True),
        ("n, begin=0", False),
        ("n, *, begin=0", False),
        ("n, *, start", False),
        ("n, extra, *, start=0", False),
        ("n, *, start=0, extra", False),
        ("*args", False),
        ("**kwargs", False),
    ],
)
def test_signatures(worker: Worker, parameters: str, fits: bool) -> None:
    seen = observed(worker, f"def pairs({parameters}): return []\n", "pairs", n=1)
    if fits:
        assert seen.kind == "value"
    else:
        assert (seen.kind, seen.name, seen.want) == ("wrong-signature", "pairs", "(n, *, start=…)")
        assert seen.text.startswith("(")


@pytest.mark.parametrize(
    ("source", "experiment", "name"),
    [
        ("", "call", "f"),
        ("f = 3\n", "call", "f"),
        ("def Model(size): ...\n", "model", "Model"),
        ("Model = None\n", "model", "Model"),
        ("class Model:\n    def __init__(self, size): ...\n", "model", "Model.step"),
        ("class Model:\n    step = 1\n    def __init__(self, size): ...\n", "model", "Model.step"),
        ("def g(x): return x\n", "call", "f"),
    ],
)
def test_what_is_missing_is_named(worker: Worker, source: str, experiment: str, name: str) -> None:
    seen = observed(worker, source, experiment, **({"x": torch.ones(1)} if experiment == "model" else {}))
    assert (seen.kind, seen.name) == ("missing-function", name)


TABLE = """
class Table:
    def __init__(self, rows): self.rows = rows
    def both(self): return [self, Table(self.rows)]
def doubled(table): return Table(2 * table.rows)
"""


def test_a_class_of_the_stub_in_an_annotation_is_the_students_own(worker: Worker) -> None:
    assert decode(observed(worker, TABLE, "tables").value) == ["Table"] * 3
    wrong = TABLE.replace("return Table(2 * table.rows)", "return 2 * table.rows")
    seen = observed(worker, wrong, "tables")
    assert (seen.kind, seen.name, seen.want) == ("wrong-type", "doubled", "Table")
    wrong = TABLE.replace("[self, Table(self.rows)]", "[self, None]")
    assert observed(worker, wrong, "tables").want == "list[Table]"


ORDER = "class Model:\n    def __init__(self, width): self.width = width\n    def step(me, y): return y * me.width\n"


def test_parameters_that_are_passed_by_place_may_have_other_names(worker: Worker) -> None:
    seen = observed(worker, ORDER, "model", x=torch.ones(1))
    assert seen.kind == "value" and torch.equal(decode(seen.value), torch.tensor([2.0]))


@pytest.mark.parametrize("experiment", ["by_name", "in_raises", "operated"])
def test_a_parameter_that_is_passed_by_name_is_held_to_its_name(worker: Worker, experiment: str) -> None:
    seen = observed(worker, "def pairs(n, *, start=0): return []\n" + ORDER, experiment)
    assert (seen.kind, seen.name, seen.want, seen.text) == ("wrong-signature", "Model.step", "(…, x=…)", "(me, y)")


def test_the_order_of_parameters_can_not_be_another(worker: Worker) -> None:
    seen = observed(worker, "def pairs(n, *, start=0): return []\n" + ORDER.replace("(me, y)", "(x, self)"), "by_name")
    assert (seen.kind, seen.name, seen.text) == ("wrong-signature", "Model.step", "(x, self)")


def test_a_method_with_another_signature(worker: Worker) -> None:
    seen = observed(
        worker,
        "class Model:\n    def __init__(self): ...\n    def step(self, x): return x\n",
        "model",
        x=torch.ones(1),
    )
    assert (seen.kind, seen.name, seen.want, seen.text) == (
        "wrong-signature",
        "Model.__init__",
        "(self, size)",
        "(self)",
    )


# --- inputs and state ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        ("x.add_(1)", torch.ones(2)),
        ("x[0] = 5", torch.ones(2)),
        ("x.append(1)", [1]),
        ("x['new'] = 1", {"a": 1}),
        ("x[0].clear()", [{1, 2}]),
        ("x += 1", __import__("numpy").ones(2)),
        ("x.requires_grad_(); x.data.mul_(2)", torch.ones(2)),
    ],
    ids=range(7),
)
def test_a_changed_input_is_noticed(worker: Worker, body: str, inputs: Any) -> None:
    seen = observed(worker, function(f"{body}\nreturn 1"), x=inputs)
    assert seen.kind == "value" and seen.changed
    assert encode(decode(seen.changed)) == seen.changed != encode({"x": inputs})


def test_inputs_that_are_only_read_are_not_changed(worker: Worker) -> None:
    body = (
        "x['t'].requires_grad_(); (x['t'] * 2).sum().backward(); y = sorted(x['l']); return {'y': y, 'g': x['t'].grad}"
    )
    seen = observed(worker, function(body), x={"t": torch.ones(2), "l": [2, 1], "s": {"b", "a"}})
    assert seen.kind == "value" and seen.changed == b""


def test_an_answer_that_is_an_input_changed_later_is_as_it_was(worker: Worker) -> None:
    source = "kept = []\ndef f(x):\n    for old in kept: old.zero_()\n    kept.append(x)\n    return x\n"
    first = observed(worker, source, x=torch.ones(2))
    run(worker, x=torch.ones(2))
    assert decode(first.value).tolist() == [1.0, 1.0]


def test_no_run_sees_what_another_left_behind(zygote: Zygote) -> None:
    source = function(
        "import random, numpy\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n"
        "torch.manual_seed(99)\nrandom.seed(99)\nnumpy.random.seed(99)\nreturn 1"
    )
    states = []
    for calls in (0, 1):
        with zygote.fork("jail", LIMITS) as worker:
            load(worker, source)
            for _ in range(calls):
                assert run(worker).kind == "value"
            states.append(run(worker, "state").value)
    assert states[0] == states[1]
    value = decode(states[0])
    assert value["dtype"] is True and value["grad"] is True


def test_workers_do_not_share_memory(zygote: Zygote) -> None:
    with zygote.fork("jail", LIMITS) as first:
        observed(first, "import builtins, torch\nbuiltins.seen = 1\ntorch.seen = 1\ndef f(x): return 1\n")
    with zygote.fork("jail", LIMITS) as second:
        body = "import builtins\nreturn [hasattr(builtins, 'seen'), hasattr(torch, 'seen')]"
        assert decode(observed(second, function(body)).value) == [False, False]


def test_patched_modules_do_not_stop_the_exchange(worker: Worker) -> None:
    """They spoil their own observations, and nothing else."""
    source = "import torch, builtins, msgspec, time\ntorch.equal = torch.allclose = lambda *a, **k: True\ntime.monotonic = lambda: 0\nbuiltins.len = lambda x: 0\ndef f(x): return 1\n"
    with contextlib.suppress(Lost):
        load(worker, source)
        run(worker)
    assert torch.equal(torch.ones(1), torch.zeros(1)) is False and len([1]) == 1


# --- processes and threads that stay ---------------------------------------------------------------------------------


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_a_daemon_thread_does_not_outlive_its_worker(zygote: Zygote) -> None:
    with zygote.fork("jail", LIMITS) as worker:
        source = "import threading, time\nthreading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)], daemon=True).start()\n"
        assert observed(worker, source + function("return 1")).kind == "value"
        assert run(worker).kind == "value"
    assert not alive(worker.pid)


def test_a_double_forked_daemon_is_gone_with_its_worker(zygote: Zygote, worker: Worker) -> None:
    body = (
        "import os, signal, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "        open('daemon', 'w').write(str(os.getpid()))\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "while not os.path.exists('daemon') or not open('daemon').read(): time.sleep(0.01)\n"
        "return int(open('daemon').read())"
    )
    seen = observed(worker, function(body))
    if seen.kind == "raised":  # a layer refuses new processes: better still
        assert seen.name in ("PermissionError", "OSError", "BlockingIOError")
        return
    daemon = int(decode(seen.value))
    pids = [daemon] if alive(daemon) else []
    assert worker.end().strays >= 1
    assert not any(map(alive, pids)) and not os.path.exists(worker.folder)
    with zygote.fork("jail", LIMITS) as after:
        assert observed(after, function("return 1")).kind == "value"


def test_the_private_folder_is_empty_writable_and_gone_at_the_end(zygote: Zygote) -> None:
    with zygote.fork("jail", LIMITS) as worker:
        body = "import os, tempfile\nbefore = os.listdir()\nopen('mine', 'w').write('x')\nreturn [before, os.listdir(), tempfile.gettempdir() == os.getcwd()]"
        assert decode(observed(worker, function(body)).value) == [[], ["mine"], True]
        assert os.path.isdir(worker.folder)
    assert not os.path.exists(worker.folder)


def test_nothing_of_the_graders_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "canary")
    with Zygote() as fresh, fresh.fork("jail", LIMITS) as worker:
        assert "canary" not in decode(observed(worker, function("import os\nreturn str(dict(os.environ))")).value)


# --- the channel -----------------------------------------------------------------------------------------------------

FIND = """
import os, stat, struct, sys, torch
import msgspec
def sockets():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                yield fd
        except OSError:
            pass
def frame(number, message, size=None):
    data = msgspec.msgpack.encode(message)
    return struct.pack("<4sQQ", b"LLF1", number, len(data) if size is None else size) + data
VALUE = {"type": "observed", "kind": "loaded"}
"""


def test_a_reply_nobody_asked_for_ends_the_worker(worker: Worker) -> None:
    """Forged at import, before the real reply: it answers `Load` at most, and the real one then betrays it."""
    source = FIND + "for fd in sockets(): os.write(fd, frame(1, VALUE))\n" + function("return 1")
    with pytest.raises(Lost) as lost:
        load(worker, source)
        run(worker)
        run(worker)
    assert lost.value.why == "protocol"
    assert not alive(worker.pid)


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ("frame(99, VALUE)", "protocol"),
        ("frame(0, VALUE)", "protocol"),
        ("b'garbage' * 10", "protocol"),
        ("frame(2, {'type': 'observed', 'kind': 'passed'})", "protocol"),
        ("frame(2, VALUE, size=2**60)", "protocol"),
        ("frame(2, VALUE, size=2**62) + bytes(1000)", "protocol"),
    ],
)
def test_forged_frames_in_a_call(worker: Worker, forged: str, why: str) -> None:
    with pytest.raises(Lost) as lost:
        observed(worker, FIND + function(f"for fd in sockets(): os.write(fd, {forged})\nreturn 1"))
        run(worker)
    assert lost.value.why == why


def test_half_a_frame_and_then_silence(worker: Worker) -> None:
    body = "for fd in sockets(): os.write(fd, frame(2, VALUE, size=1000))\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
    assert load(worker, FIND + function(body)).kind == "loaded"
    with pytest.raises(Lost) as lost:
        worker.ask(Run("call", encode({"x": 1}), seconds=0.1, wall_seconds=0.1), 0.4)
    assert lost.value.why == "timeout"


def test_a_closed_channel(worker: Worker) -> None:
    with pytest.raises(Lost) as lost:
        observed(worker, FIND + function("for fd in sockets(): os.close(fd)\nreturn 1"))
    assert lost.value.why == "died"


def test_a_forged_value_is_decoded_by_schema_only(worker: Worker) -> None:
    """The blob inside a well-formed reply may be anything: the worker passes it on, the twin refuses it."""
    body = "for fd in sockets(): os.write(fd, frame(2, {'type': 'observed', 'kind': 'value', 'value': b'not a blob'}))\nos._exit(0)"
    seen = observed(worker, FIND + function(body))
    assert seen.value == b"not a blob"


def test_only_its_own_descriptors_are_open(worker: Worker) -> None:
    body = "found = []\nfor fd in range(256):\n    try: found.append(stat.S_IFMT(os.fstat(fd).st_mode))\n    except OSError: pass\nreturn [stat.S_ISSOCK(m) for m in found].count(True)"
    assert decode(observed(worker, FIND + function(body)).value) == 1


# --- the zygote ------------------------------------------------------------------------------------------------------


def test_a_killed_zygote_is_started_again() -> None:
    with Zygote() as zygote:
        first = zygote.fork("jail", LIMITS)
        assert load(first, function("return 1")).kind == "loaded"
        pid = zygote.wait().pid
        os.kill(pid, signal.SIGKILL)
        while alive(pid):
            time.sleep(0.01)
        with pytest.raises(Lost):  # its workers die with it
            for _ in range(200):
                run(first)
        first.close()
        with zygote.fork("jail", LIMITS) as second:
            assert decode(observed(second, function("return 7")).value) == 7
        assert zygote.wait().pid != pid
    assert not alive(zygote.ready.pid if zygote.ready else 0)


def test_a_zygote_that_does_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(JailError, match="did not start"):
        Zygote().fork("jail", LIMITS)


def test_a_worker_may_be_ended_twice(zygote: Zygote) -> None:
    worker = zygote.fork("jail", LIMITS)
    assert worker.end() == worker.end()
    worker.close()
    worker.close()
    assert not alive(worker.pid)


HINTS: list[Any] = [
    int, float, str, None, Any, torch.Tensor, list[int], list[list[str]], tuple[int, str], tuple[int, ...], tuple[()], set[str],
    frozenset[int], dict[str, list[float]], dict[tuple[int, int], int], int | None, list[int | str], list, dict, Iterator[int],
]  # fmt: skip
VALUES: list[Any] = [
    0, True, 1.5, "a", None, torch.ones(1), torch.nn.Parameter(torch.ones(1)), [], [1], [1, True], [1, "a"], [["a"], []], (),
    (1,), (1, "a"), (1, 2, 3), {"a"}, {1}, frozenset({1}), {}, {"a": [1.0]}, {"a": [1]}, {(1, 2): 3}, {(1, 2): "a"}, iter([1]),
]  # fmt: skip


@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_what_is_surely_of_a_type_is_so_for_typeguard_too(hint: Any) -> None:
    """And plain values are: else the quick test would be of no use."""
    surely = contract._exactly(hint)
    agreed = []
    for value in VALUES:
        try:
            typeguard.check_type(value, hint, collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS)
        except typeguard.TypeCheckError:
            assert not surely(value), value
        else:
            agreed.append(surely(value))
    assert any(agreed) or hint in (Any, Iterator[int]) or hint == tuple[()]


def test_equivalents_of_the_capstone_are_no_way_to_an_answer(worker: Worker) -> None:
    seen = load(worker, "from autograder.capstone.equivalents import sample as f\n")
    assert (seen.kind, seen.name) == ("raised", "ModuleNotFoundError")


def test_a_parameter_that_is_passed_by_name_alone_is_told_from_one_that_is_not() -> None:
    def stub(q, causal=False): ...
    def theirs(q, *, causal=False): ...

    with pytest.raises(contract.WrongSignature) as raised:
        contract.same_signature("f", theirs, stub)
    assert (raised.value.want, raised.value.got) == ("(q, causal=…)", "(q, *, causal=…)")
