"""Tricks in a submission's source that may be there to get around `forbid` or the jail: shown to a person, never judged.

Most of what is listed here has honest uses. It is what somebody needs who wants to use a name without writing it, or to
reach into the process that runs the checks; honest answers to these exercises hardly ever do. Nothing is proved by it,
and nothing by its absence.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Trick = Literal[
    "computed-name",  # getattr or import_module with a name that is put together
    "run-text",  # exec, eval, compile
    "namespace",  # vars(torch), torch.__dict__, globals(), sys.modules
    "insides",  # frames, closures, code objects, subclasses, gc, ctypes
    "private-torch",  # torch._C and its like: the same functions by other names
    "worker",  # modules of the autograder that run the checks
    "machine",  # files, processes and the network: the jail refuses what matters, and says nothing of what was tried
]


@dataclass(frozen=True)
class Suspicion:
    """One trick, where it is first used, and the word that shows it."""

    trick: Trick
    word: str
    line: int


_INSIDES = frozenset(
    {
        *("__closure__", "cell_contents", "__code__", "co_code", "__globals__", "__builtins__", "__wrapped__"),
        *("f_back", "f_builtins", "f_code", "f_globals", "f_locals", "tb_frame", "gi_frame", "cr_frame", "ag_frame"),
        *("_getframe", "_current_frames", "settrace", "setprofile", "addaudithook", "meta_path", "path_hooks"),
        *("__subclasses__", "get_objects", "get_referrers", "get_referents"),
    }
)
_MODULES: dict[str, Trick] = {
    "ctypes": "insides",
    "gc": "insides",
    "_ctypes": "insides",
    "_xxsubinterpreters": "insides",
}
_MACHINE = frozenset(
    [
        "socket",
        "subprocess",
        "multiprocessing",
        "signal",
        "shutil",
        "glob",
        "pathlib",
        "urllib",
        "http",
        "ftplib",
        "smtplib",
    ]
    + ["requests", "httpx", "pty", "fcntl", "mmap", "resource", "sqlite3"]
)
_OF_OS = frozenset(
    [
        "fork",
        "forkpty",
        "kill",
        "killpg",
        "system",
        "popen",
        "posix_spawn",
        "getppid",
        "environ",
        "getenv",
        "_exit",
        "memfd_create",
    ]
    + [
        "open",
        "read",
        "write",
        "listdir",
        "scandir",
        "walk",
        "dup",
        "dup2",
        "pipe",
        "mkfifo",
        "remove",
        "unlink",
        "symlink",
    ]
)
_PRIVATE_PLACE = re.compile(
    r"/(proc|etc|root|home|dev|sys)(/|$)|(^|/)(solutions|\.autograder)/|(^|/)(checks|mistakes)\.py$"
)
_RUN = frozenset({"exec", "eval", "compile"})
_OURS = ("autograder", "experiments", "stub", "submission")
_OPEN = ("autograder.lab",)
_PUT_TOGETHER = (ast.BinOp, ast.JoinedStr, ast.Call, ast.Subscript)


def suspicions(tree: ast.AST, forbidden: Collection[str], stub: ast.AST | None = None) -> list[Suspicion]:
    """The first use of each kind of trick. `forbidden`: the names that the exercise forbids, which a trick may get around. What
    stands in the `stub` already, by trick and word, is the course's own."""
    ours = set() if stub is None else {(each.trick, each.word) for each in _found(list(ast.walk(stub)), forbidden)}
    first: dict[Trick, Suspicion] = {}
    for each in _found(list(ast.walk(tree)), forbidden):
        if (each.trick, each.word) in ours:
            continue
        if each.trick not in first or each.line < first[each.trick].line:
            first[each.trick] = each
    return sorted(first.values(), key=lambda each: each.line)


def _found(nodes: list[ast.AST], forbidden: Collection[str]) -> Iterator[Suspicion]:
    modules, forbids = _imported(nodes), bool(forbidden)
    # From these packages nothing leads to another one: a name in them, however it was put together, gets around no ban of others.
    harmless = {root for root in ("torch", "numpy") if not any(name.partition(".")[0] == root for name in forbidden)}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _of_import(node)
        elif isinstance(node, ast.Attribute):
            yield from _of_attribute(node, modules, forbids)
        elif isinstance(node, ast.Call):
            yield from _of_call(node, modules, harmless, forbids)
        elif isinstance(node, ast.Constant) and _is_private_place(node.value):
            yield Suspicion("machine", str(node.value), node.lineno)


