"""tuning/lora against PEFT: LoRA, rsLoRA and GPT-2's layout on tiny models with random weights, and the paper's counts."""

import pytest
import torch
from torch import nn

from autograder.lab.toys import Conv1D, toy_decoder


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("r, alpha", [(1, 1), (4, 8), (3, 16)])
def test_forward_merge_and_count_are_pefts(reference, r, alpha, rslora):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=r, lora_alpha=alpha, use_rslora=rslora, target_modules=r".*\.[qv]_proj")
    theirs = peft.get_peft_model(toy_decoder(seed=1), config).eval()
    ours = toy_decoder(seed=1).eval()
    names = reference.inject(ours, r".*\.[qv]_proj", r, alpha, rslora=rslora)
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    torch.testing.assert_close(ours(tokens), toy_decoder(seed=1)(tokens), rtol=0, atol=0)
    with torch.no_grad():
        for i, name in enumerate(names):
            layer, lora = ours.get_submodule(name), theirs.base_model.model.get_submodule(name)
            assert layer.A.shape == lora.lora_A["default"].weight.shape
            layer.A.copy_(lora.lora_A["default"].weight)
            layer.B.copy_(normal(*layer.B.shape, seed=i))
            lora.lora_B["default"].weight.copy_(layer.B)
            torch.testing.assert_close(layer.delta(), lora.get_delta_weight("default"))
    torch.testing.assert_close(ours(tokens), theirs(tokens), rtol=1e-5, atol=1e-5)
    trained = {name: p for name, p in theirs.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * len(names) == len(reference.adapter_state(ours))
    shapes = [tuple(ours.get_submodule(name).base.weight.shape) for name in names]
    assert reference.lora_params(shapes, r) == sum(p.numel() for p in trained.values())
    for name in names:
        ours.get_submodule(name).merge()
    torch.testing.assert_close(ours(tokens), theirs.merge_and_unload()(tokens), rtol=1e-5, atol=1e-5)


def test_gpt2s_layout_is_pefts(reference):
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")

    def gpt2():
        torch.manual_seed(0)
        sizes = {"vocab_size": 97, "n_positions": 16, "n_embd": 16, "n_layer": 1, "n_head": 2}
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).eval()

    theirs = peft.get_peft_model(
        gpt2(), peft.LoraConfig(r=4, lora_alpha=8, target_modules=["c_attn"], fan_in_fan_out=True)
    )
    lora = theirs.base_model.model.transformer.h[0].attn.c_attn
    base = gpt2().transformer.h[0].attn.c_attn
    ours = reference.LoRALinear(base, 4, 8.0, fan_in_fan_out=True)
    with torch.no_grad():
        ours.A.copy_(lora.lora_A["default"].weight)
        ours.B.copy_(normal(*ours.B.shape))
        lora.lora_B["default"].weight.copy_(ours.B)
    x = normal(2, 3, 16, seed=1)
    torch.testing.assert_close(ours(x), lora(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.delta(), lora.get_delta_weight("default"))
    ours.merge()
    lora.merge()
    torch.testing.assert_close(ours.base.weight, lora.base_layer.weight)


def test_counts_of_the_paper(reference):
    """Table 4 and section 7.1: 4.7 M and 37.7 M for W_q and W_v of GPT-3 at ranks 1 and 8."""
    gpt3 = [(12288, 12288)] * 192
    assert [round(reference.lora_params(gpt3, r) / 1e6, 1) for r in (1, 8)] == [4.7, 37.7]


def test_the_change_has_rank_r(reference):
    layer = reference.LoRALinear(nn.Linear(12, 9, dtype=torch.float64), 3, 5.0)
    nn.init.normal_(layer.B)
    assert torch.linalg.matrix_rank(layer.delta()) == 3


@pytest.mark.parametrize("conv", [False, True])
def test_unmerging_restores_the_weight(reference, conv):
    base = (Conv1D(6, 4) if conv else nn.Linear(6, 4)).double()
    with torch.no_grad():
        base.weight.copy_(normal(*base.weight.shape))
    before = base.weight.clone()
    layer = reference.LoRALinear(base, 2, 4.0, fan_in_fan_out=conv)
    nn.init.normal_(layer.B)
    layer.merge()
    assert (base.weight - before).abs().max() > 0.1
    layer.unmerge()
    torch.testing.assert_close(base.weight, before, rtol=0, atol=1e-15)


def test_first_gradients(reference):
    """At the start dA = s · Bᵀ (…) is 0 and dB is not; a second step moves both."""
    layer = reference.LoRALinear(nn.Linear(5, 3), 2, 2.0)
    layer(normal(7, 5)).pow(2).sum().backward()
    assert torch.equal(layer.A.grad, torch.zeros(2, 5)) and layer.B.grad.abs().min() > 0
    assert layer.base.weight.grad is None and layer.base.bias.grad is None


def test_lora_trains_a_toy_to_another_task(reference):
    """What it is for: a decoder whose weights are frozen learns to name one token, through its adapters alone."""
    torch.manual_seed(0)
    model = toy_decoder(seed=2)
    before = {name: p.clone() for name, p in toy_decoder(seed=2).named_parameters()}
    reference.inject(model, r".*_proj|lm_head", 2, 4.0)
    learning = [p for p in model.parameters() if p.requires_grad]
    tokens = torch.arange(22).remainder(11).view(2, 11)
    optimizer = torch.optim.Adam(learning, lr=0.05)
    losses = []
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(tokens).flatten(0, 1), torch.full((22,), 3))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    frozen = {name.replace(".base", ""): p for name, p in model.named_parameters() if not p.requires_grad}
    assert all(torch.equal(frozen[name], p) for name, p in before.items())
