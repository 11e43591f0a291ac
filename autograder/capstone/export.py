"""The trained model as other programs read it: weights, configuration and tokenizer in the files of Hugging Face."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.capstone.architectures import architecture
from autograder.capstone.build import Build
from autograder.capstone.model import END
from autograder.capstone.stages import STAGES, load, saved_tokenizer
from autograder.refusals import Refused

STAGE = "dpo"
"""The last stage whose weights have all their bits."""


def export(made: Build, folder: Path) -> list[Path]:
    """Write `model.safetensors`, `config.json`, `vocab.json` and `merges.txt` into `folder`; returns their paths.

    `transformers.AutoModelForCausalLM.from_pretrained(folder)` gives the same logits as the build's own model.
    Raises `Refused` where the package safetensors, or the trained model, is not there.
    """
    try:
        from safetensors.torch import save_file
    except ImportError:
        raise Refused(
            "The package safetensors writes these files, and it is not installed: pip install safetensors"
        ) from None
    if STAGE not in made.results():
        raise Refused("There is no trained model of these parts yet: run autograder build first.")
    work, recipe = made.work(STAGES[-1]), made.recipe
    model, tokenizer = load(work, STAGE), saved_tokenizer(work)
    folder.mkdir(parents=True, exist_ok=True)
    kind = architecture(made.parts)
    save_file(kind.published(model.state_dict()), folder / "model.safetensors", {"format": "pt"})
    ends = {"bos_token_id": None, "eos_token_id": work.end, "torch_dtype": recipe.dtype}
    config = kind.config(recipe, work.size) | ends
    _write(folder / "config.json", json.dumps(config, indent=2))
    _write(folder / "vocab.json", json.dumps({**tokenizer["vocab"], END: work.end}, ensure_ascii=False))
    _write(folder / "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in tokenizer["merges"]))
    return [folder / name for name in ("model.safetensors", "config.json", "vocab.json", "merges.txt")]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
