"""quant/float_formats against ml_dtypes, NumPy, torch and torchao: every code of every format, and roundings of many kinds of numbers."""

import math

import numpy as np
import pytest
import torch

ML = {
    "bf16": ("bfloat16", np.uint16),
    "fp8_e5m2": ("float8_e5m2", np.uint8),
    "fp8_e4m3": ("float8_e4m3fn", np.uint8),
    "fp6_e3m2": ("float6_e3m2fn", np.uint8),
    "fp6_e2m3": ("float6_e2m3fn", np.uint8),
    "fp4_e2m1": ("float4_e2m1fn", np.uint8),
    "e8m0": ("float8_e8m0fnu", np.uint8),
}
TORCH = {
    "fp16": (torch.float16, torch.int16),
    "bf16": (torch.bfloat16, torch.int16),
    "fp8_e5m2": (torch.float8_e5m2, torch.uint8),
    "fp8_e4m3": (torch.float8_e4m3fn, torch.uint8),
    "e8m0": (torch.float8_e8m0fnu, torch.uint8),
}
SIGNED = ["fp16", "bf16", "tf32", "fp8_e5m2", "fp8_e4m3", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1"]


def bits_of(f):
    return f.e if f.kind == "scale" else 1 + f.e + f.m


def same(got, want):
    """Equal with the sign of zeros; nan with nan."""
    with np.errstate(invalid="ignore"):
        got, want = (np.asarray(each).astype(np.float64) for each in (got, want))
    number = ~np.isnan(want)
    assert np.array_equal(np.isnan(got), ~number)
    assert np.array_equal(got[number], want[number])
    assert np.array_equal(np.signbit(got[number]), np.signbit(want[number]))


def decoded(reference, name):
    f = reference.FORMATS[name]
    return [reference.decode(code, f) for code in range(2 ** bits_of(f))]


@pytest.mark.parametrize("name", ML)
def test_all_codes_are_those_of_ml_dtypes(reference, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype, unsigned = ML[name]
    codes = np.arange(2 ** bits_of(reference.FORMATS[name]), dtype=unsigned)
    same(decoded(reference, name), codes.view(getattr(ml_dtypes, dtype)))


@pytest.mark.parametrize("name", TORCH)
def test_all_codes_are_those_of_torch(reference, name):
    dtype, integers = TORCH[name]
    codes = torch.arange(2 ** bits_of(reference.FORMATS[name])).to(integers)
    same(decoded(reference, name), codes.view(dtype).double())


def test_all_codes_of_numpys_float16_and_of_tf32(reference):
    same(decoded(reference, "fp16"), np.arange(2**16, dtype=np.uint16).view(np.float16))
    codes = np.arange(0, 2**19, 3, dtype=np.uint32)
    f = reference.FORMATS["tf32"]
    same([reference.decode(int(code), f) for code in codes], (codes << 13).view(np.float32))  # a float32 that lost 13 bits


def test_every_number_is_encoded_as_itself(reference):
    for name in SIGNED:
        f = reference.FORMATS[name]
        for code in range(0, 2 ** bits_of(f), 1 if bits_of(f) < 16 else 13):
            x = reference.decode(code, f)
            if not math.isnan(x):
                assert reference.encode_rne(x, f, saturate=False) == code


def numbers(reference, name, seed=0):
    """float32 numbers: near the format's own, halfway between neighbours, one bit beside it, and of any size."""
    f, rng = reference.FORMATS[name], np.random.default_rng(seed)
    limits = reference.table(f)
    codes = rng.integers(0, 2 ** (f.e + f.m) - 2**f.m, 400)
    low, high = (np.array([reference.decode(int(code) + k, f) for code in codes]) for k in (0, 1))
    middle = ((low + high) / 2)[np.isfinite(high)].astype(np.float32)
    spread = np.exp(rng.uniform(math.log(max(limits["min_subnormal"], 1e-38)) - 1, math.log(min(limits["max"], 1e38)) + 1, 400))
    x = np.concatenate([middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf)), spread, [0, np.inf]])
    return np.concatenate([x, -x]).astype(np.float32)


