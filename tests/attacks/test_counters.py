"""What a worker can learn of others from numbers that the kernel gives out: process ids, inodes, counters of the machine.

In a hidden case code can turn its input into a number of threads, pipes or files, and another worker of the same submission read that
back. So each number is read in one worker, then somebody else is busy, then it is read in a second worker: it must be the same, or not
to be had. The control is the same code in a process outside of the jail, which sees each of them change.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.jail import layers
from autograder.jail.handle import Lost
from autograder.jail.host import Limits, Zygote
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Load, Run

READ = """
import ctypes, os, socket, tempfile, threading

def counter(path, *words):
    def read():
        with open(path) as file:
            return "".join(line for line in file if not words or line.split()[0] in words)
    return read

def thread():
    found = []
    each = threading.Thread(target=lambda: found.append(threading.get_native_id()))
    each.start()
    each.join()
    return found[0]

def sysinfo():
    data = (ctypes.c_ulong * 64)()
    if ctypes.CDLL(None, use_errno=True).sysinfo(data):
        raise OSError(ctypes.get_errno(), "sysinfo")
    return list(data)[1:8]  # load, free memory

def new_file():
    with tempfile.NamedTemporaryFile(dir=os.getcwd() if os.getcwd() != "/" else None) as file:
        return os.fstat(file.fileno()).st_ino

def ends(make):
    def read():
        first, second = make()
        return [os.fstat(each if isinstance(each, int) else each.fileno()).st_ino for each in (first, second)]
    return read

def asked():
    with open(os.__file__, "rb") as file:
        return os.preadv(file.fileno(), [bytearray(9)], 0, os.RWF_NOWAIT)

READERS = {
    "process id": os.getpid,
    "process folder": lambda: os.readlink("/proc/self"),
    "session": lambda: os.getsid(0),
    "thread id": thread,
    "pipe": ends(os.pipe),
    "socket": ends(socket.socketpair),
    "memory file": lambda: os.fstat(os.memfd_create("x")).st_ino,
    "new file": new_file,
    "sysinfo": sysinfo,
    "read ahead": asked,
    "/proc/stat": counter("/proc/stat", "processes", "ctxt"),
    "/proc/meminfo": counter("/proc/meminfo"),
    "/proc/loadavg": counter("/proc/loadavg"),
    "/proc/vmstat": counter("/proc/vmstat"),
    "/proc/schedstat": counter("/proc/schedstat"),
    "/proc/uptime": counter("/proc/uptime"),
    "ns_last_pid": counter("/proc/sys/kernel/ns_last_pid"),
    "inode-state": counter("/proc/sys/fs/inode-state"),
    "memory of a node": counter("/sys/devices/system/node/node0/vmstat"),
    "allocations of a node": counter("/sys/devices/system/node/node0/numastat"),
    "user": os.getuid,
    "parent": os.getppid,
    "control group": counter("/proc/self/cgroup"),
}

def read_all():
    found = {}
    for name, read in READERS.items():
        try:
            found[name] = read()
        except OSError as error:
            found[name] = "refused"
    return found
