"""tuning/p_tuning against PEFT's PromptEncoder, and a template against words looked up one by one."""

import pytest
import torch

from autograder.lab.frozen import frozen_model


@pytest.mark.slow
@pytest.mark.parametrize("P, C, h, kind", [(5, 32, 16, "lstm"), (5, 32, 16, "mlp"), (3, 4, 7, "lstm"), (1, 2, 3, "mlp")])
def test_pefts_prompt_encoder(reference, P, C, h, kind):
    peft = pytest.importorskip("peft")
    config = peft.PromptEncoderConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=P, token_dim=C, encoder_hidden_size=h, num_transformer_submodules=1,
        encoder_reparameterization_type=kind.upper(),
    )  # fmt: skip
    theirs, ours = peft.PromptEncoder(config).eval(), reference.PromptEncoder(P, C, h, kind)
    ours.load_state_dict(theirs.state_dict())
    assert reference.encoder_params(P, C, h, kind) == sum(p.numel() for p in theirs.parameters())
    found, want = ours(), theirs(torch.arange(P)[None])[0]
    torch.testing.assert_close(found, want)
    for a, b in zip(*(torch.autograd.grad(x.sin().sum(), list(m.parameters())) for x, m in ((found, ours), (want, theirs))), strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(reference.bake(ours), want)


def test_counts_that_peft_gives(reference):
    assert [reference.encoder_params(5, 32, 16, kind) for kind in ("mlp", "lstm")] == [1504, 15072]


@pytest.mark.parametrize("kind", ["lstm", "mlp"])
def test_baked_is_live_without_dropout(reference, kind):
    torch.manual_seed(0)
    encoder = reference.PromptEncoder(4, 6, 5, kind, dropout=0.5)
    baked = reference.bake(encoder)
    assert encoder.training and encoder.mlp_head.training
    torch.testing.assert_close(baked, encoder.eval()())


def test_a_template_of_words_is_a_sentence(reference):
    """With the vectors of words in the place of learned ones, the model reads a sentence."""
    model, x = frozen_model(seed=1), torch.tensor([[3, 1, 4], [1, 5, 9]])
    prompt = model.embed.weight[[7, 8, 2]]
    embeds, places = reference.fill_template(["P", "x", 6, "P", "P"], model.embed, prompt, x)
    ids = torch.cat([torch.full((2, 1), 7), x, torch.tensor([[6, 8, 2]] * 2)], 1)
    torch.testing.assert_close(model(embeds=embeds), model(ids), rtol=0, atol=0)
    assert places == [0, 5, 6]


def test_only_what_should_learn_has_a_gradient(reference):
    model = frozen_model(seed=1)
    encoder = reference.PromptEncoder(2, 12, 3)
    embeds, places = reference.fill_template(["P", 4, "x", "P"], model.embed, encoder, torch.tensor([[1, 2]]))
    model(embeds=embeds).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in encoder.parameters())
    assert all(p.grad is None for p in model.parameters()) and places == [0, 4]
