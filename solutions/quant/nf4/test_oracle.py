"""quant/nf4 against bitsandbytes (on the CPU, and on a GPU where there is one)."""

import pytest
import torch


@pytest.fixture(scope="module")
def bnb():
    return pytest.importorskip("bitsandbytes.functional")


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_levels(reference, bnb):
    want = bnb.get_4bit_type("nf4", device="cpu")
    torch.testing.assert_close(reference.nf4_codebook(), want, atol=1e-6, rtol=0)


@pytest.mark.parametrize("block", [64, 128, 256])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_codes_scales_and_weights(reference, bnb, block, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    w = normal(32, 256, seed=block).to(device)
    want, state = bnb.quantize_4bit(w, blocksize=block, quant_type="nf4")
    packed, absmax = reference.quantize_nf4(w, block=block)
    torch.testing.assert_close(absmax, state.absmax)
    assert (packed != want.flatten()).sum() <= 2  # a value in the middle of two levels, to the last bit
    back = reference.dequantize_nf4(want.flatten(), state.absmax, tuple(w.shape), block=block)
    torch.testing.assert_close(back, bnb.dequantize_4bit(want, state), atol=1e-6, rtol=1e-6)


def test_double_quantization_is_about_as_good_as_theirs(reference, bnb):
    """The offset is the same; their 8-bit grid is another one, so errors are compared and not codes."""
    w = normal(512, 256)
    _, state = bnb.quantize_4bit(w, blocksize=64, quant_type="nf4", compress_statistics=True)
    _, absmax = reference.quantize_nf4(w)
    codes, scales, offset = reference.double_quant(absmax)
    torch.testing.assert_close(offset, state.offset)
    theirs = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
    ours = reference.double_dequant(codes, scales, offset)
    assert (ours - absmax).square().mean() <= (theirs - absmax).square().mean()
    assert ((ours - absmax).abs() <= scales.repeat_interleave(256)[: len(absmax)] / 2 + 1e-6).all()


def test_every_level_is_used_by_normal_weights(reference):
    packed, _ = reference.quantize_nf4(normal(1024, 256))
    used = torch.cat([packed >> 4, packed & 15]).long().bincount(minlength=16) / (1024 * 256)
    assert used.min() > 0.015 and used.max() < 0.11  # 1.7 % at the ends, 9.3 % next to zero


def test_quantizing_again_changes_nothing(reference):
    for seed in range(5):
        w = normal(7, 33, seed=seed)
        packed, absmax = reference.quantize_nf4(w, block=16)
        back = reference.dequantize_nf4(packed, absmax, (7, 33), block=16)
        again, same = reference.quantize_nf4(back, block=16)
        assert torch.equal(packed, again) and torch.equal(absmax, same)
        levels = reference.nf4_codebook()
        gap = (levels[1:] - levels[:-1]).max() / 2
        assert ((back - w).abs().flatten() <= absmax.repeat_interleave(16)[: 7 * 33] * gap * 1.0001).all()


def test_paper_sizes(reference):
    assert reference.bits_per_parameter(64) == 4.5
    assert reference.bits_per_parameter(64, 256) == pytest.approx(
        4.127, abs=1e-3
    )  # QLoRA, section 3: 0.5 becomes 0.127 bits


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_bfloat16_product_of_dequantized_weights(reference):
    w, x = normal(128, 256).cuda(), normal(8, 256, seed=1).cuda().bfloat16()
    packed, absmax = reference.quantize_nf4(w)
    back = reference.dequantize_nf4(packed, absmax, (128, 256)).bfloat16()
    want = x.double() @ back.double().T
    assert ((x @ back.T).double() - want).abs().max() <= 2e-2 * want.abs().max()
