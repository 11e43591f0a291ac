"""quant/gptq against OBQ with an explicit inverse, against torchao's loop, and against all roundings of a small layer."""

import inspect
import itertools
import types

import pytest
import torch


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def layer(R, C, n, seed):
    """Weights, and inputs that belong together."""
    return normal(R, C, seed=seed), normal(n, C, seed=seed + 1) @ normal(C, C, seed=seed + 2) + normal(n, 1, seed=seed + 3)


def grid(w, bits):
    """Scale and zero-point of one row of a group, in Python's floats."""
    lo, hi = min(0.0, *w), max(0.0, *w)
    s = (hi - lo) / (2**bits - 1) or 1.0
    return s, round(-lo / s)


def obq(W, H, bits, group, order):
    """Optimal brain quantization in a fixed order: after each column the inverse of what is left of H is computed anew."""
    rows, C = [list(map(float, row)) for row in W], len(order)
    codes, scales, zeros = [[0] * C for _ in rows], [[] for _ in rows], [[] for _ in rows]
    for k, j in enumerate(order):
        left = list(order[k:])
        inverse = torch.linalg.inv(H[left][:, left])  # rows and columns of the columns that are not fixed
        for o, row in enumerate(rows):
            if k % group == 0:
                s, z = grid([row[i] for i in order[k : k + group]], bits)
                scales[o].append(s)
                zeros[o].append(z)
            s, z = scales[o][-1], zeros[o][-1]
            q = min(max(round(row[j] / s) + z, 0), 2**bits - 1)
            codes[o][j] = q
            error = row[j] - s * (q - z)
            for position, i in enumerate(left):  # the best change of the others: the constraint's Lagrangian
                row[i] -= error * float(inverse[position, 0] / inverse[0, 0])
    return torch.tensor(codes), torch.tensor(scales), torch.tensor(zeros)


@pytest.mark.parametrize("R, C, n, bits", [(3, 8, 30, 4), (5, 7, 4, 3), (1, 12, 100, 2), (4, 6, 20, 8)])
@pytest.mark.parametrize("group, blocksize", [(-1, 128), (4, 3), (3, 1), (5, 4)])
@pytest.mark.parametrize("act_order", [False, True])
def test_it_is_obq_in_a_fixed_order(reference, R, C, n, bits, group, blocksize, act_order):
    W, x = layer(R, C, n, seed=C)
    H = reference.hessian([x], 0.05)
    codes, s, z, perm = reference.gptq(W, H, bits, group, blocksize, act_order)
    order = sorted(range(C), key=lambda j: -H[j, j]) if act_order else list(range(C))
    want_codes, want_s, want_z = obq(W, H, bits, C if group == -1 else group, order)
    assert codes.tolist() == want_codes.tolist() and perm.tolist() == order and z.tolist() == want_z.tolist()
    torch.testing.assert_close(s, want_s.double())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("group, block", [(8, 8), (8, 16), (16, 32), (32, 32), (4, 12)])
def test_torchaos_loop_gives_the_same(reference, seed, group, block):
    """The text of torchao's gptq_quantize as it stands, on the CPU. Only the grid of a group (from a library of kernels) is ours."""
    api = pytest.importorskip("torchao.prototype.gptq.api")
    W, x = layer(6, 32, 64, seed)
    H = reference.hessian([x], damp=0.0)

    def our_grid(w, size):
        rows = [grid(row.tolist(), 4) for row in w]
        s, z = (torch.tensor(each, dtype=torch.float64) for each in zip(*rows, strict=True))
        return None, s[None], (8 * s - z * s)[None]  # torchao's zero is the number of code 8

    text = inspect.getsource(api.gptq_quantize).replace('assert device.type == "cuda"', 'assert device.type == "cpu"').replace("torch.cuda.synchronize()", "pass")
    quantize, dequantize = api._int4_row_quantize_zp_precomputed_qparams, api._int4_row_dequantize_zp
    double = {"float": torch.float64, "float32": torch.float64}
    as_float64 = types.SimpleNamespace(**{**{name: getattr(torch, name) for name in ("split", "cat", "int8")}, **double})
    quantize, dequantize = (types.FunctionType(f.__code__, {**f.__globals__, "torch": as_float64}, argdefs=f.__defaults__) for f in (quantize, dequantize))
    names = {
        **vars(api),
        "int4_row_quantize_zp": our_grid,
        "_int4_row_quantize_zp_precomputed_qparams": quantize,
        "_int4_row_dequantize_zp": dequantize,
        "pack_int4": lambda codes: codes,
        "Int4Tensor": types.SimpleNamespace,
    }
    exec(text, names)
    base = object.__new__(api.Int4WeightOnlyConfig)
    object.__setattr__(base, "group_size", group)
    config = types.SimpleNamespace(gptq_quantize_block_size=block, percdamp=0.01, base_config=base)
    theirs = names["gptq_quantize"](H.clone(), W.clone(), config)
    codes, s, z, _ = reference.gptq(W, reference.hessian([x], damp=0.01), 4, group, blocksize=7)
    assert torch.equal(codes.int(), theirs.qdata.int() + 8)
    torch.testing.assert_close(s, theirs.scale.T)
    torch.testing.assert_close(8 * s - z * s, theirs.zero_point.T)


