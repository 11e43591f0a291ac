"""glm/chatglm2_block against transformers' GlmDecoderLayer (its weights taken apart), and the parameter counts of published models."""

import pytest
import torch

CONFIGURATIONS = {
    "two keys, as ChatGLM2 and GLM-4": {"C": 32, "H": 8, "G": 2, "F": 27, "D": 4},
    "one key": {"C": 24, "H": 3, "G": 1, "F": 10, "D": 8},
    "H · D is not C": {"C": 20, "H": 4, "G": 2, "F": 33, "D": 16},
    "a key for each query, another eps and base": {"C": 16, "H": 2, "G": 2, "F": 7, "D": 8, "eps": 1e-2, "base": 500.0},
}


def both(reference, name):
    glm = pytest.importorskip("transformers.models.glm.modeling_glm")
    from transformers import GlmConfig

    o = CONFIGURATIONS[name]
    config = GlmConfig(
        vocab_size=50, hidden_size=o["C"], num_attention_heads=o["H"], num_key_value_heads=o["G"], intermediate_size=o["F"], head_dim=o["D"],
        num_hidden_layers=1, rms_norm_eps=o.get("eps", 1e-5), attention_bias=True, attn_implementation="eager", pad_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": o.get("base", 10000.0), "partial_rotary_factor": 0.5},
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = glm.GlmDecoderLayer(config, 0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            spread = 0.3 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5
            torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=spread)
    ours = reference.ChatGLM2Block(**o)
    ours.load_state_dict(fused(theirs.state_dict()))
    return ours, theirs, glm.GlmRotaryEmbedding(config)


def fused(w):
    """By ChatGLM2's names."""
    qkv = {part: torch.cat([w[f"self_attn.{c}_proj.{part}"] for c in "qkv"]) for part in ("weight", "bias")}
    return {
        "input_layernorm.weight": w["input_layernorm.weight"], "post_attention_layernorm.weight": w["post_attention_layernorm.weight"],
        "self_attention.query_key_value.weight": qkv["weight"], "self_attention.query_key_value.bias": qkv["bias"],
        "self_attention.dense.weight": w["self_attn.o_proj.weight"], "mlp.dense_h_to_4h.weight": w["mlp.gate_up_proj.weight"],
        "mlp.dense_4h_to_h.weight": w["mlp.down_proj.weight"],
    }  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("pos", [[0, 1, 2, 3, 4, 5, 6], [5, 7, 11, 12, 13, 20, 40]], ids=["from 0", "with gaps"])
def test_outputs_and_gradients(reference, name, pos):
    ours, theirs, rotary = both(reference, name)
    T, pos = len(pos), torch.tensor(pos)
    x = torch.randn(2, T, CONFIGURATIONS[name]["C"])
    mine, other = (x.clone().requires_grad_() for _ in range(2))
    mask = torch.full((T, T), torch.finfo(x.dtype).min).triu(1)[None, None]
    want = theirs(other, attention_mask=mask, position_embeddings=rotary(x, pos[None]))
    got = ours(mine, pos)
    torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)
    r = torch.randn_like(got)
    (got * r).sum().backward()
    (want * r).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, atol=1e-4, rtol=1e-3)
    wanted = fused({key: p.grad for key, p in theirs.named_parameters()})
    for key, p in ours.named_parameters():
        torch.testing.assert_close(p.grad, wanted[key], atol=2e-4, rtol=1e-3, msg=key)


@pytest.mark.parametrize("D", [4, 8, 12, 64])
def test_the_rotation(reference, D):
    glm = pytest.importorskip("transformers.models.glm.modeling_glm")
    from transformers import GlmConfig

    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
    rotary = glm.GlmRotaryEmbedding(GlmConfig(head_dim=D, rope_parameters=rope))
    pos = torch.tensor([[0, 1, 2, 9, 50], [3, 4, 5, 6, 7]])
    q, k = torch.randn(2, 3, 5, D), torch.randn(2, 1, 5, D)
    cos, sin = rotary(q, pos)
    for x, want in zip((q, k), glm.apply_rotary_pos_emb(q, k, cos, sin), strict=True):
        torch.testing.assert_close(reference.rotate_half_of(x, pos), want, atol=1e-5, rtol=1e-4)


def test_scores_depend_on_distance_in_half_of_the_features(reference):
    q, k = torch.randn(1, 1, 1, 16, dtype=torch.float64), torch.randn(1, 1, 1, 16, dtype=torch.float64)

    def score(i, j, half):
        a, b = (reference.rotate_half_of(x, torch.tensor([p]))[..., half] for x, p in ((q, i), (k, j)))
        return (a * b).sum()

    first, last = slice(0, 8), slice(8, 16)
    assert torch.isclose(score(3, 1, first), score(103, 101, first))
    assert not torch.isclose(score(3, 1, first), score(3, 2, first))
    assert score(3, 1, last) == score(77, 0, last)


@pytest.mark.parametrize("vocab, layers, F, count", [(65024, 28, 13696, 6_243_584_000), (151552, 40, 13696, 9_399_951_360)], ids=["ChatGLM2 6B", "GLM-4 9B"])
def test_parameter_counts(reference, vocab, layers, F, count):
    """Blocks, embedding, output layer and the last norm."""
    with torch.device("meta"):
        block = reference.ChatGLM2Block(4096, 32, 2, F, 128)
    assert layers * sum(p.numel() for p in block.parameters()) + 2 * vocab * 4096 + 4096 == count


def test_the_count_of_transformers(reference):
    transformers = pytest.importorskip("transformers")
    config = transformers.GlmConfig(
        vocab_size=151552, hidden_size=4096, intermediate_size=13696, num_hidden_layers=1, num_attention_heads=32, num_key_value_heads=2,
        head_dim=128, attention_bias=True,
    )  # fmt: skip
    with torch.device("meta"):
        theirs = transformers.GlmForCausalLM(config)
        block = reference.ChatGLM2Block(4096, 32, 2, 13696, 128)
    assert sum(p.numel() for p in theirs.model.layers[0].parameters()) == sum(p.numel() for p in block.parameters())
