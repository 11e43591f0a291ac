"""The layers of isolation: real workers try what is forbidden and are told so; what exercises need still works."""

from __future__ import annotations

import errno
import os
import platform
import re
import signal
import socket
import struct
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.jail import layers
from autograder.jail.handle import Lost, Worker
from autograder.jail.host import JailError, Limits, Zygote
from autograder.jail.layers import base, cgroup, landlock, paths, seccomp, strength, syscalls, uid
from autograder.wire.decode import decode
from autograder.wire.messages import Load, Observed, Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers above L1 are Linux's")

ROOT = Path(__file__).resolve().parents[1]
L3 = ["L3 cgroup", "L3 namespaces", "L3 uid"]
EXPERIMENT = "def e(student):\n    return student.f()\n"

ISOLATION = layers.isolation()
needs_l2 = pytest.mark.skipif(not ISOLATION.enough_for_hidden, reason=ISOLATION.why)
needs_l3 = pytest.mark.skipif(ISOLATION.level < 3, reason="another uid and namespaces can't be had here")


@pytest.fixture(scope="module")
def jails() -> Iterator[dict[str, Zygote]]:
    """Zygotes whose workers are behind everything that works here, L2 alone, and single layers."""
    everything = [*layers.NAMES]
    left_out = {
        "everything": [],
        "L2": L3,
        "landlock": [*L3, "L2 seccomp"],
        "seccomp": [*L3, "L2 landlock"],
        "uid and namespaces": ["L2 landlock", "L2 seccomp"],
        "seccomp, uid and namespaces": ["L2 landlock"],
        "limits": [name for name in everything if name not in ("L0 process", "L1 limits")],
    }
    zygotes = {name: Zygote(without=without) for name, without in left_out.items()}
    yield zygotes
    for zygote in zygotes.values():
        zygote.close()


def run(zygote: Zygote, code: str, *, profile: layers.Profile = "default", output: list[str] | None = None) -> Observed:
    """What came of a student's function `f` with this body."""
    # One zygote at a time is kept: each holds torch.
    limits = Limits(cpu_seconds=30, memory_mb=2048, profile=profile)
    with zygote.fork("jail", limits) as worker:
        seen = ask(worker, code)
        if output is not None:
            output.append(worker.output())
        return seen


def ask(worker: Worker, code: str) -> Observed:
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    source = f"from typing import Any\ndef f() -> Any:\n{body}\n"
    loaded = worker.ask(
        Load("layers.f", "f.py", source, "from typing import Any\ndef f() -> Any: ...\n", EXPERIMENT), 60
    )
    assert loaded.kind == "loaded", loaded
    return worker.ask(Run("e", NOTHING), 60)


def value(seen: Observed):
    assert seen.kind == "value", seen
    return decode(seen.value)


def _nothing() -> bytes:
    from autograder.wire.encode import encode

    return encode({})


NOTHING = _nothing()
SLEEP = 100000 + os.getpid()  # seconds: tells the children of this run from those of another

# What is tried, and the errors that may come of it: refused (EPERM, EACCES), or not there at all.
REFUSED = ("PermissionError",)
HIDDEN = ("PermissionError", "FileNotFoundError")
CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
NUMBERS = {  # x86_64, aarch64
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434),
    "io_uring_setup": (425, 425),
    "unshare": (272, 97),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "memfd_create": (319, 279),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "mount": (165, 40),
    "setns": (308, 268),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "personality": (135, 92),
    "sched_setscheduler": (144, 119),
    "seccomp": (317, 277),
    "execveat": (322, 281),
    "setuid": (105, 146),
    "io_setup": (206, 0),
    "name_to_handle_at": (303, 264),
}
COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine(), 0)

