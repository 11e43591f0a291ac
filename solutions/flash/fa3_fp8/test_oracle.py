"""flash/fa3_fp8 against ml_dtypes, scipy's Hadamard matrix, PyTorch's attention, and a schedule that is simulated event by event."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F


def normal(*shape, seed, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def all_numbers():
    """What eight bits can be in e4m3fn, from its definition: a sign, four bits of exponent with bias 7, three behind the point."""
    positive = [m / 8 * 2.0**-6 for m in range(8)] + [(1 + m / 8) * 2.0 ** (e - 7) for e in range(1, 16) for m in range(8)][:-1]
    return torch.tensor(sorted({*positive, *(-each for each in positive)}), dtype=torch.float64)


@pytest.mark.parametrize("T, block", [(8, 4), (7, 3), (5, 1), (4, 100), (130, 64)])
def test_eight_bits_are_the_nearest(reference, T, block):
    x = normal(2, 3, T, 8, seed=T, dtype=torch.float32)
    x[0, 1] = 0.0
    x8, scale = reference.quantize_fp8_blocks(x, block)
    numbers = all_numbers()
    assert len(numbers) == 253 and float(numbers.max()) == 448.0
    for t in range(T):
        own = scale[:, :, t // block]
        largest = x[:, :, t // block * block : (t // block + 1) * block].abs().amax((2, 3))
        torch.testing.assert_close(own, torch.where(largest == 0, torch.ones(()), largest / 448))
        quotient = (x[:, :, t] / own[..., None]).double()
        nearest = numbers[(quotient[..., None] - numbers).abs().argmin(-1)]
        torch.testing.assert_close(x8[:, :, t].double(), nearest, rtol=0, atol=0)


def test_eight_bits_are_those_of_ml_dtypes(reference):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = normal(1, 1, 64, 8, seed=1, dtype=torch.float32)
    x8, scale = reference.quantize_fp8_blocks(x, 64)
    codes = (x / scale[..., None]).numpy().astype(ml_dtypes.float8_e4m3fn)
    assert bytes(x8.view(torch.uint8).numpy()) == codes.tobytes()


@pytest.mark.parametrize("D", [1, 2, 4, 16, 128])
def test_rotation_is_scipys_hadamard(reference, D):
    linalg = pytest.importorskip("scipy.linalg")
    x, signs = normal(3, D, seed=D), torch.randint(0, 2, (D,), generator=torch.Generator().manual_seed(D)) * 2 - 1
    want = (x * signs) @ torch.from_numpy(linalg.hadamard(D)).double() / math.sqrt(D)
    got = reference.hadamard_rotate(x, signs)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(got @ got.mT, x @ x.mT)  # (Mq)·(Mk) = q·k


@pytest.mark.parametrize("incoherent", [False, True])
def test_attention(reference, incoherent):
    q, k, v = normal(2, 3, 5, 8, seed=1), normal(2, 3, 9, 8, seed=2), normal(2, 3, 9, 8, seed=3)
    signs = torch.tensor([1, -1, -1, 1, 1, 1, -1, 1])
    given = [reference.hadamard_rotate(x, signs) if incoherent and x is not v else x for x in (q, k, v)]
    made = []
    for x in given:
        x8, scale = reference.quantize_fp8_blocks(x, 4)
        made.append(x8.double() * scale.repeat_interleave(4, -1)[..., : x.shape[2], None])
    got = reference.fa3_fp8_attention(q, k, v, 4, incoherent, signs)
    torch.testing.assert_close(got, F.scaled_dot_product_attention(*made))
    assert (got - F.scaled_dot_product_attention(q, k, v)).abs().max() < 0.2


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("incoherent", [False, True])
def test_attention_with_torchs_product_of_eight_bits(reference, incoherent, device):
    """`torch._scaled_mm` multiplies eight-bit numbers and scales, one scale for each head: on a GPU with its matrix unit."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    D = 64
    q, k, v = (normal(1, 2, length, D, seed=length, dtype=torch.float32).to(device) for length in (16, 48, 48))
    signs = torch.randint(0, 2, (D,), generator=torch.Generator().manual_seed(5)).to(device) * 2 - 1
    q8, k8, v8 = (
        reference.quantize_fp8_blocks(reference.hadamard_rotate(x, signs) if incoherent and x is not v else x, 48)
        for x in (q, k, v)
    )
    for h in range(2):
        scores = torch._scaled_mm(
            q8[0][0, h], k8[0][0, h].t(), scale_a=q8[1][0, h, 0], scale_b=k8[1][0, h, 0], out_dtype=torch.float32
        )
        want = (scores / math.sqrt(D)).softmax(-1) @ (v8[0][0, h].float() * v8[1][0, h])
        got = reference.fa3_fp8_attention(q, k, v, 48, incoherent, signs)[0, h]
        torch.testing.assert_close(got, want, atol=1e-5 if device == "cpu" else 1e-2, rtol=1e-4)


def test_blocks_and_rotation_lower_the_error(reference):
    """Outliers as in the paper's section 4.3, in queries and keys: against one scale for each head."""
    generator, D, ratios = torch.Generator().manual_seed(0), 128, []

    def drawn():
        x = torch.randn(1, 1, 256, D, generator=generator)
        return x + 10 * torch.randn(1, 1, 256, D, generator=generator) * (torch.rand(1, 1, 256, D, generator=generator) < 0.001)

    for _ in range(8):
        q, k, v = drawn(), drawn(), torch.randn(1, 1, 256, D, generator=generator)
        signs = torch.randint(0, 2, (D,), generator=generator) * 2 - 1
        want = F.scaled_dot_product_attention(q.double(), k.double(), v.double())
        errors = [(got - want).square().mean().sqrt() for got in (
            reference.fa3_fp8_attention(q, k, v, 256), reference.fa3_fp8_attention(q, k, v, 64, True, signs))]  # fmt: skip
        ratios.append(float(errors[0] / errors[1]))
    assert sum(ratios) / len(ratios) > 1.15, ratios


@pytest.mark.parametrize("n, gemm, softmax", [(1, 1.0, 4.0), (3, 2.0, 1.0), (2, 1.0, 3.0), (5, 1.0, 2.0), (6, 0.5, 3.0), (4, 1.0, 0.0)])
def test_turns_step_by_step(reference, n, gemm, softmax):
    """Every product and every softmax is placed on its unit, in the order of turns; then the rules are checked one by one."""
    scores, weights, values, free = {}, {}, {}, 0.0
    for turn in range(n + 1):
        for group in (0, 1):
            if turn:
                begin = max(free, weights[group, turn - 1])
                values[group, turn - 1] = free = begin + gemm
            if turn < n:
                scores[group, turn] = free = free + gemm
                weights[group, turn] = free + softmax
    makespan = reference.pingpong_makespan(n, gemm, softmax, overlap=True)
    assert math.isclose(makespan, max(values.values()))
    products = sorted([*scores.values(), *values.values()])
    assert all(b - a >= gemm - 1e-12 for a, b in pairwise(products))  # one at a time
    assert makespan >= max(4 * n * gemm, n * (2 * gemm + softmax)) - 1e-12  # the unit's work, and a group's own chain
    assert makespan <= reference.pingpong_makespan(n, gemm, softmax, overlap=False)