def _is_private_place(value: object) -> bool:
    """Whether a constant is the name of a file that no answer needs: one word, so that no sentence is taken for it."""
    plain = isinstance(value, str) and len(value) < 150 and value.isprintable() and " " not in value
    return plain and _PRIVATE_PLACE.search(str(value)) is not None


def _imported(nodes: list[ast.AST]) -> dict[str, str]:
    """The names that stand for modules, as far as imports tell, and the package of each."""
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = top
        elif isinstance(node, ast.ImportFrom) and node.module == "torch":
            modules = [alias for alias in node.names if alias.name in ("nn", "ops", "special", "linalg")]
            names |= {alias.asname or alias.name: "torch" for alias in modules}
    return names


def _of_import(node: ast.Import | ast.ImportFrom) -> Iterator[Suspicion]:
    if isinstance(node, ast.Import):
        imported = [alias.name for alias in node.names]
    else:
        imported = [f"{node.module}.{alias.name}" if node.module else alias.name for alias in node.names]
    for name in imported:
        top = name.partition(".")[0]
        if top in _MODULES:
            yield Suspicion(_MODULES[top], name, node.lineno)
        elif top in _OURS and not any(name == each or name.startswith(each + ".") for each in _OPEN):
            yield Suspicion("worker", name, node.lineno)
        elif name.startswith(("torch._C", "torch._VF", "torch._refs", "torch._decomp", "torch._prims")):
            yield Suspicion("private-torch", name, node.lineno)
        elif top in _MACHINE or (top == "os" and name.partition(".")[2] in _OF_OS):
            yield Suspicion("machine", name, node.lineno)
        elif name in ("sys.modules", "sys._getframe"):
            yield Suspicion("insides", name, node.lineno)


def _of_attribute(node: ast.Attribute, modules: Mapping[str, str], forbids: bool) -> Iterator[Suspicion]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if node.attr in _INSIDES:
        yield Suspicion("insides", node.attr, node.lineno)
    elif forbids and node.attr == "CompilationUnit":  # TorchScript from a text
        yield Suspicion("run-text", node.attr, node.lineno)
    elif owner == "os" and (node.attr in _OF_OS or node.attr.startswith(("exec", "spawn"))):
        yield Suspicion("machine", f"os.{node.attr}", node.lineno)
    elif owner == "sys" and node.attr == "modules":
        yield Suspicion("namespace", "sys.modules", node.lineno)
    elif forbids and owner in modules and node.attr == "__dict__":
        yield Suspicion("namespace", f"{owner}.__dict__", node.lineno)
    elif forbids and owner in modules and node.attr in ("_C", "_VF", "_refs", "_decomp", "_prims"):
        yield Suspicion("private-torch", f"{owner}.{node.attr}", node.lineno)


def _of_call(
    node: ast.Call, modules: Mapping[str, str], harmless: Collection[str], forbids: bool
) -> Iterator[Suspicion]:
    function = node.func.id if isinstance(node.func, ast.Name) else ""
    called = function or getattr(node.func, "attr", "")
    owner = node.args[0].id if node.args and isinstance(node.args[0], ast.Name) else ""
    if function == "open":
        yield Suspicion("machine", function, node.lineno)
    elif function in _RUN:
        yield Suspicion("run-text", function, node.lineno)
    elif function in ("getattr", "attrgetter", "methodcaller") or called in ("attrgetter", "methodcaller"):
        name = node.args[1] if function == "getattr" and len(node.args) > 1 else node.args[0] if node.args else None
        computed = name is not None and not isinstance(name, ast.Constant)
        of_a_module = owner in modules and modules[owner] not in harmless
        if forbids and computed and (of_a_module or isinstance(name, _PUT_TOGETHER)):
            yield Suspicion("computed-name", called, node.lineno)
    elif called in ("import_module", "__import__"):
        if node.args and not isinstance(node.args[0], ast.Constant):
            yield Suspicion("computed-name", called, node.lineno)
    elif forbids and ((function == "vars" and owner in modules) or function == "globals"):
        yield Suspicion("namespace", function, node.lineno)
