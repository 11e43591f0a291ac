"""Long work in a child process, one at a time, with its state and what it printed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from autograder.refusals import Refused

State = Literal["running", "done", "failed"]
SHOWN = 20_000
"""Characters of what a job printed that are shown, the last ones."""
KEPT = 30


@dataclass
class Job:
    """One piece of work."""

    number: int
    title: str
    exercise: str
    then: str = ""  # what can be done next when it went well: "rejudge"
    started: datetime = field(default_factory=lambda: datetime.now().astimezone())
    process: subprocess.Popen[bytes] | None = None
    out: IO[bytes] | None = None

    @property
    def state(self) -> State:
        code = self.process.poll() if self.process is not None else 1
        return "running" if code is None else "failed" if code else "done"

    @property
    def printed(self) -> str:
        """The end of what it printed so far."""
        if self.out is None:
            return ""
        size = os.fstat(self.out.fileno()).st_size
        data = os.pread(self.out.fileno(), 4 * SHOWN, max(size - 4 * SHOWN, 0))
        return data.decode("utf-8", "replace")[-SHOWN:]


class Jobs:
    """The work of one server."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._jobs: list[Job] = []

    def all(self) -> list[Job]:
        """The newest first."""
        with self._lock:
            return self._jobs[::-1]

    def job(self, number: int) -> Job | None:
        return next((each for each in self.all() if each.number == number), None)

    def start(self, title: str, exercise: str, arguments: Sequence[str], then: str = "") -> Job:
        """Run `autograder` with these arguments, which no shell reads. Refused while something else runs: it would only be slower."""
        with self._lock:
            if running := next((each for each in self._jobs if each.state == "running"), None):
                raise Refused(f"“{running.title}” is still running. Nothing was begun: try again when it has ended.")
            job = Job(self._jobs[-1].number + 1 if self._jobs else 1, title, exercise, then)
            job.out = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the job is shown)
            hidden = ("FORCE_COLOR", "COLUMNS")
            environment = {name: value for name, value in os.environ.items() if name not in hidden}
            job.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "autograder", *arguments],
                cwd=self.root,
                env={**environment, "NO_COLOR": "1", "COLUMNS": "100", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=job.out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the server's to deal with
            )
            self._jobs = [*self._jobs, job][-KEPT:]
            return job

    def close(self) -> None:
        """End what still runs, with everything that it started."""
        for job in self.all():
            if job.process is not None and job.process.poll() is None:
                with contextlib.suppress(OSError):
                    os.killpg(job.process.pid, signal.SIGINT)
                try:
                    job.process.wait(10)
                except subprocess.TimeoutExpired:
                    with contextlib.suppress(OSError):
                        os.killpg(job.process.pid, signal.SIGKILL)
                    job.process.wait()
