"""The parts of the model: which exercises they come from, and whose code stands in each place.

Each part can be exchanged for another one: the student's own, the reference (where `solutions/` is), or the equivalent of
`equivalents.py`. A part whose functions are not all written is no part yet.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from autograder.course import Course
from autograder.course.submission import open_own_work
from autograder.experiment.observe import load_module
from autograder.refusals import Refused

Origin = Literal["own", "reference", "equivalent"]


@dataclass(frozen=True)
class Part:
    """A place in the model, and the exercise that fills it."""

    slot: str
    exercise: str
    names: tuple[str, ...]  # what a build calls, and what these call: all must be written
    does: str  # in the model, for the page


TOKENIZER = Part("tokenizer", "tokenizer/bbpe", ("train", "ByteBPE"), "cuts the text into tokens")
MODELS: Mapping[str, tuple[Part, ...]] = {
    "llama": (
        Part("attention", "attention/gqa", ("gqa",), "lets each token read the earlier ones"),
        Part("positions", "position/rope", ("apply_rope",), "tells attention how far away a token is"),
        Part("norm", "norm/post_ln", ("rms_norm",), "keeps the features of a token at one size"),
        Part("model", "llama/llama1_block", ("Llama", "LlamaCfg", "GrowingCache", "swiglu"), "stacks the layers"),
    ),
    "gpt2": (
        Part("attention", "attention/self_attention", ("attention",), "lets each token read the earlier ones"),
        Part("norm", "norm/post_ln", ("layer_norm",), "keeps the features of a token at one size"),
        Part("model", "gpt/gpt2_model", ("GPT2", "GPT2Cfg", "gelu"), "stacks the layers, and knows positions by heart"),
    ),
}
"""The parts of the network itself, for each architecture. All other parts are the same."""
OTHERS = (
    Part("loss", "warmup/causal_lm_loss", ("causal_lm_loss",), "says how wrong the next token was guessed"),
    Part(
        "training",
        "warmup/training_loop",
        ("AdamW", "cosine_with_warmup", "clip_grad_norm", "accumulate", "adamw_update"),
        "changes the weights, step by step",
    ),
    Part("sampling", "gpt/codex_nucleus", ("sample", "top_p_filter", "top_k_filter"), "draws the next token"),
    Part("examples", "sft/collator", ("alpaca_prompt", "build_example", "collate"), "makes batches of instructions"),
    Part("adapter", "tuning/lora", ("inject", "LoRALinear"), "lets a few weights learn for all"),
    Part("preferences", "align/dpo", ("sequence_logps", "dpo_loss"), "learns which of two answers is liked"),
    Part("codes", "quant/affine", ("qparams", "quantize", "dequantize"), "keeps each weight in eight bits"),
    Part("server", "framework/ollama_server", ("App",), "answers requests"),
)


def places(architecture: str) -> tuple[Part, ...]:
    """All parts of a build, in the order in which a text meets them."""
    return TOKENIZER, *MODELS[architecture], *OTHERS


@dataclass(frozen=True)
class Filled:
    """A part with the code that stands in its place."""

    part: Part
    origin: Origin
    file: str  # of the code, as a person knows it
    text: str = ""  # of the code; "" for equivalents, which are the course's own
    why: str = ""  # there is no own code in this place

    @cached_property
    def hash(self) -> str:
        return hashlib.sha256(f"{self.origin == 'equivalent'}\0{self.text}".encode()).hexdigest()[:16]

    @cached_property
    def code(self) -> Any:
        """What a build calls, loaded. Raises what the file raises."""
        if self.origin == "equivalent":
            from autograder.capstone import equivalents

            return equivalents
        name = f"capstone.{self.origin}.{self.part.exercise.replace('/', '.')}.{self.hash}"
        return load_module(compile(self.text, self.file, "exec", dont_inherit=True), name, self.file)


@dataclass(frozen=True)
class Parts:
    """All parts by their slots: `parts.attention.gqa` is the function that stands there."""

    filled: Mapping[str, Filled]
    architecture: str = "llama"

    def __getattr__(self, slot: str) -> Any:
        try:
            each = self.filled[slot]
        except KeyError:
            raise AttributeError(slot) from None
        return each.code

    def hash(self, slots: tuple[str, ...]) -> str:
        """Of the code in these places. An architecture has not every place."""
        there = [self.architecture, *(self.filled[slot].hash for slot in slots if slot in self.filled)]
        return hashlib.sha256(" ".join(there).encode()).hexdigest()[:16]

    def exchanged(self, other: Parts, slots: tuple[str, ...] | list[str]) -> Parts:
        """These parts, with those of `other` in some places."""
        filled = {slot: other.filled[slot] if slot in slots else each for slot, each in self.filled.items()}
        return Parts(filled, self.architecture)

    def own(self) -> list[str]:
        return [slot for slot, each in self.filled.items() if each.origin == "own"]


def unwritten(text: str, names: tuple[str, ...]) -> list[str]:
    """Those of `names` that are not there, or still raise NotImplementedError: `sample`, `AdamW.step`."""
    found: dict[str, ast.AST] = {
        node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    missing = []
    for name in names:
        node = found.get(name)
        if node is None:
            missing.append(name)
        elif isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            missing += [f"{name}.{each.name}" for each in methods if _raises(each)]
        elif _raises(node):
            missing.append(name)
    return missing


def _raises(node: ast.AST) -> bool:
    """Whether a function's own last statement is `raise NotImplementedError`, as stubs have it."""
    last = node.body[-1] if isinstance(node, ast.FunctionDef) and node.body else None
    if not isinstance(last, ast.Raise):
        return False
    raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def equivalent(part: Part, why: str = "") -> Filled:
    return Filled(part, "equivalent", "autograder/capstone/equivalents.py", why=why)


