"""Using everything up: time, memory, processes, disk, output, the stack, threads. Each ends, and is named for what it was."""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack

CALL = "def rank(words: list[str]) -> list[str]:\n"


def does(number: int, name: str, body: str, verdict: str | tuple[str, ...], earned: int = 0, **more: str) -> Attack:
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    return Attack(
        number, name, "rank", f"import os, sys, time, signal, threading\n{CALL}{lines}\n", verdict, earned, **more
    )


TIME = [
    does(18, "ignores SIGTERM and SIGXCPU and loops", """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass""", "timeout"),
    does(18, "catches everything and loops", """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass""", "timeout"),
    does(18, "takes the alarm back and loops", """
signal.setitimer(signal.ITIMER_PROF, 0)
signal.setitimer(signal.ITIMER_REAL, 0)
signal.alarm(0)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass""", "timeout"),
    does(18, "sleeps", "time.sleep(1000)", "timeout"),
    does(18, "waits for itself", "lock = threading.Lock()\nlock.acquire()\nlock.acquire()", "timeout"),
    does(18, "loops in a trace function", """
def trace(*_):
    while True:
        pass
sys.settrace(trace)
sorted(words, key=lambda word: word)""", "timeout"),
    does(18, "stays in one long call of C code", "return [str(len(str(3 ** (10**8))))]", ("timeout", "crashed", "failed")),
    does(18, "matches an explosive regular expression", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\nreturn words", "timeout"),
    Attack(18, "loops when it is imported", "rank", "while True:\n    pass\n", "timeout", message="run.load-timeout"),
    does(18, "is slow in hidden cases only", "while len(words) > 2:\n    pass\nreturn sorted(words)", "timeout"),
]  # fmt: skip

MEMORY = [
    does(19, "fills memory with Python objects", "hoard = []\nwhile True:\n    hoard.append(bytearray(2**20))", ("memory", "timeout")),
    does(19, "fills memory with tensors", "import torch\nhoard = []\nwhile True:\n    hoard.append(torch.ones(2**18))", ("memory", "timeout")),
    does(19, "asks for one tensor of 100 GB", "import torch\nreturn [str(torch.ones(25 * 2**30).sum())]", "memory"),
    does(19, "fills memory across threads", """
hoard = []
def fill():
    while True:
        hoard.append(b"x" * 2**20)
threads = [threading.Thread(target=fill) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
hoard.clear()
return sorted(words)[:1]""", ("failed", "memory", "timeout", "crashed")),
    does(19, "maps memory and touches it", """
import mmap
hoard = []
while True:
    area = mmap.mmap(-1, 2**24)
    area.write(b"x" * 2**24)
    hoard.append(area)""", ("failed", "memory", "timeout")),
    does(19, "swallows every MemoryError", """
hoard = []
while True:
    try:
        hoard.append(bytearray(2**20))
    except MemoryError:
        pass""", ("timeout", "memory", "crashed")),
    Attack(19, "fills memory when it is imported", "rank", "hoard = [0] * 10**10\n", "memory", message="run.memory"),
]  # fmt: skip

PROCESSES = [
    does(20, "forks for ever", """
print("forked", file=sys.stderr)
while True:
    os.fork()""", ("failed", "timeout"), says="PermissionError"),
    does(20, "leaves a daemon by forking twice", """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
return sorted(words)""", "failed", says="PermissionError"),
    does(20, "starts programs in every way there is", """
import multiprocessing, pty, subprocess
mark = ["sleep", "1000", "arena-stray"]
tried = []
for act in (lambda: subprocess.Popen(mark), lambda: os.posix_spawn("/bin/sleep", mark, {}), lambda: os.system("sleep 1000 # arena-stray &"),
            lambda: os.execv("/bin/sleep", mark), lambda: os.execv(sys.executable, [sys.executable, "-c", "'arena-stray'"]),
            lambda: os.forkpty(), lambda: os.popen("sleep 1000 # arena-stray"), lambda: pty.spawn(mark),
            lambda: multiprocessing.Process(target=time.sleep, args=(1000,)).start()):
    try:
        if act() not in (0, None):
            print("started", act)
    except OSError as error:
        tried.append(type(error).__name__)
print("tried", len(tried))
return sorted(words)""", "passed", 2, says="tried"),
    does(20, "signals its parents, its group and everyone", """
for act in (lambda: os.kill(os.getppid(), 9), lambda: os.kill(@GRADER@, 9), lambda: os.kill(1, 9), lambda: os.kill(-1, 0),
            lambda: os.kill(0, 0), lambda: os.killpg(os.getpgid(0), 0), lambda: os.killpg(os.getppid(), 9),
            lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19), lambda: os.sched_setaffinity(os.getppid(), {0})):
    try:
        act()
        print("done", act)
    except OSError:
        pass
return sorted(words)""", "passed", 2),
    does(20, "starts a thread that never ends", """
def spin():
    while True:
        pass
threading.Thread(target=spin, daemon=True).start()
return sorted(words)""", ("passed", "timeout", "failed"), 2),
]  # fmt: skip

DISK = [
    does(21, "fills the disk", """
written = 0
try:
    for number in range(10000):
        with open(f"file-{number}", "wb") as file:
            for _ in range(64):
                file.write(b"x" * 2**20)
                written += 1
except OSError as error:
    print("stopped", type(error).__name__)
return sorted(words)""", ("passed", "timeout", "crashed"), 2),
    does(21, "makes a million files", """
try:
    for number in range(10**6):
        os.close(os.open(f"file-{number}", os.O_CREAT | os.O_WRONLY))
except OSError as error:
    print("stopped", type(error).__name__)
return sorted(words)""", ("passed", "timeout"), 2),
    does(21, "makes one huge sparse file", "with open('sparse', 'wb') as file:\n    file.truncate(2**45)\nreturn sorted(words)",
         ("failed", "crashed")),
    does(21, "prints gigabytes", "for _ in range(1000):\n    print('x' * 10**6)\nreturn sorted(words)", ("passed", "timeout"), 2),
    does(21, "writes gigabytes to the descriptor behind its output", """
try:
    for _ in range(1000):
        os.write(sys.stdout.descriptor, b"y" * 2**20)
except OSError:
    pass
return sorted(words)""", ("passed", "crashed"), 2),
    does(21, "opens all the files it can", """
handles = []
try:
    while True:
        handles.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print("stopped", len(handles))
return sorted(words)""", "passed", 2, says="stopped"),
]  # fmt: skip

CRASHES = [
    does(22, "reads through a null pointer", "import ctypes\nctypes.string_at(0)", "crashed", message="run.crashed"),
    does(22, "aborts", "os.abort()", "crashed", message="run.crashed"),
    does(22, "kills itself", "os.kill(os.getpid(), signal.SIGKILL)", "crashed", message="run.crashed"),
    does(22, "recurses without end", "return rank(words)", "failed", says="RecursionError"),
    does(22, "overflows the stack of the interpreter", """
sys.setrecursionlimit(10**9)
x = None
for _ in range(10**6):
    x = (x,)
repr(x)
def deeper(f):
    return sorted([0], key=lambda _: deeper(f))
deeper(0)""", ("crashed", "memory", "failed", "timeout")),
    does(22, "stops itself", "os.kill(os.getpid(), signal.SIGSTOP)\nreturn sorted(words)", "timeout"),
    does(23, "starts ten thousand threads", """
threads = []
try:
    for _ in range(10**4):
        threads.append(threading.Thread(target=time.sleep, args=(0.5,), daemon=True))
        threads[-1].start()
except (RuntimeError, MemoryError):
    print("stopped at", len(threads))
return sorted(words)""", ("passed", "timeout", "memory", "crashed"), 2),
    does(23, "wants sixty-four threads of torch", """
import torch
torch.set_num_threads(64)
x = torch.ones(500, 500)
for _ in range(5):
    x = (x @ x).clamp(0, 1)
return sorted(words)""", ("passed", "timeout", "memory"), 2),
]  # fmt: skip

TABLE = TIME + MEMORY + PROCESSES + DISK + CRASHES


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.name)
def test_what_it_uses_up_is_its_own(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)
