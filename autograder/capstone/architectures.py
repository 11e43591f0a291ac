"""The networks that a build can have: how each is put together from its parts, what its cache is, and how other programs name it.

For the stages all of them look alike: `model(ids, cache=None)` gives logits (B, T, V), and a cache remembers what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from autograder.capstone.parts import Parts
from autograder.capstone.recipe import Recipe


@dataclass(frozen=True)
class Architecture:
    """One kind of network."""

    name: str
    make: Callable[[Parts, Recipe, int], nn.Module]  # of parts, sizes, and tokens in the vocabulary
    cache: Callable[[Parts, Recipe], Any]  # an empty one
    adapted: str  # the names of the layers that LoRA adapts, those of attention, as a regular expression
    config: Callable[[Recipe, int], dict[str, Any]]  # for transformers; given the tokens in the vocabulary
    published: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]  # weights as transformers' files have them


# ---------------------------------------------------------------- Llama


def _llama(parts: Parts, recipe: Recipe, vocab: int) -> nn.Module:
    cfg = parts.model.LlamaCfg(
        vocab=vocab, dim=recipe.dim, n_layers=recipe.layers, n_heads=recipe.heads, n_kv_heads=recipe.kv_heads,
        ffn_dim=recipe.ffn, tied=True, max_len=recipe.length,
    )  # fmt: skip
    rope = parts.positions.apply_rope  # its third argument is no base: it gets two
    return parts.model.Llama(
        cfg, attend=parts.attention.gqa, rotate=lambda x, pos: rope(x, pos), norm=parts.norm.rms_norm
    )


def _llama_config(recipe: Recipe, vocab: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocab,
        "hidden_size": recipe.dim, "intermediate_size": recipe.ffn, "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads, "num_key_value_heads": recipe.kv_heads, "head_dim": recipe.dim // recipe.heads,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 2048, "tie_word_embeddings": True,
        "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
    }  # fmt: skip


def _untied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A tied output layer is the embedding under a second name: the format keeps every tensor once."""
    return {name: weight.contiguous() for name, weight in weights.items() if name != "lm_head.weight"}


# ---------------------------------------------------------------- GPT-2


class Past:
    """The cache of `gpt/gpt2_model`: what its last call gave to go on with."""

    def __init__(self) -> None:
        self.present: Any = None


def _gpt2(parts: Parts, recipe: Recipe, vocab: int) -> nn.Module:
    attention = parts.attention.attention

    class GPT2(parts.model.GPT2):
        """The student's model, called as all models of a build are. (A class of its own, so that parameters keep their names.)"""

        def forward(self, ids: Tensor, cache: Past | None = None) -> Tensor:
            logits, present = super().forward(ids, None if cache is None else cache.present)
            if cache is not None:
                cache.present = present
            return logits

    cfg = parts.model.GPT2Cfg(
        vocab=vocab, n_ctx=recipe.positions, n_layer=recipe.layers, n_head=recipe.heads, n_embd=recipe.dim
    )
    return GPT2(cfg, attend=lambda q, k, v, causal: attention(q, k, v, causal=causal)[0], norm=parts.norm.layer_norm)


def _gpt2_config(recipe: Recipe, vocab: int) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": vocab, "n_positions": recipe.positions,
        "n_embd": recipe.dim, "n_layer": recipe.layers, "n_head": recipe.heads, "layer_norm_epsilon": 1e-5,
        "activation_function": "gelu_new", "tie_word_embeddings": True,
        "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
    }  # fmt: skip


def _gpt2_published(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Four matrices of each layer are written as (features in, features out): GPT-2's code has a class Conv1D for them."""
    turned = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    return {
        name: (weight.mT if name.endswith(turned) else weight).contiguous() for name, weight in _untied(weights).items()
    }


ARCHITECTURES = {
    "llama": Architecture(
        "llama",
        _llama,
        lambda parts, recipe: [parts.model.GrowingCache() for _ in range(recipe.layers)],
        r".*\.[qkvo]_proj",
        _llama_config,
        _untied,
    ),
    "gpt2": Architecture(
        "gpt2", _gpt2, lambda parts, recipe: Past(), r".*\.attn\.(c_attn|c_proj)", _gpt2_config, _gpt2_published
    ),
}


def architecture(parts: Parts) -> Architecture:
    return ARCHITECTURES[parts.architecture]
