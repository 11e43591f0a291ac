"""mistral/sliding_window_cache against transformers' Mistral: masks, caches, attention with gradients, logits of whole models in pieces."""

import pytest
import torch

# Heads, key/value heads, head size, window and layers; the last ones are the defaults of the configuration, which is Mistral 7B's.
MODELS = [
    {"heads": 4, "kv_heads": 2, "D": 4, "W": 3, "layers": 1},
    {"heads": 6, "kv_heads": 3, "D": 6, "W": 4, "layers": 2},
    {"heads": 5, "kv_heads": 1, "D": 8, "W": 1, "layers": 2},
    {"heads": 4, "kv_heads": 4, "D": 2, "W": 5, "layers": 3},
    {"heads": 8, "kv_heads": 2, "D": 4, "W": 40, "layers": 2},
]
CUTS = [[12], [5, 6, 7, 12], [3, 6, 9, 12], [1, 9, 12], list(range(1, 13))]


def made(heads, kv_heads, D, W, layers):
    transformers = pytest.importorskip("transformers")
    config = transformers.MistralConfig(
        vocab_size=19, hidden_size=heads * D, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=D,
        intermediate_size=10, sliding_window=W, attn_implementation="eager", max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.MistralForCausalLM(config).double().eval(), config


def rotated(model, x, pos):
    modeling = pytest.importorskip("transformers.models.mistral.modeling_mistral")
    cos, sin = model.model.rotary_emb(x, pos.expand(x.shape[0], -1))
    return modeling.apply_rotary_pos_emb(x, x, cos, sin)[0]


def attention(reference, model, layer, x, pos, cache, sizes):
    q, k, v = (p(x).unflatten(-1, (-1, sizes["D"])).transpose(1, 2) for p in (layer.q_proj, layer.k_proj, layer.v_proj))
    out = reference.attend(rotated(model, q, pos), rotated(model, k, pos), v, pos, cache, sizes["W"])
    return layer.o_proj(out.transpose(1, 2).flatten(2))


def logits(reference, model, ids, chunk, sizes):
    """The model of transformers' with all of its weights, but with the attention and the caches of this exercise."""
    caches = [reference.RollingCache(len(ids), sizes["kv_heads"], sizes["W"], sizes["D"], torch.float64) for _ in model.model.layers]

    def step(new, pos):
        x = model.model.embed_tokens(new)
        for layer, cache in zip(model.model.layers, caches, strict=True):
            x = x + attention(reference, model, layer.self_attn, layer.input_layernorm(x), pos, cache, sizes)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return model.lm_head(model.model.norm(x))

    return reference.chunked_prefill(step, ids, chunk)


@pytest.mark.parametrize("sizes", MODELS)
@pytest.mark.parametrize("chunk", [1, 3, 4, 12])
def test_logits_in_chunks(reference, sizes, chunk):
    model, _config = made(**sizes)
    ids = torch.randint(0, 19, (2, 12))
    with torch.no_grad():
        want = model(ids).logits
        found = logits(reference, model, ids, chunk, sizes)
    # transformers computes norms' statistics, rotations and softmax in float32
    torch.testing.assert_close(found, want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", MODELS)
def test_gradients(reference, sizes):
    """Of all weights of the model, through one pass."""
    model, _config = made(**sizes)
    ids = torch.randint(0, 19, (2, 12))
    weights = torch.randn(2, 12, 19, dtype=torch.float64)
    want = torch.autograd.grad((model(ids).logits * weights).sum(), list(model.parameters()))
    found = torch.autograd.grad((logits(reference, model, ids, 12, sizes) * weights).sum(), list(model.parameters()))
    for ours, theirs in zip(found, want, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("W", [1, 2, 4, 30])
@pytest.mark.parametrize("T, S", [(9, 9), (3, 9), (1, 9)])
def test_masks(reference, T, S, W):
    masking = pytest.importorskip("transformers.masking_utils")
    visible = masking.and_masks(masking.causal_mask_function, masking.sliding_window_overlay(W))
    want = [[bool(visible(0, 0, torch.tensor(i), torch.tensor(j))) for j in range(S)] for i in range(S - T, S)]
    assert reference.swa_mask(T, S, W).tolist() == want


@pytest.mark.parametrize("W", [2, 3, 5])
@pytest.mark.parametrize("cuts", CUTS)
def test_what_a_cache_for_windows_keeps(reference, W, cuts):
    """transformers keeps W - 1 tokens in order, since it adds the new one before it attends; they are among ours."""
    caches = pytest.importorskip("transformers.cache_utils")
    theirs, ours = caches.DynamicSlidingWindowLayer(sliding_window=W), reference.RollingCache(2, 3, W, 4)
    start = 0
    for end in cuts:
        k, v = torch.randn(2, 2, 3, end - start, 4)
        theirs.update(k, v)
        ours.append(k, v, torch.arange(start, end))
        start = end
    keys, values, positions = ours.get()
    order = positions.argsort()
    n = theirs.keys.shape[2]
    assert positions[order].tolist() == list(range(max(0, 12 - W), 12)) and n == W - 1
    torch.testing.assert_close(keys[:, :, order][:, :, -n:], theirs.keys)
    torch.testing.assert_close(values[:, :, order][:, :, -n:], theirs.values)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_who_depends_on_whom(reference, layers):
    """Another token 2 changes the outputs of as many tokens as the receptive field has, and no others."""
    W = 4
    model, _config = made(heads=4, kv_heads=2, D=4, W=W, layers=layers)
    ids = torch.randint(0, 19, (1, 16))
    other = ids.clone()
    other[0, 2] = (ids[0, 2] + 1) % 19
    with torch.no_grad():
        changed = ((model(ids).logits - model(other).logits).abs().amax(-1)[0] > 1e-9).nonzero()[:, 0]
    assert changed.tolist() == list(range(2, 2 + reference.receptive_field(layers, W)))


def test_mistral_7b(reference):
    """The numbers of the lecture page, from the configuration."""
    transformers = pytest.importorskip("transformers")
    config = transformers.MistralConfig()
    with torch.device("meta"):
        model = transformers.MistralForCausalLM(config)
    assert sum(p.numel() for p in model.parameters()) == 7_241_732_096
    one = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 2
    assert (one, one * config.sliding_window, one * 32768) == (131_072, 536_870_912, 4_294_967_296)
    assert reference.receptive_field(config.num_hidden_layers, config.sliding_window) == 131_041
