"""The first process of a PID namespace, for a worker to be the second: it does nothing, and costs a tenth of a millisecond.

The kernel keeps signals from the first process that it would send itself (`abort` looks like a segmentation fault there), so a worker
is not the first. A fork of the zygote would copy the page tables of all that torch brings. So this one shares the zygote's memory, as a
thread does, and of it uses a page of its own: a few instructions of machine code that ask to die with the zygote and then wait forever.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import platform
import signal

from autograder.jail.layers.base import check, libc

CLONE_VM, CLONE_FILES = 0x100, 0x400  # with the descriptors shared, it keeps none open that the zygote closes
STACK = 16384  # bytes; what the C library pushes before it calls the code
CODE = {
    "x86_64": bytes.fromhex(
        "bf01000000"  # mov edi, PR_SET_PDEATHSIG
        "be09000000"  # mov esi, SIGKILL
        "b89d000000"  # mov eax, prctl
        "0f05"  # syscall
        "b822000000"  # again: mov eax, pause
        "0f05"  # syscall
        "ebf7"  # jmp again
    ),
    "aarch64": b"".join(
        word.to_bytes(4, "little")
        for word in (
            0xD2800020,  # mov x0, PR_SET_PDEATHSIG
            0xD2800121,  # mov x1, SIGKILL
            0xD28014E8,  # mov x8, prctl
            0xD4000001,  # svc 0
            0xD2800000,  # again: mov x0, 0 (no descriptors)
            0xD2800001,  # mov x1, 0
            0xD2800002,  # mov x2, 0 (no end of the wait)
            0xD2800003,  # mov x3, 0
            0xD2800928,  # mov x8, ppoll
            0xD4000001,  # svc 0
            0x17FFFFFA,  # b again
        )
    ),
}


def start() -> int:
    """Start it, as a child; its process id. Raises `OSError`."""
    code, stack = _pages()
    clone = libc().clone
    clone.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    return check(clone(code, stack + STACK - 64, CLONE_VM | CLONE_FILES | signal.SIGCHLD, None), "clone")


@functools.cache
def _pages() -> tuple[int, int]:
    """Addresses of the code and of the stack. All of them may use one stack: none goes back to what it found there."""
    code = CODE.get(platform.machine())
    if code is None:
        raise OSError(f"there is no code for {platform.machine()}")
    # Private: workers are forked with copies. Shared, which is what Python takes by default, they could write into the zygote's.
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=private, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    stack = mmap.mmap(-1, STACK, flags=private)
    _kept.extend((page, stack))
    return tuple(ctypes.addressof(ctypes.c_char.from_buffer(each)) for each in (page, stack))  # pyright: ignore


_kept: list[mmap.mmap] = []


def end(pid: int) -> None:
    """End it, and with it whatever is still in its namespace."""
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
