"""The trained model as other programs read it: weights, configuration and tokenizer in the files of Hugging Face's Llama."""

from __future__ import annotations

import json
from pathlib import Path

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
    # A tied output layer is the embedding under a second name: the format keeps every tensor once.
    weights = {name: weight.contiguous() for name, weight in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": work.size,
        "hidden_size": recipe.dim, "intermediate_size": recipe.ffn, "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads, "num_key_value_heads": recipe.kv_heads, "head_dim": recipe.dim // recipe.heads,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 2048, "tie_word_embeddings": True,
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
        "bos_token_id": None, "eos_token_id": work.end, "torch_dtype": recipe.dtype,
    }  # fmt: skip
    _write(folder / "config.json", json.dumps(config, indent=2))
    _write(folder / "vocab.json", json.dumps({**tokenizer["vocab"], END: work.end}, ensure_ascii=False))
    _write(folder / "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in tokenizer["merges"]))
    return [folder / name for name in ("model.safetensors", "config.json", "vocab.json", "merges.txt")]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