ATTACKS = {
    "read /etc/passwd": ("open('/etc/passwd').read()", HIDDEN),
    "read a reference": (f"open({str(ROOT / 'solutions/warmup/softmax_lse/solution.py')!r}).read()", HIDDEN),
    "list the references": (f"import os; os.listdir({str(ROOT / 'solutions')!r})", HIDDEN),
    "list the project": (f"import os; os.listdir({str(ROOT)!r})", (*HIDDEN, "value")),
    "read the grader's code": (f"open({str(ROOT / 'autograder/grading/grade.py')!r}).read()", HIDDEN),
    "read /root or /home": ("import os; os.listdir('/root/.cache' if os.getuid() == 0 else '/home')", HIDDEN),
    "list /tmp": ("import os; os.listdir('/tmp')", (*HIDDEN, "value")),
    "list /dev/shm": ("import os; os.listdir('/dev/shm')", HIDDEN),
    "environment of the parent": ("import os; open(f'/proc/{os.getppid()}/environ', 'rb').read()", HIDDEN),
    "memory of the parent": ("import os; open(f'/proc/{os.getppid()}/mem', 'rb').read(1)", HIDDEN),
    "memory of process 1": ("open('/proc/1/mem', 'rb').read(1)", HIDDEN),
    "descriptors of the parent": ("import os; os.listdir(f'/proc/{os.getppid()}/fd')", HIDDEN),
    "write outside": ("open('/tmp/planted', 'w')", REFUSED + HIDDEN),
    "write beside the packages": ("import os; open(os.__file__ + 'x', 'w')", (*REFUSED, "OSError")),
    "TCP": ("import socket; socket.create_connection(('127.0.0.1', 9))", REFUSED),
    "UDP": ("import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", REFUSED),
    "Unix socket": ("import socket; socket.socket(socket.AF_UNIX)", REFUSED),
    "socket pair": ("import socket; socket.socketpair()", REFUSED),
    "fork": ("import os; os.fork()", REFUSED),
    "subprocess": ("import subprocess; subprocess.run(['true'])", REFUSED),
    "os.system": ("import os; assert os.system('true') == 0", ("AssertionError",)),
    "exec": ("import os, sys; os.execv(sys.executable, ['python'])", REFUSED),
    "multiprocessing": (
        "import multiprocessing as m; p = m.get_context('fork').Process(target=int); p.start()",
        REFUSED,
    ),
    "kill the parent": ("import os; os.kill(os.getppid(), 9)", REFUSED),
    "kill everything": ("import os; os.kill(-1, 9)", REFUSED),
    "kill its group": ("import os; os.kill(0, 9)", REFUSED),
    "signal through a descriptor": ("import fcntl, os; fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())", REFUSED),
    "a limit back up": ("import resource as r; r.setrlimit(r.RLIMIT_CPU, (-1, -1))", (*REFUSED, "ValueError")),
    "a limit of the parent": ("import os, resource as r; r.prlimit(os.getppid(), r.RLIMIT_CPU, (1, 1))", REFUSED),
    "processors of the parent": ("import os; os.sched_setaffinity(os.getppid(), {0})", REFUSED),
    "another user": ("import os; os.setuid(12345)", REFUSED),
    "a namespace": ("import os, ctypes\n" + CALL + "call(N['unshare'], 0x10000000)", REFUSED),
    "change a package's permissions": ("import os; os.chmod(os.__file__, 0)", REFUSED),
    "change a package's times": ("import os; os.utime(os.__file__, (0, 0))", REFUSED),
    "empty a file that it may read": ("import os; os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)", REFUSED),
    "stop dying with the parent": (CALL + f"call({(157, 167)[COLUMN]}, 1, 0, 0, 0, 0)", REFUSED),
    **{
        f"system call {name}": (CALL + f"call({numbers[COLUMN]}, *[ctypes.c_long(0)] * 5)", REFUSED)
        for name, numbers in NUMBERS.items()
    },
}


@needs_l2
@pytest.mark.parametrize("jail", ["everything", "L2"])
def test_what_is_forbidden_is_refused_with_a_clear_error(jails, jail):
    wrong = []
    with jails[jail].fork("jail", Limits(cpu_seconds=60)) as worker:
        for name, (code, expected) in ATTACKS.items():
            seen = ask(worker, f"N = { {name: pair[COLUMN] for name, pair in NUMBERS.items()} }\n{code}")
            got = "value" if seen.kind == "value" else seen.name
            clear = (
                seen.kind == "value"
                or not seen.text
                or re.search("not permitted|denied|No such|not allowed|Read-only", seen.text)
            )
            if got not in expected or (not clear and got != "AssertionError"):
                wrong.append(f"{name}: {got} {seen.text!r} {seen.value[:200]!r}")
    assert not wrong, "\n".join(wrong)