def test_the_factor_is_the_inverse_of_what_is_left(reference):
    _, x = layer(1, 9, 40, 3)
    H = reference.hessian([x])
    U = reference.inverse_factor(H)
    torch.testing.assert_close(U.T @ U @ H, torch.eye(9, dtype=torch.float64))
    for j in range(9):
        left = torch.linalg.inv(H[j:, j:])
        torch.testing.assert_close(U[j, j:], left[0] / left[0, 0].sqrt())
        assert not U[j, :j].any()


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_without_correlation_it_is_rounding_to_nearest(reference, bits):
    torchao = pytest.importorskip("torchao.quantization.quant_primitives")
    W = normal(5, 16, seed=bits, dtype=torch.float32)
    H = torch.diag(torch.rand(16, generator=torch.Generator().manual_seed(0)) + 0.5)
    codes, s, z, _ = reference.gptq(W, H, bits, group=8)
    want_s, want_z = torchao.choose_qparams_affine(W, torchao.MappingType.ASYMMETRIC, (1, 8), torch.uint8, 0, 2**bits - 1, eps=1e-12)
    want = torchao.quantize_affine(W, (1, 8), want_s, want_z, torch.uint8, 0, 2**bits - 1)
    torch.testing.assert_close(s.flatten(), want_s.flatten())
    assert torch.equal(z.flatten().int(), want_z.flatten().int())
    assert (codes.int() - want.int()).abs().sum() <= 1  # it multiplies by 1 / s: one last bit next to a half may differ
    torch.testing.assert_close(reference.dequantize(want, s, z, torch.arange(16), 8), torchao.dequantize_affine(want, (1, 8), want_s, want_z, torch.uint8, 0, 2**bits - 1))


@pytest.mark.parametrize("seed", range(20))
def test_outputs_are_nearer_than_with_rounding_to_nearest(reference, seed):
    W, x = layer(8, 16, 60, seed)
    H = reference.hessian([x])
    errors = {}
    for name, matrix in (("gptq", H), ("nearest", torch.eye(16, dtype=torch.float64))):
        codes, s, z, perm = reference.gptq(W, matrix, 3)
        errors[name] = (x @ (W - reference.dequantize(codes, s, z, perm)).T).square().sum(1).mean().item()
    assert errors["gptq"] < errors["nearest"]


@pytest.mark.parametrize("seed", range(4))
def test_all_roundings_of_a_small_layer(reference, seed):
    """No rounding is better than the best one; GPTQ, which is greedy, is not far from it, and better than most."""
    W, x = layer(1, 5, 40, seed)
    H = reference.hessian([x])
    codes, s, z, perm = reference.gptq(W, H, 2)
    every = torch.tensor(list(itertools.product(range(4), repeat=5)), dtype=torch.float64)
    E = W - s * (every - z)
    losses = ((E @ H) * E).sum(1) / 2
    mine = reference.proxy_loss(W, reference.dequantize(codes, s, z, perm), H)
    assert mine >= losses.min() - 1e-12
    assert (losses < mine - 1e-12).double().mean() < 0.02


def test_the_loss_is_that_of_the_outputs(reference):
    W, x = layer(4, 6, 25, 0)
    Wq = W + 0.1 * normal(4, 6, seed=9)
    want = torch.nn.functional.mse_loss(x @ Wq.T, x @ W.T, reduction="sum").item() / 25
    assert reference.proxy_loss(W, Wq, reference.hessian([x[:7], x[7:].reshape(2, 9, 6)], damp=0.0)) == pytest.approx(want)
    covariance = torch.func.hessian(lambda w: ((x @ w) ** 2).mean())(W[0])  # H is the second derivative, which gave it its name
    torch.testing.assert_close(reference.hessian([x], damp=0.0), covariance)
