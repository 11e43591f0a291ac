"""`ast.parse` for programs of several threads.

CPython 3.11 and 3.12 count the depth of the tree that is being built in one place for all threads. When a thread is interrupted in the middle
of it (to collect garbage, say) and another one builds a tree too, one of them raises `SystemError: AST constructor recursion depth
mismatch` (https://github.com/python/cpython/issues/106905). So threads take turns.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

_turn = threading.Lock()


def parse(source: str | bytes, filename: str = "<unknown>", mode: str = "exec") -> Any:
    """As `ast.parse`, one thread at a time. Raises what it raises."""
    with _turn:
        return ast.parse(source, filename, mode)
