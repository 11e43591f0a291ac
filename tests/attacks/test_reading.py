"""Reading what is hidden: files, other processes, the process's own memory, descriptors, the network, the inputs."""

from __future__ import annotations

import os
import platform
import textwrap

import pytest
from attacks.arena import Arena, Attack
from attacks.snoop import FORGE, snoop

NUMBERS = {  # of system calls: x86_64, aarch64
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "openat2": (437, 437),
    "io_uring_setup": (425, 425),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "chroot": (161, 51),
    "socket": (41, 198),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "kcmp": (312, 272),
}


def _with_numbers(body: str) -> str:
    column = 1 if platform.machine() == "aarch64" else 0
    table = {name: numbers[column] for name, numbers in NUMBERS.items()}
    return f"N = {table!r}\n" + textwrap.dedent(body)


def spying(number: int, name: str, body: str, real: bool = False) -> Attack:
    return Attack(number, name, "rank", snoop(_with_numbers(body)), "passed", 2, says="spied", real=real)


FILES = [
    spying(1, "opens the reference and the checks by their paths", """
        for exercise in ("rank", "soft", "notes"):
            for file in ("solution.py", "checks.py", "mistakes.py"):
                attempt("open", lambda: read(f"@ROOT@/solutions/ring/{exercise}/{file}"))
        """, real=True),
    spying(1, "globs for files all over the machine", """
        for pattern in ("@ROOT@/**", "@ROOT@/.*/*", "/tmp/*", "/dev/shm/*", "/var/tmp/*", "/home/*/*", "../*", "../../*/*",
                        "/proc/self/root/tmp/*", "/root/*", "/run/*", "/etc/*"):
            for path in attempt("glob", lambda: glob.glob(pattern, recursive=True)[:200]) or []:
                attempt("open", lambda: read(path))
        """, real=True),
    spying(1, "opens another submission", """
        attempt("list", lambda: os.listdir("@ROOT@/submissions"))
        attempt("open", lambda: read("@ROOT@/submissions/classmate/ring/rank.py"))
        """, real=True),
    spying(1, "opens the secret, the plans and the results", """
        attempt("list", lambda: os.listdir("@PRIVATE@"))
        for name in ("secret", "notes.txt", "plans", "reading.sqlite"):
            attempt("open", lambda: read("@PRIVATE@/" + name))
        import sqlite3
        attempt("sqlite", lambda: list(sqlite3.connect("file:@PRIVATE@/reading.sqlite?mode=ro", uri=True).execute("select * from exercise")))
        attempt("scandir", lambda: [read(entry.path) for entry in os.scandir("@PRIVATE@/plans")])
        """, real=True),
    spying(1, "opens what lies in /tmp and /dev/shm", """
        for folder in ("/tmp", "/dev/shm", "@TEMPORARY@", os.path.dirname(os.getcwd())):
            for name in attempt("list", lambda: os.listdir(folder)) or []:
                attempt("open", lambda: read(os.path.join(folder, name)))
        """, real=True),
    spying(1, "goes around through links and /proc", """
        target = "@ROOT@/solutions/ring/soft/solution.py"
        attempt("symlink", lambda: os.symlink(target, "soft-link"))
        attempt("link", lambda: os.link(target, "hard-link"))
        for path in ("soft-link", "hard-link", "/proc/self/root" + target, "/proc/self/cwd/../../" + target,
                     "/proc/1/root" + target, f"/proc/{os.getppid()}/root" + target, "/proc/self/task/1/root" + target):
            attempt("open", lambda: read(path))
        handle = attempt("path only", lambda: os.open(target, os.O_PATH))
        if handle is not None:
            attempt("reopen", lambda: read(f"/proc/self/fd/{handle}"))
            os.close(handle)
        for name in ("soft-link", "hard-link"):
            attempt("unlink", lambda: os.unlink(name))
        """, real=True),
    spying(1, "reads files through libraries", """
        import linecache, mmap, importlib.util, numpy, torch
        target = "@ROOT@/solutions/ring/soft/solution.py"
        attempt("linecache", lambda: linecache.getlines(target))
        attempt("numpy", lambda: numpy.fromfile(target, dtype="uint8").tobytes())
        attempt("torch", lambda: torch.from_file(target, size=200, dtype=torch.uint8).numpy().tobytes())
        attempt("torch.load", lambda: torch.load(target))
        def load():
            spec = importlib.util.spec_from_file_location("stolen", target)
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        attempt("importlib", load)
        sys.path.insert(0, "@ROOT@/solutions/ring/soft")
        attempt("import", lambda: __import__("solution").ORIGIN)
        sys.path.pop(0)
        """, real=True),
    spying(1, "opens files through the C library and raw calls", """
        target = b"@ROOT@/solutions/ring/soft/solution.py"
        libc = ctypes.CDLL(None, use_errno=True)
        def slurp():
            descriptor = libc.open(target, 0)
            if descriptor < 0:
                raise OSError(ctypes.get_errno(), "open")
            return os.read(descriptor, 10000)
        attempt("open", slurp)
        how = (ctypes.c_uint64 * 3)()
        attempt("openat2", lambda: os.read(syscall(N["openat2"], -100, target, how, 24), 10000))
        buffer, mount = ctypes.create_string_buffer(144), ctypes.c_int()
        attempt("name_to_handle", lambda: syscall(N["name_to_handle_at"], -100, target, buffer, ctypes.byref(mount), 0))
        attempt("open_by_handle", lambda: syscall(N["open_by_handle_at"], -100, buffer, 0))
        """, real=True),
    spying(1, "breaks out of its root and namespaces", """
        for flags in (0x10000000, 0x00020000, 0x10020000):
            attempt("unshare", lambda: syscall(N["unshare"], flags))
        for name in ("mnt", "pid", "net", "user"):
            for pid in ("self", "1", os.getppid()):
                attempt("setns", lambda: syscall(N["setns"], os.open(f"/proc/{pid}/ns/{name}", 0), 0))
        attempt("mount", lambda: syscall(N["mount"], b"proc", b".", b"proc", 0, None))
        attempt("bind", lambda: syscall(N["mount"], b"@ROOT@", b".", None, 4096, None))
        attempt("mkdir", lambda: os.mkdir("cell"))
        attempt("chroot", lambda: os.chroot("cell"))
        attempt("setuid", lambda: os.setuid(0))
        for up in range(1, 12):
            attempt("up", lambda: read("../" * up + "@ROOT@/solutions/ring/rank/solution.py"))
        attempt("rmdir", lambda: os.rmdir("cell"))
        """),
]  # fmt: skip