@pytest.mark.parametrize("name", SIGNED)
def test_encode_is_the_cast_of_a_library(reference, name):
    """Without saturation ml_dtypes; float16 is NumPy's. tf32 has no library: bf16's trick with 13 bits."""
    f = reference.FORMATS[name]
    x = numbers(reference, name)
    if name == "fp16":
        with np.errstate(over="ignore"):
            want = x.astype(np.float16).view(np.uint16)
    elif name == "tf32":
        bits = x.view(np.uint32).astype(np.uint64)
        want = (bits + 0xFFF + (bits >> 13 & 1)) >> 13
    else:
        dtype, unsigned = ML[name]
        want = x.astype(getattr(pytest.importorskip("ml_dtypes"), dtype)).view(unsigned)
    got = [reference.encode_rne(float(each), f, saturate=False) for each in x]
    nan = [math.isnan(reference.decode(code, f)) for code in got]
    assert nan == [math.isnan(reference.decode(int(code), f)) for code in want]
    assert [a for a, lost in zip(got, nan, strict=True) if not lost] == [int(b) for b, lost in zip(want, nan, strict=True) if not lost]


@pytest.mark.parametrize("name, saturate", [("fp16", False), ("bf16", False), ("fp8_e5m2", False), ("fp8_e4m3", True)])
def test_encode_is_the_cast_of_torch(reference, name, saturate):
    """torch saturates float8_e4m3fn, and nothing else of these."""
    f, (dtype, integers) = reference.FORMATS[name], TORCH[name]
    x = torch.from_numpy(numbers(reference, name, seed=1))
    want = x.to(dtype).view(integers).long() % 2 ** bits_of(f)
    assert [reference.encode_rne(each, f, saturate=saturate) for each in x.tolist()] == want.tolist()


@pytest.mark.parametrize("name", ["fp8_e4m3", "fp8_e5m2", "fp6_e3m2", "fp6_e2m3", "fp4_e2m1"])
def test_encode_is_the_nearest_of_all(reference, name):
    """A search over all codes, in float64; saturation as a clamp before it."""
    f = reference.FORMATS[name]
    half = [reference.decode(code, f) for code in range(2 ** (f.e + f.m))]
    finite = [(code, value) for code, value in enumerate(half) if math.isfinite(value)]
    rng = np.random.default_rng(2)
    for x in (rng.normal(size=300) * np.exp(rng.uniform(-14, 13, 300))).tolist():
        size = min(abs(x), reference.table(f)["max"])
        code = min(finite, key=lambda each: (abs(each[1] - size), each[0] % 2))[0]
        assert reference.encode_rne(x, f) == code + (x < 0) * 2 ** (f.e + f.m)


@pytest.mark.parametrize("name", TORCH)
def test_limits_are_those_of_finfo(reference, name):
    if name == "e8m0":
        with pytest.raises(ValueError):
            reference.table(reference.FORMATS[name])
        return
    info = torch.finfo(TORCH[name][0])
    want = {"max": info.max, "min_normal": info.smallest_normal, "eps": info.eps}
    got = reference.table(reference.FORMATS[name])
    assert {key: got[key] for key in want} == want
    assert got["min_subnormal"] == min(x for x in decoded(reference, name) if x > 0)


def test_the_trick_is_the_cast(reference):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(0)
    u = rng.integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32)
    u[:4000] = u[:4000] & 0xFFFF0000 | 0x8000  # ties
    u[4000:4010] = [0, 2**31, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF, 1, 0x8000]
    x = u.view(np.float32)
    got = reference.bf16_rne_bits(u)
    number = ~np.isnan(x)
    with np.errstate(all="ignore"):
        assert np.array_equal(got[number], x.astype(ml_dtypes.bfloat16).view(np.uint16)[number])
    cast = torch.from_numpy(x.copy()).bfloat16()
    assert torch.equal(torch.from_numpy(got.astype(np.int32))[torch.from_numpy(number)], (cast.view(torch.int16).int() % 2**16)[torch.from_numpy(number)])
    assert np.isnan(got[~number].view(ml_dtypes.bfloat16).astype(np.float32)).all() and (~number).any()


def test_chance_is_that_of_torchao(reference):
    """Both take one of two neighbours, equally often, and the mean is x."""
    theirs = pytest.importorskip("torchao.optim.quant_utils")._fp32_to_bf16_sr
    x = torch.tensor([1.001, -3.1415, 1e-40, -2.5, 7e30, 1.0])
    many = x.repeat(40_000, 1)
    torch.manual_seed(0)
    mine, other = reference.stochastic_round_bf16(many, torch.Generator().manual_seed(1)), theirs(many)
    for a, b, exact in zip(mine.T, other.T, x, strict=True):
        assert a.unique().tolist() == b.unique().tolist()
        step = float(a.double().max() - a.double().min()) or 1.0
        assert abs(float((a.double() - exact.double()).mean())) < 5 * step / 2 / 40_000**0.5
        assert abs(float((b.double() - exact.double()).mean())) < 5 * step / 2 / 40_000**0.5
