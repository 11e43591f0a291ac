"""position/shaw against Wav2Vec2-BERT's and BERT's "relative_key", torch's attention, and the definition in four loops."""

import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

SIZES = [
    (1, 2, 4, 4, 3, 1),
    (2, 3, 5, 5, 2, 4),
    (2, 1, 2, 6, 4, 2),
    (1, 4, 5, 3, 1, 0),
    (3, 2, 1, 7, 5, 3),
]  # B, H, T, S, D, K


def tensors(B, H, T, S, D, K, dtype=torch.float64):
    generator = torch.Generator().manual_seed(T + S)
    shapes = ((B, H, T, D), (B, H, S, D), (B, H, S, D), (2 * K + 1, D), (2 * K + 1, D))
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


def same(ours, theirs, wanted):
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(x.sin().sum(), wanted, retain_graph=True) for x in (ours, theirs)))


@pytest.mark.parametrize("left, right", [(2, 2), (1, 1), (7, 7)])
def test_wav2vec2_bert(reference, left, right):
    """The same direction and clipping; no vectors for values."""
    module = pytest.importorskip("transformers.models.wav2vec2_bert.modeling_wav2vec2_bert")
    config = module.Wav2Vec2BertConfig(
        hidden_size=12, num_attention_heads=3, position_embeddings_type="relative_key",
        left_max_position_embeddings=left, right_max_position_embeddings=right, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    layer = module.Wav2Vec2BertSelfAttention(config).double().eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 6, 12, dtype=torch.float64, requires_grad=True)
    want = layer(x)[0]
    q, k, v = (f(x).view(2, 6, 3, 4).transpose(1, 2) for f in (layer.linear_q, layer.linear_k, layer.linear_v))
    got = layer.linear_out(
        reference.shaw_attention(q, k, v, layer.distance_embedding.weight).transpose(1, 2).flatten(2)
    )
    torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-6)  # their softmax may be float32
    wanted = [x, layer.distance_embedding.weight]
    grads = [torch.autograd.grad(out.sin().sum(), wanted) for out in (got, want)]
    torch.testing.assert_close(*grads, atol=1e-5, rtol=1e-5)


BERT = json.loads(Path(__file__).with_name("bert_relative_key.json").read_text())["cases"]


@pytest.mark.parametrize("case", BERT)
def test_bert(reference, case):
    """BERT of transformers 4.57.6, recorded: query minus key, so its table is turned over; it does not clip."""
    q, k, v, table, out = (torch.tensor(case[name], dtype=torch.float64) for name in ("q", "k", "v", "table", "out"))
    torch.testing.assert_close(reference.shaw_attention(q, k, v, table.flip(0)), out, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_torch_with_the_keys_term_as_a_bias(reference, size, causal):
    """softmax(q·k/√D + bias) is torch's attention with a mask of floats; the values' term is Σ p·rv with those weights."""
    T, S, D, K = size[2:]
    if causal and T > S:
        pytest.skip("queries before the first key")
    q, k, v, rk, rv = wanted = tensors(*size)
    rows = torch.tensor([[min(max(s - t - S + T, -K), K) + K for s in range(S)] for t in range(T)])
    bias = (q[:, :, :, None] * rk[rows]).sum(-1) / math.sqrt(D)
    if causal:
        bias = bias + torch.full((T, S), -torch.inf).triu(S - T + 1)
    eye = torch.eye(S, dtype=q.dtype).expand(*k.shape[:2], S, S)
    p = F.scaled_dot_product_attention(q, k, eye, attn_mask=bias)
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=bias) + torch.einsum("bhts,tsd->bhtd", p, rv[rows])
    same(reference.shaw_attention(*wanted, causal=causal), want, wanted)
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    same(reference.shaw_attention(q, k, v, rk, causal=causal), want, [q, k, v, rk])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_equations_3_and_4_in_loops(reference, size, causal):
    """In Python's floats, from the paper: nothing is shared with the reference."""
    B, H, T, S, D, K = size
    if causal and T > S:
        pytest.skip("queries before the first key")
    q, k, v, rk, rv = (x.tolist() for x in tensors(*size))

    def w(table, i, j):
        return table[max(-K, min(K, j - i)) + K]

    def z(b, h, t):
        i = t + S - T
        keys = [j for j in range(S) if j <= i or not causal]
        e = [sum(q[b][h][t][d] * (k[b][h][j][d] + w(rk, i, j)[d]) for d in range(D)) / math.sqrt(D) for j in keys]
        top = max(e)
        weights = [math.exp(x - top) for x in e]
        return [
            sum(a * (v[b][h][j][d] + w(rv, i, j)[d]) for a, j in zip(weights, keys, strict=True)) / sum(weights)
            for d in range(D)
        ]

    want = torch.tensor([[[z(b, h, t) for t in range(T)] for h in range(H)] for b in range(B)], dtype=torch.float64)
    torch.testing.assert_close(reference.shaw_attention(*tensors(*size), causal=causal), want)


def test_only_distances_count(reference):
    """Five tokens in the middle of a longer sequence, with everything else hidden by distance, give what they give alone."""
    q, k, v, rk, rv = tensors(1, 2, 4, 4, 3, 2)
    whole = reference.shaw_attention(q, k, v, rk, rv, causal=True)
    for T in (1, 2, 3):
        torch.testing.assert_close(reference.shaw_attention(q[:, :, -T:], k, v, rk, rv, causal=True), whole[:, :, -T:])
    order = torch.tensor([1, 0, 2, 3])  # of the last query's point of view, keys 0 and 1 are both far away
    swapped = reference.shaw_attention(q[:, :, -1:], k[:, :, order], v[:, :, order], rk, rv)
    torch.testing.assert_close(swapped, reference.shaw_attention(q[:, :, -1:], k, v, rk, rv))


def test_distance_zero_is_plain_attention(reference):
    q, k, v, rk, _ = tensors(2, 3, 4, 4, 5, 0)
    torch.testing.assert_close(reference.shaw_attention(q, k, v, rk), F.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("size", [(1, 2, 2, 3, 2, 1)])
def test_gradients(reference, size):
    assert torch.autograd.gradcheck(reference.shaw_attention, tensors(*size))
