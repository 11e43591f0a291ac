"""What every layer shares: its settings, the answer of its probe, and the throwaway process in which probes try things."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Profile = Literal["default", "gpu", "tools", "gpu-tools"]
"""What an exercise needs beyond plain computing: `gpu` a device's files and ioctls, `tools` child processes and a compiler,
`gpu-tools` both: Triton compiles a kernel with two programs, a C compiler and NVIDIA's assembler."""


def has_device(profile: Profile) -> bool:
    """Whether a worker of this profile may open the accelerator."""
    return profile in ("gpu", "gpu-tools")


def starts_programs(profile: Profile) -> bool:
    """Whether a worker of this profile may start programs and children."""
    return profile in ("tools", "gpu-tools")


PROBE_SECONDS = 20
PROBE_TRIES = 3


@dataclass(frozen=True)
class Room:
    """A range of addresses, from `low` up to `high`, which is not in it: both multiples of a page's size."""

    low: int
    high: int


@dataclass(frozen=True)
class Settings:
    """Limits of one worker."""

    folder: str  # private, empty, the working directory
    cpu_seconds: int  # of the whole worker
    memory_mb: int
    file_mb: int = 16  # largest file that it may write, its output included
    open_files: int = 256
    profile: Profile = "default"
    device: bool = False  # whether it has an accelerator: the profile opens one, and one is there
    hidden: tuple[str, ...] = ()  # packages that can't be read
    imports: tuple[str, ...] = ()  # packages that the worker imports first: what they take is not the submission's
    without: tuple[str, ...] = ()  # names of layers to leave out: for tests and --unsafe, decided by the grader alone
    measured: bool = False  # whether its memory is measured
    room: Room | None = None  # of a worker whose memory is measured: where alone it may give memory back (`held`)
    process: int = 0  # its id, as the grader has it: in a PID namespace it has another one for itself
    place: int = -1  # among the workers that live: the lowest that is free; -1 where its process id is no secret to it
    zygote: int = 0  # the zygote's process id
    on: tuple[str, ...] = ()  # names of the layers that this worker gets; `apply_all` fills it in


@dataclass(frozen=True)
class Probe:
    """Whether a layer is available here."""

    name: str
    available: bool
    why: str
    guarantees: str
    how: str = ""  # to get it here, when it is not available
    needs: str = ""  # the name of a layer without which this one does not work here


@functools.cache
def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Raise `OSError` when a call of the C library answered -1."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def fails_in_a_fork(attempt: Callable[[], None]) -> str:
    """Run `attempt` in a throwaway process; "" when it returned, else what went wrong there.

    A process that dies without a word may have been killed by something else (a person, the kernel out of memory), which
    must not make the isolation weaker: it is tried again.
    """
    if sys.platform != "linux":
        return "not Linux"
    problem = ""
    for _ in range(PROBE_TRIES):
        problem, said_so = _try_in_a_fork(attempt)
        if said_so:
            break
    return problem


def _try_in_a_fork(attempt: Callable[[], None]) -> tuple[str, bool]:
    """What went wrong, and whether the attempt said so itself."""
    said, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(said)
            signal.alarm(PROBE_SECONDS)
            attempt()
            os.write(says, b"ok")
        except BaseException as error:
            os.write(says, f"{type(error).__name__}: {error}".encode()[:2000])
        finally:
            os._exit(0)
    os.close(says)
    with os.fdopen(said, "rb") as pipe:
        answer = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    if answer == "ok":
        return "", True
    return answer or f"the attempt was ended by signal {os.WTERMSIG(status)}", bool(answer)
