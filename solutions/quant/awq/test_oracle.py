"""quant/awq against torchao's observer, transformers' layers, and loops over single weights."""

import itertools
import math
import types

import pytest
import torch
from torch import nn


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def layer(rows, columns, n, seed):
    """Weights, and inputs of which some columns are large."""
    sizes = torch.exp(1.5 * normal(columns, seed=seed + 2))
    return normal(rows, columns, seed=seed), normal(n, columns, seed=seed + 1) * sizes


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bits, group, n_grid, dtype", [(4, 8, 20, torch.float32), (3, 16, 20, torch.float64), (2, 32, 7, torch.float64)])
def test_torchaos_observer_finds_the_same(reference, seed, bits, group, n_grid, dtype):
    core = pytest.importorskip("torchao.prototype.awq.core")

    class Config:
        """A configuration of torchao's kind that rounds with our grid."""

    def handler(module, config):
        return types.SimpleNamespace(weight=reference.fake_quantize(module.weight, bits, group))

    W, x = (each.to(dtype) for each in layer(6, 32, 50, seed))
    observer = core.AWQObserver(W, None, Config(), n_grid)
    observer(x[:20], None)
    observer(x[20:], None)
    core._QUANTIZE_CONFIG_HANDLER[Config] = handler
    try:
        want = observer.calculate_qparams()
    finally:
        del core._QUANTIZE_CONFIG_HANDLER[Config]
    s, alpha = reference.awq_search(W, x, bits, group, n_grid)
    torch.testing.assert_close(s, want)
    torch.testing.assert_close(s, reference.candidates(reference.importance([x[:20], x[20:]]), n_grid)[round(alpha * n_grid)])


@pytest.mark.parametrize("bits, group", [(2, 4), (4, 8), (8, 16)])
def test_the_given_rounding_is_torchaos(reference, bits, group):
    torchao = pytest.importorskip("torchao.quantization.quant_primitives")
    W = normal(5, 16, seed=bits, dtype=torch.float32)
    s, z = torchao.choose_qparams_affine(W, torchao.MappingType.ASYMMETRIC, (1, group), torch.uint8, 0, 2**bits - 1, eps=1e-12)
    codes = torchao.quantize_affine(W, (1, group), s, z, torch.uint8, 0, 2**bits - 1)
    want = torchao.dequantize_affine(codes, (1, group), s, z, torch.uint8, 0, 2**bits - 1)
    torch.testing.assert_close(reference.fake_quantize(W, bits, group), want)


def grid(weights, bits):
    lo, hi = min(0.0, *weights), max(0.0, *weights)
    s = (hi - lo) / (2**bits - 1) or 1.0
    z = round(-lo / s)
    return [s * (min(max(round(w / s) + z, 0), 2**bits - 1) - z) for w in weights]


