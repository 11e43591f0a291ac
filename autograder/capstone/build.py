"""Running the stages: what did not change is not run again, and a build that was stopped goes on.

Each stage has a folder under `.autograder/build/<recipe>/`, and `result.json` in it when it is done. Its key is made of the recipe, of the code
of the parts that it uses, of the code that builds, and of the keys of the stages before it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autograder.capstone.corpus import corpus
from autograder.capstone.parts import Part, Parts, engine_hash
from autograder.capstone.recipe import Recipe
from autograder.capstone.stages import STAGES, Outcome, PartFault, Stage, Work
from autograder.refusals import Refusal

RESULT = "result.json"


class Listener(Protocol):
    """Who is told how a build goes on."""

    def began(self, stage: Stage) -> None: ...
    def step(self, stage: Stage, number: int, of: int, loss: float | None) -> None: ...
    def done(self, stage: Stage, result: Result) -> None: ...


@dataclass
class Result:
    """What became of a stage."""

    stage: str
    key: str
    seconds: float = 0.0
    reused: bool = False
    outcome: Outcome = field(default_factory=Outcome)
    origins: dict[str, str] = field(default_factory=dict)  # of its parts: own, reference, equivalent


class BuildError(Refusal):
    """A stage could not be done: in plain words, with the part at fault where that is known."""

    def __init__(self, stage: Stage, part: Part | None, text: str, frames: str = "") -> None:
        super().__init__(text)
        self.stage, self.part, self.frames = stage, part, frames


@dataclass
class Build:
    """A build of these parts by this recipe, in `folder`."""

    parts: Parts
    recipe: Recipe
    folder: Path

    def keys(self) -> dict[str, str]:
        """The key of each stage."""
        keys: dict[str, str] = {}
        for stage in STAGES:
            made_of = [
                engine_hash(),
                self.recipe.hash,
                stage.name,
                self.parts.hash(stage.slots),
                *(keys[name] for name in stage.after),
            ]
            keys[stage.name] = hashlib.sha256("\0".join(made_of).encode()).hexdigest()
        return keys

    def results(self) -> dict[str, Result]:
        """The results that are there and still hold, by stage."""
        found = {}
        for name, key in self.keys().items():
            result = read_result(self.folder / name / RESULT)
            if result is not None and result.key == key:
                found[name] = result
        return found

    def run(self, listener: Listener, until: str = "") -> dict[str, Result]:
        """Run what has no result yet, up to the stage `until`. Raises `BuildError`; Ctrl-C leaves what was done."""
        keys, there = self.keys(), self.results()
        for stage in STAGES:
            if stage.name in there:
                there[stage.name].reused = True
                listener.done(stage, there[stage.name])
            else:
                listener.began(stage)
                there[stage.name] = self._run(stage, keys[stage.name], listener)
                listener.done(stage, there[stage.name])
            if stage.name == until:
                break
        return there

    def work(self, stage: Stage, tell: Callable[[int, int, float | None], None] = lambda *_: None) -> Work:
        return Work(
            self.parts,
            self.recipe,
            corpus(),
            self.folder / stage.name,
            {each.name: self.folder / each.name for each in STAGES},
            tell,
        )

    def _run(self, stage: Stage, key: str, listener: Listener) -> Result:
        folder = self.folder / stage.name
        started = folder / "started"
        if not started.is_file() or started.read_text(encoding="utf-8") != key:
            shutil.rmtree(folder, ignore_errors=True)  # of another version of the parts
            folder.mkdir(parents=True)
            started.write_text(key, encoding="utf-8")
        (folder / RESULT).unlink(missing_ok=True)
        began = time.perf_counter()
        work = self.work(stage, lambda number, of, loss: listener.step(stage, number, of, loss))
        try:
            outcome = stage.run(work)
        except Exception as error:
            raise fault(self.parts, stage, error) from error
        origins = {slot: self.parts.filled[slot].origin for slot in stage.slots if slot in self.parts.filled}
        result = Result(stage.name, key, time.perf_counter() - began, False, outcome, origins)
        new = folder / "result.new"
        new.write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False), encoding="utf-8")
        new.replace(folder / RESULT)
        return result


def read_result(file: Path) -> Result | None:
    """What a file of a result says; None where there is none, or none that can be read."""
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        outcome = data.pop("outcome")
        for name in ("curve", "held_out", "samples"):
            outcome[name] = [tuple(each) for each in outcome[name]]
        return Result(**data, outcome=Outcome(**outcome))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fault(parts: Parts, stage: Stage, error: Exception) -> BuildError:
    """Which part raised, and where in its file."""
    frames = traceback.extract_tb(error.__traceback__)
    by_file = {each.file: each for each in parts.filled.values()}
    for frame in reversed(frames):
        filled = by_file.get(frame.filename)
        if filled is not None:
            where = f"{filled.file}:{frame.lineno}, in {frame.name}"
            return BuildError(stage, filled.part, f"{type(error).__name__}: {error}", where)
    if isinstance(error, PartFault):
        return BuildError(stage, parts.filled[error.slot].part, str(error), parts.filled[error.slot].file)
    return BuildError(stage, None, f"{type(error).__name__}: {error}")
