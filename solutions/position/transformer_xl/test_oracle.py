"""position/transformer_xl against transformers' Transformer-XL (recorded), its Conformer and XLNet, and the formula in loops."""

import json
import math
from pathlib import Path

import pytest
import torch

RECORDED = json.loads(Path(__file__).with_name("relative_attention.json").read_text())["cases"]
SIZES = [(1, 3, 0, 4, 2, 3), (2, 2, 3, 2, 1, 2), (1, 1, 4, 6, 3, 1), (2, 4, 1, 4, 2, 2)]  # B, T, M, C, H, D


def made(B, T, M, C, H, D):
    generator = torch.Generator().manual_seed(T + M)
    shapes = {"q": (H * D, C), "ke": (H * D, C), "kr": (H * D, C), "v": (H * D, C), "o": (C, H * D)}
    W = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    h, mem, u, v = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((B, T, C), (B, M, C), (H, D), (H, D))
    )
    return h, mem, W, u, v


@pytest.mark.parametrize("case", RECORDED)
def test_transformers_4(reference, case):
    """Values and the gradients of all weights of `RelPartialLearnableMultiHeadAttn`, which computes in float32."""
    B, M, C = len(case["mem"]), len(case["mem"][0]), len(case["W"]["q"][0])
    mem = torch.tensor(case["mem"], dtype=torch.float64).view(B, M, C)
    h, u, v = (torch.tensor(case[name], dtype=torch.float64).requires_grad_() for name in ("h", "u", "v"))
    W = {name: torch.tensor(w, dtype=torch.float64).requires_grad_() for name, w in case["W"].items()}
    out = reference.txl_attention(h, mem, W, u, v, case["H"])
    torch.testing.assert_close(out, torch.tensor(case["out"], dtype=torch.float64), atol=1e-5, rtol=1e-5)
    theirs = out.transpose(0, 1)
    (theirs * torch.arange(theirs.numel()).view(theirs.shape).cos()).sum().backward()
    ours = {"u": u, "v": v, "q": W["q"], "ke": W["ke"], "kr": W["kr"], "v_weight": W["v"], "o": W["o"]}
    for name, gradient in case["gradients"].items():
        torch.testing.assert_close(ours[name].grad, torch.tensor(gradient, dtype=torch.float64), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("B, T, C, H", [(2, 5, 8, 2), (1, 4, 6, 1), (2, 1, 12, 3)])
def test_conformer(reference, B, T, C, H):
    """Wav2Vec2-Conformer has the same scores, for distances in both directions, and sines and cosines in turn."""
    module = pytest.importorskip("transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer")
    config = module.Wav2Vec2ConformerConfig(
        hidden_size=C, num_attention_heads=H, position_embeddings_type="relative", attn_implementation="eager",
        attention_dropout=0.0, max_source_positions=20,
    )  # fmt: skip
    torch.manual_seed(T)
    layer = module.Wav2Vec2ConformerSelfAttention(config).eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    for linear in (layer.linear_q, layer.linear_k, layer.linear_v, layer.linear_out):
        torch.nn.init.zeros_(linear.bias)
    h = torch.randn(B, T, C)
    positions = module.Wav2Vec2ConformerRelPositionalEmbedding(config)(h)  # T-1 … -(T-1)
    mask = torch.full((B, 1, T, T), torch.finfo(torch.float32).min).triu(1)
    want = layer(h, attention_mask=mask, relative_position_embeddings=positions)[0]
    kr = layer.linear_pos.weight
    W = {
        "q": layer.linear_q.weight, "ke": layer.linear_k.weight, "v": layer.linear_v.weight, "o": layer.linear_out.weight,
        "kr": torch.cat([kr[:, 0::2], kr[:, 1::2]], dim=1),
    }  # fmt: skip
    u, v = layer.pos_bias_u, layer.pos_bias_v
    got = reference.txl_attention(h, h.new_zeros(B, 0, C), W, u, v, H)
    torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)
    wanted = [u, v, kr, W["q"], W["v"]]
    ours, theirs = (torch.autograd.grad(out.sin().sum(), wanted, retain_graph=True) for out in (got, want))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("T, S", [(3, 3), (2, 5), (1, 4), (5, 6)])