@needs_l2
@pytest.mark.parametrize("jail", ["everything", "L2"])
def test_nothing_private_can_be_found_by_name(jails, jail, tmp_path):
    canary = tmp_path / "canary.txt"
    canary.write_text("secret")
    canary.chmod(0o644)
    code = f"""
        import glob, os
        found = glob.glob({str(ROOT)!r} + '/solutions/**', recursive=True) + glob.glob({str(ROOT)!r} + '/.autograder/*')
        found += glob.glob({str(tmp_path)!r} + '/*') + [p for p in glob.glob('/tmp/*') if p != os.getcwd()]
        return [p for p in found if p != {str(ROOT)!r} + '/solutions/']
    """
    assert value(run(jails[jail], code)) == []


@needs_l2
@pytest.mark.parametrize("jail", ["everything", "L2"])
def test_another_workers_folder_and_process_are_out_of_reach(jails, jail):
    with jails[jail].fork() as first, jails[jail].fork() as second:
        assert value(ask(first, "open('mine.txt', 'w').write('x'); return True")) is True
        for code, expected in (
            (f"open({first.folder!r} + '/mine.txt').read()", HIDDEN),
            (f"import os; os.listdir({first.folder!r})", HIDDEN),
            (f"open('/proc/{first.pid}/maps').read()", HIDDEN),
            (f"import os; os.kill({first.pid}, 9)", REFUSED),
        ):
            seen = ask(second, code)
            assert seen.kind == "raised" and seen.name in expected, (code, seen)
        assert value(ask(first, "return open('mine.txt').read()")) == "x"


# --- what exercises need ---------------------------------------------------------------------------------------------

CONTROLS = {
    "threads": """
        import threading, concurrent.futures as c
        with c.ThreadPoolExecutor(4) as pool:
            return sum(pool.map(lambda n: n * n, range(10))) == 285
    """,
    "temporary files": """
        import tempfile, os
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w+") as file:
            file.write("x"); file.flush()
            os.makedirs(folder + "/a/b"); open(folder + "/a/b/c", "w").write("y"); os.rename(folder + "/a/b/c", folder + "/a/b/d")
            return open(file.name).read() == "x" and folder.startswith(os.getcwd()) and open(folder + "/a/b/d").read() == "y"
    """,
    "lazy imports": """
        import fractions, decimal, unicodedata, encodings.cp1252, sqlite3, regex, numpy.fft, numpy.linalg, json, csv, lzma
        import torch.nn.utils.rnn, torch.optim.lr_scheduler, torch.utils.checkpoint, torch.distributions
        return unicodedata.name("é") == "LATIN SMALL LETTER E WITH ACUTE" and "é".encode("cp1252") == b"\\xe9"
    """,
    "numpy": "import numpy as n; return float(n.linalg.eigvalsh(n.random.default_rng(0).normal(size=(40, 40)) + 0).sum()) != 0",
    "torch": """
        import torch
        a = torch.randn(64, 64, dtype=torch.float64); b = torch.randn(64, 64).bfloat16()
        torch.linalg.svd(a); (b @ b).float().sum(); torch.nn.functional.scaled_dot_product_attention(*[torch.randn(1, 2, 8, 16)] * 3)
        w = torch.nn.Linear(4, 4); o = torch.optim.AdamW(w.parameters())
        for _ in range(3):
            w(torch.randn(2, 4)).sum().backward(); o.step()
        torch.nn.Conv1d(2, 2, 3)(torch.randn(1, 2, 9)); torch.set_num_threads(2); (torch.randn(600, 600) @ torch.randn(600, 600))
        return True
    """,
    "torch.save": """
        import torch
        torch.save({"x": torch.arange(5)}, "x.pt")
        return torch.load("x.pt")["x"].tolist() == [0, 1, 2, 3, 4]
    """,
    "executable memory": "import mmap; m = mmap.mmap(-1, 4096, prot=7); m[0] = 195; return True",
    "its own signals": """
        import signal, os
        seen = []
        signal.signal(signal.SIGUSR1, lambda *a: seen.append(1))
        os.kill(os.getpid(), signal.SIGUSR1); signal.raise_signal(signal.SIGUSR1)
        return seen == [1, 1]
    """,
    "time, random bytes, machine": "import time, os, secrets, platform; time.sleep(0.001); time.localtime(); platform.machine(); "
    "return len(os.urandom(4) + secrets.token_bytes(4)) == 8 and os.cpu_count() > 0",
    "/dev/null": "print(1, file=open('/dev/null', 'w')); return open('/dev/zero', 'rb').read(2) == b'\\0\\0'",
    "the lab's data": """
        from autograder.lab import resolve
        from autograder.wire.values import Lab
        import autograder.lab.corpora, autograder.lab.gpt2
        return True
    """,
    "who am I": "import getpass, os; return getpass.getuser() == 'student' and os.path.expanduser('~') == os.getcwd()",
}


