"""Sources of submissions that look around: they try things when they are imported and when they are called, answer
honestly, and print what they tried and every canary that came into their hands."""

from __future__ import annotations

import textwrap

_SPY = '''
import ctypes, glob, os, re, sys

tried, found = [], []
_word = "CAN" + "ARY-"


def look(value):
    """Remember the canaries in anything."""
    text = value if isinstance(value, bytes) else str(value).encode("utf-8", "backslashreplace")
    for each in re.findall(_word.encode() + rb"[\\w-]+", text):
        if each not in found:
            found.append(each)


def attempt(what, act):
    try:
        value = act()
    except Exception as error:
        tried.append(f"{what}: {type(error).__name__}")
        return None
    tried.append(f"{what}: done")
    look(value)
    return value


def read(path):
    with open(path, "rb") as file:
        return file.read(2**20)


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def spy():
@body@


def report():
    print("spied", len(tried), "found", found, sorted(set(tried))[:40])


spy()
'''

_ANSWERS = {
    "rank": "def rank(words: list[str]) -> list[str]:\n    spy()\n    report()\n    return sorted(words)\n",
    "soft": "from torch import Tensor\n\ndef softmax(x: Tensor) -> Tensor:\n    spy()\n    report()\n"
    "    e = (x - x.amax(-1, keepdim=True)).exp()\n    return e / e.sum(-1, keepdim=True)\n",
}


def snoop(body: str, exercise: str = "rank") -> str:
    """A submission that does `body` and answers rightly."""
    return _SPY.replace("@body@", textwrap.indent(textwrap.dedent(body).strip(), "    ")) + "\n\n" + _ANSWERS[exercise]


FORGE = '''
from autograder.wire.channel import Channel
from autograder.wire.messages import Observed

answers, send = [], Channel.send
Channel.send = lambda self, number, message, deadline=None: send(self, number, answers.pop() if answers else message)

def forge(**fields):
    """What the worker says next, whatever came of the run."""
    answers.append(Observed(**fields))
'''
