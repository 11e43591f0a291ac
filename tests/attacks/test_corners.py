"""Corners of the worker and of the kernel that the other tables do not touch: what is shared between workers, what runs where
nobody expects the student's code to, what a dying process leaves to the kernel."""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack
from attacks.snoop import snoop

HEAD = "import os, sys, time\n"
RIGHT = "    return sorted(words)\n"


def rank(
    number: int, name: str, source: str, verdict: str | tuple[str, ...] = "failed", earned: int = 0, **more: str
) -> Attack:
    return Attack(number, name, "rank", HEAD + source, verdict, earned, **more)


def spying(number: int, name: str, body: str) -> Attack:
    return Attack(number, name, "rank", snoop(body), "passed", 2, says="spied")


SHARED = [
    spying(1, "climbs out of the package that it runs in", """
        import autograder
        here = os.path.dirname(os.path.dirname(autograder.__file__))
        for path in ("solutions/warmup/softmax_lse/solution.py", "assignments/warmup/expected/softmax_lse.plan", "grading.toml", ".git/HEAD",
                     "autograder/grading/secret.py", "autograder/verify/forgers.py", "tests/attacks/course.py", ".autograder/secret"):
            attempt("open", lambda: read(os.path.join(here, path)))
        assert not any(each.endswith("done") for each in tried), tried
        """),
    spying(4, "looks for memory that workers share", """
        lines = read("/proc/self/maps").decode().splitlines()
        shared = [line for line in lines if line.split()[1].startswith("rw") and line.split()[1].endswith("s")]
        assert not shared, shared
        """),
    spying(4, "leaves locks and times on files that all workers read", """
        import fcntl, torch
        if tried:
            return
        handle = os.open(torch.__file__, os.O_RDONLY)
        attempt("flock", lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB))
        attempt("lock", lambda: fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB))
        attempt("lease", lambda: fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK))
        attempt("notify", lambda: fcntl.fcntl(os.open(os.path.dirname(torch.__file__), 0), fcntl.F_NOTIFY, 1))
        attempt("utime", lambda: os.utime(handle))
        attempt("xattr", lambda: os.setxattr(torch.__file__, "user.arena-stray", b"x"))
        assert not any(each.endswith("done") for each in tried), tried
        """),
    spying(4, "opens its output and its channel again by their numbers", """
        for number in os.listdir("/proc/self/fd"):
            for flags in (os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_PATH):
                attempt(f"fd {number} {flags}", lambda: os.close(os.open(f"/proc/self/fd/{number}", flags)))
            attempt("fdinfo", lambda: read(f"/proc/self/fdinfo/{number}"))
        """),
]  # fmt: skip

