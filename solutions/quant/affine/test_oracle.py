"""quant/affine against torchao's affine primitives, PyTorch's fake quantization, and float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F


@pytest.fixture(scope="module")
def torchao():
    return pytest.importorskip("torchao.quantization.quant_primitives")


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(
    "axis, group, block", [(None, None, (6, 32)), (0, None, (1, 32)), (1, None, (6, 1)), (None, 8, (1, 8))]
)
def test_all_of_it_is_what_torchao_gives(reference, torchao, bits, symmetric, axis, group, block):
    x = normal(6, 32, seed=bits) * 3 + (0.5 if not symmetric else 0)
    low, high = (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if symmetric else (0, 2**bits - 1)
    kind = torchao.MappingType.SYMMETRIC if symmetric else torchao.MappingType.ASYMMETRIC
    dtype = torch.int8 if symmetric else torch.uint8
    s, z = torchao.choose_qparams_affine(x, kind, block, dtype, low, high, eps=1e-12)
    want_codes = torchao.quantize_affine(x, block, s, z, dtype, low, high)
    want = torchao.dequantize_affine(want_codes, block, s, z, dtype, low, high)
    ours_s, ours_z = reference.qparams(x, bits, symmetric, axis=axis, group=group)
    torch.testing.assert_close(ours_s.flatten(), s.flatten())
    assert torch.equal(ours_z.flatten(), z.flatten())
    codes = reference.quantize(x, ours_s, ours_z, bits, symmetric)
    assert (
        codes.int() - want_codes.int()
    ).abs().sum() <= 1  # it multiplies by 1 / s: one last bit next to a half may differ
    torch.testing.assert_close(reference.dequantize(want_codes, ours_s, ours_z), want)


@pytest.mark.parametrize("axis", [None, 0])
def test_the_gradient_is_that_of_fake_quantize(reference, axis):
    x = (normal(5, 9) * 4).requires_grad_()
    ours = x.detach().clone().requires_grad_()
    s, z = reference.qparams(x.detach() / 2, 4, False, axis=axis)  # half the range: some are clamped
    if axis is None:
        want = torch.fake_quantize_per_tensor_affine(x, s.item(), z.item(), 0, 15)
    else:
        want = torch.fake_quantize_per_channel_affine(x, s.flatten(), z.flatten(), axis, 0, 15)
    got = reference.fake_quant(ours, s, z, 4, False)
    torch.testing.assert_close(got, want)
    weights = normal(5, 9, seed=1)
    (got * weights).sum().backward()
    (want * weights).sum().backward()
    assert torch.equal(ours.grad, x.grad)
    assert (x.grad == 0).any()


def test_the_layer_is_the_product_of_dequantized_tensors(reference):
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        n, c, o = (int(each) for each in torch.randint(1, 40, (3,), generator=generator))
        x, w, bias = normal(n, c, seed=seed), normal(o, c, seed=seed + 100), normal(o, seed=seed + 200)
        sx, zx = reference.qparams(x, 8, False)
        sw, zw = reference.qparams(w, 8, True, axis=0)
        xq, wq = reference.quantize(x, sx, zx, 8, False), reference.quantize(w, sw, zw, 8, True)
        wide = reference.dequantize(xq, sx.double(), zx), reference.dequantize(wq, sw.double(), zw)
        want = F.linear(*wide, bias.double())
        got = reference.int8_linear(xq, sx, zx, wq, sw, bias)
        torch.testing.assert_close(got, want.float(), atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_error_is_half_a_step_at_most_and_zero_stays_zero(reference, symmetric):
    for seed in range(20):
        x = normal(4, 24, seed=seed, dtype=torch.float64)
        x[:, 3] = 0
        s, z = reference.qparams(x, 5, symmetric, group=6)
        codes = reference.quantize(x, s, z, 5, symmetric)
        back = reference.dequantize(codes, s, z)
        # With a rounded zero-point, the ends of an asymmetric range may be half a step off the grid: a step in all.
        assert ((back - x).abs() <= s.repeat_interleave(6, -1) * (0.5 if symmetric else 1.0) + 1e-12).all()
        assert (back[:, 3] == 0).all()
        assert torch.equal(reference.quantize(back, s, z, 5, symmetric), codes)


def test_the_percentile_of_more_entries_than_torch_quantile_takes(reference):
    batches = [torch.arange(1000.0).repeat(17_000), torch.full((3,), 5000.0)]
    with pytest.raises(RuntimeError):
        torch.cat(batches).quantile(0.999)
    got = reference.calibrate(batches, "percentile", percentile=99.9)
    assert got == pytest.approx(np.percentile(torch.cat(batches).numpy(), 99.9), rel=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_layer_on_a_gpu(reference):
    generator = torch.Generator().manual_seed(0)
    xq = torch.randint(0, 256, (32, 128), dtype=torch.uint8, generator=generator)
    wq = torch.randint(-127, 128, (64, 128), dtype=torch.int8, generator=generator)
    rest = torch.tensor(0.1), torch.tensor(7, dtype=torch.int32), wq, torch.full((64, 1), 0.01), None
    want = reference.int8_linear(xq, *rest)
    got = reference.int8_linear(xq.cuda(), *(None if each is None else each.cuda() for each in rest))
    torch.testing.assert_close(got.cpu(), want)
