"""Our Landlock against a package that wraps the same system calls: the numbers, the versions, and what a process is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.jail.layers import landlock

oracle = pytest.importorskip("landlockpy")
pytestmark = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")

NAMES = {
    "fs": "EXECUTE WRITE_FILE READ_FILE READ_DIR REMOVE_DIR REMOVE_FILE MAKE_CHAR MAKE_DIR MAKE_REG MAKE_SOCK MAKE_FIFO MAKE_BLOCK"
    " MAKE_SYM REFER TRUNCATE IOCTL_DEV RESOLVE_UNIX",
    "net": "BIND_TCP CONNECT_TCP BIND_UDP CONNECT_SEND_UDP",
}


@pytest.mark.parametrize(("flags", "names"), [("AccessFS", NAMES["fs"]), ("AccessNet", NAMES["net"])])
def test_a_right_has_the_number_that_it_has_there(flags: str, names: str) -> None:
    theirs = getattr(oracle, flags)
    assert {name: getattr(landlock, name) for name in names.split()} == {
        name: int(theirs[name]) for name in names.split()
    }


@pytest.mark.parametrize("version", range(12))
def test_each_version_has_the_rights_that_it_has_there(version: int) -> None:
    """Version 11 is the newest that the package knows: a right that it does not know would be one that we have made up."""
    assert landlock.known(landlock.FILES, version) == oracle.fs_for_abi(version)
    assert landlock.known(landlock.NETWORK, version) == oracle.net_for_abi(version)
    assert landlock.known(landlock.SCOPES, version) == oracle.scope_for_abi(version)


def test_this_kernels_version_is_the_one_that_is_found_there() -> None:
    assert landlock.version() == oracle.abi_version()


# In a process of its own: a ruleset can't be taken back. What was tried, and how it ended.
TRIES = """
import errno, json, os, socket, sys
from pathlib import Path

whose, root = sys.argv[1], Path(sys.argv[2])
outside = socket.create_server(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\\0landlock-oracle-" + str(os.getpid()))
abstract.listen()
if whose == "ours":
    from autograder.jail.layers import landlock
    landlock.restrict([(str(root / "read"), landlock.READ), (str(root / "own"), landlock.OWN), (str(root / "one"), landlock.READ)])
elif whose == "theirs":
    from landlockpy import AccessFS, AccessNet, Ruleset, Scope
    read = AccessFS.READ_FILE | AccessFS.READ_DIR
    own = read | AccessFS.WRITE_FILE | AccessFS.TRUNCATE | AccessFS.REMOVE_DIR | AccessFS.REMOVE_FILE
    own |= AccessFS.MAKE_DIR | AccessFS.MAKE_REG | AccessFS.MAKE_SYM | AccessFS.REFER
    with Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as rules:
        rules.allow_path(root / "read", read)
        rules.allow_path(root / "own", own)
        rules.allow_path(root / "one", AccessFS.READ_FILE)
        rules.restrict()

ended = {}
def attempt(name, act):
    try:
        act()
        ended[name] = "done"
    except OSError as error:
        ended[name] = errno.errorcode[error.errno]

for place in ("read", "own", "other"):
    folder = root / place
    attempt(place + ": list", lambda: os.listdir(folder))
    attempt(place + ": read", lambda: (folder / "file").read_bytes())
    attempt(place + ": write", lambda: os.close(os.open(folder / "file", os.O_WRONLY)))
    attempt(place + ": truncate", lambda: os.truncate(folder / "file", 1))
    attempt(place + ": make a file", lambda: (folder / "new").touch())
    attempt(place + ": make a folder", lambda: (folder / "folder").mkdir())
    attempt(place + ": make a link", lambda: (folder / "link").symlink_to("file"))
    attempt(place + ": link it", lambda: os.link(folder / "file", folder / "hard"))
    attempt(place + ": make a pipe", lambda: os.mkfifo(folder / "pipe"))
    attempt(place + ": make a device", lambda: os.mknod(folder / "device", 0o020600, os.makedev(1, 3)))
    attempt(place + ": make a socket", lambda: socket.socket(socket.AF_UNIX).bind(str(folder / "socket")))
    attempt(place + ": rename", lambda: os.rename(folder / "file", folder / "moved"))
    attempt(place + ": move to own", lambda: os.rename(folder / "second", root / "own" / "from"))
    attempt(place + ": remove", lambda: os.unlink(folder / "third"))
    attempt(place + ": remove a folder", lambda: os.rmdir(folder / "empty"))
    attempt(place + ": run", lambda: os.execv(folder / "program", ["program"]))
attempt("one: read", lambda: (root / "one").read_bytes())
attempt("one: write", lambda: os.close(os.open(root / "one", os.O_WRONLY)))
attempt("connect", lambda: socket.create_connection(outside.getsockname()))
attempt("bind", lambda: socket.create_server(("127.0.0.1", 0)))
attempt("datagram", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)))
attempt("abstract socket", lambda: socket.socket(socket.AF_UNIX).connect(abstract.getsockname()))
attempt("signal", lambda: os.kill(os.getppid(), 0))
print(json.dumps(ended))
os._exit(0)
"""


def _ended(whose: str, root: Path) -> dict[str, str]:
    for place in ("read", "own", "other"):
        (root / place / "empty").mkdir(parents=True)
        for name in ("file", "second", "third"):
            (root / place / name).write_text("some text")
        (root / place / "program").write_text("no program: running it ends with ENOEXEC")
        (root / place / "program").chmod(0o755)
    (root / "one").write_text("one file")
    done = subprocess.run([sys.executable, "-c", TRIES, whose, str(root)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_a_process_is_refused_is_the_same(tmp_path: Path) -> None:
    free, ours, theirs = (_ended(whose, tmp_path / whose) for whose in ("nobody", "ours", "theirs"))
    assert ours == theirs
    refused = {name for name in ours if ours[name] != free[name]}
    assert len(refused) > 25 and not any(name.startswith("own: re") for name in refused), sorted(refused)
    assert os.path.exists(tmp_path / "ours" / "other" / "third") and not os.path.exists(
        tmp_path / "ours" / "own" / "third"
    )
