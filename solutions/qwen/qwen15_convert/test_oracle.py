"""qwen/qwen15_convert against transformers' Qwen2ForCausalLM, its template engine, and safetensors."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

# hidden size, heads, width of the network, vocabulary, layers
SIZES = [(12, 2, 20, 31, 2), (16, 1, 9, 17, 3), (24, 4, 24, 11, 1)]
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def file_of_qwen1(C, width, V, L):
    shapes = {"transformer.wte.weight": (V, C), "transformer.ln_f.weight": (C,), "lm_head.weight": (V, C)}
    for i in range(L):
        h = f"transformer.h.{i}."
        shapes |= {h + "ln_1.weight": (C,), h + "ln_2.weight": (C,), h + "attn.c_attn.weight": (3 * C, C), h + "attn.c_attn.bias": (3 * C,)}
        shapes |= {h + "attn.c_proj.weight": (C, C), h + "mlp.w1.weight": (width, C), h + "mlp.w2.weight": (width, C)}
        shapes |= {h + "mlp.c_proj.weight": (C, width)}
    return {name: torch.randn(shape) * shape[-1] ** -0.5 + (len(shape) == 1) for name, shape in shapes.items()}


def qwen1(sd, ids, H, L, attention):
    """Logits of Qwen 1, computed from its own file with the attention of the exercise before this one."""

    def norm(x, name):
        return F.rms_norm(x, x.shape[-1:], sd[f"transformer.{name}.weight"], 1e-6)

    x = sd["transformer.wte.weight"][ids]
    for i in range(L):
        h = f"transformer.h.{i}."
        layer = attention.Qwen1Attention(x.shape[-1], H, 4096).eval()
        layer.load_state_dict({name: sd[f"{h}attn.{name}"] for name in ("c_attn.weight", "c_attn.bias", "c_proj.weight")})
        x = x + layer(norm(x, f"h.{i}.ln_1"))
        x = x + attention.qwen_mlp(norm(x, f"h.{i}.ln_2"), *(sd[f"{h}mlp.{name}.weight"] for name in ("w1", "w2", "c_proj")))
    return norm(x, "ln_f") @ sd["lm_head.weight"].T


@pytest.mark.parametrize("C, H, width, V, L", SIZES)
def test_loads_strictly_and_gives_the_same_logits(reference, tmp_path, C, H, width, V, L):
    transformers = pytest.importorskip("transformers")
    safetensors = pytest.importorskip("safetensors.torch")
    import runpy
    from types import SimpleNamespace

    attention = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "qwen1_ntk_logn" / "solution.py")))
    torch.manual_seed(C)
    sd = file_of_qwen1(C, width, V, L)
    found = reference.convert_qwen1_to_qwen2(sd, L)
    safetensors.save_file(found, tmp_path / "model.safetensors")  # refuses tensors that share memory
    config = transformers.Qwen2Config(
        vocab_size=V, hidden_size=C, intermediate_size=width, num_hidden_layers=L, num_attention_heads=H, num_key_value_heads=H,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, attn_implementation="eager",
    )  # fmt: skip
    model = transformers.Qwen2ForCausalLM(config).eval()
    model.load_state_dict(safetensors.load_file(tmp_path / "model.safetensors"), strict=True)
    ids = torch.randint(0, V, (2, 9))
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, qwen1(sd, ids, H, L, attention), atol=1e-5, rtol=1e-4)


def test_the_count_of_7b(reference):
    """Qwen1.5-7B: 32 layers, 4096 features, 11008 inside, 151936 tokens."""
    transformers = pytest.importorskip("transformers")
    config = {"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32, "num_key_value_heads": 32}
    with torch.device("meta"):
        theirs = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**config, num_hidden_layers=2))
        ours = reference.convert_qwen1_to_qwen2(file_of_qwen1(4096, 11008, 151936, 2), 2)
    assert {name: p.shape for name, p in theirs.named_parameters()} == {name: w.shape for name, w in ours.items()}
    layer = sum(w.numel() for name, w in ours.items() if ".layers.1." in name)
    assert sum(w.numel() for w in ours.values()) + 30 * layer == 7_721_324_544


CHATS = [
    [("user", "x")],
    [("system", "s"), ("user", " a\n")],
    [("user", "a"), ("assistant", "b"), ("system", "late"), ("user", "")],
    [("assistant", "{{ x }}")],
    [],
]


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("prompt", [True, False])
def test_the_template_engine_writes_the_same(reference, chat, prompt):
    utils = pytest.importorskip("transformers.utils.chat_template_utils")
    messages = [{"role": role, "content": content} for role, content in chat]
    rendered, _ = utils.render_jinja_template([messages], chat_template=TEMPLATE, add_generation_prompt=prompt)
    assert reference.render_chatml(messages, prompt) == rendered[0]


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("limit", [0, 1, 4, 6, 28])
def test_layer_types_of_the_configuration(reference, on, limit):
    transformers = pytest.importorskip("transformers")
    config = transformers.Qwen2Config(num_hidden_layers=6, use_sliding_window=on, max_window_layers=limit)
    mine = ["sliding_attention" if reference.layer_uses_swa(i, on, limit) else "full_attention" for i in range(6)]
    assert config.layer_types == mine
