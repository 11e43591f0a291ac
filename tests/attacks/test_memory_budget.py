"""Holding more memory than a budget sees: in place of what was there at the start, in files, in pipes, in the kernel.

Each attack holds as many pages as it can, all at once, and counts those whose content it can read back. What the grader measures
may not be less. The control is the same attack behind no filter of system calls, measured by the peak of address space alone,
as budgets once were: there it holds a matrix of 64 MB, and nothing is seen of it.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from attacks.arena import record

from autograder.jail import layers, usage
from autograder.jail.handle import Lost
from autograder.jail.host import Limits, Zygote
from autograder.jail.layers import seccomp
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Load, Run

MB = 2**20
MATRIX = 64 * MB
NUMBER = 19  # in the acceptance list
L3 = ["L3 cgroup", "L3 namespaces", "L3 uid"]

HELPERS = '''
import ctypes, fcntl, gc, mmap, os, re, sys
PAGE = 4096
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p


def call(name, *arguments):
    """Whether a call about memory was answered."""
    found = getattr(libc, name)(*(ctypes.c_void_p(each) if each > 2**20 else ctypes.c_size_t(each) for each in arguments))
    return found not in (-1, 2**64 - 1)


def library(size):
    """`size` bytes of machine code that this process can do without."""
    with open("/proc/self/maps") as file:
        for line in file:
            match = re.match("([0-9a-f]+)-([0-9a-f]+) r-xp .*libtorch_cpu", line)
            if match:
                low, high = int(match[1], 16), int(match[2], 16)
                low += (high - low) // 4 // PAGE * PAGE
                return low, min(size, (high - low) // PAGE * PAGE)
    return 0, 0


def fill(low, size):
    """Write to each page of a range of addresses, all of them different."""
    for at in range(low, low + size, PAGE):
        ctypes.memmove(at, at.to_bytes(8, "little"), 8)


def held(low, size):
    """The bytes of the pages that still hold it."""
    return sum(PAGE for at in range(low, low + size, PAGE) if ctypes.string_at(at, 8) == at.to_bytes(8, "little"))


def new(size):
    """Memory that was not there."""
    found = libc.mmap(None, ctypes.c_size_t(size), 3, 0x22, -1, 0)
    return found if found not in (None, 2**64 - 1) else 0


def fresh(size):
    low = new(size)
    if not low:
        return 0
    fill(low, size)
    return held(low, size)
'''


@dataclass(frozen=True)
class Hiding:
    """The body of a function of `size`: it holds up to so many bytes at once, and returns how many it really had."""

    name: str
    body: str
    hides: int = 48 * MB  # at least, where nothing stops it


HIDINGS = [
    Hiding("unmaps libraries first", """
low, size = library(size)
call("munmap", low, size)
return fresh(size)"""),
    Hiding("unmaps libraries page by page", """
low, size = library(size)
for at in range(low, low + size, PAGE):
    call("munmap", at, PAGE)
return fresh(size)"""),
    Hiding("shrinks the mapping of a library", """
low, size = library(size)
call("mremap", low, size, PAGE, 0)
return fresh(size)"""),
    Hiding("moves a mapping of its own over a library, piece by piece", """
low, size = library(size)
for at in range(low, low + size, 2**20):
    piece = new(2**20)
    if not piece or not call("mremap", piece, 2**20, 2**20, 3, at):
        return 0
fill(low, size)
return held(low, size)"""),
    Hiding("maps memory in place of a library", """
low, size = library(size)
if not call("mmap", low, size, 3, 0x32, 2**64 - 1, 0):
    return 0
fill(low, size)
return held(low, size)"""),
    Hiding("writes over a library", """
low, size = library(size)
if not call("mprotect", low, size, 3):
    return 0
fill(low, size)
return held(low, size)"""),
    Hiding("writes over a library and puts it back", """
low, size = library(size)
if not call("mprotect", low, size, 3):
    return 0
fill(low, size)
had = held(low, size)
for advice in (4, 8, 21, 102):
    call("madvise", low, size, advice)
call("mprotect", low, size, 5)
return had"""),
    Hiding("keeps it in files", """
