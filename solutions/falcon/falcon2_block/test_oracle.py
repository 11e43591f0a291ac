"""falcon/falcon2_block against transformers' FalconForCausalLM with one norm, its parameter count, and tensor parallelism by hand."""

import pytest
import torch

CONFIGURATIONS = {
    "Falcon 2, shrunk": {"C": 32, "H": 8, "Hkv": 2, "base": 500042.0},
    "groups of one": {"C": 24, "H": 4, "Hkv": 4, "base": 500042.0},
    "one group, another base": {"C": 30, "H": 5, "Hkv": 1, "base": 10000.0},
    "F is not 4 C": {"C": 32, "H": 4, "Hkv": 2, "base": 500042.0, "F": 50, "eps": 1e-3},
}


def both(reference, name, layers=2):
    transformers = pytest.importorskip("transformers")
    options = dict(CONFIGURATIONS[name])
    config = transformers.FalconConfig(
        vocab_size=61, hidden_size=options["C"], num_attention_heads=options["H"], num_kv_heads=options["Hkv"], num_hidden_layers=layers,
        new_decoder_architecture=True, num_ln_in_parallel_attn=1, ffn_hidden_size=options.get("F"), layer_norm_epsilon=options.get("eps", 1e-5),
        rope_parameters={"rope_type": "default", "rope_theta": options["base"]}, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.FalconForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.3 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5
            torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=spread)
    C, H, Hkv = (options.pop(key) for key in ("C", "H", "Hkv"))
    blocks = torch.nn.ModuleList(reference.Falcon2Block(C, H, Hkv, **options) for _ in range(layers))
    for mine, theirs in zip(blocks, model.transformer.h, strict=True):
        mine.load_state_dict(theirs.state_dict())
    return blocks, model


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_logits_and_gradients(reference, name):
    blocks, model = both(reference, name)
    ids = torch.randint(0, 61, (2, 9))
    want = model(ids).logits
    h = model.transformer.word_embeddings(ids)
    for block in blocks:
        h = block(h)
    got = model.lm_head(model.transformer.ln_f(h))
    torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)
    r = torch.randn_like(want)
    theirs = dict(model.transformer.h.named_parameters())
    mine = dict(blocks.named_parameters())
    assert mine.keys() == theirs.keys()
    found = torch.autograd.grad((got * r).sum(), list(mine.values()))
    wanted = torch.autograd.grad((want * r).sum(), [theirs[key] for key in mine])
    for key, a, b in zip(mine, found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=2e-3, msg=key)


def test_positions(reference):
    blocks, model = both(reference, "Falcon 2, shrunk")
    ids, pos = torch.randint(0, 61, (1, 5)), torch.tensor([3, 4, 10, 11, 40])
    with torch.no_grad():
        want = model(ids, position_ids=pos[None], attention_mask=torch.ones_like(ids)).logits
        h = model.transformer.word_embeddings(ids)
        for block in blocks:
            h = block(h, pos)
        torch.testing.assert_close(model.lm_head(model.transformer.ln_f(h)), want, atol=2e-5, rtol=1e-4)


def test_the_split_of_transformers(reference):
    """Its attention splits activations; the weights split here give the same heads."""
    falcon = pytest.importorskip("transformers.models.falcon.modeling_falcon")
    from transformers import FalconConfig

    H, Hkv, C = 6, 3, 24
    attention = falcon.FalconAttention(
        FalconConfig(hidden_size=C, num_attention_heads=H, num_kv_heads=Hkv, new_decoder_architecture=True), layer_idx=0
    )
    x = torch.randn(2, 5, C)
    wanted = attention._split_heads(attention.query_key_value(x))
    q, k, v = reference.unpack_grouped_qkv(attention.query_key_value.weight, H, Hkv, C // H)
    assert torch.equal(reference.pack_grouped_qkv(q, k, v, Hkv), attention.query_key_value.weight)
    for mine, theirs in zip((q, k, v), wanted, strict=True):
        heads = (x @ mine.T).unflatten(-1, (-1, C // H))
        heads = heads.repeat_interleave(H // heads.shape[2], dim=2)
        torch.testing.assert_close(heads, theirs)


def test_the_parameters_of_falcon_2_11b(reference):
    """60 blocks, an embedding of 65,024 tokens and the last norm; once more the embedding where the output layer is not tied to it."""
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        block = reference.Falcon2Block(4096, 32, 8)
    count = 60 * sum(p.numel() for p in block.parameters()) + 65024 * 4096 + 2 * 4096
    assert count == 10_836_484_096
    config = transformers.FalconConfig(
        vocab_size=65024, hidden_size=4096, num_attention_heads=32, num_kv_heads=8, num_hidden_layers=1, new_decoder_architecture=True,
        num_ln_in_parallel_attn=1,
    )  # fmt: skip
    with torch.device("meta"):
        theirs = transformers.FalconForCausalLM(config)
    layer = sum(p.numel() for p in theirs.transformer.h[0].parameters())
    assert sum(p.numel() for p in theirs.parameters()) + 59 * layer == count


@pytest.mark.parametrize("world", [1, 2, 4, 8])
def test_shards_hold_what_their_rank_needs(reference, world):
    H, Hkv, D = 16, 8, 3
    w = torch.randn((H + 2 * Hkv) * D, 5)
    whole = [part.chunk(world) for part in reference.unpack_grouped_qkv(w, H, Hkv, D)]
    for rank in range(world):
        shard = reference.shard_for_tp(w, Hkv, rank, world)
        mine = reference.unpack_grouped_qkv(shard, H // world, Hkv // world, D)
        for part, wanted in zip(mine, whole, strict=True):
            assert torch.equal(part, wanted[rank])
