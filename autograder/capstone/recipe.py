"""How large the model is, and how long each stage learns."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Recipe:
    """Sizes of the model, numbers of steps, and what all randomness is drawn from."""

    name: str
    dtype: str = "float32"
    characters: int = 60_000  # of the text, from which the tokenizer learns
    vocab: int = 768
    dim: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    ffn: int = 512
    length: int = 128  # tokens of a sequence
    longest: int = 256  # tokens of an instruction with its answer; what is longer is cut
    positions: int = 512  # that a model knows which has a row for each (GPT-2)
    batch: int = 16  # sequences of a step,
    micro: int = 2  # which are looked at in so many pieces
    steps: int = 400
    warmup: int = 20
    lr: float = 3e-3
    floor: float = 0.1
    weight_decay: float = 0.1
    clip: float = 1.0
    eval_every: int = 25
    rank: int = 8
    sft_steps: int = 120
    sft_lr: float = 3e-3
    dpo_steps: int = 60
    dpo_lr: float = 1e-3
    beta: float = 0.1
    pairs: int = 8  # examples of a step of instructions or preferences
    answers: int = 48  # that are drawn to look at what was learned
    seed: int = 1

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:16]


FULL = Recipe("full")
QUICK = Recipe(
    "quick", characters=20_000, vocab=384, dim=64, layers=2, heads=4, kv_heads=2, ffn=176, length=96, batch=8,
    steps=60, warmup=6, sft_steps=20, dpo_steps=10, pairs=4, answers=8,
)  # fmt: skip
"""Some seconds: to see that everything runs."""