had = 0
try:
    for number in range(size // 2**22):
        with open(f"part-{number}", "wb") as file:
            file.write(bytes([number]) * 2**22)
except OSError:
    pass
for number in range(size // 2**22):
    if os.path.exists(f"part-{number}"):
        with open(f"part-{number}", "rb") as file:
            had += file.read(1) == bytes([number]) and os.path.getsize(file.name)
return had"""),
    Hiding("keeps it in a file without a name", """
had = 0
try:
    files = [os.open(".", os.O_TMPFILE | os.O_RDWR) for _ in range(size // 2**22)]
    for number, file in enumerate(files):
        os.write(file, bytes([number]) * 2**22)
    had = sum(os.fstat(file).st_size for number, file in enumerate(files) if os.pread(file, 1, 2**21) == bytes([number]))
except OSError:
    pass
return had"""),
    Hiding("keeps it in the names of links", """
had = 0
try:
    for number in range(3000):
        os.symlink(f"{number:04000}", f"link-{number}")
except OSError:
    pass
return sum(len(os.readlink(name)) for name in os.listdir(".") if name.startswith("link-"))""", hides=8 * MB),
    Hiding("keeps it in pipes", """
pipes = []
try:
    for number in range(110):
        pipes.append(os.pipe())
        fcntl.fcntl(pipes[-1][1], 1031, 2**17)  # F_SETPIPE_SZ
        os.write(pipes[-1][1], bytes([number]) * 2**17)
except OSError:
    pass
return sum(len(os.read(pipe[0], 2**17)) for pipe in pipes)""", hides=11 * MB),
    Hiding("keeps it in the file behind its output", """
output = sys.stdout.descriptor
start = os.fstat(output).st_size
try:
    for _ in range(15):
        os.write(output, b"x" * 2**20)
except OSError:
    pass
had = sum(len(os.pread(output, 2**20, start + number * 2**20)) for number in range(15))
os.ftruncate(output, start)
return had""", hides=11 * MB),
]  # fmt: skip

HONEST = "block = bytearray(2**20)\nfor _ in range(size // 2**20):\n    for at in range(0, 2**20, PAGE):\n        block[at] = 1\nreturn 2**20"
WHOLE = "return fresh(size)"


@dataclass(frozen=True)
class Seen:
    held: int  # bytes that it had at once
    counted: int  # bytes that a budget counts


def measure(zygote: Zygote, body: str, measured: bool = True) -> Seen:
    """What a worker held, and what was counted: as budgets do it, or (not `measured`) by address space alone."""
    function = "def f(size: int) -> int:\n" + textwrap.indent(body.strip(), "    ") + "\n"
    start = "START = PAGE * int(open('/proc/self/statm').read().split()[0])\n"
    stub = "def f(size: int) -> int: ...\n"
    with zygote.fork("jail", Limits(cpu_seconds=60, file_mb=1 if measured else 16, measured=measured)) as worker:
        worker.ask(
            Load(
                "a.b", "b.py", HELPERS + start + function, stub, "def e(student, size):\n    return student.f(size)\n"
            ),
            60,
        )
        try:
            seen = worker.ask(Run("e", encode({"size": MATRIX})), 60)
        except Lost:
            return Seen(0, 0)  # it has taken away what it needed: it answers nothing
        if seen.kind != "value":
            return Seen(0, 0)
        used = worker.used()
        assert used is not None
        return Seen(decode(seen.value), used.memory)


@pytest.fixture(scope="module", params=["everything", "L2"])
def jail(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    """Behind all layers of this machine, and behind those that an ordinary user has."""
    with Zygote(without=L3 if request.param == "L2" else []) as zygote:
        yield zygote


@pytest.fixture(scope="module")
def unfiltered() -> Iterator[Zygote]:
    """Workers that may make any system call."""
    with Zygote(without=[seccomp.NAME]) as zygote:
        yield zygote


@pytest.mark.parametrize("hiding", HIDINGS, ids=lambda hiding: hiding.name)
def test_what_is_held_is_counted(jail: Zygote, hiding: Hiding) -> None:
    seen = measure(jail, hiding.body)
    found = f"{seen.held // MB} MB held, {seen.counted // MB} counted"
    record(NUMBER, f"a memory budget: {hiding.name}", "what it holds is counted", found)
    assert seen.held - seen.counted <= min(usage.USUAL, hiding.hides // 4), found


@pytest.mark.parametrize("hiding", HIDINGS, ids=lambda hiding: hiding.name)
def test_without_the_filter_and_by_address_space_alone_it_is_not(unfiltered: Zygote, hiding: Hiding) -> None:
    """Control: the attack works, where nothing is done about it."""
    seen = measure(unfiltered, hiding.body, measured=False)
    assert seen.held - seen.counted >= hiding.hides, seen


WRITES_TO_THE_HEAP = """
written = 0
with open("/proc/self/maps") as file:
    found = re.search(r"([0-9a-f]+)-([0-9a-f]+) rw-p .*\\[heap\\]", file.read())
low, high = int(found[1], 16), int(found[2], 16)
for at in range(low, min(high, low + size), PAGE):
    ctypes.memmove(at, at, 1)  # what is there already
    written += PAGE
return written"""


def test_what_it_inherits_counts_when_it_is_written_to(jail: Zygote) -> None:
    """Python's and torch's objects lie there: who needs them no more could put numbers in their place."""
    seen = measure(jail, WRITES_TO_THE_HEAP)
    assert seen.held > 32 * MB and seen.held - seen.counted <= usage.USUAL, seen


# Calls at the edges of a room that lies across multiples of 4 GB, with numbers whose halves carry: in a process of its own.
# MADV_NORMAL does nothing, so what is answered is what the filter said.
EDGES = """
import ctypes, errno, platform, random
from autograder.jail.layers import seccomp
from autograder.jail.layers.base import Room

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
size = 3 * 2**32
base = libc.mmap(None, ctypes.c_size_t(size), 0, 0x4022, -1, 0)
room = Room(base + 2**30, base + size - 2**30)
edges = [room.low, room.high, base, base + size, *range(base // 2**32 * 2**32, base + size, 2**32)]
random.seed(0)
tries = []
for _ in range(4000):
    address = random.choice(edges) + random.choice([-4096, 0, 4096, random.randrange(-(2**33), 2**33) // 4096 * 4096])
    end = random.choice(edges) + random.choice([-4096, -1, 0, 1, 4096, random.randrange(-(2**33), 2**33)])
    length = random.choice([4096, 2**32, 2**32 - 4096, 2**64 - 4096, 2**63, 2**48, *[end - address] * 6])
    tries.append((address % 2**64, length % 2**64))
code = seccomp.program("default", platform.machine(), True, True, room)
seccomp.install(*code)
wrong = inside = 0
for address, length in tries:
    ctypes.set_errno(0)
    libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), 0)
    refused = ctypes.get_errno() == errno.EPERM
    fits = room.low <= address and address + length <= room.high
    inside += fits
    wrong += refused is fits
print(wrong, inside > 300, inside < 3700)
"""


def test_the_filter_knows_each_address_of_the_room_and_no_other() -> None:
    done = subprocess.run([sys.executable, "-c", EDGES], capture_output=True, text=True)
    assert done.stdout.split() == ["0", "True", "True"], done.stdout + done.stderr


NEEDED = """
import threading, torch
done = {}
def work():
    done["thread"] = float(torch.ones(300, 300).sum())
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
x = torch.randn(400, 400, requires_grad=True)
for dtype in (torch.float64, torch.bfloat16, torch.float16):
    (x.to(dtype) @ x.to(dtype)).float().sum().backward()
torch.nn.functional.conv2d(torch.ones(1, 3, 64, 64), torch.ones(8, 3, 3, 3))
torch.linalg.svd(torch.eye(50))
grows = []
for number in range(300000):
    grows.append(str(number))
del grows
kept = [bytes(200000) for _ in range(50)]
kept = None
libc.malloc_trim(0)
area = mmap.mmap(-1, 2**20)
area.close()
for _ in range(2000):
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)(1)
import decimal, xml.dom.minidom
gc.collect()
return int(done["thread"]) if x.grad is not None else 0"""


def test_what_honest_code_does_with_memory_works(jail: Zygote) -> None:
    """Threads, large and small blocks, other kernels of torch, libraries that are loaded later, callbacks from C."""
    assert measure(jail, NEEDED).held == 90000


FREES = """
for _ in range(200):
    block = bytearray(2**22)
    block = None
    rows = [bytes(3000) for _ in range(1000)]
    rows = None
return 1"""
THREADS = """
import threading
threads = [threading.Thread(target=lambda: sum(len(bytes(1000)) for _ in range(100))) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
return 1"""


def test_what_is_freed_can_be_had_again_and_a_thread_costs_its_stack(jail: Zygote) -> None:
    assert measure(jail, FREES).counted < 4 * 2**22
    assert measure(jail, THREADS).counted < 48 * MB  # stacks; a pool of memory for each would be 256 MB more


def test_it_is_said_where_a_budget_is_weaker() -> None:
    assert usage.weakness(layers.NAMES) == ""
    assert seccomp.NAME in usage.weakness([name for name in layers.NAMES if name != seccomp.NAME])


def test_a_matrix_in_plain_sight_is_counted_and_a_block_at_a_time_costs_a_block(jail: Zygote) -> None:
    whole, honest = measure(jail, WHOLE), measure(jail, HONEST)
    assert whole.held == MATRIX <= whole.counted < MATRIX + 8 * MB
    assert honest.counted < 4 * MB
