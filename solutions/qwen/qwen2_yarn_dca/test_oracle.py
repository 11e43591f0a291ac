"""qwen/qwen2_yarn_dca against transformers' YaRN and Qwen 2, and against attention written from the paper's matrix of distances, number by number."""

import math

import pytest
import torch

# D, base, factor, tokens in training. Qwen 2 7B and 0.5B, Llama 2 7B, and small ones whose ramps are cut.
MODELS = [(128, 1e6, 4.0, 32768), (64, 1e6, 4.0, 32768), (128, 10000.0, 16.0, 4096), (8, 10000.0, 4.0, 100), (8, 10.0, 2.5, 4096), (16, 500.0, 1.0, 777)]


def config_of(D, base, factor, orig, heads=2, **more):
    transformers = pytest.importorskip("transformers")
    rope = {"rope_type": "yarn", "rope_theta": base, "factor": factor, "original_max_position_embeddings": orig, **more}
    return transformers.Qwen2Config(
        hidden_size=heads * D, num_attention_heads=heads, num_key_value_heads=heads, num_hidden_layers=1, intermediate_size=8,
        max_position_embeddings=int(factor * orig), rope_parameters=rope, attn_implementation="eager",
    )  # fmt: skip


@pytest.mark.parametrize("turns", [{}, {"beta_fast": 16.0, "beta_slow": 2.0}, {"beta_fast": 40.0, "beta_slow": 0.3}])
@pytest.mark.parametrize("D, base, factor, orig", MODELS)
def test_frequencies_are_those_of_transformers(reference, D, base, factor, orig, turns):
    utils = pytest.importorskip("transformers.modeling_rope_utils")
    want, scale = utils.ROPE_INIT_FUNCTIONS["yarn"](config_of(D, base, factor, orig, **turns), "cpu")
    got, mscale = reference.yarn_freqs(D, base, factor, orig, **turns)
    assert got.dtype == torch.float64
    torch.testing.assert_close(got.float(), want, rtol=1e-5, atol=0)
    assert math.isclose(mscale, scale)


@pytest.mark.parametrize("D, base, factor, orig", MODELS[3:])
def test_one_chunk_is_the_attention_of_qwen2_with_yarn(reference, D, base, factor, orig):
    qwen2 = pytest.importorskip("transformers.models.qwen2.modeling_qwen2")
    config = config_of(D, base, factor, orig)
    cos, sin = qwen2.Qwen2RotaryEmbedding(config)(torch.zeros(1), torch.arange(9)[None])
    torch.manual_seed(D)
    q, k, v = (torch.randn(2, 2, 9, D, requires_grad=True) for _ in range(3))
    layer = qwen2.Qwen2Attention(config, 0)
    mask = torch.full((9, 9), -torch.inf).triu(1)[None, None]
    turned = qwen2.apply_rotary_pos_emb(q, k, cos, sin)
    want = qwen2.eager_attention_forward(layer, *turned, v, mask, scaling=layer.scaling)[0].transpose(1, 2)
    got = reference.dca_attention(q, k, v, 9, 3, *reference.yarn_freqs(D, base, factor, orig))
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)
    ours, theirs = (torch.autograd.grad(each.sin().sum(), (q, k, v)) for each in (got, want))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def distance(i, j, s, w):
    """M[i][j] of the paper (figure 2): the query's position in its kind of attention, less the key's."""
    c, kind = s + w, i // s - j // s
    place, succ = i % s, [*range(s, s + w), *[c - 1] * (s - w)]
    return (place if kind == 0 else succ[place] if kind == 1 else c - 1) - j % s


@pytest.mark.parametrize("T, chunk, local", [(14, 6, 4), (9, 3, 1), (12, 4, 4), (5, 8, 2), (4, 1, 1)])
def test_attention_from_the_matrix_of_distances(reference, T, chunk, local):
    D, mscale = 6, 1.2
    torch.manual_seed(T)
    q, k, v = (torch.randn(1, 2, T, D, dtype=torch.float64, requires_grad=True) for _ in range(3))
    freqs = torch.tensor([1.0, 0.3, 0.05], dtype=torch.float64)
    table = reference.dca_relative_positions(T, chunk, local)
    heads = []
    for h in range(2):
        rows = []
        for i in range(T):
            scores = []
            for j in range(i + 1):
                m = distance(i, j, chunk, local)
                assert int(table[i, j]) == m < chunk + local
                assert i - j >= local or m == i - j
                turn = torch.zeros(D, D, dtype=torch.float64)  # the rotation by m, as a matrix
                for n in range(D // 2):
                    c, s = torch.cos(m * freqs[n]), torch.sin(m * freqs[n])
                    turn[n, n] = turn[n + D // 2, n + D // 2] = c
                    turn[n, n + D // 2], turn[n + D // 2, n] = -s, s
                scores.append((turn @ q[0, h, i]) @ k[0, h, j] * mscale**2 / D**0.5)
            rows.append(torch.stack(scores).softmax(0) @ v[0, h, : i + 1])
        heads.append(torch.stack(rows))
    want = torch.stack(heads)[None]
    got = reference.dca_attention(q, k, v, chunk, local, freqs, mscale)
    torch.testing.assert_close(got, want)
    ours, theirs = (torch.autograd.grad(each.sin().sum(), (q, k, v)) for each in (got, want))
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(reference.dca_attention(q[:, :, -2:], k, v, chunk, local, freqs, mscale), want[:, :, -2:])


def test_the_papers_figure(reference):
    """Figure 2: chunks of 6, a window of 4, a pretraining length of 10; no relative position exceeds 9."""
    assert int(reference.dca_relative_positions(60, 6, 4).max()) == 9
    assert reference.dca_positions(6, 6, 4)[1].tolist() == [6, 7, 8, 9, 9, 9]


def test_qwen2_7b_keeps_24_pairs_and_stretches_24(reference):
    freqs, mscale = reference.yarn_freqs(128, 1e6, 4.0, 32768)
    slower = 1e6 ** (-torch.arange(0, 128, 2).double() / 128) / freqs
    assert int((slower < 1.0001).sum()) == 24 and int((slower > 3.9999).sum()) == 24
    assert round(mscale, 5) == 1.13863