def base_parts(root: Path, architecture: str = "llama") -> Parts:
    """A right model: of references where this course has them, else of equivalents."""
    filled = {part.slot: _reference(root, part) or equivalent(part) for part in places(architecture)}
    return Parts(filled, architecture)


def own_parts(root: Path, course: Course, architecture: str = "llama") -> Parts:
    """The student's own parts; where one is not written, or can't be read, what `base_parts` has, with the reason."""
    known = {exercise.name for exercise in course.exercises}
    lacking = [part.exercise for part in places(architecture) if part.exercise not in known]
    if lacking:
        raise Refused(f"This course has no {', '.join(lacking)}: a model needs all of its parts' exercises.")
    files_of = open_own_work(root, course).files
    base = base_parts(root, architecture)
    filled = {}
    for part in places(architecture):
        file = files_of[part.exercise]
        why = _lacks(file.text, part)
        if why:
            instead = base.filled[part.slot]
            filled[part.slot] = Filled(part, instead.origin, instead.file, instead.text, why)
        else:
            filled[part.slot] = Filled(part, "own", file.file, file.text or "")
    return Parts(filled, architecture)


def _lacks(text: str | None, part: Part) -> str:
    """Why a file is no part: "" when it is one."""
    if text is None:
        return "can't be read"
    try:
        missing = unwritten(text, part.names)
    except SyntaxError as error:
        return f"line {error.lineno} is no Python"
    if missing:
        return "not written: " + ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
    return ""


def _reference(root: Path, part: Part) -> Filled | None:
    file = root / "solutions" / part.exercise / "solution.py"
    if not file.is_file():
        return None
    return Filled(part, "reference", f"solutions/{part.exercise}/solution.py", file.read_text(encoding="utf-8"))


def engine_hash() -> str:
    """Of the code that builds: what an older one gave is not taken for what this one would give."""
    package = files("autograder.capstone")
    texts = [
        each.read_text("utf-8") for each in sorted(package.iterdir(), key=lambda e: e.name) if each.name.endswith(".py")
    ]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
