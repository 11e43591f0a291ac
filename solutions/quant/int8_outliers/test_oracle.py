"""quant/int8_outliers against bitsandbytes' CPU functions, torchao's SmoothQuant, transformers' layers, and Python's integers."""

import pytest
import torch
from torch import nn


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_outliers(n, columns, where, seed, dtype=torch.float32):
    """Inputs below 4 but for some columns, in which *every* value is an outlier."""
    x = normal(n, columns, seed=seed).clamp(-3.9, 3.9)
    signs = normal(n, len(where), seed=seed + 1).sign()
    x[:, where] = signs * (8 + 40 * normal(n, len(where), seed=seed + 2).abs())
    return x.to(dtype)


@pytest.mark.parametrize("seed, sizes", [(0, (5, 16)), (1, (1, 7)), (2, (30, 64))])
def test_codes_are_those_of_bitsandbytes(reference, seed, sizes):
    functional = pytest.importorskip("bitsandbytes.functional")
    x = normal(*sizes, seed=seed, dtype=torch.float32).half()
    want, stats, _ = functional.int8_vectorwise_quant(x.clone())
    codes, s = reference.quantize_rows(x.float())
    torch.testing.assert_close(127 * s[:, 0], stats)
    assert (codes.int() - want.int()).abs().max() <= 1 and (codes != want).float().mean() < 0.02  # it multiplies by 127 / absmax, in 16 bits


@pytest.mark.parametrize("seed, where", [(0, [3]), (1, [0, 5, 15]), (2, [])])
def test_outliers_are_those_of_bitsandbytes(reference, seed, where):
    functional = pytest.importorskip("bitsandbytes.functional")
    x = with_outliers(6, 16, where, seed)
    x[2, 9] = 6.0  # at the threshold; bitsandbytes compares with at least, too
    codes, _, columns = functional.int8_vectorwise_quant(x.half(), threshold=6.0)
    assert columns.tolist() == reference.outlier_columns(x).tolist() == sorted([*where, 9])
    assert not codes[:, columns].any()


@pytest.mark.parametrize("seed, where", [(0, [3]), (1, [0, 5, 15]), (2, [])])
def test_the_product_is_that_of_bitsandbytes(reference, seed, where):
    """Its own kernels on the CPU. Weights lie on their grid, so that it makes no difference which ones outliers meet."""
    pytest.importorskip("bitsandbytes")
    ops = torch.ops.bitsandbytes
    x = with_outliers(9, 16, where, seed)
    W = torch.randint(-127, 128, (5, 16), generator=torch.Generator().manual_seed(seed)).float()
    W[:, 1] = 127
    W = W * torch.linspace(0.002, 0.02, 5)[:, None]
    cb, scb, _ = ops.int8_vectorwise_quant(W.clone())
    ca, sca, columns = ops.int8_vectorwise_quant(x.clone(), 6.0)
    want, _ = ops.int8_mixed_scaled_mm(x, ca, cb, sca, scb, columns, None)
    mine = reference.llm_int8_matmul(x, W)
    torch.testing.assert_close(mine, want, atol=2e-3, rtol=1e-4)  # a code next to a half may differ; 1 / 127² has seven digits there
    assert (mine - want).abs().mean() < 2e-4


@pytest.mark.parametrize("threshold", [6.0, 2.0, float("inf")])
def test_the_product_one_by_one(reference, threshold):
    x, W = with_outliers(4, 9, [2, 6], 3, torch.float64), normal(3, 9, seed=5)
    got = reference.llm_int8_matmul(x.reshape(2, 2, 9), W, threshold).reshape(4, 3)
    out = {c for row in x.tolist() for c, v in enumerate(row) if abs(v) >= threshold}
    for n, row in enumerate(x.tolist()):
        sx = max((abs(v) for c, v in enumerate(row) if c not in out), default=0.0) / 127 or 1.0
        for o, weights in enumerate(W.tolist()):
            sw = max(map(abs, weights)) / 127
            whole = sum(round(v / sx) * round(w / sw) for c, (v, w) in enumerate(zip(row, weights, strict=True)) if c not in out)
            apart = sum(row[c] * weights[c] for c in out)
            assert float(got[n, o]) == pytest.approx(whole * sx * sw + apart, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_outliers_cost_little_when_they_are_apart(reference, seed):
    x, W = with_outliers(40, 64, [11, 50], seed, torch.float64), normal(16, 64, seed=seed + 9) / 8
    want = x @ W.T
    apart, together = ((reference.llm_int8_matmul(x, W, t) - want).square().mean().sqrt() for t in (6.0, float("inf")))
    assert apart * 5 < together


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 0.85, 1.0])
def test_scales_are_those_of_torchao(reference, alpha):
    core = pytest.importorskip("torchao.prototype.smoothquant.core")
    x, W = with_outliers(20, 8, [4], 0, torch.float64), normal(6, 8, seed=1)
    observer = core.SmoothQuantObserver(W, alpha)
    observer(x[:5]), observer(x[5:])
    want = observer.calculate_qparams()[0]
    norm, linear = nn.RMSNorm(8).double(), nn.Linear(8, 6).double()
    linear.weight.data = W.clone()
    s = reference.apply_smooth(norm, [linear], [x[:5], x[5:]], alpha)
    torch.testing.assert_close(s, want, rtol=1e-6, atol=1e-6)  # it adds an epsilon
    torch.testing.assert_close(s, reference.smoothquant_scales(x.abs().amax(0), W.abs().amax(0), alpha))


@pytest.mark.parametrize("seed", range(3))
def test_smoothing_keeps_an_opt_layer_and_helps_it(reference, seed):
    """A decoder layer of transformers, with LayerNorm: the same outputs, and inputs of the layers that 8 bits can hold."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.OPTConfig(vocab_size=31, hidden_size=16, ffn_dim=24, num_hidden_layers=1, num_attention_heads=2, word_embed_proj_dim=16, max_position_embeddings=32)
    model = transformers.OPTForCausalLM(config).double().eval()
    layer = model.model.decoder.layers[0]
    norm, linears = layer.self_attn_layer_norm, [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]
    nn.init.normal_(norm.bias)
    norm.weight.data[[2, 9]] *= 40
    seen = []
    hook = norm.register_forward_hook(lambda module, args, output: seen.append(output))
    ids = torch.arange(20)[None]
    with torch.no_grad():
        want = model(ids).logits
        before = reference.llm_int8_matmul(seen[0], linears[0].weight, float("inf")) - seen[0] @ linears[0].weight.T
        reference.apply_smooth(norm, linears, [seen[0]])
        torch.testing.assert_close(model(ids).logits, want)
        after = reference.llm_int8_matmul(seen[1], linears[0].weight, float("inf")) - seen[1] @ linears[0].weight.T
    hook.remove()
    assert after.square().mean() * 2 < before.square().mean()
