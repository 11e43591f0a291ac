"""gpt/gpt3_sizing against transformers' GPT-2 (counted on the meta device), PyTorch's FLOP counter, and transformers' sliding windows."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

SIZES = {
    "GPT-2 small": (12, 768, 12, 50257, 1024), "GPT-2 medium": (24, 1024, 16, 50257, 1024),
    "GPT-2 large": (36, 1280, 20, 50257, 1024), "GPT-2 XL": (48, 1600, 25, 50257, 1024),
    "GPT-3 125M": (12, 768, 12, 50257, 2048), "GPT-3 1.3B": (24, 2048, 16, 50257, 2048),
    "GPT-3 6.7B": (32, 4096, 32, 50257, 2048), "GPT-3 175B": (96, 12288, 96, 50257, 2048),
    "tiny": (2, 12, 3, 17, 9), "one layer": (1, 10, 5, 7, 3),
}  # fmt: skip


def gpt(L, C, H, V, n_ctx, device):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        n_layer=L, n_embd=C, n_head=H, vocab_size=V, n_positions=n_ctx, attn_implementation="eager"
    )
    with torch.device(device):
        return transformers.GPT2LMHeadModel(config)


@pytest.mark.parametrize("name", SIZES)
def test_parameters(reference, name):
    L, C, H, V, n_ctx = SIZES[name]
    assert reference.gpt_params(L, C, V, n_ctx) == sum(p.numel() for p in gpt(L, C, H, V, n_ctx, "meta").parameters())


@pytest.mark.parametrize("B, T", [(1, 1), (2, 7), (3, 5)])
@pytest.mark.parametrize("L, C, H, V", [(2, 12, 3, 17), (1, 10, 5, 7), (3, 8, 1, 40), (2, 12, 6, 17)])
def test_operations(reference, L, C, H, V, B, T):
    model = gpt(L, C, H, V, 9, "cpu")
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(B, T, dtype=torch.long))
    assert reference.forward_flops(L, C, V, B, T) == counter.get_total_flops()


@pytest.mark.parametrize("C", [16, 64])
def test_training_costs_three_times_as_much(reference, C):
    """Forward and backward pass, but for the products whose gradients nobody needs."""
    L, V, B, T = 3, 20, 2, 8
    model = gpt(L, C, 4, V, T, "cpu")
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(B, T, dtype=torch.long)).logits.sum().backward()
    assert counter.get_total_flops() == 3 * reference.forward_flops(L, C, V, B, T)


def test_the_rule_of_thumb(reference):
    """For GPT-3 the exact count of matrix products, three times for training, is within 4 % of 6 N T."""
    N, tokens = reference.gpt_params(96, 12288), 300e9
    exact = 3 * reference.forward_flops(96, 12288, 50257, 1, 2048) / 2048 * tokens
    assert exact / reference.train_flops(N, tokens) == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("name, L, C, paper", [
    ("125M", 12, 768, 125e6), ("350M", 24, 1024, 350e6), ("760M", 24, 1536, 760e6), ("1.3B", 24, 2048, 1.3e9),
    ("2.7B", 32, 2560, 2.7e9), ("6.7B", 32, 4096, 6.7e9), ("13B", 40, 5140, 13e9), ("175B", 96, 12288, 175e9),
])  # fmt: skip
def test_table_2_1(reference, name, L, C, paper):
    """The sizes that the paper prints are those of its layers and widths, within 2 %."""
    assert reference.PAPER[name] == (L, C)
    assert reference.gpt_params(L, C) == pytest.approx(paper, rel=0.02)


@pytest.mark.parametrize("T, window", [(1, 1), (5, 2), (9, 4), (6, 6), (6, 20)])
def test_masks(reference, T, window):
    masking = pytest.importorskip("transformers.masking_utils")
    banded, dense = masking.sliding_window_causal_mask_function(window), masking.causal_mask_function
    q, k = torch.arange(T)[:, None], torch.arange(T)[None]
    for layer in range(4):
        want = (banded if layer % 2 else dense)(0, 0, q, k)
        assert torch.equal(reference.sparse_mask(T, window, layer), want.expand(T, T))
    sums = reference.sparse_mask(T, window, 1).sum(-1).tolist()
    assert sums == [min(i + 1, window) for i in range(T)]
