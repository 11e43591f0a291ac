"""What checks said of wrong implementations, in a file: after Ctrl-C the next call goes on from there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Self

from autograder.verify.mutant_report import Said


class Memory:
    """Verdicts by key in a file that only grows while it is open: what is written is not lost, a torn last line is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._said: dict[str, Said] = {}
        self._file: IO[str] | None = None
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                record = json.loads(line)
                key = record.pop("key")
                self._said[key] = Said(**record)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue

    def get(self, key: str) -> Said | None:
        return self._said.get(key)

    def put(self, key: str, said: Said) -> None:
        with self._lock:
            self._said[key] = said
            if self._file is None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8")
                self._file.write("\n")  # ends a line that a killed run may have left torn
            self._file.write(_line(key, said))
            self._file.flush()

    def close(self, keep: Iterable[str]) -> None:
        """Close the file, with only what `keep` names in it."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            known = {key: self._said[key] for key in keep if key in self._said}
            if len(known) < len(self._said):
                temporary = self._path.with_suffix(".tmp")
                temporary.write_text("".join(_line(key, said) for key, said in known.items()), encoding="utf-8")
                temporary.replace(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(self._said)


def _line(key: str, said: Said) -> str:
    return json.dumps({"key": key, **asdict(said)}) + "\n"