def test_xlnet_shifts_alike(reference, T, S):
    """XLNet's shift, for columns of S + T distances from S to -T + 1: its first ones are ours, one place later."""
    xlnet = pytest.importorskip("transformers.models.xlnet.modeling_xlnet")
    shift = xlnet.XLNetRelativeAttention.rel_shift_bnij
    x = torch.randn(2, 3, T, S + T, generator=torch.Generator().manual_seed(0))  # distance S - c in column c
    theirs = shift(x, klen=S)
    ours = reference.rel_shift(x[..., 1 : S + 1].contiguous())  # distances S - 1 … 0
    torch.testing.assert_close(ours.tril(S - T), theirs.tril(S - T))


@pytest.mark.parametrize("size", SIZES)
def test_the_formula_in_loops(reference, size):
    """In Python's floats: R of i - j for each pair, no shift, nothing shared with the reference."""
    B, T, M, C, H, D = size
    h, mem, W, u, v = made(*size)
    x = torch.cat([mem, h], 1).tolist()
    w = {name: each.tolist() for name, each in W.items()}

    def times(matrix, vector):
        return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]

    def R(d):
        angles = [d * 10000 ** (-2 * i / C) for i in range(C // 2)]
        return [math.sin(a) for a in angles] + [math.cos(a) for a in angles]

    want = torch.empty(B, T, C, dtype=torch.float64)
    for b in range(B):
        for t in range(T):
            i, heads = M + t, []
            for a in range(H):
                part = slice(a * D, a * D + D)
                q = times(w["q"][part], x[b][i])
                e = []
                for j in range(i + 1):
                    k, r = times(w["ke"][part], x[b][j]), times(w["kr"][part], R(i - j))
                    terms = [(q[d] + u[a, d].item()) * k[d] + (q[d] + v[a, d].item()) * r[d] for d in range(D)]
                    e.append(math.exp(sum(terms) / math.sqrt(D)))
                values = [times(w["v"][part], x[b][j]) for j in range(i + 1)]
                heads += [sum(p * value[d] for p, value in zip(e, values, strict=True)) / sum(e) for d in range(D)]
            want[b, t] = torch.tensor(times(w["o"], heads), dtype=torch.float64)
    torch.testing.assert_close(reference.txl_attention(h, mem, W, u, v, H), want)


@pytest.mark.parametrize("size", SIZES)
def test_no_gradient_into_the_memory(reference, size):
    h, mem, W, u, v = made(*size)
    mem.requires_grad_()
    h.requires_grad_()
    out = reference.txl_attention(h, mem, W, u, v, size[4])
    assert torch.autograd.grad(out.sum(), mem, allow_unused=True) == (None,)


def test_gradients(reference):
    h, mem, W, u, v = made(1, 2, 2, 2, 1, 2)

    def attention(h, u, v, *weights):
        return reference.txl_attention(h, mem, dict(zip(W, weights, strict=True)), u, v, 1)

    assert torch.autograd.gradcheck(attention, [x.requires_grad_() for x in (h, u, v, *W.values())])


def test_two_layers_see_twice_as_far(reference):
    """Each layer reaches back by the memory: with M = 2 and segments of 2, the second layer's output depends on token t - 4."""
    _, _, W, u, v = made(1, 2, 2, 4, 2, 2)
    x = torch.randn(1, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def run(x):
        mems = [x[:, :0], x[:, :0]]
        for start in (0, 2, 4):
            h = x[:, start : start + 2]
            for layer in range(2):
                out = reference.txl_attention(h, mems[layer], W, u, v, 2)
                mems[layer] = reference.update_mem(mems[layer], h, 2)
                h = out
        return h

    changed = x.clone()
    changed[:, 0] += 1
    assert not torch.allclose(run(x), run(changed))
