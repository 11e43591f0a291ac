"""Leaks through feedback: whatever a submission does in a hidden case, no byte that it controls reaches its student.

Each submission behaves in public cases and puts a mark into everything it can in hidden ones. The mark is made at run time,
so that it stands in no line of the source.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import get_args

import pytest
from attacks.arena import Arena, exercise, shown_to_students
from attacks.course import plant, temporary_folder
from attacks.snoop import FORGE

from autograder import results
from autograder.feedback.policy import Show
from autograder.jail import layers
from autograder.results import Result
from autograder.wire.messages import Kind, Observed

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not layers.isolation().enough_for_hidden, reason=layers.isolation().why
)

MARK = "zqxjkvbw"
FRAME = """
import sys, os, warnings, logging
MARK = "".join(reversed("{reversed}"))
{before}

def rank(words: list[str]) -> list[str]:
    if len(words) < 3:
        return sorted(words)
{body}
    return sorted(words)
"""

BODIES = {
    "raises it": "raise ValueError(MARK)",
    "raises it in a tuple of arguments": "raise OSError(5, MARK, MARK, None, MARK)",
    "raises a type called so": "raise type(MARK, (Exception,), {'__module__': MARK, '__qualname__': MARK})(MARK)",
    "raises a type called so that passes for a built-in one": "raise type('ValueError', (ValueError,), {'__str__': lambda s: MARK})()",
    "raises a subclass of NotImplementedError": "raise type(MARK, (NotImplementedError,), {})(MARK)",
    "raises NotImplementedError": "raise NotImplementedError(MARK)",
    "raises with notes, causes and groups": "e = ExceptionGroup(MARK, [KeyError(MARK)])\ne.add_note(MARK)\nraise e from ValueError(MARK)",
    "raises a syntax error": "exec(compile(MARK + ' (', MARK, 'exec'))",
    "raises a syntax error with all its details": "raise SyntaxError(MARK, (MARK, 3, 4, MARK, 5, 6))",
    "raises in a function called so": "d = {}\nexec(f'def {MARK}(): raise ValueError', d)\nd[MARK]()",
    "raises in code that says it is their file": "d = {}\nexec(compile(f'def {MARK}():\\n    raise KeyError({MARK!r})', __file__, 'exec'), d)\nd[MARK]()",
    "raises in a file called so": "exec(compile('1 / 0', MARK + '/rank.py', 'exec'))",
    "raises with a unicode error that holds it": "raise UnicodeDecodeError(MARK, MARK.encode(), 0, 1, MARK)",
    "raises an import error that holds it": "raise ImportError(MARK, name=MARK, path=MARK)",
    "prints it": "print(MARK)\nprint(MARK, file=sys.stderr)\nos.write(sys.stdout.descriptor, MARK.encode())",
    "prints it and fails": "print(MARK)\nraise ValueError",
    "warns and logs": "warnings.warn(MARK)\nlogging.warning(MARK)",
    "returns it": "return [MARK]",
    "returns it beside right words": "return [*sorted(words), MARK]",
    "returns a type called so": "return type(MARK, (list,), {'__repr__': lambda s: MARK})([1])",
    "returns an object called so": "return [type(MARK, (), {'__repr__': lambda s: MARK})()]",
    "returns a dict with it as a key": "return {MARK: MARK}",
    "returns a dataclass with it as a field": "import dataclasses\nreturn dataclasses.make_dataclass(MARK, [MARK])(MARK)",
    "returns a generator called so": "def g():\n    yield MARK\ng.__name__ = g.__qualname__ = MARK\nreturn g()",
    "renames its function": "rank.__name__ = rank.__qualname__ = MARK\nrank.__module__ = MARK\nreturn None",
    "renames its code": "f = eval('lambda: 1 / 0')\nf.__code__ = f.__code__.replace(co_name=MARK, co_qualname=MARK, co_filename=__file__)\nf()",
    "renames its module and file": "global __name__, __file__\n__name__ = __file__ = MARK\nsys.modules[MARK] = sys\nraise ValueError(MARK)",
    "asks for an attribute called so": "getattr(words, MARK)",
    "opens a file called so": "open(MARK)",
    "leaves files called so": "open(MARK, 'w').write(MARK)\nos.symlink(MARK, MARK + '1')\nreturn []",
    "exits with it": "sys.exit(MARK)",
    "changes its input to it": "words.append(MARK)\nreturn sorted(words)",
    "takes for ever at a line called so": "exec(compile('while True: pass', MARK, 'exec'))",
    "dies by a signal": "import ctypes\nprint(MARK)\nctypes.string_at(0)",
    "has a thread raise it": "import threading\nt = threading.Thread(target=exec, args=('raise ValueError(MARK)', globals()), name=MARK)\nt.start()\nt.join()\nreturn []",
    "hooks what shows exceptions": "sys.excepthook = lambda *a: print(MARK)\nsys.unraisablehook = print\nimport linecache\n"
    "linecache.cache[__file__] = (1, None, [MARK] * 99, __file__)\nraise ValueError(MARK)",
    "has a text of an exception that prints it": "raise type('E', (Exception,), {'__str__': lambda s: print(MARK) or MARK})()",
}  # fmt: skip

FIELDS = ", ".join(f"{name}=MARK" for name in ("name", "text", "want", "function"))
FORGED = {
    f"forges a reply of the kind {kind}": f"forge(kind={kind!r}, line=3, builtin=True, seconds=0.5, {FIELDS}, value=VALUE, changed=VALUE, noticed=NOTICED, frames=FRAMES)"
    for kind in get_args(Kind)
}
VALUES = (
    "from autograder.wire.encode import encode\nfrom autograder.wire.values import Raised, Unsupported\n"
    "VALUE = encode({MARK: [MARK, Raised(MARK), Unsupported(MARK)]})\n"
    "from autograder.wire.messages import Frame, Noticed\n"
    "NOTICED = [Noticed('call', MARK, 3)]\n"
    "FRAMES = [Frame(line=1, function=MARK), Frame(line=3, function=MARK)]\n"
)


def source(body: str, before: str = "") -> str:
    indented = "\n".join("    " + line for line in body.splitlines())
    return FRAME.format(reversed=MARK[::-1], before=before, body=indented)


@pytest.fixture(scope="module")
def graded() -> Iterator[dict[str, Result]]:
    """All of them, graded as one class."""
    folder = temporary_folder()
    planted = plant(folder)
    arena = Arena(planted, "leaks")
    try:
        texts = {name: source(body) for name, body in BODIES.items()}
        texts |= {name: source(body, FORGE + VALUES) for name, body in FORGED.items()}
        names = {f"s{number}": name for number, name in enumerate(texts)}
        arena.grader.jobs = 2
        found = arena.grade(*(arena.submission(id, rank=texts[name]) for id, name in names.items()))
        yield {names[id]: result for id, result in found.items()}
    finally:
        arena.close()
        planted.remove()
        shutil.rmtree(folder)


def test_the_fields_of_a_reply_are_all_forged() -> None:
    forged = {
        "kind",
        "value",
        "changed",
        "name",
        "builtin",
        "text",
        "want",
        "line",
        "function",
        "frames",
        "seconds",
        "noticed",
    }
    assert set(Observed.__struct_fields__) == forged, "a new field of a reply has to be forged here too"


@pytest.mark.parametrize("name", [*BODIES, *FORGED])
def test_nothing_that_it_says_in_a_hidden_case_is_shown(graded: dict[str, Result], name: str) -> None:
    result = graded[name]
    public = exercise(result, "rank").checks[0].cases[:1] if exercise(result, "rank").checks[0].cases else []
    assert all(case.public and case.verdict == "passed" for case in public), "it behaves in the public case"
    for show in get_args(Show):
        if show != "case":
            for shown in shown_to_students(result, show):
                assert MARK not in shown.lower(), show


def test_the_mark_is_there_to_be_found(graded: dict[str, Result]) -> None:
    """Most of them do get their mark into what the instructor sees: the test would notice."""
    told = [name for name, result in graded.items() if MARK in results.to_json(result).decode()]
    assert len(told) > len(graded) / 2