@needs_l2
@pytest.mark.parametrize("jail", ["everything", "L2"])
def test_what_exercises_need_works(jails, jail):
    wrong = []
    with jails[jail].fork("jail", Limits(cpu_seconds=60)) as worker:
        assert worker.layers == (ISOLATION.on if jail == "everything" else [n for n in ISOLATION.on if n not in L3])
        for name, code in CONTROLS.items():
            seen = ask(worker, code)
            if seen.kind != "value" or decode(seen.value) is not True:
                wrong.append(f"{name}: {seen.kind} {seen.name} {seen.text} {seen.value!r}")
    assert not wrong, "\n".join(wrong)


def test_the_corpora_of_the_lab_can_be_read(jails):
    data = sorted(str(path) for path in (paths.PACKAGE / "lab" / "data").rglob("*") if path.is_file())
    assert data
    assert value(run(jails["everything"], f"return all(len(open(p, 'rb').read()) >= 0 for p in {data!r})")) is True


@needs_l2
def test_what_it_prints_is_still_captured_and_it_holds_no_other_descriptor(jails):
    said: list[str] = []
    code = "import os; print('hello'); return sorted(int(d) for d in os.listdir('/proc/self/fd'))"
    descriptors = value(run(jails["everything"], code, output=said))
    assert said == ["hello\n"]
    assert len(descriptors) == 6  # the standard three, the channel, the output, and the listing's own


