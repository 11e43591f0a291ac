"""The jail's profiles with a GPU in reach: what must work there, and what student code does to a device.

Each test has a worker on a real device; without one all of them are skipped. They are asked for by `make gpu`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.jail import layers
from autograder.jail.handle import Lost, Worker
from autograder.jail.host import Limits, Zygote
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Load, Observed, Run, Warm, Warmed

EXPERIMENT = "def e(student):\n    return student.f()\n"
STUB = "from typing import Any\ndef f() -> Any: ...\n"
NOTHING = encode({})

needs_l2 = pytest.mark.skipif(not layers.isolation().enough_for_hidden, reason=layers.isolation().why)


@pytest.fixture(scope="module")
def jail() -> Iterator[Zygote]:
    with Zygote() as zygote:
        if not zygote.wait().cuda:
            pytest.skip("torch finds no CUDA device here")
        yield zygote


pytestmark = [pytest.mark.gpu, needs_l2]


def ready(jail: Zygote, profile: layers.Profile = "gpu") -> Worker:
    """A worker with the device's context made."""
    worker = jail.fork("jail", Limits(cpu_seconds=120, profile=profile, imports=("triton",)))
    assert worker.exchange(Warm("cuda"), 60, Warmed).problem == ""
    return worker


def ask(worker: Worker, code: str, before: str = "", seconds: float = 60) -> Observed:
    """What came of a student's function `f` with this body; `before` stands at the top of the file."""
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    source = f"{textwrap.dedent(before)}\nimport torch\nfrom typing import Any\ndef f() -> Any:\n{body}\n"
    loaded = worker.ask(Load("gpu.f", "f.py", source, STUB, EXPERIMENT), 60)
    assert loaded.kind == "loaded", loaded
    return worker.ask(Run("e", NOTHING, device="cuda"), seconds)


def value(seen: Observed):
    assert seen.kind == "value", seen
    return decode(seen.value)


KERNEL = """
    import triton
    import triton.language as tl

    @triton.jit
    def double(x, y, n, B: tl.constexpr):
        i = tl.program_id(0) * B + tl.arange(0, B)
        tl.store(y + i, 2 * tl.load(x + i, mask=i < n), mask=i < n)
"""
LAUNCH = """
    x = torch.arange(1000.0, device="cuda")
    y = torch.empty_like(x)
    double[(8,)](x, y, 1000, 128)
    return y.sum().item()
"""


# --- what must work --------------------------------------------------------------------------------------------------


def test_torch_computes_on_the_device(jail: Zygote) -> None:
    code = """
        x = torch.arange(64.0, device="cuda").view(8, 8).requires_grad_()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            y = (x @ x).sum()
        y.float().backward()
        a = torch.arange(-32, 32, dtype=torch.int8, device="cuda").view(2, 32).repeat(16, 1)
        return [x.grad.shape[0], torch._int_mm(a, a.mT.contiguous()).sum().item(), torch.nn.functional.softmax(x, -1).sum().item()]
    """
    with ready(jail) as worker:
        seen = value(ask(worker, code))
    assert seen[0] == 8 and seen[2] == pytest.approx(8.0)
    column = [-32 + k for k in range(64)]
    rows = [column[:32], column[32:]]
    total = sum(sum(a * b for a, b in zip(one, two, strict=True)) for one in rows for two in rows) * 16 * 16
    assert seen[1] == total


def test_triton_compiles_a_kernel_behind_the_layers(jail: Zygote) -> None:
    pytest.importorskip("triton")
    with ready(jail, "gpu-tools") as worker:
        assert value(ask(worker, LAUNCH, KERNEL)) == pytest.approx(999 * 1000)


# --- what stays closed -----------------------------------------------------------------------------------------------

CLOSED = {
    "the network": "import socket; socket.create_connection(('127.0.0.1', 9), 1)",
    "a debugger": "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\nif libc.ptrace(16, 1, 0, 0): raise OSError(ctypes.get_errno(), '')",
    "a signal to others": "import os; os.kill(os.getppid() or 2, 0)",
    "private files": "open('/etc/shadow').read()",
    "the course": f"open({str(Path(__file__))!r}).read()",
}
REFUSED = ("PermissionError", "FileNotFoundError", "ProcessLookupError")


@pytest.mark.parametrize("profile", ["gpu", "gpu-tools"])
@pytest.mark.parametrize("what", CLOSED)
def test_closed_with_a_device_too(jail: Zygote, what: str, profile: layers.Profile) -> None:
    with ready(jail, profile) as worker:
        seen = ask(worker, CLOSED[what])
        assert seen.kind == "raised" and seen.name in REFUSED, seen


def test_no_program_is_started_where_none_is_needed(jail: Zygote) -> None:
    with ready(jail) as worker:
        assert ask(worker, "import subprocess; subprocess.run(['true'])").name in REFUSED
    with ready(jail, "gpu-tools") as worker:  # the control: Triton needs it
        assert value(ask(worker, "import subprocess; return subprocess.run(['true']).returncode")) == 0


# --- what student code does to a device ------------------------------------------------------------------------------

BROKEN = "x = torch.zeros(4, device='cuda'); i = torch.tensor([10 ** 6], device='cuda'); return x[i].cpu()"


def works(jail: Zygote) -> bool:
    with ready(jail) as worker:
        return value(ask(worker, "return torch.ones(3, device='cuda').sum().item()")) == 3.0


def test_an_assert_on_the_device_breaks_nobody_elses(jail: Zygote) -> None:
    with ready(jail) as worker:
        seen = ask(worker, BROKEN)
        assert seen.kind == "raised" and "CUDA error" in seen.text  # after that, its own context is gone
    assert works(jail)


def test_asking_for_more_memory_than_there_is_is_named(jail: Zygote) -> None:
    with ready(jail) as worker:
        seen = ask(worker, "return torch.empty(2 ** 42, dtype=torch.uint8, device='cuda').sum().item()")
        assert (seen.kind, seen.name) == ("memory", "device")
    assert works(jail)


def test_memory_that_is_never_given_back_ends_with_the_worker(jail: Zygote) -> None:
    free = "return torch.cuda.mem_get_info()[0]"
    with ready(jail) as worker:
        before = value(ask(worker, free))
        taken = value(ask(worker, "global kept; kept = torch.ones(2 ** 30, device='cuda'); " + free))
        assert taken < before - 2**31
    with ready(jail) as worker:
        assert value(ask(worker, free)) > before - 2**29


def test_a_kernel_without_end_is_ended_with_its_worker(jail: Zygote) -> None:
    code = "x = torch.ones(2 ** 20, device='cuda')\nwhile True: x = x * 1.0001\n"
    with ready(jail) as worker, pytest.raises(Lost) as lost:
        ask(worker, code, seconds=5)
    assert lost.value.why == "timeout"
    assert works(jail)


def test_what_another_worker_left_in_memory_is_not_there(jail: Zygote) -> None:
    with ready(jail) as worker:
        value(ask(worker, "return torch.full((2 ** 28,), 1234567, dtype=torch.int32, device='cuda').sum().item()"))
    with ready(jail) as worker:
        seen = ask(worker, "return (torch.empty(2 ** 28, dtype=torch.int32, device='cuda') == 1234567).sum().item()")
        assert value(seen) == 0
