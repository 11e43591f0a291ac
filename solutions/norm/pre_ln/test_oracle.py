"""norm/pre_ln against PyTorch's encoder, transformers' GPT-2, finite differences, and the growth that theory predicts."""

import pytest
import torch
from torch import nn


class Attend(nn.Module):
    """The self-attention of PyTorch's encoder layer as a function of x alone."""

    def __init__(self, layer):
        super().__init__()
        self.attention = layer.self_attn

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("L, B, T, C, H, eps", [(1, 2, 5, 12, 3, 1e-5), (3, 1, 4, 8, 2, 0.1), (2, 3, 1, 16, 4, 1e-5)])
def test_pytorchs_encoder(reference, L, B, T, C, H, eps, dtype):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(C, H, 2 * C, dropout=0.0, batch_first=True, norm_first=True, layer_norm_eps=eps)
    theirs = nn.TransformerEncoder(layer, L, norm=nn.LayerNorm(C, eps), enable_nested_tensor=False).to(dtype)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.4)
    pairs = [(Attend(each), nn.Sequential(each.linear1, nn.ReLU(), each.linear2)) for each in theirs.layers]
    ours = reference.PreLNStack(C, pairs, eps).to(dtype)
    for mine, each in zip(ours.layers, theirs.layers, strict=True):
        mine["norm1"].load_state_dict(each.norm1.state_dict())
        mine["norm2"].load_state_dict(each.norm2.state_dict())
    ours.norm.load_state_dict(theirs.norm.state_dict())
    x = torch.randn(B, T, C, dtype=dtype, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    wanted = [x, theirs.layers[0].linear1.weight, theirs.layers[-1].self_attn.in_proj_weight]
    one, two = (torch.autograd.grad(model(x).sin().sum(), wanted) for model in (ours, theirs))
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4 if dtype == torch.float32 else 1e-9)


def test_gpt_2(reference):
    gpt = pytest.importorskip("transformers.models.gpt2.modeling_gpt2")
    config = gpt.GPT2Config(n_embd=12, n_head=3, n_layer=3, n_positions=9, vocab_size=11, attn_implementation="eager")
    torch.manual_seed(0)
    theirs = gpt.GPT2Model(config).eval()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.4)
    pairs = []
    for block in theirs.h:
        attend = nn.Module()
        attend.inner, attend.forward = block.attn, lambda x, inner=block.attn: inner(x)[0]
        pairs.append((attend, block.mlp))
    ours = reference.PreLNStack(12, pairs, config.layer_norm_epsilon).eval()
    for mine, block in zip(ours.layers, theirs.h, strict=True):
        mine["norm1"].load_state_dict(block.ln_1.state_dict())
        mine["norm2"].load_state_dict(block.ln_2.state_dict())
    ours.norm.load_state_dict(theirs.ln_f.state_dict())
    x = torch.randn(1, 5, 12)
    mask = torch.full((5, 5), torch.finfo(torch.float32).min).triu(1)[None, None]
    hidden = x
    for block in theirs.h:  # GPT-2's own blocks; alone, its attention sees all tokens unless it is told a mask
        out = block(hidden, attention_mask=mask)
        hidden = out[0] if isinstance(out, tuple) else out
    for (attend, _), block in zip(pairs, theirs.h, strict=True):
        attend.forward = lambda x, inner=block.attn: inner(x, attention_mask=mask)[0]
    torch.testing.assert_close(ours(x), theirs.ln_f(hidden))
    torch.testing.assert_close(ours(x), theirs(inputs_embeds=x - theirs.wpe.weight[:5]).last_hidden_state, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["pre", "post"])
@pytest.mark.parametrize("L, C, seed", [(1, 3, 0), (2, 3, 1)])
def test_finite_differences(reference, kind, L, C, seed):
    """Each entry of each matrix is moved, and the loss computed anew."""
    sublayers, x, r = reference.toy_model(L, C, seed)

    def norm(h):
        return (h - h.mean(-1, keepdim=True)) / (h.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()

    @torch.no_grad()
    def loss():
        h = x
        for attn, ffn in sublayers:
            if kind == "pre":
                h = h + attn(norm(h))
                h = h + ffn(norm(h))
            else:
                h = norm(h + attn(h))
                h = norm(h + ffn(h))
        h = norm(h) if kind == "pre" else h
        return torch.einsum("btc,btc->", h, r).item() / 64

    found = []
    for _, ffn in sublayers:
        total = 0.0
        flat = ffn.down.data.view(-1)
        for i in range(flat.numel()):
            flat[i] += 1e-5
            above = loss()
            flat[i] -= 2e-5
            total += ((above - loss()) / 2e-5) ** 2
            flat[i] += 1e-5
        found.append(total**0.5)
    assert reference.grad_profile(kind, L, C, seed) == pytest.approx(found, rel=1e-6)


def test_growth_with_depth(reference):
    """Theorem 1 of Xiong et al.: the last layer's gradient stays with Post-LN and falls as 1/√L with Pre-LN."""
    last = {
        kind: {L: sum(reference.grad_profile(kind, L, 12, seed)[-1] for seed in range(3)) / 3 for L in (2, 8, 32)}
        for kind in ("pre", "post")
    }
    pre, post = last["pre"], last["post"]
    assert 0.8 < post[8] / post[2] < 1.25 and 0.8 < post[32] / post[2] < 1.25
    assert 0.4 < pre[8] / pre[2] < 0.7 and 0.15 < pre[32] / pre[2] < 0.35


def test_zero_parts_leave_the_stream(reference):
    class Zero(nn.Module):
        def forward(self, x):
            return torch.zeros_like(x)

    x = torch.randn(2, 3, 5)
    stack = reference.PreLNStack(5, [(Zero(), Zero())] * 7)
    assert torch.equal(stack(x), nn.functional.layer_norm(x, (5,)))
