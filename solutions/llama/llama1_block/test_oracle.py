"""llama/llama1_block against transformers' LlamaForCausalLM, its checkpoints, and a model that computes as Meta's code does."""

import pytest
import torch
import torch.nn.functional as F

# The published configurations; tests shrink them and keep what makes them different.
MODELS = {
    "Llama 1 7B": {"vocab": 32000, "dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 32, "ffn_dim": 11008},
    "Llama 2 70B": {
        "vocab": 32000, "dim": 8192, "n_layers": 80, "n_heads": 64, "n_kv_heads": 8, "ffn_dim": 28672, "eps": 1e-5, "max_len": 4096,
    },
    "Llama 3 8B": {
        "vocab": 128256, "dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "ffn_dim": 14336, "eps": 1e-5, "base": 500000.0,
        "max_len": 8192,
    },
    "TinyLlama 1.1B": {"vocab": 32000, "dim": 2048, "n_layers": 22, "n_heads": 32, "n_kv_heads": 4, "ffn_dim": 5632, "eps": 1e-5},
    "SmolLM 135M": {
        "vocab": 49152, "dim": 576, "n_layers": 30, "n_heads": 9, "n_kv_heads": 3, "ffn_dim": 1536, "eps": 1e-5, "tied": True,
    },
}  # fmt: skip


def shrunk(name, D=4):
    """A tiny model with the ratios of a real one: query heads to key heads, width inside to width outside."""
    real = MODELS[name]
    group = real["n_heads"] // real["n_kv_heads"]
    heads = 2 * group if group < 8 else group
    dim = heads * D
    ffn = round(dim * real["ffn_dim"] / real["dim"])
    return real | {"vocab": 61, "dim": dim, "n_layers": 2, "n_heads": heads, "n_kv_heads": heads // group, "ffn_dim": ffn}


def hf_config(cfg):
    transformers = pytest.importorskip("transformers")
    return transformers.LlamaConfig(
        vocab_size=cfg["vocab"], hidden_size=cfg["dim"], num_hidden_layers=cfg["n_layers"],
        num_attention_heads=cfg["n_heads"], num_key_value_heads=cfg["n_kv_heads"], intermediate_size=cfg["ffn_dim"],
        rms_norm_eps=cfg.get("eps", 1e-6), rope_parameters={"rope_type": "default", "rope_theta": cfg.get("base", 10000.0)},
        max_position_embeddings=cfg.get("max_len", 2048), tie_word_embeddings=cfg.get("tied", False),
        attn_implementation="eager", bos_token_id=None, eos_token_id=None, pad_token_id=None,
    )  # fmt: skip


def both(reference, name, seed=0):
    transformers = pytest.importorskip("transformers")
    cfg = shrunk(name)
    torch.manual_seed(seed)
    theirs = transformers.LlamaForCausalLM(hf_config(cfg)).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            spread = 0.3 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5
            torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=spread)
    ours = reference.Llama(reference.LlamaCfg(**cfg))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs, cfg


def loss_of(logits, ids):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


@pytest.mark.parametrize("name", MODELS)
def test_logits_loss_and_gradients(reference, name):
    ours, theirs, cfg = both(reference, name)
    ids = torch.randint(0, cfg["vocab"], (2, 9))
    out = theirs(ids, labels=ids)
    logits = ours(ids)
    torch.testing.assert_close(logits, out.logits, atol=1e-5, rtol=1e-4)
    loss = loss_of(logits, ids)
    torch.testing.assert_close(loss, out.loss)
    loss.backward()
    out.loss.backward()
    for (key, mine), (same, oracle) in zip(
        sorted(ours.named_parameters()), sorted(theirs.named_parameters()), strict=True
    ):
        assert key == same
        torch.testing.assert_close(mine.grad, oracle.grad, atol=1e-5, rtol=1e-3, msg=key)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cuts", [[5, 6, 7, 8], [1, 4, 8]])
def test_decoding_with_a_cache(reference, name, cuts):
    transformers = pytest.importorskip("transformers")
    ours, theirs, cfg = both(reference, name)
    ids = torch.randint(0, cfg["vocab"], (3, cuts[-1]))
    cache, past, start = [reference.GrowingCache() for _ in range(cfg["n_layers"])], transformers.DynamicCache(), 0
    with torch.no_grad():
        whole = ours(ids)
        for end in cuts:
            mine = ours(ids[:, start:end], cache=cache)
            oracle = theirs(ids[:, start:end], past_key_values=past, use_cache=True).logits
            torch.testing.assert_close(mine, oracle, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(mine, whole[:, start:end], atol=1e-5, rtol=1e-4)
            start = end
    for layer, kept in enumerate(cache):
        torch.testing.assert_close(kept.kept, (past.layers[layer].keys, past.layers[layer].values), atol=1e-5, rtol=1e-4)


def test_positions_of_each_sequence(reference):
    """Padding on the left: positions begin behind it."""
    ours, theirs, cfg = both(reference, "Llama 3 8B")
    ids = torch.randint(0, cfg["vocab"], (2, 6))
    positions = torch.tensor([[0, 1, 2, 3, 4, 5], [7, 8, 9, 10, 11, 12]])
    with torch.no_grad():
        want = theirs(ids, position_ids=positions, attention_mask=torch.ones_like(ids)).logits
        torch.testing.assert_close(ours(ids, positions), want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_of_transformers(reference, name, tmp_path):
    """What `save_pretrained` writes, read with safetensors, gives the same model."""
    safetensors = pytest.importorskip("safetensors.torch")
    _, theirs, cfg = both(reference, name)
    theirs.save_pretrained(tmp_path)
    sd = safetensors.load_file(tmp_path / "model.safetensors")
    assert ("lm_head.weight" in sd) != cfg.get("tied", False)
    ours = reference.Llama(reference.LlamaCfg(**cfg))
    ours.load_hf(sd)
    ids = torch.randint(0, cfg["vocab"], (2, 5))
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-5, rtol=1e-4)


COUNTS = {
    "Llama 1 7B": 6_738_415_616, "Llama 2 70B": 68_976_648_192, "Llama 3 8B": 8_030_261_248, "TinyLlama 1.1B": 1_100_048_384,
    "SmolLM 135M": 134_515_008,
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_counts(reference, name):
    transformers = pytest.importorskip("transformers")
    cfg = reference.LlamaCfg(**MODELS[name])
    assert reference.n_params(cfg) == COUNTS[name]
    with torch.device("meta"):
        theirs = transformers.LlamaForCausalLM(hf_config(MODELS[name] | {"n_layers": 2}))
    few = reference.LlamaCfg(**MODELS[name] | {"n_layers": 2})
    assert reference.n_params(few) == sum(p.numel() for p in theirs.parameters())
    tiny = shrunk(name)
    assert reference.n_params(reference.LlamaCfg(**tiny)) == sum(
        p.numel() for p in reference.Llama(reference.LlamaCfg(**tiny)).parameters()
    )


@pytest.mark.parametrize(
    "C, multiple_of, mult, want",
    [(4096, 256, None, 11008), (5120, 256, None, 13824), (6656, 256, None, 17920), (8192, 256, None, 22016),
     (8192, 4096, 1.3, 28672), (4096, 1024, 1.3, 14336), (16384, 4096, 1.2, 53248)],
)  # fmt: skip
def test_published_widths(reference, C, multiple_of, mult, want):
    """Llama 1 7B, 13B, 33B, 65B, Llama 2 70B, Llama 3 8B, Llama 3.1 405B: `intermediate_size` of their configurations."""
    assert reference.ffn_dim(C, multiple_of, mult) == want


def test_swiglu(reference):
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    mlp = llama.LlamaMLP(hf_config(shrunk("Llama 2 70B")))
    x = torch.randn(2, 3, mlp.hidden_size)
    weights = mlp.gate_proj.weight, mlp.up_proj.weight, mlp.down_proj.weight
    torch.testing.assert_close(reference.swiglu(x, *weights), mlp(x))


PARTS = [f"attention.w{c}" for c in "qkvo"] + [f"feed_forward.w{n}" for n in (1, 2, 3)]


def as_meta_computes(sd, ids, H, G, L, eps, base):
    """Logits from weights by Meta's names: neighbours are turned as complex numbers, and there is no permutation."""

    def norm(x, name):
        return F.rms_norm(x, x.shape[-1:], sd[name + ".weight"], eps)

    def rotate(x):
        return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turn).flatten(-2)

    h = sd["tok_embeddings.weight"][ids]
    T, C = h.shape[1:]
    D = C // H
    angles = torch.outer(torch.arange(T), base ** (-torch.arange(0, D, 2) / D))
    turn = torch.polar(torch.ones_like(angles), angles)[:, None]
    for i in range(L):
        w = {part: sd[f"layers.{i}.{part}.weight"] for part in PARTS}
        x = norm(h, f"layers.{i}.attention_norm")
        q, k, v = (F.linear(x, w[f"attention.w{c}"]).unflatten(-1, (n, D)) for c, n in (("q", H), ("k", G), ("v", G)))
        q, k, v = (each.transpose(1, 2) for each in (rotate(q), rotate(k), v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        h = h + F.linear(out.transpose(1, 2).flatten(2), w["attention.wo"])
        x = norm(h, f"layers.{i}.ffn_norm")
        h = h + F.linear(F.silu(F.linear(x, w["feed_forward.w1"])) * F.linear(x, w["feed_forward.w3"]), w["feed_forward.w2"])
    return F.linear(norm(h, "norm"), sd["output.weight"])


@pytest.mark.parametrize("H, G, D", [(4, 4, 6), (6, 2, 4), (8, 1, 10)])
def test_a_file_of_metas(reference, H, G, D):
    C, V, width, L = H * D, 31, 20, 2
    torch.manual_seed(H)
    shapes = {"tok_embeddings": (V, C), "output": (V, C), "norm": (C,)}
    for i in range(L):
        shapes |= {f"layers.{i}.attention.w{c}": (n * D, C) for c, n in (("q", H), ("k", G), ("v", G))}
        shapes |= {f"layers.{i}.attention.wo": (C, C), f"layers.{i}.attention_norm": (C,), f"layers.{i}.ffn_norm": (C,)}
        shapes |= {f"layers.{i}.feed_forward.w{n}": (C, width) if n == 2 else (width, C) for n in (1, 2, 3)}
    sd = {f"{name}.weight": torch.randn(shape) * shape[-1] ** -0.5 + (len(shape) == 1) for name, shape in shapes.items()}
    ours = reference.Llama(reference.LlamaCfg(V, C, L, H, G, width, eps=1e-5, base=500.0))
    ours.load_hf(reference.meta_to_hf(sd | {"rope.freqs": torch.ones(D // 2)}, H, G))
    ids = torch.randint(0, V, (2, 7))
    torch.testing.assert_close(ours(ids), as_meta_computes(sd, ids, H, G, L, 1e-5, 500.0), atol=1e-5, rtol=1e-4)


def test_parts_of_others_fit(reference):
    """torch's own attention and norm, and transformers' rotation, in place of the model's parts."""
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    _, theirs, cfg = both(reference, "TinyLlama 1.1B")

    def attend(q, k, v, causal=False):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)

    def rotate(x, pos):
        cos, sin = theirs.model.rotary_emb(x, pos.expand(x.shape[0], -1))
        return llama.apply_rotary_pos_emb(x, x, cos, sin)[0]

    parts = {"attend": attend, "rotate": rotate, "norm": lambda x, w, eps: F.rms_norm(x, w.shape, w, eps)}
    assembled = reference.Llama(reference.LlamaCfg(**cfg), **parts)
    assembled.load_state_dict(theirs.state_dict())
    ids = torch.randint(0, cfg["vocab"], (2, 6))
    with torch.no_grad():
        torch.testing.assert_close(assembled(ids), theirs(ids).logits, atol=1e-5, rtol=1e-4)
