"""What an exercise forbids, refused while the code runs: in a worker, for calls that come from the student's code.

The static check (`experiment.forbidden`) sees names that are written down. Here a name that was put together at run time leads to
the same refusal: functions, methods and classes are replaced by ones that look at who calls, and whole packages can't
be imported. torch and the packages go on using everything among themselves.

This is a help and no proof. It lives in the same interpreter as the code that it watches, and whoever digs for the
originals (in closures, through ctypes, by other functions that compute the same) finds them: `experiment.suspicious` shows such
digging to a person. What keeps hidden things hidden is the isolation, which does not rest on any of this.
"""

from __future__ import annotations

import functools
import importlib.abc
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Sequence
from typing import Any

from autograder.wire.messages import MAX_NOTICED, Noticed

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARIES = tuple(
    {sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {_OURS, "<frozen "}
)
_IMPORTING = ("<frozen importlib", os.path.dirname(importlib.abc.__file__) + os.sep)
# Where torch keeps one function under the same name; its C classes can't be changed.
_ALSO_IN = ("torch", "torch.functional", "torch.nn.functional", "torch.special", "torch.linalg", "torch._C._nn")


class ForbiddenUse(RuntimeError):
    """Something that the exercise forbids was called."""


class ForbiddenImport(ModuleNotFoundError):
    """A package that the exercise forbids was imported. Libraries that would use it take it for not installed."""


class Guard:
    """Refuses what `patterns` name (as in `grading.toml`'s `forbid`) and remembers what was tried."""

    def __init__(self, patterns: Sequence[str], file: str) -> None:
        self.patterns = list(patterns)
        self.file = file
        self.trusted: dict[str, Any] | None = None  # the globals of the experiments
        self._noticed: list[Noticed] = []
        self._packages = frozenset(pattern for pattern in patterns if "." not in pattern and pattern not in sys.modules)

    def install(self) -> None:
        """Put the guard up, in a process that is there for one submission alone."""
        for pattern in self.patterns:
            owner, _, name = pattern.rpartition(".")
            if pattern == "torch.ops":
                self._guard_operators(pattern)
            elif owner == "Tensor":
                self._guard_attribute(sys.modules["torch"].Tensor, name, pattern)
            elif owner:
                self._guard_name(owner, name, pattern)
        if self._packages:
            sys.meta_path.insert(0, _Finder(self))
            sys.addaudithook(self._audit)

    def noticed(self) -> list[Noticed]:
        """What was tried since the last call, whether or not the code swallowed the refusal."""
        noticed, self._noticed = self._noticed, []
        return noticed[:MAX_NOTICED]

    # --- functions, methods and classes ---

    def _guard_name(self, owner: str, name: str, pattern: str) -> None:
        place: Any = sys.modules.get(owner)
        if place is None:  # a class's attribute, as torch.Tensor.softmax; or a module that is not loaded yet
            module, _, attribute = owner.rpartition(".")
            place = getattr(sys.modules.get(module), attribute, None)
        original = getattr(place, name, None)
        if original is None or isinstance(original, types.ModuleType):
            return
        for holder in {id(place): place, **{id(m): m for m in map(sys.modules.get, _ALSO_IN) if m}}.values():
            if getattr(holder, name, None) is original:
                self._guard_attribute(holder, name, pattern)

    def _guard_attribute(self, holder: Any, name: str, pattern: str) -> None:
        original = getattr(holder, name, None)
        if isinstance(original, type):
            if "__init__" in vars(original):
                self._replace(original, "__init__", self._watched(original.__init__, original.__name__, pattern))
            for method in ("forward", "apply"):
                if method in vars(original) and isinstance(vars(original)[method], types.FunctionType):
                    self._replace(original, method, self._watched(vars(original)[method], method, pattern))
        elif callable(original):
            self._replace(holder, name, self._watched(original, name, pattern))

    def _guard_operators(self, pattern: str) -> None:
        """`torch.ops.aten.softmax`, however it was come by: the objects are called, not the namespace."""
        operators = sys.modules["torch._ops"]
        for kind in (operators.OpOverloadPacket, operators.OpOverload):
            self._replace(kind, "__call__", self._watched(vars(kind)["__call__"], "", pattern))

    @staticmethod
    def _replace(holder: Any, name: str, watched: Callable[..., Any]) -> None:
        try:
            setattr(holder, name, watched)
        except (AttributeError, TypeError):
            return  # a class in C: the static check alone holds

    def _watched(self, original: Callable[..., Any], name: str, pattern: str) -> Callable[..., Any]:
        whose, refuse = self._line_of_student, self._refuse

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            line = whose(name)
            if line is not None:
                refuse(pattern, line)
            return original(*args, **kwargs)

        del watched.__wrapped__
        return watched

    def _refuse(self, pattern: str, line: int) -> None:
        self._notice("call", pattern, line)
        raise ForbiddenUse(f"{pattern} is what this exercise asks you to write yourself")

    def _notice(self, kind: str, pattern: str, line: int) -> None:
        note = Noticed(kind=kind, name=pattern[:200], line=min(max(line, 0), 10**6))  # type: ignore[arg-type]
        if note not in self._noticed and len(self._noticed) < MAX_NOTICED:
            self._noticed.append(note)

    def _line_of_student(self, name: str) -> int | None:
        """The line (0: unknown) from which the student's code calls `name`; None when a library does, for its own ends.

        A library's frame counts as the caller when its code names the function. One that does not was handed it
        (`map`, `vmap`, a thread): then whoever called the library is asked.
        """
        frame = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if frame.f_globals is self.trusted:
                return None
            if not code.co_filename.startswith(_LIBRARIES):
                return self._line_in_file(frame)
            if not name or name in code.co_names:
                return None
            frame = frame.f_back
        return 0

    def _line_in_file(self, frame: types.FrameType | None) -> int:
        """The innermost line of the student's own file: code made by `exec` has none."""
        while frame is not None:
            if frame.f_code.co_filename == self.file:
                return frame.f_lineno or 0
            frame = frame.f_back
        return 0

    # --- packages ---

    def refuse_import(self, module: str) -> None:
        package = module.partition(".")[0]
        if package not in self._packages:
            return
        if _imported_by_student():
            self._notice("import", package, self._line_in_file(sys._getframe(1)))
        raise ForbiddenImport(
            f"{package} can't be imported in this exercise: it is what you are asked to write", name=module
        )

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called by the interpreter, which has no way to remove it: what goes around the import system."""
        if event == "import":
            self.refuse_import(str(arguments[0]))
        elif event == "open" and isinstance(arguments[0], str | bytes):
            self._refuse_file(os.fsdecode(arguments[0]))
        elif event == "ctypes.dlopen" and isinstance(arguments[0], str):
            self._refuse_file(arguments[0])

    def _refuse_file(self, path: str) -> None:
        if "-packages" in path:
            for part in path.split("-packages" + os.sep)[1:]:
                self.refuse_import(part.partition(os.sep)[0].partition(".")[0])


def _imported_by_student() -> bool:
    """Whether what asks for a module, beyond the import system itself, is the student's code."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file != __file__ and not file.startswith(_IMPORTING):
            return not file.startswith(_LIBRARIES)
        frame = frame.f_back
    return False


class _Finder(importlib.abc.MetaPathFinder):
    """Asked first for every module that is not there yet."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        self._guard.refuse_import(fullname)
