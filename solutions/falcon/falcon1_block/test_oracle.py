"""falcon/falcon1_block against transformers' FalconDecoderLayer in the configurations of published models, and their parameter counts."""

import pytest
import torch

# The configurations that differ; sizes are shrunk. `theirs` is what FalconConfig calls them.
KINDS = {
    "Falcon 7B": ({"kind": "mqa", "Hkv": 71}, {"multi_query": True, "parallel_attn": True}),
    "Falcon 40B": ({"kind": "gqa", "Hkv": 2}, {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "Falcon-RW": (
        {"kind": "mha", "parallel": False, "alibi": True, "bias": True},
        {"multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
    ),
    "multi-query, one after the other": ({"kind": "mqa", "parallel": False}, {"multi_query": True, "parallel_attn": False}),
    "groups, biases": ({"kind": "gqa", "Hkv": 4, "bias": True}, {"new_decoder_architecture": True, "num_kv_heads": 4, "bias": True}),
    "heads of their own, side by side, rotated": ({"kind": "mha", "base": 500.0}, {"multi_query": False, "rope_theta": 500.0}),
    "groups with ALiBi": (
        {"kind": "gqa", "Hkv": 2, "alibi": True},
        {"new_decoder_architecture": True, "num_kv_heads": 2, "alibi": True},
    ),
}  # fmt: skip


def both(reference, name, C=32, H=8):
    falcon = pytest.importorskip("transformers.models.falcon.modeling_falcon")
    from transformers import FalconConfig

    mine, theirs = KINDS[name]
    theirs = dict(theirs)
    rope = {"rope_type": "default", "rope_theta": theirs.pop("rope_theta", 10000.0)}
    config = FalconConfig(hidden_size=C, num_attention_heads=H, num_hidden_layers=1, vocab_size=50, rope_parameters=rope, **theirs)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    layer = falcon.FalconDecoderLayer(config, layer_idx=0)
    with torch.no_grad():
        for parameter in layer.parameters():
            spread = 0.3 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5
            torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=spread)
    ours = reference.Falcon1Block(C, H, **mine)
    ours.load_state_dict(layer.state_dict())
    return ours, layer, config, falcon


@pytest.mark.parametrize("T", [1, 9])
@pytest.mark.parametrize("name", KINDS)
def test_outputs_and_gradients(reference, name, T):
    ours, theirs, config, falcon = both(reference, name)
    x = torch.randn(2, T, 32)
    mine, other = (x.clone().requires_grad_() for _ in range(2))
    mask = torch.full((T, T), torch.finfo(x.dtype).min).triu(1)[None, None]
    places = torch.arange(T)[None]
    alibi = falcon.build_alibi_tensor(torch.ones(2, T, dtype=torch.int64), 8, x.dtype) if config.alibi else None
    turns = falcon.FalconRotaryEmbedding(config)(x, places)
    want = theirs(other, alibi=alibi, attention_mask=mask, position_ids=places, position_embeddings=turns)[0]
    got = ours(mine)
    torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)
    r = torch.randn_like(got)
    (got * r).sum().backward()
    (want * r).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, atol=5e-5, rtol=1e-3)
    for (key, p), (same, q) in zip(sorted(ours.named_parameters()), sorted(theirs.named_parameters()), strict=True):
        assert key == same
        torch.testing.assert_close(p.grad, q.grad, atol=2e-4, rtol=1e-3, msg=key)


@pytest.mark.parametrize(
    "options, n_layers, vocab, count",
    [
        ({"C": 4544, "H": 71}, 32, 65024, 6_921_720_704),
        ({"C": 8192, "H": 128, "kind": "gqa", "Hkv": 8}, 60, 65024, 41_303_293_952),
    ],
    ids=["Falcon 7B", "Falcon 40B"],
)
def test_parameter_counts(reference, options, n_layers, vocab, count):
    """Blocks, a tied embedding, and the last norm: what transformers counts for the published configurations."""
    with torch.device("meta"):
        block = reference.Falcon1Block(**options)
    C = options["C"]
    assert n_layers * sum(p.numel() for p in block.parameters()) + vocab * C + 2 * C == count