"""
EXPERIMENT = "def e(student):\n    return student.read_all()\n"
STUB = "from typing import Any\ndef read_all() -> Any: ...\n"

OWN_ALONE = {"process id", "process folder", "session", "thread id", "new file"}
"""What an ordinary user's worker shares with the whole machine: it has no PID namespace, and its folder is on the machine's disk."""

CHANGE = OWN_ALONE | {
    *("pipe", "socket", "memory file", "sysinfo"),
    *("/proc/stat", "/proc/meminfo", "/proc/vmstat", "ns_last_pid", "memory of a node", "allocations of a node"),
}
"""What changes for a process outside of the jail, for certain. The others hang on the machine."""


def be_busy() -> None:
    """What a worker may do as well, and more: processes, threads, pipes, files, memory."""
    for _ in range(40):
        subprocess.run(["true"], check=True)
    for _ in range(2000):
        each = threading.Thread(target=int)
        each.start()
        each.join()
        for end in os.pipe():
            os.close(end)
    block = bytearray(64 * 2**20)
    block[:: 2**12] = b"x" * len(block[:: 2**12])


def in_a_worker(zygote: Zygote) -> dict[str, Any]:
    with zygote.fork("jail", Limits(cpu_seconds=60)) as worker:
        assert worker.ask(Load("counters.f", "f.py", READ, STUB, EXPERIMENT), 60).kind == "loaded"
        seen = worker.ask(Run("e", encode({})), 60)
    assert seen.kind == "value", seen
    return decode(seen.value)


def outside() -> dict[str, Any]:
    code = READ + "\nimport json\nprint(json.dumps(read_all()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd="/", start_new_session=True
    )
    return json.loads(done.stdout)


MACHINES = {
    "everything that works here": [],
    "an ordinary user": ["L3 cgroup", "L3 namespaces", "L3 uid"],
    "a kernel without Landlock": ["L2 landlock"],
}


@pytest.fixture(scope="module", params=MACHINES)
def jail(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    without = MACHINES[request.param]
    found = layers.isolation(without=without)
    if not found.enough_for_hidden:
        pytest.skip(f"hidden checks are not run on {request.param}: {found.why}")
    with Zygote(without=without) as zygote:
        yield zygote


def test_no_number_tells_a_worker_what_others_did(jail: Zygote) -> None:
    first = in_a_worker(jail)
    be_busy()
    with jail.fork("jail", Limits(cpu_seconds=60)):
        pass
    second = in_a_worker(jail)
    apart = "L3 namespaces" in layers.isolation(without=jail._without).on
    changed = {name for name in first if first[name] != second[name]}
    assert changed <= (set() if apart else OWN_ALONE), {name: (first[name], second[name]) for name in changed}
    for name in ("pipe", "socket", "memory file", "sysinfo", "read ahead", "/proc/stat", "/proc/meminfo"):
        assert first[name] == "refused", name


def test_workers_that_live_at_the_same_time_have_users_of_their_own(jail: Zygote) -> None:
    if "L3 uid" not in layers.isolation(without=jail._without).on:
        pytest.skip("workers are of the grader's own user here")
    with jail.fork("jail", Limits(cpu_seconds=60)) as other:
        owner = Path(f"/proc/{other.pid}").stat().st_uid
        assert in_a_worker(jail)["user"] != owner


def test_the_control_outside_of_the_jail_they_change() -> None:
    first = outside()
    be_busy()
    second = outside()
    there = {name for name in CHANGE if first[name] != "refused"}
    assert {name for name in there if first[name] != second[name]} >= there - {"new file"}
    assert len(there) > 10


ENDS = {"abort": "os.abort()", "a signal to itself": "os.kill(os.getpid(), 9)", "an exit": "os._exit(3)"}


@pytest.mark.parametrize("how", ENDS)
def test_nothing_is_left_of_a_namespace(how: str) -> None:
    """The process that keeps it open ends with the worker, and with the zygote."""
    source = "import os\nfrom typing import Any\ndef read_all() -> Any:\n" + textwrap.indent(ENDS[how], "    ")
    with Zygote() as zygote:
        ready = zygote.wait()
        with zygote.fork("jail", Limits(cpu_seconds=60)) as worker:
            assert worker.ask(Load("counters.f", "f.py", source, STUB, EXPERIMENT), 60).kind == "loaded"
            with pytest.raises(Lost):
                worker.ask(Run("e", encode({})), 60)
        assert Path(f"/proc/{ready.pid}/task/{ready.pid}/children").read_text() == ""
        worker = zygote.fork("jail", Limits(cpu_seconds=60))
        children = [int(each) for each in Path(f"/proc/{ready.pid}/task/{ready.pid}/children").read_text().split()]
        os.kill(ready.pid, 9)
        os.waitid(os.P_PID, ready.pid, os.WEXITED | os.WNOWAIT)
        for pid in children:
            for _ in range(1000):
                if not Path(f"/proc/{pid}").exists() or ") Z" in Path(f"/proc/{pid}/stat").read_text():
                    break
                threading.Event().wait(0.01)
            else:
                raise AssertionError(f"{pid} goes on without its zygote")
        worker.close()
