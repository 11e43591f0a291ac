"""gpt/gpt2_model against transformers' GPT2LMHeadModel: logits, loss, gradients, caches, checkpoints, first weights and counts."""

import random

import pytest
import torch
import torch.nn.functional as F

# The published configurations; tests shrink them and keep what makes them different. All have 50257 tokens.
MODELS = {
    "gpt2": {"n_layer": 12, "n_head": 12, "n_embd": 768},
    "gpt2-medium": {"n_layer": 24, "n_head": 16, "n_embd": 1024},
    "gpt2-large": {"n_layer": 36, "n_head": 20, "n_embd": 1280},
    "gpt2-xl": {"n_layer": 48, "n_head": 25, "n_embd": 1600},
    "distilgpt2": {"n_layer": 6, "n_head": 12, "n_embd": 768},
    "Cerebras-GPT-111M": {"n_layer": 10, "n_head": 12, "n_embd": 768, "n_ctx": 2048, "act": "gelu"},
    "Cerebras-GPT-256M": {"n_layer": 14, "n_head": 17, "n_embd": 1088, "n_ctx": 2048, "act": "gelu"},
}
COUNTS = {
    "gpt2": 124_439_808, "gpt2-medium": 354_823_168, "gpt2-large": 774_030_080, "gpt2-xl": 1_557_611_200,
}  # fmt: skip


def real(name):
    cfg = {"vocab": 50257, "n_ctx": 1024} | MODELS[name]
    return cfg, cfg.pop("act", "gelu_new")


def shrunk(name, seed=0):
    """A tiny model at random with the heads and the activation of a real one."""
    cfg, act = real(name)
    draw = random.Random(f"{name} {seed}")
    D = draw.choice([1, 2, 3, 5])
    tiny = {"vocab": draw.randint(20, 60), "n_ctx": draw.randint(9, 14), "n_layer": draw.randint(1, 3), "n_head": cfg["n_head"]}
    return tiny | {"n_embd": cfg["n_head"] * D, "eps": draw.choice([1e-5, 1e-3])}, act


def hf_config(cfg, act):
    transformers = pytest.importorskip("transformers")
    return transformers.GPT2Config(
        vocab_size=cfg["vocab"], n_positions=cfg["n_ctx"], n_embd=cfg["n_embd"], n_layer=cfg["n_layer"], n_head=cfg["n_head"],
        layer_norm_epsilon=cfg.get("eps", 1e-5), activation_function=act, attn_implementation="eager", bos_token_id=None, eos_token_id=None,
    )  # fmt: skip


def both(reference, name, seed=0):
    """Our model and theirs, with the same weights, none of which is what a fresh model has."""
    transformers = pytest.importorskip("transformers")
    cfg, act = shrunk(name, seed)
    torch.manual_seed(seed)
    theirs = transformers.GPT2LMHeadModel(hf_config(cfg, act)).eval()
    with torch.no_grad():
        for key, parameter in theirs.named_parameters():
            vector = parameter.ndim == 1
            mean = float(vector and key.endswith("weight"))
            torch.nn.init.normal_(parameter, mean=mean, std=0.3 if vector else cfg["n_embd"] ** -0.5)
    ours = reference.GPT2(reference.GPT2Cfg(**cfg), act=F.gelu if act == "gelu" else None)
    ours.load_hf(theirs.state_dict())
    return ours, theirs, cfg


@pytest.mark.parametrize("name", MODELS)
def test_logits_loss_and_gradients(reference, name):
    ours, theirs, cfg = both(reference, name)
    ids = torch.randint(0, cfg["vocab"], (2, 8))
    out = theirs(ids, labels=ids)
    logits, _ = ours(ids)
    torch.testing.assert_close(logits, out.logits, atol=1e-5, rtol=1e-4)
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(loss, out.loss)
    loss.backward()
    out.loss.backward()
    found = dict(ours.named_parameters())
    assert found.keys() == dict(theirs.named_parameters()).keys()
    for key, parameter in theirs.named_parameters():
        turned = parameter.grad.T if parameter.ndim == 2 and "transformer.h." in key else parameter.grad
        torch.testing.assert_close(found[key].grad, turned, atol=1e-5, rtol=1e-3, msg=key)


