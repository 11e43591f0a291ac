"""Files that somebody saves, for the commands that watch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path


class Saves:
    """Iterating waits for files to be saved and gives those that were, from the moment on that this was made.

    The file system's events only wake it up; what counts is how files look. So a save before watching had begun, or on a
    drive that sends no events, is seen within a second, and an editor that renames is no different from one that writes.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], folders: Sequence[Path]) -> None:
        self.files, self.folders = files, folders
        self.seen = self._look()

    def _look(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in self.files():
            try:
                stat = path.stat()
            except OSError:
                continue
            found[path] = (stat.st_mtime_ns, stat.st_size)
        return found

    def __iter__(self) -> Iterator[list[Path]]:
        from watchfiles import watch

        for _ in watch(*self.folders, debounce=60, step=10, rust_timeout=1000, yield_on_timeout=True):
            now = self._look()
            saved = sorted(path for path, look in now.items() if self.seen.get(path) != look)
            self.seen = now
            if saved:
                yield saved
