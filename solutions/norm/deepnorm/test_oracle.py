"""norm/deepnorm against the constants of the authors' code, PyTorch's Xavier rule, and one step of PyTorch's Adam."""

import math

import pytest
import torch
from torch import nn

# α of encoder and decoder, as torchscale 0.3.0 computed them: (encoder layers, decoder layers) → α, α.
TORCHSCALE = [((6, 0), 1.86121, None), ((6, 3), 1.35782, 1.73205)]


def authors(n_enc, n_dec):
    """As torchscale's encoder.py and decoder.py have it, written again."""
    if n_enc and n_dec:
        mixed = math.pow(math.pow(n_enc, 4) * n_dec, 0.0625)
        return {
            "encoder": (mixed * 0.81, 1 / (mixed / 1.15)),
            "decoder": (math.pow(3.0 * n_dec, 0.25), 1 / math.pow(12.0 * n_dec, 0.25)),
        }
    n = float(n_enc or n_dec)
    return {"encoder" if n_enc else "decoder": (math.pow(2.0 * n, 0.25), 1 / math.pow(8.0 * n, 0.25))}


@pytest.mark.parametrize("sizes, encoder, decoder", TORCHSCALE)
def test_torchscale(reference, sizes, encoder, decoder):
    found = reference.deepnorm_constants(*sizes)
    assert found["encoder"][0] == pytest.approx(encoder, abs=1e-5)
    assert ("decoder" in found) == (decoder is not None)
    if decoder is not None:
        assert found["decoder"][0] == pytest.approx(decoder, abs=1e-5)


@pytest.mark.parametrize("n_enc, n_dec", [(n, m) for n in (0, 1, 6, 12, 100, 1000) for m in (0, 1, 6, 12, 100, 1000) if n or m])
def test_constants(reference, n_enc, n_dec):
    found, want = reference.deepnorm_constants(n_enc, n_dec), authors(n_enc, n_dec)
    assert found.keys() == want.keys()
    for name in found:
        assert found[name][0] == pytest.approx(want[name][0], rel=1e-12)
        paper = 0.87 / 1.15 if n_enc and n_dec and name == "encoder" else 1.0
        assert found[name][1] == pytest.approx(paper * want[name][1], rel=1e-12)


class Attend(nn.Module):
    def __init__(self, C):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(C, C, bias=False) for _ in range(4))

    def forward(self, x):
        q, k, v = (proj(x)[:, None] for proj in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)[:, 0])


def decoder(L, C):
    parts = [
        nn.ModuleDict({
            "attn": Attend(C),
            "ffn": nn.Sequential(nn.Linear(C, 4 * C, bias=False), nn.ReLU(), nn.Linear(4 * C, C, bias=False)),
            "norm1": nn.LayerNorm(C),
            "norm2": nn.LayerNorm(C),
        })
        for _ in range(L)
    ]  # fmt: skip
    return nn.ModuleList(parts)


@pytest.mark.parametrize("C, beta", [(64, 0.5), (96, 0.1)])
def test_standard_deviations(reference, C, beta):
    torch.manual_seed(0)
    model = decoder(2, C)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    reference.deepnorm_init_(model, beta)
    for name, p in model.named_parameters():
        if p.ndim == 1:
            assert torch.equal(p, before[name])
            continue
        gain = beta if any(word in name for word in ("ffn", "v_proj", "out_proj")) else 1.0
        like = torch.nn.init.xavier_normal_(torch.empty(4 * p.shape[0], p.shape[1]), gain=gain)
        want = gain * math.sqrt(2 / sum(p.shape))
        assert p.std().item() == pytest.approx(want, rel=0.05)
        assert like.std().item() == pytest.approx(gain * math.sqrt(2 / sum(like.shape)), rel=0.05)


def run(reference, model, x, alpha):
    for layer in model:
        x = reference.deepnorm_residual(x, layer["attn"](x), layer["norm1"], alpha)
        x = reference.deepnorm_residual(x, layer["ffn"](x), layer["norm2"], alpha)
    return x


def test_alpha_1_is_pytorchs_post_ln(reference):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    x = torch.randn(2, 5, 8)
    h = reference.deepnorm_residual(x, layer.self_attn(x, x, x, need_weights=False)[0], layer.norm1, 1.0)
    h = reference.deepnorm_residual(h, layer.linear2(layer.linear1(h).relu()), layer.norm2, 1.0)
    torch.testing.assert_close(h, layer(x))


@pytest.mark.slow
@pytest.mark.parametrize("L", [4, 16, 64])
def test_one_step_of_adam(reference, L):
    """The change of the outputs by one step: small with DeepNorm, however deep, and large with Post-LN."""
    sizes = {}
    for kind in ("DeepNorm", "Post-LN"):
        alpha, beta = reference.deepnorm_constants(0, L)["decoder"] if kind == "DeepNorm" else (1.0, 1.0)
        changes = []
        for seed in range(3):
            torch.manual_seed(seed)
            model = decoder(L, 32).double()
            reference.deepnorm_init_(model, beta)
            x, r = torch.randn(2, 8, 32, dtype=torch.float64), torch.randn(2, 8, 32, dtype=torch.float64)
            adam = torch.optim.Adam(model.parameters(), lr=1e-4)
            before = run(reference, model, x, alpha)
            (before * r).sum(-1).mean().backward()
            adam.step()
            changes.append((run(reference, model, x, alpha) - before).square().mean().sqrt().item())
        sizes[kind] = sum(changes) / 3
    assert sizes["DeepNorm"] < 0.03
    if L == 64:
        assert sizes["DeepNorm"] < 0.15 * sizes["Post-LN"]
