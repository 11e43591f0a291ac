"""Writes fixture.json: what transformers' own continuous batching, with its paged cache, continues. Run once, by hand, with transformers and torch."""

import importlib.metadata
import json
from pathlib import Path

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig, LlamaConfig, LlamaForCausalLM

PROMPTS = [[7, 8, 9], list(range(1, 12)), [5], [50, 3, 50, 3], [30, 31, 32, 33, 34, 35, 36, 37], [0, 58], [12] * 9]
EOS, MAX_NEW = 6, 9


def tiny_llama():
    """Two layers, four query heads, two heads of keys and values. Its weights follow a formula, so that no random generator decides."""
    config = LlamaConfig(
        vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, attn_implementation="eager",
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for number, weight in enumerate(model.parameters()):
            if weight.ndim == 2:
                places = torch.arange(weight.numel(), dtype=torch.float64).view_as(weight)
                weight.copy_(0.5 * torch.sin(places**1.5 + 7 * number))
    return model


def continued():
    small = ContinuousBatchingConfig(num_blocks=32, max_batch_tokens=16, page_size=4)
    greedy = GenerationConfig(max_new_tokens=MAX_NEW, do_sample=False, eos_token_id=EOS, pad_token_id=0)
    found = tiny_llama().generate_batch(
        PROMPTS, generation_config=greedy, continuous_batching_config=small, progress_bar=False, warmup=False
    )
    return [found[f"req_{i}"].generated_tokens for i in range(len(PROMPTS))]


if __name__ == "__main__":
    versions = {name: importlib.metadata.version(name) for name in ("transformers", "torch")}
    fixture = {"versions": versions, "prompts": PROMPTS, "eos": EOS, "max_new": MAX_NEW, "continued": continued()}
    Path(__file__).with_name("fixture.json").write_text(json.dumps(fixture) + "\n", "utf-8")
