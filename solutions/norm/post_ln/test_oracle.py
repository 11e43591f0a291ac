"""norm/post_ln against PyTorch's norms and encoder layer, and transformers' Llama and GPT-1."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

SHAPES = [(7,), (3, 4), (2, 3, 5), (2, 3, 4, 6), (5, 300)]
WIDE, NARROW = [torch.float32, torch.float64], [torch.bfloat16, torch.float16]


def numbers(shape, dtype, scale=1.0, offset=0.0):
    generator = torch.Generator().manual_seed(sum(shape))
    x, w, b = (torch.randn(s, generator=generator, dtype=torch.float64) for s in (shape, shape[-1:], shape[-1:]))
    return [t.to(dtype).requires_grad_() for t in (x * scale + offset, w, b)]


def same_gradients(ours, theirs, tensors):
    one, two = (torch.autograd.grad(each.sin().sum(), tensors) for each in (ours, theirs))
    close = {} if ours.dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(one, two, **close)


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("scale, offset, eps", [(1.0, 0.0, 1e-5), (30.0, 7.0, 1e-12), (1e-2, 0.0, 1e-5), (1.0, 1.0, 0.5)])
@pytest.mark.parametrize("shape", SHAPES)
def test_pytorch(reference, shape, scale, offset, eps, dtype):
    x, w, b = numbers(shape, dtype, scale, offset)
    ours, theirs = reference.layer_norm(x, w, b, eps), F.layer_norm(x, shape[-1:], w, b, eps)
    torch.testing.assert_close(ours, theirs)
    same_gradients(ours, theirs, [x, w, b])
    torch.testing.assert_close(reference.layer_norm(x, w, None, eps), F.layer_norm(x, shape[-1:], w, None, eps))
    ours, theirs = reference.rms_norm(x, w, eps), F.rms_norm(x, shape[-1:], w, eps)
    torch.testing.assert_close(ours, theirs)
    same_gradients(ours, theirs, [x, w])


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("scale, offset", [(1.0, 0.0), (1000.0, 0.0), (1.0, 20.0)])
@pytest.mark.parametrize("shape", SHAPES)
def test_pytorch_with_16_bits(reference, shape, scale, offset, dtype):
    """To two units in the last place: PyTorch multiplies RMS norm by w before it rounds."""
    x, w, b = numbers(shape, dtype, scale, offset)
    close = {"rtol": 2 * torch.finfo(dtype).eps, "atol": 2**-14}
    torch.testing.assert_close(reference.layer_norm(x, w, b), F.layer_norm(x, shape[-1:], w, b, 1e-5), **close)
    torch.testing.assert_close(reference.rms_norm(x, w), F.rms_norm(x, shape[-1:], w, 1e-6), **close)


@pytest.mark.parametrize("dtype", [torch.float32, *NARROW])
def test_llama_to_the_last_bit(reference, dtype):
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    x, w, _ = numbers((2, 3, 48), dtype, 5.0)
    norm = llama.LlamaRMSNorm(48, eps=1e-6).to(dtype)
    with torch.no_grad():
        norm.weight.copy_(w)
    ours = reference.rms_norm(x, w)
    if dtype == torch.float32:
        torch.testing.assert_close(ours, norm(x))
    else:
        torch.testing.assert_close(ours, norm(x), rtol=torch.finfo(dtype).eps, atol=0)  # a root and a reciprocal root


def test_a_large_mean(reference):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 32, generator=generator) + 1000
    exact = F.layer_norm(x.double(), (32,))
    assert (reference.layer_norm(x, torch.ones(32), None) - exact).abs().max() < 2e-4
    short = (x - x.mean(-1, keepdim=True)) / (x.square().mean(-1, keepdim=True) - x.mean(-1, keepdim=True).square() + 1e-5).sqrt()
    assert (short - exact).abs().max() > 2e-2


class First(nn.Module):
    """The self-attention of PyTorch's encoder layer as a function of x alone."""

    def __init__(self, layer):
        super().__init__()
        self.attention = layer.self_attn

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("B, T, C, H, F_, eps", [(2, 5, 12, 3, 20, 1e-5), (1, 7, 8, 2, 8, 0.1), (3, 1, 16, 4, 5, 1e-5)])
def test_pytorchs_encoder_layer(reference, B, T, C, H, F_, eps, dtype):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(C, H, F_, dropout=0.0, batch_first=True, layer_norm_eps=eps, dtype=dtype)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    ffn = nn.Sequential(layer.linear1, nn.ReLU(), layer.linear2)
    block = reference.PostLNBlock(C, First(layer), ffn, eps).to(dtype)
    for ours, theirs in ((block.norm1, layer.norm1), (block.norm2, layer.norm2)):
        ours.load_state_dict(theirs.state_dict())
    x = torch.randn(B, T, C, dtype=dtype, requires_grad=True)
    torch.testing.assert_close(block(x), layer(x))
    same_gradients(block(x), layer(x), [x, layer.linear1.weight, layer.self_attn.in_proj_weight])


def test_gpt_1(reference):
    """The block of OpenAI's first GPT, which is Post-LN."""
    gpt = pytest.importorskip("transformers.models.openai.modeling_openai")
    config = gpt.OpenAIGPTConfig(n_embd=12, n_head=3, n_layer=2, n_positions=9, vocab_size=11, attn_implementation="eager")
    torch.manual_seed(0)
    theirs = gpt.OpenAIGPTModel(config).eval().h[1]
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.5)
    attend = nn.Module()
    attend.inner, attend.forward = theirs.attn, lambda x: theirs.attn(x)[0]
    block = reference.PostLNBlock(12, attend, theirs.mlp, config.layer_norm_epsilon)
    block.norm1.load_state_dict(theirs.ln_1.state_dict())
    block.norm2.load_state_dict(theirs.ln_2.state_dict())
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(block(x), theirs(x)[0])


def test_worked_examples(reference):
    y = reference.layer_norm(torch.tensor([1.0, 2.0, 3.0, 6.0]), torch.ones(4), None, 0.0)
    torch.testing.assert_close(y, torch.tensor([-2.0, -1.0, 0.0, 3.0]) / 3.5**0.5)
    z = reference.rms_norm(torch.tensor([1.0, 2.0, 3.0, 6.0]), torch.ones(4), 0.0)
    torch.testing.assert_close(z, torch.tensor([1.0, 2.0, 3.0, 6.0]) / 12.5**0.5)


@pytest.mark.parametrize("factor, shift", [(3.0, 0.0), (0.25, 100.0), (1.0, -7.0)])
def test_scale_and_shift_do_not_matter(reference, factor, shift):
    x, w, b = numbers((4, 9), torch.float64)
    torch.testing.assert_close(
        reference.layer_norm(factor * x + shift, w, b, 0.0), reference.layer_norm(x, w, b, 0.0), rtol=1e-9, atol=1e-9
    )
    torch.testing.assert_close(reference.rms_norm(factor * x, w, 0.0), reference.rms_norm(x, w, 0.0))