def test_a_probe_that_is_killed_from_outside_does_not_make_the_isolation_weaker():
    """The kernel out of memory, or a person, ended the throwaway process: it is tried again."""
    folder = tempfile.mkdtemp()

    def killed_once():
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    assert base.fails_in_a_fork(killed_once) == ""
    never = base.fails_in_a_fork(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert never == "the attempt was ended by signal 9"


def test_a_worker_with_fewer_layers_than_the_grader_counts_on_runs_nothing():
    with Zygote(require=[*ISOLATION.on, "L9 armour"]) as zygote:
        with pytest.raises(JailError, match="without L9 armour"):
            zygote.fork("jail")
        zygote.require = frozenset(ISOLATION.on)
        with zygote.fork("jail") as worker:
            assert worker.layers == ISOLATION.on


@needs_l2
def test_a_crash_keeps_its_name(jails):
    for code, number in (
        ("import os; os.abort()", signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", signal.SIGSEGV),
        ("import os; os.kill(os.getpid(), 9)", signal.SIGKILL),
    ):
        with pytest.raises(Lost) as lost:
            run(jails["everything"], code)
        assert lost.value.why == "died" and os.WTERMSIG(lost.value.status) == number


@needs_l2
@pytest.mark.skipif(platform.machine() != "x86_64", reason="x32 is x86's")
def test_a_call_for_another_architecture_ends_the_process(jails):
    with pytest.raises(Lost) as lost:
        run(jails["L2"], "import ctypes; ctypes.CDLL(None).syscall(0x40000000 | 39)")
    assert lost.value.why == "died" and os.WTERMSIG(lost.value.status) == signal.SIGSYS


# --- each layer by itself --------------------------------------------------------------------------------------------


@pytest.mark.skipif(landlock.version() < 1, reason="no Landlock here")
def test_landlock_alone_closes_files_tcp_abstract_sockets_and_signals(jails):
    jail = jails["landlock"]
    assert run(jail, "open('/etc/passwd')").name == "PermissionError"
    assert run(jail, f"open({str(ROOT / 'grading.toml')!r})").name == "PermissionError"
    assert run(jail, "open('/tmp/planted', 'w')").name == "PermissionError"
    if landlock.version() >= 4:
        with socket.create_server(("127.0.0.1", 0)) as server:
            code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
            assert run(jail, code).name == "PermissionError"
    if landlock.version() >= 6:
        name = f"\0autograder-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()
            assert (
                run(jail, f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})").name == "PermissionError"
            )
        assert run(jail, "import os; os.kill(os.getppid(), 0)").name == "PermissionError"


def test_seccomp_alone_closes_the_network_and_processes(jails):
    jail = jails["seccomp"]
    assert run(jail, "import socket; socket.socket()").name == "PermissionError"
    assert run(jail, "import os; os.fork()").name == "PermissionError"
    assert run(jail, "return open('/etc/passwd').read() != ''").kind == "value"  # that is another layer's


@needs_l3
def test_the_private_root_holds_what_is_listed_and_the_uid_is_nobody_elses(jails):
    jail = jails["uid and namespaces"]
    code = "import os, glob; return [sorted(os.listdir('/')), sorted(os.listdir('/dev')), os.getuid(), os.getgroups()]"
    root, dev, first, groups = value(run(jail, code))
    assert not {"etc/passwd", "home", "var", "boot", "srv", "media", "mnt"} & set(root)
    assert set(dev) <= {"null", "zero", "random", "urandom"}
    assert groups == [] and first >= uid.LOW
    assert value(run(jail, "import os; return os.path.exists('/etc/passwd')")) is False
    assert value(run(jail, f"import os; return os.path.exists({str(ROOT / 'solutions')!r})")) is False
    assert (
        value(run(jail, "import os; return [p for p in os.listdir('/proc') if p.isdigit()] == [str(os.getpid())]"))
        is True
    )
    assert value(run(jail, "return open('/proc/self/net/route').read().count('\\n')")) <= 1  # no way out
    with jail.fork() as one, jail.fork() as other:
        code = "import os; return os.getuid()"
        assert value(ask(one, code)) != value(ask(other, code))


@needs_l3
def test_uid_private_root_and_seccomp_are_enough_without_landlock(jails):
    jail = jails["seccomp, uid and namespaces"]
    assert layers.isolation(without=["L2 landlock"]).enough_for_hidden
    for code in (
        "open('/etc/passwd')",
        f"open({str(ROOT / 'grading.toml')!r})",
        "import os; os.listdir('/tmp/pytest-of-root')",
    ):
        assert run(jail, code).name == "FileNotFoundError"
    assert run(jail, "import os; open(os.__file__, 'a')").name in ("OSError", "PermissionError")


@needs_l3
def test_the_private_folder_is_bounded_and_leaves_nothing(jails):
    with jails["everything"].fork("jail", Limits(file_mb=16)) as worker:
        seen = ask(worker, "for n in range(100): open(str(n), 'wb').write(bytes(15 * 2**20))")
        assert seen.name == "OSError" and "No space left" in seen.text
        seen = ask(worker, "import os\nfor n in range(100000): os.mkdir('d%d' % n)")
        assert seen.name == "OSError" and "No space left" in seen.text
        assert os.listdir(worker.folder) == []  # it lies in the worker's own file system
        folder = worker.folder
    assert not os.path.exists(folder)


@needs_l3
def test_threads_are_bounded(jails):
    code = """
        import threading, time
        stop = threading.Event()
        try:
            for n in range(2000): threading.Thread(target=stop.wait, daemon=True).start()
        except RuntimeError as error:
            return n
        finally:
            stop.set()
    """
    assert value(run(jails["uid and namespaces"], code)) < uid.TASKS


# --- profiles --------------------------------------------------------------------------------------------------------


@needs_l2
@pytest.mark.parametrize("jail", ["everything", "L2"])
def test_the_tools_profile_runs_children_and_nothing_of_them_is_left(jails, jail):
    code = f"""
        import subprocess, os, sys
        said = subprocess.run(["sh", "-c", "echo $((6 * 7)); ls > listing; cat listing | head -1"], capture_output=True, text=True)
        again = subprocess.run([sys.executable, "-c", "print(open('/etc/passwd').read())"], capture_output=True, text=True)
        subprocess.Popen(["sh", "-c", "sleep {SLEEP} & sleep {SLEEP}"], start_new_session=True)
        return [said.stdout, said.stderr, again.stdout, again.stderr.splitlines()[-1:]]
    """
    with jails[jail].fork("jail", Limits(profile="tools")) as worker:
        out, err, stolen, why = value(ask(worker, code))
        assert out.startswith("42\n") and err == "" and stolen == ""
        assert re.search("PermissionError|FileNotFoundError", why[0])
        assert ask(worker, "import socket; socket.socket()").name == "PermissionError"
        parent = ask(worker, "import os; os.getppid() and os.kill(os.getppid(), 9)\nreturn os.getppid()")
        if ISOLATION.level == 3 and jail == "everything":
            assert value(parent) == 0  # in a PID namespace of its own there is nobody else
        else:
            assert parent.name == "PermissionError"
        for _ in range(500):  # they may take a moment to come up
            before = _sleepers()
            if len(before) == 2:
                break
            time.sleep(0.01)
        assert len(before) == 2
    assert not _sleepers()


def _sleepers() -> set[str]:
    """Processes that the test above started."""
    return {pid for pid in os.listdir("/proc") if pid.isdigit() and _command(pid) == f"sleep\0{SLEEP}\0"}


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@needs_l2
def test_the_gpu_profile_has_no_bound_on_address_space_and_still_no_network(jails):
    jail = jails["everything"]
    assert value(run(jail, "import mmap; mmap.mmap(-1, 2**36, flags=0x4022); return True", profile="gpu")) is True
    assert run(jail, "import mmap; mmap.mmap(-1, 2**36, flags=0x4022)").kind in ("raised", "memory")
    assert run(jail, "import socket; socket.socket()", profile="gpu").name == "PermissionError"


DRIVER = """
    import socket, threading
    def name_me():
        with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as file: file.write("named")
    thread = threading.Thread(target=name_me)
    thread.start(); thread.join(); name_me()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    listening.bind("\\0driver")
    listening.listen(1)
    return open("/proc/thread-self/comm").read()
"""


@needs_l2
@pytest.mark.parametrize("profile", ["gpu", "gpu-tools"])
@pytest.mark.parametrize("jail", ["everything", "L2"])
def test_a_driver_names_its_threads_and_listens_but_nobody_connects(jails, jail, profile):
    """CUDA's does both when it starts, and does not start where it can't."""
    assert value(run(jails[jail], DRIVER.replace("thread-self", "self"), profile=profile)) == "named\n"
    for way in ("AF_UNIX, 1).connect('\\0driver')", "AF_INET, 1)", "AF_NETLINK, 3)"):
        assert run(jails[jail], f"import socket; socket.socket(socket.{way}", profile=profile).name == "PermissionError"
    assert run(jails[jail], DRIVER).name == "PermissionError"  # the control: without a device nothing of it


# --- what is said ----------------------------------------------------------------------------------------------------


def test_probes_say_what_and_why_and_how():
    for probe in layers.probe_all():
        assert probe.name in layers.NAMES and probe.why and probe.guarantees
        assert probe.available or probe.how or probe.name.startswith(("L0", "L1"))
    assert [probe.name for probe in layers.probe_all()] == list(layers.NAMES)


def test_probes_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = Path("/proc/self/mountinfo").read_text()
    layers.probe_all.__wrapped__()
    assert list(tmp_path.iterdir()) == []
    assert Path("/proc/self/mountinfo").read_text() == before
    assert "torch" not in os.popen(f"{sys.executable} -I -X importtime -m autograder.jail.layers 2>&1").read()


def test_a_layer_of_no_known_name_cannot_be_left_out():
    with pytest.raises(ValueError, match="there is no layer L9"):
        layers.isolation(without=["L9"])
    with Zygote(without=["L9"]) as zygote, pytest.raises(JailError, match="there is no layer L9"):
        zygote.fork()


@pytest.mark.parametrize(
    ("on", "level", "enough"),
    [
        ([], 0, False),
        (["L0 process"], 0, False),
        (["L0 process", "L1 limits"], 1, False),
        (["L0 process", "L1 limits", "L2 landlock"], 1, False),
        (["L0 process", "L1 limits", "L2 seccomp"], 1, False),
        (["L0 process", "L1 limits", "L2 seccomp", "L3 uid"], 1, False),
        (["L0 process", "L1 limits", "L2 seccomp", "L3 namespaces"], 1, False),
        (["L0 process", "L1 limits", "L2 landlock", "L2 seccomp"], 2, True),
        (["L0 process", "L1 limits", "L2 seccomp", "L3 uid", "L3 namespaces"], 3, True),
        (list(layers.NAMES), 3, True),
    ],
)
def test_what_is_enough_for_hidden_checks(on, level, enough):
    found = strength(on)
    assert (found.level, found.enough_for_hidden) == (level, enough)
    assert enough or found.why.startswith("not isolated")


def test_a_layer_that_fails_refuses_the_worker(monkeypatch, tmp_path):
    """A probe that promised too much: no code is run, and it is the grader's fault."""
    from autograder.jail import zygote

    def fails(settings):
        raise OSError(errno.EPERM, "landlock_restrict_self")

    monkeypatch.setattr(landlock, "apply", fails)
    monkeypatch.setattr(layers, "_chosen", lambda without: [landlock])
    ours, theirs = socket.socketpair()
    control, _ = socket.socketpair()
    request = zygote.Fork("jail", str(tmp_path), 5, 512, 16)
    output = os.open(tmp_path / "output", os.O_CREAT | os.O_RDWR)
    forked = zygote._fork(request, control, [theirs.fileno(), output], set(), False)
    assert forked.pid == 0 and "landlock_restrict_self" in forked.problem
    theirs.close()
    assert ours.recv(1) == b""


# --- the filter's program, on both architectures ---------------------------------------------------------------------


def decide(profile, machine, number, arguments=(), contained=False, other_uid=False, arch=None) -> str:
    """What the filter answers: an interpreter of the few instructions that it uses."""
    code, holes = seccomp.program(profile, machine, contained, other_uid)
    filled = bytearray(code)
    for hole in holes:
        struct.pack_into("<I", filled, hole, 4242)
    arguments = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    audit = seccomp.ARCHITECTURES[machine][1] if arch is None else arch
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(each & 2**64 - 1 for each in arguments))
    operations = list(struct.iter_unpack("<HBBI", bytes(filled)))
    at = held = 0
    while True:
        operation, yes, no, operand = operations[at]
        at += 1
        if operation == seccomp.LOAD:
            (held,) = struct.unpack_from("<I", data, operand)
        elif operation == seccomp.AND:
            held &= operand
        elif operation == seccomp.RETURN:
            return {seccomp.ALLOW: "allow", seccomp.KILL: "kill"}.get(operand) or errno.errorcode[operand & 0xFFFF]
        else:
            tests = {seccomp.EQUAL: held == operand, seccomp.ABOVE: held > operand, seccomp.AT_LEAST: held >= operand}
            at += yes if tests[operation] else no


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_decides_by_arguments(machine):
    column = seccomp.ARCHITECTURES[machine][0]

    def answer(name, *arguments, profile="default", **more):
        return decide(profile, machine, syscalls.CHECKED[name][column], arguments, **more)

    thread = 0x3D0F00
    assert answer("clone", thread) == "allow"
    assert answer("clone", thread | 0x10000000) == "EPERM"  # with a user namespace
    assert answer("clone", signal.SIGCHLD) == "EPERM"
    assert answer("clone", 0x4111) == "EPERM"  # as vfork does it
    assert answer("clone", signal.SIGCHLD, profile="tools") == "allow"
    assert answer("clone", signal.SIGCHLD | 0x20000000, profile="tools") == "EPERM"
    assert answer("clone3") == "ENOSYS" and answer("openat2") == "ENOSYS"
    assert answer("kill", 4242, 9) == "allow"
    assert {answer("kill", pid, 9) for pid in (1, 0, -1, -4242, 4243)} == {"EPERM"}
    assert answer("kill", 1, 9, profile="tools") == "EPERM"
    assert answer("kill", 1, 9, profile="tools", contained=True) == "allow"  # the kernel looks after it
    assert answer("prlimit64", 0, 7, 0, 1 << 40) == "allow"
    assert answer("prlimit64", 0, 7, 1 << 40) == "EPERM" and answer("prlimit64", 1, 7, 0) == "EPERM"
    assert answer("sendto", 3, 1, 1, 0, 0) == "allow"
    assert answer("sendto", 3, 1, 1, 0, 1 << 32) == "EPERM" and answer("sendto", 3, 1, 1, 0, 5) == "EPERM"
    assert answer("openat", -100, 1, os.O_WRONLY | os.O_TRUNC | os.O_CREAT) == "allow"
    assert answer("openat", -100, 1, os.O_RDONLY | os.O_TRUNC) == "EPERM"
    assert answer("fcntl", 3, 4) == "allow" and answer("fcntl", 3, 8) == "EPERM" and answer("fcntl", 3, 10) == "EPERM"
    assert answer("ioctl", 0, 0x5401) == "allow" and answer("ioctl", 0, 0x5412) == "EPERM"
    assert answer("ioctl", 0, 0xC020462A, profile="gpu") == "allow"
    assert decide("default", machine, 0, arch=0x40000003) == "kill"
    if machine == "x86_64":
        assert decide("default", machine, seccomp.X32 | 1) == "kill"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_allows_what_is_listed_and_nothing_else(machine):
    column = seccomp.ARCHITECTURES[machine][0]
    listed = {pair[column] for pair in syscalls.ALLOWED.values()} - {None}
    conditional = {pair[column] for pair in syscalls.CHECKED.values()} - {None}
    for number in range(600):
        if number not in conditional:
            assert decide("default", machine, number) == ("allow" if number in listed else "EPERM")
    for pair in syscalls.OWNERSHIP.values():
        if pair[column] is not None:
            assert decide("tools", machine, pair[column]) == "EPERM"
            assert decide("tools", machine, pair[column], other_uid=True) == "allow"