PROCESSES = [
    spying(2, "reads the memory and environment of its parents", """
        def scan(pid, start, size):
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(start)
                return memory.read(size)
        attempt("mem at a known place", lambda: scan(@GRADER@, *@BAIT@))
        for pid in (@GRADER@, os.getppid(), 1):
            for name in ("environ", "cmdline", "maps", "stack", "status"):
                attempt(name, lambda: read(f"/proc/{pid}/{name}"))
            for descriptor in attempt("list fd", lambda: os.listdir(f"/proc/{pid}/fd")) or []:
                attempt("fd", lambda: os.readlink(f"/proc/{pid}/fd/{descriptor}"))
            for line in (attempt("maps", lambda: read(f"/proc/{pid}/maps")) or b"").decode().splitlines():
                where, rights = line.split()[:2]
                start, end = (int(each, 16) for each in where.split("-"))
                for piece in range(0, end - start, 2**22) if rights.startswith("rw") else ():
                    if found:
                        break
                    attempt("mem", lambda: scan(pid, start + piece, min(end - start - piece, 2**22)))
        """, real=os.geteuid() == 0),
    spying(2, "reads the environment and folders of every process", """
        for pid in [name for name in attempt("list", lambda: os.listdir("/proc")) or [] if name.isdigit()] or range(1, 200):
            attempt("environ", lambda: read(f"/proc/{pid}/environ"))
            attempt("cwd", lambda: os.listdir(f"/proc/{pid}/cwd"))
        """, real=True),
    spying(2, "attaches to other processes", """
        for pid in (os.getppid(), 1, @GRADER@):
            attempt("ptrace", lambda: syscall(N["ptrace"], 16902, pid, 0, 0))
            local, remote = (ctypes.c_uint64 * 2)(0, 8), (ctypes.c_uint64 * 2)(4194304, 8)
            attempt("process_vm_readv", lambda: syscall(N["process_vm_readv"], pid, local, 1, remote, 1, 0))
            handle = attempt("pidfd_open", lambda: syscall(N["pidfd_open"], pid, 0))
            for number in range(8):
                attempt("pidfd_getfd", lambda: syscall(N["pidfd_getfd"], handle or 0, number, 0))
            attempt("kcmp", lambda: syscall(N["kcmp"], pid, os.getpid(), 0, 0, 0))
        attempt("perf", lambda: syscall(N["perf_event_open"], ctypes.create_string_buffer(128), 1, -1, -1, 0))
        attempt("bpf", lambda: syscall(N["bpf"], 0, ctypes.create_string_buffer(128), 128))
        attempt("userfaultfd", lambda: syscall(N["userfaultfd"], 0))
        """),
    spying(3, "searches the objects of the interpreter", """
        import gc
        for thing in gc.get_objects():
            if isinstance(thing, (dict, list, tuple)) and len(thing) < 1000:
                for value in thing.values() if isinstance(thing, dict) else thing:
                    if isinstance(value, (str, bytes)):
                        look(value)
        attempt("referrers", lambda: len(gc.get_referrers(tried)))
        """),
    spying(3, "walks into the frames that called it", """
        import inspect, threading
        frame = sys._getframe()
        while frame is not None:
            attempt("locals", lambda: {k: repr(v)[:2000] for k, v in frame.f_locals.items()})
            attempt("globals", lambda: {k: repr(v)[:500] for k, v in frame.f_globals.items()})
            frame = frame.f_back
        attempt("stack", lambda: [each.code_context for each in inspect.stack()])
        attempt("threads", lambda: [repr(each.f_locals) for each in sys._current_frames().values()])
        """),
    spying(3, "searches its whole memory", """
        pattern = re.compile(_word.encode() + rb"(?!input)[a-z]+-[0-9a-f]{16}")
        if len(tried) > 1:
            return
        attempt("mem", lambda: open("/proc/self/mem", "rb"))
        for line in (attempt("maps", lambda: read("/proc/self/maps")) or b"").decode().splitlines():
            where, rights = line.split()[:2]
            start, end = (int(each, 16) for each in where.split("-"))
            if rights.startswith("rw") and end - start < 2**26:
                attempt("scan", lambda: b" ".join(pattern.findall(ctypes.string_at(start, end - start))))
        """),
    spying(4, "reads and receives from every descriptor", """
        import socket
        for number in range(256):
            attempt("fstat", lambda: os.fstat(number))
            attempt("link", lambda: os.readlink(f"/proc/self/fd/{number}"))
            attempt("pread", lambda: os.pread(number, 100000, 0))
            def receive():
                with socket.socket(fileno=os.dup(number)) as sock:
                    return sock.recv(100000, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            attempt("recv", receive)
        """),
    spying(4, "reads the environment", """
        attempt("os.environ", lambda: dict(os.environ))
        attempt("/proc", lambda: read("/proc/self/environ"))
        libc = ctypes.CDLL(None)
        libc.getenv.restype = ctypes.c_char_p
        for name in (b"ARENA_TOKEN", b"GITHUB_TOKEN", b"HOME", b"SSH_AUTH_SOCK"):
            attempt("getenv", lambda: libc.getenv(name))
        """),
]  # fmt: skip

