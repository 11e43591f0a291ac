"""tuning/adapter against a second implementation that writes the model's forward pass out, and against the formula.

AdapterHub's package `adapters` asks for another version of transformers than this course has, so it is not the oracle here. What it
counts for a GPT-2 of width 16 with two layers and a bottleneck of 4 (`DoubleSeqBnConfig`), 592, is a case below.
"""

import copy
import math

import pytest
import torch

from autograder.lab.frozen import frozen_model

IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
PLACES = {"houlsby": ("attn", "mlp"), "pfeiffer": ("mlp",), "parallel": ("mlp",)}


def linear(x, layer):
    return torch.einsum("...i,oi->...o", x, layer.weight) + layer.bias


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def norm(x, layer):
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + layer.eps).sqrt() * layer.weight + layer.bias


def attention(x, part, heads):
    _B, T, C = x.shape
    D, out = C // heads, torch.zeros_like(x)
    q, k, v = (linear(x, proj) for proj in (part.q_proj, part.k_proj, part.v_proj))
    for h in range(heads):
        cut = slice(h * D, (h + 1) * D)
        for t in range(T):
            weights = torch.softmax((q[:, t : t + 1, cut] * k[:, : t + 1, cut]).sum(-1) / D**0.5, -1)
            out[:, t, cut] = (weights[..., None] * v[:, : t + 1, cut]).sum(1)
    return linear(out, part.o_proj)


def by_hand(model, adapters, style, ids):
    """The logits of a model with adapters {place: (down, up)}, written out. Nothing of `model` is called but its weights."""

    def change(place, x):
        down, up = adapters[place]
        return linear(gelu(linear(x, down)), up)

    x = model.embed.weight[ids] + model.position.weight[: ids.shape[1]]
    for i, layer in enumerate(model.layers):
        a = attention(norm(x, layer.attn_norm), layer.attn, model.heads)
        x = x + (a + change(f"{i}.attn", a) if style == "houlsby" else a)
        h = norm(x, layer.mlp_norm)
        y = linear(gelu(linear(h, layer.mlp.up_proj)), layer.mlp.down_proj)
        x = x + y + change(f"{i}.mlp", h if style == "parallel" else y)
    return norm(x, model.norm) @ model.lm_head.weight.T


@pytest.mark.parametrize("style, m, layers", [("houlsby", 4, 2), ("pfeiffer", 3, 2), ("parallel", 5, 1)])
def test_the_forward_pass_written_out(reference, style, m, layers):
    base = frozen_model(seed=1, layers=layers, dtype="float64")
    model = reference.insert_adapters(copy.deepcopy(base), m, style)
    adapters, learned = {}, {}
    generator = torch.Generator().manual_seed(0)
    for i, layer in enumerate(model.layers):
        for place in PLACES[style]:
            adapter = getattr(layer, place).adapter
            with torch.no_grad():
                for parameter in adapter.parameters():
                    parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
            twins = [copy.deepcopy(adapter.down), copy.deepcopy(adapter.up)]
            adapters[f"{i}.{place}"] = twins
            learned |= {f"{i}.{place}.{j}.{n}": (p, q) for j, (a, b) in enumerate(zip((adapter.down, adapter.up), twins, strict=True)) for (n, p), q in zip(a.named_parameters(), b.parameters(), strict=True)}  # fmt: skip
    found, want = model(IDS), by_hand(base, adapters, style, IDS)
    torch.testing.assert_close(found, want)
    ours = torch.autograd.grad(found.sin().sum(), [p for p, _ in learned.values()])
    theirs = torch.autograd.grad(want.sin().sum(), [q for _, q in learned.values()])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == reference.adapter_params(layers, 12, m, style)


def test_the_formula_and_what_adapterhub_counts(reference):
    for L, C, m in [(1, 1, 1), (2, 16, 4), (12, 768, 64), (24, 1024, 8)]:
        assert reference.adapter_params(L, C, m) == 2 * L * (2 * C * m + C + m) == 2 * reference.adapter_params(L, C, m, "pfeiffer")
    assert reference.adapter_params(2, 16, 4) == 592


@pytest.mark.parametrize("style", PLACES)
def test_fresh_adapters_change_little_and_removed_ones_nothing(reference, style):
    torch.manual_seed(0)
    model = frozen_model(seed=4)
    before = model(IDS)
    reference.insert_adapters(model, 4, style)
    far = (model(IDS) - before).abs().max().item()
    assert 0 < far < 1e-3
    reference.remove_adapters(model)
    torch.testing.assert_close(model(IDS), before, rtol=0, atol=0)


def test_a_copy_can_be_freed_of_its_adapters(reference):
    model = reference.insert_adapters(frozen_model(), 4)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter)
    twin = copy.deepcopy(model)
    reference.remove_adapters(twin)
    torch.testing.assert_close(twin(IDS), frozen_model()(IDS), rtol=0, atol=0)
    assert not torch.allclose(model(IDS), frozen_model()(IDS))
