"""quant/framework_packing against strings of bits, bytes of files, constants of published checkpoints, and torch's own kernel for 4-bit weights.

AutoGPTQ and AutoAWQ do not install beside this torch. What they write was read in their code (auto_gptq/nn_modules/qlinear/qlinear_cuda.py, `pack`;
awq/modules/linear/gemm.py, `from_linear`) and is said again here in another way: as strings of bits.
"""

import struct

import pytest
import torch


def integers(high, *shape, seed=0):
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(seed))


def word(codes, bits):
    """The last code stands first in a string of bits. As int32."""
    text = "".join(f"{code:0{bits}b}" for code in reversed(codes))
    (value,) = struct.unpack("<i", int(text, 2).to_bytes(4, "little"))
    return value


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("v2", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_gptq_as_strings_of_bits(reference, bits, v2, seed):
    per = 32 // bits
    q, zeros = integers(2**bits, 2 * per, 3 * per, seed=seed), integers(2**bits, 3, 2 * per, seed=seed + 9)
    qweight, qzeros = reference.pack_gptq(q, zeros, bits, v2)
    assert qweight.shape == (3, 2 * per) and qzeros.shape == (3, 2)
    for r in range(3):
        for o in range(2 * per):
            assert qweight[r, o].item() == word(q[o, r * per : (r + 1) * per].tolist(), bits)
    for g in range(3):
        for j in range(2):
            stored = [z if v2 else (z - 1) % 2**bits for z in zeros[g, j * per : (j + 1) * per].tolist()]
            assert qzeros[g, j].item() == word(stored, bits)
    read = reference.unpack_gptq(qweight, qzeros, bits, v2)
    assert torch.equal(read[0], q.int()) and torch.equal(read[1], zeros.int())


@pytest.mark.parametrize("seed", range(3))
def test_awq_as_strings_of_bits(reference, seed):
    q, zeros = integers(16, 24, 5, seed=seed), integers(16, 2, 24, seed=seed + 9)
    qweight, qzeros = reference.pack_awq(q, zeros)
    assert qweight.shape == (5, 3) and qzeros.shape == (2, 3)
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    for table, words in ((q.T, qweight), (zeros, qzeros)):
        for row, want in zip(table.tolist(), words.tolist(), strict=True):
            assert [word([row[8 * j + k] for k in order], 4) for j in range(3)] == want
    read = reference.unpack_awq(qweight, qzeros)
    assert torch.equal(read[0], q.int()) and torch.equal(read[1], zeros.int())


def test_reading_order_is_the_inverse(reference):
    """vLLM's awq_triton.py reads with 0 4 1 5 2 6 3 7."""
    words = integers(2**31, 6, 4).int()
    plain = reference.unpack_int32(words).reshape(6, 4, 8)
    assert torch.equal(reference.unpack_int32(words, 4, reference.AWQ_ORDER).reshape(6, 4, 8), plain[..., [0, 4, 1, 5, 2, 6, 3, 7]])


def test_words_as_bytes_of_a_file(reference):
    """Little-endian: in a file two codes of four bits make a byte, the first one in its lower half."""
    codes = integers(16, 3, 16)
    data = reference.pack_int32(codes).numpy().astype("<i4").tobytes()
    assert data == bytes(a + 16 * b for a, b in codes.reshape(-1, 2).tolist())
    wide = integers(256, 3, 8)
    assert reference.pack_int32(wide, 8).numpy().astype("<i4").tobytes() == bytes(wide.flatten().tolist())


def test_constants_of_symmetric_checkpoints(reference):
    """Symmetric 4-bit checkpoints have the zero 8 everywhere: 0x77777777 in GPTQ's files, 0x88888888 in version 2 and in AWQ's."""
    q, zeros = integers(16, 8, 8), torch.full((1, 8), 8)
    assert reference.pack_gptq(q, zeros)[1].item() == 0x77777777 == 2004318071
    for qzeros in (reference.pack_gptq(q, zeros, v2=True)[1], reference.pack_awq(q, zeros)[1]):
        assert qzeros.item() == 0x88888888 - 2**32


@pytest.mark.parametrize("layout", ["gptq", "awq"])
@pytest.mark.parametrize("group", [32, 64])
def test_torchs_kernel_for_four_bits(reference, layout, group):
    """aten's int4 product on the CPU has weights s (q - 8) + z: with z = s (8 - zero) they are ours. It computes in bfloat16."""
    o, c = 32, 128
    q, zeros = integers(16, o, c), integers(16, c // group, o, seed=1)
    scales = (torch.rand(c // group, o) * 0.1 + 0.01).bfloat16().float()
    pack = reference.pack_gptq if layout == "gptq" else reference.pack_awq
    module = reference.W4A16Linear(*pack(q, zeros), scales, layout=layout)
    x = torch.randn(5, c).bfloat16()
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(q.int(), 2)
    both = torch.stack([scales, scales * (8 - zeros)], -1).bfloat16().contiguous()
    want = torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, group, both).float()
    got = module(x.float())
    assert (got - want).abs().max() <= 0.02 * want.abs().max()


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_layer_number_by_number(reference, order, bits):
    o, c, groups = 32 // bits, 64, 4
    q, zeros = integers(2**bits, o, c), integers(2**bits, groups, o, seed=1)
    scales = torch.rand(groups, o, dtype=torch.float64)
    g_idx = torch.randint(0, groups, (c,), generator=torch.Generator().manual_seed(3)) if order else None
    x = torch.randn(2, c, dtype=torch.float64, requires_grad=True)
    module = reference.W4A16Linear(*reference.pack_gptq(q, zeros, bits), scales, g_idx, bits=bits)
    weight = torch.empty(o, c, dtype=torch.float64)
    for i in range(o):
        for k in range(c):
            g = int(g_idx[k]) if order else k // (c // groups)
            weight[i, k] = scales[g, i] * (int(q[i, k]) - int(zeros[g, i]))
    torch.testing.assert_close(module(x), x @ weight.T)
    assert torch.autograd.gradcheck(module, x)


@pytest.mark.parametrize("group", [8, 16, 48])
def test_a_converted_layer_computes_the_same(reference, group):
    q, zeros = integers(16, 16, 48), integers(16, 48 // group, 16, seed=4)
    scales, x = torch.rand(48 // group, 16), torch.randn(3, 48)
    words = reference.pack_gptq(q, zeros)
    g_idx = torch.arange(48, dtype=torch.int32) // group
    before = reference.W4A16Linear(*words, scales, g_idx)(x)
    after = reference.W4A16Linear(*reference.gptq_to_awq(*words, g_idx), scales, layout="awq")(x)
    torch.testing.assert_close(before, after)