NETWORK = [
    spying(5, "connects to a TCP listener", """
        import socket
        def call():
            with socket.create_connection(("127.0.0.1", @TCP@), timeout=1) as sock:
                sock.sendall(b"words")
        attempt("tcp", call)
        import urllib.request
        attempt("http", lambda: urllib.request.urlopen("http://127.0.0.1:@TCP@/", timeout=0.2))
        """, real=True),
    spying(5, "sends UDP packets", """
        import socket
        def call():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"words", ("127.0.0.1", @UDP@))
        attempt("udp", call)
        """, real=True),
    spying(5, "asks the name server", """
        import socket
        attempt("dns", lambda: socket.getaddrinfo("leak.example.invalid", 80))
        attempt("gethostbyname", lambda: socket.gethostbyname("localhost"))
        """),
    spying(5, "connects to a Unix socket", """
        import socket
        def call():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect("@UNIX@")
                sock.sendall(b"words")
        attempt("unix", call)
        """, real=True),
    spying(5, "connects to an abstract Unix socket", """
        import socket
        def call():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect("\\0@ABSTRACT@")
                sock.sendall(b"words")
        attempt("abstract", call)
        """, real=True),
    spying(5, "makes sockets of every family, and io_uring", """
        import socket
        for family in range(45):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
                attempt("socket", lambda: syscall(N["socket"], family, kind, 0) and None)
        attempt("socketpair", lambda: socket.socketpair())
        attempt("io_uring", lambda: syscall(N["io_uring_setup"], 8, ctypes.create_string_buffer(120)))
        assert not any(each.endswith("done") for each in tried), tried
        """),
    spying(5, "speaks to others through its channel's socket", """
        import socket, stat
        for number in range(3, 64):
            try:
                if not stat.S_ISSOCK(os.fstat(number).st_mode):
                    continue
            except OSError:
                continue
            with socket.socket(fileno=os.dup(number)) as sock:
                attempt("connect", lambda: sock.connect("\\0@ABSTRACT@"))
                attempt("sendto", lambda: sock.sendto(b"x", "\\0@ABSTRACT@"))
                attempt("sendmsg", lambda: socket.send_fds(sock, [b"x"], [0]))
                attempt("bind", lambda: sock.bind("\\0arena-stray"))
                attempt("listen", lambda: sock.listen())
                attempt("setsockopt", lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1))
        assert not any(each.endswith("done") for each in tried), tried
        """),
    spying(5, "shares memory with other submissions", """
        import multiprocessing.shared_memory as shared
        attempt("posix shm", lambda: shared.SharedMemory("arena-stray", create=True, size=10))
        attempt("shmget", lambda: syscall(N["shmget"], 4711, 4096, 0o1666))
        attempt("msgget", lambda: syscall(N["msgget"], 4711, 0o1666))
        attempt("semget", lambda: syscall(N["semget"], 4711, 1, 0o1666))
        attempt("keyctl", lambda: syscall(N["keyctl"], 0, -3, 1))
        for path in ("/tmp/arena-stray", "/dev/shm/arena-stray", "/var/tmp/arena-stray", "@ROOT@/arena-stray", "@TEMPORARY@/arena-stray"):
            attempt("write", lambda: open(path, "w"))
        assert not any(each.endswith("done") for each in tried), tried
        """),
]  # fmt: skip