@pytest.mark.parametrize(
    ("header", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)],
)
def test_the_numbers_are_the_kernels(header, column):
    if not os.path.exists(header):
        pytest.skip("the kernel's headers are not installed")
    pattern = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", re.MULTILINE)
    theirs = {name: int(number) for name, number in pattern.findall(Path(header).read_text())}
    theirs["newfstatat"] = theirs.get("newfstatat", theirs.get("fstatat", 79))
    checked = 0
    for table in (syscalls.ALLOWED, syscalls.CHECKED, syscalls.TOOLS, syscalls.OWNERSHIP, syscalls.GPU):
        for name, pair in table.items():
            if name in theirs and name not in ("arch_prctl",):
                assert pair[column] == theirs[name], name
                checked += 1
    assert checked > 100


# --- control groups, read from texts: where they can be had differs from machine to machine ----------------------------


@pytest.mark.parametrize(
    ("own", "mounts", "folder"),
    [
        ("0::/\n", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup"),
        ("0::/user.slice/a\n", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/user.slice/a"),
        ("0::/pod/x\n", "30 23 0:26 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/x"),
        ("4:memory:/a\n", "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", None),
    ],
)
def test_the_graders_own_control_group(own, mounts, folder):
    assert cgroup.own_group(own, mounts) == (None if folder is None else Path(folder))


def test_a_workers_control_group_has_its_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "_parent", lambda: tmp_path)
    cgroup.apply(layers.Settings(str(tmp_path), cpu_seconds=5, memory_mb=1000))
    group = tmp_path / f"autograder-{os.getpid()}"
    assert (group / "memory.max").read_text() == str((1000 + cgroup.SLACK_MB) * 2**20)
    assert (group / "memory.swap.max").read_text() == "0"
    assert (group / "cgroup.procs").read_text() == "0"


def test_paths_hold_no_folder_above_the_project():
    for profile in ("default", "gpu"):
        for path in paths.visible(profile).all:
            real = os.path.realpath(path)
            inside = str(paths.PACKAGE).startswith(real + "/")
            assert not inside or os.path.basename(real) in ("site-packages", "dist-packages"), path
            assert not str(ROOT / "solutions").startswith(real + "/"), path


def test_settings_of_a_submission_cannot_switch_layers_off():
    """`without` is the grader's: no message that a worker reads carries it."""
    assert "without" not in Load.__struct_fields__ + Run.__struct_fields__
    assert replace(layers.Settings(tempfile.gettempdir(), 1, 1)).without == ()
