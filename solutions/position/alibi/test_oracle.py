"""position/alibi against BLOOM's build_alibi_tensor and flex_attention, and against the definition, entry by entry."""

import math
from itertools import product

import pytest
import torch


@pytest.mark.parametrize("H", [1, 2, 3, 5, 8, 12, 16, 20, 32, 71, 112])
def test_slopes_are_blooms(reference, H):
    bloom = pytest.importorskip("transformers.models.bloom.modeling_bloom")
    alibi = bloom.build_alibi_tensor(torch.ones(1, 2), H, torch.float32)  # (H, 1, 2): slope · key's position
    torch.testing.assert_close(reference.alibi_slopes(H), alibi[:, 0, 1], rtol=1e-6, atol=0)


def test_slopes_of_the_paper(reference):
    """Section 3: for 8 heads 1/2 … 1/256, for 16 the geometric means between."""
    assert reference.alibi_slopes(8).tolist() == [2.0**-n for n in range(1, 9)]
    torch.testing.assert_close(reference.alibi_slopes(16), torch.tensor([2 ** (-n / 2) for n in range(1, 17)]))
    assert reference.alibi_slopes(12)[8:].tolist() == pytest.approx([0.70711, 0.35355, 0.17678, 0.08839], abs=5e-6)


@pytest.mark.parametrize("H, T, S", [(1, 1, 1), (2, 4, 4), (3, 2, 5), (12, 1, 7)])
def test_bias_entry_by_entry(reference, H, T, S):
    slopes, bias = reference.alibi_slopes(H).tolist(), reference.alibi_bias(H, T, S)
    assert bias.shape == (H, T, S)
    for h, t, s in product(range(H), range(T), range(S)):
        distance = (S - T + t) - s
        assert bias[h, t, s].item() == pytest.approx(-slopes[h] * distance if distance >= 0 else -math.inf)


def normal(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("H, T", [(2, 5), (3, 1), (6, 8)])
def test_attention_is_flex_attention(reference, H, T):
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    q, k, v = normal(2, H, T, 16, seed=0), normal(2, H, 8, 16, seed=1), normal(2, H, 8, 16, seed=2)
    slopes = reference.alibi_slopes(H)

    def alibi(score, b, h, query, key):
        return torch.where(query + 8 - T >= key, score - slopes[h] * (query + 8 - T - key), -math.inf)

    want = flex.flex_attention(q, k, v, score_mod=alibi)
    torch.testing.assert_close(reference.alibi_attention(q, k, v), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("H", [4, 6])
def test_attention_is_blooms(reference, H):
    """BLOOM's attention module on its own alibi tensor, with an identity for its output projection."""
    bloom = pytest.importorskip("transformers.models.bloom.modeling_bloom")
    transformers = pytest.importorskip("transformers")
    C, T = H * 4, 6
    config = transformers.BloomConfig(hidden_size=C, n_head=H, n_layer=1, hidden_dropout=0.0, attention_dropout=0.0)
    layer = bloom.BloomAttention(config, layer_idx=0).eval()
    with torch.no_grad():
        layer.dense.weight.copy_(torch.eye(C))
        layer.dense.bias.zero_()
    x = normal(1, T, C, seed=3)
    mask = torch.full((1, 1, T, T), torch.finfo(torch.float32).min).triu(1)
    alibi = bloom.build_alibi_tensor(torch.ones(1, T), H, torch.float32)
    want = layer(x, torch.zeros_like(x), alibi=alibi, attention_mask=mask)[0]
    q, k, v = layer.query_key_value(x).view(1, T, H, 3, 4).permute(3, 0, 2, 1, 4)
    got = reference.alibi_attention(q, k, v).transpose(1, 2).reshape(1, T, C)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_gradients(reference):
    q, k, v = (normal(1, 2, n, 3, seed=n).double().requires_grad_() for n in (2, 4, 5))
    assert torch.autograd.gradcheck(reference.alibi_attention, (q, k, v[:, :, 1:]))


def test_steeper_heads_look_nearer(reference):
    """With equal scores, the mean distance of what a head attends to rises from head to head."""
    weights = reference.alibi_bias(8, 1, 500)[:, 0].softmax(-1)
    mean = (weights * torch.arange(499, -1, -1)).sum(-1)
    assert (mean.diff() > 0).all()


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_everything_is_made_on_the_device_of_q(reference, device):
    """Whatever torch's default device is: a bias that is made elsewhere would have to be copied at every call."""
    q, k = (normal(1, 3, n, 4, seed=n).to(device) for n in (2, 5))
    with torch.device("meta"):
        out = reference.alibi_attention(q, k, k)
    assert out.device == q.device
    assert out.shape == q.shape
