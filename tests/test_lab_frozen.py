"""The frozen model of the lab: made of its seed, causal or not, with a past, a padding mask, positions and embeddings."""

import pytest
import torch

from autograder.lab.frozen import frozen_model

IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


@pytest.mark.parametrize("causal", [True, False])
def test_it_is_made_of_its_seed_and_sees_what_it_may(causal):
    model = frozen_model(seed=5, causal=causal)
    logits = model(IDS)
    assert torch.equal(logits, frozen_model(seed=5, causal=causal)(IDS))
    assert not torch.allclose(logits, frozen_model(seed=6, causal=causal)(IDS))
    assert not any(p.requires_grad for p in model.parameters()) and not model.training
    changed = IDS.clone()
    changed[:, -1] = 7
    same = torch.isclose(model(changed), logits).all(-1)
    assert bool(same[:, :-1].all()) == causal and not same[:, -1].any()


def test_embeddings_stand_in_for_ids():
    model = frozen_model()
    torch.testing.assert_close(model(embeds=model.embed(IDS)), model(IDS))
    for wrong in ({}, {"ids": IDS, "embeds": model.embed(IDS)}):
        with pytest.raises(ValueError, match="either ids or embeds"):
            model(**wrong)


def test_padding_is_not_seen():
    model = frozen_model()
    padded = torch.cat([torch.zeros(2, 3, dtype=torch.int64), IDS], 1)
    mask = torch.cat([torch.zeros(2, 3, dtype=torch.bool), torch.ones(2, 5, dtype=torch.bool)], 1)
    positions = torch.cat([torch.zeros(3, dtype=torch.int64), torch.arange(5)])
    logits = model(padded, mask=mask, positions=positions)
    torch.testing.assert_close(logits[:, 3:], model(IDS))
    assert logits.isfinite().all()


@pytest.mark.parametrize("kv_heads", [1, 3])
def test_a_past_made_of_tokens_is_as_good_as_the_tokens(kv_heads):
    model = frozen_model(kv_heads=kv_heads)
    past = []

    def keep(module, args):
        k, v = (
            proj(args[0]).unflatten(-1, (-1, module.head_dim)).transpose(1, 2)
            for proj in (module.k_proj, module.v_proj)
        )
        past.append((k[:, :, :2], v[:, :, :2]))

    handles = [layer.attn.register_forward_pre_hook(keep) for layer in model.layers]
    whole = model(IDS)
    for handle in handles:
        handle.remove()
    rest = model(IDS[:, 2:], past=past, positions=torch.arange(2, 5))
    torch.testing.assert_close(rest, whole[:, 2:])
    unshifted = model(IDS[:, 2:], past=past)
    assert not torch.allclose(unshifted, whole[:, 2:])
    with pytest.raises(ValueError, match="mask has the shape"):
        model(IDS[:, 2:], past=past, mask=torch.ones(2, 3, dtype=torch.bool))
