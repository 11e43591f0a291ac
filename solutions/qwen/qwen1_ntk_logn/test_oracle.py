"""qwen/qwen1_ntk_logn against transformers: Qwen2's attention and network, the "dynamic" rope type, and what the two techniques promise."""

import math

import pytest
import torch

# hidden size, heads, training length, base. The first is Qwen 7B, shrunk.
LAYERS = [(32, 4, 16, 10000.0), (24, 3, 5, 1e6), (16, 1, 9, 100.0)]


def theirs(C, H, base, train_len):
    qwen2 = pytest.importorskip("transformers.models.qwen2.modeling_qwen2")
    config = qwen2.Qwen2Config(
        hidden_size=C, num_attention_heads=H, num_key_value_heads=H, num_hidden_layers=1, intermediate_size=3 * C,
        max_position_embeddings=train_len, rope_parameters={"rope_type": "default", "rope_theta": base}, attn_implementation="eager",
    )  # fmt: skip
    return qwen2, config


@pytest.mark.parametrize("C, H, train_len, base", LAYERS)
@pytest.mark.parametrize("factor", [1, 3])
def test_attention_without_logn_is_that_of_qwen2(reference, C, H, train_len, base, factor):
    """The same weights, and the base of NTK as `rope_theta`; values and gradients."""
    T = factor * train_len
    alpha = reference.ntk_alpha(T, train_len)
    qwen2, config = theirs(C, H, reference.ntk_base(base, alpha, C // H), train_len)
    torch.manual_seed(C)
    ours = reference.Qwen1Attention(C, H, train_len, base, use_logn=False).eval()
    oracle, rotary = qwen2.Qwen2Attention(config, 0), qwen2.Qwen2RotaryEmbedding(config)
    with torch.no_grad():
        for name, weight, bias in zip("qkv", ours.c_attn.weight.chunk(3), ours.c_attn.bias.chunk(3), strict=True):
            getattr(oracle, f"{name}_proj").weight.copy_(weight)
            getattr(oracle, f"{name}_proj").bias.copy_(bias)
        oracle.o_proj.weight.copy_(ours.c_proj.weight)
    assert oracle.o_proj.bias is None
    x = torch.randn(2, T, C, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    mask = torch.full((T, T), -torch.inf).triu(1)[None, None]
    want = oracle(y, rotary(y, torch.arange(T)[None]), mask)[0]
    got = ours(x)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)
    got.square().sum().backward()
    want.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, atol=1e-5, rtol=1e-4)
    rows = torch.cat([oracle.q_proj.weight.grad, oracle.k_proj.weight.grad, oracle.v_proj.weight.grad])
    torch.testing.assert_close(ours.c_attn.weight.grad, rows, atol=1e-4, rtol=1e-4)


def test_network_is_that_of_qwen2(reference):
    qwen2, config = theirs(12, 2, 1e4, 8)
    mlp = qwen2.Qwen2MLP(config)
    x = torch.randn(2, 3, 12)
    weights = mlp.up_proj.weight, mlp.gate_proj.weight, mlp.down_proj.weight
    torch.testing.assert_close(reference.qwen_mlp(x, *weights), mlp(x))


@pytest.mark.parametrize("D, base, length", [(128, 10000.0, 8192), (64, 1e6, 5000), (8, 100.0, 4097)])
def test_base_is_that_of_the_dynamic_type(reference, D, base, length):
    """Hugging Face has another alpha, and the same formula for the base."""
    utils = pytest.importorskip("transformers.modeling_rope_utils")
    _, config = theirs(2 * D, 2, base, 2048)
    config.rope_parameters = {"rope_type": "dynamic", "rope_theta": base, "factor": 1.0}
    want, _ = utils.ROPE_INIT_FUNCTIONS["dynamic"](config, "cpu", seq_len=length)
    mine = reference.ntk_base(base, length / 2048, D)
    torch.testing.assert_close((mine ** (-torch.arange(0, D, 2).double() / D)).float(), want, rtol=1e-5, atol=0)


@pytest.mark.parametrize("D", [4, 6, 64, 128])
@pytest.mark.parametrize("alpha", [1.0, 3.0, 15.0])
def test_the_fastest_pair_stays_and_the_slowest_is_alpha_times_slower(reference, D, alpha):
    new, last = reference.ntk_base(1e4, alpha, D), (D - 2) / D
    assert math.isclose((1e4**-last) / (new**-last), alpha)


@pytest.mark.parametrize("train_len", [1, 3, 8, 100])
def test_alpha_by_doubling(reference, train_len):
    for true_len in range(1, 1000):
        k = 0
        while train_len * 2**k < true_len:
            k += 1
        assert reference.ntk_alpha(true_len, train_len) == 2 ** (k + 1) - 1


def test_logn_keeps_the_entropy(reference):
    """Random queries and keys: eight times as many keys, and the entropy of attention hardly grows. Without LogN it does."""
    generator = torch.Generator().manual_seed(0)
    D, train_len = 64, 256

    def entropy(n, scale):
        q, k = 2 * torch.randn(400, D, generator=generator), torch.randn(n, D, generator=generator)
        logp = (scale * q @ k.T / math.sqrt(D)).log_softmax(-1)
        return float(-(logp.exp() * logp).sum(-1).mean())

    start = entropy(train_len, 1.0)
    scale = float(reference.logn_scale(torch.tensor([2047]), train_len))
    assert entropy(2048, scale) / start < 1.2
    assert entropy(2048, 1.0) / start > 1.4