@pytest.mark.parametrize("name", ["gpt2", "gpt2-xl", "Cerebras-GPT-256M"])
def test_float64(reference, name):
    ours, theirs, cfg = both(reference, name, seed=2)
    ids = torch.randint(0, cfg["vocab"], (3, 5))
    torch.testing.assert_close(ours.double()(ids)[0], theirs.double()(ids).logits, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("name, cuts", [("gpt2", [5, 6, 7, 8]), ("gpt2-xl", [1, 4, 8]), ("distilgpt2", [3, 4, 8]), ("Cerebras-GPT-256M", [7, 8])])
def test_decoding_with_a_cache(reference, name, cuts):
    transformers = pytest.importorskip("transformers")
    ours, theirs, cfg = both(reference, name, seed=3)
    ids = torch.randint(0, cfg["vocab"], (3, cuts[-1]))
    mine, past, start = None, transformers.DynamicCache(), 0
    with torch.no_grad():
        whole, _ = ours(ids)
        for end in cuts:
            logits, mine = ours(ids[:, start:end], mine)
            oracle = theirs(ids[:, start:end], past_key_values=past, use_cache=True).logits
            torch.testing.assert_close(logits, oracle, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(logits, whole[:, start:end], atol=1e-5, rtol=1e-4)
            start = end
    for layer, kept in enumerate(mine):
        torch.testing.assert_close(kept, (past.layers[layer].keys, past.layers[layer].values), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name, whole", [*((name, True) for name in MODELS), ("gpt2", False), ("Cerebras-GPT-256M", False)])
def test_a_checkpoint_of_transformers(reference, name, whole, tmp_path):
    """What `save_pretrained` writes, read with safetensors, gives the same model. Without the head's class the names have no prefix."""
    safetensors = pytest.importorskip("safetensors.torch")
    _, theirs, cfg = both(reference, name, seed=4)
    (theirs if whole else theirs.transformer).save_pretrained(tmp_path)
    sd = safetensors.load_file(tmp_path / "model.safetensors")
    assert any(key.startswith("transformer.") for key in sd) == whole
    act = theirs.config.activation_function
    ours = reference.GPT2(reference.GPT2Cfg(**cfg), act=F.gelu if act == "gelu" else None)
    ours.load_hf(sd)
    ids = torch.randint(0, cfg["vocab"], (2, 5))
    with torch.no_grad():
        torch.testing.assert_close(ours(ids)[0], theirs(ids).logits, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_counts(reference, name):
    transformers = pytest.importorskip("transformers")
    cfg, act = real(name)
    count = reference.param_count(reference.GPT2Cfg(**cfg))
    assert count == COUNTS.get(name, count)
    with torch.device("meta"):
        theirs = transformers.GPT2LMHeadModel(hf_config(cfg | {"n_layer": 2}, act))
    assert reference.param_count(reference.GPT2Cfg(**cfg | {"n_layer": 2})) == sum(p.numel() for p in theirs.parameters())
    tiny = reference.GPT2Cfg(**shrunk(name)[0])
    assert reference.param_count(tiny) == sum(p.numel() for p in reference.GPT2(tiny).parameters())


def test_first_weights_have_the_spread_of_transformers(reference):
    """Tensor by tensor: the standard deviation, and biases and norms exactly."""
    transformers = pytest.importorskip("transformers")
    cfg = {"vocab": 300, "n_ctx": 200, "n_layer": 3, "n_head": 4, "n_embd": 64}
    torch.manual_seed(0)
    theirs = dict(transformers.GPT2LMHeadModel(hf_config(cfg, "gelu_new")).named_parameters())
    ours = reference.GPT2(reference.GPT2Cfg(**cfg))
    reference.init_weights(ours, seed=1)
    for key, parameter in ours.named_parameters():
        if parameter.ndim == 1:
            torch.testing.assert_close(parameter, theirs[key])
        else:
            assert abs(parameter.std() / theirs[key].std() - 1) < 10 * parameter.numel() ** -0.5, key


def test_gelu(reference):
    activations = pytest.importorskip("transformers.activations")
    x = torch.linspace(-9, 9, 2001, dtype=torch.float64)
    torch.testing.assert_close(reference.gelu(x), activations.ACT2FN["gelu_new"](x))
    torch.testing.assert_close(reference.gelu(x), F.gelu(x, approximate="tanh"))


def test_parts_of_others_fit(reference):
    """torch's own attention, norm and activation in place of the model's parts."""
    _, theirs, cfg = both(reference, "gpt2", seed=5)

    def attend(q, k, v, causal=False):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)

    parts = {"attend": attend, "norm": lambda x, w, b, eps: F.layer_norm(x, w.shape, w, b, eps), "act": torch.nn.GELU("tanh")}
    assembled = reference.GPT2(reference.GPT2Cfg(**cfg), **parts)
    assembled.load_hf(theirs.state_dict())
    ids = torch.randint(0, cfg["vocab"], (2, 6))
    with torch.no_grad():
        torch.testing.assert_close(assembled(ids)[0], theirs(ids).logits, atol=1e-5, rtol=1e-4)
