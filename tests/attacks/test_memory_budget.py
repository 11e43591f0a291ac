"""Holding more memory than a budget sees: in place of what was there at the start, in files, in pipes, in the kernel.

Each attack holds as many pages as it can, all at once, and counts those whose content it can read back. What the grader measures
may not be less. The control is the same attack behind no filter of system calls, measured by the peak of address space alone,
as budgets once were: there it holds a matrix of 64 MB, and nothing is seen of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from attacks.arena import record

from autograder.jail.host import Limits, Lost, Zygote
from autograder.jail.layers import seccomp
from autograder.jail.messages import Load, Run
from autograder.jail.values import decode, encode

MB = 2**20
MATRIX = 64 * MB
NUMBER = 19  # in the acceptance list
L3 = ["L3 cgroup", "L3 namespaces", "L3 uid"]

HELPERS = '''
import ctypes, gc, mmap, os, re, sys
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
    Hiding("unmaps from its own memory on into a library", """
low, size = library(size)
before = new(PAGE)
found = libc.mmap(ctypes.c_void_p(low - PAGE), ctypes.c_size_t(PAGE), 3, 0x22, -1, 0)
call("munmap", min(before, found or before), size)
call("munmap", low - PAGE, size + PAGE)
return fresh(size)"""),
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
    Hiding("writes over a library through /proc/self/mem", """
low, size = library(size)
try:
    file = os.open("/proc/self/mem", os.O_RDWR)
    for at in range(low, low + size, PAGE):
        os.pwrite(file, at.to_bytes(8, "little"), at)
except OSError:
    pass
return held(low, size)"""),
    Hiding("throws away Python's modules and keeps small pieces where they were", """
import builtins
kept = {"sys", "builtins", "gc", "os", "ctypes", "mmap", "re"}
gc.unfreeze()
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] in ("sympy", "torch", "numpy", "mpmath", "jinja2", "networkx") and name != "torch":
        vars(module).clear() if name.partition(".")[0] in ("sympy", "networkx", "mpmath") else None
pieces = []
for number in range(size // 2048):
    pieces.append(number.to_bytes(8, "little") + bytes(2000))
    if os.sysconf("SC_PAGE_SIZE") * int(open("/proc/self/statm").read().split()[0]) > START + 2 * 2**20:
        break
return sum(2048 for number, piece in enumerate(pieces) if piece[:8] == number.to_bytes(8, "little"))""", hides=5 * MB),
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
        os.write(pipes[-1][1], bytes([number]) * 2**16)
except OSError:
    pass
return sum(len(os.read(pipe[0], 2**16)) for pipe in pipes)""", hides=6 * MB),
    Hiding("keeps it in the file behind its output", """
output = sys.stdout.descriptor
start = os.fstat(output).st_size
try:
    for _ in range(13):
        os.write(output, b"x" * 2**20)
except OSError:
    pass
had = sum(len(os.pread(output, 2**20, start + number * 2**20)) for number in range(13))
os.ftruncate(output, start)
return had""", hides=12 * MB),
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
    assert seen.held - seen.counted <= 5 * MB, found


@pytest.mark.parametrize("hiding", HIDINGS, ids=lambda hiding: hiding.name)
def test_without_the_filter_and_by_address_space_alone_it_is_not(unfiltered: Zygote, hiding: Hiding) -> None:
    """Control: the attack works, where nothing is done about it."""
    seen = measure(unfiltered, hiding.body, measured=False)
    assert seen.held - seen.counted >= hiding.hides, seen


def test_a_matrix_in_plain_sight_is_counted_and_a_block_at_a_time_costs_a_block(jail: Zygote) -> None:
    whole, honest = measure(jail, WHOLE), measure(jail, HONEST)
    assert whole.held == MATRIX <= whole.counted < MATRIX + 8 * MB
    assert honest.counted < 4 * MB