HOOKS = [
    rank(7, "makes typeguard accept everything", "import typeguard\ntypeguard.check_type = lambda value, *a, **k: value\n"
         "typeguard.TypeCheckError = type('Never', (Exception,), {})\ndef rank(words: list[str]) -> list[str]:\n    return 7\n"),
    rank(7, "takes the annotations from the stub", "for name in [n for n in sys.modules if n.startswith('stub.')]:\n"
         "    sys.modules[name].rank.__annotations__.clear()\ndef rank(words: list[str]) -> list[str]:\n    return None\n"),
    rank(7, "replaces the class that stands for it in experiments", "from autograder.experiment import observe\n"
         "observe.Student.__getattr__ = lambda self, name: lambda words: ['a', 'b']\n"
         "def rank(words: list[str]) -> list[str]:\n    return []\n"),
    rank(7, "raises the grader's own exceptions", "from autograder.experiment import contract, failure\nfrom autograder.jail import guard\nfrom autograder.wire import values\n"
         "kinds = [failure.Missing('x'), contract.WrongType('x', 'y', 'z'), values.BadValue('x'), guard.ForbiddenUse('x'), guard.ForbiddenImport('x')]\n"
         "def rank(words: list[str]) -> list[str]:\n    raise kinds[len(words) % len(kinds)]\n"),
    rank(18, "loops when its signature is asked for", "class F:\n    def __call__(self, words): return sorted(words)\n    @property\n"
         "    def __signature__(self):\n        while True:\n            pass\nrank = F()\n", "timeout"),
    rank(14, "names its function by a string that runs code when it is compared", "class Evil(str):\n"
         "    def __hash__(self): return hash('rank')\n    def __eq__(self, other):\n        while True:\n            pass\n"
         "def right(words: list[str]) -> list[str]:\n    return sorted(words)\nglobals()[Evil('rank')] = right\n",
         ("timeout", "failed", "error")),
    Attack(7, "leaves a mode of torch on that answers every call", "soft", "import torch\nfrom torch import Tensor\n"
           "class Mode(torch.overrides.TorchFunctionMode):\n    def __torch_function__(self, function, types, args=(), kwargs=None):\n"
           "        return True if 'equal' in str(function) else function(*args, **(kwargs or {}))\n"
           "def softmax(x: Tensor) -> Tensor:\n    Mode().__enter__()\n    return x * 0\n", "failed"),
    Attack(30, "leaves a default device and a dispatch mode behind", "soft", "import torch\nfrom torch import Tensor\n"
           "from torch.utils._python_dispatch import TorchDispatchMode\nclass Mode(TorchDispatchMode):\n"
           "    def __torch_dispatch__(self, function, types, args=(), kwargs=None):\n        raise SystemExit(0)\n"
           "def softmax(x: Tensor) -> Tensor:\n    torch.set_default_device('meta')\n    Mode().__enter__()\n    return x\n", ("failed", "crashed", "timeout")),
    rank(11, "sets timers that fire in later cases and after the verdict", "import signal\ndef rank(words: list[str]) -> list[str]:\n"
         "    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))\n    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)\n"
         "    time.sleep(0.3) if len(words) > 2 else None\n" + RIGHT, ("passed", "crashed"), 2),
    rank(14, "hooks audits, and raises in them", "sys.addaudithook(lambda event, args: (_ for _ in ()).throw(SystemExit(0)) if event == 'open' else None)\n"
         "def rank(words: list[str]) -> list[str]:\n" + RIGHT, "passed", 2),
]  # fmt: skip

CALL = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef rank(words: list[str]) -> list[str]:\n"
KERNEL = [
    rank(22, "tears holes into the memory that it has from the zygote", CALL + "    for line in open('/proc/self/maps').read().splitlines():\n"
         "        where, rights = line.split()[:2]\n        start, end = (int(each, 16) for each in where.split('-'))\n"
         "        if rights.startswith('rw'):\n            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 4)\n" + RIGHT,
         ("crashed", "timeout")),
    rank(22, "leaves the kernel a list of locks that leads nowhere", CALL + "    ring = (ctypes.c_uint64 * 3)()\n"
         "    ring[0] = ctypes.addressof(ring)\n    libc.syscall(273 if os.uname().machine == 'x86_64' else 99, ring, 24)\n    os._exit(0)\n", "crashed"),
    rank(22, "returns from a signal that never came", CALL + "    libc.syscall(15 if os.uname().machine == 'x86_64' else 139)\n" + RIGHT,
         ("crashed", "failed")),
    rank(19, "reserves address space without end", CALL + "    libc.mmap.restype = ctypes.c_void_p\n    got = 0\n"
         "    while libc.mmap(None, ctypes.c_size_t(2**30), 0, 0x4022, -1, 0) not in (None, 2**64 - 1):\n        got += 1\n"
         "        assert got < 100\n    print('stopped')\n" + RIGHT, "passed", 2, says="stopped"),
    rank(21, "fills its output through the kernel, and takes it back", CALL + "    import fcntl\n    out = sys.stdout.descriptor\n"
         "    for act in (lambda: os.posix_fallocate(out, 0, 2**40), lambda: [os.sendfile(out, os.open('/dev/zero', 0), 0, 2**20) for _ in range(999)],\n"
         "                lambda: os.pwrite(out, b'x', 2**40), lambda: fcntl.fcntl(out, 1033, 15), lambda: os.ftruncate(out, 0)):\n"
         "        try:\n            act()\n        except OSError:\n            pass\n" + RIGHT, ("passed", "crashed"), 2),
    rank(18, "pins itself to one processor and yields for ever", CALL + "    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
         "    while True:\n        os.sched_yield()\n", "timeout"),
    rank(10, "dies while other threads of it go on", CALL + "    import threading\n    threading.Thread(target=time.sleep, args=(100,)).start()\n"
         "    libc.syscall(60 if os.uname().machine == 'x86_64' else 93, 0)\n", ("crashed", "timeout", "failed")),
]  # fmt: skip


@pytest.mark.parametrize("attack", SHARED + HOOKS + KERNEL, ids=lambda attack: attack.name)
def test_corners(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)