SPIES = FILES + PROCESSES + NETWORK


@pytest.mark.parametrize("attack", SPIES, ids=lambda attack: attack.name)
def test_nothing_hidden_is_found(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)


def test_the_same_attacks_find_it_where_nothing_isolates(unprotected: Arena) -> None:
    """What shows that they are attacks. As an ordinary user some find less: the system keeps other users' files itself."""
    blind = [attack.name for attack in SPIES if attack.real and not unprotected.found_anything(attack)]
    assert blind == []


# --- the inputs of hidden cases ---------------------------------------------------------------------------------------


def ranking(number: int, name: str, body: str, verdict: str = "failed", earned: int = 0, before: str = "") -> Attack:
    """A submission whose `rank` does this; `WORDS` in the public case proves that it would have told."""
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    source = f"{before}\ndef rank(words: list[str]) -> list[str]:\n    text = 'told ' + ' '.join(words)\n{lines}\n"
    return Attack(number, name, "rank", source, verdict, earned, says="told b a")


LEAKS = [
    ranking(6, "raises the hidden input as an exception's text", "raise ValueError(text)"),
    ranking(6, "prints the hidden input", "print(text)\nreturn sorted(words)", "passed", 2),
    ranking(6, "prints the hidden input on the other channels", "import sys\nprint(text, file=sys.stderr)\n"
            "import warnings\nwarnings.warn(text)\nimport logging\nlogging.error(text)\nreturn sorted(words)", "passed", 2),
    ranking(6, "returns the hidden input as an answer", "return [text]"),
    ranking(6, "returns an object of a type called like the hidden input", "return type(text, (list,), {})(sorted(words) + [1])"),
    ranking(6, "raises an exception of a type called like the hidden input", "raise type(text, (Exception,), {})()"),
    ranking(6, "opens a file called like the hidden input", "open('/' + text)"),
    ranking(6, "raises in a function called like the hidden input",
            "scope = {}\nname = '_'.join(words).replace('-', '_')\n"
            "exec(f'def told_{name}(): raise ValueError({text!r})', scope)\nscope['told_' + name]()"),
    ranking(6, "compiles code of a file called like the hidden input",
            "exec(compile('def f(): raise KeyError(told)', '/' + text + '/rank.py', 'exec'), {'told': text}, d := {})\n"
            "d['f'].__globals__['told'] = text\nd['f']()"),
    ranking(6, "asks for an attribute called like the hidden input", "getattr(words, text)"),
    ranking(6, "gives a KeyError the hidden input", "{}[text]"),
    ranking(6, "raises notes, causes and groups with the hidden input",
            "error = ExceptionGroup(text, [ValueError(text)])\nerror.add_note(text)\nraise error from KeyError(text)"),
    ranking(6, "says that a forbidden name was used, called like the hidden input",
            "forge(kind='forbidden', name=text, line=1)", "forbidden", before=FORGE),
    ranking(6, "says that a function is missing, called like the hidden input",
            "forge(kind='missing-function', name=text)", before=FORGE),
    ranking(6, "says that the file could not be read, because of the hidden input",
            "forge(kind='syntax', text=text, line=1)", "error", before=FORGE),
]  # fmt: skip


@pytest.mark.parametrize("attack", LEAKS, ids=lambda attack: attack.name)
def test_the_hidden_inputs_do_not_come_back(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)


REMEMBERING = Attack(6, "prints in a later public case what it saw in a hidden one", "notes", '''
seen = []

def count(words: list[str]) -> int:
    seen.extend(words)
    return len(words)

def distinct(words: list[str]) -> dict[str, int]:
    print("seen", seen)
    return {word: words.count(word) for word in words}
''', "passed", 3, says="seen")  # fmt: skip


def test_what_a_hidden_case_showed_is_not_told_in_a_later_public_one(arena: Arena) -> None:
    arena.fight(REMEMBERING)
