"""L0: a process of its own, in a session of its own, that dies with its parent."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from autograder.jail.layers.base import Probe, Settings, libc

NAME = "L0 process"
GUARANTEES = "student code can't edit a verdict or crash the grader; hangs are bounded"

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38


def probe() -> Probe:
    if hasattr(os, "fork"):
        return Probe(NAME, True, "this system has fork", GUARANTEES)
    return Probe(NAME, False, "this system has no fork: code runs in a plain child process", GUARANTEES)


def apply(settings: Settings) -> None:
    with contextlib.suppress(PermissionError):  # already the leader of a session
        os.setsid()
    os.umask(0o077)
    os.chdir(settings.folder)
    die_with_parent()
    forbid_new_privileges()


def die_with_parent() -> None:
    """The kernel ends the calling process when its parent ends. A change of user undoes it: call it again after one."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def forbid_new_privileges() -> None:
    """Nothing that is executed from here on gains rights; Landlock and seccomp ask for it."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def make_undumpable() -> None:
    """No other process of the same user can attach to the calling one or read its memory (but root)."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def adopt_orphans() -> None:
    """Descendants whose parent died become children of the calling process, so that it can end them."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