@pytest.mark.parametrize("seed", range(3))
def test_the_search_one_by_one(reference, seed):
    W, x = layer(3, 8, 12, seed)
    means = [sum(abs(v) for v in column) / 12 for column in x.T.tolist()]
    losses = []
    for k in range(10):
        s = [max(a ** (k / 10), 1e-4) for a in means]
        middle = math.sqrt(max(s) * min(s))
        s = [each / middle for each in s]
        total = 0.0
        for row in W.tolist():
            scaled = [w * c for w, c in zip(row, s, strict=True)]
            back = [v / c for v, c in zip(grid(scaled[:4], 3) + grid(scaled[4:], 3), s, strict=True)]
            for v in x.tolist():
                total += sum(a * (b - w) for a, b, w in zip(v, back, row, strict=True)) ** 2
        losses.append((total, s))
    best = min(range(10), key=lambda k: losses[k][0])
    s, alpha = reference.awq_search(W, x, 3, 4, 10)
    assert alpha == best / 10 and s.tolist() == pytest.approx(losses[best][1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bits, n_grid, max_shrink", [(2, 20, 0.5), (3, 10, 0.75), (4, 8, 0.3)])
def test_thresholds_one_by_one(reference, seed, bits, n_grid, max_shrink):
    W, x = layer(3, 12, 9, seed)
    got = reference.clip_search(W, x.reshape(3, 3, 12), bits, 4, n_grid, max_shrink)
    for o, row in enumerate(W.tolist()):
        for g in range(3):
            w, part = row[4 * g : 4 * g + 4], [v[4 * g : 4 * g + 4] for v in x.tolist()]
            top, found = max(abs(v) for v in w), []
            for k in range(int(max_shrink * n_grid)):
                limit = top * (1 - k / n_grid)
                back = grid([min(max(v, -limit), limit) for v in w], bits)
                found.append((sum(sum(a * (b - c) for a, b, c in zip(v, back, w, strict=True)) ** 2 for v in part), limit))
            assert float(got[o, g]) == pytest.approx(min(found, key=lambda each: each[0])[1])


def every_rounding(W, s, x):
    """Of each row of W · s all 4^6 roundings to the points of its 2-bit grid: what each loses at the output, and which one is nearest."""
    for row, scaled in zip(W, W * s, strict=True):
        lo, hi = min(0.0, *scaled.tolist()), max(0.0, *scaled.tolist())
        step = (hi - lo) / 3
        points = [step * (code - round(-lo / step)) for code in range(4)]
        every = torch.tensor(list(itertools.product(points, repeat=len(row))), dtype=torch.float64)
        yield ((every / s - row) @ x.mT).square().sum(1), (every - scaled).abs().sum(1).argmin()


def lost(Wq, W, x):
    return ((Wq - W) @ x.mT).square().sum(1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rows", [1, 2])
def test_all_roundings_of_a_small_layer(reference, rows, seed):
    """On the grid of its scales AWQ takes the nearest rounding: none is better than the best one, few are better than AWQ's, and AWQ's is never
    worse than the nearest rounding without scales."""
    W, x = layer(rows, 6, 40, seed)
    s, _ = reference.awq_search(W, x, 2, 6)
    awq = lost(reference.fake_quantize(W * s, 2, 6) / s, W, x)
    for mine, (losses, nearest) in zip(awq, every_rounding(W, s, x), strict=True):
        assert float(mine) == pytest.approx(float(losses[nearest]))
        assert mine >= losses.min() * (1 - 1e-9)
        assert (losses < mine * (1 - 1e-9)).double().mean() < 0.02
    plain = lost(reference.fake_quantize(W, 2, 6), W, x)
    assert awq.sum() <= plain.sum() * (1 + 1e-9)


def test_scales_do_what_no_rounding_does(reference):
    """Where some columns are large, the nearest rounding with AWQ's scales mostly beats the best of all roundings without scales."""
    better = 0
    for seed in range(12):
        W, x = layer(1, 6, 40, seed)
        s, _ = reference.awq_search(W, x, 2, 6)
        ((losses, _),) = every_rounding(W, torch.ones_like(s), x)
        better += bool(lost(reference.fake_quantize(W * s, 2, 6) / s, W, x) < losses.min())
    assert better >= 10


@pytest.mark.parametrize("seed", range(10))
def test_outputs_are_never_farther_off(reference, seed):
    W, x = layer(8, 32, 60, seed)
    s, _ = reference.awq_search(W, x, 3, 16)
    want = x @ W.T
    plain = (x @ reference.fake_quantize(W, 3, 16).T - want).square().mean()
    scaled = ((x / s) @ reference.fake_quantize(W * s, 3, 16).T - want).square().mean()
    assert scaled < plain  # not only at most: some columns are large here
    limit = reference.clip_search(W, x, 3, 16).repeat_interleave(16, 1)
    clipped = (x @ reference.fake_quantize(torch.minimum(torch.maximum(W, -limit), limit), 3, 16).T - want).square().mean()
    assert clipped < plain * 1.05  # each group alone is better, their sum nearly always


def test_a_llama_computes_the_same(reference):
    """A decoder layer of transformers: the two norms, and v_proj before o_proj, up_proj before down_proj."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=29, hidden_size=12, intermediate_size=20, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).double().eval()
    ids = torch.arange(10)[None]
    with torch.no_grad():
        want = model(ids).logits
        block = model.model.layers[0]
        attention, mlp = block.self_attn, block.mlp
        pairs = [
            (block.input_layernorm, [attention.q_proj, attention.k_proj, attention.v_proj]),
            (attention.v_proj, [attention.o_proj]),
            (block.post_attention_layernorm, [mlp.gate_proj, mlp.up_proj]),
            (mlp.up_proj, [mlp.down_proj]),
        ]
        for seed, (prev, linears) in enumerate(pairs):
            reference.apply_awq(prev, linears, normal(linears[0].in_features, seed=seed).exp())
        torch.testing.assert_close(model(ids).logits, want.double(), atol=1e-6, rtol=1e-5)  # its norm computes in float32
        assert not torch.allclose(block.input_layernorm.weight, torch.ones(12, dtype=torch.float64))


def test_a_norm_with_a_bias_and_a_linear_with_a_bias(reference):
    norm, first, second = nn.LayerNorm(6).double(), nn.Linear(6, 4).double(), nn.Linear(4, 3).double()
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    x = normal(5, 6)
    want = second(first(norm(x)).relu())
    reference.apply_awq(norm, [first], normal(6, seed=1).exp())
    reference.apply_awq(first, [second], normal(4, seed=2).exp())  # relu(h / s) = relu(h) / s
    torch.testing.assert_close(second(first(norm(x)).relu()), want)
