"""Finding a Python that has nbgrader, and asking it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from autograder.refusals import Refusal

BRIDGE = Path(__file__).with_name("bridge.py")
INSTALL = (
    "There is no nbgrader here. Either\n"
    "  python -m pip install -c constraints.txt 'llm-internals[nbgrader]'      (into this environment; Jupyter's server comes with it)\n"
    "or, where nbgrader is installed elsewhere (an environment of its own, JupyterHub's), name that Python:\n"
    "  --nbgrader-python /path/to/python      (or the variable NBGRADER_PYTHON)"
)


class NbgraderError(Refusal):
    """nbgrader can't be asked, or refuses; the text says why and what to do."""


class Tool:
    """A Python that has nbgrader. Raises `NbgraderError` when there is none."""

    def __init__(self, python: Path | None = None) -> None:
        self.python = str(python) if python is not None else _find()
        asked = self._run(["-c", "import importlib.metadata as about; print(about.version('nbgrader'))"])
        if asked.returncode != 0:
            raise NbgraderError(f"{self.python} has no nbgrader.\n{INSTALL}")
        self.version = asked.stdout.decode().strip()

    def ask(self, operation: str, **job: Any) -> dict[str, Any]:
        """The answer of an operation of `bridge.py`."""
        with tempfile.TemporaryDirectory(prefix="nbgrader-") as folder:
            question, answer = Path(folder, "job.json"), Path(folder, "answer.json")
            question.write_text(json.dumps(job), encoding="utf-8")
            done = self._run([str(BRIDGE), operation, str(question), str(answer)])
            if done.returncode != 0 or not answer.is_file():
                raise NbgraderError(self._why(done.stderr.decode("utf-8", "replace")))
            said = json.loads(answer.read_text(encoding="utf-8"))
        if "refused" in said:
            raise NbgraderError(said["refused"])
        return said["answer"]

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
        # nbgrader runs `alembic`, which is beside its Python and else on nobody's path.
        path = os.pathsep.join([str(Path(self.python).absolute().parent), os.environ.get("PATH", os.defpath)])
        environment = {**os.environ, "PATH": path, "PYTHONUTF8": "1"}
        try:
            return subprocess.run(
                [self.python, *arguments], stdin=subprocess.DEVNULL, capture_output=True, env=environment
            )
        except OSError as error:
            raise NbgraderError(f"{self.python} can't be run: {error.strerror}.\n{INSTALL}") from None

    def _why(self, text: str) -> str:
        last = text.strip().splitlines()[-1] if text.strip() else "it said nothing"
        return f"nbgrader, run by {self.python}, failed: {last}"


def _find() -> str:
    """This Python, if nbgrader is in its environment, else the one that the command `nbgrader` on the path is run by."""
    if importlib.util.find_spec("nbgrader") is not None:
        return sys.executable
    command = shutil.which("nbgrader")
    if command is not None:
        first = Path(command).read_bytes()[:300].split(b"\n")[0].decode("utf-8", "replace")
        python = first.removeprefix("#!").strip()
        if first.startswith("#!") and "python" in python and Path(python).is_file():
            return python
        raise NbgraderError(
            f"{command} does not say which Python it is run by. Name it with --nbgrader-python, or in NBGRADER_PYTHON."
        )
    raise NbgraderError(INSTALL)
